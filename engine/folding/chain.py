"""A member's facts read back along its chain, as every fold needs them.

Each journal row keeps the seq of its member's row before it, so that one member's history
needs no index and no scan.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from vafa.native.trail import Trail

from ..columns.columns import CLAIM, CLOSING, SALE, Extra, Facts, Stored, join, pick, take
from ..columns.dictionaries import Dictionaries
from ..columns.parked import CORRECT, is_parked_whole
from ..columns.status import Status
from ..controls.versions import ProgramVersions
from ..journal.journal import CorruptRecord, Find
from ..journal.record_cache import Decoded, RecordCache
from .differences import Folded

_OK, _PARKED = int(Status.OK), int(Status.PARKED)

MOST_ROWS = 400_000
"""Rows of histories that are kept between commits."""


@dataclass(slots=True)
class History:
    """A member's facts that are in force: columns with dates, ids, seqs, version numbers.

    `members` are the numbers of the member and of all that were ever tied to it: histories are
    folded alone, and `facts` have places in it for numbers. `whole` holds, by seq, the extras of
    exchanges whose return part is parked; their rows are without that part. `given_up` are the seqs
    of what is out of force since its sale was claimed again (see `of_sale`).
    """

    facts: Facts
    ids: list[str]
    seqs: NDArray[np.uint64]
    version: NDArray[np.uint16]
    members: tuple[int, ...]
    whole: dict[int, Extra] = field(default_factory=dict)
    given_up: frozenset[int] = frozenset()

    @property
    def one(self) -> NDArray[np.uint32]:
        """A number for the history's members by row: they are one family."""
        return np.zeros(len(self.ids), np.uint32)

    def select(self, rows: NDArray[Any]) -> History:
        """Some of the facts."""
        return History(
            take(self.facts, rows), [self.ids[row] for row in rows.tolist()], self.seqs[rows],
            self.version[rows], self.members, self.whole, self.given_up,
        )  # fmt: skip

    def then(self, later: History) -> History:
        """The facts with later ones."""
        return History(
            join(self.facts, later.facts), [*self.ids, *later.ids],
            np.concatenate([self.seqs, later.seqs]),
            np.concatenate([self.version, later.version]), self.members,
            self.whole | later.whole, self.given_up | later.given_up,
        )  # fmt: skip


def without_return(extra: Extra) -> Extra | None:
    """The extra of an exchange without its return part."""
    bare = msgspec.structs.replace(extra, named="", back=())
    return None if bare == Extra() else bare


def resolve(facts: Facts, dictionaries: Dictionaries) -> None:
    """Give products and stores the versions in force at each fact's instant, known by now."""
    facts.store = dictionaries.stores.again(facts.store, facts.at)
    if dictionaries.products.changed and len(facts.product):
        at = np.repeat(facts.at, np.diff(facts.lines_from))
        facts.product = dictionaries.products.again(facts.product, at)


def of_sale(facts: Facts, row: int, name: str, sales: Collection[str]) -> bool:
    """Whether a fact is one of some sales, or brings something back of one.

    Of a sale that a member has claimed, given back and claimed again only what came with the
    last claim is in force: what was returned meanwhile came with it again.
    """
    return (facts.kind[row] == SALE and name in sales) or facts.extra(row).named in sales


def is_exchange(facts: Facts, row: int) -> bool:
    """Whether a sale has a return part: it goes on without it."""
    return bool(facts.kind[row] == SALE and facts.extra(row).named)


@dataclass(slots=True)
class _Walk:
    """Facts of a chain from its end backwards; `told` is what became of parked ones, `claimed`
    are the sales that were claimed: the last claim's row, and what had waited for it."""

    places: list[Stored] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    parked: set[int] = field(default_factory=set)
    told: dict[int, int] = field(default_factory=dict)
    end: int = 0
    claimed: dict[str, tuple[int, frozenset[int]]] = field(default_factory=dict)
    given_up: set[int] = field(default_factory=set)

    def take(self, found: Decoded, row: int, seq: int) -> None:
        """Take a fact if it is in force."""
        trail = found.trail
        kind, status, _ = trail.head(row)
        if kind == SALE and trail.head(0)[0] == CLAIM:
            came_along = frozenset(one.seq for one in found.resolved)
            self.claimed.setdefault(trail.id(row), (seq, came_along))
        waits = status == _PARKED and self.told.get(seq) != _OK
        if kind == CLOSING or status not in (_OK, _PARKED) or (
            waits and is_parked_whole(kind, status)
        ):
            return
        if waits:
            self.parked.add(len(self.seqs))
        self.places.append((trail, row))
        self.seqs.append(seq)

    def take_plain(self, trail: Trail, met: list[int]) -> None:
        """As `take` of several of which it would ask nothing more."""
        first = trail.first
        for row in met:
            self.places.append((trail, row))
            self.seqs.append(first + row)

    def without_given_up(self) -> _Walk:
        """The walk without what came before the last claim of a sale (see `of_sale`)."""
        if not self.claimed:
            return self
        kept = _Walk(told=self.told, end=self.end, claimed=self.claimed)
        for place, (stored, seq) in enumerate(zip(self.places, self.seqs, strict=True)):
            facts, (name,), _ = pick([stored])
            gone = self._given_up(facts, name, seq)
            if gone:
                kept.given_up.add(seq)
            if gone and not is_exchange(facts, 0):
                continue
            if gone:
                kept.told[seq] = int(Status.NOT_A_SALE)
            if gone or place in self.parked:
                kept.parked.add(len(kept.seqs))
            kept.places.append(stored)
            kept.seqs.append(seq)
        return kept

    def _given_up(self, facts: Facts, name: str, seq: int) -> bool:
        for sale in (name, facts.extra(0).named):
            last, came_along = self.claimed.get(sale, (0, frozenset()))
            if seq < last and seq not in came_along and of_sale(facts, 0, name, (sale,)):
                return True
        return False


def _walk(
    records: RecordCache, member: int, last_seq: int, until: int,
    told: dict[int, int] | None = None,
) -> _Walk:
    """Walk a member's chain from a seq down to one that is known, or to its begin.

    `told` is what other chains tell of parked facts.
    """
    walk = _Walk(told=dict(told or {}))
    with records.finding() as find:
        walk.end = _follow(walk, records, find, member, last_seq, until)
    return walk


def _follow(
    walk: _Walk, records: RecordCache, find: Find, member: int, last_seq: int, until: int
) -> int:
    """The seq at which a walk ends."""
    unread: list[tuple[Trail, list[int]]] = []
    while last_seq > until:
        found = records.at(last_seq, find)
        trail = found.trail
        first = trail.first
        met, following, plain = trail.follow(last_seq, until, member, CLOSING)
        if met is None:
            raise CorruptRecord(f"fact {following} is not of the member whose chain has it")
        if plain and not until and trail.head(0)[0] != CLAIM:
            unread.append((trail, met))
            walk.take_plain(trail, met)
        else:
            for row in met:
                unread.append((trail, [row]))
                if until or trail.head(row)[1] == _PARKED:
                    # What became of a parked fact stands on a row that was walked before it.
                    walk.told |= _told(unread)
                    unread.clear()
                walk.take(found, row, first + row)
        if following >= first + met[-1]:
            raise CorruptRecord(f"fact {first + met[-1]}: its member's chain does not fall")
        last_seq = following
    return last_seq


Heads = Mapping[int, int]
"""The last seqs of a member and of all that were ever tied to it, by their numbers."""


def read_history(
    records: RecordCache, heads: Heads, dictionaries: Dictionaries, versions: ProgramVersions,
    known: Known | None = None,
) -> History:
    """The facts in force of some members' chains up to their seqs, oldest seq first.

    With an earlier history of a member only what follows it is read, unless that tells of
    facts that it had waiting. Raises CorruptRecord when a chain does not lead back to its
    begin.
    """
    members = tuple(sorted(heads))
    if len(members) > 1:
        return _read_family(records, heads, dictionaries, versions)
    member, last_seq = members[0], heads[members[0]]
    walk = _walk(records, member, last_seq, known.last_seq if known is not None else 0)
    if known is not None and (
        walk.told or walk.end != known.last_seq
        or not walk.claimed.keys().isdisjoint(known.history.ids)
    ):  # fmt: skip
        known, walk = None, _walk(records, member, last_seq, 0)
    if known is not None and not walk.seqs:
        return known.history
    history = _read(walk, members, dictionaries, versions)
    return history if known is None else known.history.then(history)


def _read_family(
    records: RecordCache, heads: Heads, dictionaries: Dictionaries, versions: ProgramVersions
) -> History:
    # A sale of one may tell of a return that came in the name of another.
    told: dict[int, int] = {}
    for last_seq in heads.values():
        told |= _every_end(records, last_seq)
    whole = _Walk(told=told)
    for member in sorted(heads):
        walk = _walk(records, member, heads[member], 0, told)
        whole.parked |= {len(whole.seqs) + place for place in walk.parked}
        whole.places += walk.places
        whole.seqs += walk.seqs
        for sale, last in walk.claimed.items():
            whole.claimed[sale] = max(last, whole.claimed.get(sale, last), key=_seq)
    order = sorted(range(len(whole.seqs)), key=whole.seqs.__getitem__, reverse=True)
    sorted_ = _Walk(
        [whole.places[i] for i in order], [whole.seqs[i] for i in order],
        {place for place, i in enumerate(order) if i in whole.parked}, told, 0, whole.claimed,
    )  # fmt: skip
    return _read(sorted_, tuple(sorted(heads)), dictionaries, versions)


def _seq(last: tuple[int, frozenset[int]]) -> int:
    return last[0]


def _every_end(records: RecordCache, seq: int) -> dict[int, int]:
    """What a chain tells of parked facts."""
    told: dict[int, int] = {}
    while seq:
        trail = records.at(seq).trail
        row = seq - trail.first
        told |= _told([(trail, [row])])
        seq = trail.before(row)
    return told


def _read(
    walk: _Walk, members: tuple[int, ...], dictionaries: Dictionaries, versions: ProgramVersions
) -> History:
    """The facts of a walk, oldest first."""
    walk = walk.without_given_up()
    history = _made(walk.places[::-1], walk.seqs[::-1], members)
    history.given_up = frozenset(walk.given_up)
    for place in walk.parked:
        strip(history, len(walk.seqs) - 1 - place, refused=walk.seqs[place] in walk.told)
    resolve(history.facts, dictionaries)
    date(history, versions)
    return history


def _told(walked: list[tuple[Trail, list[int]]]) -> dict[int, int]:
    """Status by seq of the parked facts whose end some rows tell."""
    return dict(one for trail, rows in walked for row in rows for one in trail.told(row, CORRECT))


def _made(
    places: list[Stored], seqs: list[int], members: tuple[int, ...] | None
) -> History:
    """Rows as a history of some members (default theirs)."""
    facts, ids, version = pick(places)
    if members is None:
        members = tuple(sorted(set(facts.member.tolist())))
    facts.member = places_of(members, facts.member)
    return History(facts, ids, np.array(seqs, np.uint64), version, members)


def places_of(members: tuple[int, ...], numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Places of numbers among those of a history's members."""
    return np.searchsorted(np.array(members, np.uint32), numbers).astype(np.uint32)


def read_facts_at(
    records: RecordCache, seqs: list[int], dictionaries: Dictionaries, versions: ProgramVersions,
    members: tuple[int, ...] | None = None,
) -> History:
    """The facts with some seqs, whatever became of them, of some members (default theirs)."""
    history = _made([records.stored(seq) for seq in seqs], seqs, members)
    resolve(history.facts, dictionaries)
    date(history, versions)
    return history


def strip(history: History, row: int, *, refused: bool = False) -> None:
    """Take the return part of an exchange out of the fold; it waits unless it is refused."""
    extra = history.facts.extra(row)
    if not extra.named:
        return
    assert history.facts.extras is not None
    if not refused:
        history.whole[int(history.seqs[row])] = extra
    history.facts.extras = list(history.facts.extras)
    history.facts.extras[row] = without_return(extra)


def date(history: History, versions: ProgramVersions) -> None:
    """Fill business days and minutes."""
    facts = history.facts
    facts.day, facts.minute = versions.dates(facts.at, history.version)


class Known(NamedTuple):
    """A history up to a seq, and what it came to where its rows are those of that fold."""

    last_seq: int
    history: History
    folded: Folded | None = None


class HistoryCache:
    """Histories of members that were folded anew lately."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Known] = OrderedDict()
        self._rows = 0

    def get(self, member: int) -> Known | None:
        """What is known of a member, perhaps up to an earlier seq than its last."""
        kept = self._kept.get(member)
        if kept is not None:
            self._kept.move_to_end(member)
        return kept

    def keep(self, member: int, known: Known) -> None:
        """Keep a history; the least recently used ones make room."""
        old = self._kept.pop(member, None)
        if old is not None:
            self._rows -= len(old.history.ids)
        self._kept[member] = known
        self._rows += len(known.history.ids)
        while self._rows > MOST_ROWS and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._rows -= len(gone.history.ids)

    def clear(self) -> None:
        """Forget all: a program, a name or a commit is not what it was."""
        self._kept.clear()
        self._rows = 0
