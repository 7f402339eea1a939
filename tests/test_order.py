"""Order and time over a real ledger: the state is a function of the accepted facts alone.

Arrival, batches, checkpoints, restarts and repeats must not show in it; what is refused
must leave nothing behind (rulebook section 2).
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vafa.engine.digest import state_hash
from vafa.engine.program import Program
from vafa.engine.program_file import load_program
from vafa.engine.reference import Line, Product, Sale
from vafa.engine.replay import Rebuilt, verify
from vafa.engine.replica import Replica, state_path
from vafa.engine.verdicts import Verdict
from vafa.engine.writer import Writer

from . import strategies
from .differential_cases import catalog_fact, decoded, publish_fact, table
from .test_differential import EXAMPLES, is_large

FEW = settings(
    max_examples=max(5, EXAMPLES // 10), deadline=None, print_blob=True,
    suppress_health_check=list(HealthCheck),
)
MILLION = 1_000_000
DAY_US = 86_400 * MILLION
NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
NOW_US = round(NOW.timestamp()) * MILLION
FAR_US = 190 * 365 * DAY_US
"""Past the last instant of a random history."""

EXAMPLE = Path(__file__).parent.parent / "examples" / "complete-journey.toml"
PRODUCTS = {"milk": Product("National", "GROCERY"), "tea": Product("Private", "GROCERY")}


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
    with mock.patch("vafa.engine.writer.time", module):
        yield stopped


def start(ledger: Path, program: Program, products: dict[str, Product]) -> Writer:
    """A writer of a new ledger with a program and a catalogue."""
    writer = Writer(ledger)
    assert writer.publish_program(publish_fact(program)).refusal is None
    assert writer.commit_catalog(catalog_fact(products)).refusal is None
    return writer


def commit(
    writer: Writer, sales: Sequence[Sale], force: bool = True, arrow: bool = False
) -> list[Verdict]:
    """Commit sales in one batch."""
    return writer.commit(table(sales) if arrow else decoded(sales), force=force)


def hash_of(replica: Replica) -> str:
    """The state hash of a replica."""
    assert replica.fold is not None
    return state_hash(replica.fold.state, replica.dictionaries)


def committable(case: strategies.RandomCase) -> list[Sale]:
    """The sales of a case that a ledger takes."""
    return [s for s in case.sales if s.lines and not is_large(case.program, s)]


def loaded(
    case: strategies.RandomCase, sales: Sequence[Sale], sizes: Sequence[int],
    between: Callable[[Writer, int], Writer] = lambda writer, _: writer,
) -> str:
    """State hash after the sales in batches of the sizes given; the ledger must verify."""
    with tempfile.TemporaryDirectory() as name, clock(FAR_US):
        folder = Path(name)
        writer = start(folder, case.program, case.products)
        at = number = 0
        while at < len(sales):
            size = sizes[number % len(sizes)]
            assert all(v.answer for v in commit(writer, sales[at : at + size]))
            at, number = at + size, number + 1
            writer = between(writer, number)
        made = hash_of(writer.replica)
        writer.close()
        report = verify(folder)
        assert report.findings == []
        assert report.state_hash == made
        return made


# -- order, batches, checkpoints -------------------------------------------------------------


@FEW
@given(strategies.cases(), st.data())
def test_any_arrival_order_gives_the_same_state(
    case: strategies.RandomCase, data: st.DataObject
) -> None:
    sales = committable(case)
    first = loaded(case, sales, [3])
    assert loaded(case, data.draw(st.permutations(sales)), [2, 1]) == first
    assert loaded(case, sales[::-1], [1]) == first


@FEW
@given(strategies.cases(), st.lists(st.integers(1, 8), min_size=1, max_size=5))
def test_any_batch_size_gives_the_same_state(
    case: strategies.RandomCase, sizes: list[int]
) -> None:
    sales = committable(case)
    assert loaded(case, sales, sizes) == loaded(case, sales, [len(sales) or 1])


@FEW
@given(
    strategies.cases(),
    st.lists(st.sampled_from(("go on", "save", "reopen", "lose", "crash")), min_size=1),
)
def test_checkpoints_and_restarts_change_nothing(
    case: strategies.RandomCase, events: list[str]
) -> None:
    sales = committable(case)

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

    assert loaded(case, sales, [2], between) == loaded(case, sales, [2])


# -- a reader in another process -------------------------------------------------------------

READER = """
import sys
from pathlib import Path
from vafa.engine.replica import Replica

replica = Replica.open(Path(sys.argv[1]))
for line in sys.stdin:
    replica.catch_up()
    member = replica.member(line.strip())
    print(member["seq"] if member else None, member["purchases"] if member else 0, flush=True)
"""


def test_a_reader_in_another_process_sees_a_commit_at_once(tmp_path: Path) -> None:
    with clock(), start(tmp_path, example(), PRODUCTS) as writer:
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
    case: strategies.RandomCase, data: st.DataObject
) -> None:
    sales = committable(case)
    with tempfile.TemporaryDirectory() as name, clock(FAR_US):
        folder = Path(name)
        writer = start(folder, case.program, case.products)
        first = {}
        for sale_ in sales:
            [verdict] = commit(writer, [sale_])
            first[sale_.id] = verdict.answer
        before, seq = hash_of(writer.replica), writer.replica.seq
        if data.draw(st.booleans()):
            writer.close()
            writer = Writer(folder)
        again = data.draw(st.permutations([*sales, *sales[:2]]))
        # Facts are compared as the engine holds them, whatever door they came by.
        verdicts = commit(writer, again, arrow=data.draw(st.booleans()))
        assert all(verdict.replayed for verdict in verdicts)
        for sale_, verdict in zip(again, verdicts, strict=True):
            known = first[sale_.id]
            assert known is not None
            assert verdict.answer == known | {"status": "replayed"}
        changed = [replace(s, occurred_at_us=s.occurred_at_us + 1) for s in sales]
        slugs = {v.refusal.slug if v.refusal else None for v in commit(writer, changed)}
        assert slugs <= {"id-reused"}
        assert (hash_of(writer.replica), writer.replica.seq) == (before, seq)
        assert not writer.publish_program(publish_fact(case.program)).refusal
        assert writer.commit_catalog(catalog_fact(case.products)).replayed
        assert writer.replica.seq == seq
        writer.close()
        assert verify(folder).findings == []


def example() -> Program:
    """The program of the examples, which takes facts of the last 45 days."""
    return load_program(EXAMPLE)


def sale(number: int, ago_us: int = DAY_US, **fields: str) -> Sale:
    """A basket; `ago_us` before the clock's start, a second later for each number."""
    made = Sale(
        f"sale {number}", NOW_US - ago_us + number * MILLION, "m",
        lines=(Line("milk", 1000, 1_050 + number, 1), Line("tea", 2000, 3_099, 2)),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


CHANGES: list[tuple[str, Callable[[Sale], Sale]]] = [
    ("instant", lambda s: replace(s, occurred_at_us=s.occurred_at_us + 1)),
    ("member", lambda s: replace(s, member="n")),
    ("store", lambda s: replace(s, store="1")),
    ("terminal", lambda s: replace(s, terminal="t")),
    ("tender", lambda s: replace(s, tenders=(("cash", 1),))),
    ("a line less", lambda s: replace(s, lines=s.lines[:1])),
    ("the lines' order", lambda s: replace(s, lines=s.lines[::-1])),
    ("sku", lambda s: replace(s, lines=(replace(s.lines[0], sku="oat"), *s.lines[1:]))),
    ("quantity", lambda s: replace(s, lines=(replace(s.lines[0], quantity=1), *s.lines[1:]))),
    ("net", lambda s: replace(s, lines=(replace(s.lines[0], net=1), *s.lines[1:]))),
]


@pytest.mark.parametrize("change", [c for _, c in CHANGES], ids=[name for name, _ in CHANGES])
@pytest.mark.parametrize("together", [True, False])
def test_an_id_with_other_content_is_refused(
    tmp_path: Path, change: Callable[[Sale], Sale], together: bool
) -> None:
    with clock(), start(tmp_path, example(), PRODUCTS) as writer:
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
    with clock(), start(tmp_path, example(), PRODUCTS) as writer:
        assert commit(writer, [], arrow=arrow) == []
        assert writer.replica.seq == 2
        [verdict] = commit(writer, [sale(1)])
        assert verdict.answer is not None
        assert verdict.answer["seq"] == 3
    assert verify(tmp_path).findings == []


def test_an_id_twice_in_a_batch_counts_once(tmp_path: Path) -> None:
    with clock(), start(tmp_path, example(), PRODUCTS) as writer:
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
    with clock(), start(tmp_path, example(), PRODUCTS) as writer:
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
    with clock(), start(tmp_path, example(), PRODUCTS) as writer:
        [verdict] = commit(writer, [sale(0, ago_us)], force=False)
        assert (verdict.answer is not None) is taken


def test_force_lets_a_late_fact_in(tmp_path: Path) -> None:
    with clock(), start(tmp_path / "late", example(), PRODUCTS) as writer:
        commit(writer, [sale(1), sale(2)])
        [refused] = commit(writer, [sale(3, LATE)], force=False)
        assert refused.refusal is not None
        [forced] = commit(writer, [sale(3, LATE)], force=True)
        assert forced.answer is not None
        # Known now: no limit is asked of a repeat.
        [again] = commit(writer, [sale(3, LATE)], force=False)
        assert again.replayed
        made = hash_of(writer.replica)
    with clock(), start(tmp_path / "early", example(), PRODUCTS) as writer:
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
        fact = publish_fact(example())
        fact.occurred_at = NOW - dt.timedelta(days=2)
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
        writer = start(folder, example(), PRODUCTS)
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
    with clock(), start(tmp_path, example(), PRODUCTS) as writer:
        for first in range(0, 12, 3):
            commit(writer, [sale(first + n) for n in range(3)])
        rebuilt = Rebuilt(writer.journal).report
        assert [r.first for r in writer.journal.scan()] == [1, 2, 3, 6, 9, 12]
        assert (rebuilt.seq, rebuilt.baskets, rebuilt.lines) == (14, 12, 24)
        assert rebuilt.state_hash == hash_of(writer.replica)
