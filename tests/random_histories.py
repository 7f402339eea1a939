"""Random histories of wire facts: members, their sales, returns and all else, and days closed.

A fact is a dict as it stands on the JSON wire. One block of bytes makes one fact of a
member; facts of a member are in order of time, and so are those of all members together.
`arrival` says how they come: mostly so, some late.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vafa.engine.facts.parts import us_instant

from . import random_facts, vocabulary
from .choices import Choices
from .random_facts import Fact, Past

FACT_BYTES = 64
DAYS_BYTES = 24
CATALOGUE_BYTES = 72


@dataclass
class _Made:
    """A fact with its instant, before it is written down."""

    at: int
    fact: Fact
    late: int = 0
    order: tuple[int, int] = field(default=(0, 0))


def history(
    blocks: Sequence[Sequence[bytes]], table: Any, start: int, certain: bool = False
) -> list[tuple[int, Fact]]:
    """(how late it comes, fact) by time: of a block a fact, of a list of blocks a member.

    `certain` facts are never refused: they are forced, completed, and return no more than
    was sold.
    """
    made: list[_Made] = []
    for place, mine in enumerate(blocks):
        made += _member(mine, table, vocabulary.MEMBERS[place], start, place, certain)
    made.sort(key=lambda one: (one.at, one.order))
    return [(one.late, one.fact) for one in made]


def _member(
    blocks: Sequence[bytes], table: Any, member: str, start: int, place: int, certain: bool
) -> list[_Made]:
    past = Past(member=member, table=table, certain=certain)
    at = start + place * 7 * vocabulary.MINUTE
    made: list[_Made] = []
    for number, block in enumerate(blocks):
        choices = Choices(block)
        late = choices.pick(_LATE)
        at += choices.pick(vocabulary.STEPS_OF_HOLDS if past.given else vocabulary.STEPS)
        name = f"{choices.pick(vocabulary.ID_STARTS)}{place}.{number}"
        body = random_facts.fact(past, choices, at, first=number == 0)
        back = body.pop("back", 0)
        moment = at - back
        made.append(_Made(moment, _head(name, moment, member, body), late, (place, number)))
        past.note(name, made[-1].fact)
    return made


_LATE = (*(0,) * 12, 1, 2, 5, 100)
"""Places by which a fact comes later than its time: at most the end."""


def _head(name: str, at: int, member: str, body: Fact) -> Fact:
    return {"id": name, "kind": body.pop("kind"), "occurred_at": instant(at), "member": member,
            **body}  # fmt: skip


def instant(at: int) -> str:
    """Microseconds as the wire has them."""
    return us_instant(at).isoformat().replace("+00:00", "Z")


def arrival(history: Sequence[tuple[int, Fact]]) -> list[Fact]:
    """The facts in their order of arrival: each so many places late."""
    order = sorted(range(len(history)), key=lambda place: (place + history[place][0], place))
    return [history[place][1] for place in order]


# -- of no member ------------------------------------------------------------------------------


def days_closed(block: bytes, first: str, last: str) -> list[Fact]:
    """Days closed in order, from about the first fact to past the last."""
    choices = Choices(block)
    begin, end = (dt.datetime.fromisoformat(at) for at in (first, last))
    found: list[Fact] = []
    date = begin.date() + dt.timedelta(days=choices.pick((0, 1, 0, 3, 30)))
    for number in range(choices.pick((0, 0, 3, 5, 8))):
        # Over in every zone, whatever the hour at which the date ends.
        moment = dt.datetime.combine(date, dt.time(23, 59), dt.UTC) + dt.timedelta(
            hours=choices.pick((36, 36, 60))
        )
        found.append({
            "id": f"day-{number}", "kind": "day closed",
            "occurred_at": moment.isoformat().replace("+00:00", "Z"),
            "date": date.isoformat(),
        })  # fmt: skip
        step = choices.pick((1, 1, 1, 2, 7, 31, 91, 365))
        if date + dt.timedelta(days=step) > end.date() + dt.timedelta(days=400):
            break
        date += dt.timedelta(days=step)
    return found


def catalogues(block: bytes, later: str) -> list[Fact]:
    """Products and stores from 1970 on, and perhaps once more from a later instant on."""
    choices = Choices(block)
    facts: list[Fact] = [
        {"id": "products", "kind": "catalog", "occurred_at": "1970-01-01T00:00:00Z",
         "products": [_product(choices, sku) for sku in vocabulary.SKUS]},
        {"id": "stores", "kind": "store", "occurred_at": "1970-01-01T00:00:00Z",
         "stores": [_store(choices, store) for store in vocabulary.OF_BASKETS["store"]]},
    ]  # fmt: skip
    if choices.chance(20):
        skus = choices.some(vocabulary.SKUS, 1, 3)
        facts.append({"id": "products again", "kind": "catalog", "occurred_at": later,
                      "products": [_product(choices, sku) for sku in skus]})  # fmt: skip
    if choices.chance(15):
        facts.append({"id": "stores again", "kind": "store", "occurred_at": later,
                      "stores": [_store(choices, choices.pick(("1", "10")))]})  # fmt: skip
    return facts


def _product(choices: Choices, sku: str) -> Fact:
    made: dict[str, Any] = {
        "sku": sku,
        "brand": choices.pick((*vocabulary.BRANDS, None)),
        "department": choices.pick((*vocabulary.DEPARTMENTS, None)),
        "category": choices.pick((*vocabulary.CATEGORIES, None)),
        "supplier": choices.pick((*vocabulary.SUPPLIERS, None)),
        "price_class": choices.pick((*vocabulary.PRICE_CLASSES, None)),
        "on_promotion": choices.pick((None, True, False)),
        "labels": choices.some(vocabulary.LABELS, 0, 2),
        "weighed": choices.chance(20) or None,
    }
    return {name: value for name, value in made.items() if value not in (None, [])}


def _store(choices: Choices, store: str) -> Fact:
    made = {
        "store": store,
        "region": choices.pick((*vocabulary.REGIONS, None)),
        "format": choices.pick((*vocabulary.FORMATS, None)),
    }
    return {name: value for name, value in made.items() if value is not None}
