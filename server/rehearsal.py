"""What the first sale of a process would pay for: what libraries look up and load when first used.

It took the first commit 20 to 60 ms, behind which hundreds of tills waited after each restart.
"""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from pathlib import Path

import numpy as np

from vafa.engine.columns.dictionaries import Dictionaries
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.facts import PublishFact
from vafa.engine.journal.journal import LedgerError
from vafa.engine.ledger.writer import Writer
from vafa.engine.wire.json_facts import decode_fact
from vafa.native.wire import Sale

log = logging.getLogger("vafa")

_SINCE = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""A clock may stand at its beginning, and no fact may be of the future."""
_PROGRAM = """format = 1
id = "rehearsal"
unit = { code = "EUR" }
zone = "UTC"
currency = [{ id = "points", expiry = { policy = "after", days = 1 } }]
rule = [{ id = "base", kind = "earn", points = 1, per = 1 }]
"""
_SALE = (
    b'{"id":"s","kind":"sale","occurred_at":"1970-01-01T00:00:00Z","member":"m","store":"s",'
    b'"terminal":"t","lines":[{"sku":"a","quantity":1000,"net":100}],'
    b'"tenders":[{"type":"cash","amount":100}]}'
)


def rehearse(dictionaries: Dictionaries) -> None:
    """Take a sale from its bytes to its answer, in a ledger that is gone afterwards.

    The goods of `dictionaries` are made ready to be looked up. Where there is no room for such a
    ledger the first sale pays.
    """
    dictionaries.products.codes.index()
    try:
        _rehearse()
    except (LedgerError, OSError) as error:
        log.warning("the first sale will take longer: %s: %s", tempfile.gettempdir(), error)


def _rehearse() -> None:
    with tempfile.TemporaryDirectory() as folder, Writer(Path(folder)) as writer:
        verdict = writer.publish_program(PublishFact("program", _SINCE, _PROGRAM))
        assert verdict.refusal is None, verdict.refusal
        sale = decode_fact(_SALE)
        assert isinstance(sale, Sale)
        staged = writer.stage(DecodedFacts([sale]), force=True)
        writer.flush(staged)
        (told,) = writer.publish_texts(staged, np.ones(1, np.bool_))
        assert isinstance(told, bytes), told
