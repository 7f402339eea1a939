"""Gift cards and rewards in a ledger and over HTTP (rulebook section 8)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.columns.gift_accounts import account_of
from vafa.engine.explain.explain import Explainer
from vafa.engine.explain.shape import Explanation
from vafa.engine.facts import (
    GiftCardCancelFact,
    GiftCardIssueFact,
    GiftCardLoadFact,
    GiftCardRedeemFact,
    LineFact,
    RewardRedeemFact,
    SaleFact,
    TenderFact,
)
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.quotes.form import decode_basket
from vafa.engine.quotes.quotes import quote
from vafa.engine.value.rewards import rewards_view
from vafa.engine.views.gift_cards import gift_card_view
from vafa.engine.views.views import member_view

from . import mixed, servers
from .engine_driver import NOW_US
from .mixed import adjust, answers, at, commit, points, sale, told
from .test_closing import close

DAY = 24
GIFTS = """
[[currency]]
id = "gift"
kind = "credit"
scale = 2
expiry = { policy = "after", days = 90 }

[gift_cards]
currency = "gift"

[[redemption]]
tender = "gift card"

[[reward]]
id = "mug"
points = 40
stock = 3
per_member = 2

[[reward]]
id = "song"
points = 5

[[rule]]
id = "welcome"
kind = "bonus"
points = 7
on = "joining"
"""
PROGRAM = mixed.PROGRAM + GIFTS


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger that is verified at the end, from its checkpoint and from the journal alone."""
    with mixed.verified(tmp_path, PROGRAM) as made:
        yield made


def issue(name: str, hours: float, amount: int, card: str | None = "A", **more: Any) -> Any:
    """A card with money on it."""
    return GiftCardIssueFact(name, at(hours), amount, card, **more)


def spend(name: str, hours: float, amount: int, card: str = "A", **more: Any) -> Any:
    """Money of a card."""
    return GiftCardRedeemFact(name, at(hours), card, amount, **more)


def paid(name: str, hours: float, *cards: tuple[str, int], net: int = 10_000, **more: Any) -> Any:
    """A sale of which gift cards pay some, the rest is cash."""
    tenders = [TenderFact("gift card", amount, card=card) for card, amount in cards]
    rest = net - sum(amount for _, amount in cards)
    return SaleFact(
        name, at(hours), "m", [LineFact("milk", 1000, net)],
        tenders=[*tenders, TenderFact("cash", rest)], **more,
    )  # fmt: skip


@pytest.mark.parametrize(("cards", "reason"), [
    ([("A", 500)], None), ([("A", 501)], "insufficient-points"),
    ([("A", 300), ("A", 201)], "insufficient-points"), ([("B", 1)], "unknown-gift-card"),
])  # fmt: skip
def test_a_quote_tells_what_the_cards_refuse(
    writer: Writer, cards: list[tuple[str, int]], reason: str | None
) -> None:
    commit(writer, issue("i", 1, 500))
    basket = {
        "kind": "quote", "member": "m", "occurred_at": at(2).isoformat(),
        "lines": [{"sku": "milk", "quantity": 1000, "net": 10_000}],
        "tenders": [{"type": "gift card", "amount": paid, "card": card} for card, paid in cards],
    }  # fmt: skip
    quoted = quote(writer.replica, decode_basket(servers.dumps(basket), NOW_US), NOW_US, force=True)
    assert quoted.answer is not None
    assert quoted.answer.get("reason") == reason
    assert told(writer, paid("s", 2, *cards)) == [reason or "ok"]


def on(writer: Writer, card: str = "A", hours: float = DAY * 40) -> tuple[int, int]:
    """(balance, owed) of a card at an hour."""
    found = gift_card_view(writer.replica, card, round(at(hours).timestamp() * 1e6))
    assert found is not None
    return found["balance"], found["owed"]


# -- gift cards -----------------------------------------------------------------------------


def test_a_card_is_loaded_and_spent_in_parts(writer: Writer) -> None:
    [made] = answers(commit(writer, issue("i", 0, 5_000)))
    assert made["card"] == "A"
    assert told(writer, spend("a", 1, 2_000)) == ["ok"]
    assert told(writer, spend("b", 2, 3_001)) == ["insufficient-points"]
    assert told(writer, GiftCardLoadFact("l", at(3), "A", 500)) == ["ok"]
    assert told(writer, spend("c", 4, 3_500)) == ["ok"]
    assert on(writer) == (0, 0)
    found = gift_card_view(writer.replica, "A")
    assert found is not None
    assert (found["loaded"], found["spent"]) == (5_500, 5_500)


def test_cards_that_are_not_there_or_there_already(writer: Writer) -> None:
    assert told(writer, spend("a", 0, 1)) == ["unknown-gift-card"]
    assert told(writer, GiftCardLoadFact("l", at(0), "A", 500)) == ["unknown-gift-card"]
    commit(writer, issue("i", 0, 5_000))
    assert told(writer, issue("j", 1, 5_000)) == ["gift-card-known"]
    assert told(writer, paid("s", 2, ("B", 100))) == ["unknown-gift-card"]
    assert gift_card_view(writer.replica, "B") is None


def test_codes_are_chosen_by_the_engine_and_stay(writer: Writer) -> None:
    [first] = answers(commit(writer, issue("i", 0, 5_000, None)))
    [second] = answers(commit(writer, issue("j", 0, 5_000, None)))
    assert len({first["card"], second["card"]}) == 2
    assert len(first["card"]) == 16
    [again] = answers(commit(writer, issue("i", 0, 5_000, None)))
    assert again == first | {"status": "replayed"}
    [verdict] = commit(writer, issue("i", 0, 5_001, None))
    assert verdict.refusal is not None
    assert verdict.refusal.slug == "id-reused"


def test_a_card_expires_and_gets_no_anniversary(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, issue("j", 0, 70, "N", expires="never"))
    assert on(writer, "A", DAY * 90) == (5_000, 0)
    assert on(writer, "A", DAY * 91) == (0, 0)
    assert told(writer, spend("a", DAY * 92, 1)) == ["insufficient-points"]
    commit(writer, sale("s", 1))
    close(writer, DAY * 367 + 1)
    found = member_view(writer.replica, account_of("N"))
    assert found is not None
    assert found["balances"]["points"]["active"] == 0
    assert on(writer, "N", DAY * 400) == (70, 0)


def test_cards_pay_a_sale_or_refuse_it(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, issue("j", 0, 1_000, "B"))
    [answer] = answers(commit(writer, paid("s", 1, ("A", 4_000), ("B", 500), ("B", 500))))
    # Half of the basket was paid with cards: it earns nothing.
    assert points(answer["postings"]) == {("base", "earn", None): 50}
    assert (on(writer), on(writer, "B")) == ((1_000, 0), (0, 0))
    assert told(writer, paid("t", 2, ("A", 1_000), ("B", 1))) == ["insufficient-points"]
    assert on(writer) == (1_000, 0)
    assert told(writer, paid("u", 2, ("A", 1_500), completed=True)) == ["ok"]
    assert on(writer) == (0, 500)
    # A late spending would leave the sale short.
    assert told(writer, spend("v", 0.5, 100)) == ["insufficient-points"]


def test_a_sale_that_is_refused_takes_nothing_from_its_cards(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    wrong = TenderFact("points", 100, 10)
    refused = paid("s", 1, ("A", 4_000))
    refused.tenders.append(wrong)
    assert told(writer, refused) == ["not-spendable"]
    assert on(writer) == (5_000, 0)


# -- rewards --------------------------------------------------------------------------------


def take(name: str, hours: float, member: str = "m", quantity: int = 1, reward: str = "mug") -> Any:
    """Pieces of a reward."""
    return RewardRedeemFact(name, at(hours), member, reward, quantity)


def test_stock_limits_and_price(writer: Writer) -> None:
    commit(writer, adjust("g", 0, 200), adjust("h", 0, 50, "n"), adjust("k", 0, 20, "o"))
    [first] = answers(commit(writer, take("a", 1)))
    assert points(first["postings"]) == {(None, "redeem", None): -40}
    assert first["remaining"] == 2
    assert told(writer, take("b", 1, quantity=2)) == ["over-limit"]
    assert told(writer, take("c", 1, "o")) == ["insufficient-points"]
    assert told(writer, take("d", 1, reward="car")) == ["unknown-reward"]
    assert told(writer, take("e", 1, "n")) == ["ok"]
    assert told(writer, take("f", 1, "n", 2)) == ["out-of-stock"]
    assert told(writer, take("i", 1)) == ["ok"]
    [song] = answers(commit(writer, take("j", 1, reward="song", quantity=3)))
    assert "remaining" not in song
    assert song["balances"]["points"]["active"] == 105
    left = {reward["id"]: reward["left"] for reward in rewards_view(writer.replica)}
    assert left == {"mug": 0, "song": None}
    # The first answer stays what it was.
    [again] = answers(commit(writer, take("a", 1)))
    assert again == first | {"status": "replayed"}


def test_they_are_explained_by_what_they_come_to(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, adjust("g", 0, 200))
    commit(writer, take("a", 1))
    commit(writer, paid("s", 2, ("A", 4_000)))
    explainer = Explainer(writer.replica, "en")
    reward, basket = explainer.fact("a"), explainer.fact("s")
    assert isinstance(reward, Explanation)
    assert isinstance(basket, Explanation)
    assert [(posting.kind, posting.points) for posting in reward.postings] == [("redeem", -40)]
    assert [posting.points for posting in basket.postings] == [60]


# -- over HTTP ------------------------------------------------------------------------------


def test_one_piece_is_sold_once_over_http(tmp_path: Path) -> None:
    program = servers.PROGRAM + '\n[[reward]]\nid = "one"\npoints = 1\nstock = 1\n'
    with servers.serving(tmp_path, 1, program) as server:
        names = [f"m-{number}" for number in range(64)]
        server.post(
            servers.lines_of(*(servers.fact(f"s-{name}", member=name) for name in names)),
            "application/x-ndjson",
        )
        came: list[Any] = []

        def ask(name: str) -> None:
            came.append(server.post({
                "kind": "reward redeem", "id": f"r-{name}", "occurred_at": servers.days_ago(1),
                "member": name, "reward": "one",
            }))  # fmt: skip

        threads = [threading.Thread(target=ask, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(reply.status for reply in came) == [201] + [409] * 63
        assert {reply.slug for reply in came if reply.status == 409} == {"out-of-stock"}
        (sold,) = [reply.json() for reply in came if reply.status == 201]
        assert sold["remaining"] == 0
        assert server.get("/v1/rewards").json()["rewards"][0]["left"] == 0
    assert verify(tmp_path).findings == []


@pytest.mark.parametrize("workers", [1, 2])
def test_cards_over_http(tmp_path: Path, workers: int) -> None:
    program = servers.PROGRAM + """
[[currency]]
id = "gift"
kind = "credit"
scale = 2

[gift_cards]
currency = "gift"
"""
    with servers.serving(tmp_path, workers, program) as server:
        head = {"occurred_at": servers.days_ago(3)}
        made = server.post({"kind": "gift card issue", "id": "i", "amount": 5_000, **head})
        assert made.status == 201
        code = made.json()["card"]
        basket = servers.fact("s", tenders=[
            {"type": "gift card", "amount": 650, "card": code}, {"type": "cash", "amount": 1_000},
        ])  # fmt: skip
        rows = server.post(servers.lines_of(servers.fact("o"), basket), "application/x-ndjson")
        assert [row["status"] for row in rows.rows()] == ["ok", "ok"]
        assert server.post(basket).status == 200
        shown = server.get(f"/v1/gift-cards/{code}").json()
        assert (shown["balance"], shown["spent"]) == (4_350, 650)
        assert server.get("/v1/events/s").json()["fact"]["tenders"][0]["card"] == code
        assert server.get("/v1/events/i").json()["fact"]["card"] == code
        assert server.get("/v1/gift-cards/nothing").status == 404
        short = {**head, "kind": "gift card redeem", "id": "r", "card": code, "amount": 10_000}
        assert server.post(short).slug == "insufficient-points"
        sneaky = servers.fact("x", member="\x1fgift card:" + code)
        assert server.post(sneaky).slug == "invalid-fact"
    assert verify(tmp_path).findings == []


# -- redemptions of cards undone -------------------------------------------------------------------


def undo(name: str, hours: float, of: str, amount: int | None = None, card: str = "A") -> Any:
    """A redemption of a card is cancelled."""
    return GiftCardCancelFact(name, at(hours), card, of, amount)


def test_a_cancelled_redemption_is_on_the_card_again(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, issue("j", 0, 5_000, "B"))
    assert told(writer, spend("a", 1, 2_000)) == ["ok"]
    [made] = answers(commit(writer, undo("c", 2, "a")))
    assert made["card"] == "A"
    assert points(made["postings"]) == {(None, "restore", None): 2_000}
    assert on(writer) == (5_000, 0)
    # Once: the same fact is a repeat, another one finds nothing.
    [again] = answers(commit(writer, undo("c", 2, "a")))
    assert again == made | {"status": "replayed"}
    assert told(writer, undo("d", 3, "a")) == ["already-cancelled"]
    assert told(writer, undo("e", 3, "nothing")) == ["not-a-redemption"]
    assert told(writer, undo("f", 3, "i")) == ["not-a-redemption"]
    assert told(writer, undo("g", 3, "a", card="B")) == ["wrong-member"]
    assert told(writer, undo("h", 3, "a", card="C")) == ["unknown-gift-card"]
    assert on(writer) == (5_000, 0)


def test_a_redemption_of_a_card_is_undone_in_parts(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, spend("a", 1, 2_000))
    assert told(writer, undo("c", 2, "a", 500)) == ["ok"]
    assert told(writer, undo("d", 3, "a", 1_501)) == ["more-than-held"]
    assert told(writer, undo("e", 4, "a", 1_500)) == ["ok"]
    assert on(writer) == (5_000, 0)


def test_a_late_cancel_takes_its_place(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, spend("a", 1, 2_000))
    commit(writer, spend("b", 10, 1_000))
    # Its own place is before the redemption: it comes right after that.
    assert told(writer, undo("c", 0.5, "a")) == ["ok"]
    assert on(writer) == (4_000, 0)


def test_money_whose_card_has_passed_goes_back_as_the_program_says(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, spend("a", 1, 2_000))
    assert told(writer, undo("c", DAY * 100, "a")) == ["ok"]
    # `restored_days` is 0: it is good through the day of the cancel.
    assert on(writer, hours=DAY * 100 + 1) == (2_000, 0)
    assert on(writer, hours=DAY * 101 + 1) == (0, 0)


def test_a_cancel_pays_what_a_completed_redemption_left_owed(writer: Writer) -> None:
    commit(writer, issue("i", 0, 1_000))
    commit(writer, spend("a", 1, 1_500, completed=True))
    assert on(writer) == (0, 500)
    assert told(writer, undo("c", 2, "a")) == ["ok"]
    assert on(writer) == (1_000, 0)


def test_what_a_sale_paid_is_no_redemption_to_be_cancelled(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, paid("s", 1, ("A", 1_000)))
    assert told(writer, undo("c", 2, "s")) == ["not-a-redemption"]
    assert on(writer) == (4_000, 0)
