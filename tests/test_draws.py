"""Draws: decided by a fact's id and a seed, the same in any order, and as rare as they say."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from vafa.engine.checks.program_file import parse_program
from vafa.engine.columns.answers import Answer
from vafa.engine.explain.explain import Explainer
from vafa.engine.explain.shape import Explanation
from vafa.engine.explain.words import sentences
from vafa.engine.facts import ActivityFact, MemberFact, PublishFact
from vafa.engine.facts.parts import NO_ID
from vafa.engine.ledger.replay import verify
from vafa.engine.program.conditions import Draw
from vafa.engine.program.draws import bits_where, drawing, number, won
from vafa.engine.quotes.form import decode_basket
from vafa.engine.quotes.quotes import quote
from vafa.engine.reference.reference import Reference
from vafa.engine.views.views import member_view

from . import mixed
from .mixed import answers, at, back, commit, sale
from .test_lint import findings

PROGRAM = """
format = 1
id = "draws"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"

[[currency]]
id = "prize"
kind = "coupons"

[[rule]]
id = "surprise"
kind = "bonus"
currency = "prize"
points = 1
when = { draw = { one_in = 4, seed = "nowruz" } }

[[rule]]
id = "consolation"
kind = "bonus"
points = 3
when = { not = { draw = { one_in = 4, seed = "nowruz" } } }

[[rule]]
id = "half"
kind = "bonus"
points = 5
when = { draw = { one_in = 2, seed = "nowruz" }, min_amount = 50 }

[[rule]]
id = "game"
kind = "bonus"
points = 7
when = { activity = ["wheel"], draw = { one_in = 3, seed = "wheel" } }

[[rule]]
id = "ten-off"
kind = "offer"
benefit = { kind = "percent", percent = 10 }
when = { draw = { one_in = 2, seed = "offer" } }
"""
QUARTER, HALF = Draw(one_in=4, seed="nowruz"), Draw(one_in=2, seed="nowruz")


def test_a_draw_is_as_rare_as_it_says() -> None:
    draw = Draw(one_in=20, seed="nowruz")
    drawn = Counter(number(draw, f"till-3-{place}") for place in range(40_000))
    # 2,000 each, give or take 5 standard deviations (218).
    assert set(drawn) == set(range(20))
    assert all(1_780 <= times <= 2_220 for times in drawn.values())
    both = sum(
        number(draw, f"s{place}") == number(Draw(one_in=20, seed="yalda"), f"s{place}") == 0
        for place in range(40_000)
    )
    assert 50 <= both <= 150


def test_what_wins_and_what_follows() -> None:
    for place in range(200):
        bits = won(drawing([QUARTER, HALF]), f"s{place}")
        assert bits in (0b00, 0b10, 0b11)
    assert won(drawing([QUARTER, HALF]), NO_ID) == 0
    assert bits_where([QUARTER, HALF], [QUARTER]) == 0b11
    assert bits_where([QUARTER, HALF], [HALF]) == 0b10


@pytest.mark.parametrize("order", [1, -1])
def test_the_ledger_draws_as_the_reference(tmp_path: Path, order: int) -> None:
    facts: list[MemberFact] = [
        *(sale(f"s{place}", place, 40 + 20 * (place % 2)) for place in range(40)),
        *(ActivityFact(f"a{place}", at(place + 0.5), "m", "wheel") for place in range(20)),
        back("r", 50, "s1", 60), back("r2", 51, "s6", 40),
    ]  # fmt: skip
    publish = PublishFact("program", at(-24 * 365), PROGRAM)
    reference = Reference()
    reference.submit(publish)
    with mixed.start(tmp_path, PROGRAM) as writer:
        for fact in facts[::order]:
            [answer] = answers(commit(writer, fact))
            expected = reference.submit(fact)
            told: Counter[tuple[Any, str]] = Counter()
            for posting in answer["postings"]:
                told[posting["rule"], posting["kind"]] += posting["points"]
            assert told == Counter({
                (posting.rule, posting.kind): posting.points for posting in expected.postings
            })  # fmt: skip
        found = member_view(writer.replica, "m")
        view = reference.member("m", at(24 * 30).date())
        assert found is not None
        assert {name: one["active"] for name, one in found["balances"].items()} == {
            name: one.active for name, one in view.balances.items()
        }
    assert verify(tmp_path).findings == []


def test_a_draw_is_explained(tmp_path: Path) -> None:
    lost = next(n for n in map("s{}".format, itertools.count()) if number(QUARTER, n) == 3)
    won_ = next(n for n in map("s{}".format, itertools.count()) if number(QUARTER, n) == 0)
    with mixed.start(tmp_path, PROGRAM) as writer:
        commit(writer, sale(lost, 0, 40), sale(won_, 1, 40))
        said = []
        for name in (lost, won_):
            told = Explainer(writer.replica, "en").fact(name)
            assert isinstance(told, Explanation)
            said.append(" ".join(sentences(told, parse_program(PROGRAM), "en")))
    assert "Rule «surprise» does not apply: it drew 3 of 4, and 0 wins." in said[0]
    assert "Rule «consolation» does not apply: it drew 0 of 4, and leaves out what wins." in said[1]


def test_a_quote_draws_by_the_id_of_its_basket(tmp_path: Path) -> None:
    names = list(map("s{}".format, range(30)))
    draw = Draw(one_in=2, seed="offer")
    basket = {"member": "m", "lines": [{"sku": "milk", "quantity": 1000, "net": 40}]}
    with mixed.start(tmp_path, PROGRAM) as writer:
        now = round(at(3).timestamp() * 1e6)

        def quoted(**more: str) -> Answer:
            body = orjson.dumps(basket | more)
            answer = quote(writer.replica, decode_basket(body, now), now).answer
            assert answer is not None
            return answer

        for name in names:
            answer = quoted(id=name)
            [offer] = answer["offers"]
            assert offer["applies"] == (number(draw, name) == 0), offer
            if not offer["applies"]:
                assert offer["why"] == "draw"
            commit_says = answers(commit(writer, sale(name, 3, 40)))[0]["postings"]
            told = {posting["rule"] for posting in answer["postings"]}
            assert told == {posting["rule"] for posting in commit_says}
        # Without an id nothing is drawn yet.
        answer = quoted()
        assert [posting["rule"] for posting in answer["postings"]] == ["consolation"]
        assert not answer["offers"][0]["applies"]


def test_lint_knows_draws() -> None:
    never = PROGRAM + """
[[rule]]
id = "never"
kind = "bonus"
points = 1
when = { draw = { one_in = 8, seed = "nowruz" }, not = { draw = { one_in = 2, seed = "nowruz" } } }
"""
    assert [
        (finding.code, finding.rule) for finding in findings(never)
        if finding.rule == "never"
    ] == [("contradiction", "never")]  # fmt: skip
