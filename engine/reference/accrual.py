"""Points that wait for the money of their sale, in the reference (rulebook section 4.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..facts import PaymentFact
from .lines import eligible_amount
from .lots import Lot, earned_dates
from .outcome import Outcome
from .returns import sale_named
from .state import Basket, SaleState
from .turn import Posting, Turn


def money_of(basket: Basket) -> int:
    """The money of a basket: what loyalty value paid is none, as far as it earns nothing."""
    on_redeemed = basket.program.earn_on_redeemed
    return sum(eligible_amount(line, on_redeemed) for line in basket.lines)


def on_account(basket: Basket) -> int:
    """What of a basket's money was not paid at the till."""
    not_paid = sum(basket.counted.get(tender, 0) for tender in basket.program.on_account)
    return min(not_paid, money_of(basket))


def owed(sale: SaleState) -> int:
    """What is still to be paid: goods that are back need no money."""
    back = money_of(sale.basket) - money_of(sale.basket.with_lines(sale.left))
    return max(0, on_account(sale.basket) - sale.received - back)


def waiting(
    outcomes: Mapping[str, Outcome], gives: Mapping[str, int], money: int, due: int
) -> dict[str, int]:
    """What of each rule's points waits while `due` of a sale's money is owed."""
    return {
        name: gives[name] - gives[name] * (money - due) // money
        for name, outcome in outcomes.items()
        if outcome.rule.accrual == "payment" and due and gives.get(name, 0) > 0
    }


def waiting_of(basket: Basket, outcomes: Mapping[str, Outcome]) -> dict[str, int]:
    """What of each rule's points waits for the money of a basket that has just been rated."""
    gives = {name: outcome.granted for name, outcome in outcomes.items()}
    return waiting(outcomes, gives, money_of(basket), on_account(basket))


def no_longer_waits(sale: SaleState) -> Counter[str]:
    """By currency how much less waits than before, by what a sale gives and what is owed of it by
    now; below zero where more waits. The sale is what it says."""
    money = money_of(sale.basket.with_lines(sale.left))
    now = waiting(sale.first, sale.now, money, owed(sale))
    fall: Counter[str] = Counter()
    for name, outcome in sale.first.items():
        fall[outcome.currency.id] += sale.waits.get(name, 0) - now.get(name, 0)
    sale.waits = now
    return fall


def let_wait(turn: Turn, sale: SaleState, currency: str, points: int) -> None:
    """So many more points of a sale wait for its money, or less below zero."""
    turn.member.wallet.wait_for_money(
        currency, sale.basket.fact, sale.basket.date, (sale.place, 0), points
    )


def accrue(turn: Turn, sale: SaleState, currency: str, points: int) -> None:
    """Points whose money has come are a lot of the sale's, earned on the fact's date."""
    if points <= 0:
        return
    turn.row.postings.append(Posting("", "accrue", currency, points, 0))
    outcome = next(
        outcome for outcome in sale.first.values()
        if outcome.currency.id == currency and outcome.rule.accrual == "payment"
    )
    earned = max(turn.date, sale.basket.date)
    turn.member.wallet.add(Lot(
        currency, points, earned_dates(sale.basket.program, outcome.currency, earned),
        sale.basket.fact, outcome.rule.id, (sale.place, outcome.place),
    ))  # fmt: skip


def pay(turn: Turn, fact: PaymentFact) -> None:
    """Money comes for a sale: what has waited for it is the member's."""
    if not turn.sale_is_here:
        return
    sale = sale_named(turn, fact.sale)
    before = owed(sale)
    sale.received += fact.amount
    turn.trace.pays(fact.sale, fact.amount, before, owed(sale))
    for currency, points in no_longer_waits(sale).items():
        let_wait(turn, sale, currency, -points)
        accrue(turn, sale, currency, points)
