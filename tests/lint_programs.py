"""Programs that lint tells of, a table by code: one that has the finding, one that has not.

Each is the sound program below with rows after it; the row that holds `#!` is the one that
the finding names.
"""

# ruff: noqa: E501 -- one line a program

from __future__ import annotations

HEAD = """\
format = 1
id = "club"
unit = { code = "EUR" }
zone = "Europe/Berlin"
"""

SOUND = HEAD + """
[[currency]]
id = "points"

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100
"""

TIERS = """
[ladder]
window = "year"

[[ladder.tier]]
id = "basic"

[[ladder.tier]]
id = "silver"
at_least = { spend = 10_000 }

[[ladder.tier]]
id = "gold"
at_least = { spend = 50_000 }
"""


def plus(*rows: str) -> str:
    """The sound program with rows after it."""
    return SOUND + "\n".join(rows) + "\n"


def rule(kind: str, *rows: str, name: str = "x") -> str:
    """The rows of one more rule."""
    return "\n".join(["[[rule]]", f'id = "{name}"', f'kind = "{kind}"', *rows])


def bonus(*rows: str) -> str:
    """The sound program with a bonus of 10 points."""
    return plus(rule("bonus", "points = 10", *rows))


def referral(*rows: str) -> str:
    """The sound program with a referral."""
    return plus("[[referral]]", 'id = "friend"', "referred = 1", "referrer = 1", *rows)


def group(mode: str, *rules: str) -> str:
    """The sound program with a group of earn rules; each rule is its rows."""
    earns = [rule("earn", 'group = "g"', *rows.split("; "), name=f"r{place}")
             for place, rows in enumerate(rules)]  # fmt: skip
    return plus("[[group]]", 'id = "g"', f'mode = "{mode}"', *earns)


def groups(one: str, two: str) -> str:
    """The sound program with two groups of one rule each."""
    rows = [f'[[group]] #{"!" if name == "h" else ""}\nid = "{name}"\nmode = "best"' for name in "gh"]
    return plus(*rows, *(
        rule("earn", f'group = "{name}"', "points = 1", "per = 50", f"when = {{ {when} }}", name=name)
        for name, when in (("g", one), ("h", two))
    ))  # fmt: skip


def caps(given: str) -> str:
    """A program whose currency has caps."""
    return plus().replace('id = "points"', f'id = "points"\ncaps = {{ {given} }} #!', 1)


def ladder(*rows: str) -> str:
    """The sound program with a ladder of basic and two more tiers, each its thresholds."""
    tiers = [f'[[ladder.tier]]\nid = "t{place}"\n{row}' for place, row in enumerate(rows)]
    return plus("[ladder]", 'window = "year"', "[[ladder.tier]]", 'id = "basic"', *tiers)


CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "contradiction": (
        (
            bonus('when = { category = ["food/dairy"], not = { category = ["food"] } } #!'),
            bonus("when = { min_amount = 500, not = { min_amount = 400 } } #!"),
            bonus('when = { department = ["dairy"], without = { department = ["dairy", "bread"] } } #!'),
            bonus('when = { first_purchase = ["ever"], every_nth = 10 } #!'),
            bonus('when = { streak = { count = 3, period = "week" }, days_since_purchase = 30 } #!'),
            bonus("when = { time = { from = 08:00:00, to = 10:00:00 }, not = { time = { from = 07:00:00, to = 11:00:00 } } } #!"),
            bonus("when = { on_promotion = true, not = { on_promotion = true } } #!"),
            bonus("when = { age = { at_least = 60 }, not = { age = { at_least = 18 } } } #!"),
            plus(rule("multiply", "factor = { gold = 2 }", 'when = { tier = ["silver"] } #!'), TIERS),
            plus(rule("bonus", "points = 1", 'when = { tier_at_least = "gold", not = { tier = ["gold"] } } #!'), TIERS),
        ),
        (
            bonus('when = { category = ["food"], not = { category = ["food/dairy"] } }'),
            bonus("when = { min_amount = 500, not = { min_amount = 600 } }"),
            bonus('when = { department = ["dairy", "bread"], without = { department = ["dairy"] } }'),
            bonus('when = { first_purchase = ["month"], every_nth = 10 }'),
            bonus('when = { streak = { count = 3, period = "week" }, days_since_purchase = 7 }'),
            plus(rule("multiply", "factor = { silver = 2, gold = 2 }", 'when = { tier = ["silver"] }'), TIERS),
        ),
    ),
    "empty-window": (
        (bonus('when = { date = { from = 2030-01-07, to = 2030-01-08 }, weekday = ["sunday"] } #!'),),
        (bonus('when = { date = { from = 2030-01-06, to = 2030-01-08 }, weekday = ["sunday"] }'),),
    ),
    "excluded": (
        (
            plus("[[exclude]]", 'department = ["tobacco"]', rule("bonus", "points = 10", 'when = { department = ["tobacco"] } #!')),
            plus("[[exclude]]", 'department = ["tobacco"]', "[[exclude]]", 'department = ["fuel"]', rule("bonus", "points = 10", 'when = { department = ["tobacco", "fuel"] } #!')),
            plus("[[exclude]]", 'category = ["food"]', rule("bonus", "points = 10", 'when = { category = ["food/dairy"], brand = ["Own"] } #!')),
        ),
        (
            plus("[[exclude]]", 'department = ["tobacco"]', rule("bonus", "points = 10", 'when = { department = ["tobacco", "fuel"] }')),
            plus("[[exclude]]", 'category = ["food/dairy"]', rule("bonus", "points = 10", 'when = { category = ["food"] }')),
        ),
    ),
    "shadowed": (
        (
            group("first", "points = 1; per = 100", "points = 3; per = 100; when = { department = ['dairy'] }").replace('[[rule]]\nid = "r1"', '[[rule]] #!\nid = "r1"'),
            group("first", "points = 1; per = 100; when = { category = ['food'] }", "points = 3; per = 100; when = { category = ['food/dairy'], store = ['1'] }").replace('[[rule]]\nid = "r1"', '[[rule]] #!\nid = "r1"'),
        ),
        (
            group("first", "points = 3; per = 100; when = { department = ['dairy'] }; priority = 10", "points = 1; per = 100"),
            group("first", "points = 1; per = 100; limits = { day = 10 }; priority = 1", "points = 3; per = 100; when = { department = ['dairy'] }"),
            group("first", *(f"points = {points}; per = 100; when = {{ category = ['{node}'], first_purchase = ['category'] }}" for points, node in ((1, "food"), (3, "food/dairy")))),
        ),
    ),
    "outdone": (
        (group("best", "points = 2; per = 100", "points = 1; per = 100; when = { department = ['dairy'] }").replace('[[rule]]\nid = "r1"', '[[rule]] #!\nid = "r1"'),),
        (
            group("best", "points = 2; per = 100", "points = 3; per = 100; when = { department = ['dairy'] }"),
            group("best", "points = 2; per = 100; uses = { day = 1 }", "points = 1; per = 100; when = { department = ['dairy'] }"),
        ),
    ),
    "no-effect": (
        (
            plus(rule("multiply", "factor = 1 #!")),
            plus(rule("bonus", "of_balance = { factor = 1, cap = 10 } #!")),
        ),
        (plus(rule("multiply", "factor = { basic = 1, silver = 1.5, gold = 2 }"), TIERS),),
    ),
    "nothing-to-multiply": (
        (SOUND.replace("per = 100", 'per = 100\nwhen = { not = { department = ["wine"] } }') + rule("multiply", "factor = 2", 'when = { department = ["wine"] }').replace("[[rule]]", "[[rule]] #!"),),
        (SOUND.replace("per = 100", 'per = 100\nwhen = { not = { department = ["wine"] } }') + rule("multiply", "factor = 2", 'when = { department = ["wine", "beer"] }'),),
    ),
    "dates-past": (
        (bonus("when = { date = { to = 2026-11-25 } } #!"),),
        (bonus("when = { date = { to = 2026-11-26 } }"),),
    ),
    "segment-by-facts": (
        (bonus('when = { segment = ["staff"] } #!'),),
        (plus("[[segment]]", 'id = "staff"', "visits = { at_least = 3 }", rule("bonus", "points = 1", 'when = { segment = ["staff"] }')),),
    ),
    "limit-never-binds": (
        (
            bonus("limits = { basket = 10 } #!"),
            bonus("limits = { day = 30, month = 1_000 } #!"),
            bonus("limits = { day = 30, month = 20 } #!"),
            bonus("uses = { week = 2 }", "limits = { week = 20 } #!"),
            caps("day = 50").replace(" #!", "") + rule("earn", "points = 1", "per = 10", "limits = { basket = 60 } #!"),
        ),
        (
            bonus("limits = { day = 15 }"),
            bonus("limits = { day = 30, month = 900 }"),
            bonus("uses = { week = 2 }", "limits = { week = 19 }"),
            caps("day = 50") + rule("earn", "points = 1", "per = 10", "limits = { basket = 49 }"),
        ),
    ),
    "uses-never-bind": (
        (
            bonus("uses = { day = 2, month = 2 } #!"),
            bonus('when = { anniversary = { before = 3, after = 3 } }', "uses = { anniversary = 1, month = 2 } #!"),
            bonus("limits = { week = 20 }", "uses = { week = 3 } #!"),
            plus(rule("bonus", "of_balance = { factor = 2, cap = 10 }", "uses = { year = 1 } #!")),
            plus(rule("bonus", "points = 1", 'on = "birthday"', "uses = { anniversary = 2 } #!")),
        ),
        (
            bonus("uses = { day = 1, month = 2 }"),
            bonus('when = { anniversary = { before = 3, after = 3 } }', "uses = { anniversary = 2, day = 1 }"),
            bonus("limits = { week = 20 }", "uses = { week = 1 }"),
            bonus("limits = { week = 3 }", "uses = { quarter = 1 }"),
        ),
    ),
    "cap-never-binds": (
        (caps("day = 50, month = 40"), caps("month = 10, year = 120")),
        (caps("day = 50, month = 1_000"), caps("month = 10, year = 119")),
    ),
    "milestone-unreachable": (
        (referral("cap = 1", "milestones = { 1 = 5, 2 = 5 } #!"),),
        (
            referral("cap = 2", "milestones = { 2 = 5 }"),
            referral("cap = 1", 'per = "month"', "milestones = { 2 = 5 }"),
        ),
    ),
    "bands-not-rising": (
        (plus(rule("earn", "per = 100", "bands = [{ from = 0, points = 2 }, { from = 1_000, points = 1 }] #!")),),
        (plus(rule("earn", "per = 100", "bands = [{ from = 0, points = 1 }, { from = 1_000, points = 2 }]")),),
    ),
    "thresholds-not-rising": (
        (
            ladder("at_least = { spend = 100 }", "at_least = { visits = 5 } #!"),
            ladder("at_least = { spend = 100, visits = 5 }", 'at_least = { spend = 200, visits = 10 } #!\njoin = "any"'),
        ),
        (
            ladder("at_least = { spend = 100 }", "at_least = { spend = 200, visits = 5 }"),
            ladder('at_least = { spend = 100, visits = 5 }\njoin = "any"', 'at_least = { spend = 200, visits = 10 }\njoin = "any"'),
        ),
    ),
    "tier-unreachable": (
        (
            plus("[[currency]]", 'id = "status"', 'kind = "status"') + ladder("at_least = { points = { status = 10 } } #!").removeprefix(SOUND),
            caps("year = 90").replace(" #!", "") + ladder("at_least = { points = { points = 100 } } #!").removeprefix(SOUND),
        ),
        (
            ladder("at_least = { points = { points = 100 } }"),
            caps("year = 100") + ladder("at_least = { points = { points = 100 } }").removeprefix(SOUND),
        ),
    ),
    "tier-figure-falls": (
        (
            plus(rule("multiply", "factor = { silver = 2, gold = 1.5 } #!"), TIERS),
            plus(rule("bonus", "points = { silver = 2 } #!"), TIERS),
        ),
        (plus(rule("multiply", "factor = { silver = 2, gold = 2 }"), TIERS),),
    ),
    "tie-by-place": (
        (
            group("best", "points = 3; per = 100; when = { department = ['dairy'] }", "points = 6; per = 200; when = { store = ['1'] }").replace('[[rule]]\nid = "r1"', '[[rule]] #!\nid = "r1"'),
            group("first", "points = 3; per = 100; when = { department = ['dairy'] }", "points = 1; per = 100; when = { store = ['1'] }").replace('[[rule]]\nid = "r1"', '[[rule]] #!\nid = "r1"'),
        ),
        (
            group("best", "points = 3; per = 100; when = { department = ['dairy'] }", "points = 2; per = 100; when = { store = ['1'] }"),
            group("first", "points = 3; per = 100; when = { department = ['dairy'] }", "points = 1; per = 100; when = { department = ['bread'] }"),
            group("first", "points = 3; per = 100; when = { department = ['dairy'] }; priority = 1", "points = 1; per = 100; when = { store = ['1'] }"),
        ),
    ),
    "groups-overlap": (
        (groups('department = ["dairy"]', 'store = ["1"]'),),
        (groups('department = ["dairy"]', 'department = ["bread"]'),),
    ),
    "unused": (
        (
            plus("[[counter]] #!", 'id = "c"', 'count = "visits"'),
            plus("[[sequence]] #!", 'id = "s"', "steps = 3"),
            plus("[[segment]] #!", 'id = "s"', "visits = { at_least = 3 }"),
            plus("[[holidays]] #!", 'id = "h"', "add = [2030-01-01]"),
        ),
        (plus("[[counter]]", 'id = "c"', 'count = "visits"', rule("bonus", "points = 1", 'when = { counter = { id = "c", at_least = 3 } }')),),
    ),
    "more-earns-less": (
        (
            plus(rule("earn", "per = 100", "bands = [{ from = 0, points = 2 }, { from = 1_000, points = 1 }]").replace("[[rule]]", "[[rule]] #!")),
            plus(rule("bonus", "points = 50", "when = { not = { min_amount = 2_000 } }").replace("[[rule]]", "[[rule]] #!")),
        ),
        (
            plus(rule("earn", "per = 100", "bands = [{ from = 0, points = 1 }, { from = 1_000, points = 2 }]")),
            bonus("donate = 'forest'", "when = { min_amount = 2_000 }"),
            plus(rule("earn", "per = 100", 'band_mode = "marginal"', "bands = [{ from = 0, points = 2 }, { from = 1_000, points = 1 }]")),
        ),
    ),
    "line-earns-less": (
        (bonus('when = { without = { label = ["plastic"] } }').replace("[[rule]]\nid = \"x\"", "[[rule]] #!\nid = \"x\""),),
        (bonus('when = { not = { label = ["plastic"] } }'),),
    ),
    "split-earns-more": (
        (
            caps("basket = 20"),
            bonus("when = { min_amount = 1_000 }").replace("[[rule]]\nid = \"x\"", "[[rule]] #!\nid = \"x\""),
            SOUND.replace("[[rule]]", "[[rule]] #!").replace("per = 100", 'per = 100\nround = "ceil"'),
        ),
        (
            plus(),
            caps("day = 20"),
            bonus("when = { min_amount = 1_000 }", "uses = { day = 1 }"),
        ),
    ),
}
