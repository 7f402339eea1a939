"""The random cases themselves: sound, decodable, and rich enough to be worth comparing."""

from __future__ import annotations

import importlib
import os
import pkgutil
import tomllib
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings

import vafa.engine.program
from vafa.engine.checks.program_file import parse_program
from vafa.engine.program.program import Program
from vafa.engine.wire.json_facts import decode_fact

from . import cases as case_format
from . import random_programs, strategies
from .cases import PUBLISH, Case

EXAMPLES = min(300, int(os.environ.get("VAFA_EXAMPLES", "300")))
PROFILE = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@PROFILE
@given(strategies.cases())
def test_every_case_is_sound_and_can_be_written_down(case: Case) -> None:
    for text in case.programs.values():
        parse_program(text)
        table = tomllib.loads(text, parse_float=Decimal)
        assert random_programs.program_text(table) == text
    for fact in case.facts:
        if fact["kind"] != PUBLISH:
            decode_fact(case_format.body(fact))
    assert case_format.read_row(case.name, case_format.row(case)) == case
    assert [f for batch in case.batches() for f in batch] == case.facts
    names = [fact["id"] for fact in case.facts]
    assert len(set(names)) == len(names)


# -- what programs say -------------------------------------------------------------------------

UNSAID = {
    "Holidays.country", "Holidays.remove", "Program.title", "Unit.exponent", "Unit.code",
    "Bonus.round", "Bonus.title", "Earn.title", "Multiply.title", "Offer.title",
    "Plan.title", "Membership.pin_attempts", "Membership.unknown_cards", "Program.gift_cards",
    "Program.reward", "Program.referral", "Program.claim_days", "Conditions.draw",
    "Redemption.over", "Redemption.at_least", "Redemption.maximum", "Conditions.min_basket",
    "Offer.budget", "OfferLimits.anniversary", "Program.on_account", "Earn.accrual",
    "Multiply.accrual", "Bonus.accrual", "Program.coupon", "NotConditions.draw",
    "NotConditions.min_basket", "AmountOff.units", "AmountOff.which", "Bundle.times",
    "BuyGet.each_set", "BuyGet.round", "BuyGet.times", "NForM.each_set", "NForM.times",
    "AmountOff.of", "NForPrice.times", "Percent.of", "Percent.round", "Percent.units",
    "Percent.which", "SpendBands.round", "VolumeBands.round",
}  # fmt: skip
"""Fields that change no figure here, that stand for others of their kind, or that the drawn cases
of their own tests say."""
ELSEWHERE = ("Reward", "GiftCards", "Referral", "Coupon", "CouponConditions", "Draw")
"""Types that the random histories here have no facts for: their own tests draw them."""
SPENDING = {
    "hold", "capture", "release", "cancel", "hold.expires_at", "hold.completed", "capture.points",
    "capture.partial", "capture.completed", "cancel.points", "tender.ref",
}  # fmt: skip
"""Facts of spending, and their fields."""


def said(value: Any, found: Counter[str]) -> None:
    """Count the fields of a program that differ from their defaults, and words in choices."""
    if isinstance(value, msgspec.Struct):
        kind = type(value)
        for info in msgspec.structs.fields(kind):
            mine = getattr(value, info.name)
            default = info.default
            if info.default_factory is not msgspec.NODEFAULT:
                default = info.default_factory()
            if mine != default:
                found[f"{kind.__name__}.{info.name}"] += 1
                if isinstance(mine, str):
                    found[f"{kind.__name__}.{info.name}={mine}"] += 1
                said(mine, found)
    elif isinstance(value, list | tuple):
        for item in value:
            said(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            said(item, found)


def test_programs_use_all_of_the_format() -> None:
    found: Counter[str] = Counter()

    @settings(PROFILE, max_examples=700, database=None, derandomize=True)
    @given(strategies.programs())
    def look(table: strategies.Table) -> None:
        said(random_programs.program_of(table), found)

    look()
    wanted = {
        f"{kind.__name__}.{name}"
        for module in pkgutil.iter_modules(vafa.engine.program.__path__)
        for kind in vars(importlib.import_module(f"vafa.engine.program.{module.name}")).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and not
        kind.__name__.startswith("_")
        for name in kind.__struct_fields__
    }
    missing = {name for name in wanted - set(found) if name.split(".")[0] not in ELSEWHERE}
    assert sorted(missing - UNSAID) == []
    words = {
        "Earn.basis": "gross margin quantity visit tender",
        "Earn.band_mode": "marginal",
        "Group.mode": "first best",
        "Stack.mode": "add best compound first",
        "Earn.round": "floor ceil half_up half_even carry line",
        "Currency.round": "ceil half_up half_even",
        "Currency.kind": "status credit",
        "Currency.round_at": "basket",
        "Returns.policy": "proportional",
        "Returns.shortfall": "forgive refuse withhold",
        "Returns.tiers": "keep",
        "Ladder.down": "one_step never",
        "Ladder.validity": "this_period while_met",
        "Ladder.window": "week month quarter half year lifetime membership_year",
        "CounterRule.count": "spend quantity visits activity",
    }
    assert {
        f"{name}={word}" for name, list_of in words.items() for word in list_of.split()
    } - set(found) == set()


def test_rules_are_seldom_taken_out() -> None:
    """A rule that the checker refuses is lost: most must be sound as they are made."""
    made = kept = 0

    for number in range(200):
        blocks = strategies.Blocks(bytes([number]))
        rules = blocks.rules("rule", 6)
        top = blocks.block("program", random_programs.TOP_BYTES)
        made += len(rules)
        kept += len(random_programs.program_table(top, rules).get("rule", []))
    assert kept > 0.8 * made


# -- what histories do -------------------------------------------------------------------------


def test_histories_hold_every_kind_of_fact() -> None:
    found: Counter[str] = Counter()

    @settings(PROFILE, max_examples=100, database=None, derandomize=True)
    @given(strategies.cases())
    def look(case: Case) -> None:
        for fact in case.facts:
            found[fact["kind"]] += 1
            found.update(f"{fact['kind']}.{name}" for name in fact)
            found.update(f"line.{name}" for line in fact.get("lines", []) for name in line)
            found.update(f"tender.{name}" for one in fact.get("tenders", []) for name in one)

    look()
    assert {
        "sale", "return", "activity", "adjust", "redeem", "enrol", "member update", PUBLISH,
        "subscription start", "subscription end", "catalog", "store", "day closed",
        "sale.return", "sale.coupons", "sale.tenders", "sale.channel", "sale.completed",
        "return.sale", "adjust.expires", "adjust.forced", "enrol.birth", "enrol.segments",
        "enrol.anniversaries", "enrol.values", "enrol.manual_tier", "subscription start.ends_at",
        "line.gross", "line.discount", "line.cost", "line.voids", "line.line", "tender.points",
        *SPENDING,
    } - set(found) == set()  # fmt: skip


def test_programs_are_programs() -> None:
    table = random_programs.program_table(bytes(1), [bytes(1)])
    assert isinstance(random_programs.program_of(table), Program)
