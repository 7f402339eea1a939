"""Closed days and late names in a ledger: members' rows of facts of no member."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from vafa.engine.columns.status import POSTINGS
from vafa.engine.facts import CatalogFact, DayClosedFact, ProductFact, StoreAttributes, StoreFact
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica

from . import mixed
from .mixed import answers, commit, points, redeem, sale

DAY = 24
GONE = 24 * 62
"""Hours after which points of the first day are past: 2 months."""


def close(writer: Writer, hours: float, name: str = "") -> dict[str, Any]:
    """Close the date before the one of an instant, at that instant."""
    moment = mixed.at(hours)
    date = moment.date() - dt.timedelta(days=1)
    verdict = writer.commit_control(DayClosedFact(name or f"closed {date}", moment, date))
    assert verdict.answer is not None, verdict.refusal
    return verdict.answer


def closing_rows(ledger: Path) -> list[tuple[int, str, str, int, int, list[tuple[str, int]]]]:
    """(seq, what caused it, member, previous, active, [(posting kind, points)]) of closings."""
    replica = Replica.open(ledger)
    out = []
    for record in replica.journal.scan():
        for row, fact in enumerate(record.facts().to_pylist()):
            if fact["kind"] == mixed.CLOSING:
                member = replica.dictionaries.members.names[fact["member"]]
                kinds = [
                    (POSTINGS[posting["kind"]], posting["points"])
                    for posting in fact["postings"]
                ]
                active = fact["balances"][0]["active"]
                seq = record.first + row
                out.append((seq, fact["id"], member, fact["previous"], active, kinds))
    replica.close()
    return out


def test_a_closed_day_writes_what_expired(tmp_path: Path) -> None:
    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        commit(writer, sale("a", 1), sale("b", 2, member="n"), sale("c", DAY * 20, member="n"))
        close(writer, DAY * 30)
        assert writer.replica.seq == 5
        answer = close(writer, GONE)
        assert answer["status"] == "ok"
        assert close(writer, GONE)["status"] == "replayed"
        commit(writer, sale("d", GONE + 1))
        made = mixed.hash_of(writer.replica)
    date = (mixed.at(GONE) - dt.timedelta(days=1)).date()
    assert closing_rows(tmp_path) == [
        (7, f"closed {date}", "m", 2, 0, [("expire", -100)]),
        (8, f"closed {date}", "n", 4, 100, [("expire", -100)]),
    ]
    report = verify(tmp_path)
    assert report.findings == []
    assert report.state_hash == made


def test_days_are_closed_in_rising_order(tmp_path: Path) -> None:
    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        commit(writer, sale("a", 1))
        assert close(writer, DAY * 9)["status"] == "ok"
        refused = close(writer, DAY * 8)
        assert (refused["status"], refused["reason"]) == ("refused", "day-out-of-order")
        assert close(writer, DAY * 10)["status"] == "ok"
        # Final: the same answer for ever.
        again = close(writer, DAY * 8)
        assert (again["status"], again["reason"]) == ("replayed", "day-out-of-order")
        assert writer.replica.seq == 5
    with Writer(tmp_path) as writer:
        assert close(writer, DAY * 9, "other")["reason"] == "day-out-of-order"
    assert verify(tmp_path).findings == []


def test_a_date_is_closed_when_it_is_over(tmp_path: Path) -> None:
    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        date = mixed.at(DAY).date()
        verdict = writer.commit_control(DayClosedFact("early", mixed.at(47.9), date))
        assert verdict.refusal is not None
        assert verdict.refusal.path == "occurred_at"
        # Refused for form: the id may be used again.
        last = mixed.at(48) - dt.timedelta(microseconds=1)
        assert writer.commit_control(DayClosedFact("early", last, date)).answer is not None


def test_a_late_fact_before_a_closed_day_is_expired_at_once(tmp_path: Path) -> None:
    with mixed.start(tmp_path, mixed.PROGRAM) as writer:
        commit(writer, sale("a", 1))
        close(writer, GONE, "day")
        [answer] = answers(commit(writer, sale("late", 2, 5_000)))
        assert points(answer["postings"]) == {
            ("base", "earn", None): 50, (None, "correct", "day"): -50,
        }
        # The balances are those on the date of the member's latest fact.
        assert answer["balances"]["points"]["active"] == 150
        # Of a member that the day did not touch, too.
        [answer] = answers(commit(writer, sale("new", 3, 7_000, "n")))
        assert points(answer["postings"]) == {
            ("base", "earn", None): 70, (None, "correct", "day"): -70,
        }
        # Points that were spent before they passed did not expire.
        [answer] = answers(commit(writer, redeem("spent", 5, 60, "n")))
        assert points(answer["postings"]) == {
            (None, "redeem", None): -60, (None, "correct", "day"): 60,
        }
    assert verify(tmp_path).findings == []


def test_a_day_closed_after_later_facts_is_put_in_its_place(tmp_path: Path) -> None:
    with mixed.start(tmp_path / "late", mixed.PROGRAM) as writer:
        commit(writer, sale("a", 1), sale("b", GONE + 5))
        close(writer, GONE, "day")
        late = mixed.hash_of(writer.replica)
    assert [row[1:3] + row[5:] for row in closing_rows(tmp_path / "late")] == [
        ("day", "m", [("expire", -100)])
    ]
    assert verify(tmp_path / "late").findings == []
    with mixed.start(tmp_path / "early", mixed.PROGRAM) as writer:
        commit(writer, sale("a", 1))
        close(writer, GONE, "day")
        commit(writer, sale("b", GONE + 5))
        assert mixed.hash_of(writer.replica) == late


# -- late catalogues and stores -------------------------------------------------------------

BRANDS = mixed.PROGRAM + """
[[rule]]
id = "double"
kind = "multiply"
factor = 2
when = { brand = ["double"] }

[[rule]]
id = "north"
kind = "bonus"
points = 7
when = { region = ["north"] }
"""


def catalogue(name: str, hours: float, sku: str = "milk", brand: str = "double") -> CatalogFact:
    """A catalogue of one product."""
    return CatalogFact(name, mixed.at(hours), [ProductFact(sku, brand=brand)])


def test_a_late_catalogue_corrects_the_sales_that_it_concerns(tmp_path: Path) -> None:
    with mixed.start(tmp_path, BRANDS) as writer:
        commit(writer, sale("a", 1), sale("b", 10), sale("c", 20, member="n", sku="tea"))
        assert writer.commit_control(catalogue("brands", 5)).refusal is None
        assert writer.commit_control(catalogue("nobody", 5, "coffee")).refusal is None
        assert writer.commit_control(catalogue("later", 30, "tea")).refusal is None
        # The same again changes nothing, and concerns nobody.
        assert writer.commit_control(catalogue("same", 6)).refusal is None
        [answer] = answers(commit(writer, sale("d", 7)))
        assert points(answer["postings"]) == {
            ("base", "earn", None): 100, ("double", "multiply", None): 100,
        }
        made = mixed.hash_of(writer.replica)
    assert [row[1:3] + row[5:] for row in closing_rows(tmp_path)] == [
        ("brands", "m", [("correct", 100)])
    ]
    report = verify(tmp_path)
    assert (report.findings, report.state_hash) == ([], made)


def test_late_stores_correct_too_and_arrival_does_not_matter(tmp_path: Path) -> None:
    facts = [sale("a", 1, store="1"), sale("b", 10, store="1"), sale("c", 11, store="2")]
    stores = StoreFact("stores", mixed.at(5), [StoreAttributes("1", region="north")])
    hashes = []
    for run in range(2):
        ledger = tmp_path / str(run)
        with mixed.start(ledger, BRANDS) as writer:
            if run:
                assert writer.commit_control(stores).refusal is None
            commit(writer, *facts)
            if not run:
                assert writer.commit_control(stores).refusal is None
            hashes.append(mixed.hash_of(writer.replica))
        assert verify(ledger).findings == []
    assert hashes[0] == hashes[1]
    assert [row[5] for row in closing_rows(tmp_path / "0")] == [[("correct", 7)]]


def test_a_reader_follows_closed_days_and_late_names(tmp_path: Path) -> None:
    with mixed.start(tmp_path, BRANDS) as writer:
        reader = Replica(writer.journal)
        reader.catch_up()
        commit(writer, sale("a", 1), sale("b", 10))
        writer.commit_control(catalogue("brands", 5))
        close(writer, GONE)
        commit(writer, sale("late", 3), sale("new", GONE + 9))
        close(writer, GONE + DAY * 70)
        reader.catch_up()
        assert mixed.hash_of(reader) == mixed.hash_of(writer.replica)
