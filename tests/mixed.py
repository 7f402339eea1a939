"""A ledger with facts of every kind, made from numbers: for order, restarts and replays.

The facts of `safe` are accepted in whatever order they come, those of `contested` as the
points allow.
"""

from __future__ import annotations

import datetime as dt
import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vafa.engine.checks.holiday_calendars import resolve_holidays
from vafa.engine.columns.answers import Answer
from vafa.engine.columns.carrier import carrier_of
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.columns.verdicts import Verdict
from vafa.engine.facts import (
    KINDS,
    ActivityFact,
    AdjustFact,
    ControlFact,
    EnrolFact,
    JointFact,
    LineFact,
    LoneFact,
    MemberFact,
    PrivateFact,
    PublishFact,
    RedeemFact,
    ReturnedLine,
    ReturnFact,
    ReturnPart,
    SaleFact,
    TenderFact,
)
from vafa.engine.ledger.digest import state_hash
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.wire.json_facts import decode_fact
from vafa.native.wire import Sale

from .cases import PUBLISH, Case, Fact, body, is_control, unchecked

PROGRAM = """
format = 1
id = "mixed"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"
expiry = { policy = "after", months = 2 }
caps = { day = 4_000 }

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100
"""
MORE = """
[[rule]]
id = "tea"
kind = "multiply"
factor = 2
when = { sku = ["tea"] }

[[rule]]
id = "review"
kind = "bonus"
points = 10
when = { activity = ["review"] }
uses = { month = 3 }

[ladder]
window = "year"

[[ladder.tier]]
id = "bronze"

[[ladder.tier]]
id = "silver"
at_least = { spend = 50_000 }
"""

CLOSING, BUDGET_CLOSED = KINDS.index("closing"), KINDS.index("budget closed")
START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
MEMBERS = 5


def at(hours: float) -> dt.datetime:
    """An instant some hours after the start."""
    return START + dt.timedelta(hours=hours)


def sale(name: str, hours: float, net: int = 10_000, member: str = "m", **more: Any) -> SaleFact:
    """A sale of one line."""
    lines = more.pop("lines", [LineFact(more.pop("sku", "milk"), 1000, net)])
    return SaleFact(id=name, occurred_at=at(hours), member=member, lines=lines, **more)


def back(
    name: str, hours: float, of: str | None, net: int = 10_000, member: str = "m",
    quantity: int = 0,
) -> ReturnFact:
    """A return of an amount of line 1 of a sale."""
    return ReturnFact(name, at(hours), member, [ReturnedLine(quantity, net, 1)], of)


def redeem(
    name: str, hours: float, points: int, member: str = "m", *, completed: bool = False
) -> RedeemFact:
    """A redemption."""
    return RedeemFact(name, at(hours), member, "points", points, completed)


def adjust(
    name: str, hours: float, points: int, member: str = "m", *, forced: bool = False
) -> AdjustFact:
    """Points given or taken by hand."""
    return AdjustFact(name, at(hours), member, "points", points, "test", "me", None, forced)


def safe(seed: int, count: int = 40) -> list[MemberFact]:
    """Facts of all kinds of which none can be refused, in the order of time or nearly."""
    draw = random.Random(seed)
    facts: list[MemberFact] = []
    left: dict[str, tuple[str, float, int]] = {}
    for number in range(count):
        member = f"m{draw.randrange(MEMBERS)}"
        hours = draw.randrange(0, 24 * 200) + (draw.random() if draw.random() < 0.7 else 0)
        name = f"{seed}-{number}"
        store = draw.choice(("", "1", "2"))
        kind = draw.choice(("sale", "sale", "sale", "return", "activity", "adjust", "redeem",
                            "enrol", "exchange"))  # fmt: skip
        mine = [sale_ for sale_, (whose, _, net) in left.items() if whose == member and net]
        if kind in ("return", "exchange") and not mine:
            kind = "sale"
        if kind in ("return", "exchange"):
            of = draw.choice(mine)
            _, sold, net = left[of]
            taken = draw.choice((net, draw.randint(1, net)))
            left[of] = (member, sold, net - taken)
            # At times before the sale itself: it then stands right after it.
            when = sold + draw.choice((-5, 0, 1, 100, 2000))
            when = min(max(when, 0), 24 * 220)
            if kind == "return":
                facts.append(back(name, when, of, taken, member))
                continue
            part = ReturnPart(of, [ReturnedLine(0, taken, 1)])
            hours = when
        if kind in ("sale", "exchange"):
            net = draw.randint(1, 30_000)
            left[name] = (member, hours, net)
            more: dict[str, Any] = {"returned": part} if kind == "exchange" else {}
            facts.append(sale(
                name, hours, net, member, store=store, sku=draw.choice(("milk", "tea", "نان")),
                tenders=[TenderFact("cash", net)], **more,
            ))  # fmt: skip
        elif kind == "activity":
            facts.append(ActivityFact(name, at(hours), member, "review", 1, store))
        elif kind == "adjust":
            points = draw.choice((50, -40, -3))
            facts.append(adjust(name, hours, points, member, forced=points < 0))
        elif kind == "redeem":
            facts.append(redeem(name, hours, draw.randint(1, 200), member, completed=True))
        else:
            facts.append(EnrolFact(name, at(hours), member, birth=dt.date(1990, 3, 21)))
    return facts


def contested(seed: int, count: int = 40) -> list[MemberFact]:
    """Facts of which some are refused for state: by the points, by what is left of a sale."""
    draw = random.Random(seed)
    facts = safe(seed, count)
    for number in range(count // 3):
        member = f"m{draw.randrange(MEMBERS)}"
        hours, name = draw.randrange(0, 24 * 200), f"{seed}-c{number}"
        match draw.randrange(4):
            case 0:
                facts.append(redeem(name, hours, draw.randint(1, 300), member))
            case 1:
                facts.append(adjust(name, hours, -draw.randint(1, 300), member))
            case 2:
                of = draw.choice(facts).id if draw.random() < 0.9 else "nowhere"
                facts.append(back(name, hours, of, draw.randint(1, 20_000), member))
            case _:
                tenders = [TenderFact("points", 500, draw.randint(1, 200))]
                facts.append(sale(name, hours, 9_000, member, tenders=tenders))
    draw.shuffle(facts)
    return facts


# -- ledgers -------------------------------------------------------------------------------


def start(ledger: Path, program: str = PROGRAM + MORE) -> Writer:
    """A writer of a new ledger."""
    writer = Writer(ledger)
    verdict = writer.publish_program(PublishFact("program", at(-24 * 365), program))
    assert verdict.refusal is None, verdict.refusal
    return writer


@contextmanager
def verified(ledger: Path, program: str = PROGRAM + MORE) -> Iterator[Writer]:
    """As `start`; the ledger is verified at the end, from its checkpoint and from the journal
    alone.
    """
    with start(ledger, program) as writer:
        yield writer
        writer.replica.save()
        live = hash_of(writer.replica)
    report = verify(ledger)
    assert (report.findings, report.state_hash) == ([], live)
    shutil.rmtree(ledger / "state")
    folded = Replica.open(ledger)
    assert hash_of(folded) == live
    folded.close()


def commit(writer: Writer, *facts: MemberFact | JointFact) -> list[Verdict]:
    """Commit facts in one batch."""
    return writer.commit(DecodedFacts([carrier_of(fact) for fact in facts]), force=True)


def commit_case(
    writer: Writer, case: Case, batches: Iterable[Sequence[Fact]] | None = None
) -> list[Verdict]:
    """Commit the facts of a drawn case in its batches, or in others."""
    out: list[Verdict] = []
    for batch in case.batches() if batches is None else batches:
        if is_control(batch[0]):
            assert len(batch) == 1
            out.append(writer.commit_control(control(case, batch[0])))
            continue
        facts = [carried(decode_fact(body(fact))) for fact in batch]
        out += writer.commit(DecodedFacts(facts), force=True)
    return out


def carried(decoded: Sale | LoneFact) -> Sale:
    """A member's decoded fact, or one of several members, in the engine's own form."""
    if isinstance(decoded, Sale):
        return decoded
    assert isinstance(decoded, JointFact)
    return carrier_of(decoded)


def control(case: Case, fact: Fact) -> ControlFact:
    """A case's fact of no member."""
    if fact["kind"] == PUBLISH:
        text = case.programs[fact["program"]]
        return PublishFact(
            fact["id"], dt.datetime.fromisoformat(fact["occurred_at"]), text,
            resolve_holidays(unchecked(text), 2015, 2026),
        )
    decoded = decode_fact(body(fact))
    assert not isinstance(decoded, Sale | JointFact | PrivateFact)
    return decoded


def answers(verdicts: Iterable[Verdict]) -> list[Answer]:
    """The answers of verdicts, none of which is refused for form."""
    found = []
    for verdict in verdicts:
        assert verdict.answer is not None, verdict.refusal
        found.append(verdict.answer)
    return found


def told(writer: Writer, *facts: MemberFact | JointFact) -> list[str]:
    """What became of facts of one batch: the status, of a refusal the reason."""
    return [str(a.get("reason", a["status"])) for a in answers(commit(writer, *facts))]


def load(writer: Writer, facts: Sequence[MemberFact], sizes: Sequence[int] = (7,)) -> list[str]:
    """Commit facts in batches of the sizes given, in turn; what became of each."""
    out: list[str] = []
    place = number = 0
    while place < len(facts):
        size = sizes[number % len(sizes)]
        out += told(writer, *facts[place : place + size])
        place, number = place + size, number + 1
    return out


def hash_of(replica: Replica) -> str:
    """State hash of an open replica."""
    assert replica.fold is not None
    return state_hash(replica.fold.state, replica.dictionaries)


def points(postings: Iterable[Answer]) -> dict[tuple[str | None, str, str | None], int]:
    """Points by rule, kind and the fact corrected."""
    out: dict[tuple[str | None, str, str | None], int] = {}
    for posting in postings:
        key = posting["rule"], posting["kind"], posting.get("corrects")
        out[key] = out.get(key, 0) + posting["points"]
    return out
