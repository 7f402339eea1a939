"""Drawn histories of gift cards, rewards and profit shares: the ledger against the reference.

Every decision, every account's balances and totals, every item given; nothing is lost or made
after any commit, and money that is spent from cards is what sales and redemptions say.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from vafa.engine.columns.answers import Answer
from vafa.engine.columns.gift_accounts import ACCOUNT, account_of
from vafa.engine.explain.explain import Explainer
from vafa.engine.explain.shape import Explanation
from vafa.engine.facts import PublishFact, json_decoder
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.reference.answers import MemberView
from vafa.engine.reference.reference import Reference
from vafa.engine.replica.replica import Replica
from vafa.engine.value.causes import cause_statement, causes_view
from vafa.engine.views.gift_cards import gift_card_view
from vafa.engine.views.views import member_view
from vafa.engine.wire.json_facts import decode_strictly

from . import mixed
from .random_value import CARDS, FAR, MEMBERS, Wire, case, orderless, with_cancels

TOTALS = (
    "issued", "expired", "redeemed", "reversed", "donated", "forgiven", "transferred_out",
    "transferred_in",
)  # fmt: skip
ACCOUNTS = (*MEMBERS, *map(account_of, CARDS))
FAR_US = round(mixed.at(0).timestamp() * 1e6) + (FAR - mixed.at(0).date()).days * 86_400_000_000


def became(writer: Writer, fact: Wire) -> Answer:
    """What a ledger answers; a refusal for form is one for its slug."""
    verdict = writer.commit_fact(decode_strictly(orjson.dumps(fact)), force=True)
    if verdict.refusal is not None:
        return {"status": "refused", "reason": verdict.refusal.slug}
    assert verdict.answer is not None
    return verdict.answer


def conserved(writer: Writer) -> None:
    """Nothing is lost or made, in any account (rulebook section 12)."""
    fold = writer.replica.fold
    assert fold is not None
    for member in range(len(writer.replica.dictionaries.members)):
        last_at = fold.state.head(member)[0]
        if last_at is None:
            continue
        for place in range(len(fold.layout.currencies)):
            t = fold.state.totals(member, place, fold.today(last_at))
            assert t["issued"] == (
                t["active"] + t["pending"] + t["held"] + t["redeemed"] + t["expired"]
                + t["reversed"] + t["donated"] + t["transferred_out"] - t["transferred_in"]
                - t["debt"] - t["forgiven"]
            )  # fmt: skip
            assert min(t["active"], t["pending"], t["held"], t["debt"]) >= 0


def seen(replica: Replica, name: str) -> dict[str, Any] | None:
    """An account as a ledger has it after all."""
    found = member_view(replica, name, FAR_US)
    if found is None:
        return None
    return {
        currency: {
            **{part: found["balances"][currency][part] for part in ("active", "debt")},
            **{total: found["totals"][currency][total] for total in TOTALS},
        }
        for currency in found["balances"]
    }


def viewed(view: MemberView) -> dict[str, Any]:
    """An account as the reference has it."""
    return {
        currency: {
            "active": balance.active, "debt": balance.debt,
            **{total: getattr(view.totals[currency], total) for total in TOTALS},
        }
        for currency, balance in view.balances.items()
    }  # fmt: skip


class Money:
    """What cards gave for sales and redemptions, by the answers alone."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    def take(self, fact: Wire, answer: Answer) -> None:
        """An answer of the ledger."""
        if answer["status"] in ("ok", "parked"):
            for tender in fact.get("tenders", ()):
                if "card" in tender:
                    self.spent[tender["card"]] += tender["amount"]
            if fact["kind"] == "gift card redeem":
                self.spent[fact["card"]] += fact["amount"]
        for entry in (answer, *answer.get("parked", ())):
            for refund in entry.get("refunds", ()):
                self.spent[refund["card"]] -= refund["amount"]

    def check(self, replica: Replica) -> None:
        """Nothing else has moved money of a card."""
        for code in CARDS:
            found = gift_card_view(replica, code, FAR_US)
            assert (found["spent"] if found else 0) == self.spent[code]


def differences(ledger: Path, seed: int, *, cancels: bool = False) -> list[str]:
    """Where ledger and reference differ over a drawn history."""
    text, facts = case(seed)
    if cancels:
        facts = with_cancels(facts, seed)
    reference, money = Reference(), Money()
    reference.submit(PublishFact("program", mixed.at(-24 * 365), text))
    with mixed.start(ledger, text) as writer:
        for fact in facts:
            answer = became(writer, fact)
            conserved(writer)
            money.take(fact, answer)
            expected = reference.submit(json_decoder.decode(orjson.dumps(fact)))
            told = answer.get("reason", answer["status"]), answer.get("taken")
            asked = expected.reason or "ok", expected.taken
            if told[0] == "parked":
                told = "ok", told[1]
            asked = ("ok" if asked[0] == "parked" else asked[0]), asked[1]
            if told != asked or answer.get("items", []) != expected.items:
                return [f"{fact}: {told} {answer.get('items')}, not {asked} {expected.items}"]
            waited = {
                one["id"]: one.get("reason", "ok") for one in answer.get("parked", ())
            }  # fmt: skip
            if waited != expected.parked:
                return [f"{fact}: {waited}, not {expected.parked}"]
        if not cancels:
            # A late cancel leaves less for one that took all that was left.
            money.check(writer.replica)
        found = []
        for name in ACCOUNTS:
            ours = seen(writer.replica, name)
            theirs = viewed(reference.member(name, FAR)) if ours is not None else None
            if ours != theirs:
                found.append(f"{name.removeprefix(ACCOUNT)}: {ours}, not {theirs}")
        told_ = {
            (cause["id"], currency): points
            for cause in causes_view(writer.replica) for currency, points in cause["points"].items()
            if points
        }
        if told_ != {key: points for key, points in reference.causes().items() if points}:
            found.append(f"causes: {told_}, not {reference.causes()}")
        for cause in causes_view(writer.replica):
            entries, _ = cause_statement(writer.replica, cause["id"], 10**6)
            sums = Counter[str]()
            for entry in entries:
                sums[entry["currency"]] += entry["points"]
            if sums != Counter(cause["points"]):
                found.append(f"statement of {cause}: {sums}")
        live = mixed.hash_of(writer.replica)
        follower = Replica(writer.journal)
        follower.catch_up()
        assert mixed.hash_of(follower) == live
    report = verify(ledger)
    return found + report.findings


@pytest.mark.parametrize("seed", range(25))
def test_the_ledger_is_as_the_reference(tmp_path: Path, seed: int) -> None:
    assert differences(tmp_path / "ledger", seed) == []


@pytest.mark.parametrize("seed", range(25, 45))
def test_cancels_and_exchanges_of_cards_are_as_the_reference(tmp_path: Path, seed: int) -> None:
    assert differences(tmp_path / "ledger", seed, cancels=True) == []


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_arrival_changes_no_account(tmp_path: Path, seed: int) -> None:
    text, cards, facts = orderless(seed)
    found: list[Any] = []
    for turn in range(4):
        if turn:
            random.Random(100 * seed + turn).shuffle(facts)
        with mixed.start(tmp_path / str(turn), text) as writer:
            for fact in (*cards, *facts):
                assert became(writer, fact)["status"] in ("ok", "parked"), fact
            found.append({name: seen(writer.replica, name) for name in ACCOUNTS})
        assert verify(tmp_path / str(turn)).findings == []
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("seed", range(30, 34))
def test_every_fact_is_explained_as_it_was_booked(tmp_path: Path, seed: int) -> None:
    text, facts = case(seed)
    with mixed.start(tmp_path, text) as writer:
        taken = [
            fact["id"] for fact in facts if became(writer, fact)["status"] in ("ok", "parked")
        ]  # fmt: skip
        explainer = Explainer(writer.replica, "en")
        for name in taken:
            told = explainer.fact(name)
            assert not isinstance(told, Explanation) or told.agrees, told


def many(differ: Callable[[Path, int], list[str]], first: int, last: int) -> None:
    """Many seeds, for a longer run: what differs of each is printed."""
    for seed in range(first, last):
        ledger = Path(f"drawn-{seed}.ledger")
        try:
            found = differ(ledger, seed)
        finally:
            shutil.rmtree(ledger, ignore_errors=True)
        if found:
            print(seed, *found, sep="\n  ")


if __name__ == "__main__":  # python -m tests.test_value_histories FIRST LAST
    many(differences, *map(int, sys.argv[1:3]))
