"""Sales on account: points that wait for the money, in whatever order it and goods come."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from vafa.engine.checks.program_file import ProgramError, parse_program
from vafa.engine.checks.whole import warnings
from vafa.engine.explain.explain import Explainer
from vafa.engine.explain.shape import Explanation
from vafa.engine.ledger.digest import state_hash
from vafa.engine.ledger.writer import Writer
from vafa.engine.views.statement import statement
from vafa.engine.views.views import member_lots, member_view
from vafa.engine.wire.json_facts import decode_fact

from . import mixed, servers
from .servers import JSON, days_ago, dumps

Wire = dict[str, Any]

HEAD = """
format = 1
id = "wholesale"
unit = { code = "EUR" }
zone = "UTC"
late_limit_days = 36_500
claim_days = 900
on_account = ["invoice", "cheque"]

[[currency]]
id = "points"

[[currency]]
id = "class"
kind = "status"

[[currency]]
id = "code"
kind = "coupons"

[[redemption]]
tender = "points"
currency = "points"
"""
BASE = """
[[rule]]
id = "base"
kind = "earn"
points = 1
per = 10
accrual = "payment"
"""


def at(day: int) -> str:
    return f"2025-03-{day:02}T12:00:00Z"


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def sale(name: str = "s", day: int = 1, *owed: int, net: int = 1000, **more: Any) -> Wire:
    """Milk of 60 % and bread; what is owed of it by invoice, the rest paid in cash."""
    tenders = [{"type": "invoice", "amount": amount} for amount in owed]
    return {
        "kind": "sale", "id": name, "occurred_at": at(day), "member": "m",
        "lines": [{"sku": "milk", "quantity": 2000, "net": net * 6 // 10},
                  {"sku": "bread", "quantity": 1000, "net": net * 4 // 10}],
        "tenders": [*tenders, {"type": "cash", "amount": net - sum(owed)}], **more,
    }  # fmt: skip


def payment(name: str, day: int, amount: int, sale: str = "s", **more: Any) -> Wire:
    return {"kind": "payment", "id": name, "occurred_at": at(day), "member": "m", "sale": sale,
            "amount": amount, **more}  # fmt: skip


def back(name: str, day: int, net: int, quantity: int = 0, line: int = 1, **more: Any) -> Wire:
    return {"kind": "return", "id": name, "occurred_at": at(day), "member": "m", "sale": "s",
            "lines": [{"line": line, "quantity": quantity, "net": net}], **more}  # fmt: skip


def told(writer: Writer, *facts: Wire) -> list[Wire]:
    """The answers to facts, each a commit of its own."""
    found = []
    for fact in facts:
        verdict = writer.commit_fact(decode_fact(orjson.dumps(fact)))
        assert verdict.answer is not None, verdict.refusal
        found.append(verdict.answer)
    return found


def stands(writer: Writer, member: str = "m", day: int = 30) -> tuple[int, int, int]:
    """(active, pending, debt) of a member on a date."""
    us = round(moment(at(day)).timestamp() * 1e6)
    shown = member_view(writer.replica, member, us)
    assert shown is not None
    points = shown["balances"]["points"]
    return points["active"], points["pending"], points["debt"]


@pytest.fixture
def writer(tmp_path: Path) -> Any:
    with mixed.verified(tmp_path, HEAD + BASE) as one:
        yield one


# -- what waits --------------------------------------------------------------------------------


def test_lots_tell_that_they_wait(writer: Writer) -> None:
    told(writer, sale("s", 1, 700))
    lots = member_lots(writer.replica, "m", round(moment(at(2)).timestamp() * 1e6))
    assert [(x["state"], x["points"], x["active_from"], x["good_through"]) for x in lots] == [
        ("active", 30, "2025-03-01", None), ("unpaid", 70, None, None),
    ]  # fmt: skip
    [answer] = told(writer, payment("p", 20, 350))
    assert [(p["rule"], p["kind"], p["points"], p["accrued"]) for p in answer["postings"]] == [
        (None, "accrue", 0, 35)
    ]
    assert answer["balances"]["points"] == {"active": 65, "pending": 35, "held": 0, "debt": 0}
    # Before the payment it is as it was, and after it the later lot is the payment's.
    assert stands(writer, day=19) == (30, 70, 0)
    lots = member_lots(writer.replica, "m", round(moment(at(20)).timestamp() * 1e6))
    assert [(x["earned"], x["points"]) for x in lots if x["state"] == "active"] == [
        ("2025-03-01", 30), ("2025-03-20", 35),
    ]  # fmt: skip
    page = statement(writer.replica, "m", 10)
    assert page is not None
    assert [entry["kind"] for entry in page.entries] == ["payment", "sale"]
    assert page.entries[0]["postings"] == answer["postings"]


def test_tenders_that_pay_tax_owe_their_share(writer: Writer) -> None:
    # 1,200 is paid for a net of 1,000: of 600 on account floor(600 x 1000 / 1200) is owed.
    tenders = [{"type": "cheque", "amount": 600}, {"type": "cash", "amount": 600}]
    told(writer, sale("s", 1, tenders=tenders))
    assert stands(writer) == (50, 50, 0)


def test_what_points_paid_is_no_money(writer: Writer) -> None:
    told(writer, {"kind": "adjust", "id": "a", "occurred_at": at(1), "member": "m",
                  "currency": "points", "points": 5})  # fmt: skip
    tenders = [{"type": "points", "amount": 400, "points": 5}, {"type": "invoice", "amount": 600}]
    told(writer, sale("s", 2, tenders=tenders))
    # All of the 600 that earn is owed; 300 of it is half.
    assert stands(writer) == (0, 60, 0)
    told(writer, payment("p", 3, 300))
    assert stands(writer) == (30, 30, 0)


def test_more_than_is_owed_brings_nothing_more(writer: Writer) -> None:
    first, second, third = told(
        writer, sale("s", 1, 700), payment("p", 2, 9_999), payment("q", 3, 1)
    )
    assert (first["status"], second["status"], third["status"]) == ("ok", "ok", "ok")
    assert third["postings"] == []
    assert stands(writer) == (100, 0, 0)


def test_a_sale_that_is_paid_owes_nothing(writer: Writer) -> None:
    told(writer, sale("s", 1), payment("p", 2, 500))
    assert stands(writer) == (100, 0, 0)


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (payment("p", 2, 5, "a"), "not-a-sale"),
        (payment("p", 2, 5, member="n"), "wrong-member"),
    ],
)
def test_a_payment_that_cannot_be(writer: Writer, fact: Wire, reason: str) -> None:
    given = {"kind": "adjust", "id": "a", "occurred_at": at(1), "member": "m",
             "currency": "points", "points": 5}  # fmt: skip
    told(writer, sale("s", 1, 700), given)
    [answer] = told(writer, fact)
    assert (answer["status"], answer["reason"]) == ("refused", reason)
    assert stands(writer) == (35, 70, 0)


def test_a_member_that_leaves_loses_what_waits(writer: Writer) -> None:
    told(writer, sale("s", 1, 700))
    [left] = told(writer, {"kind": "close", "id": "c", "occurred_at": at(5), "member": "m"})
    assert [(p["kind"], p["points"]) for p in left["postings"]] == [("expire", -100)]
    assert stands(writer) == (0, 0, 0)
    # A payment that comes late, of before it, makes points that expire with the others.
    told(writer, payment("p", 3, 700))
    assert (stands(writer, day=4), stands(writer)) == ((100, 0, 0), (0, 0, 0))
    [refused] = told(writer, payment("q", 6, 700))
    assert refused["reason"] == "member-closed"


# -- orders and splits -------------------------------------------------------------------------


FACTS = (
    sale("s", 1, 700), payment("p", 3, 250), payment("q", 9, 200), back("r", 5, 300, 1000),
    sale("t", 7, 999) | {"return": {"sale": "s", "lines": [{"line": 2, "net": 150}]}},
)


@pytest.mark.parametrize("number", range(12))
def test_the_order_of_arrival_changes_nothing(tmp_path: Path, number: int) -> None:
    order = random.Random(number).sample(FACTS, len(FACTS))
    hashes, figures = set(), set()
    for place, facts in enumerate((FACTS, order)):
        with mixed.verified(tmp_path / str(place), HEAD + BASE) as one:
            told(one, *facts)
            fold = one.replica.fold
            assert fold is not None
            hashes.add(state_hash(fold.state, one.replica.dictionaries))
            figures.add(tuple(stands(one, day=day) for day in (2, 4, 6, 8, 30)))
            explained = [Explainer(one.replica).fact(fact["id"]) for fact in facts]
            assert all(isinstance(x, Explanation) and x.agrees for x in explained)
    assert (len(hashes), len(figures)) == (1, 1)


def test_any_order_of_payments_and_returns_in_time(tmp_path: Path) -> None:
    """Whatever happens first, in the end it is the same."""
    found = set()
    for place, order in enumerate(itertools.permutations(range(4))):
        with mixed.verified(tmp_path / str(place), HEAD + BASE) as one:
            told(one, sale("s", 1, 1000))
            days = [2 + order.index(which) for which in range(4)]
            told(one, *sorted((
                payment("p", days[0], 333), payment("q", days[1], 100),
                back("r", days[2], 300, 1000), back("x", days[3], 250, 0, 2),
            ), key=lambda fact: str(fact["occurred_at"])))  # fmt: skip
            found.add(stands(one))
    # 450 is left, 433 of it is paid: floor(45 x 433 / 450).
    assert found == {(43, 2, 0)}


def test_splits_of_a_return_come_to_the_same(tmp_path: Path) -> None:
    found = set()
    for place, parts in enumerate(((300,), (100, 200), (1, 7, 292), (100, 100, 100))):
        with mixed.verified(tmp_path / str(place), HEAD + BASE) as one:
            told(one, sale("s", 1, 700), payment("p", 2, 333))
            told(one, *(back(f"r{i}", 3 + i, net) for i, net in enumerate(parts)))
            found.add(stands(one))
    assert len(found) == 1


def test_all_that_comes_back_leaves_nothing(writer: Writer) -> None:
    told(writer, sale("s", 1, 700), payment("p", 2, 100),
         back("r", 3, 600, 2000), back("x", 3, 400, 1000, 2))  # fmt: skip
    assert stands(writer) == (0, 0, 0)
    told(writer, payment("q", 4, 600))
    assert stands(writer) == (0, 0, 0)


# -- several members, receipts -------------------------------------------------------------------


def test_a_merge_takes_what_waits_along(writer: Writer) -> None:
    told(writer, sale("s", 1, 1000, member="n"), sale("t", 1, 500))
    merged = {"kind": "merge", "id": "g", "occurred_at": at(3), "member": "m", "other": "n"}
    told(writer, merged)
    assert stands(writer) == (50, 150, 0)
    for name in ("m", "n"):
        told(writer, payment(f"p{name}", 5, 250, "s", member=name))
    assert stands(writer) == (100, 100, 0)
    told(writer, {"kind": "unmerge", "id": "u", "occurred_at": at(9), "member": "m", "merge": "g"})
    assert (stands(writer, "n"), stands(writer)) == ((50, 50, 0), (50, 50, 0))


def test_a_household_has_what_was_paid_for_its_members(writer: Writer) -> None:
    home = {"kind": "enrol", "id": "h", "occurred_at": at(1), "member": "home",
            "type": "household"}  # fmt: skip
    joins = {"kind": "pool", "id": "j", "occurred_at": at(2), "member": "m", "account": "home"}
    leaves = {"kind": "unpool", "id": "l", "occurred_at": at(5), "member": "m", "account": "home"}
    told(writer, home, joins, sale("s", 3, 1000), leaves, sale("t", 6, 1000))
    assert (stands(writer), stands(writer, "home")) == ((0, 100, 0), (0, 100, 0))
    # The sale was the household's: its points go where it went.
    told(writer, payment("p", 7, 400), payment("q", 7, 300, "t"))
    assert (stands(writer), stands(writer, "home")) == ((30, 70, 0), (40, 60, 0))


def test_a_receipt_that_is_claimed_again_keeps_its_payments(writer: Writer) -> None:
    nobodys = {name: value for name, value in sale("s", 1, 1000).items() if name != "member"}
    claim = {"kind": "claim", "id": "k", "occurred_at": at(2), "member": "m", "sale": "s"}
    undone = {"kind": "cancel", "id": "u", "occurred_at": at(5), "member": "m", "claim": "k"}
    told(writer, sale("x", 1), nobodys)
    [waits] = told(writer, payment("p", 3, 300))
    assert waits["status"] == "parked"
    [claimed] = told(writer, claim)
    assert [(one["id"], one["status"]) for one in claimed["parked"]] == [("p", "ok")]
    assert stands(writer) == (130, 70, 0)
    told(writer, undone)
    assert stands(writer) == (100, 0, 0)
    told(writer, {**claim, "id": "k2", "occurred_at": at(6)})
    assert stands(writer) == (130, 70, 0)
    told(writer, {**undone, "id": "u2", "claim": "k2", "occurred_at": at(7)})
    told(writer, {**claim, "id": "k3", "occurred_at": at(8), "member": "n"})
    assert (stands(writer), stands(writer, "n")) == ((100, 0, 0), (30, 70, 0))


# -- programs ------------------------------------------------------------------------------------


def rule(text: str) -> str:
    return f'{HEAD}{BASE}\n[[rule]]\nid = "x"\n{text}\naccrual = "payment"\n'


@pytest.mark.parametrize(
    ("text", "path", "part"),
    [
        (HEAD.replace('on_account = ["invoice", "cheque"]', "") + BASE, "rule[0].accrual",
         "waits for nothing"),
        (HEAD + BASE.replace("payment", "invoice"), "on_account", "no rule waits"),
        (HEAD.replace('"cheque"', '"invoice"') + BASE, "on_account[1]", "twice"),
        (HEAD.replace('"cheque"', '"points"') + BASE, "on_account[1]", "loyalty value"),
        (rule('kind = "earn"\npoints = 1\nper = 9\ncurrency = "class"'), "rule[1].accrual",
         "cannot be spent"),
        (rule('kind = "bonus"\npoints = 1\ncurrency = "code"'), "rule[1].accrual", "told of"),
        (rule('kind = "earn"\npoints = 1\nper = 9\ndonate = "trees"'), "rule[1].accrual",
         "at once"),
        (rule('kind = "bonus"\npoints = 1\nwhen = { activity = ["a"] }'), "rule[1].accrual",
         "activity"),
        (rule('kind = "bonus"\npoints = 1\non = "birthday"'), "rule[1].accrual", "end of a day"),
        (rule('kind = "earn"\npoints = 1\nper = 9\nbasis = "tender"\ntenders = ["invoice"]'),
         "rule[1].accrual", "says itself"),
        (rule('kind = "offer"\nbenefit = { kind = "percent", percent = 5 }'), "rule[1].accrual",
         "unknown field"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(text: str, path: str, part: str) -> None:
    with pytest.raises(ProgramError) as caught:
        parse_program(text)
    assert any(found.path == path and part in found.message for found in caught.value.problems)


def test_a_multiply_that_does_not_wait_is_told() -> None:
    text = f'{HEAD}{BASE}\n[[rule]]\nid = "x"\nkind = "multiply"\nfactor = 2\n'
    ((path, message),) = warnings(parse_program(text))
    assert path == "rule[1].accrual"
    assert "does not wait" in message


def test_a_program_keeps_its_layout(tmp_path: Path) -> None:
    plain = HEAD.replace('on_account = ["invoice", "cheque"]', "")
    widths = set()
    for place, text in enumerate((HEAD + BASE, plain + BASE.replace("payment", "invoice"))):
        with mixed.verified(tmp_path / str(place), text) as one:
            assert one.replica.fold is not None
            widths.add(one.replica.fold.state.width)
    assert len(widths) == 1


# -- told ----------------------------------------------------------------------------------------


def test_it_is_explained_in_both_languages(writer: Writer) -> None:
    told(writer, sale("s", 1, 700), payment("p", 2, 350))
    of_sale, paid = (Explainer(writer.replica, "en").fact(name) for name in ("s", "p"))
    assert isinstance(of_sale, Explanation)
    assert isinstance(paid, Explanation)
    assert of_sale.rules[0].waits == 70
    assert [(lot.points, lot.active_from is None) for lot in of_sale.lots] == [
        (70, True), (30, False)
    ]
    assert "Of them 70 points wait until the sale is paid." in of_sale.sentences
    assert "Lot of 70 points: it waits for the money of the sale." in of_sale.sentences
    assert paid.paid is not None
    assert (paid.paid.sale, paid.paid.owed_before, paid.paid.owed) == ("s", 700, 350)
    assert any(words.startswith("It pays 3.50 EUR for") for words in paid.sentences), paid.sentences
    assert "+35 points: waited for money that has come." in paid.sentences
    persian = Explainer(writer.replica, "fa").fact("p")
    assert isinstance(persian, Explanation)
    assert any("بابت فروش" in words for words in persian.sentences)


def test_over_http(tmp_path: Path) -> None:
    with servers.serving(tmp_path / "ledger", program=HEAD + BASE) as server:
        body = sale("s", 1, 700) | {"occurred_at": days_ago(9)}
        assert server.post(body).status == 201
        paid = {"id": "p", "occurred_at": days_ago(3), "member": "m", "sale": "s", "amount": 700}
        with server.connection() as connection:
            reply = connection.ask(
                "POST", "/v1/payments", dumps(paid), {"Content-Type": JSON}
            )
            bad = connection.ask(
                "POST", "/v1/payments", dumps({**paid, "amount": 0}), {"Content-Type": JSON}
            )
        assert reply.status == 201
        assert reply.json()["postings"] == [
            {"rule": None, "kind": "accrue", "currency": "points", "points": 0, "accrued": 70}
        ]
        assert (bad.status, bad.json()["pointer"]) == (422, "/amount")
        assert server.get("/v1/events/p").json()["fact"]["amount"] == 700
        assert server.get("/v1/events/p/explain").json()["paid"]["owed"] == 0
        early = server.get(f"/v1/members/m?at={days_ago(5)}").json()
        assert [lot["state"] for lot in early["lots"]] == ["active", "unpaid"]
