"""Faults written by hand for `mutation`: mistakes that a person would make in rule code.

`old` stands once in its file; a tidy test holds that it still does. EQUIVALENT names the
faults, these and drawn ones, that change no figure, with the reason.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A wrong text for a right one; `line` is set where the text may stand more than once."""

    file: str
    old: str
    new: str
    note: str = ""
    line: int = 0


FAULTS: tuple[Fault, ...] = (
    Fault(
        "native/arith.pxd",
        "quotient += rest > 0; break",
        "quotient += rest >= 0; break",
        "ceil raises a whole figure",
    ),
    Fault(
        "native/arith.pxd",
        "quotient += rest >= den - rest; break",
        "quotient += rest > den - rest; break",
        "half up drops the half",
    ),
    Fault(
        "native/arith.pxd",
        "(rest == den - rest && (quotient & 1))",
        "(rest == den - rest && !(quotient & 1))",
        "half goes to odd",
    ),
    Fault(
        "native/lots.pxd",
        "return a.good_through > b.good_through",
        "return a.good_through < b.good_through",
        "latest expiry is spent first",
    ),
    Fault(
        "native/lots.pxd",
        "return a.earned > b.earned",
        "return a.earned < b.earned",
        "latest earned is spent first",
    ),
    Fault(
        "native/lots.pxd",
        "return a.source > b.source",
        "return a.source < b.source",
        "the later fact's lot is spent first",
    ),
    Fault(
        "native/lots.pxd",
        "lots.lot[lots.head].good_through < day:",
        "lots.lot[lots.head].good_through <= day:",
        "gone on the last good day",
    ),
    Fault(
        "native/rungs.pxd",
        "[THROUGH] + t.grace_days >= day)",
        "[THROUGH] + t.grace_days > day)",
        "the last day of a tier is lost",
    ),
    Fault(
        "native/rungs.pxd",
        "row[MANUAL_THROUGH] >= day",
        "row[MANUAL_THROUGH] > day",
        "the last day of a manual tier is lost",
    ),
    Fault(
        "native/rungs.pxd",
        "for i in range(found + 1, t.n_tiers):",
        "for i in range(t.n_tiers):",
        "a lower manual tier counts as well",
    ),
    Fault(
        "native/rungs.pxd",
        "if met and t.tier_any[rung]:",
        "if met:",
        "all counts as any",
    ),
    Fault(
        "native/tiers.pxd",
        "when = slots[THROUGH] + t.grace_days + 1",
        "when = slots[THROUGH] + 1",
        "a step down without grace",
    ),
    Fault(
        "native/counters.pxd",
        "if at[0] > key:",
        "if at[0] < key:",
        "a late fact of an earlier period is not counted",
    ),
    Fault(
        "native/what_is_left.pxd",
        "part = given[k] if given[k] < now - first else now - first",
        "part = given[k]",
        "what a return leaves is cut whole",
    ),
    Fault(
        "native/what_is_left.pxd",
        "for k in range(t.n_rules - 1, -1, -1):\n        if now <= first:",
        "for k in range(t.n_rules):\n        if now <= first:",
        "cut from the first rule",
    ),
    Fault(
        "native/what_is_left.pxd",
        "w.given[rule] = s.first[rule] - points",
        "w.given[rule] = points",
        "proportional keeps what it should give back",
    ),
    Fault(
        "native/what_is_left.pxd",
        "if not own.any_left:\n            points = s.first[rule]",
        "if not own.any_left:\n            points = 0",
        "proportional keeps all when no line is left",
    ),
    Fault(
        "native/stacks.pxd",
        "if best < 0 or bigger_factor(t, rule, best, tier):",
        "if best < 0:",
        "best is the first",
    ),
    Fault(
        "native/stacks.pxd",
        "big_add(&chain, &chain, &piece, &r.overflow)",
        "pass",
        "factors do not chain",
    ),
    Fault(
        "native/bonuses.pxd",
        "if r.desired[rule] > t.cap[rule]:",
        "if r.desired[rule] < t.cap[rule]:",
        "the cap of a balance bonus lifts",
    ),
    Fault(
        "native/limits.pxd",
        "r.room[k] -= r.granted[rule]",
        "pass",
        "caps are not filled rule by rule",
    ),
    Fault(
        "native/rate.pxd",
        "and (best < 0\n                         "
        "or big_cmp(nth(r, r.figure, rule), nth(r, r.figure, best)) > 0)):",
        "and best < 0):",
        "what is left goes to the first rule",
    ),
    Fault(
        "native/bonuses.pxd",
        "if t.product_weighed[line.product]:",
        "if 0:",
        "a weighed line counts its weight",
    ),
)

EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("native/basket.pxd", "if rest[i] >= 0 and (best < 0 or rest[i] > rest[best]",
     "if rest[i] > 0 and (best < 0 or rest[i] > rest[best]"):
        "more lines have a fraction than units are left to spread",
    ("native/taking.pxd",
     "if net > spared and not take_back(w, t, basket, row, c, day, net - spared, s.source,",
     "if net >= spared and not take_back(w, t, basket, row, c, day, net - spared, s.source,"):
        "taking 0 points moves nothing",
}
"""(file, old, new) of faults that cannot be seen, with the reason."""
