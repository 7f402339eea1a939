"""A member's facts played by the reference, with what it told of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from ..facts import DayClosedFact
from ..reference.run import Step, in_order, play
from ..reference.tied import play_tied
from ..reference.turn import Posting
from ..reference.world import World
from .member import MemberChain
from .trace import Heard, Listener


@dataclass
class Played:
    """A member's chain, and what the reference made of it and told.

    `places` are those of all its facts and closed days by seq; played are those up to the
    last that was asked for, `steps` by seq. Of members that were ever tied, `apart` are what a
    closed day posted to other accounts, `elsewhere` the facts that count in another account than
    their member's: their answers tell of the member.
    """

    chain: MemberChain
    places: dict[int, int]
    steps: dict[int, Step]
    heard: dict[int, Heard]
    apart: dict[int, list[Posting]] = field(default_factory=dict)
    elsewhere: set[int] = field(default_factory=set)

    def stands(self, seq: int) -> dict[int, bool]:
        """By seq whether each other fact stands before one."""
        mine = self.places[seq]
        return {other: place < mine for other, place in self.places.items() if place != mine}


def play_chain(
    world: World, chain: MemberChain, tied: bool, seqs: Collection[int] | None = None
) -> Played:
    """A member's facts, heard where wanted (None: all), played as far as that asks.

    Of members that were ever tied (`tied`) all facts are played and heard.
    """
    if tied:
        return _tied(world, chain)
    entries = in_order([*chain.entries, *world.days])
    places = {entry.seq: place for place, entry in enumerate(entries)}
    if seqs is None:
        wanted = None
    else:
        del entries[max((places[seq] for seq in seqs if seq in places), default=-1) + 1 :]
        wanted = {entry.fact.id for entry in entries if entry.seq in seqs}
    days = {entry.seq for entry in world.days}
    listener = Listener(wanted)
    run = play(
        replace(world, days=[entry for entry in entries if entry.seq in days]),
        [entry for entry in entries if entry.seq not in days], trace=listener,
    )  # fmt: skip
    return Played(
        chain, places, {step.entry.seq: step for step in run.steps},
        {step.entry.seq: heard for step in run.steps
         if (heard := listener.heard.get(step.row.id)) is not None},
    )  # fmt: skip


def _tied(world: World, chain: MemberChain) -> Played:
    """All facts of members that were ever tied; of closed days the part of the chain's member."""
    listener = Listener()
    tied = play_tied(world, chain.entries, listener)
    steps: dict[int, Step] = {}
    apart: dict[int, list[Posting]] = {}
    days = {entry.seq for entry in world.days}
    for account, run in tied.runs.items():
        for step in run.steps:
            seq = step.entry.seq
            if seq in days and account != chain.name:
                apart.setdefault(seq, []).extend(step.row.postings)
            elif step.entry.fact.id in listener.heard and not step.emptied:
                steps[seq] = step
    heard = {
        seq: listener.heard[_heard_as(step, chain.name if seq in days else "")]
        for seq, step in steps.items()
    }
    entries = in_order([*(step.entry for step in steps.values() if step.entry.seq not in days),
                        *world.days])  # fmt: skip
    places = {entry.seq: place for place, entry in enumerate(entries)}
    elsewhere = {
        seq for seq, step in steps.items() if not isinstance(step.entry.fact, DayClosedFact)
        and heard[seq].account != tied.account(step.entry.fact.member)
    }  # fmt: skip
    return Played(chain, places, steps, heard, apart, elsewhere)


def _heard_as(step: Step, account: str) -> str:
    return f"{step.row.id}/{account}" if account else step.row.id
