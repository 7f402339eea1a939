"""What holds for all tests."""

import os
import shutil
import tempfile

from hypothesis import settings

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile("vafa", deadline=None)
settings.load_profile("vafa")

MEMORY, ROOM = "/dev/shm", 2 << 30
"""Files of tests stand in memory where there is such a room: no test cuts the power, so an fsync
shows nothing there, and a ledger waits for one at every commit. TMPDIR says otherwise."""

if (
    "TMPDIR" not in os.environ
    and os.access(MEMORY, os.W_OK)
    and shutil.disk_usage(MEMORY).free > ROOM
):
    # Before a worker or a server begins, which have it from here.
    os.environ["TMPDIR"] = tempfile.tempdir = MEMORY
