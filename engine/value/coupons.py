"""Codes of printed coupons that facts present: who has them is decided by arrival (sections 2, 8).

Each code that serves, and why one does not, is written on the fact's row before it is folded: to
rules a code that serves is its coupon. Of the facts of one commit each sees what those before it
have used, as if it were a commit of its own; where one of them proves refused, all are folded
again without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from ..calendars.calendars import day_of
from ..columns.answers import Answer
from ..columns.columns import COUPON_REDEEM, RETURN, SALE, Extra, Facts, Outcome
from ..columns.schema import NO_MEMBER
from ..columns.status import REFUSALS, Status
from ..controls.coupon_book import CouponBook, Use, brought, shared_names, sold
from ..folding.batch import Batch, Past
from ..folding.batches import apply, at_stake
from ..folding.fold import Fold
from ..folding.waited import waited_of
from ..program.coupons import Coupon, CouponConditions
from ..program.program import Program

Codes = tuple[tuple[str, str, int], ...]

_OK, _PARKED = int(Status.OK), int(Status.PARKED)


@dataclass(slots=True)
class Decided:
    """What the codes of a commit's facts come to, by row, and which rows they refuse.

    `leans` tells that a fact of the commit has looked at what one before it does.
    """

    codes: dict[int, Codes] = field(default_factory=dict)
    refused: dict[int, Status] = field(default_factory=dict)
    leans: bool = False


def decide(
    fold: Fold, batch: Batch, refused: Mapping[int, Status], past: Past,
    outcome: Outcome | None = None, *, nobody: bool = False,
) -> Decided:
    """Look at the codes that facts present, row by row, but for those `refused` anyway.

    Without an outcome all facts are taken for accepted; with one those that were. `nobody`: members
    of the facts are none, as in a quote.
    """
    decided = Decided()
    facts, ids, version = batch.facts, batch.ids, batch.version
    if facts.extras is None or not fold.prints_coupons:
        return decided
    book = CouponBook(past.membership.coupons)
    judge = _Judge(fold, facts, book, nobody=nobody)
    waited = {} if outcome is None else waited_of(batch, outcome, past)
    for row, extra in enumerate(facts.extras):
        if extra is None or row in refused:
            continue
        kind, status = int(facts.kind[row]), _OK
        presents = (kind == SALE and bool(extra.coupons)) or kind == COUPON_REDEEM
        if presents:
            program = fold.versions.all[int(version[row]) - 1].program
            codes, why = judge.codes(program, row)
            if codes:
                decided.codes[row] = codes
            if why != Status.OK:
                decided.refused[row] = why
                continue
        if _of_refused(facts, row, decided, ids):
            decided.refused[row] = Status.NOT_A_SALE
            continue
        if outcome is not None:
            status = int(outcome.status[row])
        _take(book, facts, row, ids[row], status, decided.codes.get(row, ()))
        for by, quantity, net in waited.get(row, ()):
            book.come_back(ids[row], by, quantity, net)
    decided.leans = judge.leans
    return decided


def _of_refused(facts: Facts, row: int, decided: Decided, ids: list[str]) -> bool:
    """Whether a row is the return of a receipt that a code has refused in the same commit."""
    if not decided.refused or facts.kind[row] != RETURN or facts.member[row] != NO_MEMBER:
        return False
    return any(ids[sale] == facts.extra(row).named for sale in decided.refused)


def _take(
    book: CouponBook, facts: Facts, row: int, fact: str, status: int, codes: Codes
) -> None:
    """What a row does to the codes of a commit."""
    if status not in (_OK, _PARKED):
        return
    extra, kind = facts.extra(row), int(facts.kind[row])
    served = [(code, coupon) for code, coupon, why in codes if not why]
    if served:
        book.use(fact, Use(int(facts.member[row]), served, *sold(facts, row)))
    taken = status == _OK or (kind == RETURN and int(facts.member[row]) == NO_MEMBER)
    if kind in (SALE, RETURN) and extra.named and extra.back and taken:
        book.come_back(extra.named, fact, *brought(extra))


class _Judge:
    """Whether codes serve, for the facts of a commit one after the other."""

    def __init__(self, fold: Fold, facts: Facts, book: CouponBook, *, nobody: bool) -> None:
        self._fold, self._facts, self._book, self._nobody = fold, facts, book, nobody
        self.leans = False

    def codes(self, program: Program, row: int) -> tuple[Codes, Status]:
        """What each code of a row comes to; why they refuse the fact, never one `completed`."""
        extra = self._facts.extra(row)
        of_sale = self._facts.kind[row] == SALE
        printed = {coupon.id: coupon for coupon in program.coupon}
        names = _names(program) if of_sale else frozenset()
        told: list[tuple[str, str, int]] = []
        refused = Status.OK
        mine: dict[str, int] = {}
        for text in extra.coupons if of_sale else (extra.code,):
            name = self._book.coupon_of(text)
            if name is None and of_sale and (not printed or text in names - printed.keys()):
                continue
            coupon = printed.get(name or "")
            status = Status.UNKNOWN_COUPON
            if coupon is not None:
                status = self._status(coupon, text, row, mine.get(coupon.id, 0))
            if status == Status.OK and coupon is not None:
                mine[coupon.id] = mine.get(coupon.id, 0) + 1
            told.append((text, name or "", int(status)))
            # What is no code at all is no benefit either, and may be another system's.
            if status != Status.OK and refused == Status.OK and (name or not of_sale):
                refused = status
        return tuple(told), Status.OK if extra.completed else refused

    def _status(self, coupon: Coupon, code: str, row: int, mine: int) -> Status:
        """Whether a code serves a fact that has `mine` of its coupon already."""
        book, day = self._book, int(self._facts.day[row])
        # What facts of the same commit have done to it is known when they are folded.
        self.leans = self.leans or bool(book.uses)
        status = Status.OK
        if book.is_blocked(code):
            status = Status.COUPON_BLOCKED
        elif coupon.first is not None and day < day_of(coupon.first):
            status = Status.COUPON_EARLY
        elif coupon.last is not None and day > day_of(coupon.last):
            status = Status.COUPON_OVER
        elif book.held(code) >= coupon.uses:
            status = Status.COUPON_USED
        elif not self._holds(coupon.when, row):
            status = Status.COUPON_NOT_APPLICABLE
        elif self._has_enough(coupon, row, mine):
            status = Status.OVER_LIMIT
        return status

    def _has_enough(self, coupon: Coupon, row: int, mine: int) -> bool:
        """Whether a member has as many uses of a coupon's codes as it may have."""
        if coupon.per_member is None or not self._has_member(row):
            return False
        member = int(self._facts.member[row])
        return self._of_person(coupon.id, member) + mine >= coupon.per_member

    def _has_member(self, row: int) -> bool:
        return not self._nobody and int(self._facts.member[row]) != NO_MEMBER

    def _of_person(self, coupon: str, member: int) -> int:
        """Uses of a coupon by a member under every name that it has."""
        accounts = self._fold.accounts
        if not accounts:
            return self._book.of_member(coupon, member)
        person = accounts.person(member)
        return sum(
            self._book.of_member(coupon, one)
            for one in accounts.family(member) if accounts.person(one) == person
        )

    def _holds(self, when: CouponConditions, row: int) -> bool:
        """Whether a code may be presented where the fact is."""
        store = self._fold.dictionaries.stores.versions[int(self._facts.store[row])]
        extra: Extra = self._facts.extra(row)
        for listed, value in (
            (when.store, store.store), (when.region, store.region), (when.format, store.format),
            (when.channel, extra.channel),
        ):  # fmt: skip
            if listed is not None and value not in listed:
                return False
        if when.min_basket is not None and sold(self._facts, row)[1] < when.min_basket:
            return False
        return not when.member or self._has_member(row)


def _names(program: Program) -> frozenset[str]:
    """Coupons of a program that are no codes: shared ones, and those of members."""
    return frozenset(shared_names(program) | program.coupon_currencies())


def write_codes(facts: Facts, decided: Decided) -> None:
    """Write on the rows what their codes have come to."""
    for row, codes in decided.codes.items():
        assert facts.extras is not None
        facts.extras[row] = msgspec.structs.replace(facts.extra(row), codes=codes)


def mark(fold: Fold, batch: Batch, past: Past) -> None:
    """Decide the codes of a commit of one fact, and write them on it."""
    decided = decide(fold, batch, batch.refused, past)
    write_codes(batch.facts, decided)
    batch.refused = {**batch.refused, **decided.refused}


def apply_with_codes(fold: Fold, batch: Batch, past: Past) -> Outcome:
    """Fold facts of a commit, once their codes are decided."""
    facts, refused = batch.facts, batch.refused
    decided = decide(fold, batch, refused, past)
    if not decided.codes:
        return apply(fold, batch, past)
    packed: dict[int, bytes] = {}
    if decided.leans:
        members = at_stake(fold, facts, batch.ids, past, None)
        packed = {member: fold.state.pack(member) for member in members}
    extras = list(facts.extras or ())
    while True:
        write_codes(facts, decided)
        batch.refused = {**refused, **decided.refused}
        outcome = apply(fold, batch, past)
        if not packed:
            return outcome
        again = decide(fold, batch, refused, past, outcome)
        if (again.codes, again.refused) == (decided.codes, decided.refused):
            return outcome
        # Each turn settles one row more, the first ones first.
        for member, row in packed.items():
            fold.state.unpack(member, row)
        fold.histories.clear()
        batch.came_back.clear()
        facts.extras, decided = list(extras), again


def tell_codes(answers: Sequence[Answer], facts: Facts) -> None:
    """Tell on answers what the codes of their facts came to."""
    for row, extra in enumerate(facts.extras or ()):
        if extra is not None and extra.codes:
            answers[row]["coupons"] = codes_told(extra.codes)


def codes_told(codes: Codes) -> list[Answer]:
    """Codes that were looked at, with their coupon, and why one that does not serve does not."""
    return [
        {"code": code, "coupon": coupon or None}
        | ({"reason": REFUSALS[Status(why)]} if why else {})
        for code, coupon, why in codes
    ]
