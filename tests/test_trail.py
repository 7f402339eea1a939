"""Rows of a journal record found by their offsets in its message: chains, single rows."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pyarrow as pa
import pytest

from vafa.engine.columns.columns import (
    ADJUST,
    CLAIM,
    CLOSING,
    NO_RULE,
    RETURN,
    SALE,
    Extra,
    encode_extra,
    pick,
)
from vafa.engine.columns.parked import CORRECT
from vafa.engine.columns.records import read_facts
from vafa.engine.columns.schema import FACTS, column
from vafa.native.trail import Trail, gather

FIRST = 100


def _row(**changed: Any) -> dict[str, Any]:
    return {
        "id": "x", "kind": SALE, "status": 0, "at": 0, "member": 7, "previous": 0, "store": 0,
        "terminal": 0, "lines": [], "tenders": [], "program": 1, "tier": -1, "balances": [],
        "postings": [], "payload": None, **changed,
    }  # fmt: skip


def _batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, FACTS)


def _trail(rows: list[dict[str, Any]]) -> Trail:
    return _read(_batch(rows).serialize())


def _read(message: Any) -> Trail:
    return Trail(FIRST, bytes(message) + b"growth", len(message))


CHAIN = [(7, 40), (8, 0), (7, 100), (7, 102), (8, 101)]
"""Members and the seqs before them of the rows that most cases follow."""


def _follow(
    seq: int, until: int = 0, chain: Any = CHAIN, by_row: Any = None
) -> tuple[list[int] | None, int, bool]:
    of = by_row or {}
    rows = [
        _row(member=member, previous=previous) | {name: column[i] for name, column in of.items()}
        for i, (member, previous) in enumerate(chain)
    ]
    return _trail(rows).follow(seq, until, 7, CLOSING)


# -- chains ---------------------------------------------------------------------------------


def test_a_chain_is_followed_out_of_the_record() -> None:
    assert _follow(103) == ([3, 2, 0], 40, True)
    assert _follow(102) == ([2, 0], 40, True)


def test_a_chain_ends_where_it_is_known() -> None:
    assert _follow(103, until=102) == ([3], 102, True)
    assert _follow(103, until=101) == ([3, 2], 100, True)


@pytest.mark.parametrize(
    "strange", [{"status": [0, 9, 9, 0, 0]}, {"kind": [SALE, CLOSING, CLOSING, RETURN, CLAIM]}]
)
def test_a_row_that_was_not_simply_accepted_is_told(strange: dict[str, list[int]]) -> None:
    assert _follow(103, by_row=strange) == ([3, 2, 0], 40, False)
    assert _follow(103, until=102, by_row=strange) == ([3], 102, True)


def test_a_chain_that_does_not_fall_ends_at_its_row() -> None:
    for wrong in (103, 104):
        chain = [*CHAIN[:3], (7, wrong), CHAIN[4]]
        assert _follow(103, chain=chain) == ([3], wrong, True)


def test_another_members_row_is_named() -> None:
    chain = [*CHAIN[:2], (7, 101), *CHAIN[3:]]
    assert _follow(103, chain=chain) == (None, 101, False)


def test_a_seq_must_be_in_the_record() -> None:
    for seq in (99, 105):
        with pytest.raises(IndexError):
            _follow(seq)


# -- rows -----------------------------------------------------------------------------------


def _random_row(random: random.Random, row: int) -> dict[str, Any]:
    def items(**of: int) -> list[dict[str, int]]:
        return [
            {name: random.randrange(most) for name, most in of.items()}
            for _ in range(random.randrange(4))
        ]

    kind = random.choice((SALE, SALE, RETURN, ADJUST, CLOSING))
    payload = random.choice((None, None, encode_extra(Extra(reason=f"r{row}"))))
    return _row(
        id=random.choice(("", "a", "نان", f"fact-{row}")), kind=kind, status=random.randrange(9),
        at=random.randrange(2**50), member=random.randrange(2**32),
        previous=random.randrange(2**60), store=random.randrange(2**32),
        terminal=random.randrange(2**32), program=random.randrange(2**16),
        lines=items(line=2**31, product=2**32, quantity=2**60, net=2**60),
        tenders=items(type=2**32, amount=2**60),
        balances=items(active=9, pending=9, held=9, debt=9),
        postings=items(
            rule=2**16, kind=9, currency=2, limit=9, desired=9, points=9, corrects=2**60
        ),
        payload=payload,
    )  # fmt: skip


@pytest.mark.parametrize("payloads", ["some", "all", "none"])
def test_rows_are_those_that_arrow_reads(payloads: str) -> None:
    drawn = random.Random(7)
    batches = [
        _batch([
            _random_row(drawn, row) | ({} if payloads == "some" else {
                "payload": encode_extra(Extra(code="c")) if payloads == "all" else None
            })
            for row in range(n)
        ])
        for n in (1, 9, 30)
    ]  # fmt: skip
    for batch in batches:
        trail = _read(batch.serialize())
        assert len(trail) == batch.num_rows
        order = list(range(batch.num_rows))
        drawn.shuffle(order)
        facts, ids, program = pick([(trail, row) for row in order])
        theirs = read_facts(batch.take(pa.array(order)))
        assert ids == [batch.column("id")[row].as_py() for row in order]
        assert program.tolist() == column(batch, "program")[order].tolist()
        for name in (field.name for field in dataclasses.fields(facts) if field.init):
            ours, expected = getattr(facts, name), getattr(theirs, name)
            if name == "extras":
                assert (ours or [None] * len(facts)) == (expected or [None] * len(facts))
            else:
                assert ours.dtype == expected.dtype
                assert ours.tolist() == expected.tolist(), name
        for row in order:
            assert trail.head(row) == tuple(
                batch.column(name)[row].as_py() for name in ("kind", "status", "member")
            )
            assert trail.before(row) == batch.column("previous")[row].as_py()
            assert trail.id(row) == batch.column("id")[row].as_py()
            assert trail.payload(row) == batch.column("payload")[row].as_py()


def test_rows_of_several_records() -> None:
    one, other = _trail([_row(id="a"), _row(id="b")]), _trail([_row(id="c")])
    assert gather([(other, 0), (one, 1), (other, 0)])[0] == ["c", "b", "c"]
    assert gather([])[:2] == ([], None)


def test_what_a_row_tells_of_parked_facts() -> None:
    def posting(**changed: int) -> dict[str, int]:
        return {
            "rule": NO_RULE, "kind": CORRECT, "currency": 0, "limit": 5, "desired": 0,
            "points": 0, "corrects": 42, **changed,
        }  # fmt: skip

    others = [{"rule": 3}, {"kind": CORRECT + 1}, {"points": 1}, {"corrects": 0}]
    trail = _trail([
        _row(postings=[posting(limit=9)]),
        _row(postings=[*(posting(**change) for change in others), posting(), posting(corrects=7)]),
    ])  # fmt: skip
    assert trail.told(0, CORRECT) == [(42, 9)]
    assert trail.told(1, CORRECT) == [(42, 5), (7, 5)]


def test_nothing_is_read_beyond_a_record() -> None:
    trail = _trail([_row(), _row()])
    for row in (-1, 2):
        for ask in (trail.before, trail.head, trail.id, trail.payload):
            with pytest.raises(IndexError):
                ask(row)
        with pytest.raises(IndexError):
            trail.told(row, CORRECT)
        with pytest.raises(IndexError):
            gather([(trail, row)])


# -- messages -------------------------------------------------------------------------------


def _message() -> bytes:
    return bytes(_batch([
        _row(id="abc", lines=[{"line": 1, "product": 2, "quantity": 3, "net": 4}],
             tenders=[{"type": 1, "amount": 4}], payload=b"\x80"),
        _row(id="d"),
    ]).serialize())  # fmt: skip


def test_other_messages_are_no_facts() -> None:
    message: Any = _message()
    others = pa.RecordBatch.from_pydict({"a": [1, 2]}).serialize()
    packed = _batch([_row()]).serialize()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, FACTS, options=options) as writer:
        writer.write_batch(_batch([_row()] * 1000))
    stream = pa.ipc.MessageReader.open_stream(sink.getvalue())
    schema = stream.read_next_message().serialize()
    compressed = stream.read_next_message().serialize()
    for other in (b"", b"x" * 64, bytes(packed)[8:], schema, compressed, others):
        with pytest.raises(ValueError, match="batch of"):
            _read(other)
    for size in (-1, len(message) + 1):
        with pytest.raises(ValueError, match="not a record batch"):
            Trail(FIRST, message, size)


def test_no_broken_message_is_read_beyond_its_end() -> None:
    # Records are checked before they are read; this holds that a wrong offset, whatever it is,
    # is found too, since nothing else stands between it and the memory.
    message = _message()
    cut = [message[:end] for end in range(0, len(message), 5)]
    changed = [
        message[:place] + bytes([value]) + message[place + 1 :]
        for place in range(len(message)) for value in (0x00, 0x7F, 0xFF)
    ]  # fmt: skip
    found = 0
    for broken in cut + changed:
        try:
            trail = _read(broken)
            rows = [(trail, row) for row in range(min(len(trail), 3))]
            gather(rows)
            for _, row in rows:
                trail.told(row, CORRECT)
        except (ValueError, IndexError):
            found += 1
    assert found > len(cut)
