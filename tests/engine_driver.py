"""A case through a real ledger over the wire: JSON bytes in, the journal and views out.

The ledger stands in memory (/dev/shm) where there is such a thing: an fsync costs nothing
there. The clock stands still in 2160, since histories run beyond the present.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from vafa.engine.calendars.calendars import LAST_DAY, date_of
from vafa.engine.columns.columns import CLAIMS, LEGS, NO_RULE, REFERRAL_IN, SALE, decode_extra
from vafa.engine.columns.schema import NO_MEMBER
from vafa.engine.columns.status import LIMITS, POSTINGS, REFUSALS, Status
from vafa.engine.columns.verdicts import Verdict
from vafa.engine.facts import KINDS
from vafa.engine.ledger.digest import describe_row, state_hash
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.views.views import member_lots, member_view

from .cases import Case, Fact
from .mixed import commit_case
from .outcomes import (
    DAY_US,
    LATER,
    Balance,
    Posted,
    Run,
    Told,
    View,
    latest_us,
    lots_of,
)

IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
NOW_US = 190 * 365 * DAY_US
CLOSING, BUDGET_CLOSED = KINDS.index("closing"), KINDS.index("budget closed")
MEMBERS_PARTS = (CLOSING, *LEGS)
NAMELESS = {
    *(KINDS.index(kind) for kind in ("catalog", "store", "program publish", "day closed")),
    *MEMBERS_PARTS,
}
CORRECT = POSTINGS.index("correct")
COLUMNS = ["id", "kind", "status", "member", "tier", "balances", "postings", "payload"]


def run(case: Case, batches: Any = None) -> Run:
    """What a ledger makes of a case."""
    with ledger(case, batches) as writer:
        return seen(writer.replica, case)


@contextmanager
def ledger(case: Case, batches: Any = None) -> Iterator[Writer]:
    """A writer of a ledger that has taken a case."""
    with (
        clock(), tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder,
        Writer(Path(folder)) as writer,
    ):  # fmt: skip
        accept(commit_case(writer, case, batches))
        yield writer


@contextmanager
def clock() -> Iterator[None]:
    """The writer's clock stands still, later than every fact."""
    module = SimpleNamespace(**{**vars(time), "time_ns": lambda: NOW_US * 1000})
    with mock.patch("vafa.engine.ledger.open_ledger.time", module):
        yield


def accept(verdicts: list[Verdict]) -> None:
    """No fact of a case may be refused for form."""
    for verdict in verdicts:
        assert verdict.refusal is None, verdict.refusal


def hash_of(replica: Replica) -> str:
    """The state hash of an open replica."""
    assert replica.fold is not None
    return state_hash(replica.fold.state, replica.dictionaries)


# -- out of the ledger -------------------------------------------------------------------------


def seen(replica: Replica, case: Case) -> Run:
    """What the journal holds, and members as they are and will be."""
    run = Run()
    names: dict[int, str] = {}
    for record in replica.journal.scan():
        rows = record.facts().select(COLUMNS).to_pylist()
        names.update((record.first + place, row["id"]) for place, row in enumerate(rows))
        for place, row in enumerate(rows):
            name = row["id"]
            if row["kind"] == BUDGET_CLOSED:
                run.told[name] = Told("ok")
                continue
            claims = (
                rows[0]["kind"] in CLAIMS and place > 0 and row["kind"] != REFERRAL_IN
            )
            if claims:
                name = f"{rows[0]['id']}>{name}"
            elif row["kind"] in MEMBERS_PARTS:
                name = f"{name}/{replica.dictionaries.members.names[row['member']]}"
            told = _told(replica, row, names, standing=not claims)
            if row["kind"] == REFERRAL_IN and name in run.told:
                # One sale may bring a referrer more than one leg.
                run.told[name].postings += told.postings
                continue
            run.told[name] = told
            if row["kind"] in LEGS:
                told.lots = [_moved(lot) for lot in decode_extra(row["payload"]).lots]
    latest = latest_us(case)
    for member in case.members():
        run.views |= views(replica, member, latest)
    return run


def views(replica: Replica, member: str, latest: int) -> dict[tuple[str, int], View]:
    """A member on days after an instant (us), by its name and how many they are."""
    found = {days: _view(replica, member, latest + days * DAY_US) for days in LATER}
    return {(member, days): view for days, view in found.items() if view is not None}


def _told(replica: Replica, row: Fact, names: dict[int, str], standing: bool) -> Told:
    words, status = replica.words, row["status"]
    assert words is not None
    waits = status == Status.PARKED
    if waits and row["kind"] == SALE:
        # An exchange: its return part alone waits, the sale stands (rulebook section 9).
        status = int(Status.OK)
    told = Told(_STATUS.get(status, "refused"), REFUSALS.get(Status(status), ""), waits=waits)
    for posting in row["postings"]:
        corrects, rule = posting["corrects"], posting["rule"]
        if posting["kind"] == CORRECT and rule == NO_RULE and not posting["points"]:
            said = posting["limit"]
            told.parked[names[corrects]] = REFUSALS.get(Status(said), "ok")
            continue
        told.postings.append(Posted(
            "" if rule == NO_RULE else words.rules[rule], POSTINGS[posting["kind"]],
            words.currencies[posting["currency"]], posting["points"], posting["desired"],
            LIMITS[posting["limit"]], names[corrects] if corrects else "",
        ))  # fmt: skip
    if standing and row["kind"] not in NAMELESS and row["member"] != NO_MEMBER:
        for currency, figures in zip(words.currencies, row["balances"], strict=False):
            told.balances[currency] = _balance(figures)
        told.tier = words.tiers[row["tier"]]
    return told


def _moved(lot: tuple[int, int, int, int]) -> tuple[Any, ...]:
    """A lot that a leg has brought: dates, None for one that never passes, and points."""
    *days, points = lot
    return *(date_of(day) if day <= LAST_DAY else None for day in days), points


_STATUS = {int(Status.OK): "ok", int(Status.PARKED): "parked"}


def _balance(figures: Fact) -> Balance:
    return Balance(figures["active"], figures["pending"], figures["held"], figures["debt"])


def _view(replica: Replica, member: str, at: int) -> View | None:
    shown = member_view(replica, member, at)
    if shown is None:
        return None
    points: dict[tuple[Any, ...], int] = defaultdict(int)
    for lot in member_lots(replica, member, at):
        key = lot["currency"], lot["earned"], lot["active_from"], lot["good_through"]
        points[key] += lot["points"]
    balances = {name: _balance(figures) for name, figures in shown["balances"].items()}
    return View(
        shown["tier"], shown["purchases"], balances, lots_of(points), shown["totals"],
        _progress(shown.get("progress")),
    )  # fmt: skip


def _progress(shown: Fact | None) -> tuple[str, ...]:
    if shown is None:
        return ()
    lacking = [name for name, figures in shown["metrics"].items() if figures["missing"] > 0]
    return shown["tier"], *sorted(lacking)


def described(replica: Replica, member: str) -> Fact:
    """A member's row in words."""
    assert replica.fold is not None
    number = replica.dictionaries.members.numbers[member]
    return describe_row(replica.fold, replica.fold.state, number)
