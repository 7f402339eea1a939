"""LMDB's table of readers, `lock.mdb`: given its room on the disk before it is mapped.

LMDB makes it a file of holes. Where the disk is full the first reader whose place is in a hole gets
a SIGBUS, and with it the process: a full disk would end a server that only reads.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

MOST_READERS = 1024
_TABLE_BYTES = 192 + 64 * (MOST_READERS - 1)
_BLOCK = 512
"""Bytes of a block as `stat` counts them."""


def make_room(environment: Path) -> bool:
    """Give the table of an environment its room before it is opened; whether there was enough.

    A table that has its room is not opened: to close a file gives up what this process has locked
    of it.
    """
    path = environment / "lock.mdb"
    try:
        found = os.stat(path)
        size, room = found.st_size, found.st_blocks * _BLOCK
    except OSError:
        size = room = 0
    wanted = max(size, _TABLE_BYTES)
    if room >= wanted and size >= wanted:
        return True
    try:
        table = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(table, 0, wanted)
        finally:
            os.close(table)
    except OSError as error:
        # Of all else LMDB says what is wrong; a file system that cannot promise room may have it.
        return error.errno not in (errno.ENOSPC, errno.EDQUOT)
    return True
