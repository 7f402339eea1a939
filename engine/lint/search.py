"""A search for baskets where spending more earns less, or where paying in two earns more
(rulebook section 4).

Baskets stand on the edges of the program's own figures (`lint_amounts`), some are drawn with
a fixed seed; the kernel rates them (`lint_bench`). The search is bounded by counts, not by a
clock, so that the same program always has the same findings.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations_with_replacement, pairwise
from typing import Any, NamedTuple

import numpy as np

from ..columns.status import LIMITS
from ..program.program import Program
from .amounts import amounts_of, quantities_of
from .bench import Basket, Bench, Earned, Trial
from .conditions import Sets
from .findings import Found
from .situations import Situation, Situations

SEED = 20
MOST_PAIRS = 8
FEW_AMOUNTS = 8
DRAWN = 120

MORE, ADDED, SPLIT = "more-earns-less", "line-earns-less", "split-earns-more"


class Comparison(NamedTuple):
    """Two trials of which the second must not earn more than the first."""

    code: str
    most: int
    least: int


class Tried(NamedTuple):
    """A finding of the search: the smallest basket of its code and cause is kept."""

    size: tuple[int, int, str]
    found: Found


def search(
    program: Program, text: str, holidays: Mapping[str, Sequence[dt.date]], sets: Sets, today: int
) -> Iterator[Found]:
    """What the search finds, one finding a code and rule."""
    bench = Bench(text, holidays)
    kept: dict[tuple[str, str], Tried] = {}
    for situation in Situations(program, sets, today).all():
        trials = Trials(program, situation)
        trials.fill()
        earned = bench.earned(situation, trials.trials)
        for tried in _compared(program, bench, situation, trials, earned):
            key = tried.found.code, tried.found.rule or tried.found.path
            if key not in kept or tried.size < kept[key].size:
                kept[key] = tried
    for (code, cause), tried in sorted(kept.items()):
        # One more line earns less where a dearer one does: that is told already.
        if code != ADDED or (MORE, cause) not in kept:
            yield tried.found


class Trials:
    """The baskets of one situation, each once, and which are compared."""

    def __init__(self, program: Program, situation: Situation) -> None:
        rules = [rule for rule in program.rule if rule.id in situation.rules]
        self.products = range(len(situation.products))
        self.amounts = amounts_of(program, rules)
        self.few = self.amounts[:: max(1, len(self.amounts) // FEW_AMOUNTS)]
        self.quantities = quantities_of(rules)
        self.trials: list[Trial] = []
        self.comparisons: list[Comparison] = []
        self._places: dict[Trial, int] = {}

    def place(self, *baskets: Basket) -> int:
        """Place of a trial among all."""
        trial: Trial = tuple(tuple(sorted(basket)) for basket in baskets)
        if trial not in self._places:
            self._places[trial] = len(self.trials)
            self.trials.append(trial)
        return self._places[trial]

    def compare(self, code: str, most: int, least: int) -> None:
        """The first trial is expected to earn at least what the second does."""
        self.comparisons.append(Comparison(code, most, least))

    def fill(self) -> None:
        """All trials of the situation."""
        for product in self.products:
            self._rising([((product, 1_000, net),) for net in self.amounts])
            for price in self.few:
                self._rising([
                    ((product, quantity, price * quantity // 1_000),)
                    for quantity in self.quantities if price * quantity // 1_000
                ])  # fmt: skip
        pairs = list(combinations_with_replacement(self.products, 2))[:MOST_PAIRS]
        for one, two in pairs:
            for net in self.few:
                line = (one, 1_000, net)
                baskets: list[Basket] = [(line, (two, 1_000, other)) for other in self.few]
                self._rising(baskets)
                for basket in baskets:
                    whole = self.place(basket)
                    self.compare(ADDED, whole, self.place((line,)))
                    self._split(whole, (line,), basket[1:])
        self._drawn()

    def _rising(self, baskets: list[Basket]) -> None:
        places = [self.place(basket) for basket in baskets]
        for less, more in pairwise(places):
            self.compare(MORE, more, less)

    def _split(self, whole: int, one: Basket, two: Basket) -> None:
        for first, second in ((one, two), (two, one)):
            self.compare(SPLIT, whole, self.place(first, second))

    def _drawn(self) -> None:
        draw = random.Random(SEED)
        for _ in range(DRAWN):
            lines = [
                (draw.choice(self.products), draw.choice(self.quantities),
                 draw.choice(self.amounts))
                for _ in range(draw.randint(2, 4))
            ]  # fmt: skip
            whole = self.place(tuple(lines))
            at = draw.randrange(len(lines))
            product, quantity, net = lines[at]
            raised = [*lines[:at], (product, quantity, net + draw.choice(self.amounts)),
                      *lines[at + 1 :]]  # fmt: skip
            self.compare(MORE, self.place(tuple(raised)), whole)
            cut = draw.randint(1, len(lines) - 1)
            self._split(whole, tuple(lines[:cut]), tuple(lines[cut:]))


def _compared(
    program: Program, bench: Bench, situation: Situation, trials: Trials, earned: Earned
) -> Iterator[Tried]:
    """The smallest example of each code and rule in one situation."""
    most = np.array([c.most for c in trials.comparisons])
    least = np.array([c.least for c in trials.comparisons])
    codes = [c.code for c in trials.comparisons]
    size = np.array([(_lines(trial) << 48) + _size(trial) for trial in trials.trials])
    currency_of = {rule.id: program.currency_of(rule) for rule in program.rule}
    rules = [currency_of.get(name, -1) for name in bench.rules]
    gave = earned.points.any(axis=0)
    for currency in range(len(program.currency)):
        mine = np.flatnonzero((np.array(rules) == currency) & gave)
        if not len(mine):
            continue
        points = earned.points[:, mine]
        total = points.sum(axis=1)
        wrong = np.flatnonzero(total[most] < total[least])
        culprit = (points[least[wrong]] - points[most[wrong]]).argmax(axis=1)
        seen: set[tuple[str, int]] = set()
        for at in np.argsort(size[least[wrong]] + size[most[wrong]], kind="stable").tolist():
            key = codes[wrong[at]], int(culprit[at])
            if key in seen:
                continue
            seen.add(key)
            one, two = int(most[wrong[at]]), int(least[wrong[at]])
            rule = int(mine[culprit[at]])
            yield _told(program, bench.rules[rule], key[0], currency, situation, trials.trials,
                        (one, two), (int(total[one]), int(total[two])),
                        LIMITS[earned.limit[one, rule]])  # fmt: skip


def _size(trial: Trial) -> int:
    return sum(net for basket in trial for _, _, net in basket)


def _lines(trial: Trial) -> int:
    return sum(map(len, trial))


def _told(
    program: Program, rule: str, code: str, currency: int, situation: Situation,
    trials: Sequence[Trial], at: tuple[int, int], units: tuple[int, int], limit: str,
) -> Tried:
    shown = program.currency[currency]
    figures = [f"{Decimal(figure).scaleb(-shown.scale):,}" for figure in units]
    one, two = (trials[place] for place in at)
    nets = [f"{_size(trial):,}" for trial in (one, two)]
    cut = f"; {limit} cuts it" if limit else ""
    if code == SPLIT:
        text = (f"a basket of {nets[0]} earns {figures[0]} {shown.id}, paid as two it earns "
                f"{figures[1]}{cut}")  # fmt: skip
    else:
        how = "with one more line" if code == ADDED else "with a dearer line"
        text = (f"a basket of {nets[1]} earns {figures[1]} {shown.id}, {how} for {nets[0]} it "
                f"earns {figures[0]}{cut}")  # fmt: skip
    example: dict[str, Any] = {
        "who": situation.words(), "currency": shown.id,
        "baskets": [_shown(situation, basket) for basket in one], "earns": units[0],
        "instead": [_shown(situation, basket) for basket in two], "instead_earns": units[1],
    }  # fmt: skip
    place = next(n for n, known in enumerate(program.rule) if known.id == rule)
    path = f"rule[{place}]"
    of: str | None = rule
    if limit.startswith("cap."):
        # Whichever rule a cap cuts, the cause is the cap.
        path, of = f"currency[{currency}].caps.{limit.removeprefix('cap.')}", None
    size = (max(_lines(one), _lines(two)), _size(one) + _size(two), situation.words())
    return Tried(size, Found(code, path, text, of, example))


def _shown(situation: Situation, basket: Basket) -> list[dict[str, Any]]:
    """A basket's lines with the attributes of their products."""
    lines = []
    for place, quantity, net in basket:
        product = situation.products[place]
        known = {name: value for name, value in product._asdict().items()
                 if name not in ("since", "weighed") and value not in (None, ())}  # fmt: skip
        lines.append({**known, "quantity": quantity, "net": net})
    return lines
