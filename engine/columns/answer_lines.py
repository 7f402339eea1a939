"""Answers to a batch of sales as JSON lines, where each of them is of the common form."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.told import answer_lines

from .answers import STOCK, AnswerWords, shown_postings
from .columns import BALANCES, Outcome, among
from .parked import resolutions
from .schema import text_view
from .status import LIMITS, POSTINGS

_TELLS_MORE = among((STOCK, POSTINGS.index("capture"), POSTINGS.index("accrue")))
_KINDS = [orjson.dumps(name) for name in POSTINGS]
_LIMITS = [orjson.dumps(name) for name in LIMITS]


def common_lines(
    words: AnswerWords, numbers: NDArray[np.int64], ids: pa.Array, first: int, outcome: Outcome,
    names: Mapping[int, str],
) -> bytes | None:
    """What `answers.rated_answers` tells of sales, a line each with its number put first.

    `ids` need no escape. None where an answer has more than the common form.
    """
    kinds = outcome.postings["kind"]
    if outcome.status.any() or _TELLS_MORE[kinds].any():
        return None
    if names and resolutions(outcome.posted_from, outcome.postings):
        return None
    starts, posted = shown_postings(outcome)
    n = len(ids)
    size = outcome.active.size // n
    balances = np.stack([getattr(outcome, name).reshape(n, size) for name in BALANCES], axis=2)
    # The number of no rule is the highest, that of no tier below 0.
    rule = np.minimum(posted["rule"], len(words.rules))
    tier = outcome.tier.astype(np.int64)
    tier[tier < 0] += len(words.tiers)
    corrects = np.full(len(rule), -1, np.int64)
    place_of = {seq: place for place, seq in enumerate(names)}
    for place in posted["corrects"].nonzero()[0].tolist() if names else ():
        corrects[place] = place_of[int(posted["corrects"][place])]
    bounds, text = text_view(ids)
    kind, currency, points, desired, limit = (
        posted[name].astype(np.int64)
        for name in ("kind", "currency", "points", "desired", "limit")
    )
    return answer_lines(
        numbers, bounds, text, first, starts, rule.astype(np.int64), kind, currency, points,
        desired, limit, corrects, np.ascontiguousarray(balances.reshape(n, 4 * size)), tier,
        [*map(orjson.dumps, [*words.rules, None])], _KINDS, [*map(orjson.dumps, words.currencies)],
        _LIMITS, [orjson.dumps(name) for name in names.values()],
        [*map(orjson.dumps, words.tiers)],
    )  # fmt: skip
