"""Ledger, replay and reference on drawn histories of members that are referred, claim receipts, are
merged, parted and pool in households (rulebook sections 2, 7 and 11)."""

from __future__ import annotations

import random

import pytest

from . import differential, random_together, together
from .cases import read_row

CASES, PARTS = 100, 10
"""Of 20,000 histories `test_differential` draws two hundred more."""

KNOWN_OF_WHO_LEAVES = """cuts 1
--- program v1
format = 1
id = "leaves"
unit = { code = "EUR" }
zone = "UTC"
currency = [{ id = "points", kind = "points" }]

[ladder]
window = "half"
tier = [{ id = "top", at_least = { value = { ltv = 5 } }, bonus = { points = 7 } }]
--- facts
{"id":"v1","kind":"program publish","occurred_at":"1970-01-01T00:00:00Z","program":"v1"}
{"id":"h","kind":"enrol","occurred_at":"2024-01-01T00:00:00Z","member":"h","type":"household"}
{"id":"m","kind":"enrol","occurred_at":"2024-10-28T00:00:00Z","member":"m","values":{"ltv":5}}
{"id":"in","kind":"pool","occurred_at":"2024-10-29T00:00:00Z","member":"m","account":"h"}
{"id":"out","kind":"unpool","occurred_at":"2024-10-30T00:00:00Z","member":"m","account":"h"}
"""

WAITS_FOR_WHO_WAS_MERGED = """cuts 1
--- program v1
format = 1
id = "waits"
unit = { code = "EUR" }
zone = "America/New_York"
currency = [
  { id = "points", expiry = { policy = "after", days = 0 } },
]
rule = [
  { id = "base", kind = "earn", points = 1 },
]
--- facts
{"id":"v1","kind":"program publish","occurred_at":"1970-01-01T00:00:00Z","program":"v1"}
{"id":"r1","kind":"return","occurred_at":"2023-10-29T11:15:00Z","member":"m","lines":[{"sku":"s1","net":1}]}
{"id":"j1","kind":"adjust","occurred_at":"2023-10-29T11:15:00Z","member":"n","currency":"points","points":1}
{"id":"t1","kind":"merge","member":"m","other":"n","occurred_at":"2024-01-30T18:15:00Z"}
{"id":"r2","kind":"return","occurred_at":"2024-05-01T19:15:00Z","member":"m","sale":"s1","lines":[{"sku":"s2","net":1}]}
{"id":"s1","kind":"sale","occurred_at":"2024-05-01T19:15:00Z","member":"n","lines":[{"sku":"s2","quantity":0,"net":1}]}
"""

CLAIMED_BEFORE_BY_ANOTHER_OF_ITS_FAMILY = """cuts 1
--- program v1
claim_days = 0
format = 1
id = "claimed"
unit = { code = "EUR" }
zone = "America/New_York"
currency = [
  { id = "points" },
]
--- facts
{"id":"v1","kind":"program publish","occurred_at":"1970-01-01T00:00:00Z","program":"v1"}
{"id":"u","kind":"member update","occurred_at":"2023-10-30T00:43:00Z","member":"a"}
{"id":"j","kind":"adjust","occurred_at":"2023-11-16T00:50:00Z","member":"b","currency":"points","points":1}
{"id":"s","kind":"sale","occurred_at":"2023-11-27T05:57:00Z","member":"c","lines":[{"sku":"s2","quantity":0,"net":0}]}
{"id":"t1","kind":"merge","member":"c","other":"b","occurred_at":"2024-02-16T00:50:00Z"}
{"id":"t2","kind":"unmerge","member":"c","merge":"t1","occurred_at":"2024-04-29T00:43:00Z"}
{"id":"t3","kind":"merge","member":"a","other":"b","occurred_at":"2024-05-28T05:56:59.999999Z"}
{"id":"n","kind":"sale","occurred_at":"2024-05-30T11:43:00Z","lines":[{"sku":"u0","quantity":0,"net":0}]}
{"id":"k0","kind":"claim","occurred_at":"2024-05-30T11:43:00Z","member":"a","sale":"n"}
{"id":"k1","kind":"cancel","occurred_at":"2024-05-30T12:43:00Z","member":"a","claim":"k0"}
{"id":"k2","kind":"claim","occurred_at":"2024-05-30T13:43:00Z","member":"c","sale":"n"}
"""


@pytest.mark.parametrize("part", range(PARTS))
def test_ledger_replay_and_reference_agree(part: int) -> None:
    draw, done = random.Random(f"together {part}"), 0
    while done < CASES // PARTS:
        case = random_together.case_of(draw.randbytes(16))
        if case is not None:
            done += 1
            found = together.differences(case)
            assert not found, f"{case.name}: {found[0]}"


def test_who_leaves_a_household_reaches_a_tier_by_what_is_known() -> None:
    """The account is new, and so is its bonus: what is known of the person came along."""
    assert together.differences(read_row("leaves", KNOWN_OF_WHO_LEAVES)) == []


def test_a_parked_return_is_told_once_where_its_sale_is_of_who_was_merged() -> None:
    assert together.differences(read_row("waits", WAITS_FOR_WHO_WAS_MERGED)) == []


def test_a_sale_that_another_of_the_family_had_claimed_is_out_of_force_there() -> None:
    assert together.differences(
        read_row("claimed", CLAIMED_BEFORE_BY_ANOTHER_OF_ITS_FAMILY)
    ) == []


def test_a_long_run_draws_them_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differential, "TOGETHER", 10)
    tally = differential.many(3, 4 * differential.TOGETHER)
    assert (tally.together, tally.failures) == (4, {})
    seed = next(s for n in range(9) if random_together.case_of(s := bytes([n] * 16)) is not None)
    assert differential.shown(f"together {seed.hex()}") == "nothing differs"
