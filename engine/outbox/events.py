"""Events for others, derived from the journal: what a shop's messages and systems begin with.

A replica of its own folds the journal record by record, so that each event is as of its
record, however late it is derived. The same journal gives the same events with the same ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from ..calendars.anniversaries import anniversary_day, ymd
from ..calendars.calendars import date_of
from ..columns.answers import instant_text
from ..columns.columns import CLAIMS, COUPON_REDEEM, REFERRAL_IN, SALE
from ..columns.records import read_facts
from ..columns.schema import NO_MEMBER, column, list_view
from ..columns.status import POSTINGS, Status
from ..controls.budgets import read_closing
from ..controls.standing import BUDGET_CLOSED, DAY_CLOSED, day_closed
from ..journal.journal import Record
from ..ledger.digest import HEAD
from ..replica.replica import Replica

TYPES = (
    "tier.changed", "budget.closed", "points.expiring", "birthday.coming", "coupon.issued",
    "coupon.redeemed", "referral.completed", "referral.fallen",
)  # fmt: skip
"""Types of events."""

_UNKNOWN, _NONE = -2, -1
_GIVING = [POSTINGS.index(kind) for kind in ("earn", "multiply", "bonus", "adjust", "correct")]
_BIRTH = HEAD.index("birth")
_CALENDARS = ("gregorian", "jalali")

Ahead = Annotated[tuple[Annotated[int, Meta(ge=0, le=400)], ...], Meta(max_length=10)]


class Settings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How many days ahead of them members are told, at each closed day."""

    expiring_days: Ahead = (30, 7)
    birthday_days: Ahead = (7,)


class Event(msgspec.Struct, frozen=True):
    """An event: its id is its record's place in the journal and its own in the record."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]


class Deriver:
    """Derives events while its replica follows the journal."""

    def __init__(self, replica: Replica, settings: Settings) -> None:
        self.replica = replica
        self._settings = settings
        self._tiers = np.zeros(0, np.int8)

    def take(self, record: Record) -> list[Event]:
        """Fold a record, which must follow the last one; the events that it brings."""
        facts = record.facts()
        self._before(column(facts, "member"), column(facts, "previous"))
        self.replica.fold_record(record)
        when = instant_text(record.committed_at)
        return [
            Event(f"evt_{record.first:x}_{place:x}", kind, when, data)
            for place, (kind, data) in enumerate(self._found(record.first, facts))
        ]

    # -- what a record brings -------------------------------------------------------------

    def _found(self, first: int, facts: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        kinds, status = column(facts, "kind"), column(facts, "status")
        yield from self._tier_changes(first, facts)
        for row in np.flatnonzero(kinds == BUDGET_CLOSED).tolist():
            closing = read_closing(facts.column("payload")[row].as_py())
            yield "budget.closed", {"seq": first + row, **closing._asdict()}
        if kinds[0] == DAY_CLOSED and not status[0]:
            yield from self._reminders(day_closed(facts.column("payload")[0].as_py()))
        yield from self._coupons(first, facts)
        yield from self._codes(first, facts)
        yield from self._referrals(first, facts)

    def _tier_changes(self, first: int, facts: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        replica = self.replica
        accounts = replica.membership.accounts
        members, tiers = accounts.counted(column(facts, "member")), column(facts, "tier")
        counted = np.isin(column(facts, "status"), (Status.OK, Status.PARKED))
        counted &= members != NO_MEMBER
        rows = np.flatnonzero(counted)
        # Of few members anything has changed.
        changed = np.unique(members[rows[self._tiers[members[rows]] != tiers[rows]]])
        ids = facts.column("id")
        for row in rows[np.isin(members[rows], changed)].tolist():
            member, tier = int(members[row]), int(tiers[row])
            before, self._tiers[member] = int(self._tiers[member]), tier
            if tier == before:
                continue
            assert replica.words is not None
            names = replica.words.tiers
            yield "tier.changed", {
                "member": self._person(member),
                "from": names[before], "to": names[tier],
                "fact": ids[row].as_py(), "seq": first + row,
            }  # fmt: skip

    def _coupons(self, first: int, facts: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """Coupons that members were given, by a rule or by hand; a late fact may bring some too."""
        replica = self.replica
        if replica.fold is None or replica.words is None:
            return
        kinds = {
            currency for version in replica.versions
            for currency in version.program.coupon_currencies()
        }  # fmt: skip
        names = replica.words.currencies
        numbers = [number for number, name in enumerate(names) if name in kinds]
        starts, columns = list_view(facts.column("postings"))
        given = np.isin(columns["currency"], numbers) & np.isin(columns["kind"], _GIVING)
        members, ids = column(facts, "member"), facts.column("id")
        sums: dict[tuple[int, int, int], int] = {}
        for place in np.flatnonzero(given & (columns["points"] > 0)).tolist():
            row = int(np.searchsorted(starts, place, side="right")) - 1
            key = row, int(columns["currency"][place]), int(columns["rule"][place])
            sums[key] = sums.get(key, 0) + int(columns["points"][place])
        for (row, currency, rule), count in sums.items():
            yield "coupon.issued", {
                "member": replica.dictionaries.members.names[int(members[row])],
                "coupon": names[currency], "count": count, "rule": replica.words.rule_of[rule],
                "fact": ids[row].as_py(), "seq": first + row,
            }  # fmt: skip

    def _codes(self, first: int, facts: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """Codes of printed coupons that facts have used; a claim of a sale uses none again."""
        kinds, status = column(facts, "kind"), column(facts, "status")
        if kinds[0] in CLAIMS or not np.isin(kinds, (SALE, COUPON_REDEEM)).any():
            return
        if facts.column("payload").null_count == len(kinds):
            return
        decoded, members, ids = read_facts(facts), column(facts, "member"), facts.column("id")
        for row, extra in enumerate(decoded.extras or ()):
            if extra is None or status[row] not in (Status.OK, Status.PARKED):
                continue
            number = int(members[row])
            for code, coupon, why in extra.codes:
                if not why:
                    yield "coupon.redeemed", {
                        "member": None if number == NO_MEMBER else self._person(number),
                        "coupon": coupon, "code": code, "fact": ids[row].as_py(),
                        "seq": first + row,
                    }  # fmt: skip

    def _referrals(self, first: int, facts: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """Referrals that a commit completed, or undid: each side is told for itself."""
        replica = self.replica
        kinds = column(facts, "kind")
        rows = np.flatnonzero(kinds == REFERRAL_IN).tolist()
        if not rows or replica.words is None:
            return
        decoded, members, ids = read_facts(facts), column(facts, "member"), facts.column("id")
        numbers = replica.dictionaries.members.numbers
        starts, postings = list_view(facts.column("postings"))
        owners = np.repeat(members, np.diff(starts))
        for row in rows:
            extra = decoded.extra(row)
            referred = numbers[extra.to]
            sides = self._person(referred), self._person(int(members[row]))
            rule = replica.words.rules.index(extra.code)
            got = int(postings["points"][(postings["rule"] == rule) & (owners == referred)].sum())
            about = {
                "referral": extra.code, "currency": extra.currency, "fact": ids[row].as_py(),
                "seq": first + row,
            }  # fmt: skip
            kind = "referral.fallen" if extra.forced else "referral.completed"
            yield kind, {
                "member": sides[0], "side": "referred", "other": sides[1], "points": got, **about
            }
            yield kind, {
                "member": sides[1], "side": "referrer", "other": sides[0],
                "points": extra.amount, **about,
            }  # fmt: skip

    def _person(self, member: int) -> str:
        """The name by which a member goes now."""
        replica = self.replica
        return replica.dictionaries.members.names[replica.membership.accounts.person(member)]

    def _before(self, members: Any, previous: Any) -> None:
        """Learn the tiers of a record's members before it, as their last rows tell."""
        known = [int(member) for member in np.unique(members) if member != NO_MEMBER]
        if not known:
            return
        accounts = self.replica.membership.accounts
        most = max(*known, *(accounts.account(member) for member in known))
        if most >= len(self._tiers):
            more = np.full(max(most + 1, 2 * len(self._tiers)), _UNKNOWN, np.int8)
            more[: len(self._tiers)] = self._tiers
            self._tiers = more
        for member in known:
            account = accounts.account(member)
            if self._tiers[account] == _UNKNOWN:
                row = int(np.flatnonzero(members == member)[0])
                self._tiers[account] = self._tier_at(self._latest(account, int(previous[row])))

    def _latest(self, account: int, previous: int) -> int:
        """The last seq that counts in an account; `previous` is that of a member's own chain."""
        accounts, fold = self.replica.membership.accounts, self.replica.fold
        mine = [one for one in accounts.family(account) if accounts.account(one) == account]
        if fold is None or len(mine) == 1:
            return previous
        return max(fold.last_seq(one) for one in mine)

    def _tier_at(self, seq: int) -> int:
        """The tier after the last fact that was taken, from a seq of a chain backwards."""
        while seq:
            found = self.replica.records.at(seq)
            row = seq - found.record.first
            if found.status[row] in (int(Status.OK), int(Status.PARKED)):
                return int(column(found.batch, "tier")[row])
            seq = int(found.previous[row])
        return _NONE

    # -- reminders ------------------------------------------------------------------------

    def _reminders(self, day: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """What comes so many days after a day that was closed."""
        replica, fold = self.replica, self.replica.fold
        if fold is None:
            return
        through = {day + ahead: ahead for ahead in self._settings.expiring_days}
        birthdays = _Birthdays(day, self._settings.birthday_days)
        for number, name in enumerate(replica.dictionaries.members.names):
            last_at = fold.state.head(number)[0]
            if last_at is None:
                continue
            today = max(day, replica.versions.day(last_at))
            for place, currency in enumerate(fold.layout.currencies):
                sums: dict[int, int] = {}
                for _, _, end, points in fold.state.lots(number, place, today):
                    if end in through:
                        sums[end] = sums.get(end, 0) + points
                for end, points in sorted(sums.items()):
                    yield "points.expiring", {
                        "member": name, "currency": currency, "points": points,
                        "good_through": date_of(end).isoformat(), "days": through[end],
                    }  # fmt: skip
            ahead = birthdays.ahead(fold.state.slots(number)[_BIRTH : _BIRTH + 3])
            if ahead is not None:
                yield "birthday.coming", {
                    "member": name, "date": date_of(day + ahead).isoformat(), "days": ahead,
                }  # fmt: skip


class _Birthdays:
    """Whose birthday comes so many days after a day."""

    def __init__(self, day: int, ahead: Sequence[int]) -> None:
        self._days = {day + n: n for n in ahead}
        self._kept: dict[tuple[int, int], int | None] = {}

    def ahead(self, birth: list[int]) -> int | None:
        """Days to a birthday that is told of now; `birth` is packed in both calendars."""
        calendar = birth[2]
        packed = birth[calendar] % 10_000
        if not packed:
            return None
        key = calendar, packed
        if key not in self._kept:
            self._kept[key] = self._find(_CALENDARS[calendar], *divmod(packed, 100))
        return self._kept[key]

    def _find(self, calendar: str, month: int, day: int) -> int | None:
        for falls, ahead in self._days.items():
            year = ymd(calendar, date_of(falls))[0]
            if anniversary_day(month, day, calendar, year) == falls:
                return ahead
        return None
