"""Facts of no member in the engine's own form: what they add and how two are compared."""

from __future__ import annotations

import datetime as dt
import hashlib

import msgspec

from ..columns.dictionaries import Dictionaries, Product, StoreVersion
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
    """A payload of the journal as its fact said it: without codes that the engine has drawn."""
    if kind != _COUPON_ISSUE:
        return payload
    return msgspec.msgpack.encode(read_issue(payload).as_sent())


def _digest(items: object) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(items)).digest()


def grow_by(fact: ControlFact, dictionaries: Dictionaries) -> None:
    """Add the versions that a catalogue or stores bring; those that change nothing are left."""
    since = instant_us(fact.occurred_at)
    match fact:
        case CatalogFact():
            for item in fact.products:
                dictionaries.products.change(product_version(item, since))
        case StoreFact():
            for store in fact.stores:
                dictionaries.stores.change(store_version(store, since))
