"""Programs that the checks of a whole program refuse: a table, one line a program.

Each is the good program below with something added. The row that holds `#!` is the one
that the problem must name; where no row does, it is the first one added.
"""

# ruff: noqa: E501 -- one line a program

from __future__ import annotations

GOOD = """\
format = 1
id = "club"
unit = { code = "EUR" }
zone = "Europe/Berlin"

[[currency]]
id = "points"
scale = 2

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100

[[rule]]
id = "gift"
kind = "bonus"
points = 10
when = { store = ["1"] }

[ladder]
window = "year"

[[ladder.tier]]
id = "bronze"

[[ladder.tier]]
id = "silver"
at_least = { spend = 1_000 }
"""

Bad = tuple[str, str, str]
"""(text, path of the problem, part of its message)."""


def plus(*rows: str) -> str:
    """The good program with rows after its end."""
    marked = not rows or any("#!" in row for row in rows)
    return GOOD + "\n".join(rows if marked else (f"{rows[0]} #!", *rows[1:])) + "\n"


def rule(kind: str, *rows: str) -> str:
    """The good program with one more rule: rule[2]."""
    return plus("[[rule]]", 'id = "x"', f'kind = "{kind}"', *rows)


def earn(*rows: str) -> str:
    """One more earn rule."""
    return rule("earn", *rows)


def bonus(*rows: str) -> str:
    """One more bonus."""
    return rule("bonus", *rows)


def multiply(*rows: str) -> str:
    """One more multiply."""
    return rule("multiply", *rows)


def when(condition: str, kind: str = "earn", *rows: str) -> str:
    """One more rule with one row of conditions, at which the problem is."""
    figure = "factor = 2" if kind == "multiply" else "points = 1"
    return rule(kind, *(rows or (figure,)), f"when = {{ {condition} }} #!")


def at_top(*rows: str) -> str:
    """The good program with rows above its tables."""
    marked = any("#!" in row for row in rows)
    head, rest = GOOD.split("\n\n", 1)
    return "\n".join([head, *(rows if marked else (f"{rows[0]} #!", *rows[1:]))]) + "\n\n" + rest


def currency(*rows: str) -> str:
    """The good program with one more currency: currency[1]."""
    return plus("[[currency]]", 'id = "stars"', *rows)


def status(*rows: str) -> str:
    """The good program with a currency that qualifies only, then rows."""
    return plus("[[currency]]", 'id = "stars"', 'kind = "status"', *rows)


def ladder(*rows: str) -> str:
    """The good program with rows in its ladder; a window among them takes the old one's place."""
    text = GOOD.replace('window = "year"\n', "") if "window" in rows[0] else GOOD
    marked = any("#!" in row for row in rows)
    rows = rows if marked else (f"{rows[0]} #!", *rows[1:])
    return text.replace("[ladder]\n", "[ladder]\n" + "\n".join(rows) + "\n")


def tier(*rows: str) -> str:
    """The good program with one more tier at the top: ladder.tier[2]."""
    return plus("[[ladder.tier]]", 'id = "gold"', *rows)


def asks(threshold: str) -> str:
    """One more tier that asks something, at which the problem is."""
    return tier(f"at_least = {{ {threshold} }} #!")


def counter(*rows: str) -> str:
    """The good program with a counter."""
    return plus("[[counter]]", 'id = "c"', *rows)


ACTIVITY = 'activity = ["review"]'
SPENT = '[[counter]]\nid = "spent"\ncount = "spend"'
LITRES = '[[counter]]\nid = "litres"\ncount = "quantity"'
COFFEE = '[[sequence]]\nid = "coffee"\nsteps = 3'
FIRST = '[[group]]\nid = "g"\nmode = "first"'
BEST = '[[group]]\nid = "g"\nmode = "best"'
COMPOUND = '[[stack]]\nid = "s"\nmode = "compound"'
STARS = '[[currency]]\nid = "stars"'
BY_BASKET = '[[currency]]\nid = "stars"\nround_at = "basket"'
IN_STARS = '[[rule]]\nid = "y"\nkind = "earn"\ncurrency = "stars"\npoints = 1'

CURRENCIES: dict[str, Bad] = {
    "days of a calendar": (currency('expiry = { policy = "after", days = 9, calendar = "jalali" } #!'), "currency[1].expiry.calendar", "same in every calendar"),
    "pending beyond inactivity": (currency("pending_days = 29", 'expiry = { policy = "inactivity", months = 1 } #!'), "currency[1].expiry", "before they are active"),
    "pending beyond a jalali month": (currency("pending_days = 30", 'expiry = { policy = "after", months = 1, calendar = "jalali" } #!'), "currency[1].expiry", "before they are active"),
    "pending beyond a jalali week": (currency("pending_days = 1", 'expiry = {policy = "period_end", period = "week", k = 0, calendar = "jalali"} #!'), "currency[1].expiry", "before they are active"),
    "renewed twice": (currency('expiry = { policy = "inactivity", months = 1, renewed_by = ["sale", "sale"] } #!'), "currency[1].expiry.renewed_by[1]", "'sale' is listed twice"),
    "second currency's cap": (currency("caps = { year = 0.5 } #!"), "currency[1].caps.year", "scale of 0"),
    "redemption of no currency": (plus("[[redemption]]", 'tender = "wallet"', 'currency = "stars" #!'), "redemption[0].currency", "unknown currency 'stars'; known: points"),
    "redemption twice": (plus("[[redemption]]", 'tender = "a"', "[[redemption]]", 'tender = "a" #!'), "redemption[1].tender", "used twice"),
    "coupons in parts": (plus("[[currency]]", 'id = "c"', 'kind = "coupons"', "scale = 1 #!"), "currency[1].scale", "coupons are whole"),
    "a tender of coupons": (plus("[[currency]]", 'id = "c"', 'kind = "coupons"', "[[redemption]]", 'tender = "a"', 'currency = "c" #!'), "redemption[0].currency", "coupons are presented"),
    "redemption of status": (status("[[redemption]]", 'tender = "a"', 'currency = "stars" #!'), "redemption[0].currency", "cannot be spent"),
    "terms of no currency": (plus("[[redemption]]", 'tender = "a"', "minimum = 1 #!"), "redemption[0].minimum", "the redemption has no currency"),
    "share of no currency": (plus("[[redemption]]", 'tender = "a"', "share = 0.5 #!"), "redemption[0].share", "the redemption has no currency"),
    "worth of no currency": (plus("[[redemption]]", 'tender = "a"', "money = 1 #!"), "redemption[0].money", "the redemption has no currency"),
    "clamp of no currency": (plus("[[redemption]]", 'tender = "a"', 'over = "clamp" #!'), "redemption[0].over", "the redemption has no currency"),
    "clamp of the second": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "[[redemption]]", 'tender = "b"', 'currency = "points"', 'over = "clamp" #!'), "redemption[1].over", "the first redemption of 'points'"),
    "a coupon that ends before it begins": (plus("[[coupon]]", 'id = "a"', "from = 2025-02-01", "to = 2025-01-31 #!"), "coupon[0].to", "is before from"),
    "a printed coupon of members": (plus("[[currency]]", 'id = "a"', 'kind = "coupons"', "[[coupon]]", 'id = "a" #!'), "coupon[0].id", "currency of coupons"),
    "two coupons of one id": (plus("[[coupon]]", 'id = "a"', "[[coupon]]", 'id = "a" #!'), "coupon[1].id", "twice"),
    "a coupon for no store": (plus("[[coupon]]", 'id = "a"', "when = { store = [] } #!"), "coupon[0].when.store", "the list is empty"),
    "a coupon without uses": (plus("[[coupon]]", 'id = "a"', "uses = 0 #!"), "coupon[0].uses", ">= 1"),
    "stock of unique items": (plus("[[reward]]", 'id = "a"', "points = 1", "unique = true", "stock = 1 #!"), "reward[0].stock", "items that facts bring"),
    "a draw that all win": (when('draw = { one_in = 1, seed = "a" }', "bonus"), "rule[2].when.draw.one_in", ">= 2"),
    "a draw without a seed": (when("draw = { one_in = 2 }", "bonus"), "rule[2].when.draw", "missing required field `seed`"),
    "a draw on a day": (bonus("points = 1", 'on = "birthday"', 'when = { draw = { one_in = 2, seed = "a" } } #!'), "rule[2].when.draw", "draws nothing"),
    "maximum off the step": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "maximum = 5 #!", "step = 2"), "redemption[0].maximum", "not a multiple of the step of 2"),
    "maximum below the minimum": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "minimum = 6", "maximum = 5 #!"), "redemption[0].maximum", "below the minimum of 6"),
    "maximum of nothing": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "maximum = 0 #!"), "redemption[0].maximum", "above zero"),
    "least basket of no currency": (plus("[[redemption]]", 'tender = "a"', "at_least = 1 #!"), "redemption[0].at_least", "the redemption has no currency"),
    "minimum of nothing": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "minimum = 0 #!"), "redemption[0].minimum", "above zero"),
    "minimum too fine": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "minimum = 0.001 #!"), "redemption[0].minimum", "scale of 2"),
    "minimum too high": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "minimum = 1_000_000_000_001 #!"), "redemption[0].minimum", "at most 1000000000000"),
    "minimum off the step": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "minimum = 5 #!", "step = 2"), "redemption[0].minimum", "not a multiple of the step of 2"),
    "step below zero": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "step = -1 #!"), "redemption[0].step", "above zero"),
    "step too fine": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "step = 1.005 #!"), "redemption[0].step", "scale of 2"),
    "share of nothing": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "share = 0 #!"), "redemption[0].share", "above 0 and at most 1"),
    "share above the whole": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "share = 1.01 #!"), "redemption[0].share", "above 0 and at most 1"),
    "share too fine": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "share = 0.3333333 #!"), "redemption[0].share", "6 decimals"),
    "share of no number": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', 'share = "NaN" #!'), "redemption[0].share", "above 0 and at most 1"),
    "points worth nothing said": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "points = 1 #!"), "redemption[0].points", "without `money`"),
    "money for no points": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "money = 1 #!"), "redemption[0].money", "without `points`"),
    "points of nothing": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "points = 0 #!", "money = 1"), "redemption[0].points", "above zero"),
    "money for nothing": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "points = 1", "money = 0 #!"), "redemption[0].money", ">= 1"),
    "money below a cent": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "points = 1", "money = 0.5 #!"), "redemption[0].money", "int"),
    "money by no tier": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "points = 1", "money = {} #!"), "redemption[0].money", "names no tier"),
    "money of no tier": (plus("[[redemption]]", 'tender = "a"', 'currency = "points"', "points = 1", "money = { gold = 1 } #!"), "redemption[0].money.gold", "unknown tier 'gold'"),
    "hold of no time": (at_top("hold_hours = 0"), "hold_hours", ">= 1"),
    "hold beyond a year": (at_top("hold_hours = 8_761"), "hold_hours", "<= 8760"),
    "no receipt, unknown": (plus("[returns]", 'no_receipt = { points = 1, per = 9, currency = "stars" } #!'), "returns.no_receipt.currency", "unknown currency"),
    "no receipt, status": (status("[returns]", 'no_receipt = { points = 1, per = 9, currency = "stars" } #!'), "returns.no_receipt.currency", "cannot be spent"),
    "no receipt, nothing": (plus("[returns]", "no_receipt = { points = 0, per = 9 } #!"), "returns.no_receipt.points", "above zero"),
    "no receipt, too fine": (plus("[returns]", "no_receipt = { points = 0.0000001, per = 9 } #!"), "returns.no_receipt.points", "6 decimals"),
    "exclude an empty list": (plus("[[exclude]]", "brand = [] #!", "on_promotion = true"), "exclude[0].brand", "the list is empty"),
}  # fmt: skip

EARN: dict[str, Bad] = {
    "no figure": (earn(), "rule[2]", "give either points or bands"),
    "points and bands": (earn("points = 1", "bands = [{ from = 0, points = 1 }]"), "rule[2]", "give either points or bands"),
    "no bands": (earn("bands = [] #!"), "rule[2].bands", "the list is empty"),
    "bands of nothing": (earn("bands = [{ from = 0, points = 0 }] #!"), "rule[2].bands", "no band gives points"),
    "band below zero": (earn("bands = [{ from = 0, points = -1 }] #!"), "rule[2].bands[0].points", "below zero"),
    "rate too fine for its per": (earn("points = 999999.999999", "per = 9999991 #!"), "rule[2].per", "too fine"),
    "band rate too fine": (earn("bands = [{ from = 0, points = 0.0000001 }] #!"), "rule[2].bands[0].points", "6 decimals"),
    "band from below zero": (earn("bands = [{ from = -1, points = 1 }] #!"), "rule[2].bands[0].from", "minor units"),
    "band from part of a cent": (earn("bands = [{ from = 0.5, points = 1 }] #!"), "rule[2].bands[0].from", "without decimals"),
    "band from too high": (earn("bands = [{ from = 1_000_000_000_001, points = 1 }] #!"), "rule[2].bands[0].from", "0 to 1000000000000"),
    "bands fall": (earn("bands = [{ from = 9, points = 1 }, { from = 5, points = 2 }] #!"), "rule[2].bands[1].from", "above the 9 of the band before"),
    "bands stand": (earn("bands = [{ from = 9, points = 1 }, { from = 9, points = 2 }] #!"), "rule[2].bands[1].from", "above the 9"),
    "band in a table": (earn("[[rule.bands]]", "from = 0", "points = 1", "[[rule.bands]]", "from = 0 #!", "points = 2"), "rule[2].bands[1].from", "above the 0"),
    "band of no number": (earn('bands = [{ from = "sNaN", points = 1 }, { from = 5, points = 2 }] #!'), "rule[2].bands[0].from", "minor units"),
    "band of a quantity": (earn('basis = "quantity"', "bands = [{ from = 0.0001, points = 1 }] #!"), "rule[2].bands[0].from", "3 decimals"),
    "band of two visits": (earn('basis = "visit"', "bands = [{ from = 2, points = 1 }] #!"), "rule[2].bands[0].from", "count 1 a basket"),
    "band mode alone": (earn("points = 1", 'band_mode = "marginal" #!'), "rule[2].band_mode", "there are no bands"),
    "no tenders": (earn("points = 1", 'basis = "tender"'), "rule[2].tenders", "is missing"),
    "empty tenders": (earn("points = 1", 'basis = "tender"', "tenders = [] #!"), "rule[2].tenders", "the list is empty"),
    "tenders of net": (earn("points = 1", 'tenders = ["card"] #!'), "rule[2].tenders", "is of the basis tender, and this is net"),
    "blocks of visits": (earn('basis = "visit"', "points = 1", "per = 2", "blocks = true #!"), "rule[2].blocks", "a visit counts 1"),
    "line and blocks": (earn("points = 1", "blocks = true", 'round = "line" #!'), "rule[2].round", "blocks count the whole basket"),
    "line and marginal": (earn("bands = [{ from = 0, points = 1 }]", 'band_mode = "marginal"', 'round = "line" #!'), "rule[2].round", "marginal bands"),
    "line of a visit": (earn('basis = "visit"', "points = 1", 'round = "line" #!'), "rule[2].round", "of no line"),
    "own rounding by basket": (plus(BY_BASKET, IN_STARS, 'round = "ceil" #!'), "rule[2].round", "rounded once a basket"),
    "line by basket": (plus(BY_BASKET, IN_STARS, 'round = "line" #!'), "rule[2].round", "rounded once a basket"),
    "carry by basket": (plus(BY_BASKET, IN_STARS, 'round = "carry" #!'), "rule[2].round", "rounded once a basket"),
    "name of a tier bonus": (plus("[[rule]]", 'id = "tier.silver" #!', 'kind = "earn"', "points = 1"), "rule[2].id", "tier-reached bonuses"),
    "budget of nothing": (earn("points = 1", "budget = 0 #!"), "rule[2].budget", "above zero"),
    "budget too fine": (earn("points = 1", "budget = 0.001 #!"), "rule[2].budget", "scale of 2"),
    "budget too high": (earn("points = 1", "budget = 1_000_000_000_001 #!"), "rule[2].budget", "at most 1000000000000"),
    "limit by no anniversary": (earn("points = 1", "limits = { anniversary = 5 } #!"), "rule[2].limits.anniversary", "no condition on an anniversary"),
    "uses by no anniversary": (earn("points = 1", "uses = { anniversary = 1 } #!"), "rule[2].uses.anniversary", "no condition on an anniversary"),
    "anniversary only negated": (earn("points = 1", "when = { not = { anniversary = {} } }", "uses = { anniversary = 1 } #!"), "rule[2].uses.anniversary", "no condition"),
    "limit by anniversary of zero": (earn("points = 1", "when = { anniversary = {} }", "limits = { anniversary = 0 } #!"), "rule[2].limits.anniversary", "above zero"),
}  # fmt: skip

MULTIPLIES: dict[str, Bad] = {
    "multiply rounded by basket": (plus(BY_BASKET, IN_STARS, "[[rule]]", 'id = "x"', 'kind = "multiply"', 'currency = "stars"', "factor = 2", 'round = "ceil" #!'), "rule[3].round", "rounded once a basket"),
    "multiply of activities": (multiply("factor = 2", f"when = {{ {ACTIVITY} }} #!"), "rule[2].when.activity", "acts on sales only"),
    "earn on activities only": (plus(STARS, "[[rule]]", 'id = "y"', 'kind = "earn"', 'basis = "visit"', 'currency = "stars"', "points = 1", f"when = {{ {ACTIVITY} }}", "[[rule]] #!", 'id = "x"', 'kind = "multiply"', 'currency = "stars"', "factor = 2"), "rule[3]", "no earn rule in its currency"),
    "factor of no number": (multiply("factor = nan #!"), "rule[2].factor", "at least 1"),
    "factor by tier": (multiply("factor = { silver = 0.5 } #!"), "rule[2].factor.silver", "at least 1"),
    "factor of an unknown tier": (multiply("factor = { gold = 2 } #!"), "rule[2].factor.gold", "unknown tier 'gold'"),
}  # fmt: skip

BONUSES: dict[str, Bad] = {
    "bonus of nothing": (bonus(), "rule[2]", "give either points or of_balance"),
    "bonus of both": (bonus("points = 1", "of_balance = { factor = 2, cap = 5 }"), "rule[2]", "give either points or of_balance"),
    "per units alone": (bonus("of_balance = { factor = 2, cap = 5 }", "per_units = 2 #!"), "rule[2].per_units", "needs the points"),
    "per no units": (bonus("points = 1", "per_units = 0 #!"), "rule[2].per_units", "above zero"),
    "per units too fine": (bonus("points = 1", "per_units = 0.0001 #!"), "rule[2].per_units", "3 decimals"),
    "per units of no number": (bonus("points = 1", 'per_units = "sNaN" #!'), "rule[2].per_units", "0 to 10^9"),
    "carry of a bonus": (bonus("points = 1", 'round = "carry" #!'), "rule[2].round", "nothing is rounded"),
    "balance below one": (bonus("of_balance = { factor = 0.9, cap = 5 } #!"), "rule[2].of_balance.factor", "at least 1"),
    "balance without cap": (bonus("of_balance = { factor = 1.5, cap = 0 } #!"), "rule[2].of_balance.cap", "above zero"),
    "balance of status": (status("[[rule]]", 'id = "x"', 'kind = "bonus"', 'currency = "stars"', "of_balance = { factor = 2, cap = 5 } #!"), "rule[2].of_balance", "it has no balance"),
    "on a day: line": (when('brand = ["a"]', "bonus", "points = 1", 'on = "birthday"'), "rule[2].when.brand", "the end of a day"),
    "on a day: basket": (when('store = ["a"]', "bonus", "points = 1", 'on = "birthday"'), "rule[2].when.store", "the end of a day"),
    "on a day: weekday": (when('not = { weekday = ["friday"] }', "bonus", "points = 1", 'on = "joining"'), "rule[2].when.not.weekday", "the end of a day"),
    "on a day: purchase": (when('first_purchase = ["ever"]', "bonus", "points = 1", 'on = "birthday"'), "rule[2].when.first_purchase", "the end of a day"),
    "on a day: activity": (when(ACTIVITY, "bonus", "points = 1", 'on = "birthday"'), "rule[2].when.activity", "not for an activity"),
    "on a day: anniversary": (when("anniversary = {}", "bonus", "points = 1", 'on = "birthday"'), "rule[2].when.anniversary", "is the rule's anniversary"),
    "on a day: units": (bonus("points = 1", 'on = "birthday"', "per_units = 2 #!"), "rule[2].per_units", "nothing is bought"),
    "on a day: stack": (plus('[[stack]]\nid = "s"\nmode = "first"', "[[rule]]", 'id = "x"', 'kind = "bonus"', "points = 1", 'on = "birthday"', 'stack = "s" #!'), "rule[2].stack", "stands alone"),
}  # fmt: skip

ACTIVITIES: dict[str, Bad] = {
    "no activity": (when("activity = []", "bonus"), "rule[2].when.activity", "the list is empty"),
    "activity: sku": (when(f'{ACTIVITY}, sku = ["a"]', "bonus"), "rule[2].when.sku", "an activity has no lines"),
    "activity: promotion": (when(f"{ACTIVITY}, on_promotion = false", "bonus"), "rule[2].when.on_promotion", "no lines"),
    "activity: basket": (when(f"{ACTIVITY}, min_basket = 1", "bonus"), "rule[2].when.min_basket", "no lines"),
    "activity: amount": (when(f"{ACTIVITY}, min_amount = 1", "bonus"), "rule[2].when.min_amount", "no lines"),
    "activity: quantity": (when(f"{ACTIVITY}, min_quantity = 1", "bonus"), "rule[2].when.min_quantity", "no lines"),
    "activity: tender": (when(f'{ACTIVITY}, tender = ["a"]', "bonus"), "rule[2].when.tender", "no lines"),
    "activity: coupon": (when(f'{ACTIVITY}, coupon = ["a"]', "bonus"), "rule[2].when.coupon", "coupons"),
    "activity: without": (when(f'{ACTIVITY}, without = {{ sku = ["a"] }}', "bonus"), "rule[2].when.without", "no lines"),
    "activity: line under not": (when(f'{ACTIVITY}, not = {{ label = ["a"] }}', "bonus"), "rule[2].when.not.label", "no lines"),
    "activity: nth": (when(f"{ACTIVITY}, nth_purchase = [2]", "bonus"), "rule[2].when.nth_purchase", "is no purchase"),
    "activity: every nth": (when(f"{ACTIVITY}, every_nth = 2", "bonus"), "rule[2].when.every_nth", "is no purchase"),
    "activity: net": (earn("points = 1", 'basis = "net" #!', f"when = {{ {ACTIVITY} }}"), "rule[2].basis", "give quantity or visit"),
    "activity: line": (earn("points = 1", 'basis = "quantity"', f"when = {{ {ACTIVITY} }}", 'round = "line" #!'), "rule[2].round", "no lines"),
    "activity: units": (bonus("points = 1", "per_units = 2 #!", f"when = {{ {ACTIVITY} }}"), "rule[2].per_units", "earn by quantity instead"),
    "activity: balance": (bonus("of_balance = { factor = 2, cap = 5 } #!", f"when = {{ {ACTIVITY} }}"), "rule[2].of_balance", "a fixed figure"),
}  # fmt: skip

GROUPS: dict[str, Bad] = {
    "unknown group": (earn("points = 1", 'group = "g" #!'), "rule[2].group", "unknown group 'g'; known: none"),
    "unused group": (plus("[[group]] #!", 'id = "g"', 'mode = "best"'), "group[0]", "no rule names the group 'g'"),
    "group twice": (plus(FIRST, "[[group]]", 'id = "g" #!', 'mode = "best"', "[[rule]]", 'id = "x"', 'kind = "earn"', "points = 1", 'group = "g"'), "group[1].id", "used twice"),
    "best of two currencies": (plus(STARS, BEST, "[[rule]]", 'id = "x"', 'kind = "earn"', "points = 1", 'group = "g"', IN_STARS, 'group = "g" #!'), "rule[3].group", "has 'points' in 'x'; a group has one currency"),
    "unknown stack": (multiply("factor = 2", 'stack = "s" #!'), "rule[2].stack", "unknown stack 's'"),
    "unused stack": (plus("[[stack]] #!", 'id = "s"', 'mode = "best"'), "stack[0]", "no rule names the stack 's'"),
    "stack twice": (plus(COMPOUND, "[[stack]]", 'id = "s" #!', 'mode = "compound"', "[[rule]]", 'id = "x"', 'kind = "multiply"', "factor = 2", 'stack = "s"'), "stack[1].id", "used twice"),
    "compound of a bonus": (plus(COMPOUND, "[[rule]]", 'id = "x"', 'kind = "bonus"', "points = 1", 'stack = "s" #!'), "rule[2].stack", "a bonus has none"),
    "stack of two currencies": (plus(STARS, COMPOUND, IN_STARS, "[[rule]]", 'id = "x"', 'kind = "multiply"', "factor = 2", 'stack = "s"', "[[rule]]", 'id = "z"', 'kind = "multiply"', 'currency = "stars"', "factor = 2", 'stack = "s" #!'), "rule[4].stack", "one currency"),
}  # fmt: skip

CONDITIONS: dict[str, Bad] = {
    **{
        f"empty {name}": (when(f"{name} = []"), f"rule[2].when.{name}", "the list is empty")
        for name in (
            "sku", "department", "category", "supplier", "price_class", "label", "region",
            "format", "channel", "terminal", "tender", "coupon", "weekday", "holiday", "tier",
            "segment", "subscription", "first_purchase", "nth_purchase",
        )
    },
    "a sku beyond 64 bytes": (when(f'sku = ["a", "{"شیر" * 11}"]'), "rule[2].when.sku[1]", "longer than 64 bytes"),
    "a store with a line end": (when(r'not = { store = ["1\n"] }'), "rule[2].when.not.store[0]", "U+000A: no fact has such a name"),
    "an exclusion beyond 64 bytes": (plus("[[exclude]]", f'brand = ["{"b" * 65}"] #!'), "exclude[0].brand[0]", "longer than 64 bytes"),
    "unknown holidays": (when('holiday = ["ir"]'), "rule[2].when.holiday[0]", "unknown holiday calendar 'ir'; known: none"),
    "unknown holidays under not": (when('not = { holiday = ["ir"] }'), "rule[2].when.not.holiday[0]", "unknown holiday"),
    "dates too early": (when("date = { to = 1969-12-31 }"), "rule[2].when.date.to", "from 1970-01-01 to 2169-12-31"),
    "dates too late": (when("date = { from = 2170-01-01 }"), "rule[2].when.date.from", "to 2169-12-31"),
    "without nothing": (when("without = {}"), "rule[2].when.without", "names no product"),
    "without an empty list": (when('without = { sku = [], brand = ["a"] }'), "rule[2].when.without.sku", "the list is empty"),
    "quantity under not": (when("not = { min_quantity = 0.0001 }"), "rule[2].when.not.min_quantity", "3 decimals"),
    "tier at least under not": (when('not = { tier_at_least = "gold" }'), "rule[2].when.not.tier_at_least", "unknown tier"),
    "age of none": (when("age = {}"), "rule[2].when.age", "at_least, at_most or both"),
    "ages back": (when("age = { at_least = 30, at_most = 18 }"), "rule[2].when.age", "ends before it begins"),
    "days of a member back": (when("not = { member_days = { at_least = 2, at_most = 1 } }"), "rule[2].when.not.member_days", "ends before"),
    "unknown counter": (when('counter = { id = "c", at_least = 1 }'), "rule[2].when.counter.id", "unknown counter 'c'"),
    "part of a cent": (plus(SPENT, "[[rule]]", 'id = "x"', 'kind = "earn"', "points = 1", 'when = { counter = { id = "spent", at_least = 0.5 } } #!'), "rule[2].when.counter.at_least", "minor units"),
    "too many litres": (plus(LITRES, "[[rule]]", 'id = "x"', 'kind = "earn"', "points = 1", 'when = { counter = { id = "litres", at_least = 1e10 } } #!'), "rule[2].when.counter.at_least", "0 to 10^9 units"),
    "unknown sequence": (when('sequence = { id = "c", step = [1] }'), "rule[2].when.sequence.id", "unknown sequence 'c'"),
    "step beyond": (plus(COFFEE, "[[rule]]", 'id = "x"', 'kind = "earn"', "points = 1", 'when = { sequence = { id = "coffee", step = [3, 4] } } #!'), "rule[2].when.sequence.step[1]", "has 3 steps"),
    "tiers below the least": (when('tier = ["bronze"], tier_at_least = "silver"'), "rule[2].when.tier", "below 'silver'"),
    "never the nth": (when("nth_purchase = [1, 3], every_nth = 2"), "rule[2].when.nth_purchase", "no multiple of the 2"),
    "given and refused": (when('store = ["1"], not = { store = ["1", "2"] }'), "rule[2].when.store", "refused by not.store"),
}  # fmt: skip

LOOKED_AT: dict[str, Bad] = {
    "holidays of nothing": (plus("[[holidays]]", 'id = "h"'), "holidays[0]", "names no date"),
    "holidays of nowhere": (plus("[[holidays]]", 'id = "h"', 'country = "QQ" #!'), "holidays[0].country", "no holidays of a country 'QQ'"),
    "holidays taken from none": (plus("[[holidays]]", 'id = "h"', "add = [2026-01-01]", "remove = [2026-01-02] #!"), "holidays[0].remove", "no country"),
    "holidays added and taken": (plus("[[holidays]]", 'id = "h"', 'country = "IR"', "add = [2026-01-02]", "remove = [2026-01-02] #!"), "holidays[0].remove", "2026-01-02 is added as well"),
    "holidays too early": (plus("[[holidays]]", 'id = "h"', "add = [1960-01-02] #!"), "holidays[0].add[0]", "from 1970-01-01"),
    "holidays of Jalali dates": (plus("[[holidays]]", 'id = "h"', "add = [1405-08-10] #!"), "holidays[0].add[0]", "1405-08-10 of the Jalali calendar is 2026-11-01"),
    "coupon from a Jalali date": (plus("[[coupon]]", 'id = "h"', "from = 1405-08-10 #!"), "coupon[0].from", "1405-08-10 of the Jalali calendar is 2026-11-01"),
    "coupon to a Jalali date": (plus("[[coupon]]", 'id = "h"', "to = 1405-08-10 #!"), "coupon[0].to", "from 1970-01-01 to 2169-12-31"),
    "coupon of too late a date": (plus("[[coupon]]", 'id = "h"', "to = 2170-01-01 #!"), "coupon[0].to", "from 1970-01-01 to 2169-12-31"),
    "referral of Jalali dates": (plus("[[referral]]", 'id = "h"', "referred = 1", "referrer = 1", "when = { not = { date = { to = 1405-12-29 } } } #!"), "referral[0].when.not.date.to", "is 2027-03-20"),
    **{
        f"milestone {ordinal[:4]}": (plus("[[referral]]", 'id = "h"', "referred = 1", "referrer = 1", f'milestones = {{ "{ordinal}" = 5 }} #!'), "referral[0].milestones", "no number of referrals from 1 to 10^6")
        for ordinal in ("0", "01", "۱", "1000001", "9" * 5_000, "")
    },
    "holidays twice": (plus("[[holidays]]", 'id = "h"', 'country = "IR"', "[[holidays]]", 'id = "h" #!', 'country = "DE"'), "holidays[1].id", "used twice"),
    "counter twice": (plus(SPENT, "[[counter]]", 'id = "spent" #!', 'count = "visits"'), "counter[1].id", "used twice"),
    "counter of no activity": (counter('count = "activity"'), "counter[0].activity", "is missing"),
    "counter of an empty list": (counter('count = "activity"', "activity = [] #!"), "counter[0].activity", "the list is empty"),
    "counter of visits by activity": (counter('count = "visits"', 'activity = ["a"] #!'), "counter[0].activity", "looks at lines"),
    "counter of activities by sku": (counter('count = "activity"', 'activity = ["a"]', 'when = { sku = ["b"] } #!'), "counter[0].when", "has no lines"),
    "counter of no sku": (counter('count = "spend"', "when = { sku = [] } #!"), "counter[0].when.sku", "the list is empty"),
    "sequence twice": (plus(COFFEE, "[[sequence]]", 'id = "coffee" #!', "steps = 2"), "sequence[1].id", "used twice"),
    "sequence of no step": (plus("[[sequence]]", 'id = "s"', "steps = 3", "gap_days = 9", "reset_days = 8 #!"), "sequence[0].reset_days", "before the gap of 9 days"),
    "segment twice": (plus("[[segment]]", 'id = "s"', "visits = { at_least = 1 }", "[[segment]]", 'id = "s" #!', "visits = { at_least = 2 }"), "segment[1].id", "used twice"),
    "segment of nothing": (plus("[[segment]]", 'id = "s"'), "segment[0]", "asks nothing"),
    "segment of no bound": (plus("[[segment]]", 'id = "s"', "visits = {} #!"), "segment[0].visits", "at_least, at_most or both"),
    "segment back": (plus("[[segment]]", 'id = "s"', "spend = { at_least = 2, at_most = 1 } #!"), "segment[0].spend", "ends before"),
    "segment's window": (plus("[[segment]]", 'id = "s"', "member_days = { at_most = 30 }", 'window = "month" #!'), "segment[0].window", "of spend and visits"),
}  # fmt: skip

LADDER: dict[str, Bad] = {
    "rolling by nothing": (ladder("window = {}"), "ladder.window", "either days or months"),
    "rolling by both": (ladder("window = { days = 30, months = 1 }"), "ladder.window", "either days or months"),
    "period of months": (ladder("validity = { months = 3 }", 'validity_period = "year" #!'), "ladder.validity_period", "a validity of months has no period"),
    "period while met": (ladder('validity = "while_met"', 'validity_period = "year" #!'), "ladder.validity_period", "a validity of while_met has no period"),
    "calendar while met": (ladder('validity = "while_met"', 'calendar = "jalali" #!'), "ladder.calendar", "has no calendar"),
    "over 60 figures": (asks("value = { " + ", ".join(f"v{n} = {n}" for n in range(61)) + " }"), "ladder.tier[2].at_least", "more than 60 figures"),
    "points of no currency": (asks("points = { stars = 5 }"), "ladder.tier[2].at_least.points.stars", "unknown currency 'stars'"),
    "points too fine": (asks("points = { points = 0.001 }"), "ladder.tier[2].at_least.points.points", "scale of 2"),
    "balance below zero": (asks("balance = { points = -1 }"), "ladder.tier[2].at_least.balance.points", "below zero"),
    "counter unknown": (asks("counter = { c = 5 }"), "ladder.tier[2].at_least.counter.c", "unknown counter"),
    "counter in parts": (plus(SPENT, "[[ladder.tier]]", 'id = "gold"', "at_least = { counter = { spent = 0.5 } } #!"), "ladder.tier[2].at_least.counter.spent", "minor units"),
    "activity below zero": (asks("activity = { review = -1 }"), "ladder.tier[2].at_least.activity.review", "0 to 10^9"),
    "activity of no name": (asks('activity = { "" = 1 }'), "ladder.tier[2].at_least.activity", "is empty"),
    "value of a long name": (asks(f'value = {{ {"v" * 65} = 1 }}'), "ladder.tier[2].at_least.value", "longer than 64 bytes: no fact has such a name"),
    "too many activities": (plus(*(row for n in range(64) for row in ("[[counter]]" if n else "[[counter]] #!", f'id = "c{n}"', 'count = "activity"', f'activity = ["a{n}"]')), "[[ladder.tier]]", 'id = "gold"', "at_least = { activity = { b = 1 } }"), "counter", "at most 64 sets of activity codes"),
    "value too high": (asks("value = { ltv = 1_000_000_000_000_001 }"), "ladder.tier[2].at_least.value.ltv", "10^15"),
    "points of nan": (asks("points = { points = nan }"), "ladder.tier[2].at_least.points.points", "below zero"),
    "visits fall": (tier("at_least = { visits = 9 }", "[[ladder.tier]]", 'id = "best"', "at_least = { visits = 9 } #!"), "ladder.tier[3].at_least.visits", "above the 9"),
    "falls over a tier between": (tier("at_least = { visits = 9 }", "[[ladder.tier]]", 'id = "best"', "at_least = { spend = 1_000 } #!"), "ladder.tier[3].at_least.spend", "above the 1000"),
    "points fall": (tier("at_least = { points = { points = 5 } }", "[[ladder.tier]]", 'id = "best"', "at_least = { points = { points = 4.5 } } #!"), "ladder.tier[3].at_least.points.points", "above the 5"),
    "bonus of no currency": (tier("at_least = { visits = 9 }", 'bonus = { points = 5, currency = "stars" } #!'), "ladder.tier[2].bonus.currency", "unknown currency"),
    "tier bonus of zero": (tier("at_least = { visits = 9 }", "bonus = { points = 0 } #!"), "ladder.tier[2].bonus.points", "above zero"),
    "tier bonus too fine": (tier("at_least = { visits = 9 }", "bonus = { points = 0.001 } #!"), "ladder.tier[2].bonus.points", "scale of 2"),
}  # fmt: skip
WHOLE = {
    **CURRENCIES, **EARN, **MULTIPLIES, **BONUSES, **ACTIVITIES, **GROUPS, **CONDITIONS,
    **LOOKED_AT, **LADDER,
}  # fmt: skip
"""Every bad program of the tables above, by name."""


def marked_line(text: str) -> int:
    """The line that holds the mark."""
    (line,) = (number for number, row in enumerate(text.splitlines(), 1) if "#!" in row)
    return line
