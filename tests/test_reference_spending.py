"""The reference against the rulebook: holds, captures, tenders, cancels, terms (section 8)."""

from __future__ import annotations

import pytest

from vafa.engine.program.program import Program

from .reference_scripts import BASE, EACH, LADDER, Case, back, club, follow

POINTS = '[{tender="points", currency="points"}]'
PLAIN = club(BASE, redemption=POINTS)
PAID = club(EACH, redemption=POINTS)
RETURNED = back("", EACH, redemption=POINTS)


def asks(*terms: str, **fields: str) -> Program:
    """A point per minor unit, and a redemption with terms."""
    entries = ", ".join(f"{{currency=\"points\", {term}}}" for term in terms)
    return club(EACH, **{"redemption": f"[{entries}]"} | fields)


HOLDS = [
    (
        "a hold ends after a day, at its instant",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        ? 01-02 => 60 active 40 held
        ? 01-03T11:59 => 60 active 40 held
        ? 01-03T12:00 => 100 active""",
    ),
    (
        "at the asked instant, if it is earlier",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 until 01-02T13:00 => hold -40
        ? 01-02T12:59 => 60 active 40 held
        ? 01-02T13:00 => 100 active""",
    ),
    (
        "at the program's most, if it is earlier",
        club(BASE, hold_hours="2"),
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 until 01-05T12:00 => hold -40
        ? 01-02T13:59 => 60 active 40 held
        ? 01-02T14:00 => 100 active""",
    ),
    (
        "what is held cannot be spent or held again",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 60 => hold -60
        d 01-02T13:00 redeems points 41 => insufficient-points
        g 01-02T13:00 holds points 41 => insufficient-points
        e 01-02T13:00 redeems points 40 => redeem -40
        f 01-03T12:00 redeems points 60 => redeem -60""",
    ),
    (
        "nothing is held that is not there, pending or not spendable",
        club(BASE, currency='[{id="points", pending_days=5}, {id="status", kind="status"}]'),
        """s 01-01 buys milk 5000 => base 50
        h1 01-02 holds points 1 => insufficient-points
        h2 01-02 holds status 1 => not-spendable
        h3 01-02 holds stars 1 => unknown-currency
        h4 01-06 holds points 50 => hold -50""",
    ),
    (
        "one that has happened makes debt, which its release cancels",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 130 completed => hold -130
        ? 01-02 => 130 held 30 debt
        l 01-02T13:00 releases h => release 130
        ? 01-02 => 100 active
        ? 01-02 totals points => issued 100""",
    ),
    (
        "its capture leaves the debt",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 130 completed => hold -130
        c 01-02T13:00 captures h => capture 130
        ? 01-02 => 30 debt
        ? 01-02 totals points => issued 100, redeemed 130, debt 30""",
    ),
    (
        "points are reserved in spending order and go back to their lots",
        PLAIN,
        """a1 01-01 adjusts points 50 => adjust 50
        a2 01-01 adjusts points 30 through 2024-03-01 => adjust 30
        h 01-02 holds points 40 => hold -40
        ? 01-02 lots => 40 to ever
        l 01-02T13:00 releases h => release 40
        ? 01-02 lots => 30 to 2024-03-01, 50 to ever""",
    ),
    (
        "held points do not expire",
        PLAIN,
        """a 01-01 adjusts points 100 through 2024-01-10 => adjust 100
        h 01-10 holds points 40 => hold -40
        ? 01-11T11:00 => 40 held
        c 01-11T11:00 captures h => capture 40
        ? 01-11 totals points => issued 100, expired 60, redeemed 40""",
    ),
    (
        "released after its lot has passed they expire at once",
        PLAIN,
        """a 01-01 adjusts points 100 through 2024-01-10 => adjust 100
        h 01-10 holds points 40 => hold -40
        l 01-11T11:00 releases h => release 40, expire -40
        ? 01-11 totals points => issued 100, expired 100
        c 01-12T01:00 closes 01-11 => expire -60""",
    ),
    (
        "the closed day posts what ran out",
        PLAIN,
        """a 01-01 adjusts points 100 through 2024-01-10 => adjust 100
        h 01-10 holds points 40 => hold -40
        c1 01-11T01:00 closes 01-10 => expire -60
        c2 01-12T01:00 closes 01-11 => expire -40, release 40
        c3 01-13T01:00 closes 01-12 =>""",
    ),
    (
        "a closed day leaves holds that end on the next date",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-10 holds points 40 until 01-11T00:30 => hold -40
        c1 01-11T01:00 closes 01-10 =>
        ? 01-11T01:00 => 100 active
        c2 01-12T01:00 closes 01-11 => release 40""",
    ),
    (
        "released points pay debt first",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 100 => hold -100
        b 01-02T13:00 adjusts points -30 forced => adjust -30
        ? 01-02 => 100 held 30 debt
        l 01-02T14:00 releases h => release 100
        ? 01-02 => 70 active""",
    ),
    (
        "so do those of a hold that runs out",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 100 => hold -100
        b 01-02T13:00 adjusts points -30 forced => adjust -30
        ? 01-03T12:00 => 70 active
        d 01-03T12:00 redeems points 71 => insufficient-points
        e 01-03T12:00 redeems points 70 => redeem -70""",
    ),
    (
        "debt of a hold that is paid meanwhile comes back as a lot of its release",
        club(BASE, currency='[{id="points", expiry={policy="after", days=10}}]'),
        """h 01-02 holds points 30 completed => hold -30
        a 01-02T13:00 adjusts points 30 => adjust 30
        ? 01-02T13:00 => 30 held
        l 01-03T11:00 releases h => release 30
        ? 01-03 lots => 30 to 2024-01-13""",
    ),
    (
        "a late return may leave a hold short",
        RETURNED,
        """s 01-01 buys milk 50, oat 50 => base 100
        h 01-03 holds points 80 => hold -80
        r 01-02 returns s milk x1 => base -50
        ? 01-03 => 80 held 30 debt""",
    ),
    (
        "which is forgiven if the program says so, and no more when released",
        back("", EACH, late_shortfall='"forgive"'),
        """s 01-01 buys milk 50, oat 50 => base 100
        h 01-03 holds points 80 => hold -80
        r 01-02 returns s milk x1 => base -50, correct 30 of h
        ? 01-03 => 80 held
        ? 01-03 totals points => issued 100, reversed 50, forgiven 30
        l 01-03T13:00 releases h => release 80, forgive -30
        ? 01-03 => 50 active
        c 01-04T13:00 closes 01-03 =>""",
    ),
    (
        "or when it runs out",
        back("", EACH, late_shortfall='"forgive"'),
        """s 01-01 buys milk 50, oat 50 => base 100
        h 01-03 holds points 80 => hold -80
        r 01-02 returns s milk x1 => base -50, correct 30 of h
        c 01-05T01:00 closes 01-04 => release 80, forgive -30
        ? 01-05 => 50 active""",
    ),
    (
        "a return takes no held points",
        RETURNED,
        """s 01-01 buys milk 50 => base 50
        h 01-02 holds points 50 => hold -50
        r 01-02T13:00 returns s milk x1 => base -50
        ? 01-02 => 50 held 50 debt
        l 01-02T14:00 releases h => release 50
        ? 01-02 => 0""",
    ),
    (
        "what expired when it was released has come back with its sale",
        back("", EACH, currency='[{id="points", expiry={policy="after", days=1}}]'),
        """s 01-01 buys milk 50 => base 50
        h 01-02 holds points 50 => hold -50
        l 01-03T11:00 releases h => release 50, expire -50
        r 01-04 returns s milk x1 => base 0
        ? 01-04 totals points => issued 50, expired 50""",
    ),
    (
        "the end is told in local time",
        club(BASE, zone='"Asia/Tehran"'),
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 until 01-02T20:30 => hold -40
        c1 01-02T20:30 closes 01-02 =>
        c2 01-03T20:30 closes 01-03 => release 40""",
    ),
]  # fmt: skip

CAPTURES = [
    (
        "a capture spends all that is held",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c 01-02T13:00 captures h => capture 40
        ? 01-02 => 60 active
        ? 01-02 totals points => issued 100, redeemed 40""",
    ),
    (
        "or a part, and releases the rest",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c 01-02T13:00 captures h 30 => capture 30, release 10
        ? 01-02 => 70 active
        d 01-02T14:00 captures h 1 => hold-ended""",
    ),
    (
        "unless it is partial",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c1 01-02T13:00 captures h 30 partial => capture 30
        ? 01-02 => 60 active 10 held
        c2 01-02T14:00 captures h 11 => more-than-held
        c3 01-02T14:00 captures h => capture 10
        ? 01-02 totals points => issued 100, redeemed 40""",
    ),
    (
        "a partial one that takes all ends the hold",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c1 01-02T13:00 captures h partial => capture 40
        c2 01-02T14:00 captures h => hold-ended
        l 01-02T15:00 releases h => hold-ended""",
    ),
    (
        "what was reserved first is captured first",
        PLAIN,
        """a1 01-01 adjusts points 50 => adjust 50
        a2 01-01 adjusts points 30 through 2024-03-01 => adjust 30
        h 01-02 holds points 40 => hold -40
        c 01-02T13:00 captures h 10 => capture 10, release 30
        ? 01-02 lots => 20 to 2024-03-01, 50 to ever""",
    ),
    (
        "no more than is held, unless it has happened",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c 01-02T13:00 captures h 41 => more-than-held
        d 01-02T13:00 captures h 50 completed => capture 40, redeem -10
        ? 01-02 => 50 active""",
    ),
    (
        "beyond it there may be debt",
        PLAIN,
        """a 01-01 adjusts points 40 => adjust 40
        h 01-02 holds points 40 => hold -40
        d 01-02T13:00 captures h 50 completed => capture 40, redeem -10
        ? 01-02 => 10 debt""",
    ),
    (
        "not of one that is over",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c 01-03T12:00 captures h => hold-ended
        l 01-03T12:00 releases h => hold-ended
        d 01-03T11:59 captures h 5 partial => capture 5""",
    ),
    (
        "unless it has happened: a redemption at its place",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c 01-02T13:00 captures h 15 partial => capture 15
        d 01-04 captures h completed => redeem -25
        e 01-04 captures h 9 completed => redeem -9
        ? 01-04 => 51 active""",
    ),
    (
        "nor of another's or of nothing",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c1 01-02T13:00 captures x completed => unknown-hold
        c2 01-02T13:00 captures a => unknown-hold
        c3 01-02T13:00 captures h by n => wrong-member
        l1 01-02T13:00 releases x => unknown-hold
        l2 01-02T13:00 releases h by n => wrong-member""",
    ),
    (
        "a capture before its hold applies right after it",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c 01-01 captures h 30 => capture 30, release 10
        ? 01-02 => 70 active""",
    ),
    (
        "a release before it as well",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        d 01-02T13:00 redeems points 70 => insufficient-points
        l 01-02T11:00 releases h => release 40
        e 01-02T11:30 redeems points 70 => insufficient-points
        f 01-02T13:00 redeems points 70 => redeem -70""",
    ),
    (
        "a late release cannot undo a capture",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c 01-02T14:00 captures h 30 => capture 30, release 10
        l 01-02T13:00 releases h => hold-ended
        d 01-02T13:00 captures h completed => hold-ended
        e 01-02T13:00 captures h 10 partial => capture 10, correct -10 of c""",
    ),
    (
        "a late capture must leave later facts their points",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        d 01-04 redeems points 90 => redeem -90
        c 01-02T13:00 captures h => insufficient-points
        e 01-02T13:00 captures h 10 => capture 10, release 30
        ? 01-04 => 0""",
    ),
    (
        "one that has happened need not",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        d 01-04 redeems points 90 => redeem -90
        c 01-02T13:00 captures h completed => capture 40
        ? 01-04 => 30 debt""",
    ),
    (
        "nor may a late hold",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        d 01-02T13:00 redeems points 70 => redeem -70
        h 01-02 holds points 31 => insufficient-points
        g 01-02 holds points 30 => hold -30""",
    ),
    (
        "a hold that is over by then may",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        d 01-02T13:00 redeems points 70 => redeem -70
        h 01-02 holds points 100 until 01-02T13:00 => hold -100
        ? 01-02 => 30 active""",
    ),
    (
        "one id, one fact",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        h 01-02 holds points 40 => replayed, hold -40
        h 01-02 holds points 41 => id-reused
        c 01-02T13:00 captures h => capture 40
        c 01-02T13:00 captures h => replayed, capture 40
        c 01-02T13:00 captures h 40 => id-reused""",
    ),
    (
        "a capture keeps lots alive, a hold does not",
        club(BASE, currency='[{id="points", expiry={policy="inactivity", months=1, '
             'renewed_by=["redemption"]}}]'),
        """a 01-01 adjusts points 100 => adjust 100
        h 01-20 holds points 40 => hold -40
        ? 01-20 lots => 60 to 2024-02-01
        c 01-20T13:00 captures h 10 => capture 10, release 30
        ? 01-20 lots => 90 to 2024-02-20""",
    ),
]  # fmt: skip

TERMS = [
    (
        "minimum and step of a redemption",
        asks('tender="points", minimum=50, step=25'),
        """a 01-01 adjusts points 100 => adjust 100
        d1 01-02 redeems points 25 => below-minimum
        d2 01-02 redeems points 60 => not-a-multiple
        d3 01-02 redeems points 75 => redeem -75""",
    ),
    (
        "of the first entry of the currency",
        asks('tender="points", minimum=50', 'tender="wallet", step=30'),
        """a 01-01 adjusts points 100 => adjust 100
        d1 01-02 redeems points 49 => below-minimum
        d2 01-02 redeems points 50 => redeem -50""",
    ),
    (
        "in units of a currency with decimals",
        asks('tender="points", minimum=0.5, step=0.25', currency='[{id="points", scale=2}]'),
        """a 01-01 adjusts points 100 => adjust 100
        d1 01-02 redeems points 25 => below-minimum
        d2 01-02 redeems points 60 => not-a-multiple
        d3 01-02 redeems points 75 => redeem -75""",
    ),
    (
        "what has happened tells what it broke",
        asks('tender="points", minimum=50, step=25'),
        """a 01-01 adjusts points 100 => adjust 100
        d1 01-02 redeems points 30 completed => redeem -30/-30 minimum
        s1 01-02 buys milk 100; paid points 60 p60; completed => redeem -60/-60 step, base 40""",
    ),
    (
        "of each tender by itself",
        asks('tender="points", minimum=50', 'tender="wallet", minimum=20, step=20'),
        """a 01-01 adjusts points 200 => adjust 200
        s1 01-02 buys milk 100; paid points 30 p30, points 30 p30 => below-minimum
        s2 01-02 buys milk 100; paid points 50 p50, wallet 30 p30 => not-a-multiple
        s3 01-02 buys milk 100; paid points 50 p50, wallet 40 p40 => redeem -90, base 10""",
    ),
    (
        "at most a maximum",
        asks('tender="points", maximum=50, step=25'),
        """a 01-01 adjusts points 200 => adjust 200
        d1 01-02 redeems points 75 => above-maximum
        d2 01-02 redeems points 60 => not-a-multiple
        d3 01-02 redeems points 50 => redeem -50
        d4 01-02 redeems points 75 completed => redeem -75/-75 maximum""",
    ),
    (
        "of several tenders together, the smallest maximum",
        asks('tender="points", maximum=50', 'tender="wallet", maximum=30'),
        """a 01-01 adjusts points 200 => adjust 200
        s1 01-02 buys milk 100; paid points 20 p20, wallet 11 p11 => above-maximum
        s2 01-02 buys milk 100; paid points 30 p30, points 21 p21 => above-maximum
        s3 01-02 buys milk 100; paid points 20 p20, points 30 p30 => redeem -50, base 50""",
    ),
    (
        "of a basket that is not too small",
        asks('tender="points", at_least=100', 'tender="wallet"',
             exclude='[{department=["TOBACCO"]}]'),
        """a 01-01 adjusts points 200 => adjust 200
        s1 01-02 buys milk 99; paid points 20 p20 => basket-too-small
        s2 01-02 buys milk 99; paid wallet 20 p20 => redeem -20, base 79
        s3 01-02 buys milk 60, smokes 40; paid points 20 p20 => redeem -20, base 48
        s4 01-02 buys milk 99; paid points 20 p20; completed => redeem -20/-20 at_least, base 79
        d1 01-02 redeems points 5 => redeem -5""",
    ),
    (
        "a hold has none, the tender that names it has",
        asks('tender="points", minimum=50, step=25'),
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 60 => hold -60
        s1 01-02T13:00 buys milk 100; paid points 30 p30 of h => below-minimum
        s2 01-02T13:00 buys milk 100; paid points 60 of h => not-a-multiple
        s3 01-02T13:00 buys milk 100; paid points 50 p50 of h => capture 50, release 10, base 50""",
    ),
    (
        "a capture asks for none",
        asks('tender="points", minimum=50, step=25'),
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 60 => hold -60
        c 01-02T13:00 captures h 7 => capture 7, release 53""",
    ),
    (
        "at most a share of the net, excluded lines too",
        asks('tender="points", share=0.5', exclude='[{department=["TOBACCO"]}]'),
        """a 01-01 adjusts points 200 => adjust 200
        s1 01-02 buys milk 60, smokes 40; paid points 51 p51 => over-share
        s2 01-02 buys milk 60, smokes 40; paid points 50 p51 => redeem -51, base 30""",
    ),
    (
        "of several tenders together, the smallest share",
        asks('tender="points", share=0.8', 'tender="wallet", share=0.3'),
        """a 01-01 adjusts points 200 => adjust 200
        s1 01-02 buys milk 100; paid points 20 p20, wallet 11 p11 => over-share
        s2 01-02 buys milk 100; paid points 40 p40, points 41 p41 => over-share
        s3 01-02 buys milk 100; paid points 20 p20, wallet 10 p10 => redeem -30, base 70""",
    ),
    (
        "of what counts where tenders pay tax",
        asks('tender="points", share=0.5'),
        """a 01-01 adjusts points 200 => adjust 200
        s1 01-02 buys milk 100; paid points 62 p62, card 58 => over-share
        s2 01-02 buys milk 100; paid points 61 p61, card 59 => redeem -61, base 50""",
    ),
    (
        "each currency by itself",
        club(EACH, currency='[{id="points"}, {id="stars"}]',
             redemption='[{tender="points", currency="points", share=0.5}, '
             '{tender="stars", currency="stars", share=0.5}]'),
        """a 01-01 adjusts points 50 => adjust 50
        b 01-01 adjusts stars 50 => adjust 50
        s 01-02 buys milk 100; paid points 50 p50, stars 50 p50 => redeem -50, redeem -50
        ? 01-02 => 0, stars 0""",
    ),
    (
        "money is at most what the points are worth",
        asks('tender="points", points=10, money=5'),
        """a 01-01 adjusts points 100 => adjust 100
        s1 01-02 buys milk 100; paid points 6 p10 => over-worth
        s2 01-02 buys milk 100; paid points 8 p15 => over-worth
        s3 01-02 buys milk 100; paid points 7 p15 => redeem -15, base 93""",
    ),
    (
        "each tender's by itself, of a hold as well",
        asks('tender="points", points=1, money=1'),
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 10 => hold -10
        s1 01-02T13:00 buys milk 100; paid points 11 p10, points 9 p10 => over-worth
        s2 01-02T13:00 buys milk 100; paid points 11 of h => over-worth
        s3 01-02T13:00 buys milk 100; paid points 10 of h => capture 10, base 90""",
    ),
    (
        "by the tier before the sale",
        asks('tender="points", points=1, money={bronze=1, silver=2}', ladder=LADDER),
        """s1 01-01 buys milk 400; paid card 400 => base 400
        s2 01-02 buys milk 100; paid points 20 p10 => over-worth
        s3 01-02 buys milk 110; paid points 10 p10 => redeem -10, base 100
        s4 01-03 buys milk 100; paid points 20 p10 => redeem -10, base 80
        ? 01-03 => 560 active, silver""",
    ),
    (
        "nothing at a tier without a figure",
        asks('tender="points", points=1, money={silver=2}', ladder=LADDER),
        """a 01-01 adjusts points 100 => adjust 100
        s1 01-02 buys milk 100; paid points 1 p10 => over-worth
        s2 01-02 buys milk 100; paid points 0 p10 => redeem -10, base 100
        ? 01-02 redeemable => points 0""",
    ),
    (
        "what has happened is never refused for its terms",
        asks('tender="points", share=0.5, points=1, money=1'),
        """a 01-01 adjusts points 10 => adjust 10
        s1 01-02 buys milk 100; paid points 60 p50; completed => redeem -50/-50 worth, base 40
        ? 01-02 => 0""",
    ),
    (
        "terms are asked once: a later tier changes nothing accepted",
        asks('tender="points", points=1, money={bronze=1, silver=2}', ladder=LADDER),
        """s1 01-01 buys milk 500 => base 500
        s2 01-02 buys milk 100; paid points 20 p10 => redeem -10, base 80
        r1 01-01T13:00 returns s1 milk x1 => base -500
        ? 01-02 => 70 active, bronze""",
    ),
    (
        "what may be redeemed: a multiple of the step, none below the minimum",
        asks('tender="points", minimum=50, step=25'),
        """a 01-01 adjusts points 49 => adjust 49
        ? 01-01 redeemable => points 0
        b 01-02 adjusts points 50 => adjust 50
        ? 01-02 redeemable => points 75
        h 01-03 holds points 40 => hold -40
        ? 01-03 redeemable => points 50""",
    ),
    (
        "all of it without terms, nothing of a status currency",
        club(BASE, currency='[{id="points"}, {id="status", kind="status"}]'),
        """a 01-01 adjusts points 49 => adjust 49
        b 01-01 adjusts status 10 => adjust 10
        ? 01-01 redeemable => points 49""",
    ),
]  # fmt: skip

TENDERS = [
    (
        "a tender takes what it asks of an open hold and ends it",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 50 => hold -50
        s 01-02T13:00 buys milk 100; paid points 30 p30 of h => capture 30, release 20, base 70
        ? 01-02 => 140 active
        l 01-02T14:00 releases h => hold-ended""",
    ),
    (
        "all that it has left if it does not say",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 50 => hold -50
        c 01-02T13:00 captures h 20 partial => capture 20
        s 01-02T14:00 buys milk 100; paid points 30 of h => capture 30, base 70""",
    ),
    (
        "not more, unless it has happened",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 50 => hold -50
        s 01-02T13:00 buys milk 100; paid points 60 p60 of h => more-than-held
        t 01-02T13:00 buys milk 100; paid points 60 p60 of h; completed => """
        """capture 50, redeem -10, base 40""",
    ),
    (
        "of a captured one what was captured pays, once",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 50 => hold -50
        c 01-02T13:00 captures h 30 => capture 30, release 20
        s 01-02T14:00 buys milk 100; paid points 40 p40 of h => more-than-held
        t 01-02T14:00 buys milk 100; paid points 30 of h => base 70
        u 01-02T15:00 buys milk 100; paid points 30 of h => hold-used
        v 01-02T15:00 buys milk 100; paid points 30 of h; completed => redeem -50, base 70""",
    ),
    (
        "not twice in one sale either",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 50 => hold -50
        s 01-02T13:00 buys milk 100; paid points 20 p20 of h, points 20 p20 of h => hold-used
        t 01-02T13:00 buys milk 100; paid points 20 p20 of h, points 20 p20 of h; completed """
        """=> capture 20, release 30, redeem -20, base 60""",
    ),
    (
        "one released or run out does not pay, unless it has happened",
        PAID,
        """a 01-01 adjusts points 200 => adjust 200
        h1 01-02 holds points 50 => hold -50
        h2 01-02 holds points 60 => hold -60
        l 01-02T13:00 releases h1 => release 50
        s1 01-02T14:00 buys milk 100; paid points 50 of h1 => hold-ended
        s2 01-03T12:00 buys milk 100; paid points 60 of h2 => hold-ended
        s3 01-03T12:00 buys milk 100; paid points 50 of h1; completed => redeem -50, base 50
        s4 01-03T12:00 buys milk 100; paid points 60 p20 of h2; completed => redeem -20, base 40""",
    ),
    (
        "a redemption pays once, as far as it goes",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        d 01-02 redeems points 40 => redeem -40
        s1 01-02T13:00 buys milk 100; paid points 50 p50 of d => more-than-held
        s2 01-02T13:00 buys milk 100; paid points 30 p30 of d => base 70
        s3 01-02T13:00 buys milk 100; paid points 10 p10 of d => hold-used""",
    ),
    (
        "not what is back",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        d1 01-02 redeems points 40 => redeem -40
        d2 01-02 redeems points 40 => redeem -40
        x1 01-02T13:00 cancels d1 30 => restore 30
        x2 01-02T13:00 cancels d2 => restore 40
        s1 01-02T14:00 buys milk 100; paid points 40 p40 of d1 => more-than-held
        s2 01-02T14:00 buys milk 100; paid points 10 of d1 => base 90
        s3 01-02T14:00 buys milk 100; paid points 40 of d2 => already-cancelled
        s4 01-02T14:00 buys milk 100; paid points 40 of d2; completed => redeem -40, base 60""",
    ),
    (
        "nothing else pays, nor for another member or currency",
        club(EACH, currency='[{id="points"}, {id="stars"}]',
             redemption='[{tender="points", currency="points"}, '
             '{tender="stars", currency="stars"}, {tender="gift"}]'),
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 50 => hold -50
        c 01-02T13:00 captures h 10 partial => capture 10
        s1 01-02T14:00 buys milk 100; paid points 10 of c => unknown-hold
        s2 01-02T14:00 buys milk 100; paid points 10 of x => unknown-hold
        s3 01-02T14:00 buys milk 100; paid stars 10 of h => not-spendable
        s4 01-02T14:00 buys milk 100; paid gift 10 of h => not-spendable
        s5 01-02T14:00 buys milk 100; paid card 10 of h => not-spendable
        s6 01-02T14:00 buys milk 100; paid points 10 of h; by n => wrong-member
        s7 01-02T14:00 buys milk 100; paid points 10 of s5 => unknown-hold""",
    ),
    (
        "what a tender releases may pay the rest",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 50 => hold -50
        s 01-02T13:00 buys milk 100; paid points 71 p71, points 30 p30 of h => insufficient-points
        t 01-02T13:00 buys milk 100; paid points 60 p70, points 30 p30 of h => """
        """capture 30, release 20, redeem -70, base 10
        ? 01-02 => 10 active""",
    ),
    (
        "a sale before its hold comes right after it",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 50 => hold -50
        s 01-01T13:00 buys milk 100; paid points 50 of h => capture 50, base 50
        ? 01-01T14:00 => 100 active
        ? 01-02 => 100 active""",
    ),
    (
        "of two that it names after the later one",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        h1 01-02 holds points 50 => hold -50
        h2 01-02T13:00 holds points 30 => hold -30
        s 01-01T13:00 buys milk 100; paid points 30 of h2, points 50 of h1 => """
        """capture 30, capture 50, base 20""",
    ),
    (
        "a late sale must leave a hold what its capture asks",
        PAID,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 50 => hold -50
        c 01-02T14:00 captures h => capture 50
        s 01-02T13:00 buys milk 100; paid points 50 of h => hold-ended
        t 01-02T15:00 buys milk 100; paid points 50 of h => base 50""",
    ),
    (
        "points of the sale's own hold are taken before it earns",
        club('{id="b", kind="bonus", of_balance={factor=1.5, cap=1000}}', redemption=POINTS),
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 80 => hold -80
        s 01-02T13:00 buys milk 100; paid points 30 p30 of h => capture 30, release 50, b 35""",
    ),
]  # fmt: skip

BACK = [
    (
        "a cancel gives back into the lots",
        PLAIN,
        """a1 01-01 adjusts points 50 => adjust 50
        a2 01-01 adjusts points 30 through 2024-03-01 => adjust 30
        d 01-02 redeems points 40 => redeem -40
        x 01-03 cancels d => restore 40
        ? 01-03 lots => 30 to 2024-03-01, 50 to ever
        ? 01-03 totals points => issued 80""",
    ),
    (
        "in parts, the last taken first, each point once",
        PLAIN,
        """a1 01-01 adjusts points 50 => adjust 50
        a2 01-01 adjusts points 30 through 2024-03-01 => adjust 30
        d 01-02 redeems points 40 => redeem -40
        x1 01-03 cancels d 15 => restore 15
        ? 01-03 lots => 5 to 2024-03-01, 50 to ever
        x2 01-03 cancels d 26 => more-than-held
        x3 01-03 cancels d => restore 25
        x4 01-03 cancels d => already-cancelled
        x5 01-03 cancels d 1 => already-cancelled""",
    ),
    (
        "of a capture as well, of nothing else",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        h 01-02 holds points 40 => hold -40
        c 01-02T13:00 captures h 30 partial => capture 30
        x1 01-02T14:00 cancels h => not-a-redemption
        x2 01-02T14:00 cancels a => not-a-redemption
        x3 01-02T14:00 cancels y => not-a-redemption
        x4 01-02T14:00 cancels c by n => wrong-member
        x5 01-02T14:00 cancels c => restore 30
        ? 01-02 => 90 active 10 held""",
    ),
    (
        "of a lot that has passed: N days from the cancel",
        back("restored_days=5"),
        """a 01-01 adjusts points 100 through 2024-01-10 => adjust 100
        d 01-05 redeems points 40 => redeem -40
        x 01-20 cancels d => restore 40
        ? 01-20 lots => 40 to 2024-01-25""",
    ),
    (
        "by default through the date of the cancel",
        PLAIN,
        """a 01-01 adjusts points 100 through 2024-01-10 => adjust 100
        d 01-05 redeems points 40 => redeem -40
        x 01-20 cancels d 30 => restore 30
        ? 01-20 => 30 active
        ? 01-21 => 0""",
    ),
    (
        "what had become debt cancels it, the rest pays other debt",
        PLAIN,
        """a 01-01 adjusts points 50 => adjust 50
        d 01-02 redeems points 60 completed => redeem -60
        b 01-02T13:00 adjusts points -20 forced => adjust -20
        ? 01-02 => 30 debt
        x1 01-03 cancels d 10 => restore 10
        ? 01-03 => 20 debt
        x2 01-03 cancels d => restore 50
        ? 01-03 => 30 active""",
    ),
    (
        "a late cancel leaves an accepted one its points",
        PLAIN,
        """a 01-01 adjusts points 100 => adjust 100
        d 01-02 redeems points 40 => redeem -40
        x1 01-04 cancels d 30 => restore 30
        x2 01-03 cancels d 11 => more-than-held
        x3 01-03 cancels d => already-cancelled
        x4 01-03 cancels d 10 => restore 10""",
    ),
    (
        "a return gives back into the lots that the hold left",
        RETURNED,
        """a 01-01 adjusts points 50 through 2024-03-01 => adjust 50
        h 01-02 holds points 50 => hold -50
        s 01-02T13:00 buys milk 100 x2; paid points 50 of h => capture 50, base 50
        r1 01-03 returns s milk x1 50 => restore 25, base -25
        ? 01-03 lots => 25 to 2024-03-01, 25 to ever
        r2 01-03 returns s milk x1 => restore 25, base -25
        ? 01-03 totals points => issued 100, reversed 50""",
    ),
    (
        "that a capture or a redemption left as well",
        RETURNED,
        """a1 01-01 adjusts points 50 through 2024-03-01 => adjust 50
        a2 01-01 adjusts points 50 through 2024-04-01 => adjust 50
        h 01-02 holds points 50 => hold -50
        c 01-02T13:00 captures h => capture 50
        d 01-02T13:00 redeems points 40 => redeem -40
        s 01-02T14:00 buys milk 100; paid points 50 of h, points 40 of d => base 10
        r 01-03 returns s milk x1 => restore 90, base -10
        ? 01-03 lots => 50 to 2024-03-01, 50 to 2024-04-01""",
    ),
    (
        "the last taken first over all that paid",
        RETURNED,
        """a1 01-01 adjusts points 30 through 2024-03-01 => adjust 30
        a2 01-01 adjusts points 20 through 2024-04-01 => adjust 20
        h 01-02 holds points 30 => hold -30
        s 01-02T13:00 buys milk 100 x2; paid points 20 p20, points 30 of h => """
        """capture 30, redeem -20, base 50
        r 01-03 returns s milk x1 50 => restore 25, base -25
        ? 01-03 lots => 5 to 2024-03-01, 20 to 2024-04-01, 25 to ever""",
    ),
    (
        "a cancel before the return has given back its part",
        RETURNED,
        """a 01-01 adjusts points 50 => adjust 50
        d 01-02 redeems points 50 => redeem -50
        s 01-02T13:00 buys milk 100 x2; paid points 50 of d => base 50
        x 01-02T14:00 cancels d 40 => restore 40
        r1 01-03 returns s milk x1 50 => restore 10, base -25
        r2 01-03 returns s milk x1 => base -25
        ? 01-03 totals points => issued 100, reversed 50""",
    ),
    (
        "and a return before the cancel",
        RETURNED,
        """a 01-01 adjusts points 50 => adjust 50
        d 01-02 redeems points 50 => redeem -50
        s 01-02T13:00 buys milk 100 x2; paid points 50 of d => base 50
        r1 01-03 returns s milk x1 50 => restore 25, base -25
        x1 01-04 cancels d 26 => more-than-held
        x2 01-04 cancels d => restore 25
        r2 01-05 returns s milk x1 => base -25""",
    ),
    (
        "an exchange pays the sale part with a hold",
        RETURNED,
        """a 01-01 adjusts points 50 => adjust 50
        s1 01-02 buys milk 100; paid card 100 => base 100
        h 01-03 holds points 50 => hold -50
        s2 01-03T13:00 buys oat 120; paid points 50 of h; back s1 milk x1 => """
        """base -100, capture 50, base 70
        ? 01-03 => 70 active""",
    ),
]  # fmt: skip

TABLES = [*HOLDS, *CAPTURES, *TERMS, *TENDERS, *BACK]


@pytest.mark.parametrize("case", [Case(*row) for row in TABLES], ids=lambda case: case.name)
def test_what_is_spent(case: Case) -> None:
    follow(case)
