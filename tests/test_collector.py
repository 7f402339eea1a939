"""A process that serves collects cycles in steps: new ones soon, old ones when it is quiet."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from vafa.server import collector
from vafa.server.collector import Steps


class Node:
    """Something in a circle with itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(interval)
    gc.unfreeze()


def circles(number: int) -> list[weakref.ref[Node]]:
    return [weakref.ref(Node()) for _ in range(number)]


def walks() -> list[int]:
    """The generation of each collection from now on."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            seen.append(info["generation"])

    gc.callbacks.append(note)
    return seen


@pytest.fixture
def seen() -> Iterator[list[int]]:
    found = walks()
    yield found
    gc.callbacks.pop()


async def until_gone(refs: list[weakref.ref[Node]]) -> None:
    async with asyncio.timeout(20):
        while any(ref() is not None for ref in refs):
            await asyncio.sleep(0.01)


def test_new_circles_are_collected_in_a_step(seen: list[int]) -> None:
    async def main() -> None:
        collecting = collector.begin(Steps(period_s=0.02, some=100, quiet_s=60))
        seen.clear()
        await until_gone(circles(2_000))
        collecting.cancel()

    asyncio.run(main())
    assert seen
    assert set(seen) == {0}


def test_what_outlived_its_step_is_collected_when_it_is_quiet(seen: list[int]) -> None:
    async def main() -> None:
        collecting = collector.begin(Steps(period_s=0.02, some=500, quiet_s=0.1))
        seen.clear()
        kept = [Node() for _ in range(2_000)]
        while not seen:
            await asyncio.sleep(0.01)
        refs = [weakref.ref(node) for node in kept]
        kept.clear()
        await until_gone(refs)
        collecting.cancel()

    asyncio.run(main())
    assert seen[0] == 0
    assert 2 in seen


def test_no_walk_is_begun_where_nothing_has_come(seen: list[int]) -> None:
    async def main() -> None:
        collecting = collector.begin(Steps(period_s=0.01, some=100_000, quiet_s=0))
        seen.clear()
        await asyncio.sleep(0.2)
        collecting.cancel()

    asyncio.run(main())
    assert not seen


def test_what_comes_at_once_is_walked_where_it_comes_up(seen: list[int]) -> None:
    async def main() -> None:
        collecting = collector.begin(Steps(period_s=60))
        seen.clear()
        refs = circles(collector.MOST_AT_ONCE + 1_000)
        assert any(ref() is None for ref in refs)
        collecting.cancel()

    asyncio.run(main())
    assert set(seen) == {0}
