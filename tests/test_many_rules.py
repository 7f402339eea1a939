"""Many rules at once: more than a word of them, and figures as wide as the short way takes them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import pytest

from vafa.engine.checks.program_file import parse_program
from vafa.engine.columns.dictionaries import Dictionaries
from vafa.engine.compiling.programs import CompiledPrograms

from . import mixed

HEAD = """
format = 1
id = "many"
unit = { code = "USD" }
zone = "UTC"

[[currency]]
id = "points"
expiry = { policy = "never" }
"""

ROUNDINGS: dict[str, Callable[[Fraction], int]] = {
    "floor": floor,
    "ceil": ceil,
    "half_up": lambda figure: floor(figure + Fraction(1, 2)),
    "half_even": round,
}
POINTS = Decimal("4.999")
PERS = [
    7, 8, 9, 511, 512, 513, 5_003, 65_537, 999_983, 10**6, 2**20 + 7, 2**29 - 3, 10**9 - 63, 10**9,
]


def just_below(per: int) -> int:
    """The largest net of a line whose figure is the least bit below a whole point."""
    rate = Fraction(POINTS) / per
    net = -pow(rate.numerator, -1, rate.denominator) % rate.denominator
    return net + (10**12 - net) // rate.denominator * rate.denominator


NETS = [1, 5_003, 999_983_000, 10**12, *map(just_below, PERS)]


def earn_rules() -> str:
    """A rule by rounding and `per`."""
    return "".join(
        f'[[rule]]\nid = "{way}-{per}"\nkind = "earn"\npoints = {POINTS}\nper = {per}\n'
        f'round = "{way}"\n'
        for per in PERS for way in ROUNDINGS
    )  # fmt: skip


def test_wide_figures_are_exact(tmp_path: Path) -> None:
    text = HEAD + earn_rules()
    (version,) = CompiledPrograms([parse_program(text)], [{}], Dictionaries()).compiled
    assert not version.full
    assert len(PERS) * len(ROUNDINGS) < 64
    with mixed.start(tmp_path, text) as writer:
        for place, net in enumerate(sorted(set(NETS))):
            (answer,) = mixed.answers(mixed.commit(writer, mixed.sale(f"s{place}", place, net)))
            given = {posting["rule"]: posting["points"] for posting in answer["postings"]}
            for per in PERS:
                for way, rounded in ROUNDINGS.items():
                    figure = rounded(net * Fraction(POINTS) / per)
                    assert given.get(f"{way}-{per}", 0) == figure, (net, per, way)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 129])
def test_rules_of_every_word_count(count: int, tmp_path: Path) -> None:
    kinds = (
        'kind = "earn"\npoints = 1\nper = {per}',
        'kind = "bonus"\npoints = {per}\nwhen = {{ min_amount = {least} }}',
        'kind = "multiply"\nfactor = 1.{place:03d}',
        'kind = "bonus"\npoints = 1\nlimits = {{ day = {few} }}',
    )
    text = HEAD + "".join(
        f'[[rule]]\nid = "r{place}"\n'
        + kinds[place % 4].format(place=place, per=place + 1, least=place * 100, few=place % 3 + 1)
        + "\n"
        for place in range(count)
    )  # fmt: skip
    nets = (5_000, 100, 9_999)
    exact = [Fraction(1, place + 1) for place in range(0, count, 4)]
    used = dict.fromkeys(range(count), 0)
    with mixed.start(tmp_path, text) as writer:
        for place, net in enumerate(nets):
            (answer,) = mixed.answers(mixed.commit(writer, mixed.sale(f"s{place}", place, net)))
            expected = {}
            for rule in range(count):
                if rule % 4 == 0:
                    figure = net // (rule + 1)
                elif rule % 4 == 1:
                    figure = rule + 1 if net >= rule * 100 else 0
                elif rule % 4 == 2:
                    figure = floor(net * sum(exact) * Fraction(rule, 1_000))
                else:
                    figure = min(1, rule % 3 + 1 - used[rule])
                    used[rule] += figure
                if figure:
                    expected[f"r{rule}"] = figure
            given = {p["rule"]: p["points"] for p in answer["postings"] if p["points"]}
            assert given == expected
            assert list(given) == sorted(given, key=lambda name: int(name[1:]))
