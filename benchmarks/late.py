"""A late fact: what the replay of its member costs beyond a fact that comes in order."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.formats import complete_journey
from vafa.engine.ledger.writer import Writer
from vafa.engine.wire.json_facts import decode_fact
from vafa.native.wire import Sale

from .ledger import load, open_with_program, repeated, temporary_ledger

MEMBERS = 60
SALE = (
    '{{"id":"{id}","kind":"sale","occurred_at":"{at}","member":"{member}","store":"1",'
    '"terminal":"1","lines":[{{"sku":"s","quantity":1000,"net":1250}}]}}'
)


def measure(rounds: int = 3, data: Path | None = None) -> dict[str, float]:
    """Milliseconds a commit of one sale, durable: in order; late beyond that; first touch.

    The members are those with 60 to 200 baskets in the year. The first late fact of a member
    reads its chain from the journal; those after it find it in memory.
    """
    year = complete_journey.read(data)
    in_order, first, again = [], [], []
    for _ in range(rounds):
        with temporary_ledger() as ledger:
            writer = open_with_program(ledger, year)
            load(writer, repeated(year, 1))
            members = _busy(writer)
            in_order += [_commit(writer, f"n{m}", m, "2018-06-01T12:00:00Z") for m in members]
            first += [_commit(writer, f"l{m}", m, "2017-06-01T12:00:00Z") for m in members]
            again += [_commit(writer, f"a{m}", m, "2017-05-01T12:00:00Z") for m in members]
            writer.close()
    return {
        "in_order_ms": median(in_order),
        "late_ms": median(again) - median(in_order),
        "first_touch_ms": median(first) - median(in_order),
    }


def _busy(writer: Writer) -> list[str]:
    """Some members with many baskets."""
    replica = writer.replica
    assert replica.fold is not None
    state = replica.fold.state
    names = replica.dictionaries.members.names
    found = [name for number, name in enumerate(names) if 60 <= state.head(number)[2] <= 200]
    assert len(found) >= MEMBERS
    return found[:MEMBERS]


def _commit(writer: Writer, name: str, member: str, at: str) -> float:
    fact = decode_fact(SALE.format(id=name, at=at, member=member).encode())
    assert isinstance(fact, Sale)
    started = time.perf_counter()
    (verdict,) = writer.commit(DecodedFacts([fact]), force=True)
    seconds = time.perf_counter() - started
    assert verdict.refusal is None
    return seconds * 1e3
