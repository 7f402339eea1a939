"""Drawn histories of coupons' codes: the ledger against the reference, one by one and in groups."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from vafa.engine.columns.answers import Answer
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.explain.explain import Explainer, UnknownFact
from vafa.engine.explain.shape import Explanation
from vafa.engine.facts import PublishFact, json_decoder
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.reference.reference import Reference
from vafa.engine.replica.replica import Replica
from vafa.engine.views.views import member_view
from vafa.engine.wire.json_facts import decode_strictly
from vafa.native.wire import Sale

from . import mixed
from .random_coupons import CODES, FAR, MEMBERS, Wire, case
from .test_coupon_codes import book_of
from .test_value_histories import became, conserved, many, viewed

FAR_US = round(mixed.at(0).timestamp() * 1e6) + (FAR - mixed.at(0).date()).days * 86_400_000_000


def decoded(fact: Wire) -> Any:
    """A fact as the reference takes it; nobody's has no member."""
    nobodys = fact["kind"] in ("sale", "return", "coupon redeem") and "member" not in fact
    found = json_decoder.decode(orjson.dumps(fact | {"member": "?"} if nobodys else fact))
    if nobodys:
        found.member = ""
    return found


def shown(answer: Answer) -> Any:
    """What is compared of an answer."""
    codes = [
        (told["code"], told["coupon"] or "", told.get("reason", ""))
        for told in answer.get("coupons", ())
    ]
    status = answer.get("reason", answer["status"])
    waited = {one["id"]: one.get("reason", "ok") for one in answer.get("parked", ())}
    return "ok" if status == "parked" else status, codes, waited


def standing(replica: Replica) -> Any:
    """Accounts, codes and who has used them, after all."""
    book = replica.membership.coupons
    members = {}
    for name in MEMBERS:
        found = member_view(replica, name, FAR_US) if name else None
        if found is not None:
            members[name] = {
                currency: {
                    "active": found["balances"][currency]["active"],
                    "debt": found["balances"][currency]["debt"],
                    **{total: found["totals"][currency][total] for total in (
                        "issued", "expired", "redeemed", "reversed", "donated", "forgiven",
                        "transferred_out", "transferred_in",
                    )},
                }
                for currency in found["balances"]
            }
    return members, {code: book.held(code) for code in CODES}


def differences(ledger: Path, seed: int) -> list[str]:
    """Where ledger and reference differ over a drawn history."""
    text, facts = case(seed)
    reference = Reference()
    reference.submit(PublishFact("program", mixed.at(-24 * 365), text))
    with mixed.start(ledger, text) as writer:
        for fact in facts:
            answer = became(writer, fact)
            conserved(writer)
            expected = reference.submit(decoded(fact))
            told = expected.reason or expected.status
            ours = shown(answer)
            theirs = "ok" if told == "parked" else told, expected.codes, expected.parked
            if fact["kind"] == "claim":
                # Its returns are rows of their own.
                ours, theirs = (*ours[:2], {}), (*theirs[:2], {})
            if ours != theirs:
                return [f"{fact}: {ours}, not {theirs}"]
        members, held = standing(writer.replica)
        found = [
            f"{name}: {one}, not {viewed(reference.member(name, FAR))}"
            for name, one in members.items() if one != viewed(reference.member(name, FAR))
        ]
        uses = {code: reference.coupons.uses(code) for code in CODES}
        if held != uses:
            found.append(f"uses: {held}, not {uses}")
        follower = Replica(writer.journal)
        follower.catch_up()
        assert mixed.hash_of(follower) == mixed.hash_of(writer.replica)
        assert book_of(follower) == book_of(writer.replica)
    return found + verify(ledger).findings


@pytest.mark.parametrize("seed", range(12))
def test_the_ledger_is_as_the_reference(tmp_path: Path, seed: int) -> None:
    assert differences(tmp_path / "ledger", seed) == []


def groups(writer: Writer, facts: list[Wire], draw: random.Random) -> list[Answer]:
    """What a ledger answers to facts that come in groups."""
    answers: list[Answer] = []
    group: list[Sale] = []

    def commit() -> None:
        for verdict in writer.commit(DecodedFacts(list(group)), force=True) if group else ():
            reason = verdict.refusal.slug if verdict.refusal else ""
            answers.append(verdict.answer or {"status": "refused", "reason": reason})
        group.clear()

    for fact in facts:
        one = decode_strictly(orjson.dumps(fact))
        if not isinstance(one, Sale):
            commit()
            answers.append(became(writer, fact))
            continue
        group.append(one)
        if draw.random() < 0.15:
            commit()
    commit()
    return answers


@pytest.mark.parametrize("seed", range(25, 37))
def test_groups_come_to_what_single_facts_do(tmp_path: Path, seed: int) -> None:
    text, facts = case(seed)
    found: list[Any] = []
    for name, share in (("single", 1.0), ("groups", 0.15)):
        with mixed.start(tmp_path / name, text) as writer:
            if share == 1.0:
                answers = [became(writer, fact) for fact in facts]
            else:
                answers = groups(writer, facts, random.Random(seed))
            told = [
                (fact["id"], *shown(answer)[:2])
                for fact, answer in zip(facts, answers, strict=True)
            ]
            found.append((told, standing(writer.replica)))
        assert verify(tmp_path / name).findings == []
    for one, two in zip(found[0][0], found[1][0], strict=True):
        assert one == two
    assert found[0] == found[1]


@pytest.mark.parametrize("seed", range(50, 54))
def test_every_fact_is_explained_as_it_was_booked(tmp_path: Path, seed: int) -> None:
    text, facts = case(seed)
    with mixed.start(tmp_path, text) as writer:
        for fact in facts:
            became(writer, fact)
        explainer = Explainer(writer.replica, "fa")
        for fact in facts:
            try:
                told = explainer.fact(fact["id"])
            except UnknownFact:
                continue
            assert not isinstance(told, Explanation) or told.agrees, told


if __name__ == "__main__":  # python -m tests.test_coupon_histories FIRST LAST
    many(differences, *map(int, sys.argv[1:3]))
