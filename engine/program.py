"""The program format: what a loyalty program can say, as types.

A program is a TOML file (`program_file` reads it, `program_check` checks it whole).
Unknown fields are refused. Money is in minor units of the
program's one currency unit, point figures are exact decimals of whole points
(rulebook sections 1, 3 to 6 and 10).

>>> Tier(id="gold").join
'all'
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Minor = Annotated[int, Meta(ge=0, le=10**12, description="an amount in minor units")]
Count = Annotated[int, Meta(ge=1, le=10**9)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Period = Literal["week", "month", "quarter", "half", "year"]
Rounding = Literal["floor", "ceil", "half_up", "half_even"]
Calendar = Literal["gregorian", "jalali"]
ByTier = dict[str, Decimal]

WEEKDAYS: tuple[str, ...] = Weekday.__args__  # type: ignore[attr-defined]
PERIODS: tuple[str, ...] = Period.__args__  # type: ignore[attr-defined]
LINE_FIELDS = ("sku", "brand", "department", "category", "supplier")


class _Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Unit(_Part, frozen=True, kw_only=True):
    """The money unit: ISO 4217 code and exponent (USD 2, IRR 0)."""

    code: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    exponent: Annotated[int, Meta(ge=0, le=4)] = 2


class Never(_Part, frozen=True, kw_only=True, tag_field="policy", tag="never"):
    """Points never expire."""


class After(_Part, frozen=True, kw_only=True, tag_field="policy", tag="after"):
    """Points are good through the earned date plus this many days or months."""

    days: Annotated[int, Meta(ge=0, le=36_500)] | None = None
    months: Annotated[int, Meta(ge=0, le=1_200)] | None = None


class PeriodEnd(_Part, frozen=True, kw_only=True, tag_field="policy", tag="period_end"):
    """Points are good through the end of the k-th period after that of earning."""

    period: Period
    k: Annotated[int, Meta(ge=0, le=1_200)]


class Caps(_Part, frozen=True, kw_only=True):
    """Most points per basket, business day, calendar period, or ever; decimals of points."""

    basket: Decimal | None = None
    day: Decimal | None = None
    week: Decimal | None = None
    month: Decimal | None = None
    quarter: Decimal | None = None
    half: Decimal | None = None
    year: Decimal | None = None
    lifetime: Decimal | None = None


class Uses(_Part, frozen=True, kw_only=True):
    """Most uses of a rule; a use is a basket to which the rule gave more than zero."""

    day: Count | None = None
    week: Count | None = None
    month: Count | None = None
    quarter: Count | None = None
    half: Count | None = None
    year: Count | None = None
    lifetime: Count | None = None


class Currency(_Part, frozen=True, kw_only=True):
    """A kind of points: scale, rounding, waiting time, expiry and program caps."""

    id: Name
    scale: Annotated[int, Meta(ge=0, le=4)] = 0
    round: Rounding = "floor"
    pending_days: Annotated[int, Meta(ge=0, le=3_650)] = 0
    expiry: Never | After | PeriodEnd = Never()
    caps: Caps = Caps()


class LineConditions(_Part, frozen=True, kw_only=True):
    """Conditions on a line: every given field must hold, any listed value serves."""

    sku: list[Text] | None = None
    brand: list[Text] | None = None
    department: list[Text] | None = None
    category: list[Text] | None = None
    supplier: list[Text] | None = None


class Dates(_Part, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """Business dates, both included."""

    first: dt.date | None = None
    last: dt.date | None = None


class Hours(_Part, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Wall-clock time, from included and to not; over midnight when to is not after from."""

    start: dt.time
    end: dt.time


class NotConditions(LineConditions, frozen=True, kw_only=True):
    """Conditions negated each on its own."""

    store: list[Text] | None = None
    terminal: list[Text] | None = None
    tender: list[Text] | None = None
    weekday: list[Weekday] | None = None
    date: Dates | None = None
    time: Hours | None = None
    tier: list[Name] | None = None


class Conditions(NotConditions, frozen=True, kw_only=True, rename={"negated": "not"}):
    """When a rule applies: all given conditions must hold (rulebook section 3)."""

    min_amount: Minor | None = None
    min_quantity: Decimal | None = None
    tier_at_least: Name | None = None
    negated: NotConditions = NotConditions()


class _Rule(_Part, frozen=True, kw_only=True, tag_field="kind"):
    id: Name
    currency: Name | None = None
    priority: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    round: Rounding | None = None
    when: Conditions = Conditions()
    limits: Caps = Caps()
    uses: Uses = Uses()


class Earn(_Rule, frozen=True, kw_only=True, tag="earn"):
    """`points` for every `per` minor units (basis net) or units (basis quantity)."""

    basis: Literal["net", "quantity"] = "net"
    points: Decimal | ByTier
    per: Annotated[int, Meta(ge=1, le=10**9)]


class Multiply(_Rule, frozen=True, kw_only=True, tag="multiply"):
    """Adds (factor - 1) times the exact earn of the lines that match."""

    factor: Decimal | ByTier


class Bonus(_Rule, frozen=True, kw_only=True, tag="bonus"):
    """A fixed number of points for a basket that matches."""

    points: Decimal | ByTier


Rule = Earn | Multiply | Bonus


class Thresholds(_Part, frozen=True, kw_only=True):
    """What a tier asks in the ladder's window: at least these figures."""

    spend: Minor | None = None
    visits: Annotated[int, Meta(ge=0, le=10**9)] | None = None


class Tier(_Part, frozen=True, kw_only=True):
    """One rung of the ladder."""

    id: Name
    at_least: Thresholds = Thresholds()
    join: Literal["all", "any"] = "all"


class Ladder(_Part, frozen=True, kw_only=True):
    """Tiers from lowest to highest, the window they are measured in, how long they last."""

    window: Period | Literal["lifetime"]
    validity: Literal["next_period", "this_period"] = "next_period"
    tier: Annotated[list[Tier], Meta(min_length=1, max_length=64)]


class Program(_Part, frozen=True, kw_only=True):
    """A whole program file."""

    format: Literal[1]
    id: Name
    title: str = ""
    unit: Unit
    zone: str
    calendar: Calendar = "gregorian"
    week_begins: Weekday | None = None
    day_starts_at: Annotated[int, Meta(ge=0, le=23)] = 0
    late_limit_days: Annotated[int, Meta(ge=0, le=36_500)] = 45
    currency: Annotated[list[Currency], Meta(min_length=1, max_length=16)]
    exclude: list[LineConditions] = field(default_factory=list)
    rule: Annotated[list[Rule], Meta(max_length=4096)] = field(default_factory=list)
    ladder: Ladder | None = None

    def rules_in_order(self) -> list[Rule]:
        """Rules by (priority, place in the file): the order in which caps are filled."""
        return sorted(self.rule, key=lambda rule: rule.priority)

    def currency_of(self, rule: Rule) -> int:
        """Index of the rule's currency; the first one when the rule names none."""
        if rule.currency is None:
            return 0
        return next(i for i, c in enumerate(self.currency) if c.id == rule.currency)

    def tiers(self) -> list[Tier]:
        """Rungs from lowest to highest; empty without a ladder."""
        return self.ladder.tier if self.ladder else []


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the program file, for editors (`#:schema`)."""
    schema = msgspec.json.schema(Program, schema_hook=lambda _: {})
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "vafa program"
    _numbers_for_decimals(schema)
    return schema


def _numbers_for_decimals(node: Any) -> None:
    # msgspec writes Decimal as a string; a TOML decimal is a number as well.
    if isinstance(node, dict):
        if node.get("format") == "decimal":
            node.clear()
            node["type"] = ["number", "string"]
        for value in node.values():
            _numbers_for_decimals(value)
    elif isinstance(node, list):
        for value in node:
            _numbers_for_decimals(value)
