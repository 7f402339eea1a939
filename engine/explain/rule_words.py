"""What rules gave to a fact, or the first condition that failed, as sentences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ..program.program import Program
from ..program.referrals import REFERRED
from .lexicon import BASES, CONDITIONS, FIELDS, LIMITS, ROUNDINGS, WEEKDAYS
from .sentences import SENTENCES
from .shape import Cut, Explanation, Failed, RuleTold
from .voice import Voice


class RuleSpeaker:
    """Says what is told of rules in a language, with the figures of a program."""

    def __init__(self, program: Program, lang: str) -> None:
        self.voice = Voice(lang, program)

    def say(self, key: str, **parts: str) -> str:
        """A sentence with its parts."""
        return SENTENCES[key][self.voice.place].format(**parts)

    def word(self, table: dict[str, tuple[str, str]], key: str) -> str:
        """A word of a table; what is not in it as it stands."""
        return table[key][self.voice.place] if key in table else key

    def units(self, units: Fraction) -> str:
        """So many units of goods."""
        return self.say("unit" if units == 1 else "units", figure=self.voice.exact(units))

    def of_rule(self, told: Explanation, rule: RuleTold) -> Iterator[str]:
        """What one rule gave, or why it gave nothing."""
        if rule.kind == "offer":
            yield from self._offer(rule)
            return
        if rule.failed is not None:
            # Rules on other kinds of facts are no news.
            of_kinds = rule.failed.condition in ("activity", "on")
            if not of_kinds or (rule.failed.asked is not None and told.kind != "sale"):
                yield self._failed(rule, rule.failed)
            return
        yield self._gives(rule)
        if rule.limit is not None:
            yield self.say(
                "cut", desired=self.voice.points(rule.desired, rule.currency),
                limit=self._limit(rule, rule.limit),
            )  # fmt: skip
        if rule.waits:
            yield self.say(
                "waits", points=self.voice.points(rule.waits, rule.currency),
                currency=rule.currency,
            )
        for line in rule.lines:
            if line.failed is not None and line.failed.condition == "taken":
                yield self.say(
                    "taken", line=self.voice.number(line.line),
                    by=self.voice.name(line.failed.found or ""),
                )  # fmt: skip

    def _offer(self, rule: RuleTold) -> Iterator[str]:
        """An offer that was taken, or might have been."""
        name = self.voice.name(rule.rule)
        if "amount" in rule.rate:
            yield self.say("offer", rule=name, amount=self.voice.money(rule.rate["amount"]))
        elif rule.failed is None:
            yield self.say("offer.open", rule=name)

    def _gives(self, rule: RuleTold) -> str:
        voice = self.voice
        exact = Fraction(rule.exact or 0)
        parts = {
            "rule": voice.name(rule.rule), "currency": rule.currency,
            "granted": voice.points(rule.granted, rule.currency),
            "exact": voice.points(exact, rule.currency), "how": self._how(rule),
        }  # fmt: skip
        if rule.result in ("rounds to nothing", "nothing to act on"):
            return self.say(rule.result, **parts)
        parts["rounded"] = ""
        if rule.round is not None and exact != rule.desired:
            desired = voice.points(rule.desired, rule.currency)
            parts["rounded"] = self.say("rounded", how=parts["how"], desired=desired)
        match rule.basis_of:
            case None:
                return self.say("bonus", **parts)
            case "points":
                basis = voice.points(Fraction(rule.basis or 0), rule.currency)
                return self.say(
                    "multiply", factor=self._decimal(rule.factor),
                    basis=self.say("points", figure=basis), **parts,
                )  # fmt: skip
            case "units":
                return self.say(
                    "bonus.units", basis=voice.exact(Fraction(rule.basis or 0)),
                    carried=voice.exact(Fraction(rule.carried or 0)),
                    points=self._decimal(rule.rate["points"]),
                    per=self._decimal(rule.rate["per_units"]), **parts,
                )  # fmt: skip
            case "balance":
                return self.say(
                    "bonus.balance", basis=voice.points(Fraction(rule.basis or 0), rule.currency),
                    factor=self._decimal(rule.factor), cap=self._decimal(rule.rate["cap"]),
                    **parts,
                )  # fmt: skip
        return self.say(
            "earn", basis=self._basis(rule.basis_of, Fraction(rule.basis or 0)),
            rate=self._rate(rule), **parts,
        )  # fmt: skip

    def _how(self, rule: RuleTold) -> str:
        return self.word(ROUNDINGS, (rule.round or "floor").split(" ")[0])

    def _decimal(self, text: Any) -> str:
        return self.voice.exact(Fraction(text or 0))

    def _basis(self, of: str | None, figure: Fraction) -> str:
        match of:
            case "quantity":
                return self.units(figure)
            case "visit":
                return self.say("visits", figure=self.voice.exact(figure))
        basis = self.word(BASES, of or "")
        return self.say("of basis", figure=self.voice.money(figure), basis=basis)

    def _rate(self, rule: RuleTold) -> str:
        rate = rule.rate
        if "bands" in rate:
            return self.say("rate.bands")
        return self.say(
            "rate.blocks" if rate["blocks"] else "rate", points=self._decimal(rate["points"]),
            per=self._per(rule.basis_of, rate["per"]),
        )  # fmt: skip

    def _per(self, of: str | None, per: int) -> str:
        if of in ("quantity", "visit"):
            return self._basis(of, Fraction(per))
        return self.voice.money(per)

    def _limit(self, rule: RuleTold, cut: Cut) -> str:
        if cut.limit == "uses":
            each = (part.split(" ") for part in (cut.most or "").split(", "))
            listed = [
                self.say(
                    "uses.lifetime" if period == "lifetime" else "uses",
                    count=self.voice.digits(count), period=self.word(LIMITS, period),
                )
                for period, count in each
            ]
            return self.say("limit.uses", most=self.voice.listed(listed))
        if cut.limit in ("budget", "once"):
            return self.say(f"limit.{cut.limit}", most=self._decimal(cut.most))
        if cut.limit == "group":
            return self.say("limit.group", by=self.voice.name(cut.by or ""))
        period = self.word(LIMITS, cut.limit.removeprefix("cap."))
        if cut.room is None:
            return self.say("limit.full", most=self._decimal(cut.most), period=period)
        return self.say(
            "limit.cap" if cut.limit.startswith("cap.") else "limit",
            most=self._decimal(cut.most), period=period,
            room=self.voice.points(cut.room, rule.currency),
        )  # fmt: skip

    # -- conditions ------------------------------------------------------------------------------

    def _failed(self, rule: RuleTold, failed: Failed) -> str:
        name = self.voice.name(rule.rule)
        if failed.condition in ("eligible", "budget", "figure", "entry"):
            return self.say(
                f"failed.{failed.condition}", rule=name, asked=self._value("", failed.asked),
                found=self._value("", failed.found),
            )  # fmt: skip
        field = failed.condition.removeprefix("not.")
        if field == "member_type" and failed.asked == [REFERRED]:
            return self.say("failed.referred", rule=name)
        if field == "draw" and failed.found is not None:
            return self.say(
                f"failed.{failed.condition}", rule=name,
                found=self.voice.number(failed.found),
                asked=self.voice.number(failed.asked["one_in"]),
            )  # fmt: skip
        asked = "" if failed.asked is None else f": {self._value(field, failed.asked)}"
        return self.say(
            "failed.not" if failed.condition.startswith("not.") else "failed", rule=name,
            condition=self.word(CONDITIONS, field), asked=asked,
            found=self._value(field, failed.found),
        )  # fmt: skip

    def _value(self, field: str, value: Any) -> str:
        """A value that a condition asks or finds."""
        if value in (None, [], ""):
            return self.say("none")
        if isinstance(value, list):
            return self.voice.some([self._value(field, item) for item in value])
        if isinstance(value, dict):
            return " ".join(
                f"{self.word(FIELDS, name)} {self._value(field or name, item)}"
                for name, item in value.items()
            )
        if field in ("min_amount", "min_basket", "spend", "margin"):
            return self.voice.money(Fraction(value))
        return self._plain(field, value)

    def _plain(self, field: str, value: Any) -> str:
        if isinstance(value, int):
            return self.voice.number(value)
        if field in ("date", "anniversary", "on") and _is_date(value):
            return self.voice.date(dt.date.fromisoformat(value))
        if value.replace("/", "").isdigit():
            return self.voice.exact(Fraction(value))
        if field in ("min_quantity", "counter", "time"):
            return self.voice.digits(value)
        return self.word(FIELDS | WEEKDAYS, value)


def _is_date(text: str) -> bool:
    return text[:4].isdigit() and text.count("-") == 2
