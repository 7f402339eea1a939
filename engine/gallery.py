"""The gallery: programs with a short history each, and what it must come to.

A folder of the gallery holds `program.toml`, `facts.ndjson` and `expected.json`. The figures
of the last were worked out by hand from the rulebook; `play` commits the facts to a new
ledger, one by one as a till sends them, and tells both side by side.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, field

from vafa.native.wire import Sale

from .checks.holiday_calendars import resolve_holidays
from .checks.program_file import read_program
from .columns.answers import Answer, corrected, instant_text, posting_details, stored_postings
from .facts import KINDS, JointFact, PublishFact
from .facts.parts import instant_us
from .journal.journal import LedgerError
from .ledger.replay import verify
from .ledger.writer import Writer
from .quotes.form import decode_basket
from .quotes.quotes import quote
from .replica.replica import Replica
from .views.gift_cards import gift_card_view
from .views.views import member_view
from .wire.json_facts import decode_fact

EXPECTED = "expected.json"
HOLIDAYS_TO = 2035

_PARTS = {KINDS.index("closing"), KINDS.index("profit share in")}
"""Kinds of the rows that a fact of no member has for members."""


class About(Struct, frozen=True, forbid_unknown_fields=True):
    """Title in English and Persian, the mechanism that is theirs, the names that it shows."""

    en: str
    fa: str
    mechanism: str
    shows: list[str]


class Outcome(Struct, frozen=True, forbid_unknown_fields=True):
    """What a fact comes to: `ok`, `parked` or `refused REASON`, and its postings in words.

    `why` is how the figures were worked out. A quote has `offers`, each with what it takes off
    or why it does not apply, and what is `redeemable`.
    """

    why: str = ""
    status: str = "ok"
    postings: list[str] = []
    offers: list[str] = []
    redeemable: list[str] = []


class Figures(Struct, frozen=True, forbid_unknown_fields=True):
    """A balance in units of the currency."""

    active: int = 0
    pending: int = 0
    held: int = 0
    debt: int = 0


class Standing(Struct, frozen=True, forbid_unknown_fields=True):
    """A member at an instant; `missing` is what the next tier asks beyond what there is.

    `entitlements` are those of the plans that are paid then.
    """

    member: str
    at: dt.datetime
    balances: dict[str, Figures]
    tier: str | None = None
    purchases: int | None = None
    missing: dict[str, int] | None = None
    entitlements: list[str] | None = None
    why: str = ""


class OnCard(Struct, frozen=True, forbid_unknown_fields=True):
    """What is on a gift card at an instant, in minor units."""

    card: str
    at: dt.datetime
    balance: int
    why: str = ""


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """What a history must come to.

    `facts` has every fact of a member by its id, and what a closed day, a profit share or a
    late catalogue gives a member by `ID/MEMBER`.
    """

    about: About
    facts: dict[str, Outcome]
    members: list[Standing] = field(default_factory=list)
    cards: list[OnCard] = field(default_factory=list)


class Entry(NamedTuple):
    """A program of the gallery."""

    name: str
    folder: Path
    expected: Expected


class Check(NamedTuple):
    """One thing that was expected, and what came."""

    what: str
    expected: str
    got: str
    why: str = ""

    @property
    def right(self) -> bool:
        """Whether they are the same."""
        return self.expected == self.got


def entries(folder: Path) -> list[Entry]:
    """The programs of a gallery by name. Raises LedgerError for one that cannot be read."""
    found = []
    for path in sorted(folder.glob(f"*/{EXPECTED}")):
        try:
            expected = msgspec.json.decode(path.read_bytes(), type=Expected)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LedgerError(f"{path}: {error}") from None
        found.append(Entry(path.parent.name, path.parent, expected))
    return found


def play(entry: Entry, ledger: Path) -> list[Check]:
    """Play an entry's history in a new ledger; every expectation beside what came."""
    text, program = read_program(entry.folder / "program.toml")
    holidays = resolve_holidays(program, 2000, HOLIDAYS_TO)
    told: dict[str, Outcome] = {}
    with Writer(ledger) as writer:
        # PINs are thrown away with the ledger.
        writer.private().pepper = secrets.token_bytes(32)
        since = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        writer.publish_program(PublishFact("program", since, text, holidays))
        rows = (entry.folder / "facts.ndjson").read_bytes().splitlines()
        for row in filter(None, rows):
            told |= _commit(writer, row)
        checks = list(_compared(entry.expected, told))
        checks += [_stands(writer.replica, standing) for standing in entry.expected.members]
        checks += [_on_card(writer.replica, card) for card in entry.expected.cards]
    report = verify(ledger)
    found = "; ".join(map(str, report.findings)) or "clean"
    return [*checks, Check("replay", "clean", found)]


def _commit(writer: Writer, row: bytes) -> dict[str, Outcome]:
    """What one fact comes to, by its id, and what it gives other members."""
    given = msgspec.json.decode(row)
    if given["kind"] == "quote":
        return {given["id"]: _quoted(writer, row)}
    fact = decode_fact(row)
    verdict = writer.commit_fact(fact, force=True)
    if verdict.refusal is not None:
        return {fact.id: Outcome(status=f"refused {verdict.refusal.slug}")}
    assert verdict.answer is not None
    if not isinstance(fact, Sale | JointFact):
        return dict(_closings(writer.replica, verdict.answer))
    return {fact.id: _outcome(verdict.answer)}


def _outcome(answer: Answer) -> Outcome:
    status = answer["status"]
    if "reason" in answer:
        status = f"{status} {answer['reason']}"
    return Outcome(status=status, postings=[posting_text(p) for p in answer["postings"]])


def _quoted(writer: Writer, row: bytes) -> Outcome:
    """What a basket would come to where it stands in the history; nothing is written."""
    now = writer.now()
    verdict = quote(writer.replica, decode_basket(row, now), now, force=True)
    if verdict.refusal is not None:
        return Outcome(status=f"refused {verdict.refusal.slug}")
    assert verdict.answer is not None
    answer = verdict.answer
    return Outcome(
        "", _outcome(answer).status,
        [posting_text(p) for p in answer["postings"] if _moves(p)],
        [_offer_text(offer) for offer in answer["offers"]],
        [f"{r['points']:,} {r['currency']} as {r['tender']}"
         + (f" for {r['money']:,}" if r["money"] is not None else "")
         for r in answer["redeemable"]],
    )  # fmt: skip


def _offer_text(offer: Answer) -> str:
    """An offer in words: what it takes off and of which lines, or why it does not apply."""
    if not offer["applies"]:
        rival = f" {offer['by']}" if "by" in offer else ""
        return f"{offer['offer']} does not apply: {offer['why']}{rival}"
    words = [offer["offer"]]
    if offer["amount"]:
        lines = ", ".join(f"{line['amount']:,} of line {line['line']}" for line in offer["lines"])
        words.append(f"{offer['amount']:,} off ({lines})")
    else:
        words += [offer["benefit"], *([offer["name"]] if "name" in offer else [])]
        if "item" in offer:
            words.append(f"{offer['item']['quantity']} {offer['item']['sku']}")
    if "limit" in offer:
        words.append(f"by {offer['limit']}")
    return " ".join(words)


def _closings(replica: Replica, answer: Answer) -> Iterator[tuple[str, Outcome]]:
    """What a fact of no member has posted to members, by `ID/MEMBER`."""
    record = replica.journal.find(answer["seq"])
    words = replica.words
    assert record is not None
    assert words is not None
    batch = record.facts()
    found: dict[str, list[str]] = defaultdict(list)
    for row, kind in enumerate(batch.column("kind").to_pylist()):
        if kind not in _PARTS:
            continue
        # A cause's account has a name that no fact may have.
        name = replica.dictionaries.members.names[batch.column("member")[row].as_py()]
        member = name.removeprefix("\x1f")
        columns = stored_postings(batch, row)
        details = posting_details(words, columns, replica.names_of(corrected(columns)))
        found[member] += [posting_text(posting) for posting in details if _moves(posting)]
    for member, postings in sorted(found.items()):
        yield f"{answer['id']}/{member}", Outcome(postings=postings)


def _moves(posting: Answer) -> bool:
    """Whether a posting has points, or tells of some that were given before."""
    return bool(posting["points"] or posting.get("accrued"))


def posting_text(posting: Answer) -> str:
    """A posting in words: `earn base 60 points`, with the limit that cut it."""
    figure = posting["points"] or posting.get("accrued", 0)
    words = [posting["kind"], posting["rule"], f"{figure:,}", posting["currency"]]
    if "limit" in posting:
        words.append(f"of {posting['desired']:,} by {posting['limit']}")
    if "corrects" in posting:
        words.append(f"for {posting['corrects']}")
    return " ".join(word for word in words if word)


def _compared(expected: Expected, told: dict[str, Outcome]) -> Iterator[Check]:
    """Facts in the order of commitment, then what was expected and did not come."""
    nothing = Outcome(status="not there")
    for name in [*told, *(name for name in expected.facts if name not in told)]:
        wanted = expected.facts.get(name, nothing)
        yield Check(name, _said(wanted), _said(told.get(name, nothing)), wanted.why)


def _said(outcome: Outcome) -> str:
    said = "; ".join([*outcome.postings, *outcome.offers])
    if outcome.redeemable:
        said += f"; redeemable {' and '.join(outcome.redeemable)}"
    return f"{outcome.status}: {said or 'nothing'}"


def _stands(replica: Replica, wanted: Standing) -> Check:
    """A member at an instant; what the expectation leaves out is left out of both."""
    shown = member_view(replica, wanted.member, instant_us(wanted.at))
    what = f"{wanted.member} at {instant_text(instant_us(wanted.at))}"
    if shown is None:
        return Check(what, _standing_text(wanted), "not a member", wanted.why)
    had = {
        "purchases": shown["purchases"],
        "missing": _missing(shown.get("progress")),
        "entitlements": shown.get("entitlements", []),
    }
    found = Standing(
        wanted.member, wanted.at,
        {name: Figures(**figures) for name, figures in shown["balances"].items()}, shown["tier"],
        **{name: value for name, value in had.items() if getattr(wanted, name) is not None},
    )  # fmt: skip
    every = dict.fromkeys(found.balances, Figures()) | wanted.balances
    asked = msgspec.structs.replace(wanted, balances=every)
    return Check(what, _standing_text(asked), _standing_text(found), wanted.why)


def _on_card(replica: Replica, wanted: OnCard) -> Check:
    at = instant_us(wanted.at)
    shown = gift_card_view(replica, wanted.card, at)
    got = "not a card" if shown is None else f"{shown['balance']:,} on it"
    what = f"card {wanted.card} at {instant_text(at)}"
    return Check(what, f"{wanted.balance:,} on it", got, wanted.why)


def _missing(progress: dict[str, Any] | None) -> dict[str, int]:
    if progress is None:
        return {}
    return {name: figures["missing"] for name, figures in progress["metrics"].items()
            if figures["missing"]}  # fmt: skip


def _standing_text(standing: Standing) -> str:
    said = [standing.tier] if standing.tier is not None else []
    for currency, figures in standing.balances.items():
        parts = [f"{name} {value:,}" for name in Figures.__struct_fields__
                 if (value := getattr(figures, name)) or name == "active"]  # fmt: skip
        said.append(f"{currency} {' '.join(parts)}")
    if standing.purchases is not None:
        said.append(f"{standing.purchases} purchases")
    if standing.missing is not None:
        lacks = [f"{value:,} {name}" for name, value in sorted(standing.missing.items())]
        said.append(f"lacks {' and '.join(lacks) or 'nothing'}")
    if standing.entitlements is not None:
        said.append(f"entitled to {' and '.join(sorted(standing.entitlements)) or 'nothing'}")
    return "; ".join(said)
