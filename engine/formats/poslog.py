"""ARTS POSLog XML, versions 2.2 to 6: retail transactions, read as they stream.

Elements are known by their local names: vendors use namespaces of their own, and extensions
are passed over. Documents with a DTD are refused, so no entity is ever expanded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from lxml import etree

from ..facts.parts import FormError
from .basket import Basket
from .earlier import Sales
from .found import Found, Skipped
from .poslog_parts import attribute, flag, text_at
from .poslog_transaction import Reading
from .settings import PoslogFile

CHUNK = 1 << 16
MOST_BYTES = 32 << 20
"""Bytes between the ends of two transactions: what stands in memory at once."""

RAW_BYTES = 20_000
"""Bytes of a transaction that a reject shows."""

POST_VOIDED = "postvoided"
SOLD = frozenset(("", "delivered", "finished", "completed", "posted", POST_VOIDED))
NOT_SOLD = frozenset(
    ("suspended", "suspendedretrieved", "voided", "cancelled", "canceled", "failed", "inprocess",
     "started", "totaled", "tendered", "ordered", "held")
)  # fmt: skip
"""Statuses of transactions."""

Kept = Sales


def read_poslog(
    stream: BinaryIO, settings: PoslogFile, kept: Sales | None = None
) -> Iterator[Found]:
    """The facts of a POSLog. Raises FormError for one that cannot be read on.

    `kept` has the transactions of files before this one, and gains those of this one.
    """
    reading = Reading(settings)
    earlier = Kept() if kept is None else kept
    for number, element in enumerate(_transactions(stream), 1):
        yield from _found(f"Transaction[{number}]", element, reading, earlier)


def _found(at: str, element: Any, reading: Reading, earlier: Sales) -> Iterator[Found]:
    head = "-".join(
        text_at(element, *path) for path in (("RetailStoreID",), ("WorkstationID",),
                                             ("BusinessDayDate",), ("SequenceNumber",))
    )  # fmt: skip
    try:
        what = _receipt(element, reading)
        if isinstance(what, Basket):
            earlier.note(what)
        whats = [what] if isinstance(what, Skipped) else list(what.facts())
    except FormError as error:
        shown = etree.tostring(element)[:RAW_BYTES].decode("utf-8", "replace")
        yield Found(at, error, lambda: shown)
        return
    for fact in whats:
        yield Found(at, fact, lambda: head)


def _receipt(element: Any, reading: Reading) -> Basket | Skipped:
    if flag(element, "TrainingModeFlag"):
        return Skipped("training")
    if flag(element, "CancelFlag"):
        return Skipped("cancelled")
    retail = [child for child in element if etree.QName(child).localname == "RetailTransaction"]
    if not retail:
        return Skipped("not-retail")
    status = attribute(retail[0], "TransactionStatus").lower()
    if status in NOT_SOLD:
        return Skipped(status)
    if status not in SOLD:
        raise FormError(f"{status!r} is no known status", "TransactionStatus")
    return reading.basket(element, retail[0], post_void=status == POST_VOIDED)


def _transactions(stream: BinaryIO) -> Iterator[Any]:
    """The Transaction elements one by one; each is gone when the next is asked for."""
    parser = etree.XMLPullParser(
        ("start", "end"), tag=("{*}Transaction", "{*}POSLog"), resolve_entities=False,
        no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    since, rooted = 0, False
    try:
        while chunk := stream.read(CHUNK):
            since += len(chunk)
            parser.feed(chunk)
            for event, element in parser.read_events():
                if not rooted:
                    rooted = True
                    if element.getroottree().docinfo.doctype:
                        raise FormError("has a DTD; POSLogs have none, and entities can harm")
                if event == "start" or etree.QName(element).localname != "Transaction":
                    continue
                since = 0
                yield element
                _forget(element)
            if since > MOST_BYTES:
                raise FormError(
                    f"has more than {MOST_BYTES} bytes in one transaction", slug="too-large"
                )
        parser.close()
    except etree.XMLSyntaxError as error:
        raise FormError(f"is not well-formed XML: {error}"[:300]) from None
    if not rooted:
        raise FormError("has no Transaction")


def _forget(element: Any) -> None:
    """Let go of an element that is done, and of all that stood before it."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]
