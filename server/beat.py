"""The writer's heartbeat: front ends and the supervisor see that it is frozen, and not just busy.

A thread of the writer writes the clock into a page that the others map. It goes on while the writer
folds or flushes; it stops when the process is stopped, or the machine takes its processor away.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from pathlib import Path

FILE = "writer.beat"
"""Where in a ledger's folder it lies."""

BEAT_S = 0.2
FROZEN_S = 1.7
"""Without a beat for so long the writer is away to front ends."""

WATCH_S = 0.2
"""How often they look while somebody waits."""

DEAD_S = 15.0
"""Without one for so long the supervisor starts another."""

_CLOCK = struct.Struct("<d")


class Beat:
    """The page, in this process."""

    def __init__(self, ledger: Path) -> None:
        """Raises OSError."""
        fd = os.open(ledger / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, mmap.PAGESIZE)
            self._page = mmap.mmap(fd, mmap.PAGESIZE)
        finally:
            os.close(fd)

    def start(self) -> None:
        """Beat from now on, as long as the process runs."""
        self.once()
        threading.Thread(target=self._run, name="beat", daemon=True).start()

    def once(self) -> None:
        """Beat now."""
        _CLOCK.pack_into(self._page, 0, time.monotonic())

    def last_s(self) -> float:
        """When it last beat, by the machine's monotonic clock; 0 for never."""
        return float(_CLOCK.unpack_from(self._page)[0])

    def silent_s(self) -> float:
        """Seconds since the last beat; the clock is the machine's, one for all processes."""
        return time.monotonic() - self.last_s()

    def _run(self) -> None:
        while True:
            time.sleep(BEAT_S)
            self.once()
