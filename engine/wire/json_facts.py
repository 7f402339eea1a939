"""Facts as JSON: typed, strict, bounded; what is wrong is named with its place.

The common form of a sale is read natively; everything else, and every error, comes from
the strict decoder.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar

import msgspec

from vafa.native.jsonkeys import duplicate_key
from vafa.native.wire import Sale, parse_sale

from ..checks.program_file import split_path
from ..columns.carrier import carrier_of
from ..facts import (
    CancelFact,
    CardLinkFact,
    CardPinFact,
    EnrolFact,
    Fact,
    GiftCardFact,
    JointFact,
    LoneFact,
    MemberFact,
    MemberUpdateFact,
    SaleFact,
    WireControl,
    json_decoder,
)
from ..facts.form import check_form
from ..facts.parts import FormError

F = TypeVar("F", bound=Fact | CardPinFact)


def decode_fact(body: bytes) -> Sale | LoneFact:
    """One JSON fact. Raises FormError; its slug tells bad JSON from a bad fact."""
    return parse_sale(body) or decode_strictly(body)


def decode_strictly(body: bytes) -> Sale | LoneFact:
    """As `decode_fact`, always by the strict decoder."""
    fact: MemberFact | LoneFact = read_strictly(body, _decode)
    if isinstance(fact, WireControl | CardPinFact) or is_joint(fact):
        return fact
    if isinstance(fact, EnrolFact | MemberUpdateFact) and fact.profile is not msgspec.UNSET:
        return fact
    return carrier_of(fact)


def is_joint(fact: MemberFact | JointFact) -> TypeGuard[JointFact]:
    """Whether a fact is about more than one account: of sales those that gift cards pay, of
    cancels those of claims."""
    if isinstance(fact, SaleFact):
        return any(tender.card is not None for tender in fact.tenders)
    if isinstance(fact, CancelFact):
        return fact.claim is not None
    return isinstance(fact, JointFact)


def read_strictly(body: bytes, decode: Callable[[bytes], F]) -> F:
    """A fact of JSON by a decoder of msgspec, with all checks of form. Raises FormError."""
    try:
        fact = decode(body)
    except msgspec.ValidationError as error:
        raise FormError(*_place(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormError(str(error), slug="invalid-json") from None
    try:
        found = duplicate_key(body)
        twice = None if found is None else found.decode(errors="replace")
    except ValueError as error:
        if not isinstance(fact, EnrolFact | MemberUpdateFact):
            raise FormError(str(error), slug="invalid-json") from None
        # Values and anniversaries have names of the shop's own: many, or written with escapes.
        twice = duplicate_member(body)
    if twice is not None:
        raise FormError(f"the member {twice!r} is there twice", slug="duplicate-member")
    check_form(fact)
    return fact


_NO_MEMBER = "Object missing required field `member`"
NAMELESS = ("sale", "return")
"""Kinds of facts that may name nobody, where the program lets receipts be claimed."""


def _decode(body: bytes) -> MemberFact | LoneFact:
    """A typed fact; the member of one whose card tells it is "", and of one that names nobody."""
    try:
        whole: MemberFact | LoneFact = json_decoder.decode(body)
    except msgspec.ValidationError as error:
        if str(error) != _NO_MEMBER:
            raise
        fields = msgspec.json.decode(body)
        if not fields.get("card") and fields.get("kind") not in NAMELESS:
            raise
        fact: MemberFact | JointFact | CardPinFact = msgspec.convert(
            {**fields, "member": "?"}, MemberFact | JointFact | CardPinFact
        )
        if isinstance(fact, CardLinkFact | GiftCardFact):
            # Its card is what it is about.
            raise
        fact.member = ""
        return fact
    return whole


def _place(message: str) -> tuple[str, str]:
    """(what is wrong, path); names of the shop's own are not in the path."""
    message, path = split_path(message)
    # "text - at `key` in `$.values`": a name of an object is wrong.
    path = path.removeprefix("key` in `$.")
    return message, path.partition("[...]")[0]


def duplicate_member(body: bytes) -> str | None:
    """A member that an object of well-formed JSON has twice, None when there is none."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            found.append(next(name for name in names if names.count(name) > 1))

    json.loads(body, object_pairs_hook=look)
    return found[0] if found else None
