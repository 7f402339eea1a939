"""Why a fact came to what it came to: any fact of a ledger, recomputed by the reference.

Nothing is stored for it. The member's facts are read back along its chain and played by the
rulebook in plain Python, which tells what it looks at (`trace`); the figures are held
against the journal's (rulebook section 12: every point can be explained).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from ..calendars.calendars import day_of
from ..columns.answers import fact_view, instant_text
from ..columns.columns import (
    CLAIMS,
    LEGS,
    LINKS,
    MEMBER_KINDS,
    OF_SALES,
    SALE,
)
from ..columns.records import StoredFact, read_facts
from ..columns.schema import NO_MEMBER, column
from ..columns.status import REFUSALS, Status
from ..controls.standing import DAY_CLOSED, day_closed
from ..facts import KINDS, SHOWN
from ..folding.chain import Heads
from ..reference.calendar import business_date
from ..reference.facts import named_sale
from ..reference.turn import Posting
from ..reference.world import Accepted, Version
from ..replica.replica import Replica
from ..value.coupons import codes_told
from ..views.views import durable_heads
from .back import back_told, paid_told
from .change import balances_told, lots_made, lots_moved, tier_told
from .control import control_told
from .journal import (
    corrections_told,
    differences,
    line_differences,
    postings_told,
    standing_differences,
    terms_told,
)
from .member import MemberChain, Reader, chain_of, shown, wire_fact
from .played import Played, play_chain
from .refused import refused
from .rules import lines_told, rules_told
from .shape import CodeTold, ControlTold, Explanation, ProgramTold
from .words import sentences

_NAMING = (KINDS.index("catalog"), KINDS.index("store"))


class UnknownFact(LookupError):
    """There is no such fact in the ledger, or it did nothing to the member named."""


class Asked(NamedTuple):
    """A fact to explain: its seq, and of a member's the member, with the latest seqs of it and of
    all that were ever tied to it."""

    seq: int
    member: int | None = None
    heads: Heads | None = None


class Explainer:
    """Explains the facts of a ledger as a replica has it.

    `lang` is en or fa; without one there are no sentences. Raises UnknownFact for a ledger
    without a program.
    """

    def __init__(self, replica: Replica, lang: str | None = None) -> None:
        if replica.words is None:
            raise UnknownFact("the ledger has no program yet, and so no facts of members")
        self._replica, self._lang = replica, lang
        self._reader = Reader(replica)
        self._world = self._reader.world
        self._donors = {
            rule.id for version in self._world.versions for rule in version.program.rule
            if rule.donate is not None
        }  # fmt: skip

    # -- one fact ----------------------------------------------------------------------------

    def fact(self, name: str, member: str | None = None) -> Explanation | ControlTold:
        """One fact by its id; of a closed day, or a fact of several members, what it did to
        one. Raises UnknownFact."""
        return self.explain(self.find(name, member))

    def find(self, name: str, member: str | None = None) -> Asked:
        """What `explain` is to explain. Raises UnknownFact."""
        seq = self._replica.find_ids([name]).get(name)
        if seq is None:
            raise UnknownFact(f"no fact {name!r}")
        stored = self._of_claim(self._reader.stored(seq), member)
        members = self._reader.dictionaries.members
        if stored.kind in MEMBER_KINDS:
            if member is not None:
                stored = self._leg_of(stored, member)
            number = int(column(stored.batch, "member")[stored.row])
            if number == NO_MEMBER:
                if member is not None:
                    raise UnknownFact(f"the fact {name!r} is nobody's")
                return Asked(stored.seq)
            whose = shown(members.names[number])
            if member not in (None, whose):
                raise UnknownFact(f"the fact {name!r} is of the member {whose!r}")
        elif member is None:
            return Asked(seq)
        elif (leg := self._leg_of(stored, member)) is not stored:
            stored, number = leg, int(column(leg.batch, "member")[leg.row])
        elif stored.kind != DAY_CLOSED or stored.status or member not in members.numbers:
            raise UnknownFact(f"the fact {name!r} closed no day of a member {member!r}")
        else:
            number = members.numbers[member]
        return Asked(stored.seq, number, self._heads(number))

    def _of_claim(self, stored: StoredFact, member: str | None) -> StoredFact:
        """Of a claim its sale, and of its cancel the return of it; of what was nobody's the row
        of the member that has claimed it, or had it, and its own where nobody has."""
        if stored.kind in CLAIMS and stored.status == Status.OK:
            return self._reader.stored(stored.seq + 1)
        nobodys = column(stored.batch, "member")[stored.row] == NO_MEMBER
        if stored.kind not in (SALE, *OF_SALES) or not (nobodys or member is not None):
            return stored
        sale = stored.id if stored.kind == SALE else self._named_by(stored)
        if sale not in self._replica.membership.receipts.by_sale and not nobodys:
            return stored
        number = self._replica.membership.receipts.owner(sale)
        if member is not None:
            number = self._reader.dictionaries.members.numbers.get(member)
        seq = 0 if number is None else self._heads(number).get(number, 0)
        while seq:
            row = self._reader.stored(seq)
            if row.id == stored.id and row.kind == stored.kind:
                return row
            seq = int(column(row.batch, "previous")[row.row])
        return stored

    def _named_by(self, stored: StoredFact) -> str:
        found = self._reader.records.at(stored.seq)
        return found.facts.extra(stored.row).named

    def _leg_of(self, stored: StoredFact, member: str) -> StoredFact:
        """A member's leg of a fact of several members; the fact itself where it has none."""
        names = self._reader.dictionaries.members.names
        number = column(stored.batch, "member")[stored.row]
        if number != NO_MEMBER and shown(names[number]) == member:
            return stored
        last = self._reader.records.at(stored.seq).record.last
        legs = (self._reader.stored(seq) for seq in range(stored.seq + 1, last + 1))
        mine = (
            leg for leg in legs
            if leg.kind in LEGS and leg.id == stored.id
            and shown(names[column(leg.batch, "member")[leg.row]]) == member
        )  # fmt: skip
        return next(mine, stored)

    def explain(self, asked: Asked) -> Explanation | ControlTold:
        """Explain what was found. It reads the journal only, so that a thread may do it.

        Raises UnknownFact where a closed day did nothing to the member.
        """
        stored = self._reader.stored(asked.seq)
        if asked.member is None:
            return control_told(self._reader, stored, self._lang)
        played = self._played(asked.member, asked.heads or {}, [asked.seq])
        if asked.seq in played.steps:
            return self._in_force(played, stored)
        if stored.kind == DAY_CLOSED:
            raise UnknownFact(
                f"the day {stored.id!r} was closed before the member {played.chain.name!r} came"
            )
        if stored.status == Status.OK and stored.kind not in LINKS:
            raise UnknownFact(
                f"the member {played.chain.name!r} has given the sale back, and claimed it again"
            )
        return self._not_in_force(asked.member, played.chain, stored)

    def _heads(self, number: int) -> Heads:
        assert self._replica.fold is not None
        return durable_heads(self._replica, self._replica.fold, number)

    # -- many ----------------------------------------------------------------------------------

    def day(self, date: dt.date) -> Iterator[Explanation]:
        """All facts of members of a business date and the parts of its close, member by member,
        each one's in its order. A fact's date is by the version that rated it."""
        for number, seqs in self._facts_on(date).items():
            played = self._played(number, self._heads(number), seqs)
            yield from self._some(number, played, seqs)

    @property
    def members(self) -> int:
        """How many members there are; they have numbers from 0."""
        return len(self._reader.dictionaries.members)

    def all(self, members: Iterable[int] | None = None) -> Iterator[Explanation]:
        """Every fact of every member, and every closed day that posted something for one.

        `members` are the numbers of those that are wanted.
        """
        for number in range(self.members) if members is None else members:
            played = self._played(number, self._heads(number), None)
            chain = played.chain
            seqs = [
                seq for seq, stored in chain.rows.items() if stored.kind in MEMBER_KINDS
                and not (stored.kind in CLAIMS and stored.status == Status.OK)
                and int(column(stored.batch, "member")[stored.row]) == number
            ]  # fmt: skip
            seqs += [
                seq for seq, step in played.steps.items()
                if seq not in chain.rows and (step.row.postings or chain.own.get(seq))
            ]
            yield from self._some(number, played, seqs)

    def _some(self, number: int, played: Played, seqs: Collection[int]) -> Iterator[Explanation]:
        for seq in sorted(seqs, key=lambda seq: played.places.get(seq, -1)):
            stored = self._reader.stored(seq)
            if seq in played.steps:
                yield self._in_force(played, stored)
            elif stored.kind in LINKS or (
                stored.kind in MEMBER_KINDS and stored.status != Status.OK
            ):
                yield self._not_in_force(number, played.chain, stored)

    def _facts_on(self, date: dt.date) -> dict[int, list[int]]:
        """Seqs of the facts of a date by member; a member's part of its close is the day's."""
        reader, day = self._reader, day_of(date)
        found: dict[int, list[int]] = {}
        for record in reader.journal.scan():
            if record.first > reader.seq:
                break
            batch = record.facts()
            kind, members = column(batch, "kind"), column(batch, "member")
            closes = int(kind[0]) == DAY_CLOSED
            if closes:
                if day_closed(batch.column("payload")[0].as_py()) != day:
                    continue
                rows = np.flatnonzero(members != NO_MEMBER)
            else:
                # The shares of a pool follow a fact that is no member's.
                rows = np.flatnonzero((members != NO_MEMBER) & np.isin(kind, MEMBER_KINDS))
                at, version = column(batch, "at")[rows], column(batch, "program")[rows]
                rows = rows[reader.versions.dates(at, version)[0] == day]
            for row in rows.tolist():
                seq = record.first + (0 if closes else row)
                found.setdefault(int(members[row]), []).append(seq)
        return found

    # -- a member ------------------------------------------------------------------------------

    def _played(self, number: int, heads: Heads, seqs: Collection[int] | None) -> Played:
        chain = chain_of(self._reader, number, heads)
        return play_chain(self._world, chain, len(heads) > 1, seqs)

    def _in_force(self, played: Played, stored: StoredFact) -> Explanation:
        """A fact that moves what it moves."""
        seq, chain = stored.seq, played.chain
        step = played.steps[seq]
        heard, program = played.heard[seq], step.entry.version.program
        before, after, rated = heard.before, step.after, heard.rating
        lots = lots_made(before.wallet, after.wallet)
        own, later = chain.own.get(seq, []), chain.corrections.get(seq, [])
        balances = balances_told(program, before, after, step.row)
        tier = tier_told(program, before, after)
        every = [*step.row.postings, *played.apart.get(seq, ())]
        unlike, moved = list(differences(self._donors, every, own, later)), False
        if not unlike and not later and (lines := list(line_differences(every, own))):
            then = self._lines_then(chain, seq)
            lines = lines if then is None else list(line_differences(then, own))
            if lines and self._named_since(seq):
                lines = []
            unlike, moved = lines, not lines
        if (
            stored.kind in MEMBER_KINDS and seq >= chain.last_tie and seq not in played.elsewhere
        ):
            now = {name: told.after for name, told in balances.items()}
            unlike += standing_differences(
                self._reader, chain, stored, played.stands(seq), now,
                None if tier is None else tier.after,
            )  # fmt: skip
        told = msgspec.structs.replace(
            self._head(stored, step.entry, chain), status="ok", agrees=not unlike,
            business_date=step.row.date, waits_for=self._awaited(step.entry, chain),
            lines=[] if rated is None else lines_told(rated.basket),
            rules=[] if rated is None else rules_told(rated, lots),
            broken=terms_told(step.row),
            returned=back_told(heard.returned), paid=paid_told(heard.paid),
            postings=postings_told(step.row.postings),
            lots=lots, moved=lots_moved(before.wallet, after.wallet), balances=balances, tier=tier,
            journalled=postings_told(own), corrected=bool(later) or moved, moved_lines=moved,
            corrections=corrections_told(self._reader, later), differences=unlike,
        )  # fmt: skip
        return self._worded(told, step.entry.version)

    def _lines_then(self, chain: MemberChain, seq: int) -> list[Posting] | None:
        """What a fact came to by what was known when it was committed; None where that is all
        there is."""
        last = self._reader.records.at(seq).record.last
        heads: dict[int, int] = {}
        for other, row in chain.rows.items():
            if other <= last:
                heads[int(column(row.batch, "member")[row.row])] = other
        world = replace(self._world, days=[day for day in self._world.days if day.seq <= last])
        if len(world.days) == len(self._world.days) and max(chain.rows) <= last:
            return None
        number = self._reader.dictionaries.members.numbers[chain.name]
        then = play_chain(world, chain_of(self._reader, number, heads), len(heads) > 1)
        step = then.steps.get(seq)
        return [] if step is None else [*step.row.postings, *then.apart.get(seq, ())]

    def _named_since(self, seq: int) -> bool:
        """Whether goods or stores were named after a fact was committed.

        A rule may want another figure of it since and give the same, cut by a cap: what is wanted
        is corrected nowhere.
        """
        last = self._reader.records.at(seq).record.last
        return any(
            column(record.facts(), "kind")[0] in _NAMING
            for record in self._reader.journal.scan(last)
        )

    def _not_in_force(
        self, number: int, chain: MemberChain, stored: StoredFact
    ) -> Explanation:
        """A fact that was refused, or waits: played where it came, to tell what it lacked."""
        number_of = int(column(stored.batch, "program")[stored.row])
        at = int(column(stored.batch, "at")[stored.row])
        version = self._world.versions[number_of - 1] if number_of else self._world.version_at(at)
        assert version is not None
        fact = wire_fact(stored, self._reader.dictionaries, version.program)
        entry = Accepted(fact, stored.seq, version)
        head = self._head(stored, entry, chain)
        own, later = chain.own.get(stored.seq, []), chain.corrections.get(stored.seq, [])
        ended = chain.ended.get(stored.seq)
        status = Status(stored.status) if ended is None else ended.status
        if status == Status.OK:
            # A merge that is undone, and what undoes it, move nothing.
            unlike = list(differences(self._donors, [], own, later))
            idle = msgspec.structs.replace(
                head, agrees=not unlike, journalled=postings_told(own), corrected=bool(later),
                corrections=corrections_told(self._reader, later), differences=unlike,
            )  # fmt: skip
            return self._worded(idle, version)
        waits = status == Status.PARKED
        told = msgspec.structs.replace(
            head, status="parked" if waits else "refused",
            reason=None if waits else REFUSALS[status],
            waits_for=named_sale(entry.fact) if waits else None,
            agrees=not own and not later, journalled=postings_told(own), corrected=bool(later),
            corrections=corrections_told(self._reader, later),
            differences=list(differences(self._donors, [], own, later)),
        )  # fmt: skip
        if not waits and ended is None and len(self._heads(number)) == 1:
            previous = int(column(stored.batch, "previous")[stored.row])
            known = chain_of(self._reader, number, {number: previous}).entries
            told = refused(told, self._world, known, entry)
        return self._worded(told, version)

    def _head(self, stored: StoredFact, entry: Accepted, chain: MemberChain) -> Explanation:
        program, at = entry.version.program, int(column(stored.batch, "at")[stored.row])
        number = next(n for n, v in enumerate(self._world.versions, 1) if v is entry.version)
        return Explanation(
            stored.id, stored.seq, SHOWN[stored.kind], shown(chain.name), instant_text(at),
            instant_text(stored.committed_at), business_date(program, at)[0],
            ProgramTold(program.id, number), "ok", True,
            fact=fact_view(stored, self._reader.dictionaries), coupons=self._codes(stored),
        )  # fmt: skip

    def _codes(self, stored: StoredFact) -> list[CodeTold]:
        """What the codes of printed coupons came to that a fact has presented."""
        extra = read_facts(stored.batch.slice(stored.row, 1)).extra(0)
        return [CodeTold(**told) for told in codes_told(extra.codes)]

    def _awaited(self, entry: Accepted, chain: MemberChain) -> str | None:
        """The sale for which the return part of an exchange waits."""
        waits = not entry.returns and entry.seq not in chain.ended
        return named_sale(entry.fact) if waits else None

    def _worded(self, told: Explanation, version: Version) -> Explanation:
        if self._lang is None:
            return told
        words = sentences(told, version.program, self._lang)
        return msgspec.structs.replace(told, sentences=words)
