"""What other systems' manuals and tests tell, case by case: see `other_systems` for the rows."""

from __future__ import annotations

from .other_systems import Case

CASES = [
    Case("Square", "points for every full amount spent", "per-ten",
         "sale: x 1 105 => earn base 10 points"),
    Case("Square", "categories that earn nothing", "per-ten",
         "sale: x 1 105, card 1 50 => earn base 10 points"),
    Case("Square", "points for a visit with a least amount", "counters", """
        sale: x 1 9.99 => nothing
        sale: x 1 10 => bonus visit 1 points"""),
    Case("Square", "points for pieces of a category", "counters",
         "sale: coffee 2 6, cake 1 2 => earn hot-drinks 4 points"),
    Case("Imonggo", "a return takes what the purchase gave", "per-ten", """
        adjust: 100 => adjust 100 points
        sale: x 1 40 => earn base 4 points
        return of 2: 1 1 40 => reverse base -4 points
        at 2025-06-03: points 100"""),
    Case("LS Retail", "schemes of pieces and of departments add up", "counters",
         "sale: ham 1 39, shirt 3 30 => bonus visit 1 points; earn clothes 20 points; "
         "earn meat 10 points"),
    Case("LS Retail", "points for what one tender paid", "own-card", """
        sale: x 1 50 | paid card 50 => earn card 10,000 stars"""),
    Case("Starbucks", "prorated where other tenders pay a part", "own-card",
         "sale: x 1 8.50 | paid cash 3.50, paid card 5 => earn card 1,000 stars"),
    Case("Starbucks", "gone six months after the month of earning", "months-after-the-month", """
        sale 2020-12-15: x 1 10 => earn base 10 points
        at 2021-06-30: points 10
        at 2021-07-01: points 0"""),
    Case("Talon.One", "to the end of the month, a month on", "months-after-the-month", """
        sale 2025-01-31: x 1 10 => earn base 10 points
        at 2025-07-31: points 10
        at 2025-08-01: points 0"""),
    Case("AccuArk", "fractions of a point are dropped", "per-dollar",
         "sale: x 1 47.50 => earn base 47 points"),
    Case("Sylius loyalty plugin", "fractions of a point are dropped", "per-dollar", """
        sale: x 1 100 => earn base 100 points
        sale: x 1 19.99 => earn base 19 points"""),
    Case("Smile.io", "rounded to the nearest", "nearest", """
        sale: x 1 10.50 => earn base 11 points
        sale: x 1 10.49 => earn base 10 points"""),
    Case("WooCommerce Points and Rewards", "rounded to the nearest", "nearest",
         "sale: x 1 2.50 => earn base 3 points"),
    Case("WooCommerce Points and Rewards", "rounded down", "per-dollar",
         "sale: x 1 2.50 => earn base 2 points"),
    Case("JeriCommerce", "15 % back, rounded up; one of three products comes back", "upwards", """
        sale: a 1 100, b 1 130, c 1 59 => earn base 44 points
        return of 1: 2 1 130 => reverse base -20 points"""),
    Case("Voucherify", "points on the amount before discounts", "before-discounts",
         "sale: x 1 80 -20 => earn base 100 points"),
    Case("Odoo", "points on the amount after discounts", "per-dollar",
         "sale: x 1 90 -10 => earn base 90 points"),
    Case("the rewards exercise", "two slices, nothing below the first", "slices", """
        sale: x 1 40 => nothing
        sale: x 1 50 => nothing
        sale: x 1 70 => earn slices 20 points
        sale: x 1 100 => earn slices 50 points
        sale: x 1 120 => earn slices 90 points
        sale: x 1 120.75 => earn slices 91 points
        sale: x 1 150 => earn slices 150 points"""),
    Case("Sylius loyalty plugin", "a product's rate beside that of the order", "product-first",
         "sale: X 1 40, y 1 60 => earn product 120 points; earn order 60 points"),
    Case("Sylius loyalty plugin", "a fixed figure alone", "fixed-alone",
         "sale: x 1 19.99 => earn fixed 100 points"),
    Case("Sylius loyalty plugin", "factors multiply each other", "compound",
         "sale: x 1 100 => earn base 100 points; multiply double 100 points; "
         "multiply triple 400 points"),
    Case("Sylius loyalty plugin", "28.5 in all, rounded once", "rounded-at-last",
         "sale: x 1 19.99 => earn base 19 points; multiply more 10 points"),
    Case("United MileagePlus", "miles by fare and status", "by-status", """
        sale 2025-01-02: flight 1 10000 => earn base 50,000 points
        sale: flight 1 368 => earn base 1,840 points; multiply status 2,208 points"""),
    Case("Adobe Commerce", "points in groups", "groups-of-ten", """
        adjust: 25 => adjust 25 points
        quote: x 1 100 => redeemable 20 points as points for 400
        sale: x 1 100 | paid points 4 20 => redeem -20 points
        at 2025-06-03: points 5"""),
    Case("Beans", "at most half of the order", "half-of-it", """
        adjust: 1000 => adjust 1,000 points
        quote: x 1 10 => redeemable 500 points as points for 500"""),
    Case("Beans", "from a least number of points on", "half-of-it", """
        adjust: 499 => adjust 499 points
        quote: x 1 10 => redeemable 0 points as points for 0
        redeem: 499 => refused below-minimum"""),
    Case("Sylius loyalty plugin", "half of the order, and given back", "half-of-it", """
        adjust: 1000 => adjust 1,000 points
        quote: x 2 15.98 => redeemable 799 points as points for 799
        redeem: 799 => redeem -799 points
        cancel of 3: => restore 799 points
        at 2025-06-03: points 1000"""),
    Case("Zenoti", "at most so many points an invoice", "at-most-a-thousand", """
        adjust: 5000 => adjust 5,000 points
        quote: x 1 100 => redeemable 1,000 points as points for 1,000
        sale: x 1 100 | paid points 10.01 1001 => refused above-maximum
        redeem: 1001 => refused above-maximum
        sale: x 1 100 | paid points 10 1000 => redeem -1,000 points"""),
    Case("YITH", "not for orders below an amount", "at-most-a-thousand", """
        adjust: 5000 => adjust 5,000 points
        quote: x 1 9.99 => redeemable 0 points as points for 0
        sale: x 1 9.99 | paid points 5 500 => refused basket-too-small
        quote: x 1 10 => redeemable 1,000 points as points for 1,000"""),
    Case("Odoo", "what a wallet pays earns as well", "wallet-earns", """
        adjust of wallet: 1000 => adjust 1,000 wallet
        sale: x 1 100 | paid wallet 10 1000 => redeem -1,000 wallet; earn base 100 points"""),
    Case("Odoo", "gift cards pay in parts", "gift-cards", """
        issue: G1 100 => adjust 10,000 gift
        sale: x 1 80 | paid giftcard 50 by G1, paid cash 30 => earn base 30 points"""),
    Case("loyalBe", "what is beyond a reward's price stays", "reward", """
        adjust: 90 => adjust 90 points
        sale: x 1 20 => earn base 20 points
        reward: board => redeem -100 points
        at 2025-06-03: points 10"""),
    Case("Sylius loyalty plugin", "the earliest expiry is spent first", "reward", """
        adjust 2025-01-01: 100 until never => adjust 100 points
        adjust 2025-01-02: 100 until 2025-05-31 => adjust 100 points
        redeem 2025-01-03: 60 => redeem -60 points
        at 2025-05-31: points 140
        at 2025-06-01: points 100"""),
    Case("Sylius loyalty plugin", "what is owed is paid by the next points", "reward", """
        adjust 2025-01-01: 50 => adjust 50 points
        redeem 2025-01-02: 80 | completed => redeem -80 points
        at 2025-01-02: points 0, debt 30
        adjust 2025-01-03: 100 => adjust 100 points
        at 2025-01-04: points 70"""),
    Case("Damned Pages", "each purchase renews for three months", "while-active", """
        sale 2024-12-01: x 1 50 => earn base 50 points
        sale 2025-01-01: x 1 50 => earn base 50 points
        at 2025-04-01: points 100
        at 2025-04-02: points 0"""),
    Case("NOBULL", "a part of the money comes back", "per-dollar", """
        sale: x 1 100 => earn base 100 points
        return of 1: 1 0 75 => reverse base -75 points
        at 2025-06-03: points 25"""),
    Case("Sylius loyalty plugin", "a balance below zero", "per-dollar", """
        sale: x 1 150 => earn base 150 points
        redeem: 100 => redeem -100 points
        return of 1: 1 1 150 => reverse base -150 points
        at 2025-06-03: points 0, debt 100"""),
    Case("Sylius loyalty plugin", "never below zero", "never-below-zero", """
        sale: x 1 150 => earn base 150 points
        redeem: 100 => redeem -100 points
        return of 1: 1 1 150 => reverse base -150 points; forgive 100 points
        at 2025-06-03: points 0"""),
    *(
        Case("ERPNext", f"the tier after {before} and {now}", "tiers",
             (f"sale 2025-06-01: x 1 {before} => earn base {before // 1000} points\n"
              if before else "")
             + f"sale 2025-06-02: x 1 {now} => "
             + (f"earn base {now // 1000} points" if now >= 1000 else "nothing")
             + f"\nat 2025-06-03: points {before // 1000 + now // 1000}, tier {tier}")
        for before, now, tier in (
            (0, 6000, "bronze"), (0, 15000, "silver"), (0, 25000, "gold"), (4000, 500, "bronze"),
            (8000, 3000, "silver"), (18000, 3000, "gold"), (22000, 5000, "gold"),
        )
    ),
    Case("ERPNext", "one of two pieces comes back", "tiers", """
        sale: x 2 20000 => earn base 20 points
        return of 1: 1 1 10000 => reverse base -10 points"""),
    Case("ERPNext", "what points paid earns nothing, and comes back", "groups-of-ten", """
        adjust: 30 => adjust 30 points
        sale: x 1 100 | paid points 4 20 => redeem -20 points
        return of 2: 1 1 100 => restore 20 points
        at 2025-06-03: points 30"""),
    Case("Sephora Beauty Insider", "a rate by tier, from the next purchase on",
         "one-rung-at-a-time", """
        sale 2025-01-05: x 1 350 => earn base 350 points
        sale 2025-01-06: x 1 650 => earn base 812 points
        sale 2025-01-07: x 1 100 => earn base 150 points"""),
    Case("Workwear Hub", "one tier down where twelve months bring too little",
         "one-rung-at-a-time", """
        sale 2024-02-01: x 1 1000 => earn base 1,000 points
        at 2025-02-01: points 1000, tier rouge
        at 2025-02-02: points 1000, tier vib
        at 2026-02-02: points 1000, tier vib
        at 2026-02-03: points 1000, tier insider"""),
    Case("Sylius loyalty plugin", "both friends, and back from both", "friends", """
        enrol 2025-01-01: r => nothing
        enrol 2025-01-02: m by r => nothing
        sale 2025-06-02: x 1 50 => bonus friend 200 points
        at 2025-06-02: points 200
        at 2025-06-02: member r, points 500
        return of 3 2025-06-03: 1 1 50 => reverse friend -200 points
        at 2025-06-04: points 0
        at 2025-06-04: member r, points 0"""),
    Case("Sylius loyalty plugin", "a first order that is too small", "friends", """
        enrol 2025-01-01: r => nothing
        enrol 2025-01-02: m by r => nothing
        sale 2025-06-02: x 1 10 => nothing
        sale 2025-06-03: x 1 90 => nothing"""),
    Case("SessionM", "every 200 in May, over several purchases", "spent-in-may", """
        sale 2025-05-01: x 1 50 => nothing
        sale 2025-05-09: x 1 75 => nothing
        sale 2025-05-17: x 1 100 => earn may 1 may-coupon
        sale 2025-05-18: x 1 375 => earn may 2 may-coupon
        sale 2025-06-01: x 1 500 => nothing"""),
    Case("Square", "buy ten, and the next is free", "tenth-free", """
        sale: coffee 7 21 => nothing
        sale: coffee 4 12 => bonus card 1 free-coffee
        sale: coffee 19 57 => bonus card 2 free-coffee"""),
    Case("Kohl's Cash", "10 for every 50 of a purchase", "ten-for-fifty", """
        sale: x 1 49.99 => nothing
        sale: x 1 80 => earn cash 1,000 cash
        sale: x 1 100 => earn cash 2,000 cash"""),
    Case("Odoo", "something free with the next order", "next-purchase", """
        sale: cabinet 1 320 => nothing
        sale: cabinet 2 640 => bonus two-pieces 1 free-bin
        quote: cabinet 1 320, bin 1 47 | coupon free-bin => redeem -1 free-bin; \
bonus two-pieces 1 free-bin; bin 4,700 off (4,700 of line 2)"""),
    Case("Solidus", "a cap on a percentage", "percent-with-a-cap", """
        quote: a 1 12, b 1 23, c 1 10 => \
fifteen 675 off (180 of line 1, 345 of line 2, 150 of line 3)
        quote: a 1 120, b 1 230, c 1 300 => \
fifteen 5,000 off (923 of line 1, 1,769 of line 2, 2,308 of line 3) by basket"""),
    Case("Solidus", "an amount spread over the lines", "amount-off", """
        quote: a 1 20, b 1 30, c 1 100 => \
off 1,500 off (200 of line 1, 300 of line 2, 1,000 of line 3)
        quote: a 1 50, b 1 50, c 1 50 => off 1,500 off (500 of line 1, 500 of line 2, 500 of line 3)
        quote: a 1 9 => off 900 off (900 of line 1)"""),
    Case("Spree", "a percentage by the amount", "by-amount", """
        quote: x 1 50 => steps 500 off (500 of line 1)
        quote: x 1 150 => steps 2,250 off (2,250 of line 1)"""),
    Case("Solidus", "a percentage by the pieces of a category", "by-pieces", """
        quote: shirt 2 100, pants 3 60, mug 1 20 => \
clothes 1,600 off (1,000 of line 1, 600 of line 2)
        quote: shirt 7 350, pants 5 100 => clothes 6,750 off (5,250 of line 1, 1,500 of line 2)"""),
    Case("Sylius", "off one category with another one", "if-the-order-has", """
        quote: trousers 1 80, jacket 1 100 => pack 1,000 off (1,000 of line 2); \
each-jacket does not apply: min_basket
        quote: jacket 1 100, shoes 1 400 => pack does not apply: not.without; \
each-jacket 1,000 off (1,000 of line 1)
        quote: jacket 7 700 => pack does not apply: not.without; \
each-jacket 7,000 off (7,000 of line 1)"""),
    Case("Odoo", "off the order for some products", "of-the-order", """
        quote: A 3 300, B 24 120 => order 4,200 off (3,000 of line 1, 1,200 of line 2)
        quote: A 2 200, B 24 120 => order does not apply: min_quantity
        quote: A 3 300 => order does not apply: min_basket"""),
    Case("Odoo", "three bought, one more for nothing", "three-and-one", """
        quote: cabinet 3 960 => free does not apply: benefit
        quote: cabinet 4 1280 => free 32,000 off (32,000 of line 1)
        quote: cabinet 8 2560 => free 64,000 off (64,000 of line 1)
        quote: cabinet 100 32000 => free 800,000 off (800,000 of line 1)"""),
    Case("Medusa", "two plus one, twice at most", "two-plus-one", """
        quote: x 2 1000 => free does not apply: benefit
        quote: x 3 1500 => free 50,000 off (50,000 of line 1)
        quote: x 5 2500 => free 50,000 off (50,000 of line 1)
        quote: x 6 3000 => free 100,000 off (100,000 of line 1)
        quote: x 9 4500 => free 100,000 off (100,000 of line 1)"""),
    Case("Odoo", "the cheaper of each pair", "second-at-half",
         "quote: a 1 115, b 1 17.25, c 3 999 => half 22,400 off (5,750 of line 1, "
         "16,650 of line 3)"),
    Case("Function Studio", "every second piece", "second-at-half",
         "quote: x 5 50 => half 1,000 off (1,000 of line 1)"),
    Case("Saleor", "once, off the cheapest piece", "cheapest",
         "quote: a 1 30, b 2 20 => half 500 off (500 of line 2)"),
    Case("Function Studio", "the first five pieces", "first-five",
         "quote: x 8 80 => fifth 1,000 off (1,000 of line 1)"),
    Case("Medusa", "one piece of each line", "one-of-each-line",
         "quote: shirt 1 100, sweater 5 750 => ten 2,500 off (1,000 of line 1, 1,500 of line 2)"),
    Case("Shopify", "spend an amount, get one of a collection", "gift-from-a-hundred", """
        quote: x 1 90, scarf 2 20 => gift 1,000 off (1,000 of line 2)
        quote: x 1 70, scarf 2 20 => gift does not apply: min_basket"""),
    Case("Odoo", "one price for some products", "one-price",
         "quote: A 1 100, B 1 5, C 1 100 => two-dollars 19,600 off (9,800 of line 1, "
         "9,800 of line 3)"),
    Case("Odoo", "each of what the others left", "one-after-the-other",
         "quote: x 3 300 => first 3,000 off (3,000 of line 1); second 2,700 off (2,700 of line 1); "
         "third 2,430 off (2,430 of line 1)"),
    Case("Spree", "the most valuable promotion of an order", "best-of-all",
         "quote: x 1 500 => hundred does not apply: group three-hundred; "
         "two-hundred does not apply: group three-hundred; "
         "three-hundred 30,000 off (30,000 of line 1)"),
    Case("Solidus", "the better discount of each line", "best-of-each-line",
         "quote: hat 1 10, shirt 1 20 => one-off 100 off (100 of line 2); "
         "two-off 200 off (200 of line 1)"),
    Case("Odoo", "one discount on the whole order", "one-of-them",
         "quote: cabinet 1 320 | coupon CODE => always 3,200 off (3,200 of line 1); "
         "by-code does not apply: group always"),
]  # fmt: skip
