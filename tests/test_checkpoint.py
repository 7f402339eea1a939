"""state/: whatever happens to it, the journal gives it back; what it says wrong is found."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.compiling.layout import ACCOUNT, HEAD, TIER
from vafa.engine.facts import CatalogFact, ProductFact
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.checkpoint import Checkpoint, CheckpointDamaged, sealed
from vafa.engine.replica.replica import Replica, journal_path, state_path

from . import ledgers

DAMAGES = int(os.environ.get("VAFA_DAMAGES", "12"))

CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(["vafa.engine.ledger.writer"])
"""Processes that have imported the engine already, and have done nothing with it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A ledger with a checkpoint of every fact, and its state hash."""
    path = tmp_path_factory.mktemp("made") / "ledger"
    return path, ledgers.make_ledger(path, commits=30, each=5)


@pytest.fixture
def ledger(made: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy to be damaged."""
    path = tmp_path / "copy"
    shutil.copytree(made[0], path)
    return path


def assert_opens(ledger: Path, expected: str, what: str) -> None:
    """A reader and then a writer, in another process, have the state of the journal."""
    heard, told = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=ledgers.tell_hashes, args=(ledger, told))
    child.start()
    told.close()
    found: list[str] = []
    with suppress(EOFError):
        while True:
            found.append(heard.recv())
    child.join()
    # LMDB may end it by a signal.
    assert child.exitcode == 0, f"{what}: exit code {child.exitcode}\n{found}"
    assert found == [expected, expected], what


def test_the_checkpoint_is_used_when_it_is_sound(made: tuple[Path, str]) -> None:
    replica = Replica.open(made[0])
    assert replica.checkpoint_seq == replica.seq == 151
    assert ledgers.hash_of(replica) == made[1]
    replica.close()


def test_a_checkpoint_behind_the_journal_is_caught_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledgers.make_ledger(path, commits=2)
    kept = tmp_path / "kept"
    shutil.copytree(state_path(path), kept)
    with Writer(path) as writer:
        ledgers.commit(writer, *range(6, 40))
        expected = ledgers.hash_of(writer.replica)
    shutil.rmtree(state_path(path))
    shutil.copytree(kept, state_path(path))
    replica = Replica.open(path)
    assert (replica.checkpoint_seq, replica.seq) == (7, 41)
    assert ledgers.hash_of(replica) == expected
    replica.close()
    assert verify(path).clean


def test_a_checkpoint_ahead_of_the_journal_is_not_used(tmp_path: Path) -> None:
    # A journal put back from an older copy, beside the newer state/.
    path = tmp_path / "ledger"
    expected = ledgers.make_ledger(path, commits=2)
    kept = tmp_path / "kept"
    shutil.copytree(journal_path(path), kept)
    with Writer(path) as writer:
        ledgers.commit(writer, *range(6, 40))
    shutil.rmtree(journal_path(path))
    shutil.copytree(kept, journal_path(path))
    with Writer(path) as writer:
        assert writer.replica.seq == 7
        assert ledgers.hash_of(writer.replica) == expected


@pytest.mark.parametrize("gone", ["folder", "file", "lock"])
def test_a_deleted_checkpoint_is_rebuilt(made: tuple[Path, str], ledger: Path, gone: str) -> None:
    match gone:
        case "folder":
            shutil.rmtree(state_path(ledger))
        case "file":
            (state_path(ledger) / "data.mdb").unlink()
        case "lock":
            (state_path(ledger) / "lock.mdb").unlink()
    assert_opens(ledger, made[1], gone)
    assert verify(ledger).clean
    replica = Replica.open(ledger)
    assert replica.checkpoint_seq == replica.seq
    replica.close()


def test_a_checkpoint_of_another_ledger_is_rebuilt(
    made: tuple[Path, str], ledger: Path, tmp_path: Path
) -> None:
    # The other ledger has the same facts: only its id tells.
    other = tmp_path / "other"
    assert ledgers.make_ledger(other, commits=30, each=5) == made[1]
    shutil.rmtree(state_path(ledger))
    shutil.copytree(state_path(other), state_path(ledger))
    reader = Replica.open(ledger)
    assert reader.checkpoint is None
    reader.close()
    assert_opens(ledger, made[1], "another ledger")
    reader = Replica.open(ledger)
    assert reader.checkpoint is not None
    reader.close()


def overwrite(file: Path, draw: random.Random, times: int) -> None:
    """Random bytes at random places."""
    size = file.stat().st_size
    with file.open("r+b") as stream:
        for _ in range(times):
            stream.seek(draw.randrange(size))
            stream.write(draw.randbytes(1))


@pytest.mark.parametrize("seed", range(DAMAGES))
def test_random_bytes_in_the_checkpoint_are_not_served(
    made: tuple[Path, str], ledger: Path, seed: int
) -> None:
    draw = random.Random(seed)
    overwrite(state_path(ledger) / "data.mdb", draw, draw.choice((1, 20, 200, 2_000)))
    assert_opens(ledger, made[1], f"seed {seed}")
    assert verify(ledger).clean


@pytest.mark.parametrize("kept", ["nothing", "head", "half", "all but a page", "all but a byte"])
def test_a_truncated_checkpoint_is_rebuilt(
    made: tuple[Path, str], ledger: Path, kept: str
) -> None:
    file = state_path(ledger) / "data.mdb"
    size = file.stat().st_size
    lengths = {"nothing": 0, "head": 8_192, "half": size // 2, "all but a page": size - 4_096}
    os.truncate(file, lengths.get(kept, size - 1))
    assert_opens(ledger, made[1], kept)
    assert verify(ledger).clean


def test_a_file_of_noise_is_rebuilt(made: tuple[Path, str], ledger: Path) -> None:
    file = state_path(ledger) / "data.mdb"
    file.write_bytes(random.Random(1).randbytes(file.stat().st_size))
    assert_opens(ledger, made[1], "noise")


def change_state(ledger: Path, database: bytes, change: Callable[[Any], None]) -> None:
    """Run a change in a write transaction on a database of state/."""
    env = ledgers.open_raw(state_path(ledger))
    with env.begin(write=True, db=env.open_db(database, create=False)) as txn:
        change(txn)
    env.close()


def test_a_row_that_does_not_match_its_checksum_is_rebuilt(
    made: tuple[Path, str], ledger: Path
) -> None:
    def damage(txn: Any) -> None:
        key = (3).to_bytes(4, "big")
        value = bytearray(txn.get(key))
        value[-1] ^= 1
        txn.put(key, bytes(value))

    change_state(ledger, b"members", damage)
    checkpoint = Checkpoint(state_path(ledger))
    meta = checkpoint.meta()
    assert meta is not None
    with pytest.raises(CheckpointDamaged, match="damaged"):
        checkpoint.load(Replica(None).dictionaries, meta)  # type: ignore[arg-type]
    checkpoint.close()
    assert_opens(ledger, made[1], "row")


@pytest.mark.parametrize("database", [b"ids", b"names"])
def test_a_flipped_bit_of_an_id_or_a_name_is_not_served(
    made: tuple[Path, str], ledger: Path, database: bytes
) -> None:
    # A wrong seq or name is worse than none: a repeat would count twice or be refused.
    def damage(txn: Any) -> None:
        cursor = txn.cursor()
        for _ in range(3):
            assert cursor.next()
        value = bytearray(cursor.value())
        value[-1] ^= 1
        txn.put(cursor.key(), bytes(value))

    change_state(ledger, database, damage)
    expected = {name: seq for seq, name in enumerate(ledgers.journalled_ids(ledger), 1)}
    found = None
    with Writer(ledger) as writer:
        assert ledgers.hash_of(writer.replica) == made[1]
        # Ids are not read when a ledger is opened: damage may be told when they are asked for.
        with suppress(CheckpointDamaged):
            found = writer.replica.find_ids(list(expected))
    assert found in (None, expected)
    if database == b"names":
        assert found == expected


# -- wrong rows with right checksums -----------------------------------------------------------


def plant(ledger: Path, change: Callable[[list[int], Any], None]) -> str:
    """Change the words of one member's row and give it a valid checksum; the member's name."""
    reader = Replica.open(ledger)
    assert reader.fold is not None
    state = reader.fold.state
    member = next(m for m in range(state.n_members) if state.lots(m, 0))
    name = reader.dictionaries.members.names[member]
    packed = state.pack(member)
    words = [int.from_bytes(packed[i : i + 8], "little") for i in range(0, len(packed), 8)]
    change(words, state)
    blob = b"".join((word % 2**64).to_bytes(8, "little") for word in words)
    reader.close()

    def put(txn: Any) -> None:
        txn.put(*sealed(member.to_bytes(4, "big"), blob))

    change_state(ledger, b"members", put)
    return name


# A packed row: version; the slots of native/state.pxd; the lots of the only currency.
ISSUED = 1 + HEAD
SILVER = 1 + HEAD + ACCOUNT + TIER
FIRST_COUNTER = 1 + HEAD + ACCOUNT + 2 * TIER


def first_lot(state: Any) -> int:
    """Where the first lot stands in a packed row: after their number."""
    return 1 + int(state.width) + 1


def more_issued(words: list[int], _: Any) -> None:
    words[ISSUED] += 1


def richer_lot(words: list[int], state: Any) -> None:
    words[first_lot(state) + 3] += 100


def longer_lot(words: list[int], state: Any) -> None:
    words[first_lot(state) + 1] += 30


def better_tier(words: list[int], _: Any) -> None:
    words[SILVER] = 60_000


def less_counted(words: list[int], _: Any) -> None:
    words[FIRST_COUNTER + 1] -= 1


def more_purchases(words: list[int], _: Any) -> None:
    words[3] += 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (more_issued, "points.issued"),
        (richer_lot, "points.lots"),
        (longer_lot, "points.lots"),
        (better_tier, "tier.silver.good_through"),
        (less_counted, "counter[0]"),
        (more_purchases, "purchases"),
    ],
)
def test_a_planted_row_is_found_by_member_and_field(
    ledger: Path, change: Callable[[list[int], Any], None], named: str
) -> None:
    assert verify(ledger).clean
    name = plant(ledger, change)
    report = verify(ledger)
    assert not report.clean
    assert len(report.findings) == 1
    assert report.findings[0].startswith(f"member {name!r}, {named}: live ")
    assert "replayed" in report.findings[0]


def test_a_row_that_is_missing_is_found(ledger: Path) -> None:
    def drop(txn: Any) -> None:
        assert txn.delete((2).to_bytes(4, "big"))

    change_state(ledger, b"members", drop)
    # Rebuilt when it is opened, or told by verify: not taken for an empty member.
    report = verify(ledger)
    with Writer(ledger) as writer:
        name = writer.replica.dictionaries.members.names[2]
    assert report.clean or any(f.startswith(f"member {name!r}") for f in report.findings)


def test_a_planted_row_goes_when_the_checkpoint_is_deleted(
    made: tuple[Path, str], ledger: Path
) -> None:
    plant(ledger, better_tier)
    shutil.rmtree(state_path(ledger))
    assert_opens(ledger, made[1], "planted and deleted")
    assert verify(ledger).clean


# -- what it keeps ------------------------------------------------------------------------------


def test_dictionaries_and_ids_survive(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with ledgers.open_writer(path) as writer:
        ledgers.commit(writer, *range(30))
        later = ProductFact("milk", brand="Own", category="dairy/milk")
        writer.commit_control(CatalogFact("catalogue", ledgers.START, [later]))
        ledgers.commit(writer, *range(30, 60))
        dictionaries = writer.replica.dictionaries
        names = [
            list(codes.names)
            for codes in (
                dictionaries.members, dictionaries.stores, dictionaries.terminals,
                dictionaries.tenders, dictionaries.products.skus,
            )
        ]  # fmt: skip
        products = list(dictionaries.products.versions)
    assert len(products) == 5
    ids = ledgers.journalled_ids(path)
    with Writer(path) as writer:
        # All of it from state/: there is no tail to fold.
        assert writer.replica.tail_ids == {}
        again = writer.replica.dictionaries
        assert names == [
            again.members.names, again.stores.names, again.terminals.names,
            again.tenders.names, again.products.skus.names,
        ]  # fmt: skip
        assert again.products.versions == products
        assert products[again.products.at("milk", 0)].brand is None
        assert products[again.products.at("milk", 2**60)].brand == "Own"
        assert writer.replica.find_ids([*ids, "unknown"]) == {n: s for s, n in enumerate(ids, 1)}
        for seq, name in enumerate(ids, 1):
            assert writer.replica.find_ids([name]) == {name: seq}
        assert writer.replica.find_ids(["unknown"]) == {}


def test_repeats_are_answered_as_at_first_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with ledgers.open_writer(path) as writer:
        told = [ledgers.answers(ledgers.commit(writer, n))[0] for n in range(40)]
    for _ in range(2):
        with Writer(path) as writer:
            before = writer.replica.seq
            again = ledgers.commit(writer, *range(40))
            assert all(verdict.replayed for verdict in again)
            assert [ledgers.first_answer(a) for a in ledgers.answers(again)] == told
            assert writer.replica.seq == before
            other = ledgers.sale(7, store="elsewhere")
            (refused,) = writer.commit(ledgers.batch(other))
            assert refused.refusal is not None
            assert refused.refusal.slug == "id-reused"
        shutil.rmtree(state_path(path))


def test_a_checkpoint_is_written_while_commits_go_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with ledgers.open_writer(path) as writer:
        for number in range(0, 60, 2):
            ledgers.commit(writer, number, number + 1)
            if number % 6 == 0:
                writer.replica.save()
                assert writer.replica.tail_ids == {}
            if number % 10 == 4:
                # A snapshot taken, more commits, then it is written: as the checkpointer does.
                snapshot = writer.replica.snapshot()
                ledgers.commit(writer, 100 + number)
                assert writer.replica.checkpoint is not None
                writer.replica.gather()
                writer.replica.checkpoint.write(snapshot)
                writer.replica.checkpointed(snapshot)
                assert writer.replica.find_ids([f"f-{100 + number}", f"f-{number}"]).keys() == {
                    f"f-{100 + number}", f"f-{number}",
                }  # fmt: skip
        expected = ledgers.hash_of(writer.replica)
    with Writer(path) as writer:
        assert ledgers.hash_of(writer.replica) == expected
    report = verify(path)
    assert report.clean, report.findings
