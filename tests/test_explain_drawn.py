"""Explanations of drawn histories: every fact and closed day, line by line, as it was committed."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec
import pytest

from vafa.engine.explain.explain import Explainer
from vafa.engine.explain.shape import Explanation, PostingTold

from . import engine_driver, random_days, random_received, strategies
from .cases import Case
from .mixed import commit_case

DRAWN: dict[str, Callable[[bytes], Case]] = {
    "all": strategies.case_of, "days": random_days.case_of, "received": random_received.case_of,
}  # fmt: skip
NO_FACTS = Case("nothing", {}, [])


def disagreements(case: Case) -> list[str]:
    """Where explanations and the journal of a case do not agree.

    After each commit every posting of its facts is that of the explanation; in the end the sums
    of every fact are.
    """
    found: list[str] = []
    with engine_driver.ledger(NO_FACTS) as writer:
        for batch in case.batches():
            before = writer.replica.seq
            engine_driver.accept(commit_case(writer, case, [batch]))
            if writer.replica.words is None:
                continue
            for told in Explainer(writer.replica).all():
                found += _of_sums(told)
                if told.seq > before:
                    found += _of_lines(told)
    return found


def _of_sums(told: Explanation) -> Iterable[str]:
    if not told.agrees:
        yield f"{told.kind} {told.id}: {told.differences}"
    if told.moved_lines and _lines(told.postings) == _lines(told.journalled):
        yield f"{told.kind} {told.id}: told as moved, and is not"


def _of_lines(told: Explanation) -> Iterable[str]:
    # A parked fact that its sale lets apply stands on the sale's row, as corrections.
    corrected = told.corrected and not told.moved_lines
    if not corrected and _lines(told.postings) != _lines(told.journalled):
        yield f"{told.kind} {told.id}:\n   {told.postings}\n   {told.journalled}"


def _lines(postings: Iterable[PostingTold]) -> Counter[bytes]:
    return Counter(map(msgspec.json.encode, postings))


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("kind", DRAWN)
def test_every_line_is_told_as_it_was_committed(kind: str, number: int) -> None:
    draw = random.Random(f"{kind} {number}")
    for _ in range(3):
        case = DRAWN[kind](draw.randbytes(16))
        assert disagreements(case) == [], case.name


if __name__ == "__main__":  # python -m tests.test_explain_drawn KIND FIRST COUNT
    of = DRAWN[sys.argv[1]]
    first, count = map(int, sys.argv[2:4])
    for seed in range(first, first + count):
        drawn = of(random.Random(f"{sys.argv[1]} {seed}").randbytes(16))
        if found := disagreements(drawn):
            print(f"{drawn.name}: {found[0]}", flush=True)
    print(f"{count} cases from {first} on are done")
