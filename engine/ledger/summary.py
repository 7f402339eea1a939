"""A ledger's figures on one page: what was sold, issued and cut, and who holds what."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns.answers import instant_text
from ..columns.columns import CLAIM, NO_RULE, SALE
from ..columns.schema import column, list_view
from ..columns.status import LIMIT_CODES
from ..journal.journal import LedgerError
from ..replica.replica import Replica

TOP = 20
NEVER_US = -(2**63)
"""`last_at` of a member that no fact has come for."""


def summarize(replica: Replica, at_us: int) -> dict[str, Any]:
    """Figures of a ledger as of an instant (us) that no fact comes after.

    Returns members, baskets, lines, issued, expired, active, pending, by_rule,
    cut_by_basket_cap, upgrades, tiers and top_members. Points are in units of the program's
    first currency, by_rule in those of each rule's. A cut is counted as first posted: a
    correction names no limit (rulebook section 2). Raises LedgerError without a program or
    for an instant that is too early.
    """
    fold, words = replica.fold, replica.words
    if fold is None or words is None:
        raise LedgerError("no program is in force, so there are no figures")
    day, native = fold.today(at_us), fold.compiled_at(at_us).native
    figures = fold.state.figures(native, 0, day)
    last_at, names = figures["last_at"], replica.dictionaries.members.names
    if len(names) and last_at.max() > at_us:
        number = int(last_at.argmax())
        raise LedgerError(
            f"member {names[number]!r} has a fact of {instant_text(int(last_at[number]))}, after "
            f"the {instant_text(at_us)} that figures are wanted for"
        )
    known = np.flatnonzero(last_at != NEVER_US)
    # Sums of lists: those of arrays would wrap.
    totals = {name: sum(figures[name].tolist()) for name in ("expired", "active", "pending")}
    upgrades = sum(figures["upgrades"].tolist())
    tiers = Counter(words.tiers[tier] for tier in figures["tier"][known].tolist())
    issued = dict(zip(
        (names[number] for number in known.tolist()), figures["issued"][known].tolist(),
        strict=True,
    ))  # fmt: skip
    sold = _sold(replica, len(words.rules))
    most = sorted(issued.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "members": len(issued),
        "baskets": sold.baskets,
        "lines": sold.lines,
        "issued": sum(issued.values()),
        **totals,
        "by_rule": {
            name: points
            for name, points in zip(words.rules, sold.by_rule.tolist(), strict=True)
            # Bonuses of tiers stand among the rules; those of tiers without one gave nothing.
            if points or not name.startswith("tier.")
        },
        "cut_by_basket_cap": sold.cut,
        "upgrades": upgrades,
        "tiers": {name or "none": tiers[name] for name in words.tiers if name or tiers[name]},
        "top_members": [{"member": name, "issued": points} for name, points in most[:TOP]],
    }


class _Sold:
    """Sums over the journal's accepted sales."""

    def __init__(self, rules: int) -> None:
        self.baskets = self.lines = self.cut = 0
        self.by_rule: NDArray[np.int64] = np.zeros(rules, np.int64)


def _sold(replica: Replica, rules: int) -> _Sold:
    sold = _Sold(rules)
    for record in replica.journal.scan():
        if record.first > replica.seq:
            break
        facts = record.facts()
        accepted = (column(facts, "status") == 0) & (column(facts, "kind") == SALE)
        if column(facts, "kind")[0] == CLAIM:
            # Its sale was counted when it was rung up.
            accepted[:] = False
        starts, _ = list_view(facts.column("lines"))
        sold.baskets += int(accepted.sum())
        sold.lines += int(np.diff(starts)[accepted].sum())
        _, postings = list_view(facts.column("postings"))
        ruled = postings["rule"] != NO_RULE
        np.add.at(sold.by_rule, postings["rule"][ruled], postings["points"][ruled])
        capped = postings["limit"] == LIMIT_CODES["cap.basket"]
        sold.cut += int((postings["desired"] - postings["points"])[capped].sum())
    return sold
