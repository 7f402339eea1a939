"""What the journal must not have: PINs and profiles, kept apart and forgotten (section 7)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.columns.verdicts import Verdict
from vafa.engine.facts.parts import FormError
from vafa.engine.journal.journal import LedgerError
from vafa.engine.ledger.writer import Writer
from vafa.engine.private.apart import NoPepperError, Private, secret_of
from vafa.engine.private.pins import lock_of, try_pin
from vafa.engine.replica.replica import Replica
from vafa.engine.views.views import card_view, member_view
from vafa.engine.wire.json_facts import decode_fact

from .memberships import PROGRAM, Json, assert_sound, link, sale, told, wire, writer_of

ANNA = {"name": "Anna Aarden-Zwaan", "phone": "+49-171-5550199", "city": "Köln-Ehrenfeld"}


@pytest.fixture(autouse=True)
def _pepper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pepper").write_bytes(b"a pepper of enough bytes\n")
    monkeypatch.setenv("VAFA_PEPPER_FILE", str(tmp_path / "pepper"))
    monkeypatch.delenv("VAFA_MASTER_KEY_FILE", raising=False)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Where the ledger of a test is."""
    return tmp_path / "ledger"


def give(writer: Writer, fact: Json) -> Verdict:
    """Commit one fact of any kind."""
    return writer.commit_fact(decode_fact(json.dumps(fact).encode()), force=True)


def became(verdict: Verdict) -> str:
    """What became of a fact."""
    if verdict.answer is None:
        assert verdict.refusal is not None
        return verdict.refusal.slug
    return str(verdict.answer.get("reason", verdict.answer["status"]))


def profile(writer: Writer, member: str = "m") -> Any:
    """What is known of a person."""
    return writer.private().profile(writer.replica.dictionaries.members.numbers[member])


def bytes_of(ledger: Path) -> bytes:
    """All that a ledger's files hold."""
    return b"".join(path.read_bytes() for path in ledger.rglob("*") if path.is_file())


# -- PINs ------------------------------------------------------------------------------------------


def attempt(writer: Writer, pin: str, card: str = "c", most: int = 3) -> tuple[str, int]:
    """Try a PIN."""
    state = writer.replica.membership.cards.state(card, 2**62)
    assert state is not None
    private = writer.private()
    return try_pin(private, private.need_pepper(), lock_of(card, state), pin, most)


def test_a_pin_is_tried(ledger: Path) -> None:
    with writer_of(ledger) as writer:
        told(writer, link("l", 0))
        fact = wire("card pin", "p", 1, card="c", pin="271828")
        assert became(give(writer, fact)) == "ok"
        assert became(give(writer, fact)) == "replayed"
        assert became(give(writer, {**fact, "pin": "271829"})) == "id-reused"
        assert became(give(writer, wire("card pin", "q", 1, card="d", pin="1234"))) == (
            "unknown-card"
        )
        assert [attempt(writer, "1234"), attempt(writer, "271828"), attempt(writer, "1234")] == [
            ("wrong", 2), ("ok", 3), ("wrong", 2)]  # fmt: skip
        card = card_view(writer.replica, "c")
        assert card is not None
        assert card["has_pin"]
    assert b"271828" not in bytes_of(ledger)
    assert_sound(ledger)


def test_a_lock_outlasts_a_restart_until_a_fact_opens_it(ledger: Path) -> None:
    with writer_of(ledger) as writer:
        told(writer, link("l", 0))
        give(writer, wire("card pin", "p", 1, card="c", pin="1234"))
        assert attempt(writer, "0000") == ("wrong", 2)
    with Writer(ledger) as writer:
        assert [attempt(writer, "0000") for _ in range(3)] == [
            ("wrong", 1), ("locked", 0), ("locked", 0)]  # fmt: skip
        assert attempt(writer, "1234") == ("locked", 0)
    with Writer(ledger) as writer:
        assert attempt(writer, "1234") == ("locked", 0)
        told(writer, wire("card unblock", "u", 2, card="c", reason="showed a passport"))
        assert attempt(writer, "1234") == ("ok", 3)
        for _ in range(4):
            attempt(writer, "0000")
        give(writer, wire("card pin", "q", 3, card="c", pin="4321"))
        assert attempt(writer, "4321") == ("ok", 3)
    assert_sound(ledger)


def test_the_attempt_is_counted_before_the_pin_is_looked_at(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writer_of(ledger) as writer:
        told(writer, link("l", 0))
        give(writer, wire("card pin", "p", 1, card="c", pin="1234"))

        def end(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("vafa.engine.private.pins.verify_secret", end)
            for _ in range(3):
                with pytest.raises(KeyboardInterrupt):
                    attempt(writer, "1234")
        assert attempt(writer, "1234") == ("locked", 0)


def test_another_pepper_opens_nothing(ledger: Path, tmp_path: Path) -> None:
    with writer_of(ledger) as writer:
        told(writer, link("l", 0))
        give(writer, wire("card pin", "p", 1, card="c", pin="1234"))
    (tmp_path / "pepper").write_bytes(b"another pepper of enough bytes")
    with Writer(ledger) as writer:
        assert attempt(writer, "1234") == ("wrong", 2)


def test_pins_need_a_pepper_outside_the_ledger(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAFA_PEPPER_FILE")
    with writer_of(ledger) as writer:
        told(writer, link("l", 0))
        with pytest.raises(NoPepperError):
            give(writer, wire("card pin", "p", 1, card="c", pin="1234"))
        assert writer.replica.seq == 2
    for name, text in (("inside", b"x" * 20), ("short", b"x" * 5)):
        path = (ledger if name == "inside" else ledger.parent) / name
        path.write_bytes(text)
        monkeypatch.setenv("VAFA_PEPPER_FILE", str(path))
        with pytest.raises(LedgerError, match="VAFA_PEPPER_FILE"):
            secret_of("VAFA_PEPPER_FILE", ledger)
    monkeypatch.setenv("VAFA_PEPPER_FILE", str(ledger / "nowhere"))
    with pytest.raises(LedgerError, match="nowhere"):
        Private(ledger)


# -- profiles --------------------------------------------------------------------------------------


def test_a_profile_is_kept_apart(ledger: Path) -> None:
    with writer_of(ledger) as writer:
        fact = wire("enrol", "e", 0, member="m", profile=ANNA, cards=["c"])
        assert became(give(writer, fact)) == "ok"
        assert profile(writer) == ANNA
        assert became(give(writer, fact)) == "replayed"
        assert became(give(writer, {**fact, "profile": {**ANNA, "name": "Bea"}})) == "id-reused"
        give(writer, wire("member update", "u", 1, card="c", profile={
            "phone": None, "mail": "anna@example.org"}))  # fmt: skip
        wanted = {"name": ANNA["name"], "city": ANNA["city"], "mail": "anna@example.org"}
        assert profile(writer) == wanted
        # The first fact again does not bring the old number back.
        give(writer, fact)
        assert profile(writer) == wanted
    with Writer(ledger) as writer:
        assert profile(writer) == wanted
    held = bytes_of(ledger)
    for text in (*ANNA.values(), "anna@example.org"):
        assert text.encode() not in held
    assert_sound(ledger)


def test_erasing_forgets_and_leaves_the_journal_whole(ledger: Path) -> None:
    with writer_of(ledger) as writer:
        enrol = wire("enrol", "e", 0, member="m", profile=ANNA)
        give(writer, enrol)
        give(writer, wire("enrol", "f", 0, member="n", profile={"name": "Ben"}))
        told(writer, sale("s", 1, member="m"))
        copy = (ledger / "private" / "data.mdb").read_bytes()
        assert told(writer, wire("erase", "x", 2, member="m", reason="asked")) == ["ok"]
        assert profile(writer) is None
        assert profile(writer, "n") == {"name": "Ben"}
        # A repeat of what is forgotten brings nothing back.
        assert became(give(writer, enrol)) == "replayed"
        assert profile(writer) is None
        member = member_view(writer.replica, "m")
        assert member is not None
        assert member["balances"]["points"]["active"] == 100
    assert_sound(ledger)
    # A copy of the encrypted data that was taken before opens no more.
    (ledger / "private" / "data.mdb").write_bytes(copy)
    private = Private(ledger)
    assert private.profile(0) is None
    private.close()
    with Writer(ledger) as writer:
        assert profile(writer) is None
        # Who comes back is known again from then on.
        give(writer, wire("member update", "u", 3, member="m", profile={"name": "A."}))
        assert profile(writer) == {"name": "A."}
        assert became(give(writer, enrol)) == "replayed"
        assert profile(writer) == {"name": "A."}
    with Writer(ledger) as writer:
        assert profile(writer) == {"name": "A."}
    assert_sound(ledger)


@pytest.mark.parametrize("checkpoint", [True, False])
def test_an_erasure_that_was_cut_short_is_done_at_the_start(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: bool
) -> None:
    with writer_of(ledger) as writer:
        give(writer, wire("enrol", "e", 0, member="m", profile=ANNA))
        with monkeypatch.context() as patch:
            patch.setattr(Writer, "forget", lambda _: None)
            told(writer, wire("erase", "x", 2, member="m"), wire("close", "z", 1, member="m"))
        assert profile(writer) == ANNA
    if not checkpoint:
        for path in (ledger / "state").glob("*"):
            path.unlink()
    with Writer(ledger) as writer:
        assert profile(writer) is None


def test_a_member_that_left_may_be_erased(ledger: Path) -> None:
    with writer_of(ledger) as writer:
        give(writer, wire("enrol", "e", 0, member="m", profile=ANNA))
        assert told(writer, wire("close", "c", 1, member="m"),
                    wire("erase", "x", 2, member="m")) == ["ok", "ok"]  # fmt: skip
        assert profile(writer) is None
    assert_sound(ledger)


def test_a_master_key_is_needed_where_there_was_one(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "master").write_bytes(os.urandom(32).hex().encode())
    monkeypatch.setenv("VAFA_MASTER_KEY_FILE", str(tmp_path / "master"))
    with writer_of(ledger) as writer:
        give(writer, wire("enrol", "e", 0, member="m", profile=ANNA))
        assert profile(writer) == ANNA
    monkeypatch.delenv("VAFA_MASTER_KEY_FILE")
    with Writer(ledger) as writer, pytest.raises(LedgerError, match="VAFA_MASTER_KEY_FILE"):
        profile(writer)


def test_a_refused_fact_keeps_no_profile(ledger: Path) -> None:
    with writer_of(ledger) as writer:
        told(writer, link("l", 0, "c", "m"))
        fact = wire("enrol", "e", 1, member="n", cards=["c"], profile=ANNA)
        assert became(give(writer, fact)) == "card-linked"
        assert profile(writer, "n") is None


# -- bad input -------------------------------------------------------------------------------------

BAD: dict[str, tuple[Json, str]] = {
    "a short pin": (wire("card pin", "p", 1, card="c", pin="123"), "pin"),
    "a pin of letters": (wire("card pin", "p", 1, card="c", pin="12a4"), "pin"),
    "a pin that is a number": (wire("card pin", "p", 1, card="c", pin=1234), "pin"),
    "no card": (wire("card pin", "p", 1, member="m", pin="1234"), "$"),
    "a profile that is a list": (wire("enrol", "e", 1, member="m", profile=["x"]), "profile"),
    "an entry that is a number": (wire("enrol", "e", 1, member="m", profile={"a": 1}), "profile"),
    "an entry without a name": (wire("enrol", "e", 1, member="m", profile={"": "x"}), "profile"),
    "a long entry": (wire("enrol", "e", 1, member="m", profile={"a": "x" * 1_001}), "profile"),
    "many entries": (
        wire("enrol", "e", 1, member="m", profile={str(n): "x" for n in range(65)}), "profile"
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_private_parts_are_refused_at_their_field(name: str) -> None:
    fact, path = BAD[name]
    with pytest.raises(FormError) as caught:
        decode_fact(json.dumps(fact).encode())
    assert caught.value.path.startswith(path)


def test_a_reader_needs_nothing_of_it(ledger: Path) -> None:
    with writer_of(ledger, PROGRAM) as writer:
        give(writer, wire("enrol", "e", 0, member="m", profile=ANNA))
    reader = Replica.open(ledger)
    assert member_view(reader, "m") is not None
    reader.close()
