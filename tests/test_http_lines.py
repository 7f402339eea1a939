"""Long NDJSON bodies go to columns, short ones fact by fact: nobody can tell from the answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from vafa.server import decode, turns
from vafa.server.decode import FEW_LINES, Block
from vafa.server.problems import ProblemError

from . import servers
from .servers import NDJSON, Fact, Server, days_ago, dumps, fact, lines_of


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


def decode_block(body: bytes) -> Block | None:
    """A body as the server reads it."""
    return asyncio.run(decode.decode_block(body))


def escaped(line: Fact | bytes) -> bytes:
    """The same fact in a text that only the decoder of single facts reads."""
    if isinstance(line, bytes):
        return line
    name = line["id"]
    return dumps(line).replace(dumps(name), b'"\\u%04x' % ord(name[0]) + dumps(name[1:])[1:], 1)


def alike(pair: tuple[Server, Server], lines: Sequence[Fact | bytes], **headers: str) -> list[Fact]:
    """The answers in columns, which are those of facts one by one to the letter."""
    long, short = pair
    told = long.post(lines_of(*lines), NDJSON, **headers)
    assert told.status == 200
    singly = lines_of(*map(escaped, lines))
    assert decode_block(singly) is None
    apart = short.post(singly, NDJSON, **headers)
    assert told.body.splitlines() == apart.body.splitlines()
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


def test_a_repeated_refusal_is_one(pair: tuple[Server, Server]) -> None:
    over = {"kind": "redeem", "id": "over", "occurred_at": days_ago(1), "member": "poor",
            "currency": "points", "points": 10**6}  # fmt: skip
    first, again = (alike(pair, [*sales("beside"), over])[-1] for _ in range(2))
    assert first["status"] == again["status"] == "refused"
    assert first["reason"] == again["reason"] == "insufficient-points"
    assert again["replayed"] is True
    assert "replayed" not in first


def test_others_are_served_between_bad_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_S", 0.0)

    async def count_turns() -> int:
        reading = asyncio.ensure_future(decode.decode_lines(b"{}\n" * 10_000))
        count = 0
        while not reading.done():
            count += 1
            await asyncio.sleep(0)
        return count

    assert asyncio.run(count_turns()) >= 1_000


def test_facts_are_bounded_and_blank_lines_are_none(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "MOST_FACTS", 40)
    row = dumps(sales("one", 1)[0])
    for blank in (b"\n", b" \t\r\n"):
        body = blank * 50 + (row + blank) * 40
        decode.check_facts(body.rstrip())
        decode.check_facts(body)
        found = asyncio.run(decode.decode_lines(body))
        assert [number for number, _ in found] == list(range(51, 91))
        for more in (body + row, body + row + b"\n", body + b"\n\n{}"):
            with pytest.raises(ProblemError, match="more than 40 facts"):
                asyncio.run(decode.decode_block(more))


def test_blank_lines_are_counted(pair: tuple[Server, Server]) -> None:
    lines: list[Fact | bytes] = [row for one in sales("blank") for row in (b" \t\r", one)]
    rows = alike(pair, lines)
    assert [row["line"] for row in rows] == list(range(2, len(lines) + 1, 2))


def test_other_facts_between_are_taken_in_order(pair: tuple[Server, Server]) -> None:
    facts = sales("mixed")
    goods = back("mixed-back", facts[8])
    block = decode_block(lines_of(*facts, goods))
    assert block is not None
    assert [number for number, _ in block.others] == [len(facts) + 1]
    rows = alike(pair, [*facts[:20], goods, *facts[20:]])
    assert rows[20]["id"] == "mixed-back"
    assert {row["status"] for row in rows} == {"ok"}


def test_sales_that_say_more_are_read_one_by_one() -> None:
    facts = sales("more")
    facts[3] = fact("more-3", member="m", channel="app")
    block = decode_block(lines_of(*facts))
    assert block is not None
    assert [number for number, _ in block.others] == [4]
    assert decode_block(lines_of(*facts[4:])) is not None
    assert decode_block(lines_of(*facts[4 : 4 + FEW_LINES - 1])) is None


def back(name: str, sale: Fact, quantity: int = 1_000) -> Fact:
    """A return of a sale's first line, or of a part of it."""
    line = sale["lines"][0]
    return {
        "id": name, "kind": "return", "occurred_at": days_ago(0.7), "member": sale["member"],
        "sale": sale["id"], "store": "2", "terminal": "t1",
        "lines": [{"line": 1, "quantity": quantity, "net": line["net"] * quantity // 1_000}],
    }  # fmt: skip


def drawn(draw: random.Random, name: str) -> list[Fact | bytes]:
    """A body of a till: sales, and between them whatever else a till may send."""
    facts = sales(name, 3 * FEW_LINES, 5)
    lines: list[Fact | bytes] = list(facts)
    members = sorted({one["member"] for one in facts})
    for number in range(draw.randrange(1, 24)):
        sale, other = draw.choice(facts), f"{name}-other-{number}"
        about = {"occurred_at": days_ago(draw.choice((0.5, 20, 25))), "member": sale["member"]}
        made: Fact | bytes = draw.choice((
            back(other, sale), back(other, sale, 500),
            back(other, sale | {"id": "unknown"}),
            fact(other, **about, channel="app"), fact(other, **about, coupons=["تخفیف"]),
            fact(other, **about, tenders=[{"type": "points", "amount": 1}]),
            fact(f"{other}\u0001", **about), fact(other, **about, lines=[]),
            fact(other, **about | {"occurred_at": days_ago(-3)}), fact(sale["id"], **about),
            sale, b"{", b"",
            {"id": other, "kind": "activity", "code": "review", "quantity": 1} | about,
            {"id": other, "kind": "adjust", "points": draw.choice((5, -(10**9))),
             "reason": "care"} | about,
            {"id": other, "kind": "redeem", "points": draw.choice((1, 10**9))} | about,
            {"id": other, "kind": "enrol", "cards": [f"{other}-card"]} | about,
            fact(other, occurred_at=days_ago(0.2), card=f"{name}-other-{number - 1}-card"),
            {"id": other, "kind": "transfer", "to": draw.choice(members), "points": 1} | about,
            {"id": other, "kind": "catalog", "occurred_at": days_ago(40),
             "products": [{"sku": "کالا 0", "brand": other}]},
        ))  # fmt: skip
        lines.insert(draw.randrange(len(lines) + 1), made)
    return lines


@pytest.mark.parametrize("seed", range(12))
def test_bodies_of_all_kinds_are_answered_alike(pair: tuple[Server, Server], seed: int) -> None:
    lines = drawn(random.Random(seed), f"drawn {seed}")
    assert decode_block(lines_of(*lines)) is not None
    alike(pair, lines)
    # Repeats, in another order of the lines.
    random.Random(seed).shuffle(lines)
    alike(pair, lines)
