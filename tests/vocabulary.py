"""Words and figures of the random programs and histories.

They are few, so that rules match often, limits cut often, tiers change and lots expire.
One posting stays far below 10^12 points (rulebook section 1).
"""

from __future__ import annotations

import datetime as dt

from vafa.engine.program.conditions import WEEKDAYS

ZONES = (
    "UTC", "Asia/Tehran", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
    "Australia/Lord_Howe", "America/Havana", "Pacific/Apia", "America/St_Johns",
    "Antarctica/Troll",
)  # fmt: skip

# Around years' ends, month ends, leap days, Nowruz, birthdays of the members and changes
# of the clock; at two of them a clock set back brings back the business date before.
ANCHORS = tuple(
    dt.datetime.fromisoformat(f"{at}+00:00")
    for at in (
        "2020-01-31T12:00", "2020-02-26T09:00", "2020-02-29T09:00", "2020-03-19T19:30",
        "2021-02-27T10:00", "2021-03-19T20:00", "2021-03-20T20:25", "2021-08-31T23:59",
        "2021-09-21T19:00", "2022-03-21T19:45", "2023-03-26T00:30", "2023-10-29T00:15",
        "2023-11-05T04:30", "2011-12-30T08:00", "2024-06-30T20:29", "1999-12-31T12:00",
        "2017-12-31T22:00", "2005-10-30T02:30", "2023-10-29T00:50",
    )
)  # fmt: skip
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
STEPS = (
    *(DAY, DAY, DAY, 0, 0, 1, 1_000_000, 29 * MINUTE, HOUR, HOUR, 5 * HOUR, 11 * HOUR, DAY),
    *(2 * DAY, 2 * DAY, 3 * DAY, 6 * DAY, 7 * DAY, 8 * DAY, 15 * DAY, 29 * DAY, 30 * DAY),
    *(31 * DAY, 32 * DAY, 61 * DAY, 90 * DAY, 92 * DAY, 182 * DAY, 365 * DAY, 366 * DAY),
)
STEPS_OF_HOLDS = (
    *(MINUTE, 0, 1, HOUR, 2 * HOUR, 5 * HOUR, 11 * HOUR, MINUTE, HOUR, DAY - 1, DAY, DAY),
    *(2 * DAY, 30 * DAY, 92 * DAY, 366 * DAY),
)

SKUS = tuple(f"s{n}" for n in range(6))
UNKNOWN_SKU = "u0"
BRANDS = ("Own", "Farm", "مارک")
DEPARTMENTS = ("DAIRY", "BAKERY", "TOBACCO")
CATEGORIES = ("dairy", "dairy/milk", "dairy/milk/uht", "dairyfree", "bread")
SUPPLIERS = ("acme", "zest")
PRICE_CLASSES = ("low", "high")
LABELS = ("delivery", "deposit", "organic")
STORES = ("1", "10", "9", "", "7")
REGIONS = ("north", "south")
FORMATS = ("hyper", "express")
CHANNELS = ("", "app", "web")
TERMINALS = ("", "t1", "t2")
TENDERS = ("cash", "card", "mobile")
COUPONS = ("c1", "c2")
CURRENCIES = ("points", "stars", "stamps")
SEGMENTS = ("vip", "staff")
PLANS = ("plus", "fuel")
ACTIVITIES = ("review", "game", "survey", "payment")
VALUES = ("ltv",)
ANNIVERSARY = "wedding"
HOLIDAYS = "feasts"

MEMBERS = ("m1", "m2", "m3", "عضو", *(f"m{number}" for number in range(5, 33)))
ID_STARTS = ("", "a", "B", "é", "فروش-")

OF_LINES: dict[str, tuple[str, ...]] = {
    "sku": (*SKUS, UNKNOWN_SKU),
    "brand": BRANDS,
    "department": DEPARTMENTS,
    "category": ("dairy", "dairy/milk", "bread"),
    "supplier": SUPPLIERS,
    "price_class": PRICE_CLASSES,
    "label": LABELS,
}
OF_BASKETS: dict[str, tuple[str, ...]] = {
    "store": ("1", "10", "9"),
    "region": REGIONS,
    "format": FORMATS,
    "channel": ("app", "web"),
    "terminal": ("t1", "t2"),
    "tender": (*TENDERS, "gift"),
    "coupon": COUPONS,
    "weekday": WEEKDAYS,
}

NETS = (1_000, 100, 0, 1, 49, 50, 99, 150, 250, 999, 1_999, 4_999, 5_000, 12_345, 20_000, 60_000)
QUANTITIES = (1_000, 1_000, 1_000, 2_000, 0, 1, 347, 500, 1_500, 3_000, 12_000)
NET_RATES = (("1", 100), ("0.5", 100), ("1", 1_000), ("2.5", 77), ("0.333333", 10), ("1", 30))
QUANTITY_RATES = (("1", 1), ("0.5", 1), ("5", 3), ("10", 12), ("0.000001", 1))
FACTORS = ("2", "3", "1.25", "1.5", "1.333333", "1")
BONUSES = ("10", "1", "5", "100", "250")
CAPS = ("10", "1", "3", "7", "25", "60", "100", "150", "400", "1000", "2500")
BIRTHS = ("1992-02-29", "1992-03-20", "2017-03-20", "2000-02-29", "1984-12-31", "1999-03-21")
"""29 February, 30 Esfand (20 March 1992 and 2017), the year's end, Nowruz."""
