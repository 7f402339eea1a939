"""Answers to a batch of sales as JSON lines: those of the common form, without an object each."""

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


def in_common_form(outcome: Outcome, names: Mapping[int, str]) -> NDArray[np.bool_]:
    """Facts of a batch whose answers tell postings, balances and a tier, and nothing else.

    `names` are ids of the facts that are corrected.
    """
    common = outcome.status == 0
    more = _TELLS_MORE[outcome.postings["kind"]].nonzero()[0]
    if len(more):
        common[np.searchsorted(outcome.posted_from, more, side="right") - 1] = False
    if names:
        common[[one.row for one in resolutions(outcome.posted_from, outcome.postings)]] = False
    return common


def common_lines(
    words: AnswerWords, written: NDArray[np.bool_], numbers: NDArray[np.int64], ids: pa.Array,
    first: int, outcome: Outcome, names: Mapping[int, str],
) -> tuple[bytes, NDArray[np.int64]]:
    """What `answers.rated_answers` tells of sales, a line each with its number put first.

    Only facts that are `written` get one: they are in the common form, their ids need no escape.
    The bounds of all facts' lines (int64[n + 1]) come with the text.
    """
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
        written.view(np.uint8), numbers, bounds, text, first, starts, rule.astype(np.int64), kind,
        currency, points, desired, limit, corrects,
        np.ascontiguousarray(balances.reshape(n, 4 * size)), tier, words.json_rules, _KINDS,
        words.json_currencies, _LIMITS, [orjson.dumps(name) for name in names.values()],
        words.json_tiers,
    )
