"""The journal: its records, its chain, and what it says when it cannot be used."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lmdb
import pytest

import vafa.engine.journal.journal
from vafa.engine.facts import CatalogFact, ProductFact
from vafa.engine.journal.journal import (
    GENESIS,
    CorruptRecord,
    Journal,
    LedgerError,
    Record,
    StorageFull,
    chain_hash,
    decode_record,
    encode_record,
)
from vafa.engine.ledger.open_ledger import LedgerBusy
from vafa.engine.ledger.replay import Rebuilt, verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica, journal_path, state_path

from . import ledgers

FLIPS = int(os.environ.get("VAFA_FLIPS", "60"))
SMALL_MAP = 1 << 19


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A closed ledger: the program, then six commits of three sales."""
    path = tmp_path / "ledger"
    ledgers.make_ledger(path)
    return path


def read(ledger: Path, after: int = 0) -> list[Record]:
    """Copies of a ledger's records."""
    journal = Journal(journal_path(ledger))
    try:
        return [record.copy() for record in journal.scan(after)]
    finally:
        journal.close()


def rewrite(ledger: Path, changes: dict[bytes, bytes | None]) -> None:
    """Put or delete journal records behind the engine's back; the checkpoint goes as well."""
    env = ledgers.open_raw(journal_path(ledger))
    database = env.open_db(b"records", create=False)
    with env.begin(write=True, db=database) as txn:
        for key, value in changes.items():
            if value is None:
                assert txn.delete(key)
            else:
                txn.put(key, value)
    env.close()
    for file in (ledger / "state").iterdir():
        file.unlink()


def test_a_record_comes_back_as_it_was_written(ledger: Path) -> None:
    for record, (key, value) in zip(read(ledger), ledgers.raw_records(ledger), strict=True):
        data, made = encode_record(
            record.first, record.committed_at, record.previous, record.facts(), record.growth()
        )
        assert data == value
        assert made == record
        assert decode_record(key, memoryview(value)) == record


def test_records_hold_the_facts_in_order_of_commit(ledger: Path) -> None:
    rows = [name for record in read(ledger) for name in record.facts().column("id").to_pylist()]
    assert rows == ["program", *(f"f-{n}" for n in range(18))]
    assert [(r.first, r.last) for r in read(ledger)] == [
        (1, 1), (2, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19),
    ]  # fmt: skip
    times = [record.committed_at for record in read(ledger)]
    assert times == sorted(times)


def test_each_record_names_the_hash_of_the_one_before(ledger: Path) -> None:
    previous = GENESIS
    for record in read(ledger):
        assert record.previous == previous
        assert record.hash == chain_hash(
            previous, record.first, record.last, record.committed_at, record.body
        )
        previous = record.hash


def test_find_gives_the_record_of_every_seq(ledger: Path) -> None:
    records = read(ledger)
    journal = Journal(journal_path(ledger))
    for seq in range(1, 20):
        (expected,) = (r for r in records if r.first <= seq <= r.last)
        assert journal.find(seq) == expected
    assert journal.find(0) is None
    assert journal.find(20) is None
    assert journal.last() == records[-1]
    journal.close()


def test_find_of_an_empty_journal_is_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", write=True)
    assert journal.find(1) is None
    assert journal.last() is None
    assert list(journal.scan()) == []
    journal.close()


def test_scan_begins_with_the_record_after_a_seq(ledger: Path) -> None:
    assert [r.first for r in read(ledger, after=1)] == [2, 5, 8, 11, 14, 17]
    assert [r.first for r in read(ledger, after=7)] == [8, 11, 14, 17]
    assert [r.first for r in read(ledger, after=16)] == [17]
    assert read(ledger, after=19) == []


def test_the_version_rises_with_each_commit(tmp_path: Path) -> None:
    with ledgers.open_writer(tmp_path / "ledger") as writer:
        seen = [writer.journal.version()]
        for number in range(3):
            ledgers.commit(writer, number)
            seen.append(writer.journal.version())
        assert seen == sorted(set(seen))


# -- damage -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger whose journal file holds live pages only, so a flip there hits live data."""
    path = tmp_path_factory.mktemp("flips") / "ledger"
    ledgers.make_ledger(path, commits=12, each=4)
    env = ledgers.open_raw(journal_path(path))
    target = path / "compact"
    target.mkdir()
    env.copy(str(target), compact=True)
    env.close()
    (target / "data.mdb").replace(journal_path(path) / "data.mdb")
    return path


def live_bytes(ledger: Path) -> list[tuple[int, int]]:
    """(place in the file, seq of its record) of every byte of every record."""
    data = (journal_path(ledger) / "data.mdb").read_bytes()
    found = []
    for key, value in ledgers.raw_records(ledger):
        assert data.count(value) == 1
        start = data.index(value)
        found += [(start + place, int.from_bytes(key, "big")) for place in range(len(value))]
    return found


def flip(file: Path, place: int, bit: int) -> None:
    """Turn one bit of a file over."""
    with file.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([byte ^ (1 << bit)]))


def test_every_flipped_bit_is_reported_and_none_served(compact: Path) -> None:
    file = journal_path(compact) / "data.mdb"
    good = {record.first: record for record in read(compact)}
    places = live_bytes(compact)
    draw = random.Random(7)
    # Headers are small beside bodies: half of the flips go there.
    heads = [p for first in good for p in [p for p in places if p[1] == first][:128]]
    for number in range(FLIPS):
        place, first = draw.choice(heads if number % 2 else places)
        bit = draw.randrange(8)
        flip(file, place, bit)
        what = f"byte {place} bit {bit} of record {first}"
        try:
            with pytest.raises(CorruptRecord, match=f"record {first}"):
                read(compact)
            journal = Journal(journal_path(compact))
            for other, record in good.items():
                if other == first:
                    with pytest.raises(CorruptRecord):
                        journal.find(first)
                else:
                    assert journal.find(other) == record, what
            journal.close()
            if number % 10 == 0:
                with pytest.raises(LedgerError):
                    verify(compact)
        except pytest.fail.Exception:
            raise AssertionError(f"not reported: {what}") from None
        finally:
            flip(file, place, bit)
    assert verify(compact).clean


def test_every_byte_of_a_header_is_under_the_checksum(ledger: Path) -> None:
    key, value = ledgers.raw_records(ledger)[2]
    served = []
    for place in range(vafa.engine.journal.journal.HEADER_BYTES):
        damaged = bytearray(value)
        damaged[place] ^= 1
        try:
            decode_record(key, memoryview(bytes(damaged)))
            served.append(place)
        except CorruptRecord:
            pass
    assert served == []


def test_a_record_that_is_cut_short_is_reported(ledger: Path) -> None:
    key, value = ledgers.raw_records(ledger)[2]
    for length in (0, 1, 127, 128, 129, len(value) - 1):
        with pytest.raises(CorruptRecord):
            decode_record(key, memoryview(value[:length]))


@pytest.mark.parametrize("length", [0, 1, 5_000, 12_288])
def test_a_journal_that_is_cut_off_is_no_new_one(ledger: Path, length: int) -> None:
    file = journal_path(ledger) / "data.mdb"
    os.truncate(file, length)
    for write in (False, True):
        with pytest.raises(LedgerError, match=r"restore a copy"):
            Journal(journal_path(ledger), write=write)
    assert file.stat().st_size == length


def test_a_record_that_is_removed_breaks_the_chain(ledger: Path) -> None:
    rewrite(ledger, {ledgers.raw_records(ledger)[3][0]: None})
    with pytest.raises(CorruptRecord, match=r"record 11.*chain"):
        verify_journal(ledger)
    with pytest.raises(LedgerError, match="record 11 does not follow seq 7"):
        Replica.open(ledger)


def verify_journal(ledger: Path) -> None:
    """Replay without a live state to compare with."""
    journal = Journal(journal_path(ledger))
    try:
        Rebuilt(journal)
    finally:
        journal.close()


def test_a_record_in_the_place_of_another_is_reported(ledger: Path) -> None:
    records = ledgers.raw_records(ledger)
    rewrite(ledger, {records[2][0]: records[3][1], records[3][0]: records[2][1]})
    with pytest.raises(CorruptRecord, match="record 5"):
        verify_journal(ledger)


def test_records_that_change_places_break_the_chain(tmp_path: Path) -> None:
    # Made anew with their new seqs, each is right in itself: only the chain can tell.
    ledger = tmp_path / "ledger"
    ledgers.make_ledger(ledger, commits=40)
    records = read(ledger)
    # Names are numbered by the records that brought them; those two brought none.
    early, late, after = next(
        three
        for three in zip(records, records[1:], records[2:], strict=False)
        if three[0].growth() is None and three[1].growth() is None
    )
    made: dict[bytes, bytes | None] = {}
    previous = early.previous
    for place, content in ((early, late), (late, early)):
        data, record = encode_record(
            place.first, place.committed_at, previous, content.facts(), content.growth()
        )
        made[place.first.to_bytes(8, "big")] = data
        previous = record.hash
    rewrite(ledger, made)
    with pytest.raises(CorruptRecord, match=rf"record {after.first}.*chain"):
        verify_journal(ledger)


def test_a_body_under_the_hash_of_another_breaks_the_chain(ledger: Path) -> None:
    # As above, and the old hash is kept so that the next record still follows.
    record = read(ledger)[2]
    other = read(ledger)[3]
    kept = vafa.engine.journal.journal.chain_hash
    try:
        vafa.engine.journal.journal.chain_hash = lambda *_: record.hash
        data, _ = encode_record(
            record.first, record.committed_at, record.previous, other.facts(), record.growth()
        )
    finally:
        vafa.engine.journal.journal.chain_hash = kept
    rewrite(ledger, {record.first.to_bytes(8, "big"): data})
    with pytest.raises(CorruptRecord, match=r"record 5.*chain"):
        verify_journal(ledger)


# -- full -----------------------------------------------------------------------------------


@pytest.fixture
def small_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vafa.engine.journal.journal, "MAP_BYTES", SMALL_MAP)


def fill(writer: Writer) -> tuple[int, StorageFull]:
    """Commit until there is no room: the first number that found none, and the error."""
    for number in range(0, 100_000, 40):
        before = ledgers.hash_of(writer.replica)
        sizes, seq = writer.replica.dictionaries.sizes(), writer.replica.seq
        try:
            # A new member, store and product a commit: dictionaries are taken back as well.
            fresh = ledgers.sale(number, member=f"new-{number}", store=f"s-{number}")
            fresh.lines[0].sku = f"sku-{number}"
            rest = [ledgers.sale(n) for n in range(number + 1, number + 40)]
            ledgers.answers(writer.commit(ledgers.batch(fresh, *rest)))
        except StorageFull as error:
            assert ledgers.hash_of(writer.replica) == before
            assert writer.replica.dictionaries.sizes() == sizes
            assert writer.replica.seq == seq
            assert writer.replica.in_flight == {}
            return number, error
    raise AssertionError("the map was never full")


@pytest.mark.usefixtures("small_map")
def test_a_full_map_refuses_and_takes_the_state_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger"
    with ledgers.open_writer(ledger) as writer:
        number, _ = fill(writer)
        last = writer.journal.last()
        assert last is not None
        # Reads go on, and what is known is answered without writing.
        (repeat,) = ledgers.commit(writer, number - 1)
        assert repeat.replayed
        before = ledgers.hash_of(writer.replica)
    assert number > 80
    assert len(ledgers.journalled_ids(ledger)) == last.last == number + 1
    report = verify(ledger)
    assert report.clean, report.findings
    assert report.state_hash == before
    monkeypatch.setattr(vafa.engine.journal.journal, "MAP_BYTES", 4 * SMALL_MAP)
    with ledgers.open_writer(ledger) as writer:
        assert ledgers.hash_of(writer.replica) == before
        told = ledgers.commit(writer, *range(number, number + 40))
        assert [a["status"] for a in ledgers.answers(told)] == ["ok"] * 40
        assert told[0].answer is not None
        assert told[0].answer["seq"] == number + 2
    assert verify(ledger).clean


@pytest.mark.usefixtures("small_map")
def test_commits_work_again_in_the_same_process_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger"
    with ledgers.open_writer(ledger) as writer:
        number, _ = fill(writer)
        writer.journal._env.set_mapsize(4 * SMALL_MAP)
        ledgers.answers(ledgers.commit(writer, *range(number, number + 40)))
        after = ledgers.hash_of(writer.replica)
    report = verify(ledger)
    assert report.clean, report.findings
    assert report.state_hash == after


@pytest.mark.usefixtures("small_map")
def test_a_full_map_says_what_to_do(tmp_path: Path) -> None:
    with ledgers.open_writer(tmp_path / "ledger") as writer:
        _, error = fill(writer)
    assert "full" in str(error)
    # More than the cause: what the operator does next.
    assert any(word in str(error) for word in ("raise", "make room"))


def test_a_full_disk_refuses_and_takes_the_state_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledgers.open_writer(tmp_path / "ledger") as writer:
        ledgers.commit(writer, 0, 1)
        before = ledgers.hash_of(writer.replica)
        with monkeypatch.context() as patch:
            full = SimpleNamespace(total=1 << 33, free=4096)
            patch.setattr("shutil.disk_usage", lambda _: full)
            # The disk is looked at once a second, not at every commit.
            writer._disk_checked = 0.0
            with pytest.raises(StorageFull, match="disk"):
                ledgers.commit(writer, 2, 3)
        assert ledgers.hash_of(writer.replica) == before
        assert writer.replica.seq == 3
        ledgers.answers(ledgers.commit(writer, 2, 3))
    assert verify(tmp_path / "ledger").clean


def no_room(*_: Any) -> None:
    raise StorageFull("for the test")


def test_a_bulk_load_that_finds_the_map_full_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger"
    with ledgers.open_writer(ledger) as writer:
        ledgers.commit(writer, *range(6))
        monkeypatch.setattr(writer.journal, "append", no_room)
        with pytest.raises(StorageFull):
            writer.load(ledgers.intake(*range(6, 12)))
    report = verify(ledger)
    assert report.clean, report.findings


def test_a_catalogue_that_finds_the_map_full_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger"
    fact = CatalogFact("c", ledgers.START, [ProductFact("milk", brand="Own")])
    with ledgers.open_writer(ledger) as writer:
        ledgers.commit(writer, *range(3))
        sizes = writer.replica.dictionaries.sizes()
        with monkeypatch.context() as patch:
            patch.setattr(writer.journal, "append", no_room)
            with pytest.raises(StorageFull):
                writer.commit_control(fact)
        assert writer.replica.dictionaries.sizes() == sizes
        assert writer.commit_control(fact).answer is not None
        ledgers.commit(writer, *range(3, 6))
    assert verify(ledger).clean


# -- opening ----------------------------------------------------------------------------------


def set_meta(ledger: Path, key: bytes, value: bytes) -> None:
    env = ledgers.open_raw(journal_path(ledger))
    with env.begin(write=True) as txn:
        txn.put(key, value, db=env.open_db(b"meta", txn))
    env.close()


def test_a_newer_format_is_refused(ledger: Path) -> None:
    set_meta(ledger, b"format", b"2")
    for reader in (Replica.open, Writer):
        with pytest.raises(LedgerError, match="upgrade"):
            reader(ledger)


def test_a_writer_that_could_not_open_lets_the_ledger_go(ledger: Path) -> None:
    set_meta(ledger, b"format", b"2")
    with pytest.raises(LedgerError, match="upgrade"):
        Writer(ledger)
    set_meta(ledger, b"format", b"1")
    with Writer(ledger) as writer:
        ledgers.answers(ledgers.commit(writer, 50))


def test_a_record_of_a_newer_format_is_refused(ledger: Path) -> None:
    key, value = ledgers.raw_records(ledger)[0]
    newer = value[:8] + (2).to_bytes(2, "little") + value[10:]
    with pytest.raises(CorruptRecord, match="format 1 or older"):
        decode_record(key, memoryview(newer))


def not_a_ledger(kind: str, path: Path) -> None:
    """Something else in the place of a ledger."""
    journal = path / "journal"
    match kind:
        case "missing":
            pass
        case "empty folder":
            path.mkdir()
        case "empty file":
            journal.mkdir(parents=True)
            (journal / "data.mdb").touch()
        case "other file":
            journal.mkdir(parents=True)
            (journal / "data.mdb").write_bytes(b"PK\x03\x04" * 20_000)
        case "other LMDB":
            journal.mkdir(parents=True)
            ledgers.open_raw(journal).close()


@pytest.mark.parametrize(
    "kind", ["missing", "empty folder", "empty file", "other file", "other LMDB"]
)
def test_what_is_not_a_ledger_is_named_so(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ledger"
    not_a_ledger(kind, path)
    with pytest.raises(LedgerError) as caught:
        Replica.open(path)
    assert str(path) in str(caught.value)
    assert "ledger" in str(caught.value)


def test_a_second_writer_is_refused(ledger: Path) -> None:
    with Writer(ledger), pytest.raises(LedgerBusy, match="another process") as caught:
        Writer(ledger)
    assert str(ledger) in str(caught.value)
    assert "stop it first" in str(caught.value)
    with Writer(ledger) as writer:
        ledgers.answers(ledgers.commit(writer, 50))


FOLLOW = """
import sys
from pathlib import Path
from vafa.engine.replica.replica import Replica
replica = Replica.open(Path(sys.argv[1]))
for _ in sys.stdin:
    replica.catch_up()
    print(replica.seq, replica.hash.hex(), flush=True)
"""


def test_a_reader_in_another_process_sees_each_commit(ledger: Path) -> None:
    command = [sys.executable, "-c", FOLLOW, str(ledger)]
    pipe = subprocess.PIPE
    with (
        Writer(ledger) as writer,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as reader,
    ):
        assert reader.stdin is not None
        assert reader.stdout is not None
        for number in range(50, 54):
            ledgers.commit(writer, number)
            reader.stdin.write("?\n")
            reader.stdin.flush()
            told = reader.stdout.readline().split()
            assert told == [str(writer.replica.seq), writer.replica.hash.hex()]


def in_child(work: Any) -> int:
    """Run in a forked child; its exit code: 0 done, 3 AssertionError, 4 anything else."""
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            work()
        except AssertionError:
            code = 3
        except BaseException:
            code = 4
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_child_must_not_write(ledger: Path) -> None:
    with Writer(ledger) as writer:
        before = writer.journal.last()
        assert before is not None
        assert in_child(lambda: ledgers.commit(writer, 50)) == 3
        assert in_child(lambda: writer.journal.append(before.last + 1, b"x")) == 3
        assert writer.journal.last() == before
        ledgers.answers(ledgers.commit(writer, 50))
    assert verify(ledger).clean


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A clock that a test sets, in ns."""
    now = [int(ledgers.START.timestamp() * 1e9) + 10**18 // 4]
    monkeypatch.setattr("time.time_ns", lambda: now[0])
    return iter([now])


def test_recorded_time_never_goes_back(tmp_path: Path, clock: Iterator[list[int]]) -> None:
    now = next(clock)
    ledger = tmp_path / "ledger"
    with ledgers.open_writer(ledger) as writer:
        ledgers.commit(writer, 0)
        now[0] -= 3_600 * 10**9
        ledgers.commit(writer, 1)
    now[0] -= 3_600 * 10**9
    with ledgers.open_writer(ledger) as writer:
        ledgers.commit(writer, 2)
        now[0] += 9_000 * 10**9
        ledgers.commit(writer, 3)
    times = [record.committed_at for record in read(ledger)]
    assert times == sorted(times)
    assert times[0] == times[3] < times[4]


def test_another_container_s_process_1_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_args: object, **_more: object) -> None:
        raise lmdb.Error("mdb_txn_begin: Resource temporarily unavailable")

    monkeypatch.setattr(vafa.engine.journal.journal, "open_environment", taken)
    with pytest.raises(LedgerError, match="share a PID namespace"):
        Journal(tmp_path, write=True)


@pytest.mark.parametrize("write", [False, True])
def test_a_copy_of_something_else_is_no_journal(tmp_path: Path, write: bool) -> None:
    with Writer(tmp_path / "ledger") as writer:
        writer.replica.save()
    other = tmp_path / "other" / "journal"
    shutil.copytree(state_path(tmp_path / "ledger"), other)
    before = (other / "data.mdb").read_bytes()
    with pytest.raises(LedgerError, match="is no journal"):
        Journal(other, write=write)
    assert (other / "data.mdb").read_bytes() == before


def test_the_table_of_readers_has_its_room_on_the_disk(ledger: Path) -> None:
    """In a hole of a file that is mapped a full disk is a SIGBUS."""
    for part in ("journal", "state"):
        table = ledger / part / "lock.mdb"
        table.unlink()
        with Writer(ledger):
            pass
        found = table.stat()
        assert found.st_blocks * 512 >= found.st_size >= 64 * 1023
        os.truncate(table, 0)
        os.truncate(table, found.st_size)
        assert table.stat().st_blocks == 0
        Replica.open(ledger).close()
        assert table.stat().st_blocks * 512 >= found.st_size


def test_without_room_for_the_table_of_readers_nothing_is_opened(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (ledger / "journal" / "lock.mdb").unlink()
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(LedgerError, match="make room on the disk"):
        Journal(journal_path(ledger))
