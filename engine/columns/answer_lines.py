"""Answers to a batch of sales as JSON lines: those of the common form, without an object each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.told import answer_lines

from .answers import STOCK, AnswerWords, are_shown
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
    words: AnswerWords, written: NDArray[np.bool_], numbers: NDArray[np.int64] | None,
    ids: pa.Array, first: int, outcome: Outcome, names: Mapping[int, str],
) -> tuple[bytes, NDArray[np.int64]]:
    """What `answers.rated_answers` tells of sales, a line each with its number put first; without
    numbers no lines but the answers alone.

    Only facts that are `written` get one: they are in the common form. One whose id needs an
    escape gets none. The bounds of all facts' lines (int64[n + 1]) come with the text.
    """
    postings = outcome.postings
    corrects = None
    if names:
        place_of = {seq: place for place, seq in enumerate(names)}
        corrects = np.array(
            [place_of.get(seq, -1) for seq in postings["corrects"].tolist()], np.int64
        )
    bounds, text = text_view(ids)
    active, pending, held, debt = (getattr(outcome, name).reshape(-1) for name in BALANCES)
    return answer_lines(
        written.view(np.uint8), numbers, bounds, text, first, outcome.posted_from,
        postings["rule"], postings["kind"], postings["currency"], postings["points"],
        postings["desired"], postings["limit"], corrects,
        are_shown(postings).view(np.uint8), active, pending, held, debt, outcome.tier,
        words.json_rules, _KINDS, words.json_currencies, _LIMITS,
        [orjson.dumps(name) for name in names.values()], words.json_tiers,
    )
