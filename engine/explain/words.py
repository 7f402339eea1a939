"""An explanation as sentences, in English or Persian. The words are those of the lexicon."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ..program.program import Program
from .lexicon import (
    CANCEL_REASONS,
    CARD_REASONS,
    FIELDS,
    KINDS,
    POSTINGS,
    REASONS,
    TERMS,
)
from .rule_words import RuleSpeaker
from .shape import ControlTold, Explanation, LineTold, LotMade, TierTold

_OF_RULES = ("earn", "multiply", "bonus")
_ALONG = ("merge", "pool")
_CARD = "gift card:"


def _by_card(told: Explanation) -> bool:
    """Whether what was missing was missing on a gift card, and not to the member."""
    if told.kind == "gift card redeem":
        return True
    pays = any("card" in tender for tender in told.fact.get("tenders", ()))
    lacks = any(both.lacked for both in told.balances.values())
    return pays and told.short is None and not lacks


def sentences(told: Explanation, program: Program, lang: str) -> list[str]:
    """What an explanation says, a sentence each; `lang` is en or fa."""
    return list(_Speaker(program, lang).of_fact(told))


def sentences_of_control(told: ControlTold, program: Program, lang: str) -> list[str]:
    """What is told of a fact of no member."""
    return list(_Speaker(program, lang).of_control(told))


class _Speaker(RuleSpeaker):
    """Says a whole explanation."""

    def __init__(self, program: Program, lang: str) -> None:
        super().__init__(program, lang)
        self.currencies = {entry.tender: entry.currency or "" for entry in program.redemption}

    # -- a fact of a member ----------------------------------------------------------------------

    def of_fact(self, told: Explanation) -> Iterator[str]:
        """All sentences of a fact, in the order in which it was worked out."""
        voice = self.voice
        of_card = told.kind.startswith("gift card") and told.kind != "gift card fund"
        member = told.member.removeprefix(_CARD) if of_card else told.member
        yield self.say(
            "head.card" if of_card else "head", kind=self.word(KINDS, told.kind),
            id=voice.name(told.id), member=voice.name(member),
            date=voice.date(told.business_date), program=voice.name(told.program.id),
            version=voice.number(told.program.version),
        )  # fmt: skip
        if told.status == "refused":
            yield self.say("refused", reason=self._reason(told))
        if told.waits_for is not None:
            yield self.say("parked", sale=voice.name(told.waits_for))
        if told.short not in (None, told.id):
            yield self.say("short", id=voice.name(told.short or ""))
        if told.tier is not None and told.rules:
            yield self.say("tier.before", tier=self._tier(told.tier.before))
        if told.kind == "reward redeem":
            yield self.say(
                "reward", quantity=voice.number(told.fact.get("quantity", 1)),
                reward=voice.name(told.fact["reward"]),
            )  # fmt: skip
        if told.kind == "redeem":
            yield from self._cut_short(told)
        yield from self._codes(told)
        yield from self._back(told)
        if told.paid is not None:
            yield self.say(
                "paid", sale=voice.name(told.paid.sale), amount=voice.money(told.paid.amount),
                before=voice.money(told.paid.owed_before), owed=voice.money(told.paid.owed),
            )  # fmt: skip
        for line in told.lines:
            yield self._line(line)
        for rule in told.rules:
            yield from self.of_rule(told, rule)
        yield from self._postings(told)
        for tender, points in told.redeemable.items():
            currency = self.currencies[tender]
            yield self.say(
                "redeemable", tender=voice.name(tender), points=voice.points(points, currency)
            )
        if told.broken and told.status == "ok":
            terms = self.voice.listed([self.word(TERMS, term) for term in told.broken])
            yield self.say("broken", terms=terms)
        yield from self._lots(told)
        yield from self._balances(told)
        if told.tier is not None:
            yield from self._ladder(told.tier)
        yield from self._ledger(told)

    def _reason(self, told: Explanation) -> str:
        words = REASONS
        if told.kind == "cancel":
            words = REASONS | CANCEL_REASONS
        elif _by_card(told):
            words = REASONS | CARD_REASONS
        return self.word(words, told.reason or "")

    def _codes(self, told: Explanation) -> Iterator[str]:
        """What the codes of printed coupons came to that were presented."""
        for code in told.coupons:
            parts = {"code": self.voice.name(code.code)}
            if code.reason is None:
                yield self.say("code", coupon=self.voice.name(code.coupon or ""), **parts)
            else:
                yield self.say("code.not", reason=self.word(REASONS, code.reason), **parts)

    def _cut_short(self, told: Explanation) -> Iterator[str]:
        """What a redemption took of what it asked, where that is less (`over = "clamp"`)."""
        asked, currency = told.fact["points"], told.fact["currency"]
        taken = -sum(posting.points for posting in told.postings if posting.kind == "redeem")
        if told.status == "ok" and taken < asked:
            yield self.say(
                "cut short", asked=self.voice.points(asked, currency), currency=currency,
                taken=self.voice.points(taken, currency),
            )  # fmt: skip

    def _line(self, line: LineTold) -> str:
        paid = line.state == "counts" and line.eligible != line.net and line.redeemed
        return self.say(
            "line.redeemed" if paid else f"line.{line.state}", line=self.voice.number(line.line),
            sku=self.voice.name(line.sku), quantity=self.units(Fraction(line.quantity, 1000)),
            net=self.voice.money(line.net), eligible=self.voice.money(line.eligible),
            redeemed=self.voice.money(line.redeemed),
        )  # fmt: skip

    def _back(self, told: Explanation) -> Iterator[str]:
        back, voice = told.returned, self.voice
        if back is None:
            return
        yield self.say("back", sale=voice.name(back.sale))
        for line in back.lines:
            if line.state == "gone":
                yield self._line(line)
            elif line.state == "counts":
                yield self.say(
                    "back.line", line=voice.number(line.line), sku=voice.name(line.sku),
                    quantity=self.units(Fraction(line.quantity, 1000)),
                    net=voice.money(line.net),
                )  # fmt: skip
        for rule in back.rules:
            if rule.before or rule.now:
                yield self.say(
                    "back.rule", rule=voice.name(rule.rule), currency=rule.currency,
                    before=voice.points(rule.before, rule.currency),
                    now=voice.points(rule.now, rule.currency),
                )  # fmt: skip

    # -- what moved ------------------------------------------------------------------------------

    def _postings(self, told: Explanation) -> Iterator[str]:
        """Postings that no rule of the basket made: its own are told with it."""
        of_rules = {rule.rule for rule in told.rules}
        for posting in told.postings:
            if posting.rule in of_rules and posting.kind in _OF_RULES:
                continue
            if posting.kind == "offer":
                yield self.say(f"offer.{posting.limit}", rule=self.voice.name(posting.rule or ""))
                continue
            # The points of a capture were taken by its hold, those of an accrual given before.
            moved = posting.points or posting.desired
            # Not every `adjust` is by hand, nor every `transfer` between members.
            of_fact = posting.kind in ("adjust", "transfer") and told.kind in POSTINGS
            what = told.kind if of_fact else posting.kind
            parts = {
                "points": self._signed(moved, posting.currency),
                "currency": posting.currency, "what": self.word(POSTINGS, what),
            }  # fmt: skip
            if posting.rule is None:
                yield self.say("posting", **parts)
            else:
                yield self.say("posting.rule", rule=self.voice.name(posting.rule), **parts)

    def _signed(self, units: int, currency: str) -> str:
        sign = "+" if units > 0 else "−" if units < 0 else ""
        return sign + self.voice.points(abs(units), currency)

    def _lots(self, told: Explanation) -> Iterator[str]:
        along = told.kind in _ALONG
        for lot in told.lots:
            if along:
                yield from self._lot_along(lot)
                continue
            yield self._lot(lot)
            if lot.left != lot.points:
                yield self.say("lot.less", left=self.voice.points(lot.left, lot.currency))
        for moved in told.moved:
            parts = {"currency": moved.currency, "earned": self.voice.date(moved.earned)}
            if moved.points:
                points = self._signed(moved.points, moved.currency)
                yield self.say("moved", points=points, **parts)
            if moved.expired:
                points = self.voice.points(moved.expired, moved.currency)
                yield self.say("expired", points=points, **parts)

    def _lot(self, lot: LotMade) -> str:
        voice = self.voice
        parts = {
            "points": voice.points(lot.points, lot.currency), "currency": lot.currency,
        }  # fmt: skip
        if lot.active_from is None:
            return self.say("lot.unpaid", **parts)
        parts["active_from"] = voice.date(lot.active_from)
        if lot.good_through is None:
            return self.say("lot.never", **parts)
        return self.say("lot", good_through=voice.date(lot.good_through), **parts)

    def _lot_along(self, lot: LotMade) -> Iterator[str]:
        """What is left of a lot that was made for another account."""
        if not lot.left:
            return
        voice = self.voice
        parts = {
            "left": voice.points(lot.left, lot.currency), "currency": lot.currency,
        }  # fmt: skip
        if lot.active_from is None:
            yield self.say("lot.along.unpaid", **parts)
            return
        parts["active_from"] = voice.date(lot.active_from)
        if lot.good_through is None:
            yield self.say("lot.along.never", **parts)
        else:
            yield self.say("lot.along", good_through=voice.date(lot.good_through), **parts)

    def _balances(self, told: Explanation) -> Iterator[str]:
        for currency, both in told.balances.items():
            before, after, voice = both.before, both.after, self.voice
            if both.lacked:
                yield self.say(
                    "lacked", lacked=voice.points(both.lacked, currency), currency=currency,
                    active=voice.points(before.active, currency),
                )  # fmt: skip
            yield self.say(
                "balance", currency=currency, before=voice.points(before.active, currency),
                after=voice.points(after.active, currency),
            )  # fmt: skip
            for what in ("pending", "held", "debt"):
                old, new = getattr(before, what), getattr(after, what)
                if old or new:
                    yield self.say(
                        "balance.more", currency=currency, what=self.say(what),
                        before=voice.points(old, currency), after=voice.points(new, currency),
                    )  # fmt: skip

    # -- the tier --------------------------------------------------------------------------------

    def _tier(self, name: str | None) -> str:
        return self.say("none") if name is None else self.voice.name(name)

    def _ladder(self, tier: TierTold) -> Iterator[str]:
        voice = self.voice
        key = "tier.stays" if tier.before == tier.after else "tier.rises"
        yield self.say(key, before=self._tier(tier.before), after=self._tier(tier.after))
        for met in tier.met:
            parts = {"tier": voice.name(met.tier), "on": voice.date(met.on)}
            if met.through is None:
                yield self.say("tier.met.ever", **parts)
            else:
                yield self.say("tier.met", through=voice.date(met.through), **parts)
        for fell in tier.fell:
            yield self.say("tier.fell", tier=voice.name(fell.tier), on=voice.date(fell.on))
        if tier.next is not None:
            missing = [
                f"{self._metric(name)} {self._figure(name, Fraction(lack))}"
                for name, lack in tier.next.missing.items() if lack != "0"
            ]  # fmt: skip
            if missing:
                yield self.say(
                    "tier.next", tier=voice.name(tier.next.tier), missing=voice.listed(missing)
                )

    def _metric(self, name: str) -> str:
        return self.word(FIELDS, name) if name in FIELDS else self.voice.name(name)

    def _figure(self, name: str, figure: Fraction) -> str:
        return self.voice.money(figure) if name in ("spend", "margin") else self.voice.exact(figure)

    # -- the ledger ------------------------------------------------------------------------------

    def _ledger(self, told: Explanation) -> Iterator[str]:
        voice = self.voice
        if not told.postings and told.status == "ok":
            # A tie that is undone, and what undoes it, find no account.
            yield self.say("along" if told.kind in _ALONG and told.balances else "nothing")
        for change in told.corrections:
            rule = "" if change.rule is None else self.say(
                "correction.rule", rule=voice.name(change.rule)
            )  # fmt: skip
            yield self.say(
                "correction", by=voice.name(change.by), currency=change.currency, rule=rule,
                points=self._signed(change.points, change.currency),
            )  # fmt: skip
        if told.moved_lines:
            yield self.say("moved lines")
        for unlike in told.differences:
            rule = "" if unlike.rule is None else self.say(
                "correction.rule", rule=voice.name(unlike.rule)
            )  # fmt: skip
            yield self.say(
                "differs", what=f"{unlike.what} {unlike.currency or ''}".strip(), rule=rule,
                explained=self._unlike(unlike.explained),
                journalled=self._unlike(unlike.journalled),
            )  # fmt: skip
        if told.agrees:
            yield self.say("agrees")

    def _unlike(self, figure: Any) -> str:
        """A figure of a difference; of a posting in the journal's own words."""
        if figure is None:
            return self.say("none")
        return self.voice.digits(str(figure)) if isinstance(figure, int) else str(figure)

    def of_control(self, told: ControlTold) -> Iterator[str]:
        """All sentences of a fact of no member."""
        voice = self.voice
        date = voice.date(dt.datetime.fromisoformat(told.occurred_at).date())
        if "date" in told.fact:
            date = voice.date(dt.date.fromisoformat(told.fact["date"]))
        yield self.say(
            "head.control", kind=self.word(KINDS, told.kind), id=voice.name(told.id), date=date
        )
        if told.status == "refused":
            yield self.say("refused", reason=self.word(REASONS, told.reason or ""))
        elif told.status == "parked":
            yield self.say("parked", sale=voice.name(told.fact["sale"]))
        elif told.members:
            yield self.say(
                "control.members", members=voice.number(len(told.members)),
                corrections=voice.number(sum(part.corrections for part in told.members)),
            )  # fmt: skip
        else:
            yield self.say("control.nobody")
        for rule in told.budgets_closed:
            yield self.say("control.budget", rule=voice.name(rule))
