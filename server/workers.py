"""Several processes on one ledger: a supervisor, one writer, and front ends.

The listening socket is made once and inherited, so a front end that dies takes no queued
connection with it. A role that dies is started again alone; SIGTERM goes to the front
ends first, so that what they have accepted is still answered, then to the writer. SIGUSR2
puts new processes in place of all, as after an upgrade: front ends take over from each
other without a gap.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from vafa.engine.journal.journal import LedgerError
from vafa.engine.ledger.open_ledger import LedgerBusy

from .beat import DEAD_S, FROZEN_S, Beat
from .doors import Doors
from .edge import DRAIN_S
from .logs import say, set_up
from .serve import serve_in_front, write_for_others

START_S = 60.0
RESTART_S = 0.2
TURN_S = 0.1
"""Seconds between two looks at all processes."""
NOTHING = object()
TRY_LATER = 75
_PR_SET_PDEATHSIG = 1


class Role:
    """One child process that is kept alive."""

    _frozen: float | None
    _other: subprocess.Popen[bytes] | None = None
    """One that takes over, and is not at work yet, or one that has given way, and has not ended."""
    _rests = False
    """Whether it has no process for a while, until the one before has ended."""

    def __init__(
        self, name: str, arguments: list[str], descriptors: list[int], told: int | None = None
    ) -> None:
        """`told`: the descriptor on which the first process says that it is ready."""
        self.name = name
        self._arguments = arguments
        self._descriptors = descriptors
        self.process = self._start([] if told is None else [told])

    def watch(self, beat: Beat) -> None:
        """Kill a process that has beaten, and then not for long."""
        now = time.monotonic()
        if beat.last_s() < self._began or now - beat.last_s() < DEAD_S:
            self._frozen = None
        elif self._frozen is None:
            # Where the whole machine stood still, it has a moment to beat again.
            self._frozen = now
        elif now - self._frozen > FROZEN_S:
            say(f"{self.name} has stood still for {DEAD_S:.0f} s")
            self.process.kill()
            self.process.wait()

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        """The process, and one that takes over from it or gives way to it."""
        return [one for one in (self.process, self._other) if one is not None]

    def renew(self) -> Iterator[None]:
        """Put a new process in place of this one; where it can, only once that is at work.

        Between the steps the supervisor looks after the others.
        """
        if not self._descriptors:
            # There is one writer at a time.
            self._rests = True
            yield from self._leave(self.process)
            self.process, self._rests = self._start([]), False
            return
        ready, told = os.pipe()
        successor = self._other = self._start([told])
        os.close(told)
        until = time.monotonic() + START_S
        while not (select.select([ready], [], [], 0)[0] or time.monotonic() > until):
            yield
        serves = select.select([ready], [], [], 0)[0] and os.read(ready, 1)
        os.close(ready)
        if not serves:
            say(f"{self.name} stays: the new one did not start")
            successor.kill()
            successor.wait()
            self._other = None
            return
        self.process, self._other = successor, self.process
        yield from self._leave(self._other)
        self._other = None

    def _leave(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """End a process: SIGTERM, and SIGKILL for one that does not end in time."""
        until = time.monotonic() + DRAIN_S + 2
        if process.poll() is None:
            process.terminate()
        while process.poll() is None and time.monotonic() < until:
            yield
        if process.poll() is None:
            process.kill()
            process.wait()

    def _start(self, told: list[int]) -> subprocess.Popen[bytes]:
        self._began, self._frozen = time.monotonic(), None
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "vafa.server.workers", *self._arguments, *map(str, told)],
            pass_fds=[*told, *self._descriptors],
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads here
        )

    def tend(self) -> None:
        """Start the process again when it has ended."""
        if self.process.poll() is not None and not self._rests:
            say(f"{self.name} ended with {self.process.returncode}; starting it again")
            time.sleep(RESTART_S)
            self.process = self._start([])

    def stop(self) -> None:
        """SIGTERM for all, and SIGKILL for one that does not end in time."""
        for process in self.processes:
            for _ in self._leave(process):
                time.sleep(TURN_S)


def _die_with_parent() -> None:
    """A child must not outlive a supervisor that was killed, nor end by a SIGHUP that comes before
    it has a handler."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def supervise(
    ledger: Path, doors: Doors, workers: int, started: Callable[[], None]
) -> None:
    """Run a writer and front ends until SIGTERM or SIGINT. Raises TimeoutError at start."""
    stopping: list[int] = []
    renewing: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _: stopping.append(signum))
    signal.signal(signal.SIGUSR2, lambda signum, _: renewing.append(signum))
    roles: list[Role] = []

    def pass_on(signum: int, _: object) -> None:
        for role in roles[1:]:
            for process in role.processes:
                process.send_signal(signum)

    signal.signal(signal.SIGHUP, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    told_doors = msgspec.json.encode(doors).decode()
    fronts = [
        (f"front end {place}", ["front", str(ledger), told_doors], doors.descriptors)
        for place in range(workers)
    ]
    try:
        _start(roles, [("the writer", ["write", str(ledger), told_doors], [])], stopping)
        _start(roles, fronts, stopping)
        if not stopping:
            started()
        beat = Beat(ledger)
        renewal: Iterator[None] = iter(())
        while not stopping:
            time.sleep(TURN_S)
            roles[0].watch(beat)
            if next(renewal, NOTHING) is NOTHING and renewing:
                renewing.clear()
                renewal = _renew(roles)
            for role in roles:
                if not stopping:
                    role.tend()
    finally:
        for descriptor in doors.descriptors:
            # The last front end to close it leaves nobody waiting at a door that does not open.
            os.close(descriptor)
        for role in roles[1:]:
            for process in role.processes:
                if process.poll() is None:
                    process.terminate()
        for role in reversed(roles):
            role.stop()


def _renew(roles: list[Role]) -> Iterator[None]:
    """New processes for all, one after the other, the writer last."""
    for role in (*roles[1:], roles[0]):
        yield from role.renew()
    say("all processes are new")


def _start(
    roles: list[Role], new: Sequence[tuple[str, list[str], list[int]]], stopping: list[int]
) -> None:
    """Start roles, each by its name, arguments and descriptors, and wait until all are at work."""
    starting: list[int] = []
    for name, arguments, descriptors in new:
        ready, told = os.pipe()
        starting.append(ready)
        roles.append(Role(name, arguments, descriptors, told))
        os.close(told)
    for ready, role in zip(starting, roles[-len(new) :], strict=True):
        _await(ready, role, stopping)


def _await(ready: int, role: Role, stopping: list[int]) -> None:
    """Wait until a role is at work; its own message has told why when it ends instead."""
    deadline = time.monotonic() + START_S
    try:
        while not stopping:
            if select.select([ready], [], [], 0.05)[0]:
                if os.read(ready, 1):
                    return
                # The pipe closed: the process ended before it was at work.
                code = role.process.wait()
                if code < 0:
                    say(f"{role.name} was ended by signal {-code} before it was at work")
                raise SystemExit(code if code > 0 else 1)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{role.name} did not start in {START_S:.0f} s")
    finally:
        os.close(ready)


def main(arguments: list[str]) -> None:
    """Run one role: `write` or `front`, then LEDGER DOORS [READY_FD]."""
    set_up()
    role, ledger, told, *rest = arguments
    doors = msgspec.json.decode(told, type=Doors)
    ready = int(rest[0]) if rest else None
    if role == "write":
        try:
            write_for_others(Path(ledger), ready, traces=doors.traces)
        except (LedgerError, OSError) as error:
            say(f"vafa: {error}")
            raise SystemExit(TRY_LATER if isinstance(error, LedgerBusy) else 1) from None
    else:
        serve_in_front(Path(ledger), doors, ready)


if __name__ == "__main__":
    main(sys.argv[1:])
