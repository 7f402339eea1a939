"""The outbox: events from the journal, the pull feed, webhooks that are signed and tried again."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hmac
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from vafa.engine.facts import (
    AdjustFact,
    DayClosedFact,
    EnrolFact,
    LineFact,
    ReturnedLine,
    ReturnFact,
    SaleFact,
)
from vafa.engine.journal.journal import LedgerError
from vafa.engine.ledger.writer import Writer
from vafa.engine.outbox.events import Event, Settings
from vafa.engine.outbox.store import OutboxStore, Standing
from vafa.server import outbox
from vafa.server.outbox import derive, open_deriver, read_outbox_file
from vafa.server.webhooks import OutboxFile, Sender, Webhook, send_dead

from . import ledgers, mixed, servers
from .servers import days_ago, fact

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
FILE = OutboxFile(remind=Settings(expiring_days=(2, 5), birthday_days=(3,)))


def filled(ledger: Path) -> None:
    """A ledger in which everything happens: tiers, a budget, expiry, a birthday."""
    program = ledgers.PROGRAM.replace("per = 100\n", "per = 100\nbudget = 90\n", 1)
    with ledgers.open_writer(ledger, program) as writer:
        start = dt.datetime(2025, 1, 10, 12, tzinfo=dt.UTC)
        born = dt.date(1990, 3, 15)
        commit(writer, EnrolFact("e", start, "m-1", birth=born))
        commit(writer, EnrolFact("f", start, "m-2", birth=born, birth_calendar="jalali"))
        for n in range(4):
            commit(writer, sale(f"s-{n}", "m-1", start + dt.timedelta(days=n), 3_000))
        # Points of 10 January are good through 10 March.
        for n, day in enumerate(("2025-03-07", "2025-03-08", "2025-03-12", "2025-04-30")):
            date = dt.date.fromisoformat(day)
            at = dt.datetime(date.year, date.month, date.day, 1, tzinfo=dt.UTC)
            closed = DayClosedFact(f"d-{n}", at + dt.timedelta(days=1), date)
            assert writer.commit_control(closed).refusal is None


def sale(name: str, member: str, at: dt.datetime, net: int) -> Any:
    """A sale of one line."""
    return SaleFact(name, at, member, [LineFact("bread", 1_000, net)])


def commit(writer: Writer, one: Any) -> None:
    """Commit a fact that is taken."""
    (verdict,) = mixed.commit(writer, one)
    assert verdict.answer is not None
    assert verdict.answer["status"] == "ok"


def events(ledger: Path, position: int = 0) -> list[Event]:
    """The events of a ledger, derived anew."""
    deriver = open_deriver(ledger, FILE, position)
    found: list[Event] = []
    with deriver.replica.journal.reading() as txn:
        for record in deriver.replica.journal.records(txn, deriver.replica.seq):
            found += deriver.take(record)
    deriver.replica.close()
    return found


def test_everything_that_happens_is_told(tmp_path: Path) -> None:
    filled(tmp_path / "ledger")
    told = [(event.type, event.data) for event in events(tmp_path / "ledger")]
    tiers = [data for kind, data in told if kind == "tier.changed"]
    assert [(data["member"], data["from"], data["to"]) for data in tiers][:3] == [
        ("m-1", None, "bronze"), ("m-2", None, "bronze"), ("m-1", "bronze", "silver")
    ]
    assert tiers[2]["fact"] == "s-1"
    (budget,) = [data for kind, data in told if kind == "budget.closed"]
    assert (budget["rule"], budget["total"], budget["overrun"]) == ("base", 90, 0)
    expiring = [data for kind, data in told if kind == "points.expiring"]
    assert expiring == [
        {"member": "m-1", "currency": "points", "points": 30, "good_through": "2025-03-12",
         "days": 5},
        {"member": "m-1", "currency": "points", "points": 30, "good_through": "2025-03-10",
         "days": 2},
    ]  # fmt: skip
    birthdays = [data for kind, data in told if kind == "birthday.coming"]
    # 15 March 1990 is 24 Esfand 1368; 24 Esfand 1403 is 14 March 2025.
    assert birthdays == [{"member": "m-1", "date": "2025-03-15", "days": 3}]


COUPONS = ledgers.PROGRAM + """
[[currency]]
id = "coffee"
kind = "coupons"

[[rule]]
id = "coffee"
kind = "bonus"
currency = "coffee"
points = 2
when = { min_amount = 5_000 }
"""


def given(name: str, at: dt.datetime, points: int) -> AdjustFact:
    """Coupons given by hand, or taken."""
    return AdjustFact(name, at, "m-2", "coffee", points, "asked")


def test_coupons_are_told(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with ledgers.open_writer(ledger, COUPONS) as writer:
        start = dt.datetime(2025, 1, 10, 12, tzinfo=dt.UTC)
        commit(writer, sale("small", "m-1", start, 3_000))
        commit(writer, sale("big", "m-1", start + dt.timedelta(hours=1), 6_000))
        commit(writer, given("hand", start, 3))
        commit(writer, given("less", start, -1))
        # A late purchase is told of like any other.
        commit(writer, sale("late", "m-1", start - dt.timedelta(days=1), 9_000))
    told = [event.data for event in events(ledger) if event.type == "coupon.issued"]
    assert [(one["member"], one["count"], one["rule"], one["fact"]) for one in told] == [
        ("m-1", 2, "coffee", "big"), ("m-2", 3, None, "hand"), ("m-1", 2, "coffee", "late"),
    ]  # fmt: skip
    assert {one["coupon"] for one in told} == {"coffee"}


FRIENDS = ledgers.PROGRAM + """
[[referral]]
id = "friend"
referred = 100
referrer = 200
at_least = 2_000
cap = 1
"""


def test_both_sides_of_a_referral_are_told(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with ledgers.open_writer(ledger, FRIENDS) as writer:
        start = dt.datetime(2025, 1, 10, 12, tzinfo=dt.UTC)
        commit(writer, EnrolFact("e", start, "anna"))
        for name in ("bert", "cora"):
            commit(writer, EnrolFact(f"e-{name}", start, name, referrer="anna"))
        commit(writer, sale("small", "bert", start + dt.timedelta(hours=1), 1_999))
        commit(writer, sale("first", "bert", start + dt.timedelta(hours=2), 2_000))
        commit(writer, sale("second", "cora", start + dt.timedelta(hours=3), 2_000))
        returned = [ReturnedLine(1_000, 2_000, 1)]
        commit(writer, ReturnFact("r", start + dt.timedelta(days=1), "bert", returned, "first"))
    told = [event for event in events(ledger) if event.type.startswith("referral.")]
    assert [
        (e.type, e.data["member"], e.data["side"], e.data["other"], e.data["points"],
         e.data["fact"])
        for e in told
    ] == [
        ("referral.completed", "bert", "referred", "anna", 100, "first"),
        ("referral.completed", "anna", "referrer", "bert", 200, "first"),
        ("referral.completed", "cora", "referred", "anna", 100, "second"),
        # The cap is full.
        ("referral.completed", "anna", "referrer", "cora", 0, "second"),
        ("referral.fallen", "bert", "referred", "anna", -100, "r"),
        ("referral.fallen", "anna", "referrer", "bert", -200, "r"),
    ]  # fmt: skip
    assert {e.data["referral"] for e in told} == {"friend"}
    assert {e.data["currency"] for e in told} == {"points"}
    assert len({e.id for e in told}) == len(told)


def test_events_do_not_depend_on_when_they_are_derived(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    filled(ledger)
    whole = events(ledger)
    assert len({event.id for event in whole}) == len(whole)
    for position in (0, 1, 3, 5, 7, 9):
        deriver = open_deriver(ledger, FILE, position)
        done = deriver.replica.seq
        deriver.replica.close()
        assert events(ledger, position) == [
            event for event in whole if int(event.id.split("_")[1], 16) > done
        ]


def test_what_is_derived_is_kept(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    filled(ledger)
    store = OutboxStore(ledger, write=True)
    with pytest.raises(LedgerError, match="kept by another process"):
        OutboxStore(ledger, write=True)
    deriver = open_deriver(ledger, FILE, store.position)
    kept, version = derive(deriver, store)
    assert version == deriver.replica.journal.version()
    assert store.position == deriver.replica.seq
    assert derive(deriver, store) == (0, version)
    deriver.replica.close()
    whole = events(ledger)
    assert [event for _, event in store.after(b"", 100)] == whole
    assert kept == len(whole)
    key = store.after(b"", 2)[-1][0]
    assert [event for _, event in store.after(key, 2)] == whole[2:4]
    store.prune("2020-01-01T00:00:00Z", [])
    assert len(store.after(b"", 100)) == kept
    store.prune("2999-01-01T00:00:00Z", ["https://nobody"])
    assert len(store.after(b"", 100)) == kept
    store.prune("2999-01-01T00:00:00Z", [])
    assert store.after(b"", 100) == []
    store.close()


@pytest.mark.parametrize("keep_s", [0.0, 60.0])
def test_deriving_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep_s: float
) -> None:
    """Between two records, with what is derived kept."""
    monkeypatch.setattr(outbox, "KEEP_S", keep_s)
    ledger = tmp_path / "ledger"
    filled(ledger)
    whole = events(ledger)
    store = OutboxStore(ledger, write=True)
    deriver = open_deriver(ledger, FILE, 0)
    end = deriver.replica.journal.version()
    kept = 0
    positions: list[int] = []
    while not positions or positions[-1] != deriver.replica.seq:
        positions.append(deriver.replica.seq)
        turns = iter([False, False, True])
        more, _ = derive(deriver, store, None, lambda: next(turns))  # noqa: B023
        kept += more
        assert store.position == deriver.replica.seq
    assert len(positions) > 3
    assert kept == len(whole)
    assert [event for _, event in store.after(b"", 100)] == whole
    assert derive(deriver, store) == (0, end)
    deriver.replica.close()
    store.close()


# -- webhooks -------------------------------------------------------------------------------------


class Receiver:
    """A receiver of webhooks that keeps what it takes and refuses as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.refuse = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                refused = outer.refuse > 0
                outer.refuse -= refused
                self.send_response(500 if refused else 204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((servers.HOST, 0), Handler)
        self.hook = Webhook(f"http://{servers.HOST}:{self.server.server_port}/hook", SECRET)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def ids(self) -> list[str]:
        """The ids of what came, in order."""
        return [headers["webhook-id"] for headers, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@contextmanager
def stored(ledger: Path) -> Iterator[OutboxStore]:
    """A store with the events of the ledger."""
    filled(ledger)
    store = OutboxStore(ledger, write=True)
    deriver = open_deriver(ledger, FILE, 0)
    derive(deriver, store)
    deriver.replica.close()
    yield store
    store.close()


def step(sender: Sender) -> bool:
    """One step of a sender."""

    async def main() -> bool:
        async with aiohttp.ClientSession() as session:
            return await sender.step(session)

    return asyncio.run(main())


def test_webhooks_are_signed(tmp_path: Path, receiver: Receiver) -> None:
    with stored(tmp_path / "ledger") as store:
        assert step(Sender(store, receiver.hook))
        assert not step(Sender(store, receiver.hook))
        every = [event for _, event in store.after(b"", 100)]
    assert receiver.ids == [event.id for event in every]
    for (headers, body), event in zip(receiver.got, every, strict=True):
        assert json.loads(body) == {
            "type": event.type, "timestamp": event.timestamp, "data": event.data
        }
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        told = base64.b64encode(hmac.digest(bytes(range(32)), text, "sha256")).decode()
        assert headers["webhook-signature"] == f"v1,{told}"


def test_an_event_is_tried_again_and_order_is_kept(tmp_path: Path, receiver: Receiver) -> None:
    with stored(tmp_path / "ledger") as store:
        every = [event.id for _, event in store.after(b"", 100)]
        receiver.refuse = 2
        waits = (0.0, 0.0, 3_600.0)
        for _ in range(5):
            # A sender that is started again goes on where the last one was.
            step(Sender(store, receiver.hook, waits))
        assert receiver.ids == [every[0], every[0], *every]
        assert store.dead() == []


def test_a_failure_waits(tmp_path: Path, receiver: Receiver) -> None:
    with stored(tmp_path / "ledger") as store:
        receiver.refuse = 1
        sender = Sender(store, receiver.hook, (3_600.0,))
        assert not step(sender)
        assert not step(sender)
        assert len(receiver.got) == 1
        position = store.position
        assert store.standing(time.time()) == Standing(position, 1, 0)
        # It was asked again long ago, or no settings name it any more.
        assert store.standing(time.time() + 5_000) == Standing(position, 0, 0)


def test_what_nobody_takes_is_a_dead_letter(tmp_path: Path, receiver: Receiver) -> None:
    with stored(tmp_path / "ledger") as store:
        every = [event.id for _, event in store.after(b"", 100)]
        receiver.refuse = 3
        sender = Sender(store, receiver.hook, (0.0, 0.0))
        for _ in range(6):
            step(sender)
        assert receiver.ids == [every[0]] * 3 + every[1:]
        ((_, letter),) = store.dead()
        shown = subprocess.run(
            [sys.executable, "-m", "vafa.server", "outbox", str(tmp_path / "ledger"), "--dead"],
            stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
        assert json.loads(shown.stdout)["event"]["id"] == every[0]
        assert (letter.event.id, letter.reason) == (every[0], "status 500")
        assert store.standing(time.time()) == Standing(store.position, 0, 1)
        file = OutboxFile(webhook=[receiver.hook])
        receiver.refuse = 1
        assert asyncio.run(send_dead(store, file)) == (0, 1)
        assert asyncio.run(send_dead(store, OutboxFile())) == (0, 1)
        assert asyncio.run(send_dead(store, file)) == (1, 0)
        assert store.dead() == []


def test_only_wanted_types_are_sent(tmp_path: Path, receiver: Receiver) -> None:
    with stored(tmp_path / "ledger") as store:
        hook = Webhook(receiver.hook.url, SECRET, ("budget.closed",))
        step(Sender(store, hook))
        assert [json.loads(body)["type"] for _, body in receiver.got] == ["budget.closed"]
        assert not step(Sender(store, hook))


@pytest.mark.parametrize(
    "text",
    ['[[webhook]]\nurl = "ftp://x"\nsecret = "' + SECRET + '"',
     '[[webhook]]\nurl = "https://x"\nsecret = "x"',
     '[[webhook]]\nurl = "https://x"\nsecret = "whsec_eA=="',
     '[[webhook]]\nurl = "https://x"\nsecret = "whsec_?"',
     '[[webhook]]\nurl = "https://x"\nsecret = "' + SECRET + '"\ntypes = ["coupon"]',
     f'[[webhook]]\nurl = "https://x"\nsecret = "{SECRET}"\n' * 2,
     "[remind]\nexpiring_days = [-1]", "x = 1", "=", "keep_days = 0"],
)  # fmt: skip
def test_broken_settings_name_their_place(tmp_path: Path, text: str) -> None:
    file = tmp_path / "outbox.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"outbox\.toml: "):
        read_outbox_file(file)


# -- processes ----------------------------------------------------------------------------------


def start(ledger: Path, file: Path) -> subprocess.Popen[str]:
    """`vafa outbox` beside a server."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vafa.server", "outbox", str(ledger), "--settings", str(file)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert "outbox of" in process.stderr.readline()
    return process


def test_a_feed_survives_restarts(tmp_path: Path, receiver: Receiver) -> None:
    file = tmp_path / "outbox.toml"
    file.write_text(f'[[webhook]]\nurl = "{receiver.hook.url}"\nsecret = "{SECRET}"\n')
    ledger = tmp_path / "ledger"
    with servers.serving(ledger) as server:
        missing = server.get("/v1/outbox")
        assert (missing.status, missing.slug) == (404, "not-found")
        server.post(fact("a", member="m-1", occurred_at=days_ago(9)))
        derived = start(ledger, file)
        server.post(fact("b", member="m-2", occurred_at=days_ago(8)))

        def feed(after: str = "") -> dict[str, Any]:
            shown: dict[str, Any] = server.get(f"/v1/outbox?limit=2&after={after}").json()
            return shown

        servers.wait_until(lambda: len(feed()["events"]) == 2, 20)
        servers.wait_until(lambda: len(receiver.got) == 2, 20)
        derived.kill()
        derived.wait()
        for n in range(5):
            server.post(fact(f"c-{n}", member="m-1", occurred_at=days_ago(7 - n)))
        derived = start(ledger, file)
        cursor = feed()["after"]
        servers.wait_until(lambda: feed(cursor)["events"], 20)
        (event,) = feed(cursor)["events"]
        assert (event["data"]["from"], event["data"]["to"]) == ("bronze", "silver")
        assert feed(feed(cursor)["after"])["events"] == []
        # What was under way when it was killed may come twice.
        servers.wait_until(lambda: len(set(receiver.ids)) == 3, 20)
        told = server.get("/metrics").body.decode()
        seq = server.get("/readyz").json()["seq"]
        for figure in (f"seq {seq:.1f}", "failing_receivers 0.0", "dead_letters 0.0"):
            assert f"\nvafa_outbox_{figure}\n" in told
        for bad in ("after=x", "after=00", "limit=0", "limit=1001", "x=1"):
            assert server.get(f"/v1/outbox?{bad}").slug == "invalid-parameter"
        derived.send_signal(signal.SIGTERM)
        assert derived.wait(20) == 0


def test_a_deriver_needs_a_ledger(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vafa.server", "outbox", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "is not a ledger" in done.stderr
