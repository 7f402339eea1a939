"""Every kind of fact: from JSON to the carrier, columns, the journal row and back."""

from __future__ import annotations

import copy
import datetime as dt
import json
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vafa.engine.columns.carrier import Carried, wire_fields
from vafa.engine.columns.columns import (
    MEMBER_KINDS,
    POSTING_COLUMNS,
    Extra,
    Facts,
    Outcome,
    join,
    take,
    without_lines,
)
from vafa.engine.columns.dictionaries import Dictionaries, Sizes
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.columns.records import (
    content_of_row,
    control_batch,
    facts_batch,
    grow,
    growth_batch,
    read_facts,
    rows_batch,
    same_facts,
)
from vafa.engine.controls.controls import Published, payload_of, published
from vafa.engine.facts import KINDS, PublishFact
from vafa.engine.facts.parts import MOST_AMOUNT, MOST_POINTS, FormError
from vafa.engine.wire.json_facts import decode_fact, decode_strictly
from vafa.native.wire import Sale, parse_sale
from vafa.server.problems import json_pointer

Json = dict[str, Any]


BASE: Json = {"id": "f", "occurred_at": "2024-03-01T12:00:00Z", "member": "m"}
LINE: Json = {"sku": "milk", "quantity": 2000, "net": 500}
BACK: list[Json] = [{"line": 1, "quantity": 1000}]

# Each kind in full.
FULL: dict[str, Json] = {
    "sale": {
        "lines": [{**LINE, "line": 4, "gross": 600, "cost": 300}, {**LINE, "line": 2}],
        "channel": "web", "coupons": ["b", "a", "b"], "completed": True,
        "tenders": [
            {"type": "cash", "amount": 1}, {"type": "points", "amount": 9, "points": 90},
            {"type": "points", "amount": 5, "points": 50, "ref": "hold"},
            {"type": "points", "amount": 4, "ref": "other"},
        ],
        "return": {"sale": "before", "lines": [{"sku": "milk", "net": 3}, *BACK]},
    },
    "return": {"sale": "before", "lines": BACK, "reason": "sour"},
    "activity": {"code": "review", "quantity": 0, "channel": "app"},
    "adjust": {
        "currency": "points", "points": 50, "expires": "2024-12-31", "reason": "sorry",
        "actor": "anna",
    },
    "redeem": {"currency": "points", "points": MOST_POINTS, "completed": True},
    "hold": {
        "currency": "points", "points": 50, "expires_at": "2024-03-01T18:00:00+03:30",
        "completed": True,
    },
    "capture": {"hold": "before", "points": 30, "partial": True, "completed": True},
    "release": {"hold": "before"},
    "payment": {"sale": "before", "amount": 10**12},
    "cancel": {"redemption": "before", "points": MOST_POINTS},
    "card link": {"card": "c", "move": True},
    "card block": {"card": "c", "reason": "lost"},
    "card unblock": {"card": "c", "reason": "found"},
    "enrol": {
        "birth": "1990-03-21", "birth_calendar": "jalali", "cards": ["b", "a"],
        "anniversaries": {"wedding": "2010-06-01", "نام": {
            "date": "2012-03-20", "calendar": "jalali"}},
        "segments": ["vip", "new", "vip"], "values": {"ltv": -10**15},
    },
    "member update": {
        "birth": None, "segments": [],
        "manual_tier": {"tier": "gold", "through": "2024-12-31", "reason": "asked"},
    },
    "subscription start": {"plan": "plus", "ends_at": "2025-03-01T00:00:00+03:30"},
    "subscription end": {"plan": "plus"},
    "donate": {"cause": "school", "currency": "points", "points": 3},
}  # fmt: skip

CONTROLS: dict[str, Json] = {
    "catalog": {"products": [{
        "sku": "milk", "price_class": "red", "on_promotion": False, "labels": ["b", "a"],
        "weighed": True, "category": "food/dairy",
    }]},
    "store": {"stores": [{"store": "1", "region": "north", "format": "mini"}]},
    "day closed": {"date": "2024-02-29"},
}  # fmt: skip


def wire(kind: str, **fields: Any) -> Json:
    """A full fact of a kind with fields replaced; `...` leaves a field out."""
    member = BASE if kind in FULL else {name: BASE[name] for name in ("id", "occurred_at")}
    fact = {**member, "kind": kind, **{**FULL, **CONTROLS}[kind], **fields}
    return {name: value for name, value in fact.items() if value is not ...}


def decoded(fact: Json) -> Any:
    """A fact through JSON."""
    return decode_fact(json.dumps(fact, ensure_ascii=False).encode())


# -- there and back -----------------------------------------------------------------------------


def nothing_happened(n: int, currencies: int = 2) -> Outcome:
    """An outcome of rows that moved nothing."""
    kinds = dict(zip(POSTING_COLUMNS, (
        np.uint16, np.uint8, np.uint8, np.uint8, np.int64, np.int64, np.uint64,
    ), strict=True))  # fmt: skip
    zeros = np.zeros((n, currencies), np.int64)
    return Outcome(
        status=np.zeros(n, np.uint8), tier=np.full(n, -1, np.int8), active=zeros, pending=zeros,
        held=zeros, debt=zeros, previous=np.zeros(n, np.uint64),
        posted_from=np.zeros(n + 1, np.int64),
        postings={name: np.zeros(0, kind) for name, kind in kinds.items()},
    )  # fmt: skip


def journalled(intake: DecodedFacts, dictionaries: Dictionaries) -> pa.RecordBatch:
    """Journal rows of a batch."""
    facts = intake.columns(dictionaries, None)
    n = len(facts)
    batch = facts_batch(
        intake.id_array(None), facts, nothing_happened(n), np.ones(n, np.uint16), 2
    )
    batch.validate(full=True)
    return batch


def assert_there_and_back(facts: list[Json]) -> None:
    """Every form of the facts tells the same."""
    carriers = [decoded(fact) for fact in facts]
    intake = DecodedFacts(carriers)
    ours, theirs = Dictionaries(), Dictionaries()
    batch = journalled(intake, ours)
    growth = growth_batch(ours, Sizes())
    assert growth is not None
    grow(theirs, growth)
    assert same_facts(intake.columns(ours, None), read_facts(batch)).all()
    for row, (fact, carrier) in enumerate(zip(facts, carriers, strict=True)):
        content = carrier.content()
        assert KINDS[content[0]] == fact["kind"]
        assert content[0] in MEMBER_KINDS
        assert content_of_row(batch, row, theirs) == content
        sent = msgspec.msgpack.encode(carrier.parts())
        assert Sale.of(*msgspec.msgpack.decode(sent, type=Carried)).content() == content
        if all(part[1] == line[2] for part, line in zip(
            content[7].details if content[7] else (), content[5], strict=False
        )):  # what voids took in part has no wire form
            again = {**{k: fact[k] for k in ("id", "kind", "occurred_at")}, **wire_fields(content)}
            assert decoded(again).content() == content


@pytest.mark.parametrize("kind", FULL)
def test_a_kind_goes_there_and_back(kind: str) -> None:
    assert_there_and_back([wire(kind)])


@pytest.mark.parametrize("kind", set(FULL) - {"card link"})
def test_a_card_may_name_the_member(kind: str) -> None:
    assert decoded(wire(kind, member=..., card="c")).content()[2] == ""
    fact = decoded(wire(kind, card="c"))
    assert fact.content()[2] == fact.extra.member == "m"


def test_kinds_go_together() -> None:
    assert_there_and_back([wire(kind, id=kind) for kind in FULL])


NAMES = st.sampled_from(["a", "b", "نان", "x" * 64, '"', "a/b", "a.b"])
PLACES = st.one_of(st.just(""), NAMES)
FIGURES = st.sampled_from([0, 1, 999, 1000, 2500, MOST_AMOUNT])
DATES = st.dates(dt.date(1900, 1, 1), dt.date(2024, 1, 1)).map(str)
SOME = st.fixed_dictionaries


def some_lines() -> st.SearchStrategy[list[Json]]:
    """Lines of a sale with what they may have."""
    return st.lists(
        SOME({"sku": NAMES, "quantity": FIGURES, "net": FIGURES},
             optional={"gross": FIGURES, "cost": FIGURES, "discount": st.integers(-5, 0)}),
        min_size=1, max_size=4,
    )  # fmt: skip


BACKS = st.lists(
    SOME({"line": st.integers(1, 9), "quantity": st.integers(1, 5000)},
         optional={"net": FIGURES, "sku": NAMES}), min_size=1, max_size=3,
)  # fmt: skip
ABOUT: Json = {
    "birth": st.one_of(st.none(), DATES), "birth_calendar": st.sampled_from(["jalali"]),
    "anniversaries": st.dictionaries(NAMES, st.one_of(DATES, SOME({"date": DATES}))),
    "segments": st.lists(NAMES), "values": st.dictionaries(NAMES, st.integers(-9, 9)),
    "manual_tier": st.one_of(st.none(), SOME(
        {"tier": NAMES, "through": st.just("2024-09-01"), "reason": NAMES})),
}  # fmt: skip
BY_KIND: dict[str, tuple[Json, Json]] = {
    "sale": (
        {"lines": some_lines()},
        {"channel": PLACES, "coupons": st.lists(NAMES, max_size=3), "completed": st.booleans(),
         "tenders": st.lists(SOME({"type": NAMES, "amount": FIGURES},
                                  optional={"points": st.integers(1, 9), "ref": NAMES}),
                             max_size=3),
         "return": SOME({"sale": st.just("before"), "lines": BACKS})},
    ),
    "return": ({"lines": BACKS}, {"sale": st.just("before"), "reason": PLACES}),
    "activity": ({"code": NAMES}, {"quantity": st.integers(0, 9), "channel": PLACES}),
    "adjust": (
        {"currency": NAMES, "points": st.integers(1, 9)},
        {"reason": PLACES, "actor": PLACES, "expires": st.sampled_from(["never", "2030-01-31"])},
    ),
    "redeem": ({"currency": NAMES, "points": st.integers(1, 9)}, {"completed": st.booleans()}),
    "hold": (
        {"currency": NAMES, "points": st.integers(1, 9)},
        {"completed": st.booleans(), "expires_at": st.just("2031-01-01T00:00:00.5Z")},
    ),
    "capture": (
        {"hold": NAMES},
        {"points": st.integers(1, 9), "partial": st.booleans(), "completed": st.booleans()},
    ),
    "release": ({"hold": NAMES}, {}),
    "payment": ({"sale": NAMES, "amount": st.integers(1, 9)}, {}),
    "cancel": ({"redemption": NAMES}, {"points": st.integers(1, 9)}),
    "enrol": ({}, ABOUT),
    "member update": ({}, ABOUT),
    "subscription start": ({"plan": NAMES}, {"ends_at": st.just("2031-01-01T00:00:00.5Z")}),
    "subscription end": ({"plan": NAMES}, {}),
}  # fmt: skip


@st.composite
def random_facts(draw: st.DrawFn) -> list[Json]:
    """Facts of all kinds."""
    made = []
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(sorted(BY_KIND)))
        must, may = BY_KIND[kind]
        body = draw(SOME({**must, "member": NAMES, "store": PLACES, "terminal": PLACES},
                         optional=may))  # fmt: skip
        at = f"2024-0{draw(st.integers(1, 9))}-01T00:00:00Z"
        made.append({"id": f"f{number}", "kind": kind, "occurred_at": at, **body})
    return made


@settings(deadline=None)
@given(random_facts())
def test_random_facts_go_there_and_back(facts: list[Json]) -> None:
    assert_there_and_back(facts)


@settings(deadline=None)
@given(random_facts(), st.data())
def test_rows_are_taken_and_joined_alike(facts: list[Json], data: st.DataObject) -> None:
    dictionaries = Dictionaries()
    intake = DecodedFacts([decoded(fact) for fact in facts])
    columns = intake.columns(dictionaries, None)
    rows = data.draw(st.lists(st.integers(0, len(facts) - 1), max_size=6))
    ones = [take(columns, np.array([row])) for row in rows]
    taken = take(columns, np.array(rows, np.int64))
    some = intake.columns(dictionaries, np.array(rows, np.int64))
    for other in (some, join(taken), *([join(*ones)] if ones else [])):
        assert same_facts(taken, other).all()
        assert len(other) == len(rows)
    assert (taken.extras is None) == all(intake.facts[row].extra is None for row in rows)


# -- one meaning, one content ----------------------------------------------------------------------

SAME: dict[str, tuple[Json, Json]] = {
    "gross by default": (wire("sale", lines=[LINE]), wire("sale", lines=[{**LINE, "gross": 500}])),
    "gross by discount": (
        wire("sale", lines=[{**LINE, "discount": 7}]), wire("sale", lines=[{**LINE, "gross": 507}])
    ),
    "gross is told": (
        wire("sale", lines=[{**LINE, "discount": 7, "gross": 500}]), wire("sale", lines=[LINE])
    ),
    "places in order": (wire("sale", lines=[LINE]), wire("sale", lines=[{**LINE, "line": 1}])),
    "coupons in any order": (wire("sale", coupons=["a", "b"]), wire("sale", coupons=["b", "a"])),
    "a void line has no cost": (
        wire("sale", lines=[{**LINE, "cost": 5}, {"sku": "milk", "quantity": -2000, "net": -500}]),
        wire("sale", lines=[LINE, {"sku": "milk", "quantity": -2000, "net": -500}]),
    ),
    "a bare date is Gregorian": (
        wire("enrol", anniversaries={"w": "2010-01-02"}),
        wire("enrol", anniversaries={"w": {"date": "2010-01-02", "calendar": "gregorian"}}),
    ),
    "cards in any order": (wire("enrol"), wire("enrol", cards=["a", "b", "a"])),
    "segments in any order": (
        wire("enrol", segments=["a", "b"]), wire("enrol", segments=["b", "a", "b"])
    ),
    "defaults told": (
        wire("activity", quantity=..., channel=...),
        wire("activity", quantity=1, channel="", store="", terminal=""),
    ),
    "the same instant": (
        wire("redeem"), wire("redeem", occurred_at="2024-03-01T15:30:00+03:30")
    ),
    "the same end": (
        wire("subscription start", ends_at="2025-01-01T00:00:00Z"),
        wire("subscription start", ends_at="2025-01-01T03:30:00+03:30"),
    ),
    "the same end of a hold": (
        wire("hold"), wire("hold", expires_at="2024-03-01T14:30:00Z")
    ),
    "a hold's defaults told": (
        wire("hold", completed=...), wire("hold", completed=False, store="", terminal="")
    ),
    "no part is no part": (
        wire("capture", partial=..., completed=...),
        wire("capture", partial=False, completed=False),
    ),
}  # fmt: skip

OTHER: dict[str, tuple[Json, Json]] = {
    "cost of 0": (wire("sale", lines=[LINE]), wire("sale", lines=[{**LINE, "cost": 0}])),
    "gross": (wire("sale", lines=[LINE]), wire("sale", lines=[{**LINE, "gross": 501}])),
    "channel": (wire("sale"), wire("sale", channel="app")),
    "voided in part": (
        wire("sale", lines=[LINE]),
        wire("sale", lines=[{"sku": "milk", "quantity": 3000, "net": 600},
                            {"sku": "milk", "quantity": -1000, "net": -100}]),
    ),
    "points of a tender": (
        wire("sale", tenders=[{"type": "points", "amount": 1}]),
        wire("sale", tenders=[{"type": "points", "amount": 1, "points": 1}]),
    ),
    "kind": (wire("enrol", cards=...), {**wire("enrol", cards=...), "kind": "member update"}),
    "null and left out": (wire("enrol", birth=None), wire("enrol", birth=...)),
    "no receipt": (wire("return"), wire("return", sale=...)),
    "reason": (wire("adjust"), wire("adjust", reason="other")),
    "forced": (wire("adjust", points=-1, expires=...),
               wire("adjust", points=-1, expires=..., forced=True)),
    "cards": (wire("enrol"), wire("enrol", cards=["a"])),
    "card": (wire("redeem"), wire("redeem", card="c")),
    "card alone": (wire("redeem", card="c"), wire("redeem", card="c", member=...)),
    "moved": (wire("card link"), wire("card link", move=False)),
    "end": (wire("subscription start"), wire("subscription start", ends_at=...)),
    "end of a hold": (wire("hold"), wire("hold", expires_at=...)),
    "in part": (wire("capture"), wire("capture", partial=False)),
    "a figure told": (wire("capture"), wire("capture", points=...)),
    "another hold": (wire("release"), wire("release", hold="other")),
    "all of it": (wire("cancel"), wire("cancel", points=...)),
    "what a tender is paid with": (
        wire("sale", tenders=[{"type": "points", "amount": 1, "points": 1}]),
        wire("sale", tenders=[{"type": "points", "amount": 1, "points": 1, "ref": "hold"}]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_two_writings_of_one_fact_are_equal(name: str) -> None:
    one, other = map(decoded, SAME[name])
    assert one.content() == other.content()


@pytest.mark.parametrize("name", OTHER)
def test_two_facts_are_not_equal(name: str) -> None:
    intake = DecodedFacts([decoded(fact) for fact in OTHER[name]])
    assert intake.content(0) != intake.content(1)
    columns = intake.columns(Dictionaries(), None)
    assert not same_facts(take(columns, np.array([0])), take(columns, np.array([1]))).any()


def test_a_plain_sale_has_no_extra() -> None:
    plain = {**BASE, "kind": "sale", "lines": [LINE], "channel": "", "coupons": []}
    assert decoded(plain).extra is None
    assert decoded({**BASE, "kind": "enrol", "cards": []}).extra is None
    batch = journalled(DecodedFacts([decoded(plain)]), Dictionaries())
    assert batch.column("payload").null_count == 1
    assert read_facts(batch).extras is None
    assert read_facts(batch).extra(0) == Extra()


@pytest.mark.parametrize("kind", [*FULL, *CONTROLS])
def test_the_native_reader_leaves_the_rest_to_the_strict_one(kind: str) -> None:
    body = json.dumps(wire(kind)).encode()
    assert parse_sale(body) is None
    decode_strictly(body)


# -- refusals for form ------------------------------------------------------------------------

LONG = "ن" * 33
LONG_ID = "ن" * 65
NUL = "a\x00b"


def of_line(**fields: Any) -> Json:
    return wire("sale", lines=[LINE, {**LINE, **fields}])


def of_product(**fields: Any) -> Json:
    return wire("catalog", products=[{"sku": "x"}, {"sku": "milk", **fields}])


def of_manual(**fields: Any) -> Json:
    tier = {"tier": "gold", "through": "2024-12-31", "reason": "asked", **fields}
    return wire("enrol", manual_tier={k: v for k, v in tier.items() if v is not ...})


# The fact and the JSON pointer of what is wrong with it.
BAD: dict[str, tuple[Json, str]] = {
    **{f"{kind}: long id": (wire(kind, id=LONG_ID), "/id") for kind in (*FULL, *CONTROLS)},
    **{f"{kind}: id with NUL": (wire(kind, id=NUL), "/id") for kind in (*FULL, *CONTROLS)},
    **{f"{kind}: unknown field": (wire(kind, colour=1), "/colour") for kind in (*FULL, *CONTROLS)},
    **{f"{kind}: before 1970": (wire(kind, occurred_at="1969-01-01T00:00:00Z"), "/occurred_at")
       for kind in (*FULL, *CONTROLS)},
    **{f"{kind}: {name} with NUL": (wire(kind, **{name: NUL}), f"/{name}")
       for kind in FULL for name in ("member", "store", "terminal")},
    **{f"{kind}: long {name}": (wire(kind, **{name: LONG}), f"/{name}")
       for kind, names in {
           "sale": ["channel"], "activity": ["code", "channel"], "adjust": ["currency", "actor"],
           "redeem": ["currency"], "hold": ["currency"], "subscription start": ["plan"],
           "subscription end": ["plan"],
       }.items() for name in names},
    "coupon": (wire("sale", coupons=["a", LONG]), "/coupons/1"),
    "empty coupon": (wire("sale", coupons=["a", ""]), "/coupons/1"),
    "huge gross": (of_line(gross=MOST_AMOUNT + 1), "/lines/1/gross"),
    "huge sum": (of_line(net=MOST_AMOUNT, discount=1), "/lines/1/discount"),
    "text for cost": (of_line(cost="1"), "/lines/1/cost"),
    "line 0": (of_line(line=0), "/lines/1/line"),
    "line twice": (of_line(line=1), "/lines/1/line"),
    "void of a sale": (of_line(voids=1), "/lines/1/voids"),
    "void of another sku": (
        of_line(sku="x", quantity=-1, net=0, voids=1), "/lines/1/voids"
    ),
    "void of too much": (of_line(quantity=-2001, net=0), "/lines/1"),
    "tender of 0 points": (
        wire("sale", tenders=[{"type": "p", "amount": 1, "points": 0}]), "/tenders/0/points"
    ),
    "exchange of itself": (wire("sale", **{"return": {"sale": "f", "lines": BACK}}),
                           "/return/sale"),
    "exchange of nothing": (wire("sale", **{"return": {"sale": "x", "lines": []}}),
                            "/return/lines"),
    "exchange of no line": (
        wire("sale", **{"return": {"sale": "x", "lines": [*BACK, {"net": 5}]}}), "/return/lines/1"
    ),
    "return of itself": (wire("return", sale="f"), "/sale"),
    "return of a long id": (wire("return", sale=LONG_ID), "/sale"),
    "return of no line": (wire("return", lines=[{"quantity": 1}]), "/lines/0"),
    "return of nothing": (wire("return", lines=[{"line": 1}]), "/lines/0"),
    "return of less": (wire("return", lines=[{"line": 1, "net": -1}]), "/lines/0/net"),
    "return of a long sku": (wire("return", lines=[{"sku": LONG, "net": 1}]), "/lines/0/sku"),
    "long reason": (wire("return", reason="x" * 501), "/reason"),
    "reason with NUL": (wire("return", reason=NUL), "/reason"),
    "activity of -1": (wire("activity", quantity=-1), "/quantity"),
    "adjust of 0": (wire("adjust", points=0), "/points"),
    "adjust of too much": (wire("adjust", points=MOST_POINTS + 1), "/points"),
    "no date": (wire("adjust", expires="2024-02-30"), "/expires"),
    "another word": (wire("adjust", expires="ever"), "/expires"),
    "a date too far": (wire("adjust", expires="9999-12-31"), "/expires"),
    "expiry of what is taken": (wire("adjust", points=-1), "/expires"),
    "forced to give": (wire("adjust", forced=True), "/forced"),
    "redeem of 0": (wire("redeem", points=0), "/points"),
    "redeem of less": (wire("redeem", points=-5), "/points"),
    "hold of 0": (wire("hold", points=0), "/points"),
    "hold without points": (wire("hold", points=...), ""),
    "hold that ends as it begins": (
        wire("hold", expires_at=BASE["occurred_at"]), "/expires_at"
    ),
    "hold that ends before": (wire("hold", expires_at="2024-01-01T00:00:00Z"), "/expires_at"),
    "hold beyond the tables": (wire("hold", expires_at="2200-01-01T00:00:00Z"), "/expires_at"),
    "hold without a zone": (wire("hold", expires_at="2025-01-01T00:00:00"), "/expires_at"),
    "capture of 0": (wire("capture", points=0), "/points"),
    "capture of itself": (wire("capture", hold="f"), "/hold"),
    "capture of no hold": (wire("capture", hold=""), "/hold"),
    "capture of a long id": (wire("capture", hold=LONG_ID), "/hold"),
    "release of itself": (wire("release", hold="f"), "/hold"),
    "release in part": (wire("release", points=1), "/points"),
    "payment of 0": (wire("payment", amount=0), "/amount"),
    "payment of itself": (wire("payment", sale="f"), "/sale"),
    "payment for no sale": (wire("payment", sale=""), "/sale"),
    "payment for a long id": (wire("payment", sale=LONG_ID), "/sale"),
    "cancel of 0": (wire("cancel", points=0), "/points"),
    "cancel of itself": (wire("cancel", redemption="f"), "/redemption"),
    "cancel with NUL": (wire("cancel", redemption=NUL), "/redemption"),
    "tender paid with its sale": (
        wire("sale", tenders=[{"type": "p", "amount": 1, "points": 1, "ref": "f"}]),
        "/tenders/0/ref",
    ),
    "tender with a long ref": (
        wire("sale", tenders=[{"type": "p", "amount": 1, "points": 1, "ref": LONG_ID}]),
        "/tenders/0/ref",
    ),
    "cards": (wire("enrol", cards=[""]), "/cards/0"),
    "birth to come": (wire("enrol", birth="2024-03-03"), "/birth"),
    "birth long ago": (wire("enrol", birth="1849-12-31"), "/birth"),
    "no birth": (wire("enrol", birth="1990-02-30"), "/birth"),
    "birth as text": (wire("enrol", birth="yesterday"), "/birth"),
    "another calendar": (wire("enrol", birth_calendar="hijri"), "/birth_calendar"),
    "anniversary too early": (wire("enrol", anniversaries={"w": "0001-01-01"}), "/anniversaries"),
    "anniversary too late": (
        wire("enrol", anniversaries={"a.b": {"date": "2170-01-01"}}), "/anniversaries"
    ),
    "no anniversary": (wire("enrol", anniversaries={"w": "soon"}), "/anniversaries"),
    "long anniversary": (wire("enrol", anniversaries={LONG: "2010-01-01"}), "/anniversaries"),
    "empty anniversary": (wire("enrol", anniversaries={"": "2010-01-01"}), "/anniversaries"),
    "segment": (wire("enrol", segments=["a", LONG]), "/segments/1"),
    "value by a long name": (wire("enrol", values={LONG: 1}), "/values"),
    "value by no name": (wire("enrol", values={"": 1}), "/values"),
    "huge value": (wire("enrol", values={"a": 10**15 + 1}), "/values"),
    "tier for no reason": (of_manual(reason=""), "/manual_tier/reason"),
    "tier without an end": (of_manual(through=...), "/manual_tier"),
    "tier with a far end": (of_manual(through="2200-01-01"), "/manual_tier/through"),
    "long tier": (of_manual(tier=LONG), "/manual_tier/tier"),
    "no plan": (wire("subscription end", plan=""), "/plan"),
    "end at the start": (
        wire("subscription start", ends_at=BASE["occurred_at"]), "/ends_at"
    ),
    "end before": (wire("subscription start", ends_at="2024-01-01T00:00:00Z"), "/ends_at"),
    "end out of range": (wire("subscription start", ends_at="2200-01-01T00:00:00Z"), "/ends_at"),
    "end without a zone": (wire("subscription start", ends_at="2025-01-01T00:00:00"), "/ends_at"),
    "long price class": (of_product(price_class=LONG), "/products/1/price_class"),
    "label with NUL": (of_product(labels=["a", NUL]), "/products/1/labels/1"),
    "promotion of 1": (of_product(on_promotion=1), "/products/1/on_promotion"),
    "empty store": (wire("store", stores=[{"store": ""}]), "/stores/0/store"),
    "long region": (wire("store", stores=[{"store": "1", "region": LONG}]), "/stores/0/region"),
    "format with NUL": (wire("store", stores=[{"store": "1", "format": NUL}]), "/stores/0/format"),
    "a day too far": (wire("day closed", date="2170-01-01"), "/date"),
    "a day too early": (wire("day closed", date="1969-12-31"), "/date"),
    "no day": (wire("day closed", date="2023-02-29"), "/date"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_fact_is_refused_at_its_field(name: str) -> None:
    fact, pointer = BAD[name]
    with pytest.raises(FormError) as caught:
        decoded(fact)
    assert caught.value.slug == "invalid-fact"
    assert json_pointer(caught.value.path) == pointer


GOOD: dict[str, Json] = {
    "points at their bounds": wire("adjust", points=-MOST_POINTS, expires=..., forced=True),
    "never": wire("adjust", expires="never"),
    "born today in the far east": wire("enrol", birth="2024-03-02"),
    "an id of 128 bytes": wire("return", sale="ن" * 64),
    "gross below net": of_line(gross=-5),
    "discount below 0": of_line(discount=-5),
    "nothing given": wire("member update", birth=..., segments=..., manual_tier=...),
    "many values": wire("enrol", values={f"v{n}": n for n in range(100)}),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_just_inside_is_taken(name: str) -> None:
    assert_there_and_back([GOOD[name]])


def test_names_of_the_shop_may_be_written_with_escapes() -> None:
    fact = wire("enrol", values={"نام": 1})
    escaped: Any = decode_fact(json.dumps(fact).encode())
    assert escaped.content() == decoded(fact).content()
    twice = json.dumps(fact).replace('"values": {', '"values": {"\\u0646\\u0627\\u0645": 2, ')
    with pytest.raises(FormError) as caught:
        decode_fact(twice.encode())
    assert caught.value.slug == "duplicate-member"


# -- facts of no member --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CONTROLS)
def test_a_control_fact_is_what_was_written(kind: str) -> None:
    fact = decoded(wire(kind))
    sent = msgspec.msgpack.decode(msgspec.msgpack.encode(fact), type=type(fact))
    assert sent == fact
    assert payload_of(sent) == payload_of(fact)
    other = copy.deepcopy(wire(kind))
    match kind:
        case "catalog":
            other["products"][0]["weighed"] = False
        case "store":
            other["stores"][0]["region"] = "south"
        case _:
            other["date"] = "2024-02-28"
    assert payload_of(decoded(other)) != payload_of(fact)


def test_labels_in_any_order_are_one_catalogue() -> None:
    one, other = (
        decoded(of_product(labels=labels)) for labels in (["a", "b"], ["b", "a", "b"])
    )
    assert payload_of(one) == payload_of(other)


def test_a_publication_keeps_its_holidays() -> None:
    at = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
    days = [dt.date(2024, 4, 1), dt.date(2024, 3, 20)]
    payload = payload_of(PublishFact("p", at, "text", {"ir": days}))
    assert published(payload) == Published("text", {"ir": sorted(days)})


def test_a_record_may_hold_a_day_closed_and_its_closings() -> None:
    day = KINDS.index("day closed")
    at = np.full(3, 77, np.int64)
    closings = without_lines(KINDS.index("closing"), at, np.arange(3, dtype=np.uint32))
    ids = pa.array(["d#0", "d#1", "d#2"])
    after = facts_batch(ids, closings, nothing_happened(3), np.zeros(3, np.uint16), 2)
    rows = rows_batch(control_batch("d", day, 77, b"2024-02-29"), after)
    rows.validate(full=True)
    facts: Facts = read_facts(rows)
    assert facts.kind.tolist() == [day, *closings.kind.tolist()]
    assert facts.member.tolist() == [2**32 - 1, 0, 1, 2]
    assert facts.extras is None or facts.extras == [None] * 4
    assert rows_batch(control_batch("d", day, 77, b""), None).num_rows == 1
