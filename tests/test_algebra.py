"""What is always true (rulebook section 12), and the algebra of returns, on whole ledgers."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vafa.engine.columns.schema import column, list_view
from vafa.engine.compiling.layout import ACCOUNT, HEAD
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica

from . import mixed, strategies
from .cases import Case, Fact
from .test_order import FAR_US, clock

EXAMPLES = int(os.environ.get("VAFA_ALGEBRA", "25"))
SOME = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
POSTED, RUN_OUT, RUN_OUT_GIVEN = 9, 11, 12


def signed(writer: Writer) -> dict[tuple[int, int], int]:
    """The sum of a journal's signed figures by member and currency."""
    sums: dict[tuple[int, int], int] = {}
    for record in writer.journal.scan():
        facts = record.copy().facts()
        members = column(facts, "member").tolist()
        starts, postings = list_view(facts.column("postings"))
        currencies, points = postings["currency"].tolist(), postings["points"].tolist()
        for row, member in enumerate(members):
            for k in range(starts[row], starts[row + 1]):
                key = member, currencies[k]
                sums[key] = sums.get(key, 0) + points[k]
    return sums


@SOME
@given(strategies.cases(budgets=False))
def test_points_are_conserved(case: Case) -> None:
    with tempfile.TemporaryDirectory() as name, clock(FAR_US), Writer(Path(name)) as writer:
        mixed.commit_case(writer, case)
        sums, fold = signed(writer), writer.replica.fold
        assert fold is not None
        for member in range(len(writer.replica.dictionaries.members)):
            last_at = fold.state.head(member)[0]
            if last_at is None:
                continue
            slots = fold.state.slots(member)
            for place in range(len(fold.layout.currencies)):
                t = fold.state.totals(member, place, fold.today(last_at))
                assert t["issued"] == (
                    t["active"] + t["pending"] + t["held"] + t["redeemed"] + t["expired"]
                    + t["reversed"] + t["donated"] + t["transferred_out"]
                    - t["transferred_in"] - t["debt"] - t["forgiven"]
                )  # fmt: skip
                account = slots[HEAD + ACCOUNT * place :]
                unposted = t["expired"] - account[POSTED]
                unposted -= account[RUN_OUT] - account[RUN_OUT_GIVEN]
                standing = t["active"] + t["pending"] - t["debt"] + unposted
                assert sums.get((member, place), 0) == standing
                assert min(t["active"], t["pending"], t["debt"]) >= 0


@SOME
@given(strategies.cases(budgets=False))
def test_figures_of_all_are_those_of_each(case: Case) -> None:
    with tempfile.TemporaryDirectory() as name, clock(FAR_US), Writer(Path(name)) as writer:
        mixed.commit_case(writer, case)
        fold = writer.replica.fold
        assert fold is not None
        state, native = fold.state, fold.compiled_at(FAR_US).native
        for day in (fold.today(FAR_US), fold.today(FAR_US) + 400):
            for place in range(len(fold.layout.currencies)):
                figures = state.figures(native, place, day)
                for member in range(len(writer.replica.dictionaries.members)):
                    last_at, _, _, upgrades = state.head(member)
                    t = state.totals(member, place, day)
                    alone = {name: t[name] for name in ("issued", "expired", "active", "pending")}
                    alone["tier"] = state.tier(native, member, day)
                    alone["last_at"] = -(2**63) if last_at is None else last_at
                    alone["upgrades"] = upgrades
                    assert {name: int(of[member]) for name, of in figures.items()} == alone


# -- returns -----------------------------------------------------------------------------------

PROGRAM = mixed.PROGRAM + mixed.MORE + """
[[rule]]
id = "carried"
kind = "earn"
points = 1
per = 700
round = "carry"

[[rule]]
id = "three"
kind = "bonus"
points = 5
per_units = 3
when = { sku = ["tea"] }
uses = { month = 4 }
"""


def standing(replica: Replica, member: str) -> Any:
    """Balances, counters, ordinals and what rules carry: all that a return gives back."""
    assert replica.fold is not None
    number = replica.dictionaries.members.numbers[member]
    slots = replica.fold.state.slots(number)
    layout = replica.fold.layout
    totals = replica.fold.state.totals(number, 0, replica.fold.today(FAR_US) - 40)
    kept = {name: totals[name] for name in ("active", "pending", "debt")}
    # A counter of a day that is over says nothing any more.
    counters = [
        slots[layout.counters_at + 2 * i + 1]
        for i, key in enumerate(layout.counters) if key[2][1] != "day"  # type: ignore[index]
    ]
    rest = slots[layout.counters_at + 2 * len(layout.counters) :]
    return kept, counters, slots[2], rest


def history(seed: int) -> list[Fact]:
    """Sales of two products with what stood before the one that comes back."""
    out: list[Fact] = []
    for k in range(seed % 7):
        net = 300 + 173 * ((seed * 7 + k * 11) % 23)
        out.append(_sale(f"before-{k}", k + 1, [("tea", 1000 + 1000 * (k % 3), net)]))
    return out


def _sale(name: str, day: int, lines: list[tuple[str, int, int]]) -> Fact:
    return {
        "kind": "sale", "id": name, "occurred_at": f"2020-02-{day:02}T10:00:00Z", "member": "m",
        "lines": [{"sku": sku, "quantity": quantity, "net": net} for sku, quantity, net in lines],
    }  # fmt: skip


def _return(name: str, hour: int, lines: list[Fact]) -> Fact:
    return {
        "kind": "return", "id": name, "occurred_at": f"2020-02-20T{hour:02}:00:00Z",
        "member": "m", "sale": "it", "lines": lines,
    }  # fmt: skip


def after(facts: list[Fact], policy: str) -> Any:
    """Where the member stands after facts under a policy of returns."""
    text = PROGRAM.replace("[[currency]]", f'[returns]\npolicy = "{policy}"\n[[currency]]', 1)
    publish: Fact = {"id": "v", "kind": "program publish", "program": "v",
                     "occurred_at": "1970-01-01T00:00:00Z"}  # fmt: skip
    with tempfile.TemporaryDirectory() as name, Writer(Path(name)) as writer:
        told = mixed.answers(mixed.commit_case(writer, Case("", {"v": text}, [publish, *facts])))
        assert {answer["status"] for answer in told} == {"ok"}
        return standing(writer.replica, "m")


LINES = st.lists(
    st.tuples(st.sampled_from(("tea", "milk")), st.sampled_from((1000, 2000, 3000, 7000)),
              st.sampled_from((0, 99, 350, 701, 12_345))),
    min_size=1, max_size=3,
)  # fmt: skip


@SOME
@given(st.integers(0, 400), LINES, st.sampled_from(("recompute", "proportional")))
def test_a_sale_and_its_full_return_leave_all_as_before(
    seed: int, lines: list[tuple[str, int, int]], policy: str
) -> None:
    before = history(seed)
    touch: Fact = {"kind": "member update", "id": "touch", "member": "m",
                   "occurred_at": "2020-02-20T12:00:00Z"}  # fmt: skip
    back = [{"line": k, "quantity": quantity, "net": net}
            for k, (_, quantity, net) in enumerate(lines, 1)]  # fmt: skip
    assert after([*before, _sale("it", 15, lines), _return("back", 11, back), touch], policy) == (
        after([*before, touch], policy)
    )


@SOME
@given(
    st.integers(0, 400), LINES, st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.booleans(),
)
def test_any_split_of_a_return_sums_the_same(
    seed: int, lines: list[tuple[str, int, int]], cuts: list[int], backwards: bool
) -> None:
    """Thousands of a line come back together or in parts, with their share of the amount."""
    before = [*history(seed), _sale("it", 15, lines)]
    parts: list[Fact] = []
    whole: list[Fact] = []
    for k, (_, quantity, net) in enumerate(lines, 1):
        left = quantity
        taken = 0
        for cut in cuts:
            part = min(1000 * cut, left)
            if part:
                parts.append({"line": k, "quantity": part, "net": net * part // quantity})
                taken += net * part // quantity
                left -= part
        if left < quantity:
            whole.append({"line": k, "quantity": quantity - left, "net": taken})
    ordered = parts[::-1] if backwards else parts
    split = [_return(f"back-{n}", n % 12, [part]) for n, part in enumerate(ordered)]
    split = sorted(split, key=lambda fact: str(fact["occurred_at"]))
    assert after([*before, *split], "recompute") == after(
        [*before, _return("back", 11, whole)], "recompute"
    )
