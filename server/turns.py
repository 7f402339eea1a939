"""Long work of a request in turns: between them the loop serves others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

AT_ONCE = 256
"""Things of a turn: at some ten microseconds each, a few milliseconds."""

T = TypeVar("T")
R = TypeVar("R")


async def in_turns(make: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """What `make` makes of each, in order."""
    made: list[R] = []
    for thing in things:
        made.append(make(thing))
        if len(made) % AT_ONCE == 0:
            await asyncio.sleep(0)
    return made
