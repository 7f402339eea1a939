"""The cyclic collector of a process that serves: in small steps, and whole when it is quiet.

Left to itself the collector walks a hundred thousand new objects at once: 50 ms and more, in which
every till waits. A step every fifth of a second walks what a few hundred commits have left, in a
millisecond or two; what outlives its step is looked at again when no till is waiting.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from dataclasses import dataclass

MOST_AT_ONCE = 100_000
"""So many new objects within one turn of the loop are walked where they come up."""
NEVER = 1 << 30


@dataclass(frozen=True)
class Steps:
    """When to collect: every `period_s` if there are `some` new objects; all of them after
    `quiet_s` with fewer, and after `longest_s` in any case."""

    period_s: float = 0.2
    some: int = 1_000
    quiet_s: float = 5.0
    longest_s: float = 3_600.0


def begin(steps: Steps = Steps()) -> asyncio.Task[None]:
    """Collect in steps from now on; what there is by now lives for ever and is not walked."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(MOST_AT_ONCE, NEVER, NEVER)
    # The threads of flushes and checkpoints wait for the lock, 5 ms at a time by default.
    sys.setswitchinterval(0.001)
    return asyncio.create_task(_in_steps(steps))


async def _in_steps(steps: Steps) -> None:
    whole = busy = time.monotonic()
    while True:
        await asyncio.sleep(steps.period_s)
        now = time.monotonic()
        if gc.get_count()[0] >= steps.some:
            gc.collect(0)
            busy = now
        # Nothing has come since the last whole one that a step would have walked: none is due.
        due = busy > whole
        if due and (now - busy >= steps.quiet_s or now - whole >= steps.longest_s):
            gc.collect()
            whole = time.monotonic()
