"""Members that were ever tied, in the reference: all their facts in one order, each account a
member of its own (rulebook section 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..facts import (
    CancelFact,
    CaptureFact,
    DayClosedFact,
    EnrolFact,
    LinkFact,
    MemberUpdateFact,
    MergeFact,
    PaymentFact,
    PoolFact,
    ReleaseFact,
    ReturnFact,
    SubscriptionEndFact,
    SubscriptionStartFact,
    UnmergeFact,
    UnpoolFact,
)
from .absorb import absorb
from .apply import apply, tell
from .facts import ReceivedFact, named_facts, named_sale
from .run import Run, Step, in_order, turn_of
from .state import State
from .trace import SILENT, Trace
from .world import Accepted, World

_GO_ALONG = (ReturnFact, PaymentFact, CaptureFact, ReleaseFact, CancelFact)
_TELLING = (EnrolFact, MemberUpdateFact, SubscriptionStartFact, SubscriptionEndFact)


@dataclass
class Tied:
    """What became of tied members: a run for each account, and whose account counts where."""

    runs: dict[str, Run] = field(default_factory=dict)
    survivors: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    """The account that has a fact by now, by the fact's id."""

    def person(self, name: str) -> str:
        """Who a member is after all merges."""
        while name in self.survivors:
            name = self.survivors[name]
        return name

    def account(self, name: str) -> str:
        """The account in which a member's facts count after all ties."""
        person = self.person(name)
        return self.homes.get(person, person)

    def run(self, name: str) -> Run:
        """The run of a member's account."""
        return self.runs.setdefault(self.account(name), Run())


def play_tied(world: World, accepted: Iterable[Accepted], trace: Trace = SILENT) -> Tied:
    """All facts of members that were ever tied, each in the account in which it counts.

    A merge that is undone is left out, as if it had never been.
    """
    entries = [_apart(entry) for entry in accepted]
    undone = {entry.fact.merge for entry in entries if isinstance(entry.fact, UnmergeFact)}
    kept = [
        entry for entry in entries
        if not isinstance(entry.fact, UnmergeFact) and entry.fact.id not in undone
    ]  # fmt: skip
    table = _Table(world, trace)
    for entry in in_order([*kept, *world.days]):
        table.take(entry)
    return table.tied


def _apart(entry: Accepted) -> Accepted:
    """A leg has the id of the fact that caused it, which may be of the same members."""
    if isinstance(entry.fact, ReceivedFact):
        return replace(entry, fact=replace(entry.fact, id=f"{entry.fact.id}\0{entry.fact.member}"))
    return entry


class _Table:
    """The accounts while facts are taken."""

    def __init__(self, world: World, trace: Trace) -> None:
        self.tied = Tied()
        self._world, self._trace = world, trace
        self._places: dict[str, int] = {}
        self._told: list[tuple[str, Accepted]] = []

    def take(self, entry: Accepted) -> None:
        """The next fact, or closed day."""
        fact = entry.fact
        if isinstance(fact, DayClosedFact):
            for account, run in self.tied.runs.items():
                if run.member.about.joined is not None:
                    self._apply(account, entry)
            return
        if isinstance(fact, _TELLING):
            self._told.append((fact.member, entry))
        if isinstance(fact, LinkFact):
            self._tie(entry, fact)
            return
        account = self.tied.account(fact.member)
        if isinstance(fact, _GO_ALONG):
            here = [self.tied.where[name] for name in named_facts(fact) if name in self.tied.where]
            account = here[0] if here else account
        self._apply(account, entry)

    def _tie(self, entry: Accepted, fact: LinkFact) -> None:
        tied = self.tied
        taken = ""
        person = tied.person(fact.member)
        if isinstance(fact, MergeFact):
            taken = self._merged(person, tied.person(fact.other))
        elif isinstance(fact, PoolFact):
            taken = self._pooled(person, tied.person(fact.account))
        elif isinstance(fact, UnpoolFact) and tied.homes.get(person) == tied.person(fact.account):
            del tied.homes[person]
        self._apply(tied.account(fact.member), entry, taken)

    def _merged(self, survivor: str, other: str) -> str:
        if survivor == other:
            return ""
        account, home = self.tied.account(survivor), self.tied.homes.pop(other, None)
        self._follow(other, account)
        self.tied.survivors[other] = survivor
        return other if home is None and account != other else ""

    def _pooled(self, member: str, household: str) -> str:
        account = self.tied.homes.get(household, household)
        if account == member:
            return ""
        home = self.tied.homes.get(member)
        self._follow(member, account)
        self.tied.homes[member] = account
        return member if home is None else ""

    def _follow(self, household: str, account: str) -> None:
        """Members of a household that is none any more go where it goes."""
        for member, home in list(self.tied.homes.items()):
            if home == household:
                self.tied.homes[member] = account
                if member == account:
                    del self.tied.homes[member]

    def _apply(self, account: str, entry: Accepted, taken: str = "") -> None:
        run = self.tied.runs.setdefault(account, Run())
        place = self._places.get(account, 0)
        turn = turn_of(self._world, entry, run.member.copy(), place)
        turn.trace, turn.account = self._trace, account
        if taken:
            other = self.tied.runs.get(taken, Run()).member.copy()
            if other.about.joined is not None:
                gone = turn_of(self._world, entry, other, 0)
                pools, places = isinstance(entry.fact, PoolFact), self._places.get(taken, 0)
                turn.joins = lambda: absorb(turn, gone.member, place, pools=pools)
                self._places[account] = place = place + places
                turn.place = place
            self._empty(account, taken, entry)
        if isinstance(entry.fact, UnpoolFact):
            leaves = entry.fact
            turn.joins = lambda: self._tell_again(leaves, turn.member)
        sale = named_sale(entry.fact)
        turn.sale_is_here = entry.returns and sale is not None and (
            self.tied.where.get(sale) == account
        )
        self._trace.begins(turn.row.id, account, turn.tier, turn.member)
        apply(turn)
        run.steps.append(Step(entry, turn.row, turn.member))
        self._places[account] = place + 1
        if not isinstance(entry.fact, DayClosedFact):
            self.tied.where[entry.fact.id] = account

    def _empty(self, account: str, taken: str, entry: Accepted) -> None:
        """What an account had is another's; it begins anew."""
        for name, where in self.tied.where.items():
            if where == taken:
                self.tied.where[name] = account
        if taken in self.tied.runs:
            nothing = turn_of(self._world, entry, State(), 0)
            self.tied.runs[taken].steps.append(Step(entry, nothing.row, State(), emptied=True))
        self._places[taken] = 0

    def _tell_again(self, fact: UnpoolFact, member: State) -> None:
        """What is known of a person that leaves comes along."""
        person = self.tied.person(fact.member)
        for name, told in self._told:
            if self.tied.person(name) == person:
                again = turn_of(self._world, told, State(), 0)
                again.member = member
                tell(again)
