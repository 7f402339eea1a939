"""Whose account a fact counts in: members that were merged, and members of households
(rulebook section 7).

A journal row keeps whom its fact named. In which account it counts is told by the merges and
the households as they stand at the fact's place, so a merge that comes late, or is undone,
moves facts without touching them. Members that were ever tied are one family: they are folded
together, each account a row of one small table.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..columns.columns import (
    CANCEL,
    CAPTURE,
    ENROL,
    LINKS,
    MERGE,
    OF_SALES,
    POOL,
    RELEASE,
    SUBSCRIBE,
    TIES,
    UNMERGE,
    UNPOOL,
    UNSUBSCRIBE,
    UPDATE,
    Facts,
)
from ..columns.named import Names

UInt32 = NDArray[np.uint32]

_GO_ALONG = (*OF_SALES, CAPTURE, RELEASE, CANCEL)
"""Kinds of facts that count where the one fact that they name does."""

_ABOUT = (ENROL, UPDATE, SUBSCRIBE, UNSUBSCRIBE)
"""Kinds of facts that tell what a member is."""


class Ties:
    """Members as merges and households tie them, taken one by one in the order of the facts."""

    def __init__(self) -> None:
        self._survivor: dict[int, int] = {}
        self._home: dict[int, int] = {}

    def person(self, member: int) -> int:
        """Who a member is: itself, or the one that it was merged into."""
        while member in self._survivor:
            member = self._survivor[member]
        return member

    def home(self, member: int) -> int | None:
        """The household in which a member pools; None for none."""
        return self._home.get(self.person(member))

    def account(self, member: int) -> int:
        """The account in which facts that name a member count."""
        person = self.person(member)
        return self._home.get(person, person)

    def pooled(self, household: int) -> list[int]:
        """Members that pool in an account."""
        return sorted(member for member, home in self._home.items() if home == household)

    def tie(self, kind: int, member: int, other: int) -> int:
        """A merge, or a member that joins or leaves a household; the account that is taken up,
        -1 for none. What says nothing new changes nothing.
        """
        mine, theirs = self.person(member), self.person(other)
        if kind == MERGE:
            return -1 if mine == theirs else self._merge(mine, theirs)
        if kind == POOL:
            return -1 if mine == theirs else self._pool(mine, theirs)
        if self._home.get(mine) == theirs:
            del self._home[mine]
        return -1

    def _merge(self, survivor: int, other: int) -> int:
        account = self.account(survivor)
        alone = self._home.pop(other, None) is None
        self._move(other, account)
        self._survivor[other] = survivor
        return other if alone and account != other else -1

    def _pool(self, member: int, household: int) -> int:
        account = self.account(household)
        if account == member:
            return -1
        alone = member not in self._home
        self._move(member, account)
        self._home[member] = account
        return member if alone else -1

    def _move(self, household: int, account: int) -> None:
        """Members of a household that is no account any more pool where it went."""
        for member, home in list(self._home.items()):
            if home == household:
                self._home[member] = account
                if member == account:
                    del self._home[member]


class _Holders:
    """In which account that stands now what an account had at a place has come together."""

    def __init__(self) -> None:
        self._into: list[int] = []
        self._account: list[int] = []
        self._now: dict[int, int] = {}

    def part(self, account: int) -> int:
        """The part of the ledger that an account is now."""
        if account not in self._now:
            self._now[account] = len(self._into)
            self._into.append(len(self._into))
            self._account.append(account)
        return self._now[account]

    def join(self, account: int, taken: int) -> None:
        """An account takes up another, which begins anew."""
        into, part = self.part(account), self.part(taken)
        self._into[part] = into
        del self._now[taken]

    def account(self, part: int) -> int:
        """The account that has a part now."""
        while self._into[part] != part:
            part = self._into[part]
        return self._account[part]


@dataclass(slots=True)
class Settled:
    """Rows of facts with the accounts in which they count.

    `order` are the rows that move anything; `account` is by row, `absorbs` the account that a
    row takes up (-1 none), `names` what rows name in their own accounts. `strange` are rows that
    name a fact of somebody else's account, `torn` those that would be in two accounts. `told`
    are by row of an unpool the rows that have told what is known of its member. `ties` is how
    members are tied after all of them; `holds(row)` tells the account that has a row's fact then.
    """

    order: UInt32
    account: UInt32
    absorbs: NDArray[np.int64]
    names: Names
    strange: set[int]
    torn: set[int]
    told: dict[int, list[int]]
    ties: Ties
    holds: Callable[[int], int]


def has_links(facts: Facts) -> bool:
    """Whether a fact among some ties members, or unties them."""
    return not facts.plain and bool(TIES[facts.kind].any())


def settle(
    facts: Facts, ids: Sequence[str], names: Names, order: UInt32,
    number_of: Callable[[str], int],
    tied: UInt32 | None = None,
) -> Settled | None:
    """The accounts of facts in their order; None where none of them ties members.

    Members are numbers of any table; `number_of` gives those of the members that ties name,
    `tied` are all that were ever tied, where there are others.
    """
    if not TIES[facts.kind[order]].any():
        return None
    mine = order if tied is None else order[np.isin(facts.member[order], tied)]
    walk = _Walk(facts, names, number_of)
    undone = {facts.extra(row).named for row in mine.tolist() if facts.kind[row] == UNMERGE}
    idle = {
        row for row in mine.tolist() if facts.kind[row] == UNMERGE
        or (facts.kind[row] == MERGE and ids[row] in undone)
    }  # fmt: skip
    for row in mine.tolist():
        if row not in idle:
            walk.take(row)
    for row in idle:
        walk.account[row] = walk.ties.account(int(facts.member[row]))
    return Settled(
        order[~np.isin(order, list(idle))], walk.account, walk.absorbs, walk.names, walk.strange,
        walk.torn, walk.told, walk.ties, walk.holds,
    )  # fmt: skip


class _Walk:
    """Facts taken in their order."""

    def __init__(self, facts: Facts, names: Names, number_of: Callable[[str], int]) -> None:
        self.facts, self._named, self._number_of = facts, names, number_of
        self.ties, self._holders = Ties(), _Holders()
        self.account = facts.member.copy()
        self.absorbs = np.full(len(facts), -1, np.int64)
        tenders = None if names.tenders is None else names.tenders.copy()
        self.names = Names(names.rows.copy(), tenders)
        self.strange: set[int] = set()
        self.torn: set[int] = set()
        self.told: dict[int, list[int]] = {}
        self._about: dict[int, int] = {}
        self._part: dict[int, int] = {}

    def holds(self, row: int) -> int:
        """The account that has a row's fact by now."""
        if row not in self._part:
            return int(self.account[row])
        return self._holders.account(self._part[row])

    def take(self, row: int) -> None:
        """The next fact."""
        kind, member = int(self.facts.kind[row]), int(self.facts.member[row])
        if kind in _ABOUT:
            self._about[row] = member
        elif kind in LINKS:
            self._tie(row, kind, member)
        here = self.ties.account(member)
        for target in self._named.targets(self.facts, row):
            here = self._with(row, target, here)
        self.account[row], self._part[row] = here, self._holders.part(here)

    def _tie(self, row: int, kind: int, member: int) -> None:
        person = self.ties.person
        if kind == UNPOOL:
            self.told[row] = [
                one for one, told in self._about.items() if person(told) == person(member)
            ]
        taken = self.ties.tie(kind, member, self._number_of(self.facts.extra(row).other))
        if taken >= 0:
            self.absorbs[row] = taken
            self._holders.join(self.ties.account(member), taken)

    def _with(self, row: int, target: int, here: int) -> int:
        """The account of a fact that names another, which may be in another account."""
        theirs = self.holds(target)
        if theirs == here:
            return here
        member, named = int(self.facts.member[row]), int(self.facts.member[target])
        if self.ties.person(member) != self.ties.person(named):
            self.strange.add(row)
        if self.facts.kind[row] in _GO_ALONG:
            return theirs
        self.torn.add(row)
        _forget(self.names, self.facts, row, target)
        return here


def _forget(names: Names, facts: Facts, row: int, target: int) -> None:
    """A fact no longer names one that is not in its account."""
    if names.rows[row] == target:
        names.rows[row] = -1
    if names.tenders is not None:
        tenders = names.tenders[facts.tenders_from[row] : facts.tenders_from[row + 1]]
        tenders[tenders == target] = -1


class Link(NamedTuple):
    """An accepted tie, by its place; `member` and `other` are numbers of the dictionaries."""

    at: int
    store: str
    terminal: str
    id: str
    kind: int
    member: int
    other: int


@dataclass(slots=True)
class _Family:
    """Members that were ever tied, sorted, their ties in order, and how those stand now."""

    members: list[int] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    ties: Ties = field(default_factory=Ties)
    latest: int = -(2**63)
    """Instant (us) of the last tie, or of its undoing."""

    def add(self, link: Link) -> None:
        """A tie more, which mostly is the last one."""
        last = not self.links or link > self.links[-1]
        insort(self.links, link)
        self.latest = max(self.latest, link.at)
        if last:
            self.ties.tie(link.kind, link.member, link.other)
        else:
            self.ties = self._stand()

    def remove(self, link: Link, at: int) -> None:
        """A tie less, from an instant (us) that comes after none of the family's facts."""
        self.links.remove(link)
        self.latest = max(self.latest, at)
        self.ties = self._stand()

    def take(self, other: _Family) -> None:
        """Two families are one."""
        self.members = sorted({*self.members, *other.members})
        self.links = sorted([*self.links, *other.links])
        self.latest = max(self.latest, other.latest)
        self.ties = self._stand()

    def until(self, at: int) -> Ties:
        """How the members are tied at an instant (us)."""
        return self.ties if at >= self.latest else self._stand(at)

    def _stand(self, until: int | None = None) -> Ties:
        ties = Ties()
        for link in self.links:
            if until is None or link.at <= until:
                ties.tie(link.kind, link.member, link.other)
        return ties


class Accounts:
    """How the members of a ledger are tied, by all that it has accepted."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self.undone: set[str] = set()
        self._families: dict[int, _Family] = {}
        self._members = np.zeros(0, np.uint32)

    def __bool__(self) -> bool:
        return bool(self.links)

    def add(self, link: Link) -> None:
        """A tie is accepted."""
        self.links[link.id] = link
        family = self._with(link.member)
        if self._families.get(link.other) is not family:
            other = self._families.get(link.other)
            if other is not None and len(other.members) > len(family.members):
                family, other = other, family
            if other is None:
                insort(family.members, link.other)
                self._families[link.other] = family
            else:
                family.take(other)
                for member in other.members:
                    self._families[member] = family
        family.add(link)

    def _with(self, member: int) -> _Family:
        """The family of a member, which may be its only one."""
        if member not in self._families:
            self._families[member] = _Family([member])
        return self._families[member]

    @contextmanager
    def foreseen(self, link: Link, undone: str | None = None) -> Iterator[None]:
        """How members are tied once a tie is kept, or a merge `undone` at its instant; afterwards
        they are as before."""
        of = link if undone is None else self.links[undone]
        concerned = {*self.family(of.member), *self.family(of.other)}
        kept = deepcopy({one: self._families.get(one) for one in concerned})
        if undone is None:
            self.add(link)
        else:
            self.undo(undone, link.at)
        try:
            yield
        finally:
            if undone is None:
                del self.links[link.id]
            else:
                self.undone.remove(undone)
            for one, family in kept.items():
                if family is None:
                    self._families.pop(one)
                else:
                    self._families[one] = family

    def undo(self, merge: str, at: int) -> None:
        """A merge is undone, as if it had never been."""
        self.undone.add(merge)
        link = self.links[merge]
        self._families[link.member].remove(link, at)

    # -- one member -------------------------------------------------------------------------

    def family(self, member: int) -> Sequence[int]:
        """The numbers of all that were ever tied to a member, its own among them, sorted."""
        found = self._families.get(member)
        return (member,) if found is None else found.members

    def has_family(self, member: int) -> bool:
        """Whether a member was ever tied to another one."""
        return member in self._families

    def ties(self, member: int, at: int | None = None) -> Ties:
        """How a member's family is tied at an instant (us), default after all ties."""
        found = self._families.get(member)
        if found is None:
            return Ties()
        return found.ties if at is None else found.until(at)

    def person(self, member: int) -> int:
        """Who a member is: itself, or the one that it was merged into."""
        found = self._families.get(member)
        return member if found is None else found.ties.person(member)

    def account(self, member: int) -> int:
        """The account in which facts that name a member count from now on."""
        found = self._families.get(member)
        return member if found is None else found.ties.account(member)

    def names_of(self, person: int) -> list[int]:
        """The members that are this one, its own number first."""
        others = [m for m in self.family(person) if m != person and self.person(m) == person]
        return [person, *others]

    # -- batches ------------------------------------------------------------------------------

    def every(self, members: Iterable[int]) -> set[int]:
        """Members with all that are tied to them."""
        found = set(members)
        if self:
            found.update(one for member in list(found) for one in self.family(member))
        return found

    def counted(self, members: UInt32) -> UInt32:
        """The accounts in which facts that name members count from now on."""
        return self._mapped(members, self.account)

    def roots(self, members: UInt32) -> UInt32:
        """One member of each one's family, the same for all of it."""
        return self._mapped(members, lambda member: self.family(member)[0])

    def behind(self, members: UInt32, at: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Which facts do not come after the last tie of their family; None: all do."""
        rows = self._tied(members)
        if not len(rows):
            return None
        late = np.zeros(len(members), np.bool_)
        late[rows] = [
            when <= self._families[member].latest
            for when, member in zip(at[rows].tolist(), members[rows].tolist(), strict=True)
        ]
        return late

    def _mapped(self, members: UInt32, of: Callable[[int], int]) -> UInt32:
        rows = self._tied(members)
        if not len(rows):
            return members
        out = members.copy()
        out[rows] = [of(member) for member in members[rows].tolist()]
        return out

    def tied(self) -> UInt32:
        """All members that were ever tied."""
        if len(self._members) != len(self._families):
            self._members = np.fromiter(self._families, np.uint32, len(self._families))
        return self._members

    def _tied(self, members: UInt32) -> NDArray[np.int64]:
        """Rows whose member is tied, or was."""
        if not self.links:
            return np.zeros(0, np.int64)
        return np.flatnonzero(np.isin(members, self.tied()))
