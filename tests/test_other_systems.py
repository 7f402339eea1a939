"""Other systems' figures: each mechanism of docs/other-systems.md comes to what they tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vafa.engine import gallery
from vafa.engine.gallery import (
    About,
    Check,
    Entry,
    Expected,
    Figures,
    OnCard,
    Outcome,
    Standing,
)

from . import differential
from .cases import Case as DrivenCase
from .other_systems import CardLook, Case, Look, Step, foreign_cases, steps
from .other_systems_cases import CASES
from .test_docs import blocks, page_text

HEAD = """
format = 1
id = "other-systems"
unit = {{ code = "USD", exponent = {} }}
zone = "UTC"
late_limit_days = 36_500
"""
CURRENCY = '\n[[currency]]\nid = "points"\n'
BLOCKS = {block.name: block.text for block in blocks(page_text("other-systems"))}
OFFER_WORDS = (" off (", " does not apply: ")

FOREIGN = list(foreign_cases())

every_case = pytest.mark.parametrize(
    "case", CASES + FOREIGN, ids=[f"{case.system}: {case.mechanism}" for case in CASES + FOREIGN]
)


def program(case: Case) -> str:
    """The program of a case."""
    text = "\n".join([case.program, *(BLOCKS[name] for name in case.blocks.split())])
    head = HEAD.format(case.exponent)
    # What stands before the tables of a program of its own is of the head.
    return head + text + ("" if "[[currency]]" in text else CURRENCY)


def catalogue(case: Case) -> dict[str, Any]:
    """The products of a case."""
    return {
        "kind": "catalog", "id": "products", "occurred_at": "2010-01-01T00:00:00Z",
        "products": [{"sku": sku, **attributes} for sku, attributes in case.products.items()],
    }  # fmt: skip


def outcome(came: str) -> Outcome:
    """What a fact comes to, from words."""
    if came.startswith("refused "):
        return Outcome(status=came)
    parts = [] if came == "nothing" else came.split("; ")
    offers = [part for part in parts if any(word in part for word in OFFER_WORDS)]
    redeemable = [part for part in parts if part.startswith("redeemable ")]
    postings = [part for part in parts if part not in (*offers, *redeemable)]
    return Outcome(
        postings=postings, offers=offers,
        redeemable=[part.removeprefix("redeemable ") for part in redeemable],
    )  # fmt: skip


def play(case: Case, folder: Path) -> list[Check]:
    """A case as an entry of the gallery, played in a new ledger and replayed."""
    happened = list(steps(case))
    facts = [one.fact for one in happened if isinstance(one, Step)]
    (folder / "program.toml").write_text(program(case), "utf-8")
    rows = [json.dumps(fact) for fact in ([catalogue(case)] if case.products else []) + facts]
    (folder / "facts.ndjson").write_text("\n".join(rows), "utf-8")
    expected = Expected(
        About("", "", "", []),
        {
            one.fact["id"]: outcome(one.came) for one in happened
            if isinstance(one, Step) and one.came
        },
        [
            Standing(
                one.member, one.at,
                {name: Figures(**figures) for name, figures in one.balances.items()}, **one.told,
            )
            for one in happened if isinstance(one, Look)
        ],
        [OnCard(*one) for one in happened if isinstance(one, CardLook)],
    )  # fmt: skip
    return gallery.play(Entry(case.system, folder, expected), folder / "ledger")


@every_case
def test_a_case_comes_to_their_figures(case: Case, tmp_path: Path) -> None:
    assert [check for check in play(case, tmp_path) if not check.right] == []


# Cards of value, and codes, are driven by tests of their own; quotes are no facts.
@pytest.mark.parametrize(
    "case",
    [
        case for case in CASES + FOREIGN
        if not {"issue:", "take:", "coupons:"} & {*case.rows.split()}
        and any(isinstance(one, Step) and one.fact["kind"] != "quote" for one in steps(case))
    ],
    ids=lambda case: case.mechanism,
)
def test_the_reference_comes_to_them_too(case: Case) -> None:
    facts = [one.fact for one in steps(case) if isinstance(one, Step)]
    driven = DrivenCase(
        case.mechanism, {"v1": program(case)},
        [{"kind": "program publish", "id": "p", "occurred_at": "1970-01-01T00:00:00Z",
          "program": "v1"},
         *([catalogue(case)] if case.products else []),
         *(fact for fact in facts if fact["kind"] != "quote")],
    )  # fmt: skip
    assert differential.whole_differences(driven) == []


def test_every_block_has_its_figures() -> None:
    assert {name for case in CASES for name in case.blocks.split()} == set(BLOCKS)


def test_a_wrong_figure_goes_red(tmp_path: Path) -> None:
    sound = Case("", "", "per-dollar", "sale: x 1 5 => earn base 5 points\nat 2025-06-03: points 5")
    for place, (good, bad) in enumerate((("base 5", "base 6"), ("points 5", "points 6"))):
        folder = tmp_path / str(place)
        folder.mkdir()
        wrong = sound._replace(rows=sound.rows.replace(good, bad))
        assert [check.right for check in play(wrong, folder)].count(False) == 1
