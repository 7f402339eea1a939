"""Group commit: whatever waits when a flush returns goes into the next commit.

Folding and answering run on the event loop, only the flush in a thread; reads on the loop
therefore never see half a fold, and nobody waits for a lock. A lone sale waits for
nothing: it is staged in the loop's next turn.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.engine.checks.program_file import ProgramError
from vafa.engine.columns.mixed import MixedFacts
from vafa.engine.columns.verdicts import Refusal, Verdict, stream_of
from vafa.engine.facts import ControlFact
from vafa.engine.journal.journal import StorageFull
from vafa.engine.ledger.staged import Staged, Text
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.checkpoint import Snapshot
from vafa.engine.replica.checkpointer import Checkpointer
from vafa.engine.replica.replica import Replica, state_path
from vafa.engine.wire.arrow_sales import ArrowFacts
from vafa.native.wire import Sale

from . import parts
from .figures import Figures
from .lines import lines_of
from .problems import ProblemError
from .waiting import Waiting, intake_of

log = logging.getLogger("vafa")

GROUP_FACTS = 8192
"""Most decoded facts of one commit."""

QUEUE_FACTS = 200_000
"""Facts that may wait; beyond it a request is refused at once."""

CHECKPOINT_S = 5.0
CHECKPOINT_FACTS = 200_000
"""A checkpoint is begun when so many facts are ahead of the last, or after so long, if that took
little."""
CHECKPOINT_REST = 8
"""How many times as long as the last checkpoint took there is none: a bulk load writes a member's
row once where it would write it several times."""
GATHER_S, GATHER_EVERY_S, GATHER_SHARE = 0.0003, 0.002, 8
"""Seconds for which rows of a checkpoint are packed at a time, and between two such times; an
eighth of the time where that is more, since a bulk load changes very many."""

OUTCOME_UNKNOWN = 70
"""Exit code when a flush failed: only opening the ledger again can tell what is in it."""


Flushed = Callable[[BaseException | None], None]


class Commits(Protocol):
    """Where the routes send facts: this process's writer, or the writer over a socket."""

    requests: Counter[tuple[str, str, int]]
    """Requests that were answered here, by method, path and status, and are in no figures."""

    def sale(self, sale: Sale, force: bool) -> asyncio.Future[Text | Verdict]:
        """Commit one fact of a member; a plain answer comes as JSON."""

    def sales(
        self, sales: Sequence[Sale], force: bool, atomic: bool = False
    ) -> asyncio.Future[list[Verdict]]:
        """Commit facts of members in order; with `atomic` all of them or none."""

    def table(
        self, sales: ArrowFacts, body: bytes, force: bool, atomic: bool = False
    ) -> asyncio.Future[bytes]:
        """Commit an Arrow batch; `body` is what it was decoded from.

        The verdicts come as an Arrow stream of `verdicts.VERDICTS`.
        """

    def lines(
        self, sales: ArrowFacts, others: Mapping[int, Sale], numbers: NDArray[np.int64],
        force: bool, language: str,
    ) -> asyncio.Future[bytes]:
        """Commit facts of members that were read from lines of JSON, in order.

        `others` are the facts between them, by their rows in the whole; `numbers` are the lines of
        all. The answers come as lines of JSON.
        """

    def joint(self, fact: Sale, force: bool) -> asyncio.Future[Verdict]:
        """Commit a fact of several members, in the engine's own form."""

    def control(
        self, fact: ControlFact, versions: int | None = None
    ) -> asyncio.Future[Verdict]:
        """Commit a fact of no member: a catalogue, stores, a day closed, a program.

        With `versions` a program is refused unless the ledger has so many.
        """

    async def told_figures(self) -> Figures:
        """What the writer has counted. Raises ProblemError where it is away."""


class Watch:
    """What is told of commits as they go; this one listens to nothing."""

    def submitted(self, waiting: Waiting) -> None:
        """Facts wait for a commit."""

    def begun(self, group: list[Waiting]) -> None:
        """A commit of these begins."""

    def folded(self) -> None:
        """It is folded; its flush begins."""

    def ended(self, outcome: str, seq: int | None = None) -> None:
        """It is `done`, `seq` its last fact if it has new ones, or `storage-full`."""


class _Flusher:
    """A thread that flushes one commit after the other and tells the loop.

    An executor has a future and three locks for each.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, flush: Callable[[Staged], None]) -> None:
        self._loop, self._flush = loop, flush
        self._queue: SimpleQueue[tuple[Staged, Flushed] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="flush", daemon=True)
        self._thread.start()

    def flush(self, staged: Staged, flushed: Flushed) -> None:
        """Flush a commit; what went wrong, or None, is told on the loop."""
        self._queue.put((staged, flushed))

    def _run(self) -> None:
        while (asked := self._queue.get()) is not None:
            staged, flushed = asked
            error: BaseException | None = None
            try:
                self._flush(staged)
            except BaseException as raised:
                error = raised
            self._loop.call_soon_threadsafe(flushed, error)

    def close(self) -> None:
        """End when all that was asked for is flushed."""
        self._queue.put(None)
        self._thread.join()


class Committer:
    """Commits of the ledger's writer, in its own process."""

    def __init__(self, writer: Writer, watch: Watch | None = None) -> None:
        self.writer = writer
        self._watch = watch or Watch()
        self.figures = Figures()
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Waiting] = deque()
        self._large: Waiting | None = None
        self._set_aside: deque[Waiting] = deque()
        self._queued = 0
        self._busy = False
        self._flusher = _Flusher(self._loop, writer.flush)
        self._checkpointer = Checkpointer(state_path(writer.ledger))
        self._sender = ThreadPoolExecutor(1, "checkpoint")
        self._checkpointing = False
        self._snapshot: Snapshot | None = None
        self._written: asyncio.Future[None] | None = None
        self._next_checkpoint = time.monotonic() + CHECKPOINT_S
        self._idle = asyncio.Event()
        self._idle.set()
        self._ending = False

    @property
    def replica(self) -> Replica:
        """The writer's replica; reads on the loop see durable facts only."""
        return self.writer.replica

    async def told_figures(self) -> Figures:
        """See Commits."""
        replica = self.replica
        self.figures.queued = self._queued
        self.figures.lag = replica.seq - replica.checkpoint_seq
        return self.figures

    # -- submitting ----------------------------------------------------------------------

    def sale(self, sale: Sale, force: bool) -> asyncio.Future[Text | Verdict]:
        """See Commits."""
        done: asyncio.Future[Text | Verdict] = self._loop.create_future()
        self._submit(Waiting(done, (sale,), force=force, one=True, texts=True))
        return done

    def singles(
        self, sales: Sequence[Sale], force: bool
    ) -> asyncio.Future[list[Text | Verdict]]:
        """As many of `sale`: those that a front end sends together."""
        done: asyncio.Future[list[Text | Verdict]] = self._loop.create_future()
        self._submit(Waiting(done, sales, force=force, facts=len(sales), texts=True))
        return done

    def sales(
        self, sales: Sequence[Sale], force: bool, atomic: bool = False
    ) -> asyncio.Future[list[Verdict]]:
        """See Commits."""
        done: asyncio.Future[list[Verdict]] = self._loop.create_future()
        self._submit(Waiting(done, sales, force=force, facts=len(sales), atomic=atomic))
        return done

    def table(
        self, sales: ArrowFacts, body: bytes, force: bool, atomic: bool = False
    ) -> asyncio.Future[bytes]:
        """See Commits."""
        done: asyncio.Future[bytes] = self._loop.create_future()
        self._submit(Waiting(done, table=sales, force=force, facts=len(sales.ids), atomic=atomic))
        return done

    def lines(
        self, sales: ArrowFacts, others: Mapping[int, Sale], numbers: NDArray[np.int64],
        force: bool, language: str,
    ) -> asyncio.Future[bytes]:
        """See Commits."""
        done: asyncio.Future[bytes] = self._loop.create_future()
        batch = MixedFacts(sales, others) if others else sales
        self._submit(
            Waiting(
                done, table=batch, force=force, facts=len(numbers), numbers=numbers,
                language=language,
            )
        )  # fmt: skip
        return done

    def joint(self, fact: Sale, force: bool) -> asyncio.Future[Verdict]:
        """See Commits."""
        done: asyncio.Future[Verdict] = self._loop.create_future()
        self._submit(Waiting(done, (fact,), force=force, one=True, joint=True))
        return done

    def control(
        self, fact: ControlFact, versions: int | None = None
    ) -> asyncio.Future[Verdict]:
        """See Commits."""
        done: asyncio.Future[Verdict] = self._loop.create_future()
        self._submit(Waiting(done, control=fact, one=True, versions=versions))
        return done

    def _submit(self, waiting: Waiting) -> None:
        if self._ending:
            raise ProblemError("writer-away", "the writer ends; send it again")
        if self._queued + waiting.facts > QUEUE_FACTS:
            raise ProblemError("overloaded", "too many facts wait; try again")
        waiting.since = time.perf_counter()
        self._waiting.append(waiting)
        self._queued += waiting.facts
        self._watch.submitted(waiting)
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._go_on()

    # -- committing ----------------------------------------------------------------------

    def _go_on(self) -> None:
        """Take the next group in the loop's next turn."""
        self._loop.call_soon(self._guarded, self._next)

    def _guarded(self, step: Callable[..., None], *given: Any) -> None:
        """A step that the loop calls. After a defect in one memory may be ahead of the truth, and
        whoever waits would wait for ever: the process ends, and opens the ledger again."""
        try:
            step(*given)
        except Exception:
            log.exception("a commit failed")
            os._exit(OUTCOME_UNKNOWN)

    def _next(self) -> None:
        """Take a group and stage it; its flush runs in a thread."""
        self._maybe_checkpoint()
        if not self._waiting:
            self._busy = False
            self._idle.set()
            return
        group = self._take_group()
        first = group[0]
        begun = time.perf_counter()
        self._watch.begun(group)
        try:
            if first.control is not None:
                self._control(first, first.control)
                self._watch.ended("done")
                self._go_on()
                return
            staged = self.writer.stage(intake_of(group), force=first.force, atomic=first.atomic)
        except StorageFull as error:
            self._storage_full(group, error)
            return
        started = time.perf_counter()
        if first.divides:
            first.size = parts.size_after(first.size, started - begun)
        self.figures.parts["queue"].add(begun - first.since)
        self.figures.parts["fold"].add(started - begun)
        self._watch.folded()
        self._flusher.flush(
            staged,
            lambda error: self._guarded(self._flushed, group, staged, error, started),
        )

    def _control(self, waiting: Waiting, fact: ControlFact) -> None:
        try:
            verdict = self.writer.commit_control(fact, waiting.versions)
        except ProgramError as error:
            verdict = Verdict(refusal=Refusal("invalid-program", str(error)))
        self._tell_one(waiting, verdict)
        self.figures.refused += verdict.refusal is not None
        self.figures.replayed += verdict.replayed
        if verdict.refusal is None and not verdict.replayed:
            self.figures.commits += 1
            self.figures.facts += 1

    def _take_group(self) -> list[Waiting]:
        first = self._take_first()
        if first.divides:
            first.begin, first.end = first.end, min(first.end + first.size, first.facts)
        group, facts = [first], first.taken
        if not first.alone:
            while self._waiting:
                other = self._waiting[0]
                if other.alone:
                    break
                if other.force != first.force or facts + other.facts > GROUP_FACTS:
                    break
                group.append(self._waiting.popleft())
                facts += other.facts
        self._queued -= facts
        return group

    def _take_first(self) -> Waiting:
        """What comes next. Of submissions in several parts one is under way at a time, unless that
        takes long: parts of others between its own, of another time, would make the rest of it
        late."""
        if self._set_aside and (
            time.perf_counter() - self._set_aside[0].since > parts.PATIENCE_S
        ):
            other = self._set_aside.popleft()
            other.size = self._first_size(other)
            self._waiting.append(other)
        while True:
            first = self._waiting.popleft()
            if not first.divides or first.size:
                return first
            first.size = self._first_size(first)
            if first.facts <= first.size:
                return first
            if self._large is None:
                self._large = first
                return first
            # It waits behind the one under way, which is in the queue.
            first.size = 0
            self._set_aside.append(first)

    def _end_large(self, waiting: Waiting) -> None:
        """Nothing of it is left: another in several parts may begin."""
        if waiting is self._large:
            self._large = None
            if self._set_aside:
                self._waiting.append(self._set_aside.popleft())

    def _first_size(self, waiting: Waiting) -> int:
        """Facts of the first part: what is of this hour is late for few, who bought elsewhere."""
        if waiting.atomic:
            return waiting.facts
        first_at = (
            min(sale.at for sale in waiting.sales) if waiting.table is None
            else int(waiting.table.at.min(initial=parts.NEVER))
        )
        recent = first_at >= self.replica.latest_at - parts.RECENT_US
        return parts.MOST if recent else parts.FIRST

    def _flushed(
        self, group: list[Waiting], staged: Staged, error: BaseException | None, started: float
    ) -> None:
        if isinstance(error, StorageFull):
            self._storage_full(group, error)
            return
        if error is not None:
            log.critical("a flush failed, its outcome is unknown: %r", error)
            os._exit(OUTCOME_UNKNOWN)
        flushed = time.perf_counter()
        self._watch.ended("done", None if staged.record is None else staged.record.last)
        if staged.record is not None:
            self.figures.commits += 1
            self.figures.flush_seconds += flushed - started
            self.figures.parts["flush"].add(flushed - started)
        self._tell(group, staged)
        self.figures.parts["tell"].add(time.perf_counter() - flushed)
        self.figures.facts += len(staged.new_ids)
        self.figures.replayed += len(staged.known)
        self.figures.refused += len(staged.refusals)
        if self._waiting:
            # A flush is short beside the loop's turn: let the requests that are there
            # join, or small groups would each pay for a commit.
            self._loop.call_soon(self._go_on)
        else:
            self._next()

    def _tell(self, group: list[Waiting], staged: Staged) -> None:
        """Make a durable commit visible and answer those who wait for it."""
        first = group[0]
        if first.divides:
            self._tell_part(first, staged)
            return
        told: Sequence[Text | Verdict]
        if any(waiting.texts for waiting in group):
            texts = [waiting.texts for waiting in group]
            told = self.writer.publish_texts(
                staged, np.repeat(texts, [waiting.facts for waiting in group])
            )
        else:
            told = self.writer.publish(staged)
        place = 0
        for waiting in group:
            end = place + waiting.facts
            self._tell_one(waiting, told[place] if waiting.one else told[place:end])
            place = end

    def _tell_part(self, waiting: Waiting, staged: Staged) -> None:
        """Keep what a part came to; the next one comes after those who wait meanwhile."""
        writer, told = self.writer, waiting.told
        if waiting.numbers is not None:
            numbers = waiting.numbers[waiting.begin : waiting.end]
            lines = writer.publish_lines(staged, numbers)
            told.append(lines_of(numbers, lines, waiting.language))
        elif waiting.table is not None:
            told.append(writer.publish_table(staged))
        elif waiting.texts:
            told += writer.publish_texts(staged, np.ones(waiting.end - waiting.begin, np.bool_))
        else:
            told += writer.publish(staged)
        if waiting.end < waiting.facts:
            self._waiting.append(waiting)
            return
        self._end_large(waiting)
        if waiting.numbers is not None:
            self._tell_one(waiting, b"".join(told))
        elif waiting.table is not None:
            self._tell_one(waiting, stream_of(pa.concat_tables(told)))
        else:
            self._tell_one(waiting, told)

    def _tell_one(self, waiting: Waiting, told: object) -> None:
        if not waiting.done.done():
            waiting.done.set_result(told)

    def _storage_full(self, group: list[Waiting], error: StorageFull) -> None:
        self.figures.storage_full += 1
        self._watch.ended("storage-full")
        if group[0].divides:
            # Its other parts will not be taken.
            self._queued -= group[0].facts - group[0].end
            self._end_large(group[0])
        for waiting in group:
            if not waiting.done.done():
                waiting.done.set_exception(ProblemError("storage-full", str(error)))
        self._go_on()

    # -- checkpoints ----------------------------------------------------------------------

    def _maybe_checkpoint(self) -> None:
        """Between commits: take a snapshot when one is due; another process writes it."""
        ahead = self.replica.seq - self.replica.checkpoint_seq
        begun = time.monotonic()
        due = begun > self._next_checkpoint
        if self._checkpointing or not ahead or not (due or ahead > CHECKPOINT_FACTS):
            return
        self._checkpointing = True
        self._snapshot = self.replica.snapshot()
        self._gather(self._snapshot, begun, time.perf_counter())

    def _gather(self, snapshot: Snapshot, begun: float, since: float) -> None:
        """Pack some of a snapshot's rows; once it is whole, have it written."""
        if snapshot is not self._snapshot:
            # The server ends, and has given it up.
            return
        now = time.perf_counter()
        if not self.replica.gather(max(GATHER_S, (now - since) / GATHER_SHARE)):
            self._loop.call_later(
                GATHER_EVERY_S, self._guarded, self._gather, snapshot, begun, now
            )
            return
        self._snapshot = None
        written = self._loop.run_in_executor(self._sender, self._checkpointer.write, snapshot)

        def settled(done: asyncio.Future[None]) -> None:
            self._checkpointing = False
            now = time.monotonic()
            self._next_checkpoint = now + max(CHECKPOINT_S, CHECKPOINT_REST * (now - begun))
            if done.exception() is not None:
                # Nothing is lost: the journal has it all. The next start folds more.
                log.error("a checkpoint failed: %r", done.exception())
                self.replica.not_written(snapshot)
                return
            self.figures.checkpoints += 1
            self.replica.checkpointed(snapshot)

        written.add_done_callback(settled)
        self._written = written

    async def tend(self) -> None:
        """Checkpoint quiet ledgers too; runs until cancelled."""
        while True:
            await asyncio.sleep(CHECKPOINT_S)
            self.writer.journal.reap_readers()
            if not self._busy:
                self._guarded(self._maybe_checkpoint)

    async def drain(self) -> None:
        """Take nothing more; wait until everything accepted is answered."""
        self._ending = True
        await self._idle.wait()

    async def close(self) -> None:
        """Answer what was accepted, then let the ledger go."""
        await self.drain()
        self._flusher.close()
        if self._snapshot is not None:
            self.replica.not_written(self._snapshot)
            self._snapshot = None
        if self._written is not None:
            # What it says is heard: the last checkpoint has what this one could not write.
            await asyncio.wait([self._written])
        self._sender.shutdown()
        self._checkpointer.close()
        self.writer.close()
