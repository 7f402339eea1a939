"""Whether members may be merged, pooled, or parted again (rulebook section 7)."""

from __future__ import annotations

from collections.abc import Callable

from ..columns.columns import MERGE, POOL, UNMERGE, Extra
from ..columns.status import Status
from ..folding.fold import Fold

_MAY_BE_JOINED = ("household", "organisation")


def refused_tie(
    fold: Fold, kind: int, member: int, extra: Extra, type_of: Callable[[int], str | None]
) -> Status:
    """OK, or why a fact that ties members may not, as things are known when it comes.

    `type_of` tells what a member is at the fact's instant.
    """
    if kind == UNMERGE:
        return _unmerge(fold, member, extra.named)
    other = fold.dictionaries.members.numbers.get(extra.other)
    # Who joins a household may be new.
    known = kind == POOL or _has_facts(fold, member)
    if other is None or not known or not _has_facts(fold, other):
        return Status.UNKNOWN_MEMBER
    ties = fold.accounts.ties(member)
    if kind == MERGE:
        return _merge(fold, member, other)
    if kind == POOL:
        joined = type_of(fold.accounts.person(other)) in _MAY_BE_JOINED
        return _pool(fold, member, other) if joined else Status.NOT_A_HOUSEHOLD
    home = ties.home(member)
    return Status.OK if home is not None and home == ties.person(other) else Status.NOT_POOLED


def _pool(fold: Fold, member: int, household: int) -> Status:
    ties = fold.accounts.ties(member)
    person = ties.person(member)
    if person == ties.person(household):
        return Status.SAME_MEMBER
    free = ties.home(member) is None and not ties.pooled(person)
    alone = fold.accounts.ties(household).home(household) is None
    return Status.OK if free and alone else Status.MEMBER_POOLED


def _merge(fold: Fold, member: int, other: int) -> Status:
    ties = fold.accounts.ties(other)
    same = ties.person(other) == ties.person(member)
    if ties.person(other) != other:
        return Status.ALREADY_MERGED
    if same:
        return Status.SAME_MEMBER
    # What it has brought into the household would stay there.
    return Status.OK if ties.home(other) is None else Status.MEMBER_POOLED


def _unmerge(fold: Fold, member: int, merge: str) -> Status:
    accounts = fold.accounts
    link = accounts.links.get(merge)
    if link is None or link.kind != MERGE:
        return Status.UNKNOWN_MERGE
    if merge in accounts.undone:
        return Status.ALREADY_UNDONE
    mine = accounts.person(link.member) == accounts.person(member)
    return Status.OK if mine else Status.WRONG_MEMBER


def _has_facts(fold: Fold, member: int) -> bool:
    return fold.state.head(fold.accounts.account(member))[0] is not None
