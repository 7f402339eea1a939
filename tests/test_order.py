"""Order and time over a real ledger: the state is a function of the accepted facts alone.

Arrival, batches, checkpoints, restarts and repeats must not show in it; what is refused
must leave nothing behind (rulebook section 2).
"""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import msgspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vafa.engine.columns.carrier import carrier_of
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.columns.verdicts import Verdict
from vafa.engine.facts import CatalogFact, LineFact, ProductFact, PublishFact, SaleFact, TenderFact
from vafa.engine.facts.parts import us_instant
from vafa.engine.ledger.digest import state_hash
from vafa.engine.ledger.replay import Rebuilt, verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica, state_path
from vafa.engine.wire.arrow_sales import ArrowFacts
from vafa.engine.wire.arrow_schema import WIRE

from . import differential, engine_driver, mixed, strategies
from .cases import Case, Fact

EXAMPLES = int(os.environ.get("VAFA_EXAMPLES", "150"))
FEW = settings(
    max_examples=max(5, EXAMPLES // 10), deadline=None, derandomize=True, print_blob=True,
    suppress_health_check=list(HealthCheck),
)
MILLION = 1_000_000
DAY_US = 86_400 * MILLION
NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
NOW_US = round(NOW.timestamp()) * MILLION
FAR_US = 190 * 365 * DAY_US
"""Past the last instant of a random history."""

EXAMPLE = Path(__file__).parent.parent / "examples" / "complete-journey.toml"


@dataclass
class Clock:
    """The writer's clock, set by hand."""

    us: int = NOW_US

    def time_ns(self) -> int:
        return self.us * 1000


@contextmanager
def clock(us: int = NOW_US) -> Iterator[Clock]:
    """Give every writer a clock that stands still."""
    stopped = Clock(us)
    module = SimpleNamespace(**{**vars(time), "time_ns": stopped.time_ns})
    with mock.patch("vafa.engine.ledger.open_ledger.time", module):
        yield stopped


def publication(at: dt.datetime | None = None) -> PublishFact:
    """The program of the examples, which takes facts of the last 45 days."""
    text = EXAMPLE.read_text("utf-8")
    return PublishFact("the program", at or us_instant(0), text)


def catalogue() -> CatalogFact:
    """Two products."""
    products = [
        ProductFact("milk", brand="National", department="GROCERY"),
        ProductFact("tea", brand="Private", department="GROCERY"),
    ]
    return CatalogFact("the catalogue", us_instant(0), products)


def start(ledger: Path) -> Writer:
    """A writer of a new ledger with a program and a catalogue."""
    writer = Writer(ledger)
    assert writer.publish_program(publication()).refusal is None
    assert writer.commit_control(catalogue()).refusal is None
    return writer


def commit(
    writer: Writer, sales: Sequence[SaleFact], force: bool = True, arrow: bool = False
) -> list[Verdict]:
    """Commit sales in one batch."""
    if arrow:
        return writer.commit(table(sales), force=force)
    facts = [carrier_of(sale) for sale in sales]
    return writer.commit(DecodedFacts(facts), force=force)


def table(sales: Sequence[SaleFact]) -> ArrowFacts:
    """Sales as an Arrow batch."""
    rows = [
        {
            "id": sale.id, "kind": "sale", "occurred_at": sale.occurred_at,
            "member": sale.member, "store": sale.store, "terminal": sale.terminal,
            "lines": [
                {"sku": line.sku, "quantity": line.quantity, "net": line.net}
                for line in sale.lines
            ],
            "tenders": [{"type": t.type, "amount": t.amount} for t in sale.tenders],
        }
        for sale in sales
    ]
    names = list(rows[0]) if rows else ["id", "occurred_at", "member", "lines"]
    return ArrowFacts(pa.Table.from_pylist(rows, pa.schema([WIRE.field(n) for n in names])))


def hash_of(replica: Replica) -> str:
    """The state hash of a replica."""
    assert replica.fold is not None
    return state_hash(replica.fold.state, replica.dictionaries)


def loaded(
    case: Case, batches: Sequence[Sequence[Fact]],
    between: Callable[[Writer, int], Writer] = lambda writer, _: writer,
) -> tuple[str, list[str]]:
    """(state hash, what became of each fact) of a case in batches; the ledger must verify."""
    with tempfile.TemporaryDirectory() as name, clock(FAR_US):
        folder = Path(name)
        writer = Writer(folder)
        became: list[str] = []
        for number, batch in enumerate(batches):
            told = mixed.answers(mixed.commit_case(writer, case, [batch]))
            became += [str(answer.get("reason", answer["status"])) for answer in told]
            writer = between(writer, number)
        made = hash_of(writer.replica)
        writer.close()
        report = verify(folder)
        assert report.findings == []
        assert report.state_hash == made
        return made, became


def cut(facts: Sequence[Fact], sizes: Sequence[int]) -> list[list[Fact]]:
    """Batches of the sizes given, in turn; facts of no member stand alone."""
    return list(Case("", {}, list(facts), tuple(sizes)).batches())


def split(case: Case) -> tuple[list[Fact], list[Fact]]:
    """(facts of no member, facts of members)."""
    control = [fact for fact in case.facts if "member" not in fact]
    return control, [fact for fact in case.facts if "member" in fact]


# -- order, batches, checkpoints -------------------------------------------------------------


@FEW
@given(
    strategies.cases(certain=True, days=False, versions=False, budgets=False), st.data()
)
def test_any_arrival_order_gives_the_same_state(case: Case, data: st.DataObject) -> None:
    (program, *control), facts = split(case)
    first, became = loaded(case, cut([program, *control, *facts], [3]))
    assert set(became) <= {"ok", "parked"}
    shuffled = data.draw(st.permutations(facts))
    for fact in control:
        # Catalogues and stores come in their order, some of them late.
        shuffled.insert(data.draw(st.integers(0, len(shuffled))), fact)
    order = {fact["id"]: place for place, fact in enumerate(control)}
    places = [place for place, fact in enumerate(shuffled) if fact["id"] in order]
    for place, fact in zip(places, control, strict=True):
        shuffled[place] = fact
    assert loaded(case, cut([program, *shuffled], [2, 1]))[0] == first
    assert loaded(case, cut([program, *control, *facts[::-1]], [1]))[0] == first


@FEW
@given(
    strategies.cases(budgets=False), st.lists(st.integers(1, 8), min_size=1, max_size=5)
)
def test_any_batch_size_gives_the_same_state(case: Case, sizes: list[int]) -> None:
    assert loaded(case, cut(case.facts, sizes)) == loaded(case, cut(case.facts, [10_000]))


@FEW
@given(
    strategies.cases(),
    st.lists(st.sampled_from(("go on", "save", "reopen", "lose", "crash")), min_size=1),
)
def test_checkpoints_and_restarts_change_nothing(case: Case, events: list[str]) -> None:
    def between(writer: Writer, number: int) -> Writer:
        event = events[number % len(events)]
        before = hash_of(writer.replica)
        if event == "save":
            writer.replica.save()
        if event in ("go on", "save"):
            return writer
        if event == "crash":
            # What a process that dies leaves: no checkpoint at the end.
            writer.replica.close()
            os.close(writer._lock)
        else:
            writer.close()
        if event == "lose":
            shutil.rmtree(state_path(writer.ledger))
        opened = Writer(writer.ledger)
        assert hash_of(opened.replica) == before
        assert opened.replica.seq == writer.replica.seq
        return opened

    batches = cut(case.facts, case.cuts)
    assert loaded(case, batches, between) == loaded(case, batches)


# -- a reader in another process -------------------------------------------------------------

READER = """
import sys
from pathlib import Path
from vafa.engine.replica.replica import Replica
from vafa.engine.views.views import member_view

replica = Replica.open(Path(sys.argv[1]))
for line in sys.stdin:
    replica.catch_up()
    member = member_view(replica, line.strip())
    print(member["seq"] if member else None, member["purchases"] if member else 0, flush=True)
"""


def test_a_reader_in_another_process_sees_a_commit_at_once(tmp_path: Path) -> None:
    with clock(), start(tmp_path) as writer:
        writer.replica.save()
        command = [sys.executable, "-c", READER, str(tmp_path)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as reader:
            assert reader.stdin is not None
            assert reader.stdout is not None
            for number in range(30):
                [verdict] = commit(writer, [sale(number)])
                assert verdict.answer is not None
                reader.stdin.write("m\n")
                reader.stdin.flush()
                seq = verdict.answer["seq"]
                assert reader.stdout.readline().split() == [str(seq), str(number + 1)]
            reader.stdin.close()
        assert reader.returncode == 0


# -- repeats ---------------------------------------------------------------------------------


@FEW
@given(strategies.cases(), st.data())
def test_a_repeat_gives_the_first_answer_and_changes_nothing(
    case: Case, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name, clock(FAR_US):
        folder = Path(name)
        writer = Writer(folder)
        first = {
            fact["id"]: mixed.answers(mixed.commit_case(writer, case, [[fact]]))[0]
            for fact in case.facts
        }
        before, seq = hash_of(writer.replica), writer.replica.seq
        if data.draw(st.booleans()):
            writer.close()
            writer = Writer(folder)
        again = data.draw(st.permutations([*case.facts, *case.facts[:2]]))
        verdicts = mixed.commit_case(writer, case, cut(again, [7]))
        assert all(verdict.replayed for verdict in verdicts)
        for fact, verdict in zip(again, verdicts, strict=True):
            known = {**first[fact["id"]], "status": "replayed"}
            known.pop("program", None)
            assert verdict.answer == known
        _, facts = split(case)
        changed = [{**fact, "member": "somebody else"} for fact in facts]
        told = mixed.commit_case(writer, case, cut(changed, [5]))
        assert {v.refusal.slug if v.refusal else None for v in told} <= {"id-reused"}
        assert (hash_of(writer.replica), writer.replica.seq) == (before, seq)
        writer.close()
        assert verify(folder).findings == []


def test_a_repeat_may_come_by_another_door(tmp_path: Path) -> None:
    with clock(), start(tmp_path) as writer:
        first = mixed.answers(commit(writer, [sale(1), sale(2)]))
        again = mixed.answers(commit(writer, [sale(2), sale(1)], arrow=True))
        assert again == [answer | {"status": "replayed"} for answer in first[::-1]]


def sale(number: int, ago_us: int = DAY_US, **fields: str) -> SaleFact:
    """A basket; `ago_us` before the clock's start, a second later for each number."""
    made = SaleFact(
        id=f"sale {number}", occurred_at=us_instant(NOW_US - ago_us + number * MILLION),
        member="m",
        lines=[LineFact("milk", 1000, 1_050 + number), LineFact("tea", 2000, 3_099)],
    )
    return msgspec.structs.replace(made, **fields)


def changed(fact: SaleFact, **fields: Any) -> SaleFact:
    """A sale with other fields."""
    return msgspec.structs.replace(fact, **fields)


def first_line(fact: SaleFact, **fields: Any) -> SaleFact:
    """A sale with another first line."""
    line = msgspec.structs.replace(fact.lines[0], **fields)
    return changed(fact, lines=[line, *fact.lines[1:]])


CHANGES: list[tuple[str, Callable[[SaleFact], SaleFact]]] = [
    ("instant", lambda s: changed(s, occurred_at=s.occurred_at + dt.timedelta(microseconds=1))),
    ("member", lambda s: changed(s, member="n")),
    ("store", lambda s: changed(s, store="1")),
    ("terminal", lambda s: changed(s, terminal="t")),
    ("channel", lambda s: changed(s, channel="web")),
    ("coupon", lambda s: changed(s, coupons=["c"])),
    ("completed", lambda s: changed(s, completed=True)),
    ("tender", lambda s: changed(s, tenders=[TenderFact("cash", 1)])),
    ("a line less", lambda s: changed(s, lines=s.lines[:1])),
    ("the lines' order", lambda s: changed(s, lines=s.lines[::-1])),
    ("sku", lambda s: first_line(s, sku="oat")),
    ("quantity", lambda s: first_line(s, quantity=1)),
    ("net", lambda s: first_line(s, net=1)),
    ("gross", lambda s: first_line(s, gross=2_000)),
    ("cost", lambda s: first_line(s, cost=2)),
]


@pytest.mark.parametrize("change", [c for _, c in CHANGES], ids=[name for name, _ in CHANGES])
@pytest.mark.parametrize("together", [True, False])
def test_an_id_with_other_content_is_refused(
    tmp_path: Path, change: Callable[[SaleFact], SaleFact], together: bool
) -> None:
    with clock(), start(tmp_path) as writer:
        if together:
            [first, second] = commit(writer, [sale(1), change(sale(1))])
        else:
            [first] = commit(writer, [sale(1)])
            [second] = commit(writer, [change(sale(1))])
        assert first.answer is not None
        assert second.refusal is not None
        assert second.refusal.slug == "id-reused"
        [again] = commit(writer, [sale(1)])
        assert again.answer == first.answer | {"status": "replayed"}
        members = list(writer.replica.dictionaries.members.names)
        assert members == ["m"]
    assert verify(tmp_path).findings == []


@pytest.mark.parametrize("arrow", [True, False])
def test_an_empty_batch_is_no_commit(tmp_path: Path, arrow: bool) -> None:
    # Once a record without facts, after which the journal could not be read.
    with clock(), start(tmp_path) as writer:
        assert commit(writer, [], arrow=arrow) == []
        assert writer.replica.seq == 2
        [verdict] = commit(writer, [sale(1)])
        assert verdict.answer is not None
        assert verdict.answer["seq"] == 3
    assert verify(tmp_path).findings == []


def test_an_id_twice_in_a_batch_counts_once(tmp_path: Path) -> None:
    with clock(), start(tmp_path) as writer:
        first, other, again = commit(writer, [sale(1), sale(2), sale(1)])
        assert first.answer is not None
        assert other.answer is not None
        assert (first.replayed, again.replayed) == (False, True)
        assert again.answer == first.answer | {"status": "replayed"}
        assert [first.answer["seq"], other.answer["seq"]] == [3, 4]
        assert writer.replica.seq == 4


# -- refusals of time ------------------------------------------------------------------------

LATE, SOON = 46 * DAY_US, -6 * 60 * MILLION


@pytest.mark.parametrize(
    ("slug", "ago_us", "ago_later_us"),
    [("too-late", LATE, LATE + 60 * DAY_US), ("in-future", SOON, SOON - DAY_US)],
)
def test_a_fact_refused_for_its_time_keeps_nothing(
    tmp_path: Path, slug: str, ago_us: int, ago_later_us: int
) -> None:
    with clock(), start(tmp_path) as writer:
        commit(writer, [sale(0, member="here")])
        before, seq = hash_of(writer.replica), writer.replica.seq
        sizes = writer.replica.dictionaries.sizes()
        refused = sale(1, ago_us, store="new", member="new")
        for _ in range(2):
            [verdict] = commit(writer, [refused], force=slug != "too-late")
            assert verdict.refusal is not None
            assert (verdict.refusal.slug, verdict.refusal.path) == (slug, "occurred_at")
        assert (hash_of(writer.replica), writer.replica.seq) == (before, seq)
        assert writer.replica.dictionaries.sizes() == sizes
        # Within a batch the others are taken, with no gap in their seqs.
        verdicts = commit(writer, [sale(2), sale(3, ago_later_us), sale(4)], force=False)
        seqs = [v.answer["seq"] if v.answer else None for v in verdicts]
        assert seqs == [seq + 1, None, seq + 2]
        # The id is still free, for other content too.
        [verdict] = commit(writer, [sale(1)], force=False)
        assert verdict.answer is not None
        assert (verdict.answer["status"], verdict.answer["seq"]) == ("ok", seq + 3)
    assert verify(tmp_path).findings == []


@pytest.mark.parametrize(
    ("ago_us", "taken"),
    [(45 * DAY_US, True), (45 * DAY_US + 1, False), (-300 * MILLION, True),
     (-300 * MILLION - 1, False)],
)
def test_the_limits_of_time_are_exact(tmp_path: Path, ago_us: int, taken: bool) -> None:
    with clock(), start(tmp_path) as writer:
        [verdict] = commit(writer, [sale(0, ago_us)], force=False)
        assert (verdict.answer is not None) is taken


def test_force_lets_a_late_fact_in(tmp_path: Path) -> None:
    with clock(), start(tmp_path / "late") as writer:
        commit(writer, [sale(1), sale(2)])
        [refused] = commit(writer, [sale(3, LATE)], force=False)
        assert refused.refusal is not None
        [forced] = commit(writer, [sale(3, LATE)], force=True)
        assert forced.answer is not None
        # Known now: no limit is asked of a repeat.
        [again] = commit(writer, [sale(3, LATE)], force=False)
        assert again.replayed
        made = hash_of(writer.replica)
    with clock(), start(tmp_path / "early") as writer:
        commit(writer, [sale(3, LATE), sale(1), sale(2)])
        assert hash_of(writer.replica) == made
    assert verify(tmp_path / "late").findings == []


def test_without_a_program_sales_are_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    with clock(), Writer(tmp_path) as writer:
        for _ in range(2):
            [verdict] = commit(writer, [sale(1)])
            assert verdict.refusal is not None
            assert verdict.refusal.slug == "no-program"
        assert writer.replica.seq == 0
        assert not any(writer.replica.dictionaries.sizes())
        fact = publication(NOW - dt.timedelta(days=2))
        assert writer.publish_program(fact).refusal is None
        [early] = commit(writer, [sale(2, 3 * DAY_US)])
        assert early.refusal is not None
        assert early.refusal.slug == "no-program"
        [verdict] = commit(writer, [sale(1)])
        assert verdict.answer is not None
        [verdict] = commit(writer, [sale(2)])
        assert verdict.answer is not None
        assert (verdict.answer["status"], verdict.answer["seq"]) == ("ok", 3)
    assert verify(tmp_path).findings == []


# -- recorded time ---------------------------------------------------------------------------


@FEW
@given(st.lists(st.tuples(st.integers(-90 * MILLION, 90 * MILLION), st.booleans()), max_size=12))
def test_recorded_time_never_goes_back(steps: list[tuple[int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as name, clock() as now:
        folder = Path(name)
        writer = start(folder)
        for number, (step, reopen) in enumerate(steps):
            now.us += step
            if reopen:
                writer.close()
                writer = Writer(folder)
            [verdict] = commit(writer, [sale(number)])
            assert verdict.answer is not None
        times = [record.committed_at for record in writer.journal.scan()]
        writer.close()
    latest = NOW_US
    expected = [latest, latest]
    at = NOW_US
    for step, _ in steps:
        at += step
        latest = max(latest, at)
        expected.append(latest)
    assert times == expected


def test_seqs_have_no_gap_and_replay_counts_every_fact(tmp_path: Path) -> None:
    with clock(), start(tmp_path) as writer:
        for first in range(0, 12, 3):
            commit(writer, [sale(first + n) for n in range(3)])
        rebuilt = Rebuilt(writer.journal).report
        assert [r.first for r in writer.journal.scan()] == [1, 2, 3, 6, 9, 12]
        assert (rebuilt.seq, rebuilt.baskets, rebuilt.lines) == (14, 12, 24)
        assert rebuilt.state_hash == hash_of(writer.replica)


NAMES = """
format = 1
id = "names"
unit = { code = "EUR" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"

[[rule]]
id = "dairy"
kind = "bonus"
points = 10
when = { department = ["dairy"] }

[[rule]]
id = "north"
kind = "bonus"
points = 1
when = { region = ["north"] }
"""


def telling(draw: random.Random, number: int, kind: str) -> Fact:
    """A catalogue or stores of one of a few days, some of one instant: they say the same again."""
    made = {"kind": kind, "id": f"{draw.choice('zab')}{number}",
            "occurred_at": f"2025-0{draw.randint(1, 4)}-01T00:00:00Z"}  # fmt: skip
    if kind == "store":
        regions = draw.choice(("north", "south"))
        return made | {"stores": [{"store": "S", "region": regions, "format": "mini"}]}
    names = draw.sample(("milk", "tea"), draw.randint(1, 2))
    return made | {"products": [
        {"sku": name, "department": draw.choice(("dairy", "drinks"))} for name in names
    ]}  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_catalogues_and_stores_may_come_in_any_order(seed: int) -> None:
    draw = random.Random(seed)
    facts: list[Fact] = [telling(draw, n, draw.choice(("catalog", "store"))) for n in range(5)]
    facts += [
        {"kind": "sale", "id": f"s{month}", "occurred_at": f"2025-0{month}-10T00:00:00Z",
         "member": "m", "store": "S",
         "lines": [{"sku": name, "quantity": 1000, "net": 100} for name in ("milk", "tea")]}
        for month in range(1, 5)
    ]  # fmt: skip
    program = {"kind": "program publish", "id": "v1", "occurred_at": "1970-01-01T00:00:00Z",
               "program": "v1"}  # fmt: skip
    stood = set()
    for turn in range(6):
        case = Case(f"names {seed} {turn}", {"v1": NAMES}, [program, *facts])
        assert differential.end_differences(case) == []
        view = engine_driver.run(case).views["m", 0]
        stood.add((view.balances["points"], str(view.totals)))
        draw.shuffle(facts)
    assert len(stood) == 1
