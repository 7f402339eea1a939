"""Ledger, replay and reference on one case in which ties, referrals and claims meet.

The reference decides no such case as it arrives: it plays what the ledger has accepted, read back
from the journal, once for all that were ever tied. Compared are the points of every fact and
closed day, and every member on the later days of `outcomes`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from vafa.engine.columns.columns import REFERRAL_IN
from vafa.engine.columns.records import read_facts
from vafa.engine.columns.schema import column
from vafa.engine.explain.journal import differences as journal_differences
from vafa.engine.explain.member import MemberChain, Reader, chain_of
from vafa.engine.ledger.replay import Rebuilt, compare_states
from vafa.engine.reference.run import Run, play
from vafa.engine.reference.tied import Tied, play_tied
from vafa.engine.reference.turn import Posting
from vafa.engine.replica.replica import Replica

from . import engine_driver, reference_driver
from .cases import Case
from .outcomes import LATER, View, us_of, view_differences
from .random_referrals import CAP


def differences(case: Case) -> list[str]:
    """Where a case's ledger, its replay and the reference do not agree."""
    with engine_driver.ledger(case) as writer:
        replica = writer.replica
        rebuilt = Rebuilt(writer.journal, end=replica.seq)
        compare_states(replica, rebuilt)
        found = [f"replay: {finding}" for finding in rebuilt.report.findings]
        return [*found, *_of_reference(replica, case), *_of_referrals(replica)]


def _of_reference(replica: Replica, case: Case) -> Iterator[str]:
    fold, reader = replica.fold, Reader(replica)
    assert fold is not None
    donors = {
        rule.id for version in reader.world.versions for rule in version.program.rule
        if rule.donate is not None
    }  # fmt: skip
    # Nobody's sales as well: they may be claimed before their instant.
    latest = max(map(us_of, case.facts))
    names, wanted = replica.dictionaries.members.names, set(case.members())
    here: dict[tuple[str, int], View] = {}
    there: dict[tuple[str, int], View] = {}
    for members in {tuple(fold.accounts.family(number)) for number in range(len(names))}:
        chain = chain_of(reader, members[0], fold.heads(members[0]))
        if not chain.entries:
            continue
        played: Run | Tied = (
            play_tied(reader.world, chain.entries) if len(members) > 1
            else play(reader.world, chain.entries)
        )
        yield from _of_points(reader, chain, played, donors)
        for name in wanted.intersection(names[number] for number in members):
            run = played.run(name) if isinstance(played, Tied) else played
            later = reference_driver.later(reader.world, run.member, latest)
            for days, shown in zip(LATER, later, strict=True):
                there[name, days] = reference_driver.view(shown)
            here |= engine_driver.views(replica, name, latest)
    yield from view_differences(here, there)


def _of_points(
    reader: Reader, chain: MemberChain, played: Run | Tied, donors: set[str]
) -> Iterator[str]:
    """Where what facts came to, corrections counted in, is not what the journal says."""
    posted: dict[int, list[Posting]] = defaultdict(list)
    for run in played.runs.values() if isinstance(played, Tied) else (played,):
        for step in run.steps:
            posted[step.entry.seq] += step.row.postings
    for seq in sorted({*posted, *chain.own, *chain.corrections}):
        for one in journal_differences(
            donors, posted[seq], chain.own.get(seq, []), chain.corrections.get(seq, [])
        ):
            if one.what == "points":
                yield (f"{reader.stored(seq).id}: points of {one.rule} in {one.currency}:\n"
                       f"   {one.journalled}\n   {one.explained}")  # fmt: skip


def _of_referrals(replica: Replica) -> Iterator[str]:
    """What is wrong with what referrals brought and took, by the member that was referred."""
    brought: Counter[tuple[int, str]] = Counter()
    standing: set[tuple[int, str]] = set()
    numbers = replica.dictionaries.members.numbers
    for record in replica.journal.scan():
        batch = record.facts()
        rows = (column(batch, "kind") == REFERRAL_IN).nonzero()[0].tolist()
        facts = read_facts(batch) if rows else None
        for row in rows:
            assert facts is not None
            extra = facts.extra(row)
            key = numbers[extra.to], extra.code
            if (key in standing) != extra.forced:
                yield f"referral {key}: brought twice, or fell and did not stand"
            standing ^= {key}
            brought[key] += extra.amount
    given = replica.membership.referrals.given
    if standing != set(given) or any(one.points != brought[key] for key, one in given.items()):
        yield f"referrals: what stands:\n   {given}\n   {brought}"
    in_year = Counter(
        (one.referrer, replica.versions.day(one.at) // 366) for key, one in given.items()
        if key[1] == "friend" and one.points
    )
    # A span of 366 days meets two calendar years at most.
    if max(in_year.values(), default=0) > 2 * CAP:
        yield f"referrals: beyond the cap: {in_year}"
