"""Programs by version in a ledger: what rates a fact, and what publishing changes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from vafa.engine.calendars import calendars
from vafa.engine.checks import program_file
from vafa.engine.checks.holiday_calendars import Override, resolve_holidays
from vafa.engine.checks.program_file import ProgramError, parse_program
from vafa.engine.controls.program_differences import differences
from vafa.engine.explain.explain import Explainer
from vafa.engine.facts import (
    AdjustFact,
    CancelFact,
    HoldFact,
    LineFact,
    MemberFact,
    PublishFact,
    RedeemFact,
    ReleaseFact,
)
from vafa.engine.facts.parts import instant_us
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.views.views import member_view

from . import mixed
from .mixed import answers, back, commit, sale

MOVED = Override([dt.date(2026, 7, 1)], [dt.date(2026, 3, 20)])
DOUBLE = mixed.PROGRAM.replace("points = 1\n", "points = 2\n")
TRIPLE = mixed.PROGRAM.replace("points = 1\n", "points = 3\n")


def publish(writer: Writer, name: str, hours: float, text: str) -> dict[str, object]:
    """Publish a program from an instant on."""
    verdict = writer.publish_program(PublishFact(name, mixed.at(hours), text))
    assert verdict.answer is not None, verdict.refusal
    return verdict.answer


def earned(writer: Writer, *facts: MemberFact) -> list[int]:
    """What the facts of one batch earned."""
    return [
        sum(p["points"] for p in answer["postings"] if p["kind"] == "earn")
        for answer in answers(commit(writer, *facts))
    ]


def versions(writer: Writer) -> list[int]:
    """The version that rated each fact of a member."""
    out: list[int] = []
    for record in writer.journal.scan():
        numbers = np.array(record.facts().column("program"))
        out += numbers[numbers > 0].tolist()
    return out


def test_a_fact_is_rated_by_the_version_in_force_at_its_instant(tmp_path: Path) -> None:
    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        publish(writer, "later", 100, DOUBLE)
        publish(writer, "between", 50, TRIPLE)
        facts = [sale("a", 49.9), sale("b", 50), sale("c", 99), sale("d", 100), sale("e", 150)]
        assert earned(writer, *facts) == [100, 300, 300, 200, 200]
        assert versions(writer) == [1, 3, 3, 2, 2]
        # Of two for one instant the later publication counts.
        publish(writer, "again", 100, mixed.PROGRAM)
        assert earned(writer, sale("f", 151)) == [100]
    assert verify(tmp_path).findings == []


def test_the_first_fact_does_not_wait_for_the_table_of_its_zone(tmp_path: Path) -> None:
    tehran = mixed.PROGRAM.replace('zone = "UTC"', 'zone = "Asia/Tehran"')
    with mixed.start(tmp_path, tehran):
        pass
    calendars._offsets.cache_clear()
    calendars._day.cache_clear()
    with Writer(tmp_path) as writer:
        made = calendars._offsets.cache_info().misses
        assert made == 1
        assert earned(writer, sale("a", 10)) == [100]
        assert calendars._offsets.cache_info().misses == made


def test_accepted_facts_keep_the_version_that_rated_them(tmp_path: Path) -> None:
    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        assert earned(writer, sale("a", 10), sale("b", 20)) == [100, 100]
        publish(writer, "before them", 5, DOUBLE)
        # A late fact folds them anew: they stay, and only the new one is of version 2.
        [answer] = answers(commit(writer, sale("c", 15)))
        assert mixed.points(answer["postings"]) == {("base", "earn", None): 200}
        assert earned(writer, back("r", 30, "a", 5_000)) == [0]
        assert versions(writer) == [1, 1, 2, 2]
        shown = member_view(writer.replica, "m", round(mixed.at(40).timestamp() * 1e6))
        assert shown is not None
        assert shown["balances"]["points"]["active"] == 350
    assert verify(tmp_path).findings == []


def test_publishing_folds_anew_into_the_new_layout(tmp_path: Path) -> None:
    facts = mixed.safe(11)
    with mixed.start(tmp_path / "first", mixed.PROGRAM) as writer:
        mixed.load(writer, facts)
        publish(writer, "more", 24 * 365, mixed.PROGRAM + mixed.MORE)
        late = mixed.hash_of(writer.replica)
    with Writer(tmp_path / "first") as writer:
        assert mixed.hash_of(writer.replica) == late
    assert verify(tmp_path / "first").findings == []
    with mixed.start(tmp_path / "second", mixed.PROGRAM) as writer:
        publish(writer, "more", 24 * 365, mixed.PROGRAM + mixed.MORE)
        mixed.load(writer, facts, (3,))
        # New counters hold the whole history, whenever the program came.
        assert mixed.hash_of(writer.replica) == late


def test_a_reader_follows_a_publication(tmp_path: Path) -> None:
    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        mixed.load(writer, mixed.safe(2))
        writer.replica.save()
        reader = Replica(writer.journal)
        reader.catch_up()
        publish(writer, "more", 24 * 50, mixed.PROGRAM + mixed.MORE)
        mixed.load(writer, mixed.safe(3))
        reader.catch_up()
        assert mixed.hash_of(reader) == mixed.hash_of(writer.replica)
        assert len(reader.versions) == 2


def test_the_same_publication_is_a_repeat_and_an_unlike_program_is_refused(
    tmp_path: Path,
) -> None:
    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        assert publish(writer, "two", 50, DOUBLE)["status"] == "ok"
        assert publish(writer, "two", 50, DOUBLE)["status"] == "replayed"
        seq = writer.replica.seq
        for name, hours, text, slug in (
            ("two", 51, DOUBLE, "id-reused"),
            ("scale", 60, mixed.PROGRAM.replace('id = "points"', 'id = "points"\nscale = 2'),
             "program-differs"),
            ("unit", 60, mixed.PROGRAM.replace("USD", "EUR"), "program-differs"),
        ):  # fmt: skip
            verdict = writer.publish_program(PublishFact(name, mixed.at(hours), text))
            assert verdict.refusal is not None
            assert verdict.refusal.slug == slug
        assert (writer.replica.seq, len(writer.replica.versions)) == (seq, 2)
        assert earned(writer, sale("a", 70)) == [200]


def test_holidays_are_kept_in_the_journal(tmp_path: Path) -> None:
    text = mixed.PROGRAM + '\n[[holidays]]\nid = "iran"\ncountry = "IR"\n'
    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        days = {"iran": [dt.date(2020, 3, 20), dt.date(2020, 3, 19)]}
        fact = PublishFact("holidays", mixed.at(1), text, days)
        assert writer.publish_program(fact).refusal is None
    with Writer(tmp_path) as writer:
        [_, kept] = writer.replica.versions.all
        assert kept.content.holidays == {"iran": [dt.date(2020, 3, 19), dt.date(2020, 3, 20)]}


def test_differences_of_holidays_are_told_in_years_that_both_have(tmp_path: Path) -> None:
    text = mixed.PROGRAM + """
[[holidays]]
id = "iran"
country = "IR"
[[holidays]]
id = "own"
add = [2025-03-20]
"""
    found = parse_program(text)
    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        for place, (first, moved) in enumerate(((2023, {}), (2024, {"iran": MOVED}))):
            days = resolve_holidays(found, first, first + 10, moved)
            days["own"].append(dt.date(2027 + place, 3, 20))
            fact = PublishFact(f"p{place}", mixed.at(place + 1), text, days)
            assert writer.publish_program(fact).refusal is None
        _, old, new = writer.replica.versions.all
    assert differences(old, new)["other"] == [
        {"path": "holiday_dates.iran.years", "from": "2023 to 2033", "to": "2024 to 2034"},
        {
            "path": "holiday_dates.iran",
            "from": [dt.date(2026, 3, 20)], "to": [dt.date(2026, 7, 1)],
        },
        {
            "path": "holiday_dates.own",
            "from": [dt.date(2027, 3, 20)], "to": [dt.date(2028, 3, 20)],
        },
    ]  # fmt: skip
    assert differences(new, new)["other"] == []


def test_a_ledger_has_at_most_64_currencies(tmp_path: Path) -> None:
    def program(version: int) -> str:
        names = [f"c{version * 16 + place}" for place in range(16)]
        return 'format = 1\nid = "many"\nunit = { code = "EUR" }\nzone = "UTC"\n' + "".join(
            f'[[currency]]\nid = "{name}"\n' for name in names
        )

    with Writer(tmp_path) as writer:
        for version in range(4):
            publish(writer, f"v{version}", version, program(version))
        with pytest.raises(ProgramError, match="at most 64 currencies over all versions"):
            writer.publish_program(PublishFact("v4", mixed.at(4), program(4)))
        publish(writer, "v4", 4, program(3))
        assert len(writer.replica.versions) == 5


def test_a_ledger_counts_at_most_64_sets_of_activities(tmp_path: Path) -> None:
    def program(version: int) -> str:
        return mixed.PROGRAM + "".join(
            f'[[counter]]\nid = "c{n}"\ncount = "activity"\nactivity = ["a{version}-{n}"]\n'
            for n in range(16)
        )

    with Writer(tmp_path) as writer:
        for version in range(4):
            publish(writer, f"v{version}", version, program(version))
        with pytest.raises(ProgramError, match="at most 64 sets of activity codes"):
            writer.publish_program(PublishFact("v4", mixed.at(4), program(4)))
        publish(writer, "v4", 4, program(3))
        assert len(writer.replica.versions) == 5


def test_a_sale_counts_for_more_lines_of_all_versions_than_a_word_has_bits(tmp_path: Path) -> None:
    def program(version: int) -> str:
        return mixed.PROGRAM + "".join(
            f'[[counter]]\nid = "c{n}"\ncount = "quantity"\nwhen = {{ sku = ["{version}-{n}"] }}\n'
            f'[[rule]]\nid = "k{n}"\nkind = "bonus"\npoints = 1\n'
            f'when = {{ counter = {{ id = "c{n}", at_least = {n + 1} }} }}\n'
            for n in range(40)
        )

    lines = [LineFact(f"1-{n}", 1_000 * (n + n % 2), 100) for n in range(40)]
    with Writer(tmp_path) as writer:
        publish(writer, "v0", 0, program(0))
        commit(writer, sale("before", 1, lines=lines))
        publish(writer, "v1", 2, program(1))
        (answer,) = answers(commit(writer, sale("after", 3)))
        given = [p["rule"] for p in answer["postings"] if p["kind"] == "bonus"]
        assert given == [f"k{n}" for n in range(1, 40, 2)]


def test_a_program_that_was_taken_stands_whatever_is_checked_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed.start(tmp_path).close()
    found = [("rule[0].points", "is something that a later version finds")]
    monkeypatch.setattr(program_file, "check", lambda program: found)
    with Writer(tmp_path) as writer:
        assert len(writer.replica.versions) == 1
        again = PublishFact("again", mixed.at(0), mixed.PROGRAM + mixed.MORE)
        with pytest.raises(ProgramError, match="a later version finds"):
            writer.publish_program(again)


STARS = '''
[[currency]]
id = "stars"
expiry = { policy = "inactivity", months = 3 }
'''


@pytest.mark.parametrize("end", ["cancel", "release", "in time"])
def test_what_is_left_of_a_currency_that_a_version_drops_can_come_back(
    tmp_path: Path, end: str
) -> None:
    """It had been owed, and was paid: a lot is made of a currency that the version has not."""
    text = mixed.PROGRAM.replace('kind = "earn"', 'kind = "earn"\ncurrency = "points"', 1)
    first, last = text.replace("[[rule]]", STARS + "\n[[rule]]", 1), text
    with mixed.start(tmp_path, first) as writer:
        commit(writer, sale("s", 1))
        if end == "cancel":
            commit(writer, RedeemFact("r", mixed.at(2), "m", "stars", 100, True))
        else:
            commit(writer, HoldFact("r", mixed.at(2), "m", "stars", 100, None, True))
        commit(writer, AdjustFact("a", mixed.at(3), "m", "stars", 150, "found", "office"))
        publish(writer, "v2", 4, last)
        back_again = (
            CancelFact("k", mixed.at(5), "m", "r") if end == "cancel"
            else ReleaseFact("k", mixed.at(5), "m", "r") if end == "release" else sale("t", 60)
        )
        (answer,) = answers(commit(writer, back_again))
        assert answer["balances"]["stars"]["active"] == 150
        shown = member_view(writer.replica, "m", instant_us(mixed.at(61)))
        assert shown is not None
        assert shown["balances"]["stars"]["active"] == 150
        assert all(told.agrees for told in Explainer(writer.replica).all())
    assert verify(tmp_path).findings == []


def test_tiers_of_all_versions_fit_an_answer(tmp_path: Path) -> None:
    def ladder(number: int) -> str:
        tiers = "".join(
            f'[[ladder.tier]]\nid = "v{number}-{n}"\nat_least = {{ spend = {n + 1} }}\n'
            for n in range(64)
        )
        return mixed.PROGRAM.partition("[ladder]")[0] + '[ladder]\nwindow = "year"\n' + tiers

    with mixed.start(tmp_path, ladder(1)) as writer:
        with pytest.raises(ProgramError, match="at most 127 tiers over all versions"):
            publish(writer, "v2", 4, ladder(2))
        assert len(writer.replica.versions) == 1


def test_gift_cards_keep_their_currency(tmp_path: Path) -> None:
    cards = '''
[[currency]]
id = "%s"
kind = "credit"
scale = 2

[gift_cards]
currency = "%s"
'''
    with mixed.start(tmp_path, mixed.PROGRAM + cards % ("gift", "gift")) as writer:
        verdict = writer.publish_program(
            PublishFact("v2", mixed.at(4), mixed.PROGRAM + cards % ("other", "other"))
        )
        assert verdict.refusal is not None
        assert verdict.refusal.slug == "program-differs"
        assert "'gift'" in verdict.refusal.detail
        publish(writer, "v3", 5, mixed.PROGRAM)


def test_a_program_that_does_not_fit_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflow(replica: Replica) -> None:
        raise OverflowError("Python int too large to convert to C long")

    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        seq = writer.replica.seq
        with monkeypatch.context() as patch:
            patch.setattr(Replica, "new_fold", overflow)
            verdict = writer.publish_program(PublishFact("two", mixed.at(50), DOUBLE))
        assert verdict.refusal is not None
        assert verdict.refusal.slug == "invalid-program"
        assert (writer.replica.seq, len(writer.replica.versions)) == (seq, 1)
        assert earned(writer, sale("a", 70)) == [100]
        assert publish(writer, "two", 80, DOUBLE)["status"] == "ok"
