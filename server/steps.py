"""Work of a request, carried on as soon as what it waits for is there: without a task.

A task begins in the loop's next turn and wakes who waits for it in another one. From Python 3.12
on asyncio has eager tasks; these steps are as much of them as a request needs, and cost less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Steps(Generic[T]):
    """A coroutine that waits for futures only: nothing in it may ask for its task.

    Its context is its own, as a task's is.
    """

    __slots__ = ("_context", "_ended", "_failed", "_loop", "_work")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, None, T],
        ended: Callable[[T], None], failed: Callable[[BaseException], None],
    ) -> None:
        """`ended` is called with what it returns, or `failed` with what it raises."""
        self._loop, self._work, self._ended, self._failed = loop, work, ended, failed
        self._context = copy_context()
        self._context.run(self._go)

    def _go(self, _: object = None) -> None:
        try:
            waits = self._work.send(None)
        except StopIteration as end:
            self._ended(end.value)
            return
        except (Exception, asyncio.CancelledError) as error:
            self._failed(error)
            return
        if waits is None:
            self._loop.call_soon(self._go, context=self._context)
            return
        # A future that is awaited says so, for whoever steps to see.
        waits._asyncio_future_blocking = False
        waits.add_done_callback(self._go, context=self._context)
