"""Members that are merged, and merges undone (rulebook section 7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.explain.explain import Explainer
from vafa.engine.explain.shape import ControlTold
from vafa.engine.facts import CloseFact, EnrolFact, EraseFact, MergeFact, UnmergeFact
from vafa.engine.ledger.writer import Writer
from vafa.engine.outbox.events import Deriver, Settings
from vafa.engine.replica.replica import Replica
from vafa.engine.views.views import card_view, member_view

from . import mixed
from .mixed import adjust, answers, at, back, commit, points, redeem, sale, told
from .test_closing import close

DAY = 24


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger that is verified at the end, from its checkpoint and from the journal alone."""
    with mixed.verified(tmp_path, mixed.PROGRAM) as made:
        yield made


def merge(name: str, hours: float, member: str = "m", other: str = "n") -> MergeFact:
    """One member is merged into another."""
    return MergeFact(name, at(hours), member, other)


def unmerge(name: str, hours: float, what: str, member: str = "m") -> UnmergeFact:
    """A merge is undone."""
    return UnmergeFact(name, at(hours), member, what)


def each(writer: Writer, *facts: Any) -> list[dict[str, Any]]:
    """Facts that are committed one by one; the answer to the last."""
    for fact in facts:
        [answer] = answers(commit(writer, fact))
        assert answer["status"] == "ok", answer
    return [answer]


def seen(writer: Writer, member: str, hours: float = DAY * 20) -> dict[str, Any]:
    """A member at an hour, without what differs by how it was asked."""
    found = member_view(writer.replica, member, round(at(hours).timestamp() * 1e6), lots=True)
    assert found is not None
    del found["seq"]
    return found


def active(writer: Writer, member: str, hours: float = DAY * 20) -> int:
    """What a member may spend."""
    figure: int = seen(writer, member, hours)["balances"]["points"]["active"]
    return figure


def test_all_that_the_other_has_is_the_survivor_s(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", DAY, member="n"), redeem("r", DAY * 2, 30, "n"))
    [answer] = each(writer, merge("g", DAY * 3))
    assert answer["balances"]["points"]["active"] == 170
    found = seen(writer, "n")
    assert (found["id"], found["merged"], found["purchases"]) == ("m", ["n"], 2)
    assert found == seen(writer, "m")
    totals = found["totals"]["points"]
    assert (totals["issued"], totals["redeemed"]) == (200, 30)
    assert [lot["points"] for lot in found["lots"]] == [100, 70]
    # Facts that name either are of the one that is left.
    [answer] = each(writer, redeem("s", DAY * 4, 170, "n"))
    assert answer["balances"]["points"]["active"] == 0
    assert told(writer, redeem("t", DAY * 5, 1, "m")) == ["insufficient-points"]
    # Before the merge they were two.
    assert (active(writer, "m", DAY * 2), active(writer, "n", DAY * 2)) == (100, 70)


def test_a_late_fact_of_the_other_comes_with_it(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", DAY, member="n"), merge("g", DAY * 3))
    [answer] = each(writer, sale("c", 5, member="n"))
    assert points(answer["postings"])[("base", "earn", None)] == 100
    assert active(writer, "m") == 300
    assert active(writer, "m", DAY * 2) == 100


def test_a_return_finds_the_other_s_sale(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", DAY, member="n"), merge("g", DAY * 3))
    [answer] = each(writer, back("x", DAY * 4, "b", member="m"))
    assert sum(posting["points"] for posting in answer["postings"]) == -100
    assert active(writer, "m") == 100
    assert seen(writer, "m")["totals"]["points"]["reversed"] == 100


def test_undone_it_is_as_though_it_had_never_been(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", DAY, member="n"))
    each(writer, merge("g", DAY * 3))
    each(writer, sale("c", DAY * 4, member="n"), redeem("r", DAY * 5, 250, "m"))
    [answer] = each(writer, unmerge("u", DAY * 6, "g"))
    assert answer["balances"]["points"] == {
        "active": 0, "pending": 0, "held": 0, "debt": 150,
    }  # fmt: skip
    assert seen(writer, "m")["balances"]["points"]["debt"] == 150
    assert active(writer, "n") == 200
    assert seen(writer, "n")["id"] == "n"
    assert "merged" not in seen(writer, "m")
    # At no instant were they one.
    assert active(writer, "m", DAY * 3.5) == 100
    assert told(writer, unmerge("v", DAY * 7, "g")) == ["already-undone"]
    # They may be merged once more.
    each(writer, merge("h", DAY * 8))
    assert active(writer, "m") == 50


def test_chains_of_merges(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", 1, member="n"), sale("c", 2, member="k"),
        sale("d", 3, member="j"),
    )  # fmt: skip
    each(writer, merge("g", DAY, "n", "k"))
    each(writer, merge("h", DAY * 2, "m", "n"))
    # A name of who was merged means the survivor.
    each(writer, merge("i", DAY * 3, "k", "j"))
    assert seen(writer, "m")["merged"] == ["j", "k", "n"]
    assert active(writer, "k") == active(writer, "m") == 400
    each(writer, unmerge("u", DAY * 4, "g"))
    assert (active(writer, "m"), active(writer, "k"), active(writer, "j")) == (200, 200, 200)
    assert seen(writer, "j")["id"] == "k"


def test_what_may_not_be_merged(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", 0, member="n"), sale("c", 0, member="k"))
    assert told(writer, merge("g1", 5, "m", "nobody")) == ["unknown-member"]
    assert told(writer, merge("g2", 5, "nobody", "m")) == ["unknown-member"]
    assert told(writer, merge("g3", 5, "m", "m")) == ["same-member"]
    each(writer, merge("g", 5))
    assert told(writer, merge("g4", 6)) == ["already-merged"]
    assert told(writer, merge("g5", 6, "k", "n")) == ["already-merged"]
    assert told(writer, merge("g6", 6, "n", "m")) == ["same-member"]
    assert told(writer, unmerge("u1", 7, "nothing")) == ["unknown-merge"]
    assert told(writer, unmerge("u2", 7, "a")) == ["unknown-merge"]
    assert told(writer, unmerge("u3", 7, "g", "k")) == ["wrong-member"]
    each(writer, CloseFact("x", at(8), "k"))
    assert told(writer, merge("g7", 9, "m", "k")) == ["member-closed"]
    # Not even from before it left.
    assert told(writer, merge("g8", 1, "m", "k")) == ["member-closed"]


def test_who_closes_is_closed_under_all_names(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", 0, member="n"), merge("g", 5))
    each(writer, CloseFact("x", at(8), "n"))
    assert told(writer, sale("c", 9), sale("d", 9, member="n")) == ["member-closed"] * 2


def test_debt_of_one_is_paid_by_the_other(writer: Writer) -> None:
    each(writer, sale("a", 0), redeem("r", 1, 40, "n", completed=True))
    [answer] = each(writer, merge("g", DAY))
    assert answer["balances"]["points"] == {"active": 60, "pending": 0, "held": 0, "debt": 0}


def test_tiers_are_the_better_and_metrics_are_added(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", 0, member="n"))
    before = seen(writer, "m")["tier"]
    [answer] = each(writer, merge("g", DAY))
    assert answer["tier"] == seen(writer, "m")["tier"]
    assert before is None or answer["tier"] is not None


def test_a_closed_day_before_and_after(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", DAY, member="n"))
    each(writer, merge("g", DAY * 3))
    close(writer, DAY * 70)
    assert seen(writer, "m", DAY * 80)["totals"]["points"]["expired"] == 200
    # A merge of before the day comes when it is closed.
    each(writer, sale("c", DAY * 71, member="k"), sale("e", DAY * 2, member="k"))
    each(writer, merge("h", DAY * 5, "m", "k"))
    each(writer, unmerge("u", DAY * 72, "g"))
    assert active(writer, "n", DAY * 75) == 0
    assert seen(writer, "n", DAY * 75)["totals"]["points"]["expired"] == 100


def test_a_merge_that_comes_late(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", 0, member="n"), redeem("r", DAY * 3, 100, "n"))
    [answer] = each(writer, merge("g", DAY))
    assert answer["balances"]["points"]["active"] == 100
    assert active(writer, "m", DAY * 2) == 200


def test_arrival_does_not_matter(tmp_path: Path) -> None:
    facts = [
        sale("a", 0), sale("b", 1, member="n"), sale("c", DAY * 2, member="n"),
        adjust("d", DAY * 3, 5), back("e", DAY * 4, "b", member="n"),
    ]  # fmt: skip
    hashes = set()
    for place, order in enumerate(([0, 1, 2, 3, 4], [1, 0, 2, 4, 3], [0, 1, 4, 3, 2])):
        with mixed.start(tmp_path / str(place), mixed.PROGRAM) as writer:
            each(writer, *[facts[i] for i in order[:2]])
            if place == 1:
                each(writer, merge("g", DAY))
            for i in order[2:]:
                each(writer, facts[i])
            if place != 1:
                each(writer, merge("g", DAY))
            hashes.add(mixed.hash_of(writer.replica))
    assert len(hashes) == 1


def test_cards_of_the_other_are_the_survivor_s(writer: Writer) -> None:
    each(writer, EnrolFact("e1", at(0), "m", cards=["1"]), EnrolFact("e2", at(0), "n", cards=["2"])
    )
    each(writer, sale("a", 1, member="n"), merge("g", DAY))
    assert seen(writer, "m")["cards"] == ["1", "2"]
    card = card_view(writer.replica, "2")
    assert card is not None
    assert card["member"] == "m"
    each(writer, unmerge("u", DAY * 2, "g"))
    assert seen(writer, "m")["cards"] == ["1"]


def test_a_type_that_no_rule_asks_for_stays(tmp_path: Path) -> None:
    program = mixed.PROGRAM + """
[[rule]]
id = "firm"
kind = "bonus"
points = 7
when = { member_type = ["organisation"] }
"""
    with mixed.start(tmp_path, program) as writer:
        each(writer, EnrolFact("e1", at(0), "m", type="household"))
        each(writer, EnrolFact("e2", at(0), "n", type="organisation"), merge("g", DAY))
        [answer] = each(writer, sale("a", DAY * 2))
        assert points(answer["postings"]) == {("base", "earn", None): 100}


def test_a_person_is_forgotten_under_all_names(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", 0, member="n"), merge("g", DAY))
    each(writer, EraseFact("x", at(DAY * 2), "n"))
    assert sorted(writer.replica.membership.erased) == [0, 1]


def test_tiers_changed_are_told_of_the_survivor(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", 0, member="n"))
    with_events = Deriver(Replica(writer.journal), Settings())
    each(writer, merge("g", DAY), sale("c", DAY * 2, 900_000, member="n"))
    told = [event for record in writer.journal.scan() for event in with_events.take(record)]
    changes = [event.data for event in told if event.type == "tier.changed"]
    assert {change["member"] for change in changes if change["fact"] == "c"} <= {"m"}


def test_what_is_undone_is_explained(writer: Writer) -> None:
    each(writer, sale("a", 0), sale("b", 0, member="n"), merge("g", DAY))
    each(writer, unmerge("u", DAY * 2, "g"))
    for name in ("g", "u", "b"):
        told = Explainer(writer.replica, "en").fact(name)
        assert not isinstance(told, ControlTold)
        assert (told.status, told.agrees) == ("ok", True)


def test_answers_of_a_batch_are_those_of_facts_alone(tmp_path: Path) -> None:
    def came(*, together: bool, merged: bool) -> list[tuple[str, int]]:
        with mixed.verified(tmp_path / f"{together}-{merged}", mixed.PROGRAM) as writer:
            each(writer, sale("a", 0), sale("b", 1, member="n"))
            if merged:
                each(writer, merge("g", 2))
            facts: list[Any] = [
                sale("s1", DAY), back("r", DAY * 2, "s1"), sale("s2", DAY * 3, member="n"),
                sale("s3", DAY * 4),
            ]  # fmt: skip
            batches = [facts] if together else [[fact] for fact in facts]
            told = [one for batch in batches for one in answers(commit(writer, *batch))]
        return [(one["id"], one["balances"]["points"]["active"]) for one in told]

    for merged in (False, True):
        alone = came(together=False, merged=merged)
        assert came(together=True, merged=merged) == alone
        assert len({active for _, active in alone}) > 1
