"""Quotes: what a basket would come to is what its commit then posts, and nothing is left of it."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.columns.answers import Answer, posting_details, stored_postings
from vafa.engine.facts import LineFact
from vafa.engine.facts.parts import FormError
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.quotes.form import Basket, decode_basket
from vafa.engine.quotes.quotes import quote
from vafa.engine.replica.replica import Replica
from vafa.engine.value.redeemable import Terms, redeemable

from . import engine_driver, ledgers, strategies
from .cases import Case, Fact, body
from .engine_driver import NOW_US
from .mixed import commit_case

HALF = Fraction(1, 2)
BREAD = {"sku": "bread", "quantity": 1_000, "net": 500}
DRAWN = int(os.environ.get("VAFA_QUOTES", "60"))


def basket_of(fact: Fact, **fields: Any) -> Basket:
    """A sale fact as a basket to be quoted."""
    return decode_basket(body({**fact, "kind": "quote", **fields}), NOW_US)


def quoted(replica: Replica, basket: Basket) -> Answer:
    """The answer to a basket that is right in form."""
    verdict = quote(replica, basket, NOW_US, force=True)
    assert verdict.answer is not None, verdict.refusal
    return verdict.answer


def posted(replica: Replica, answer: Answer) -> Answer:
    """What a quote tells, of a fact that was committed."""
    stored = replica.stored(answer["seq"])
    columns = stored_postings(stored.batch, stored.row)
    assert replica.words is not None
    names = replica.names_of(set(columns["corrects"].tolist()) - {0})
    kept = ("id", "status", "reason", "balances", "parked")
    told = {name: answer[name] for name in kept if name in answer}
    return {
        **told, "postings": posting_details(replica.words, columns, names),
        "tier": answer["tier"],
    }  # fmt: skip


def state_of(replica: Replica) -> tuple[Any, ...]:
    """All that a quote could disturb."""
    fold = replica.fold
    assert fold is not None
    return (
        engine_driver.hash_of(replica), replica.dictionaries.sizes(), fold.compiled.seen.sizes(),
        dict(fold.budgets.totals), list(fold.budgets.closed),
        replica.seq, fold.state.n_members, dict(replica.tail_ids),
    )  # fmt: skip


def as_quoted(fact: Fact, answer: Answer) -> Fact:
    """The sale that follows a quote: what offers take off is off its lines, and it names them."""
    applied = [one for one in answer["offers"] if one["applies"]]
    if not applied or fact.get("offers"):
        return fact
    off: dict[int, int] = defaultdict(int)
    for one in applied:
        for line in one["lines"]:
            off[line["line"]] += line["amount"]
    lines = []
    for place, line in enumerate(fact["lines"], 1):
        amount = off.get(line.get("line", place), 0)
        # A void has a number as well, which no line has again.
        if amount:
            discount = line.get("discount", 0) + amount
            lines.append({**line, "net": line["net"] - amount, "discount": discount})
        else:
            lines.append(line)
    offers = [{"offer": one["offer"], "amount": one["amount"]} for one in applied]
    return {**fact, "lines": lines, "offers": offers}


def step(writer: Writer, reader: Replica, case: Case, fact: Fact) -> Fact:
    """Quote a sale in the writer and in a process that only reads, then commit what follows."""
    wanted, paid = None, fact
    if fact.get("kind") == "sale":
        basket = basket_of(fact)
        before = state_of(writer.replica)
        wanted = quoted(writer.replica, basket)
        assert state_of(writer.replica) == before
        reader.catch_up()
        seen = state_of(reader)
        assert quoted(reader, basket) == wanted
        assert state_of(reader) == seen
        paid = as_quoted(fact, wanted)
    verdict = commit_case(writer, case, [[paid]])[0]
    assert verdict.refusal is None
    if wanted is not None:
        assert verdict.answer is not None
        found = posted(writer.replica, verdict.answer)
        told = {name: wanted[name] for name in found}
        told["tier"] = wanted["tier"]["after"]
        assert told == found
        # Every offer that a quote applies may be had.
        assert paid is fact or found.get("reason") not in ("offer-not-applicable", "offer-used-up")
    return paid


def steps(folder: Path, case: Case) -> tuple[list[Fact], str]:
    """Each fact of a case quoted, then committed as quoted (see `step`): the facts, and the state
    hash after them."""
    with engine_driver.clock(), Writer(folder) as writer:
        # A folder is open once in a process: the reader shares the journal's handle alone.
        reader = Replica(writer.journal)
        committed = [step(writer, reader, case, fact) for fact in case.facts]
        return committed, engine_driver.hash_of(writer.replica)


@pytest.mark.parametrize("number", range(DRAWN))
def test_a_quote_is_what_the_commit_posts(number: int, tmp_path: Path) -> None:
    seed = random.Random(number).randbytes(16)
    case = strategies.case_of(seed)
    committed, told = steps(tmp_path, case)
    report = verify(tmp_path)
    assert (report.findings, report.state_hash) == ([], told)
    with engine_driver.ledger(Case(case.name, case.programs, committed, (1,))) as plain:
        assert engine_driver.hash_of(plain.replica) == told


# -- beside a commit under way ------------------------------------------------------------------


def small(writer: Writer, **fields: Any) -> Answer:
    """The quote of a sale of the small program."""
    made = ledgers.sale(1_000, **fields)
    lines = [{"sku": x.sku, "quantity": x.quantity, "net": x.net} for x in made.lines]
    return quoted(writer.replica, basket_of({
        "member": made.member, "store": made.store, "lines": lines,
        "occurred_at": made.occurred_at.isoformat(),
    }))  # fmt: skip


def test_a_commit_under_way_is_not_seen(tmp_path: Path) -> None:
    with ledgers.open_writer(tmp_path) as writer:
        ledgers.answers(ledgers.commit(writer, *range(20)))
        before = small(writer, member="m-1")
        staged = writer.stage(ledgers.batch(
            ledgers.sale(900, member="m-1", lines=[LineFact("new", 1_000, 90_000)], store="new"),
            ledgers.sale(901, member="newcomer"),
        ))  # fmt: skip
        assert small(writer, member="m-1") == before
        # A name that is new to the commit under way, and one that is new to all.
        lines = [LineFact("new", 1_000, 100), LineFact("newer", 1_000, 100)]
        small(writer, member="m-1", lines=lines, store="newer")
        writer.flush(staged)
        ledgers.answers(writer.publish(staged))
        assert small(writer, member="m-1") != before
        told = ledgers.hash_of(writer.replica)
    report = verify(tmp_path)
    assert (report.findings, report.state_hash) == ([], told)


def test_new_names_of_quotes_leave_no_words(tmp_path: Path) -> None:
    """A store of a commit gets its own rule words, not those of a store that was quoted."""
    with ledgers.open_writer(tmp_path) as writer:
        assert "gift" in str(small(writer, store="1"))
        (answer,) = ledgers.answers(writer.commit(ledgers.batch(ledgers.sale(1, store="9"))))
        assert "gift" not in str(answer)
        assert "gift" not in str(small(writer, store="9"))


# -- the answer -----------------------------------------------------------------------------------


def test_a_quote_without_a_member(tmp_path: Path) -> None:
    with ledgers.open_writer(tmp_path) as writer:
        answer = quoted(writer.replica, basket_of({"lines": [BREAD]}))
        assert answer["member"] is None
        assert (answer["postings"], answer["balances"], answer["redeemable"]) == ([], {}, [])


def test_a_basket_that_is_paid(tmp_path: Path) -> None:
    with ledgers.open_writer(tmp_path) as writer:
        ledgers.answers(ledgers.commit(writer, 1))
        basket = decode_basket(body({"id": "f-1", "lines": [BREAD]}), NOW_US)
        refusal = quote(writer.replica, basket, NOW_US).refusal
        assert refusal is not None
        assert refusal.slug == "id-reused"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (b"[]", "$", "Expected `object`, got `array`"),
        (b"{}", "$", "Object missing required field `lines`"),
        (b'{"lines": []}', "lines", "Expected `array` of length >= 1"),
        (b'{"kind": "return", "lines": []}', "kind", "Invalid value 'return'"),
        (b'{"member": "", "lines": [1]}', "member", "Expected `str` of length >= 1"),
        (b'{"lines": [{"sku": "a", "quantity": 1, "net": 1.5}]}', "lines[0].net",
         "Expected `int`, got `float`"),
        (b'{"lines": [{"sku": "a", "quantity": -1, "net": 0}]}', "lines[0]",
         "voids a line that is not there"),
    ],
)  # fmt: skip
def test_baskets_that_are_wrong_in_form(text: bytes, path: str, message: str) -> None:
    with pytest.raises(FormError) as error:
        decode_basket(text, NOW_US)
    assert error.value.path == path
    assert message in error.value.message


# -- what may be redeemed -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "active", "net", "points"),
    [
        (Terms(), 0, None, 0),
        (Terms(), 7, None, 7),
        (Terms(step=5), 14, None, 10),
        (Terms(minimum=10, step=5), 14, None, 10),
        (Terms(minimum=11, step=5), 14, None, 0),
        (Terms(minimum=10), 9, None, 0),
        (Terms(maximum=50, step=20), 200, None, 40),
        (Terms(maximum=50), 49, None, 49),
        (Terms(at_least=1_000), 49, 999, 0),
        (Terms(at_least=1_000), 49, 1_000, 49),
        (Terms(at_least=1_000), 49, None, 49),
        (Terms(step=3, share=HALF, worth=Fraction(10)), 100, 600, 30),
        (Terms(step=7, share=HALF, worth=Fraction(10)), 100, 600, 28),
        (Terms(minimum=29, step=7, share=HALF, worth=Fraction(10)), 100, 600, 0),
        # Half of 601 is 300.5: what is worth more is too much.
        (Terms(share=HALF, worth=Fraction(10)), 100, 601, 30),
        (Terms(worth=Fraction(100, 3)), 100, 100, 3),
        (Terms(worth=Fraction(100, 3)), 100, 99, 2),
        (Terms(worth=Fraction(0)), 100, None, 0),
        (Terms(worth=Fraction(1)), 100, -5, 0),
        (Terms(worth=Fraction(1)), -3, None, 0),
    ],
)
def test_redeemable_by_hand(terms: Terms, active: int, net: int | None, points: int) -> None:
    assert redeemable(terms, active, net) == points


TENDERS = """
[[redemption]]
tender = "points"
currency = "points"
minimum = 20
step = 10
share = 0.5
points = 10
money = { bronze = 100, silver = 150 }

[[redemption]]
tender = "gift card"
"""


def test_redeemable_of_a_quote(tmp_path: Path) -> None:
    program = ledgers.PROGRAM.replace("[[rule]]", TENDERS + "[[rule]]", 1)
    sold = {"member": "m", "store": "9", "tenders": []}
    with ledgers.open_writer(tmp_path, program) as writer:
        first = ledgers.sale(0, **sold, lines=[LineFact("bread", 1_000, 4_999)])
        ledgers.answers(writer.commit(ledgers.batch(first)))

        def told(net: int, **fields: Any) -> tuple[int, int]:
            basket = {"member": "m", "lines": [{**BREAD, "net": net}],
                      "occurred_at": "1972-01-02T00:00:00Z", **fields}  # fmt: skip
            (found,) = quoted(writer.replica, basket_of(basket))["redeemable"]
            assert (found["tender"], found["currency"]) == ("points", "points")
            return found["points"], found["money"]

        # 49 points are there: 40 in steps. Half of the basket is worth so many:
        assert told(10_000) == (40, 400)
        assert told(799) == (30, 300)
        assert told(399) == (0, 0)
        # A basket before the first one finds nothing to spend.
        assert told(10_000, occurred_at="1971-12-31T00:00:00Z") == (0, 0)
        assert told(10_000, member="new") == (0, 0)
        # At its instant a basket of another store comes before it, or after it.
        at = first.occurred_at.isoformat()
        assert told(10_000, occurred_at=at, store="8") == (0, 0)
        assert told(10_000, occurred_at=at, store="99") == (40, 400)
        # Silver after one more: its points are worth more, so fewer of them are half.
        again = ledgers.sale(1, **sold, id="f-x", lines=[LineFact("bread", 1_000, 1)])
        ledgers.answers(writer.commit(ledgers.batch(again)))
        assert told(799) == (20, 300)


def test_a_quote_of_points_that_are_not_there(tmp_path: Path) -> None:
    program = ledgers.PROGRAM.replace("[[rule]]", TENDERS + "[[rule]]", 1)
    with ledgers.open_writer(tmp_path, program) as writer:
        tender = {"type": "points", "amount": 100, "points": 20}
        basket = basket_of({"member": "m", "lines": [BREAD], "tenders": [tender]})
        answer = quoted(writer.replica, basket)
        assert (answer["status"], answer["reason"]) == ("refused", "insufficient-points")
        assert answer["redeemable"][0]["points"] == 0
