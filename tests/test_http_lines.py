"""Long NDJSON bodies go to columns, short ones fact by fact: nobody can tell from the answers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from vafa.server.decode import FEW_LINES, decode_block

from . import servers
from .servers import NDJSON, Fact, Server, days_ago, dumps, fact, lines_of

NUMBERS = count()


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "workers"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """Two servers over ledgers of their own, which are asked the same."""
    folder: Path = tmp_path_factory.mktemp("lines")
    with (
        servers.serving(folder / "long", workers=request.param) as long,
        servers.serving(folder / "short", workers=request.param) as short,
    ):
        yield long, short


def activity(name: str) -> Fact:
    """A fact that is no sale: a body that ends with it is decoded fact by fact."""
    return {
        "id": name, "kind": "activity", "occurred_at": days_ago(0.5), "member": "somebody",
        "code": "review", "quantity": 1,
    }  # fmt: skip


def alike(pair: tuple[Server, Server], lines: Sequence[Fact | bytes], **headers: str) -> list[Fact]:
    """The answers in columns, which are those of facts one by one to the letter."""
    long, short = pair
    told = long.post(lines_of(*lines), NDJSON, **headers)
    assert told.status == 200
    other = activity(f"other-{next(NUMBERS)}")
    apart = short.post(lines_of(*lines, other), NDJSON, **headers).body.splitlines()
    assert told.body.splitlines() == apart[:-1]
    assert long.post(other).status == 201
    rows: list[Fact] = told.rows()
    return rows


def sales(name: str, count: int = 3 * FEW_LINES, members: int = 4) -> list[Fact]:
    """Sales of a few members, in the order of time."""
    return [
        fact(f"{name}-{n}", member=f"عضو {name} {n % members}", occurred_at=days_ago(30 - n / 10),
             lines=[{"sku": f"کالا {k}", "quantity": 1_000, "net": 70_000 * (n + k)}
                    for k in range(1 + n % 3)], tenders=[])
        for n in range(count)
    ]  # fmt: skip


def test_sales_are_answered_alike(pair: tuple[Server, Server]) -> None:
    facts = sales("plain")
    assert decode_block(lines_of(*facts)) is not None
    rows = alike(pair, facts)
    assert {row["status"] for row in rows} == {"ok"}
    assert any("limit" in posting for row in rows for posting in row["postings"])
    # All known now.
    assert {row["status"] for row in alike(pair, facts)} == {"replayed"}


def test_late_sales_correct_others(pair: tuple[Server, Server]) -> None:
    facts = sales("خرید دیر", members=3)
    alike(pair, facts[::2])
    rows = alike(pair, facts[1::2])
    assert any("corrects" in posting for row in rows for posting in row["postings"])


def test_bad_lines_stand_at_their_places(pair: tuple[Server, Server]) -> None:
    lines: list[Fact | bytes] = list(sales("bad"))
    draw = random.Random(4)
    for bad in (b"{", dumps(fact("bad-x", member=7)), b"[]", dumps(fact("bad-y", lines=[])),
                b'"\xff"', dumps(fact("bad-z", kind="sail"))):  # fmt: skip
        lines.insert(draw.randrange(len(lines)), bad)
    lines.append(dumps(fact("bad-1", member="another")))
    rows = alike(pair, lines)
    assert sum(row["status"] == "refused" for row in rows) == 7
    told = alike(pair, lines, Accept_Language="fa")
    assert sum("ی" in str(row.get("problem")) for row in told) == 7


def test_blank_lines_are_counted(pair: tuple[Server, Server]) -> None:
    lines: list[Fact | bytes] = [row for one in sales("blank") for row in (b" \t\r", one)]
    long, _ = pair
    rows = long.post(lines_of(*lines), NDJSON).rows()
    assert [row["line"] for row in rows] == list(range(2, len(lines) + 1, 2))


def test_other_facts_between_are_taken_in_order(pair: tuple[Server, Server]) -> None:
    facts = sales("mixed")
    back = {
        "id": "mixed-back", "kind": "return", "occurred_at": days_ago(1),
        "member": facts[8]["member"],
        "sale": "mixed-8", "store": "2", "terminal": "t1",
        "lines": [{"line": 1, "quantity": 1_000, "net": facts[8]["lines"][0]["net"]}],
    }  # fmt: skip
    assert decode_block(lines_of(*facts, back)) is None
    rows = pair[0].post(lines_of(*facts[:20], back, *facts[20:]), NDJSON).rows()
    assert rows[20]["id"] == "mixed-back"
    assert {row["status"] for row in rows} == {"ok"}


def test_sales_that_say_more_are_read_one_by_one() -> None:
    facts = sales("more")
    facts[3] = fact("more-3", member="m", channel="app")
    assert decode_block(lines_of(*facts)) is None
    assert decode_block(lines_of(*facts[4:])) is not None
    assert decode_block(lines_of(*facts[4 : 4 + FEW_LINES - 1])) is None
