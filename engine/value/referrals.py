"""What referrals bring the referrers, and take from them again (rulebook sections 2 and 7).

What a referred member gets is given by a rule (`program.rule_of_referral`). When that rule has
given in a commit, the referrer gets its points as a leg of that commit; when a return takes them
from the member, a leg takes them from the referrer. No replay touches a leg.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..calendars.calendars import FIRST_DAY, period_table, week_begins
from ..columns.answers import Answer
from ..columns.columns import (
    LINKS,
    REFERRAL_IN,
    RETURN,
    SALE,
    TIES,
    UNCLAIM,
    UNMERGE,
    Extra,
    Facts,
    Outcome,
    without_lines,
)
from ..columns.status import Status
from ..folding.batch import Batch
from ..folding.fold import Fold
from ..members.accounts import Link, has_links
from ..members.membership import place_of
from ..members.referred import Given, Key
from ..program.referrals import Referral
from ..replica.replica import Replica

_USES = 3


class Watched(NamedTuple):
    """Members of a commit that were referred, and whether the rules had given before it."""

    referrer_of: dict[int, int]
    before: dict[Key, bool]


def watched(fold: Fold, replica: Replica, facts: Facts, new: Mapping[str, str]) -> Watched:
    """Whom of a commit's members to look at; `new` are referrers of members by this commit."""
    if not fold.refers:
        return Watched({}, {})
    numbers, known = fold.dictionaries.members.numbers, replica.membership.referrals.referrer_of
    found = {numbers[member]: numbers[referrer] for member, referrer in new.items()}
    if known:
        members = set(facts.member.tolist())
        if has_links(facts):
            members |= {numbers[one] for one in _others(facts) if one in numbers}
        # Who was merged into one of them is the same member under another name.
        names_of = fold.accounts.names_of
        names = {n for m in members for n in names_of(fold.accounts.person(m))} | members
        found |= {m: known[m] for m in names if m in known}
    rules = {one.id for version in fold.versions for one in version.program.referral}
    before = {(m, name): has_given(fold, m, name) for m in found for name in rules}
    return Watched(found, before)


def _others(facts: Facts) -> list[str]:
    return [facts.extra(row).other for row in np.flatnonzero(TIES[facts.kind]).tolist()]


def tied_by(fold: Fold, batch: Batch, outcome: Outcome) -> AbstractContextManager[None]:
    """Within it members are tied as a commit leaves them; what it brings a referrer counts so."""
    facts = batch.facts
    kind = int(facts.kind[0])
    if kind not in LINKS or outcome.status[0] != Status.OK:
        return nullcontext()
    extra = facts.extra(0)
    other = fold.dictionaries.members.numbers.get(extra.other, -1)
    place = place_of(facts, 0, batch.ids[0], fold.dictionaries)
    link = Link(*place, kind, int(facts.member[0]), other)
    return fold.accounts.foreseen(link, extra.named if kind == UNMERGE else None)


def has_given(fold: Fold, member: int, referral: str) -> bool:
    """Whether the rule of a referral has given to a member, as it stands now."""
    layout = fold.layout
    account = fold.accounts.account(member)
    for number, key in enumerate(layout.counters):
        if key[0] == _USES and key[1] == referral:
            slot = layout.counter_slot(number)
            if key[2][0] == "kept":  # type: ignore[index]
                return any(fold.state.vec(account, slot))
            return bool(fold.state.slots(account)[slot + 1] > 0)
    return False


def legs_of(
    fold: Fold, replica: Replica, whole: Watched, batch: Batch, outcome: Outcome, first: int
) -> Batch | None:
    """The legs of a commit from seq `first` on; None where it brings or takes nothing."""
    moves: list[tuple[int, Key]] = []
    for key, was in whole.before.items():
        given = replica.membership.referrals.given.get(key)
        now = has_given(fold, *key)
        if now and given is None:
            moves.append((_place(fold, batch, outcome, *key), key))
        elif was and not now and given is not None:
            moves += [(row, key) for row in _back(fold, batch.facts, key[0])[:1]]
    if not moves:
        return None
    rows: list[tuple[int, int, str, Extra]] = []
    stand = replica.membership.referrals.standing()
    moves = _once(fold, moves, stand)
    # Of one commit those that came first count first.
    for row, key in sorted(moves):
        given = stand.pop(key, None)
        leg = (
            _brings(fold, replica, batch, outcome, whole.referrer_of[key[0]], key, stand)
            if given is None else _falls(fold, batch, row, given, key)
        )
        if leg is not None:
            rows.append(leg)
            referrer, at, _, extra = leg
            if given is None:
                stand[key] = Given(referrer, at, extra.amount, extra.quantity)
    if not rows:
        return None
    legs = without_lines(
        REFERRAL_IN, np.array([at for _, at, _, _ in rows], np.int64),
        np.array([member for member, _, _, _ in rows], np.uint32),
    )
    legs.extras = [extra for *_, extra in rows]
    version = fold.versions.numbers_at(legs.at)
    legs.day, legs.minute = fold.versions.dates(legs.at, version)
    return Batch(legs, [name for _, _, name, _ in rows], first, version, legs=True)


Leg = tuple[int, int, str, Extra]
"""The referrer, the instant, the fact that caused it, and what it says."""


def _brings(
    fold: Fold, replica: Replica, batch: Batch, outcome: Outcome, referrer: int, key: Key,
    stand: Mapping[Key, Given],
) -> Leg | None:
    member, name = key
    fact, at = _earned_by(fold, replica, batch, outcome, member, name)
    program = fold.versions.showing(at).program
    referral = next((one for one in program.referral if one.id == name), None)
    left = replica.membership.closed.get(fold.accounts.account(referrer))
    if referral is None or (left is not None and at >= left):
        return None
    if fold.accounts.person(referrer) == fold.accounts.person(member):
        # They were merged: nobody refers itself.
        return None
    currency = program.currency_named(referral.currency)
    to = fold.dictionaries.members.names[member]
    person = fold.accounts.person(referrer)
    mine = [
        one for (_, of), one in stand.items()
        if of == name and fold.accounts.person(one.referrer) == person and one.points
    ]  # fmt: skip
    full = room(fold, referral, mine, at) == 0
    points, ordinal = referral.referrer, len(mine) + 1
    more = referral.milestones.get(str(ordinal))
    if more is None or any(one.milestone == ordinal for one in mine):
        more, ordinal = Decimal(0), 0
    amount = 0 if full else int((points + more) * 10**currency.scale)
    return referrer, at, fact, Extra(
        code=name, currency=currency.id, to=to, amount=amount, quantity=0 if full else ordinal
    )


def _once(
    fold: Fold, moves: list[tuple[int, Key]], stand: Mapping[Key, Given]
) -> list[tuple[int, Key]]:
    """Without what would bring a member's referrers points for another one of its names: nobody is
    referred twice. Its own name counts before those that were merged into it.
    """
    person = fold.accounts.person
    done = {(person(member), name) for member, name in stand}
    kept: list[tuple[int, Key]] = []
    for row, key in sorted(moves, key=lambda move: (move[1][0] != person(move[1][0]), move)):
        who = person(key[0]), key[1]
        if key in stand:
            kept.append((row, key))
        elif who not in done:
            done.add(who)
            kept.append((row, key))
    return kept


def _rows_of(fold: Fold, facts: Facts, member: int) -> NDArray[np.bool_]:
    """Which facts name a member, by any of its names."""
    if not fold.accounts:
        return facts.member == member
    return np.isin(facts.member, fold.accounts.names_of(fold.accounts.person(member)))


def _back(fold: Fold, facts: Facts, member: int) -> list[int]:
    """Rows by which something of a member came back."""
    return [
        row for row in np.flatnonzero(_rows_of(fold, facts, member)).tolist()
        if facts.kind[row] in (RETURN, UNCLAIM)
        or (facts.kind[row] == SALE and facts.extra(row).named)
    ]  # fmt: skip


def _falls(fold: Fold, batch: Batch, row: int, given: Given, key: Key) -> Leg:
    member, name = key
    program = fold.versions.showing(given.at).program
    referral = next((one for one in program.referral if one.id == name), None)
    currency = program.currency_named(referral.currency if referral is not None else None).id
    return given.referrer, int(batch.facts.at[row]), batch.ids[row], Extra(
        code=name, currency=currency, to=fold.dictionaries.members.names[member],
        amount=-given.points, forced=True,
    )


def _place(fold: Fold, batch: Batch, outcome: Outcome, member: int, name: str) -> int:
    """The row of a commit with which the rule has given to a member."""
    rule, postings = fold.layout.rules.index(name), outcome.postings
    owners = np.repeat(np.arange(len(outcome.status)), np.diff(outcome.posted_from))
    mine = owners[(postings["rule"] == rule) & (postings["points"] > 0)]
    mine = mine[_rows_of(fold, batch.facts, member)[mine]]
    return int(mine[0]) if len(mine) else len(batch.ids)


def _earned_by(
    fold: Fold, replica: Replica, batch: Batch, outcome: Outcome, member: int, name: str
) -> tuple[str, int]:
    """Id and instant of the sale that the rule has given to in a commit."""
    rule, postings = fold.layout.rules.index(name), outcome.postings
    owners = np.repeat(np.arange(len(outcome.status)), np.diff(outcome.posted_from))
    theirs = _rows_of(fold, batch.facts, member)
    for place in np.flatnonzero((postings["rule"] == rule) & (postings["points"] > 0)).tolist():
        row = int(owners[place])
        if not theirs[row]:
            continue
        seq = int(postings["corrects"][place])
        if 0 < seq < batch.first:
            stored = replica.stored(seq)
            return stored.id, int(replica.records.at(seq).facts.at[stored.row])
        mine = seq - batch.first if seq else row
        return batch.ids[mine], int(batch.facts.at[mine])
    # Of a tie the member may be the other one.
    rows = np.flatnonzero(theirs)
    row = int(rows[-1]) if len(rows) else 0
    return batch.ids[row], int(batch.facts.at[row])


def referrals_view(replica: Replica, fold: Fold, member: int, at: int) -> Answer:
    """Referrals of a member that stand at an instant, and how many more may bring points then."""
    if not fold.refers:
        return {}
    found = {}
    names = fold.accounts.names_of(fold.accounts.person(member))
    for referral in fold.versions.showing(at).program.referral:
        mine = [
            one for name in names for one in replica.membership.referrals.of(name, referral.id)
            if one.at <= at
        ]
        if mine:
            paid = [one for one in mine if one.points]
            found[referral.id] = {"brought": len(mine), "left": room(fold, referral, paid, at)}
    return {"referrals": found} if found else {}


def room(fold: Fold, referral: Referral, mine: Iterable[Given], at: int) -> int | None:
    """How many referrals may still bring points at an instant; None where there is no cap."""
    if referral.cap is None:
        return None
    used = list(mine)
    if referral.per != "lifetime":
        program = fold.versions.showing(at).program
        table = period_table(program.calendar, referral.per, week_begins(program))[0]
        period = table[fold.today(at) - FIRST_DAY]
        used = [one for one in used if table[fold.today(one.at) - FIRST_DAY] == period]
    return max(0, referral.cap - len(used))

