"""PINs of gift cards: given, asked when the card pays, locked when tried too often."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from vafa.engine.columns.verdicts import Verdict
from vafa.engine.facts import GiftCardRedeemFact, TenderFact
from vafa.engine.facts.parts import instant_us as us_of
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.private.gift_pins import asked, gift_pin
from vafa.engine.replica.replica import Replica
from vafa.engine.views.gift_cards import gift_card_view
from vafa.engine.wire.json_facts import decode_fact

from . import mixed, servers
from .test_cli import run
from .test_gift_cards import PROGRAM
from .test_http_members import put


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a ledger may be, with a pepper beside it."""
    (tmp_path / "pepper").write_bytes(b"p" * 32)
    monkeypatch.setenv("VAFA_PEPPER_FILE", str(tmp_path / "pepper"))
    return tmp_path / "ledger"


@pytest.fixture
def writer(ledger: Path) -> Iterator[Writer]:
    """A ledger that is verified at the end."""
    with mixed.start(ledger, PROGRAM + "\n[membership]\npin_attempts = 2\n") as made:
        yield made
    report = verify(ledger)
    assert report.findings == []


def wire(kind: str, name: str, hours: float, **fields: Any) -> dict[str, Any]:
    """A fact as it stands on the wire."""
    return {"kind": kind, "id": name, "occurred_at": mixed.at(hours).isoformat(), **fields}


def give(writer: Writer, fact: dict[str, Any]) -> str:
    """Commit a fact of the wire; what became of it."""
    return became(writer.commit_fact(decode_fact(orjson.dumps(fact)), force=True))


def became(verdict: Verdict) -> str:
    """The status, of a refusal its slug."""
    if verdict.refusal is not None:
        return verdict.refusal.slug
    assert verdict.answer is not None
    return str(verdict.answer.get("reason", verdict.answer["status"]))


def spent(name: str, hours: float, **fields: Any) -> dict[str, Any]:
    """Money of card A."""
    return wire("gift card redeem", name, hours, card="A", amount=100, **fields)


def sold(name: str, *tenders: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A sale of 1,000."""
    lines = [{"sku": "milk", "quantity": 1000, "net": 1_000}]
    return wire("sale", name, 2, member="m", lines=lines, tenders=[*tenders], **fields)


def card(amount: int, pin: str | None = None, code: str = "A") -> dict[str, Any]:
    """A tender of a gift card."""
    more = {} if pin is None else {"pin": pin}
    return {"type": "gift card", "amount": amount, "card": code, **more}


def test_a_pin_is_given_and_asked(writer: Writer) -> None:
    made = wire("gift card issue", "i", 0, card="A", amount=5_000, pin="2718")
    assert give(writer, made) == "ok"
    assert give(writer, made) == "replayed"
    assert give(writer, {**made, "pin": "2719"}) == "id-reused"
    assert give(writer, spent("a", 1)) == "pin-needed"
    assert give(writer, spent("a", 1, pin="2719")) == "pin-wrong"
    assert give(writer, spent("a", 1, pin="2718")) == "ok"
    # What is known is answered as it was, and nothing of the refused is kept.
    assert give(writer, spent("a", 1)) == "replayed"
    assert give(writer, sold("s", card(400))) == "pin-needed"
    assert give(writer, sold("s", card(400), card(100, "2718"))) == "ok"
    # A till that was offline tells what has happened.
    assert give(writer, spent("b", 3, completed=True)) == "ok"
    found = gift_card_view(writer.replica, "A", round(mixed.at(5).timestamp() * 1e6))
    assert found is not None
    assert (found["has_pin"], found["balance"]) == (True, 4_300)


def test_it_locks_until_there_is_a_new_one(writer: Writer) -> None:
    give(writer, wire("gift card issue", "i", 0, card="A", amount=5_000))
    assert give(writer, spent("a", 1)) == "ok"
    assert give(writer, wire("gift card pin", "p", 1, card="A", pin="1111")) == "ok"
    assert give(writer, wire("gift card pin", "q", 1, card="B", pin="1111")) == (
        "unknown-gift-card"
    )
    assert give(writer, spent("b", 2, pin="2222")) == "pin-wrong"
    assert give(writer, spent("b", 2, pin="2222")) == "pin-locked"
    assert give(writer, spent("b", 2, pin="1111")) == "pin-locked"
    follower = Replica(writer.journal)
    follower.catch_up()
    assert gift_pin(follower, "A", 2**62) == gift_pin(writer.replica, "A", 2**62)
    assert give(writer, wire("gift card pin", "r", 1.5, card="A", pin="3333")) == "ok"
    assert give(writer, spent("b", 2, pin="1111")) == "pin-wrong"
    assert give(writer, spent("b", 2, pin="3333")) == "ok"


def test_two_cards_are_both_asked(writer: Writer) -> None:
    for code, pin in (("A", "1111"), ("B", "2222")):
        give(writer, wire("gift card issue", code, 0, card=code, amount=500, pin=pin))
    assert give(writer, sold("s", card(400, "1111"), card(100, None, "B"))) == "pin-needed"
    assert give(writer, sold("s", card(400, "1111"), card(100, "1111", "B"))) == "pin-wrong"
    assert give(writer, sold("s", card(400, "1111"), card(100, "2222", "B"))) == "ok"


def test_the_journal_has_no_pin(writer: Writer) -> None:
    give(writer, wire("gift card issue", "i", 0, amount=5_000, pin="86420975"))
    give(writer, sold("s", card(1_000, "86420975", "none")))
    for record in writer.journal.scan():
        assert b"86420975" not in record.body
    assert TenderFact("gift card", 1, card="A", pin="1234").pin == "1234"


def test_files_are_asked_as_tills_are(ledger: Path) -> None:
    facts = [
        wire("gift card issue", "i", 0, card="A", amount=5_000, pin="2718"),
        spent("a", 1), spent("b", 1, pin="2718"),
    ]  # fmt: skip
    with mixed.start(ledger, PROGRAM):
        pass
    file = ledger.parent / "facts.ndjson"
    file.write_bytes(b"\n".join(map(orjson.dumps, facts)))
    told = run("load", ledger, file, "--force", "--format", "json")
    assert told.exit_code == 3
    assert orjson.loads(told.stdout)["refused"] == {"pin-needed": 1}
    assert verify(ledger).findings == []


def test_a_pin_that_is_given_ahead_of_the_clock_is_asked_then(writer: Writer) -> None:
    give(writer, wire("gift card issue", "i", 1, card="A", amount=5_000, pin="2718"))
    fact = decode_fact(orjson.dumps(spent("a", 2)))
    assert isinstance(fact, GiftCardRedeemFact)
    now = us_of(mixed.at(0))
    assert gift_pin(writer.replica, "A", now) is None
    assert len(asked(writer.replica, fact, now)) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_over_http(ledger: Path, workers: int) -> None:
    program = servers.PROGRAM + """
[[currency]]
id = "gift"
kind = "credit"
scale = 2

[gift_cards]
currency = "gift"
"""
    with servers.serving(ledger, workers, program) as server:
        verify_at = "/v1/gift-cards/A/verify"
        head = {"occurred_at": servers.days_ago(3)}
        made = {"kind": "gift card issue", "id": "i", "card": "A", "amount": 5_000, **head}
        assert server.post({**made, "pin": "12"}).slug == "invalid-fact"
        assert server.post({**made, "pin": "2718"}).status == 201
        assert server.get("/v1/gift-cards/A").json()["has_pin"]
        basket = servers.fact("s", tenders=[card(650), {"type": "cash", "amount": 1_000}])
        refused = server.post(basket)
        assert (refused.status, refused.slug) == (422, "pin-needed")
        assert refused.json()["pointer"] == "/tenders/0/pin"
        basket["tenders"][0]["pin"] = "2718"
        [row] = server.post(servers.lines_of(basket), "application/x-ndjson").rows()
        assert row["status"] == "ok"
        assert "pin" not in server.get("/v1/events/s").json()["fact"]["tenders"][0]
        tried = put(server, verify_at, {"pin": "0000"}, "POST").json()
        assert (tried["outcome"], tried["attempts_left"]) == ("wrong", 4)
        assert put(server, verify_at, {"pin": "2718"}, "POST").json()["outcome"] == "ok"
        assert put(server, "/v1/gift-cards/B/verify", {"pin": "2718"}, "POST").status == 404
    assert verify(ledger).findings == []
