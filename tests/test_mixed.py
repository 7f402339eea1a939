"""Facts of every kind through a ledger: arrival, batches, restarts, readers change nothing."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from vafa.engine.facts import CatalogFact, DayClosedFact, ProductFact, PublishFact
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica, state_path
from vafa.engine.views.views import member_view

from . import memberships, mixed
from .cases import Case, Fact

SEEDS = range(int(os.environ.get("VAFA_MIXED", "6")))


def verified(writer: Writer) -> str:
    """Close a ledger, verify it, follow it from the journal alone; its state hash."""
    made = mixed.hash_of(writer.replica)
    writer.close()
    report = verify(writer.ledger)
    assert report.findings == []
    assert report.state_hash == made
    shutil.rmtree(state_path(writer.ledger))
    reader = Replica.open(writer.ledger)
    assert mixed.hash_of(reader) == made
    assert reader.parked == writer.replica.parked
    assert reader.standing.budgets.totals == writer.replica.standing.budgets.totals
    reader.close()
    return made


@pytest.mark.parametrize("seed", SEEDS)
def test_any_arrival_order_gives_the_same_state(tmp_path: Path, seed: int) -> None:
    facts = mixed.safe(seed)
    draw = random.Random(seed)
    hashes = set()
    for order in range(3):
        writer = mixed.start(tmp_path / str(order))
        became = mixed.load(writer, facts, [(7,), (1,), (3, 20)][order])
        assert set(became) <= {"ok", "parked"}
        assert not writer.replica.parked
        hashes.add(verified(writer))
        draw.shuffle(facts)
    assert len(hashes) == 1


@pytest.mark.parametrize("size", [1, 2, 5])
def test_answers_tell_a_member_as_of_each_fact(tmp_path: Path, size: int) -> None:
    line = {"sku": "tea", "quantity": 1000}
    facts: list[Fact] = [
        {"id": "s08", "kind": "sale", "member": "m", "occurred_at": "2024-05-06T08:00:00Z",
         "lines": [{**line, "net": 1_000}]},
        {"id": "s09", "kind": "sale", "member": "m", "occurred_at": "2024-05-06T09:00:00Z",
         "lines": [{**line, "net": 2_000}]},
        {"id": "r", "kind": "return", "member": "m", "occurred_at": "2024-05-06T10:00:00Z",
         "sale": "s08", "lines": [{**line, "line": 1, "net": 1_000}]},
        {"id": "no", "kind": "redeem", "member": "m", "occurred_at": "2024-05-06T11:00:00Z",
         "currency": "points", "points": 99},
        {"id": "s12", "kind": "sale", "member": "m", "occurred_at": "2024-05-06T12:00:00Z",
         "lines": [{**line, "net": 4_000}]},
    ]  # fmt: skip
    publish: Fact = {
        "id": "p", "kind": "program publish", "program": "p", "occurred_at": "1970-01-01T00:00:00Z",
    }  # fmt: skip
    case = Case("", {"p": memberships.PROGRAM}, [publish, *facts], (size,))
    with Writer(tmp_path) as writer:
        told = mixed.answers(mixed.commit_case(writer, case))
    active = [answer["balances"]["points"]["active"] for answer in told[1:]]
    assert active == [10, 30, 20, 20, 60]


@pytest.mark.parametrize("seed", SEEDS)
def test_batches_and_restarts_change_no_decision(tmp_path: Path, seed: int) -> None:
    facts = mixed.contested(seed)
    runs = []
    for run, sizes in enumerate([(1,), (5,), (100,)]):
        writer = mixed.start(tmp_path / str(run))
        became = mixed.load(writer, facts, sizes)
        runs.append((became, verified(writer)))
    assert runs[0] == runs[1] == runs[2]
    assert any(status not in ("ok", "parked") for status in runs[0][0])
    writer = mixed.start(tmp_path / "restarts")
    became = []
    for place in range(0, len(facts), 9):
        became += mixed.load(writer, facts[place : place + 9], (4,))
        if place % 2:
            writer.close()
        else:
            writer.replica.close()
            os.close(writer._lock)
        writer = Writer(writer.ledger)
    assert (became, verified(writer)) == runs[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_repeats_get_the_first_answer_for_ever(tmp_path: Path, seed: int) -> None:
    facts = mixed.contested(seed)
    writer = mixed.start(tmp_path)
    first = [mixed.answers(mixed.commit(writer, fact))[0] for fact in facts]
    writer.close()
    with Writer(tmp_path) as writer:
        seq = writer.replica.seq
        again = mixed.answers(mixed.commit(writer, *facts))
        assert again == [answer | {"status": "replayed"} for answer in first]
        assert writer.replica.seq == seq


@pytest.mark.parametrize("seed", SEEDS)
def test_closed_days_catalogues_and_programs_among_the_facts(tmp_path: Path, seed: int) -> None:
    facts = mixed.safe(seed, 60)
    draw = random.Random(seed)
    draw.shuffle(facts)
    writer = mixed.start(tmp_path)
    for place in range(0, len(facts), 10):
        assert set(mixed.load(writer, facts[place : place + 10], (4,))) <= {"ok", "parked"}
        when = mixed.at(24 * (place + 31))
        match place // 10 % 3:
            case 0:
                fact = DayClosedFact(f"day {place}", when, mixed.at(24 * (place + 30)).date())
                assert writer.commit_control(fact).refusal is None
            case 1:
                product = ProductFact("tea", brand=f"brand {place}", department="drinks")
                catalog = CatalogFact(f"catalogue {place}", mixed.at(24 * place / 2), [product])
                assert writer.commit_control(catalog).refusal is None
            case _:
                text = (mixed.PROGRAM + mixed.MORE).replace("points = 1\n", f"points = {place}\n")
                program = PublishFact(f"program {place}", mixed.at(24 * place), text)
                assert writer.publish_program(program).refusal is None
    verified(writer)


def test_a_view_of_the_past_is_what_was_then(tmp_path: Path) -> None:
    facts = sorted(mixed.safe(3), key=lambda fact: fact.occurred_at)
    with mixed.start(tmp_path) as writer:
        seen = []
        for fact in facts:
            mixed.commit(writer, fact)
            if fact.occurred_at.timestamp() * 1e6 % 2:
                continue
            us = round(fact.occurred_at.timestamp() * 1_000_000)
            seen.append((fact.member, us, member_view(writer.replica, fact.member, us)))
        later = [f for f in facts if getattr(f, "sale", None) or getattr(f, "returned", None)]
        for member, us, then in seen:
            now = member_view(writer.replica, member, us)
            moved = [f for f in later if f.member == member]
            if then is not None and not moved:
                assert now is not None
                assert {**now, "seq": 0} == {**then, "seq": 0}
