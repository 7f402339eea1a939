"""Folding members' facts over their states: the fast path, and who needs more.

The fast path is a fact that comes after all of its member's others and names none: it is
folded where the state stands. A member with any other new fact is folded anew from its chain
in the same commit (`late`), and what changes for older facts becomes `correct` postings
(rulebook section 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vafa.native.anew import joined
from vafa.native.state import State

from ..columns.columns import (
    BALANCES,
    CLAIM,
    HOLD,
    POSTING_COLUMNS,
    RETURN,
    TIES,
    TRANSFER,
    Facts,
    Outcome,
    members_of,
    take,
)
from ..columns.named import named_ids, naming_rows, no_names
from ..columns.order import untwisted
from ..columns.parked import in_force
from ..columns.schema import NO_MEMBER
from ..columns.status import Status
from ..members.accounts import has_links
from .alone import fold_whole
from .batch import Batch, Past, write_taken
from .chain import Known
from .contested import contested
from .corrected import Insert, told
from .differences import Folded
from .fold import Fold
from .late import Anew
from .waited import write_waited

Bools = NDArray[np.bool_]
UInt32 = NDArray[np.uint32]

_POSTED = {
    "basket": np.uint32, "rule": np.uint16, "kind": np.uint8, "currency": np.uint8,
    "limit": np.uint8, "desired": np.int64, "points": np.int64,
}  # fmt: skip


_LAST = -1
"""An answer tells the member after the last fact in its account, and not after a row."""


class Tied(NamedTuple):
    """By row of a batch: the account in which a fact that comes after all ties counts, and one
    member of its family; the same array where nobody is tied."""

    account: UInt32
    root: UInt32

    def facts(self, batch: Batch) -> Facts:
        """The batch's facts with accounts for members."""
        if self.account is batch.facts.member:
            return batch.facts
        return replace(batch.facts, member=self.account)


def apply(fold: Fold, batch: Batch, past: Past) -> Outcome:
    """Fold new facts in the order of arrival, deciding what is accepted."""
    facts, n = batch.facts, len(batch.facts)
    previous = fold.state.chain(facts.member, batch.first)
    nobody = facts.member == NO_MEMBER
    takes = ~nobody
    if batch.refused:
        takes[list(batch.refused)] = False
    special = special_rows(fold, batch, past)
    tied = _tied(fold, batch)
    takes_part, late_members, twisted = _sort_out(fold, batch, takes, special, tied)
    figures = _fold_in_order(fold, batch, takes_part, tied, accepted=False)
    for row in figures["taken"].nonzero()[0].tolist():
        if figures["status"][row] == Status.OK:
            write_taken(facts, row, int(figures["taken"][row]))
    outcome = outcome_of(figures, n, previous, not twisted and not len(late_members))
    inserts: list[Insert] = []
    touched: set[int] = set()
    for root, every in _rows_by_member(tied.root, late_members):
        heads = _heads(fold, batch, root, every)
        for row in every[::-1].tolist():
            heads[int(facts.member[row])] = int(previous[row])
        rows = every[takes[every]]
        known = known_of(fold, heads, past)
        anew = Anew(fold, batch, rows, known, past, _apart(fold, batch, heads, known, past))
        anew.decide()
        touched.update(heads)
        inserts += _settle(fold, batch, anew, rows, outcome, batch.first + int(every[-1]))
    if special is not None and not batch.legs:
        inserts += strangers(fold, batch, past, outcome)
    insert(outcome, inserts)
    if inserts and fold.prints_coupons and not batch.legs:
        write_waited(batch, outcome, past)
    if nobody.any():
        # A return waits for a claim of its sale.
        outcome.status[nobody] = np.where(
            facts.kind[nobody] == RETURN, Status.PARKED, Status.OK
        )
        outcome.tier[nobody] = -1
    if batch.refused:
        _refuse_rows(fold, batch, outcome)
    outcome.members = facts.member[~nobody]
    if fold.accounts or has_links(facts):
        touched.update(tied.account[~nobody].tolist(), outcome.members.tolist())
        outcome.members = np.array(sorted(touched), np.uint32)
    return outcome


def replay(fold: Fold, batch: Batch, status: NDArray[np.uint8], past: Past) -> set[int]:
    """Fold facts of a journal record, whose statuses are known; the members touched."""
    facts = batch.facts
    fold.state.chain(facts.member, batch.first)
    takes = in_force(facts.kind, status) & (facts.member != NO_MEMBER)
    special = special_rows(fold, batch, past)
    tied = _tied(fold, batch)
    takes_part, late_members, _ = _sort_out(fold, batch, takes, special, tied)
    _fold_in_order(fold, batch, takes_part, tied, accepted=True)
    touched = {*facts.member.tolist(), *tied.account.tolist()} - {NO_MEMBER}
    for root, every in _rows_by_member(tied.root, late_members):
        history = past.history(_heads(fold, batch, root, every))
        fold.put(history.members, fold_whole(fold, history))
        touched.update(history.members)
    return touched


def _heads(fold: Fold, batch: Batch, root: int, rows: UInt32) -> dict[int, int]:
    """As `heads`, with those whom a fact of the batch ties to the member."""
    heads = fold.heads(root)
    for row in rows[TIES[batch.facts.kind[rows]]].tolist():
        other = fold.dictionaries.members.numbers.get(batch.facts.extra(row).other)
        heads |= {} if other is None else fold.heads(other)
    return heads


def _apart(
    fold: Fold, batch: Batch, heads: Mapping[int, int], known: Known, past: Past
) -> list[Known]:
    """The families that a tie brings together, where one has something of a sale that the other
    has claimed later: it is in force no more."""
    given_up = known.history.given_up
    if not given_up or batch.legs or not TIES[batch.facts.kind[0]]:
        return []
    other = fold.dictionaries.members.numbers.get(batch.facts.extra(0).other)
    families = [
        fold.accounts.family(one) for one in (int(batch.facts.member[0]), other)
        if one is not None
    ]  # fmt: skip
    if len(families) < 2 or families[0] == families[1]:
        return []
    sides = [known_of(fold, {one: heads[one] for one in some}, past) for some in families]
    before = sides[0].history.given_up | sides[1].history.given_up
    return sides if given_up - before else []


def at_stake(
    fold: Fold, facts: Facts, ids: list[str], past: Past, also: Iterable[int] | None
) -> set[int]:
    """Members whose rows a batch may change; `also` those that a fact of several names.

    Of those that were ever tied all, where a fact may make them be folded anew.
    """
    members = members_of(facts).union(also or ())
    if not fold.accounts or also is not None:
        return fold.accounts.every(members)
    facts = take(facts, np.flatnonzero(facts.member != NO_MEMBER))
    tied = fold.accounts.counted(facts.member)
    late, unordered = fold.state.behind(tied, facts.at)
    for more in (fold.accounts.behind(facts.member, facts.at), fold.closed.late(facts.at)):
        late = late if more is None else late | more
    late[naming_rows(facts, np.arange(len(facts), dtype=np.uint32))] = True
    holds = not facts.plain and (facts.kind == HOLD).any()
    if past.parked.awaited(ids) or unordered.any() or holds:
        late[:] = True
    return members.union(tied.tolist(), fold.accounts.every(facts.member[late].tolist()))


def known_of(fold: Fold, heads: Mapping[int, int], past: Past) -> Known:
    """The facts in force of a member and of all that were ever tied to it."""
    last, members = max(heads.values()), tuple(sorted(heads))
    known = fold.histories.get(members[0])
    if known is not None and known.history.members != members:
        known = None
    if known is None or known.last_seq != last:
        known = Known(last, past.history(heads, known))
    return known


def _tied(fold: Fold, batch: Batch) -> Tied:
    """The accounts of the batch's facts, as far as they come after all ties."""
    member = batch.facts.member
    account = fold.accounts.counted(member)
    return Tied(account, fold.accounts.roots(member))


def special_rows(fold: Fold, batch: Batch, past: Past) -> Bools | None:
    """Rows that name another fact, that parked returns wait for, or that are claimed again; None:
    no rows."""
    facts = batch.facts
    naming = [] if facts.extras is None else [
        row for row, extra in enumerate(facts.extras)
        if extra is not None and (extra.named or extra.tender_refs)
    ]  # fmt: skip
    awaited = [] if batch.legs else past.parked.awaited(batch.ids)
    if not batch.legs and facts.kind[0] == CLAIM and len(facts) > 1:
        awaited += _claimed_again(fold, batch, past)
    awaited += _within_family(fold, batch)
    if not naming and not awaited and not has_links(facts):
        return None
    if naming:
        wanted = {name for row in naming for name in named_ids(facts.extra(row))}
        batch.known = past.find_ids(list(wanted))
    special = TIES[facts.kind]
    special[naming] = True
    special[awaited] = True
    if naming:
        # The fact that one of this batch names may come after it.
        sales = [batch.row_of(name) for name in wanted]
        special[[row for row in sales if row is not None]] = True
    return special


def _claimed_again(fold: Fold, batch: Batch, past: Past) -> list[int]:
    """The row of a sale that somebody has claimed before who was ever tied to its member: what is
    left there is out of force."""
    last = past.membership.receipts.by_sale.get(batch.ids[1])
    member = int(batch.facts.member[1])
    return [] if last is None or last.member not in fold.accounts.family(member) else [1]


def _within_family(fold: Fold, batch: Batch) -> list[int]:
    """The row of a transfer to somebody who was ever tied to its member: where the receiver's leg
    is late both are folded anew, and this row, which no journal has yet, must be known to that."""
    facts = batch.facts
    if not fold.accounts or facts.kind[0] != TRANSFER:
        return []
    receiver = fold.dictionaries.members.numbers.get(facts.extra(0).to)
    return [0] if receiver in fold.accounts.family(int(facts.member[0])) else []


def _sort_out(
    fold: Fold, batch: Batch, takes: Bools, special: Bools | None, tied: Tied
) -> tuple[UInt32, UInt32, bool]:
    """(rows of the fast path in their order, roots of families to fold anew, whether it was
    sorted)."""
    facts = tied.facts(batch)
    late, unordered = fold.state.behind(facts.member, facts.at)
    before_ties = fold.accounts.behind(batch.facts.member, facts.at)
    if before_ties is not None:
        late = late | before_ties
    before_closing = fold.closed.late(facts.at)
    if before_closing is not None:
        late = late | before_closing
    if special is not None:
        late = late | special
    if not facts.plain and (holds := facts.kind == HOLD).any():
        # A hold may run out before the next fact of the batch: see `State.behind`.
        held, n_holds = np.unique(facts.member[holds], return_counts=True)
        again = np.isin(facts.member, held[n_holds > 1])
        late = late | (np.isin(facts.member, held) & (~holds | again))
    twisted = bool(unordered.any())
    if twisted and facts.extras is not None:
        # Acceptance follows arrival: where it may fail, order of time is not enough.
        members = np.unique(facts.member[unordered])
        late = late | np.fromiter(
            (contested(facts, row) for row in range(len(facts))), np.bool_, len(facts)
        ) & np.isin(facts.member, members)
    late = late & takes
    rows = np.flatnonzero(takes).astype(np.uint32)
    late_members = np.zeros(0, np.uint32)
    if late.any():
        late_members = np.array(sorted(set(tied.root[late].tolist())), np.uint32)
        rows = rows[~np.isin(tied.root[rows], late_members)] if len(late_members) > 1 else (
            rows[tied.root[rows] != late_members[0]]
        )
    if twisted:
        members = np.unique(facts.member[unordered])
        rows = untwisted(facts, batch.ids, fold.dictionaries, rows, members)
    return rows, late_members, twisted


def _fold_in_order(
    fold: Fold, batch: Batch, rows: UInt32, tied: Tied, *, accepted: bool
) -> dict[str, Any]:
    n = len(batch.facts)
    if not len(rows):
        return _not_folded(n, fold.n_currencies)
    return fold.run(
        fold.state, tied.facts(batch), batch.version,
        np.full(n, fold.budgets.epoch, np.uint32), no_names(n),
        np.full(n, accepted, np.bool_), rows,
        drawn=fold.compiled.drawn(batch.version, batch.ids),
    )  # fmt: skip


def _not_folded(n: int, n_currencies: int) -> dict[str, Any]:
    """What the kernel gives of n rows of which it folds none."""
    none = {name: np.zeros(0, kind) for name, kind in _POSTED.items()}
    return none | {
        "status": np.zeros(n, np.uint8), "tier": np.zeros(n, np.int8),
        "taken": np.zeros(n, np.int64),
        **{name: np.zeros((n, n_currencies), np.int64) for name in BALANCES},
    }


def outcome_of(
    figures: dict[str, Any], n: int, previous: NDArray[np.uint64], in_order: bool
) -> Outcome:
    """What the kernel gave for n facts, as answers and the journal tell it."""
    basket = figures["basket"]
    columns = {name: figures[name] for name in POSTING_COLUMNS[:-1]}
    columns["corrects"] = np.zeros(len(basket), np.uint64)
    posted_from = np.zeros(n + 1, np.int64)
    if len(basket):
        if not in_order:
            order = np.argsort(basket, kind="stable")
            columns = {name: column[order] for name, column in columns.items()}
        np.cumsum(np.bincount(basket, minlength=n), out=posted_from[1:])
    return Outcome(
        figures["status"], figures["tier"], figures["active"], figures["pending"],
        figures["held"], figures["debt"], previous, posted_from, columns,
    )


def _settle(
    fold: Fold, batch: Batch, anew: Anew, rows: UInt32, outcome: Outcome, last: int
) -> list[Insert]:
    """Put a member's new row, statuses and balances; its postings."""
    after = tell_anew(anew, rows, outcome)
    members = anew.pool.members
    fold.put(members, after)
    accounts = fold.accounts.counted(batch.facts.member[rows])
    tell_last(fold, batch, rows, fold.state, accounts, outcome)
    fold.histories.keep(members[0], anew.known(last))
    return anew.postings()


def _refuse_rows(fold: Fold, batch: Batch, outcome: Outcome) -> None:
    """Rows that were refused before the fold: their answers tell how the member stands."""
    for row, status in batch.refused.items():
        if batch.facts.member[row] == NO_MEMBER:
            outcome.status[row] = status
            continue
        account = fold.accounts.account(int(batch.facts.member[row]))
        refuse(fold, batch, row, status, fold.state, account, outcome)


def refuse(
    fold: Fold, batch: Batch, row: int, status: Status, state: State, member: int, outcome: Outcome
) -> None:
    """A row is refused: its status, and how the member stands in a table."""
    outcome.status[row] = status
    _stand(fold, batch, row, state, member, outcome)


def tell_last(
    fold: Fold, batch: Batch, rows: UInt32, state: State, accounts: UInt32, outcome: Outcome
) -> None:
    """Facts after all others that change nothing, refused or parked: their answers tell how their
    members stand in a table, whose rows are their `accounts`, on their own dates."""
    taken = np.flatnonzero(outcome.status[rows] == Status.OK)
    first = taken[-1] + 1 if len(taken) else 0
    rows, accounts = rows[first:], accounts[first:]
    for row, account in zip(rows.tolist(), accounts.tolist(), strict=True):
        last_at, _ = state.head(account)[:2]
        if last_at is None or last_at < batch.facts.at[row]:
            _stand(fold, batch, row, state, account, outcome)


def _stand(
    fold: Fold, batch: Batch, row: int, state: State, member: int, outcome: Outcome
) -> None:
    """How a member stands in a table on the date of a row: what is held no more then is free."""
    day, at = int(batch.facts.day[row]), int(batch.facts.at[row])
    ends = state.runs_out(member)
    if ends is not None and ends <= at:
        alone: State = fold.compiled.new_state()
        alone.grow(1)
        alone.unpack(0, state.pack(member))
        fold.end_holds(alone, at)
        state, member = alone, 0
    compiled = fold.compiled.compiled[batch.version[row] - 1]
    outcome.tier[row] = state.tier(compiled.native, member, day)
    for place in range(fold.n_currencies):
        figures = state.totals(member, place, day)
        for name in BALANCES:
            getattr(outcome, name)[row, place] = figures[name]


def tell_anew(anew: Anew, rows: UInt32, outcome: Outcome) -> Folded | None:
    """Statuses and balances of a member's new facts that were decided anew; the fold after."""
    after = anew.after()
    outcome.status[rows] = anew.status[anew.n_old : anew.first_waiting]
    if after is None:
        outcome.tier[rows] = -1
        return None
    told = _told_as_of(anew, after)
    last = np.flatnonzero(told == _LAST)
    if after.settled is None:
        told[last], last = after.order[-1], last[:0]
    for name in ("tier", *BALANCES):
        getattr(outcome, name)[rows] = after.figures[name][told]
        for place in last.tolist():
            member = int(anew.pool.facts.member[anew.n_old + place])
            getattr(outcome, name)[rows[place]] = after.last(name, member)
    return after


def _told_as_of(anew: Anew, after: Folded) -> NDArray[np.int64]:
    """The rows of the history after which the answers to its new facts tell how the member stands.

    A fact that comes after all that came before it, and before all that comes after it, is told as
    if it had come alone; of any other (`_LAST`) the answer tells the member after the whole commit.
    """
    n_old, end, never = anew.n_old, anew.first_waiting, len(anew.pool.ids)
    told = np.full(end - n_old, _LAST, np.int64)
    if end < never:
        # What waited applies with its sale.
        return told
    place = np.full(never, -1, np.int64)
    place[after.order] = np.arange(len(after.order))
    mine = place[n_old:]
    before = np.maximum.accumulate(np.append(place[:n_old].max(initial=-1), mine))[:-1]
    ahead = np.where(mine >= 0, mine, never)
    behind = np.append(np.minimum.accumulate(ahead[::-1])[::-1][1:], never)
    alone = np.flatnonzero((mine > before) & (mine < behind))
    told[alone] = n_old + alone
    if after.settled is None:
        refused = np.flatnonzero((mine < 0) & (before >= 0) & (before < behind))
        told[refused] = after.order[before[refused]]
    return told


def _rows_by_member(member: UInt32, wanted: UInt32) -> list[tuple[int, UInt32]]:
    """(member, its rows in the order of arrival) of some members."""
    if not len(wanted):
        return []
    if len(wanted) == 1:
        return [(int(wanted[0]), np.flatnonzero(member == wanted[0]).astype(np.uint32))]
    rows = np.flatnonzero(np.isin(member, wanted)).astype(np.uint32)
    rows = rows[np.argsort(member[rows], kind="stable")]
    found, starts = np.unique(member[rows], return_index=True)
    return list(zip(found.tolist(), np.split(rows, starts[1:]), strict=True))


def strangers(fold: Fold, batch: Batch, past: Past, outcome: Outcome) -> list[Insert]:
    """Tell of parked returns that waited for a fact of another member, or a refused one.

    Who was ever tied to the fact's member is no stranger: the family's fold decides there.
    """
    out: list[Insert] = []

    def tell(row: int, seq: int) -> None:
        is_sale = batch.facts.kind[row] == 0 and row not in batch.refused and (
            outcome.status[row] in (Status.OK, Status.PARKED)
        )  # fmt: skip
        status = Status.WRONG_MEMBER if is_sale else Status.NOT_A_SALE
        out.append((np.array([row]), told(seq, int(status))))

    member = batch.facts.member

    def apart(one: int, other: int) -> bool:
        return one != other and other not in fold.accounts.family(one)

    for row in past.parked.awaited(batch.ids):
        if member[row] == NO_MEMBER:
            continue
        for seq, theirs in past.parked.by_sale[batch.ids[row]]:
            if theirs == NO_MEMBER:
                # A claim brings it along as a row of its own.
                continue
            if row in batch.refused or apart(theirs, int(member[row])):
                tell(row, seq)
    for row in np.flatnonzero(outcome.status == Status.PARKED).tolist():
        sale = batch.row_of(batch.facts.extra(row).named)
        if sale is None or member[sale] == NO_MEMBER:
            continue
        if sale in batch.refused or apart(int(member[sale]), int(member[row])):
            tell(sale, batch.first + row)
    return out


def insert(outcome: Outcome, inserts: Sequence[Insert]) -> None:
    """Add postings to rows, after those that the rows have."""
    if not inserts:
        return
    parts = [outcome.postings, *(columns for _, columns in inserts)]
    columns = joined([tuple([part[name] for part in parts]) for name in POSTING_COLUMNS])
    outcome.postings = dict(zip(POSTING_COLUMNS, columns, strict=True))
    n = len(outcome.status)
    if n == 1:
        outcome.posted_from[1] = len(columns[0])
        return
    owners = np.concatenate([
        np.repeat(np.arange(n), np.diff(outcome.posted_from)),
        *(rows.astype(np.int64) for rows, _ in inserts),
    ])  # fmt: skip
    order = np.argsort(owners, kind="stable")
    for name in POSTING_COLUMNS:
        outcome.postings[name] = outcome.postings[name][order]
    np.cumsum(np.bincount(owners, minlength=n), out=outcome.posted_from[1:])
