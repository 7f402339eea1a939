"""Facts of no member in the engine's own form: what they add and how two are compared."""

from __future__ import annotations

import datetime as dt
import hashlib
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from ..columns.dictionaries import Dictionaries, Product, StoreVersion, Versions
from ..facts import (
    KINDS,
    CatalogFact,
    ControlFact,
    CouponBlockFact,
    CouponIssueFact,
    DayClosedFact,
    ProductFact,
    ProfitShareFact,
    PublishFact,
    RewardStockFact,
    StoreAttributes,
    StoreFact,
)
from ..facts.parts import instant_us
from .coupon_book import codes_payload, read_issue
from .reward_stock import Told

_COUPON_ISSUE = KINDS.index("coupon issue")
_NAMES = (KINDS.index("catalog"), KINDS.index("store"))
_DIGEST = 32
"""Bytes of a digest; in a payload of the journal the names that a fact tells of follow it."""


class Published(msgspec.Struct, frozen=True, array_like=True):
    """What the journal keeps of a publication: the file's text, dates of its holidays."""

    program: str
    holidays: dict[str, list[dt.date]] = {}


published = msgspec.msgpack.Decoder(Published).decode
"""The publication that a payload holds."""


def kind_of(fact: ControlFact) -> int:
    """Code of a fact's kind."""
    return KINDS.index(fact.__struct_config__.tag)


def product_version(item: ProductFact, since: int) -> Product:
    """A product as it is from an instant (us) on."""
    return Product(
        item.sku, since, item.brand, item.department, item.category, item.supplier,
        item.price_class, item.on_promotion, tuple(sorted(set(item.labels))), item.weighed,
    )  # fmt: skip


def store_version(item: StoreAttributes, since: int) -> StoreVersion:
    """A store as it is from an instant (us) on."""
    return StoreVersion(item.store, since, item.region, item.format)


def payload_of(fact: ControlFact) -> bytes:
    """What the journal keeps of a fact beside what the dictionaries gain; equal when equal.

    A digest of a catalogue or of stores, the date of a day closed (ISO), what a profit share, a
    reward's stock or codes of coupons say (msgpack), program text and holidays of a publication
    (msgpack, see `published`).
    """
    match fact:
        case CatalogFact():
            return _digest([tuple(product_version(item, 0)) for item in fact.products])
        case StoreFact():
            return _digest([tuple(store_version(item, 0)) for item in fact.stores])
        case DayClosedFact():
            return fact.date.isoformat().encode()
        case ProfitShareFact():
            causes = [sorted(fact.causes.items())] if fact.causes else []
            return msgspec.msgpack.encode([
                fact.since, fact.until, fact.currency, fact.points, fact.weight, fact.expires,
                *causes,
            ])  # fmt: skip
        case RewardStockFact() | CouponIssueFact() | CouponBlockFact():
            return _brought(fact)
        case PublishFact():
            holidays = {name: sorted(set(days)) for name, days in sorted(fact.holidays.items())}
            return msgspec.msgpack.encode(Published(fact.program, holidays))


def _brought(fact: RewardStockFact | CouponIssueFact | CouponBlockFact) -> bytes:
    if isinstance(fact, RewardStockFact):
        return msgspec.msgpack.encode(Told(fact.reward, fact.pieces, fact.items))
    return codes_payload(fact)


def as_sent(kind: int, payload: bytes) -> bytes:
    """A payload of the journal as its fact said it: without what the engine has added, codes that
    it has drawn and numbers that it has given."""
    if kind in _NAMES:
        return payload[:_DIGEST]
    if kind != _COUPON_ISSUE:
        return payload
    return msgspec.msgpack.encode(read_issue(payload).as_sent())


def _digest(items: object) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(items)).digest()


class Elsewhere(NamedTuple):
    """What catalogues (or stores) that came before say from a new one's instant on, by the codes of
    names: when they say again what was in force (us), and of what they say the last word.
    """

    again: Mapping[int, int] = {}
    overruled: frozenset[int] = frozenset()


NOWHERE = Elsewhere()


def grow_by(
    fact: ControlFact, dictionaries: Dictionaries, elsewhere: Elsewhere = NOWHERE
) -> None:
    """Add the versions that a catalogue or stores bring; those that change nothing are left.

    One version at least is as new as the fact: so it is known whether a later one is late.
    """
    if isinstance(fact, CatalogFact | StoreFact):
        _grow(*told_by(fact, dictionaries), elsewhere)


def told_by(
    fact: CatalogFact | StoreFact, dictionaries: Dictionaries
) -> tuple[Versions[Any], list[Any]]:
    """Where a fact's names stand, and the versions of them that it tells."""
    since = instant_us(fact.occurred_at)
    if isinstance(fact, CatalogFact):
        return dictionaries.products, [product_version(item, since) for item in fact.products]
    return dictionaries.stores, [store_version(store, since) for store in fact.stores]


def _grow(versions: Versions[Any], fresh: list[Any], elsewhere: Elsewhere) -> None:
    for version in fresh:
        code = versions.codes.numbers.get(version[0], -1)
        if code in elsewhere.overruled:
            continue
        before = versions.in_force(version[0], version.since)
        if versions.change(version) and before is not None and code in elsewhere.again:
            # Said again by one that is later and was here: it had nothing to change then.
            versions.add(before._replace(since=elsewhere.again[code]))
    if fresh[0].since > versions.newest:
        versions.add(fresh[0])


def with_names(payload: bytes, fact: CatalogFact | StoreFact, dictionaries: Dictionaries) -> bytes:
    """A payload with the names that the fact tells of, by the codes that they have by now."""
    versions, fresh = told_by(fact, dictionaries)
    codes = sorted({versions.codes.numbers[version[0]] for version in fresh})
    steps = np.diff(np.array(codes, np.uint32), prepend=np.uint32(0))
    return payload + zlib.compress(steps.astype("<u4").tobytes())


def named_by(payload: bytes) -> list[int]:
    """The codes of the names that a catalogue, or stores, in the journal tell of."""
    packed = payload[_DIGEST:]
    if not packed:
        # Of before they were kept.
        return []
    found: list[int] = np.cumsum(np.frombuffer(zlib.decompress(packed), "<u4")).tolist()
    return found
