"""Small ledgers for tests: one program, sales made from a number, a process that only commits.

Run as a program it commits for ever and logs what it sends and what it is told
(`test_crash.py` kills it).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import lmdb

import vafa.engine.journal.journal
from vafa.engine.columns.answers import Answer
from vafa.engine.columns.carrier import sale_of
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.columns.verdicts import Verdict
from vafa.engine.facts import LineFact, PublishFact, SaleFact, TenderFact
from vafa.engine.journal.journal import Journal
from vafa.engine.ledger.digest import state_hash
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica, journal_path

PROGRAM = """
format = 1
id = "small"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"
expiry = { policy = "after", months = 2 }
caps = { day = 400 }

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100

[[rule]]
id = "milk"
kind = "multiply"
factor = 2
when = { sku = ["milk"] }

[[rule]]
id = "gift"
kind = "bonus"
points = 10
uses = { month = 2 }
when = { store = ["1"] }

[ladder]
window = "year"

[[ladder.tier]]
id = "bronze"

[[ladder.tier]]
id = "silver"
at_least = { spend = 5_000 }
"""

# Early enough that a run of many kills does not reach the present.
START = dt.datetime(1972, 1, 1, tzinfo=dt.UTC)
SKUS = ("milk", "bread", "tea", "نان")
STORES = ("", "1", "2")
MEMBERS = 12


def sale(number: int, **fields: Any) -> SaleFact:
    """The sale of a number: always the same; one in eight comes before an earlier one."""
    draw = random.Random(number)
    hours = 3 * number - (draw.randrange(2_000) if number % 8 == 0 else 0)
    lines = [
        LineFact(draw.choice(SKUS), 1_000 * draw.randint(1, 3), draw.randint(0, 3_000))
        for _ in range(draw.randint(1, 4))
    ]
    paid = sum(line.net for line in lines)
    made: dict[str, Any] = {
        "id": f"f-{number}",
        "occurred_at": START + dt.timedelta(hours=max(0, hours)),
        "member": f"m-{draw.randrange(MEMBERS)}",
        "lines": lines,
        "store": draw.choice(STORES),
        "terminal": draw.choice(("", "t1")),
        "tenders": [TenderFact("cash", paid)],
    }
    return SaleFact(**{**made, **fields})


def batch(*facts: SaleFact) -> DecodedFacts:
    """Facts as a batch."""
    return DecodedFacts([sale_of(fact) for fact in facts])


def intake(*numbers: int) -> DecodedFacts:
    """The sales of some numbers as a batch."""
    return batch(*(sale(number) for number in numbers))


def open_writer(ledger: Path, program: str = PROGRAM) -> Writer:
    """A writer of a ledger that has the program; the ledger is made when it is new."""
    writer = Writer(ledger)
    if writer.replica.fold is None:
        at = START - dt.timedelta(days=366)
        verdict = writer.publish_program(PublishFact("program", at, program))
        assert verdict.refusal is None
    return writer


def commit(writer: Writer, *numbers: int) -> list[Verdict]:
    """Commit the sales of some numbers in one batch."""
    return writer.commit(intake(*numbers))


def answers(verdicts: list[Verdict]) -> list[Answer]:
    """The answers of verdicts, none of which is a refusal."""
    found = [verdict.answer for verdict in verdicts if verdict.answer is not None]
    assert len(found) == len(verdicts), [v.refusal for v in verdicts if v.refusal]
    return found


def first_answer(answer: Answer) -> Answer:
    """An answer as it was at first: a repeat differs in its status only."""
    return {**answer, "status": "ok"} if answer["status"] == "replayed" else answer


def hash_of(replica: Replica) -> str:
    """State hash of an open replica."""
    assert replica.fold is not None
    return state_hash(replica.fold.state, replica.dictionaries)


def tell_hashes(ledger: Path, told: Connection) -> None:
    """State hashes that a reader and then a writer of a ledger come to; or what was in the way."""
    try:
        reader = Replica.open(ledger)
        told.send(hash_of(reader))
        reader.close()
        with Writer(ledger) as writer:
            told.send(hash_of(writer.replica))
    except BaseException:
        told.send(traceback.format_exc())
        raise


def journalled_ids(ledger: Path) -> list[str]:
    """Ids of all facts in the journal, by seq."""
    journal = Journal(journal_path(ledger))
    try:
        return [name for r in journal.scan() for name in r.facts().column("id").to_pylist()]
    finally:
        journal.close()


def make_ledger(ledger: Path, commits: int = 6, each: int = 3) -> str:
    """A closed ledger of some commits of sales 0, 1, ...; its state hash."""
    with open_writer(ledger) as writer:
        for first in range(0, commits * each, each):
            answers(commit(writer, *range(first, first + each)))
        return hash_of(writer.replica)


def open_raw(environment: Path) -> Any:
    """An LMDB environment opened past the engine, for doing damage."""
    size = vafa.engine.journal.journal.MAP_BYTES
    return lmdb.open(str(environment), map_size=size, max_dbs=4)


def raw_records(ledger: Path) -> list[tuple[bytes, bytes]]:
    """Keys and stored bytes of the journal's records."""
    env = open_raw(journal_path(ledger))
    try:
        database = env.open_db(b"records", create=False)
        with env.begin(db=database) as txn:
            return [(bytes(key), bytes(value)) for key, value in txn.cursor()]
    finally:
        env.close()


def commit_for_ever(ledger: Path, log: Path, seed: int) -> None:
    """Commit random batches, each id logged before it is sent and after it is answered."""
    draw = random.Random(seed)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    writer = open_writer(ledger)
    # What was sent before and has no answer is sent again, as a till does.
    done = {line.split(" ")[1] for line in log.read_text().splitlines() if line[:2] == "a "}
    sent = [line.split(" ")[1] for line in log.read_text().splitlines() if line[:2] == "s "]
    again = sorted({int(name) for name in sent} - {int(name) for name in done})
    number = max((int(name) for name in sent), default=-1) + 1
    while True:
        fresh = range(number, number + draw.randint(1, 12))
        number = fresh.stop
        sending = [*again, *fresh]
        if number > 20 and draw.random() < 0.3:
            sending.append(draw.randrange(number))
        again = []
        os.write(out, b"".join(b"s %d\n" % n for n in sending))
        told = answers(commit(writer, *sending))
        rows = (f"a {n} {json.dumps(answer)}\n" for n, answer in zip(sending, told, strict=True))
        os.write(out, "".join(rows).encode())
        if draw.random() < 0.1:
            writer.replica.save()


if __name__ == "__main__":
    commit_for_ever(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
