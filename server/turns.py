"""Long work of a request in turns: between them the loop serves others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

TURN_S = 0.004
"""Seconds of a turn, and as long as one thing takes: one may be a hundred times another."""

T = TypeVar("T")
R = TypeVar("R")


async def in_turns(make: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """What `make` makes of each, in order."""
    made: list[R] = []
    until = time.monotonic() + TURN_S
    for thing in things:
        made.append(make(thing))
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + TURN_S
    return made
