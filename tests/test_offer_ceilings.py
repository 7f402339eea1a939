"""Budgets of offers, and their limits by the anniversary (rulebook sections 3, 8 and 10)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.checks.program_file import ProgramError, parse_program
from vafa.engine.columns.answers import Answer
from vafa.engine.facts import PublishFact
from vafa.engine.ledger.replay import Rebuilt
from vafa.engine.quotes.quotes import quote
from vafa.engine.views.budgets import budget_view

from . import engine_driver, mixed, random_ceilings, reference_driver
from .cases import Case
from .engine_driver import NOW_US
from .outcomes import differences, settled
from .test_claims import Shop, of
from .test_quotes import basket_of

PROGRAM = """
format = 1
id = "ceilings"
unit = { code = "EUR" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100

[[rule]]
id = "tea-week"
kind = "offer"
when = { sku = ["tea"] }
budget = 1_000
benefit = { kind = "percent", percent = 50 }

[[rule]]
id = "present"
kind = "offer"
when = { anniversary = { before = 3, after = 3 } }
limits = { anniversary = 800 }
uses = { anniversary = 2 }
benefit = { kind = "percent", percent = 10 }
"""
DRAWN = 25


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "ledger", PROGRAM)


def buy(
    shop: Shop, name: str, day: str, amount: int, offer: str = "tea-week", member: str = "m",
    **fields: Any,
) -> Answer:
    """A sale of tea and milk of which an offer took an amount off the tea."""
    lines = [
        {"sku": "tea", "quantity": 1000, "net": 2000 - amount, "discount": amount},
        {"sku": "milk", "quantity": 1000, "net": 1000},
    ]
    return shop.send(
        "sale", name, day, member=member, lines=lines,
        offers=[{"offer": offer, "amount": amount}], **fields,
    )  # fmt: skip


def back(shop: Shop, name: str, day: str, sale: str, member: str = "m", line: int = 1) -> Answer:
    """All of a line comes back."""
    net = {1: 1_400, 2: 1_000}[line]
    item = {"line": line, "quantity": 1000, "net": net}
    return shop.send("return", name, day, member=member, sale=sale, lines=[item])


def spent(shop: Shop) -> int:
    """What the offer has taken off for everyone."""
    return shop.writer.replica.standing.budgets.totals.get("tea-week", 0)


def why(shop: Shop, day: str, offer: str, member: str = "m") -> str | None:
    """Why a quote does not offer it; None where it does."""
    basket = basket_of({
        "member": member, "occurred_at": f"{day}T12:00:00Z",
        "lines": [{"sku": "tea", "quantity": 1000, "net": 2000}],
    })  # fmt: skip
    answer = quote(shop.writer.replica, basket, NOW_US, force=True).answer
    assert answer is not None
    told = {one["offer"]: one for one in answer["offers"]}
    return None if told[offer]["applies"] else str(told[offer]["why"])


# -- budgets -----------------------------------------------------------------------------------


def test_an_offer_stops_when_its_budget_is_used_up(shop: Shop) -> None:
    assert of(buy(shop, "s1", "2025-03-01", 600)) == "ok"
    assert why(shop, "2025-03-02", "tea-week", "n") is None
    # The commit that reaches it may go beyond.
    assert of(buy(shop, "s2", "2025-03-02", 600, member="n")) == "ok"
    assert of(buy(shop, "s3", "2025-03-03", 1, member="o")) == "offer-used-up"
    assert why(shop, "2025-03-03", "tea-week", "n") == "budget"
    happened = buy(shop, "s4", "2025-03-04", 100, completed=True)
    told = [p for p in happened["postings"] if p["kind"] == "offer"]
    assert [(p["rule"], p["points"], p["desired"], p["limit"]) for p in told] == [
        ("tea-week", 0, 100, "budget")
    ]
    view = budget_view(shop.writer.replica, "tea-week")
    assert view is not None
    assert (view["currency"], view["budget"], view["given"], view["overrun"]) == (
        None, 1_000, 1_300, 300
    )  # fmt: skip
    assert view["closed"]
    shop.checked()


def test_answers_tell_no_postings_of_offers_that_may_be_had(shop: Shop) -> None:
    answer = buy(shop, "s1", "2025-03-01", 600)
    assert [p["kind"] for p in answer["postings"]] == ["earn"]


def test_goods_that_come_back_give_the_money_back(shop: Shop) -> None:
    buy(shop, "s1", "2025-03-01", 600)
    assert spent(shop) == 600
    # The milk is not what it was given for.
    assert of(back(shop, "r1", "2025-03-02", "s1", line=2)) == "ok"
    assert spent(shop) == 600
    assert of(back(shop, "r2", "2025-03-03", "s1")) == "ok"
    assert spent(shop) == 0
    shop.checked()


def test_a_late_return_moves_what_a_later_one_gave_back(shop: Shop) -> None:
    lines = [
        {"sku": "tea", "quantity": 1000, "net": 1700},
        {"sku": "tea", "quantity": 1000, "net": 1700},
    ]
    shop.send(
        "sale", "s1", "2025-03-01", member="m", lines=lines,
        offers=[{"offer": "tea-week", "amount": 600}],
    )  # fmt: skip

    def one(name: str, day: str, line: int) -> None:
        item = {"line": line, "quantity": 1000, "net": 1700}
        shop.send("return", name, day, member="m", sale="s1", lines=[item])

    one("r2", "2025-03-05", 2)
    assert spent(shop) == 600
    # It comes first, so that the other one is by now what leaves no tea.
    one("r1", "2025-03-02", 1)
    assert spent(shop) == 0
    shop.checked()


def test_a_return_that_waits_gives_back_when_its_sale_comes(shop: Shop) -> None:
    assert of(back(shop, "r1", "2025-03-02", "s1")) == "parked"
    buy(shop, "s1", "2025-03-01", 600)
    assert spent(shop) == 0
    shop.checked()


def test_a_budget_that_comes_later_counts_from_the_beginning(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "ledger", PROGRAM.replace("budget = 1_000\n", ""))
    buy(shop, "s1", "2025-03-01", 600)
    assert spent(shop) == 0
    shop.writer.commit_control(PublishFact("v2", mixed.at(0), PROGRAM))
    assert spent(shop) == 600
    buy(shop, "s2", "2025-03-02", 600, member="n")
    assert of(buy(shop, "s3", "2025-03-03", 1, member="o")) == "offer-used-up"
    shop.checked()


# -- anniversaries -----------------------------------------------------------------------------


def born(shop: Shop, name: str, day: str, birth: str) -> None:
    assert of(shop.send("member update", name, day, member="m", birth=birth)) == "ok"


def test_an_offer_is_limited_by_the_anniversary(shop: Shop) -> None:
    born(shop, "u1", "2025-01-01", "1990-03-02")
    assert why(shop, "2025-03-01", "present") is None
    assert of(buy(shop, "s1", "2025-03-01", 500, "present")) == "ok"
    assert of(buy(shop, "s2", "2025-03-02", 301, "present")) == "offer-used-up"
    assert of(buy(shop, "s3", "2025-03-03", 200, "present")) == "ok"
    assert why(shop, "2025-03-04", "present") == "uses"
    assert of(buy(shop, "s4", "2025-03-04", 1, "present")) == "offer-used-up"
    # Another year, another present.
    assert of(buy(shop, "s5", "2026-03-01", 500, "present")) == "ok"
    shop.checked()


def test_a_changed_date_brings_no_second_present(shop: Shop) -> None:
    born(shop, "u1", "2025-01-01", "1990-12-30")
    assert of(buy(shop, "s1", "2025-12-29", 500, "present")) == "ok"
    # The anniversary of 2026, but only days have passed.
    born(shop, "u2", "2026-01-05", "1990-01-08")
    assert why(shop, "2026-01-07", "present") == "anniversary"
    assert of(buy(shop, "s2", "2026-01-07", 1, "present")) == "offer-used-up"
    # What comes back frees it.
    item = {"line": 1, "quantity": 1000, "net": 1500}
    rest = {"line": 2, "quantity": 1000, "net": 1000}
    shop.send("return", "r1", "2026-01-07", member="m", sale="s1", lines=[item, rest])
    assert why(shop, "2026-01-08", "present") is None
    shop.checked()


# -- the format --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("when = { anniversary = { before = 3, after = 3 } }\n", "", "rule[2].limits.anniversary"),
        ("when = { anniversary = { before = 3, after = 3 } }\n", "", "rule[2].uses.anniversary"),
        ('budget = 1_000\nbenefit = { kind = "percent", percent = 50 }',
         'budget = 1_000\nbenefit = { kind = "service", name = "wrapping" }', "rule[1].budget"),
        ("budget = 1_000", "budget = 0", "budget"),
    ],
)  # fmt: skip
def test_ceilings_that_make_no_sense_are_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(ProgramError) as refused:
        parse_program(PROGRAM.replace(old, new))
    assert message in str(refused.value)


# -- drawn cases -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(DRAWN))
def test_kernel_and_reference_agree_on_drawn_ceilings(number: int) -> None:
    case = random_ceilings.case_of(random.Random(number).randbytes(16))
    alone = Case(case.name, case.programs, case.facts)
    with engine_driver.ledger(alone) as writer:
        ledger = engine_driver.seen(writer.replica, alone)
        replay = Rebuilt(writer.journal).report
        assert replay.clean, replay.findings
        assert replay.state_hash == engine_driver.hash_of(writer.replica)
    reference = reference_driver.run(alone)
    found = list(differences(settled(ledger, alone), settled(reference, alone)))
    assert not found, "\n".join(found[:3])
