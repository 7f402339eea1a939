"""A program as tables: its rules, currencies, tiers and the rest in a few words each."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from msgspec.structs import FieldInfo

    from vafa.engine.program.program import Program
    from vafa.engine.program.rules import Rule


_LISTS = {
    "redemptions": "redemption", "rewards": "reward", "coupons": "coupon",
    "exclusions": "exclude", "referrals": "referral", "plans": "plan", "holidays": "holidays",
}  # fmt: skip
"""Lists of the program file of which each entry is told by its name and what it says."""


def described(found: Program) -> dict[str, Any]:
    """What a program says, as data."""
    from vafa.engine.program.program import rule_of_referral

    made = [rule_of_referral(one) for one in found.referral]
    return {
        "program": found.id,
        "title": found.title,
        "rules": [
            {
                "rule": rule.id,
                "kind": type(rule).__name__.lower(),
                "currency": _currency(found, rule),
                "priority": rule.priority,
                "gives": _gives(rule) + (", once paid" if rule.accrual == "payment" else ""),
                "when": _given(rule.when),
                "limits": [
                    *_given(rule.limits), *_given(rule.uses, "uses per "),
                    *([f"budget {rule.budget}"] if rule.budget is not None else []),
                ],
            }
            for rule in found.rules_in_order()
            if rule not in made
        ],
        "currencies": [
            {
                "currency": currency.id,
                "kind": currency.kind,
                "scale": currency.scale,
                "round": currency.round,
                "pending_days": currency.pending_days,
                "expiry": " ".join(_tagged(currency.expiry)),
                "caps": _given(currency.caps),
            }
            for currency in found.currency
        ],
        "tiers": [
            {
                "tier": tier.id,
                "spend": tier.at_least.spend,
                "visits": tier.at_least.visits,
                "other": _given(_rest(tier.at_least)),
                "join": tier.join,
                "window": _window(found),
            }
            for tier in found.tiers()
        ],
        **{title: _entries(name, getattr(found, name)) for title, name in _LISTS.items()},
    }


def _entries(name: str, entries: list[Any]) -> list[dict[str, Any]]:
    """Entries of a list by their ids, their tenders, or their places where they have neither."""
    rows = []
    for place, entry in enumerate(entries, 1):
        key = next((key for key in ("id", "tender") if hasattr(entry, key)), None)
        own = place if key is None else getattr(entry, key)
        rows.append({name: own, "says": _given(entry, but=key)})
    return rows


def _tagged(part: Any) -> list[str]:
    """The kind of a part and what it says."""
    return [str(part.__struct_config__.tag), *_given(part)]


def _currency(found: Program, rule: Rule) -> str | None:
    from vafa.engine.program.rules import Offer

    return None if isinstance(rule, Offer) else found.currency[found.currency_of(rule)].id


def _gives(rule: Rule) -> str:
    from vafa.engine.program.rules import Bonus, Earn, Multiply, Offer

    if isinstance(rule, Multiply):
        return f"x {_figure(rule.factor)}"
    if isinstance(rule, Bonus):
        if rule.of_balance is not None:
            return f"x {rule.of_balance.factor} of the balance, at most {rule.of_balance.cap}"
        each = f" per {rule.per_units} units" if rule.per_units is not None else ""
        day = f" on {rule.on}" if rule.on is not None else ""
        return f"{_figure(rule.points)}{each}{day}"
    if isinstance(rule, Offer):
        return _benefit(rule.benefit)
    if rule.bands is not None:
        bands = " ".join(f"{band.start}:{band.points}" for band in rule.bands)
        return f"{bands} ({rule.band_mode} bands) per {rule.per:,} {rule.basis}"
    blocks = " whole" if rule.blocks else ""
    assert isinstance(rule, Earn)
    return f"{_figure(rule.points)} per{blocks} {rule.per:,} {rule.basis}"


def _benefit(part: Any) -> str:
    """A benefit in one line: its kind and what it says."""
    said = [str(part.__struct_config__.tag or "")]
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, list):
            said.append(f"{name} " + ", ".join(_benefit(item).strip() for item in value))
        elif hasattr(value, "__struct_fields__"):
            said.append(" ".join([name, *_given(value)]))
        elif value not in (None, False):
            said.append(f"{name} {_word(value)}")
    return " ".join(said)


def _figure(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{tier}:{points}" for tier, points in value.items())
    return str(value)


def _given(part: Any, prefix: str = "", but: str | None = None) -> list[str]:
    """The fields of a part of a program that it sets, as `field value` texts; one is left out."""
    from msgspec.structs import fields

    shown = []
    for field in fields(part):
        value, name = getattr(part, field.name), field.encode_name
        if name == but or value == _default(field):
            continue
        if field.name == "negated":
            shown += _given(value, "not ")
        elif isinstance(value, list):
            shown.append(f"{prefix}{name} {'/'.join(map(_word, value))}")
        elif isinstance(value, dict):
            shown += [f"{prefix}{name} {key} {_word(figure)}" for key, figure in value.items()]
        elif hasattr(value, "__struct_fields__"):
            shown += _part(f"{prefix}{name}", value)
        else:
            shown.append(f"{prefix}{name} {_word(value)}")
    return shown


def _default(field: FieldInfo) -> Any:
    """What a field is that is left out; a required one is never that."""
    from msgspec import NODEFAULT

    return field.default if field.default_factory is NODEFAULT else field.default_factory()


def _part(name: str, value: Any) -> list[str]:
    """A part of a part: conditions one by one, anything else in one text."""
    from vafa.engine.program.conditions import Conditions
    from vafa.engine.program.coupons import CouponConditions

    if isinstance(value, Conditions | CouponConditions):
        return _given(value)
    return [f"{name} {_parts(value)}"]


def _word(value: Any) -> str:
    """A value as the file has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parts(value: Any) -> str:
    """A struct's fields: two ends as a range, others by name."""
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    if len(fields) == 2 and all(isinstance(v, dt.date | dt.time | None) for v in fields.values()):
        return "..".join(str(end or "") for end in fields.values())
    given = {name: v for name, v in fields.items() if v is not None}
    return " ".join(
        f"{name} {'/'.join(map(str, v)) if isinstance(v, list) else _word(v)}"
        for name, v in given.items()
    )


def _rest(thresholds: Any) -> Any:
    """Thresholds without those that have a column of their own."""
    import msgspec

    return msgspec.structs.replace(thresholds, spend=None, visits=None)


def _window(found: Program) -> str | None:
    """The ladder's window in a word or two."""
    if found.ladder is None:
        return None
    window = found.ladder.window
    return window if isinstance(window, str) else f"last {_parts(window)}"
