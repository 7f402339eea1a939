"""Cards: whose a fact is that names one, and what becomes of the card (rulebook section 7)."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.facts.parts import FormError
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.views.views import card_view, member_view
from vafa.engine.wire.json_facts import decode_fact
from vafa.native.wire import Sale

from .memberships import OPEN, Json, active, assert_sound, commit, link, sale, told, wire, writer_of


def test_a_card_names_its_member(tmp_path: Path) -> None:
    with writer_of(tmp_path) as writer:
        assert told(writer, link("l", 0), sale("s1", 1, card="c"),
                    sale("s2", 2, card="c", member="m")) == ["ok", "ok", "ok"]  # fmt: skip
        assert told(writer, sale("s3", 3, card="c")) == ["ok"]
        assert active(writer.replica, "m") == 300
        card = card_view(writer.replica, "c")
        assert card is not None
        assert (card["member"], card["blocked"]) == ("m", False)
        member = member_view(writer.replica, "m")
        assert member is not None
        assert member["cards"] == ["c"]
        assert card_view(writer.replica, "other") is None
    assert_sound(tmp_path)


def test_every_kind_may_name_a_card(tmp_path: Path) -> None:
    facts = [
        sale("s", 1, card="c"),
        wire("return", "r", 2, card="c", sale="s", lines=[{"line": 1, "net": 1_000}]),
        wire("activity", "a", 3, card="c", code="review"),
        wire("adjust", "d", 4, card="c", currency="points", points=50),
        wire("redeem", "e", 5, card="c", currency="points", points=20),
        wire("enrol", "n", 6, card="c", birth="1990-01-01"),
        wire("member update", "u", 7, card="c", segments=["x"]),
        wire("subscription start", "b", 8, card="c", plan="p"),
        wire("subscription end", "f", 9, card="c", plan="p"),
        wire("card block", "k", 10, card="c", reason="lost"),
        wire("card unblock", "v", 11, card="c"),
    ]
    with writer_of(tmp_path) as writer:
        assert told(writer, link("l", 0), *facts) == ["ok"] * 12
        assert active(writer.replica, "m") == 120
        for fact in facts:
            assert [v.replayed for v in commit(writer, fact)] == [True]
    assert_sound(tmp_path)


def test_a_card_that_nobody_knows_keeps_nothing(tmp_path: Path) -> None:
    with writer_of(tmp_path) as writer:
        facts = [sale("s", 1, card="c"), wire("card block", "b", 1, card="c"),
                 sale("t", 1, member="m")]  # fmt: skip
        assert told(writer, *facts) == ["unknown-card", "unknown-card", "ok"]
        assert writer.replica.seq == 2
        assert told(writer, link("l", 0), *facts) == ["ok", "ok", "ok", "replayed"]
        assert active(writer.replica, "m") == 200
    assert_sound(tmp_path)


def test_an_unknown_card_in_a_batch_does_not_shift_the_others(tmp_path: Path) -> None:
    with writer_of(tmp_path) as writer:
        verdicts = commit(
            writer, sale("a", 1, card="x"), sale("b", 2, member="m"), sale("b", 2, member="m"),
            sale("a", 1, card="x"), link("l", 0, card="x"), sale("a", 1, card="x"),
            sale("a", 1, card="x"),
        )  # fmt: skip
        shown = [None if v.answer is None else (v.answer["seq"], v.answer["status"])
                 for v in verdicts]  # fmt: skip
        assert shown == [None, (2, "ok"), (2, "replayed"), None, (3, "ok"), (4, "ok"),
                         (4, "replayed")]  # fmt: skip


def test_a_blocked_card_is_refused_for_ever(tmp_path: Path) -> None:
    with writer_of(tmp_path) as writer:
        told(writer, link("l", 0), sale("s", 1, card="c"))
        assert told(writer, wire("card block", "b", 2, card="c", reason="lost"),
                    sale("s2", 3, card="c"), sale("s3", 1.5, card="c")) == [
            "ok", "card-blocked", "ok"]  # fmt: skip
        (verdict,) = commit(writer, sale("s4", 3.5, card="c", member="m"))
        assert verdict.answer is not None
        assert verdict.answer["reason"] == "card-blocked"
        assert verdict.answer["balances"]["points"]["active"] == 200
        card = card_view(writer.replica, "c")
        assert card is not None
        assert (card["blocked"], card["reason"]) == (True, "lost")
        assert told(writer, wire("card unblock", "u", 4, card="c"), sale("s5", 5, card="c"),
                    sale("s2", 3, card="c"), sale("s6", 3.6, card="c")) == [
            "ok", "ok", "card-blocked", "card-blocked"]  # fmt: skip
        assert told(writer, sale("s7", 3.7, member="m")) == ["ok"]
        assert active(writer.replica, "m") == 400
    assert_sound(tmp_path)


def test_a_card_moves_only_where_a_fact_says_so(tmp_path: Path) -> None:
    with writer_of(tmp_path) as writer:
        told(writer, link("l", 0), sale("s1", 1, card="c"))
        assert told(writer, link("l2", 2, member="n")) == ["card-linked"]
        assert told(writer, link("l3", 2, member="n", move=True)) == ["ok"]
        assert told(writer, sale("s2", 3, card="c"), sale("s3", 1.5, card="c"),
                    sale("s4", 4, card="c", member="m")) == ["ok", "ok", "card-linked"]  # fmt: skip
        assert (active(writer.replica, "m"), active(writer.replica, "n")) == (200, 100)
        then, now = card_view(writer.replica, "c", 0), card_view(writer.replica, "c")
        assert then is not None
        assert now is not None
        assert (then["member"], now["member"]) == ("m", "n")
        member = member_view(writer.replica, "m")
        assert member is not None
        assert "cards" not in member
    assert_sound(tmp_path)


def test_a_late_link_does_not_undo_an_accepted_one(tmp_path: Path) -> None:
    with writer_of(tmp_path) as writer:
        assert told(writer, link("l", 10)) == ["ok"]
        # The first member has the card from the beginning.
        assert told(writer, sale("s", 5, card="c")) == ["ok"]
        assert told(writer, link("l2", 3, member="n", move=True)) == ["card-linked"]
        assert told(writer, link("l3", 3)) == ["ok"]
    assert_sound(tmp_path)


def test_enrolment_brings_cards(tmp_path: Path) -> None:
    with writer_of(tmp_path) as writer:
        assert told(writer, wire("enrol", "e", 0, member="m", cards=["b", "a", "b"]),
                    sale("s", 1, card="a"), sale("t", 1, card="b")) == ["ok"] * 3  # fmt: skip
        assert told(writer, wire("enrol", "f", 2, member="n", cards=["a"])) == ["card-linked"]
        assert told(writer, wire("enrol", "g", 2, member="n", cards=["c"], manual_tier={
            "tier": "none", "through": "2021-01-01", "reason": "x"}),
            sale("u", 3, card="c")) == ["unknown-tier", "unknown-card"]  # fmt: skip
        member = member_view(writer.replica, "m")
        assert member is not None
        assert member["cards"] == ["a", "b"]
    assert_sound(tmp_path)


# -- provisional members --------------------------------------------------------------------------


def test_an_unknown_card_opens_a_provisional_member(tmp_path: Path) -> None:
    with writer_of(tmp_path, OPEN) as writer:
        assert told(writer, sale("s", 5, card="c"), sale("t", 3, card="c")) == ["ok", "ok"]
        assert active(writer.replica, "card:c") == 200
        card = card_view(writer.replica, "c")
        assert card is not None
        assert (card["member"], card["provisional"]) == ("card:c", True)
        # What is said of a card, or beside a member's name, opens none.
        assert told(writer, wire("card block", "b", 1, card="d"),
                    sale("u", 1, card="d", member="m")) == ["unknown-card"] * 2  # fmt: skip
    assert_sound(tmp_path)


def test_a_provisional_member_is_claimed(tmp_path: Path) -> None:
    with writer_of(tmp_path, OPEN) as writer:
        told(writer, sale("s", 1, card="c"), sale("named", 1.5, member="card:c"))
        assert told(writer, wire("enrol", "e", 2, member="m", cards=["c", "d"]),
                    sale("t", 3, member="m"), sale("u", 4, card="d")) == ["ok"] * 3  # fmt: skip
        assert active(writer.replica, "m") == active(writer.replica, "card:c") == 400
        member, card = member_view(writer.replica, "card:c"), card_view(writer.replica, "c", 0)
        assert member is not None
        assert card is not None
        assert (member["id"], member["cards"]) == ("m", ["c", "d"])
        assert "provisional" not in card
        # Facts that came under the old name are the same facts for ever.
        assert told(writer, sale("s", 1, card="c"), sale("named", 1.5, member="card:c"),
                    wire("enrol", "e", 2, member="m", cards=["d", "c"]),
                    sale("t", 3, member="m")) == ["replayed"] * 4  # fmt: skip
        # The card is an ordinary one by now.
        assert told(writer, wire("enrol", "f", 5, member="n", cards=["c"])) == ["card-linked"]
    assert_sound(tmp_path)
    with Writer(tmp_path) as writer:
        assert told(writer, sale("v", 6, member="m")) == ["ok"]
        assert active(writer.replica, "m") == active(writer.replica, "card:c") == 500
    with Writer(tmp_path) as writer:
        assert active(writer.replica, "card:c") == 500
    assert_sound(tmp_path)


def test_one_commit_may_open_and_claim(tmp_path: Path) -> None:
    with writer_of(tmp_path, OPEN) as writer:
        assert told(
            writer, sale("s", 1, card="c"), wire("enrol", "e", 2, member="m", cards=["c"]),
            sale("t", 3, member="m"), sale("u", 3, card="c"),
        ) == ["ok"] * 4  # fmt: skip
        assert active(writer.replica, "m") == 300
    assert_sound(tmp_path)
    reader = Replica.open(tmp_path)
    assert active(reader, "m") == active(reader, "card:c") == 300
    reader.close()


def test_a_provisional_member_may_enrol_under_its_own_name(tmp_path: Path) -> None:
    with writer_of(tmp_path, OPEN) as writer:
        told(writer, sale("s", 1, card="c"))
        assert told(writer, wire("enrol", "e", 2, card="c")) == ["ok"]
        card = card_view(writer.replica, "c")
        assert card is not None
        assert card["member"] == "card:c"
        assert "provisional" not in card
        assert told(writer, wire("enrol", "f", 5, member="n", cards=["c"])) == ["card-linked"]
    assert_sound(tmp_path)


@pytest.mark.parametrize("earlier", ["same batch", "another batch"])
def test_a_known_member_claims_no_provisional_one(tmp_path: Path, earlier: str) -> None:
    with writer_of(tmp_path, OPEN) as writer:
        told(writer, sale("s", 1, card="c"))
        facts = [sale("t", 1, member="m"), wire("enrol", "e", 2, member="m", cards=["c"])]
        if earlier == "same batch":
            assert told(writer, *facts) == ["ok", "card-linked"]
        else:
            assert told(writer, facts[0]) + told(writer, facts[1]) == ["ok", "card-linked"]
        assert told(writer, link("l", 3, member="m", move=True), sale("u", 4, card="c")) == [
            "ok", "ok"]  # fmt: skip
        assert (active(writer.replica, "m"), active(writer.replica, "card:c")) == (200, 100)
    assert_sound(tmp_path)


def test_an_atomic_batch_that_is_refused_leaves_no_member(tmp_path: Path) -> None:
    with writer_of(tmp_path, OPEN) as writer:
        told(writer, link("l", 0, "other"))
        before = writer.replica.dictionaries.sizes(), writer.replica.seq
        facts = [
            decode_fact(json.dumps(fact).encode()) for fact in (
                sale("s", 1, card="c"), wire("enrol", "e", 2, member="n", cards=["c"]),
                sale("t", 3, card="other", member="n"),
            )
        ]  # fmt: skip
        batch = DecodedFacts([fact for fact in facts if isinstance(fact, Sale)])
        verdicts = writer.commit(batch, force=True, atomic=True)
        assert all(verdict.refusal is not None for verdict in verdicts)
        assert (writer.replica.dictionaries.sizes(), writer.replica.seq) == before
        assert active(writer.replica, "n") is None
        assert card_view(writer.replica, "c") is None
        assert told(writer, sale("s", 1, card="c"),
                    wire("enrol", "e", 2, member="n", cards=["c"])) == ["ok", "ok"]  # fmt: skip
        assert active(writer.replica, "n") == 100
    assert_sound(tmp_path)


# -- arrival, and names ---------------------------------------------------------------------------


def test_what_is_accepted_does_not_depend_on_batches(tmp_path: Path) -> None:
    facts = [
        sale("a", 5, card="c"), link("b", 1), sale("c", 2, card="c"),
        wire("card block", "d", 6, card="c"), sale("e", 7, card="c"), sale("f", 3, card="c"),
        wire("return", "g", 8, member="m", sale="c", lines=[{"line": 1, "net": 10_000}]),
        wire("redeem", "h", 4, card="c", currency="points", points=150),
        link("i", 9, member="n", move=True), wire("card unblock", "j", 10, card="c"),
        sale("k", 11, card="c"),
    ]  # fmt: skip
    seen = set()
    for size in (1, 2, 3, len(facts)):
        ledger = tmp_path / str(size)
        with writer_of(ledger, OPEN) as writer:
            statuses = [
                status for start in range(0, len(facts), size)
                for status in told(writer, *facts[start : start + size])
            ]  # fmt: skip
        report = verify(ledger)
        assert report.clean, report.findings
        seen.add((tuple(statuses), report.state_hash))
    assert len(seen) == 1


def test_any_order_of_what_happens_to_a_card_gives_one_card(tmp_path: Path) -> None:
    facts = [
        link("a", 1), wire("card block", "b", 2, card="c"), wire("card unblock", "c", 3, card="c"),
        link("d", 3, store="1"),
    ]  # fmt: skip
    seen = set()
    for number, order in enumerate(itertools.permutations(facts)):
        if order[0]["kind"] != "card link":
            continue
        with writer_of(tmp_path / str(number)) as writer:
            assert told(writer, *order) == ["ok"] * 4
            seen.add(tuple(writer.replica.membership.cards.events["c"]))
    assert len(seen) == 1


def test_how_a_member_was_named_is_content(tmp_path: Path) -> None:
    with writer_of(tmp_path) as writer:
        told(writer, link("l", 0), sale("s", 1, card="c"), sale("t", 1, member="m"))
        told(writer, link("l2", 2, member="n", move=True))
        assert told(
            writer, sale("s", 1, card="c"), sale("s", 1, member="m"),
            sale("s", 1, card="c", member="m"), sale("t", 1, card="c"), sale("t", 1, member="m"),
        ) == ["replayed", "id-reused", "id-reused", "id-reused", "replayed"]  # fmt: skip


def test_a_return_that_waits_is_told_of_a_refused_sale(tmp_path: Path) -> None:
    with writer_of(tmp_path) as writer:
        told(writer, link("l", 0), wire("card block", "b", 1, card="c"))
        back = wire("return", "r", 3, member="m", sale="s", lines=[{"line": 1, "net": 1_000}])
        assert told(writer, back) == ["parked"]
        (verdict,) = commit(writer, sale("s", 2, card="c"))
        assert verdict.answer is not None
        assert verdict.answer["reason"] == "card-blocked"
        assert [p["status"] for p in verdict.answer["parked"]] == ["refused"]
    assert_sound(tmp_path)


# -- bad input -----------------------------------------------------------------------------------

BAD: dict[str, tuple[Json, str]] = {
    "neither": (wire("activity", "a", 1, code="review"), "$"),
    "a link without a member": (wire("card link", "l", 1, card="c"), "$"),
    "an empty card": (wire("activity", "a", 1, code="review", card=""), "$"),
    "a link of an empty card": (link("l", 1, card=""), "card"),
    "a long card": (sale("s", 1, card="x" * 59), "card"),
    "a long card in bytes": (sale("s", 1, card="ن" * 30), "card"),
    "a card that is no text": (sale("s", 1, card=5), "card"),
    "a control character": (sale("s", 1, card="\n"), "card"),
    "a long card of many": (wire("enrol", "e", 1, member="m", cards=["a", "ن" * 30]), "cards[1]"),
    "too many cards": (
        wire("enrol", "e", 1, member="m", cards=[str(n) for n in range(101)]), "cards"
    ),
    "an amount beside a card": (sale("s", 1, net=True, card="c"), "lines"),
    "an unknown field beside a card": (sale("s", 1, card="c", colour="red"), "colour"),
    "no kind beside a card": ({"id": "x", "card": "c"}, "$"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_card_is_refused_at_its_field(name: str) -> None:
    fact, path = BAD[name]
    with pytest.raises(FormError) as caught:
        decode_fact(json.dumps(fact).encode())
    assert caught.value.path.startswith(path)
