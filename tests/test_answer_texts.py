"""Answers to plain sales as JSON are those made of objects, whatever else is in a commit."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np
import orjson
import pytest

from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.columns.verdicts import Verdict
from vafa.engine.facts import LoneFact
from vafa.engine.facts.parts import FormError
from vafa.engine.ledger.staged import Text
from vafa.engine.ledger.writer import Writer
from vafa.engine.wire.json_facts import decode_fact
from vafa.native.wire import Sale

from . import ledgers, mixed, strategies
from .cases import Case, Fact, body, is_control


def decoded(fact: Fact) -> Sale | LoneFact | None:
    """A fact that is right in form."""
    try:
        return decode_fact(body(fact))
    except FormError:
        return None


def told(writer: Writer, case: Case, wanted: bool) -> list[Text | Verdict]:
    """What is told of a case's facts of members, as text where that is wanted."""
    out: list[Text | Verdict] = []
    for batch in case.batches():
        if is_control(batch[0]):
            writer.commit_control(mixed.control(case, batch[0]))
            continue
        facts = [mixed.carried(fact) for fact in map(decoded, batch) if fact is not None]
        if not facts:
            continue
        staged = writer.stage(DecodedFacts(facts), force=True)
        writer.flush(staged)
        if wanted:
            # Every other one.
            out += writer.publish_texts(staged, np.arange(len(facts)) % 2 == 0)
        else:
            out += writer.publish(staged)
    return out


def test_texts_are_the_answers() -> None:
    draw, texts = random.Random("texts"), 0
    for _ in range(60):
        case = strategies.case_of(draw.randbytes(16))
        with tempfile.TemporaryDirectory() as folder:
            with Writer(Path(folder) / "a") as writer:
                plain = told(writer, case, wanted=False)
            with Writer(Path(folder) / "b") as writer:
                mixed_up = told(writer, case, wanted=True)
        for answer, text in zip(plain, mixed_up, strict=True):
            assert isinstance(answer, Verdict)
            if isinstance(text, Verdict):
                assert text == answer
            else:
                texts += 1
                assert text == orjson.dumps(answer.answer)
    assert texts > 30


@pytest.mark.parametrize("name", ['a"b', "a\\b", "\u2028", "فروش", "\U0001f600", "~"])
def test_ids_are_escaped(tmp_path: Path, name: str) -> None:
    with ledgers.open_writer(tmp_path / "ledger") as writer:
        facts = ledgers.batch(ledgers.sale(0), ledgers.sale(1, id=name), ledgers.sale(2))
        staged = writer.stage(facts, force=True)
        writer.flush(staged)
        first, mine, last = writer.publish_texts(staged, np.ones(3, np.bool_))
        assert isinstance(first, bytes)
        assert isinstance(last, bytes)
        answer = orjson.loads(mine) if isinstance(mine, bytes) else mine.answer
        assert answer is not None
        assert answer["id"] == name
        # The next commit knows all of them, and has nothing that is new.
        again = writer.stage(facts, force=True)
        assert all(isinstance(one, Verdict) and one.replayed
                   for one in writer.publish_texts(again, np.ones(3, np.bool_)))  # fmt: skip
