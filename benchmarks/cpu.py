"""Processor time of processes, and what the host took: what a rate does not tell on a busy
machine."""

from __future__ import annotations

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def host_ticks() -> tuple[int, int]:
    """Ticks that the host gave to others while processors here had work, and all ticks, so far."""
    ticks = [int(count) for count in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return ticks[7], sum(ticks)


def stolen(since: tuple[int, int]) -> float:
    """The part of all processor time that the host has given to others since `host_ticks`."""
    taken, every = host_ticks()
    return (taken - since[0]) / max(1, every - since[1])


def cpu_s(*roots: int) -> float:
    """Seconds that processes have used so far, with those that descend from them and live."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        number = int(path.parent.name)
        parents[number] = int(fields[1])
        used[number] = (int(fields[11]) + int(fields[12])) * _TICK_S
    return sum(
        seconds for number, seconds in used.items() if _descends(number, frozenset(roots), parents)
    )


def _descends(number: int, roots: frozenset[int], parents: dict[int, int]) -> bool:
    while number and number not in roots:
        number = parents.get(number, 0)
    return number in roots
