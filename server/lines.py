"""Lines of NDJSON answers: that of a fact, or the problem that met it, under its line's number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from vafa.engine.columns.verdicts import Verdict

from .problems import problem_body


def line_of(number: int, verdict: Verdict, language: str) -> bytes:
    """A line of the answer: that of its fact, with the line's number put first."""
    answer = verdict.answer
    if answer is not None:
        if verdict.replayed and "reason" in answer:
            # Who looks at the status alone must not take it for success.
            answer = {**answer, "status": "refused", "replayed": True}
        return b'{"line":%d,' % number + orjson.dumps(answer)[1:] + b"\n"
    refusal = verdict.refusal
    assert refusal is not None
    body = problem_body(refusal.slug, refusal.detail, refusal.path, language)
    return problem_line(number, body)


def lines_of(
    numbers: NDArray[np.int64], told: Iterable[bytes | tuple[int, Verdict]], language: str
) -> bytes:
    """The lines of a batch, of which those of some rows are yet to be made."""
    return b"".join(
        one if isinstance(one, bytes) else line_of(int(numbers[one[0]]), one[1], language)
        for one in told
    )


def problem_line(number: int, body: dict[str, Any]) -> bytes:
    """The line of what is no fact, or one that may not be brought."""
    return orjson.dumps({"line": number, "status": "refused", "problem": body}) + b"\n"
