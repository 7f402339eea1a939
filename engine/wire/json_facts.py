"""Facts as JSON: typed, strict, bounded; what is wrong is named with its place.

The common form of a sale is read natively; everything else, and every error, comes from
the strict decoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar, get_args

import msgspec

from vafa.native.jsonkeys import count_objects, duplicate_key
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

MOST_FACT = 4 * 1024 * 1024
"""Bytes of a fact: more than a sale of as many lines as there may be. All others wait meanwhile."""

MOST_OBJECTS = 200_000
"""Objects of a list of the office's, which may be longer: each is made before they are counted."""

MOST_ODD = 256 * 1024
"""Bytes of an object in which names have escapes, or one object many members: Python reads it."""

LISTS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(WireControl))
"""Kinds that are lists of the office's."""


class _Kind(msgspec.Struct):
    kind: str


_read_kind = msgspec.json.Decoder(_Kind).decode


def decode_fact(body: bytes, *, lists: bool = True) -> Sale | LoneFact:
    """One JSON fact. Raises FormError; its slug tells bad JSON from a bad fact.

    `lists`: those of the office may have more than `MOST_FACT` bytes.
    """
    if len(body) > MOST_FACT:
        check_long(body, lists=lists)
    return parse_sale(body) or decode_strictly(body)


def check_long(body: bytes, *, lists: bool) -> None:
    """Raise FormError for a body of more than `MOST_FACT` bytes that is no list of the office's."""
    try:
        is_list = lists and _read_kind(body).kind in LISTS
    except msgspec.ValidationError:
        is_list = False
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormError(str(error), slug="invalid-json") from None
    if not is_list:
        raise FormError(f"has more than {MOST_FACT:,} bytes", slug="too-large")
    if count_objects(body) > MOST_OBJECTS:
        raise FormError(f"has more than {MOST_OBJECTS:,} objects", slug="too-large")


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
    check_members(body)
    check_form(fact)
    return fact


_UNKNOWN = re.compile(r"Object contains unknown field `(\w{1,64})`")
_NO_MEMBER = "Object missing required field `member`"
NAMELESS = ("sale", "return", "coupon redeem")
"""Kinds of facts that may name nobody: of receipts where the program lets them be claimed."""


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
    path = path.removeprefix("key` in `$.").partition("[...]")[0]
    unknown = _UNKNOWN.fullmatch(message)
    if unknown is not None:
        path = unknown[1] if path == "$" else f"{path}.{unknown[1]}"
    return message, path


def check_members(body: bytes, most: int = MOST_ODD) -> None:
    """Raise FormError, with its place, for a member that an object of sound JSON has twice.

    Of more than `most` bytes names have no escapes, and objects at most 128 members.
    """
    try:
        if duplicate_key(body) is None:
            return
    except ValueError:
        # Names with escapes, or many of them.
        if len(body) > most:
            told = f"has names with escapes, or over 128 in an object, and over {most:,} bytes"
            raise FormError(told, slug="too-large") from None
    try:
        # Integers stay text: Python makes none of thousands of digits.
        whole = json.loads(body, object_pairs_hook=_Object, parse_int=str)
        _check_members(whole, "")
    except RecursionError:
        raise FormError("is nested too deeply", slug="invalid-json") from None


class _Object(list[tuple[str, Any]]):
    """The members of an object as they stand."""


def _check_members(value: Any, path: str) -> None:
    if isinstance(value, _Object):
        seen: set[str] = set()
        for name, inner in value:
            # Names of the shop's own are not in the path.
            place = f"{path}.{name}".strip(".") if name.isidentifier() else path
            if name in seen:
                raise FormError(f"the member {name!r} is there twice", place, "duplicate-member")
            seen.add(name)
            _check_members(inner, place)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check_members(inner, f"{path}[{number}]")
