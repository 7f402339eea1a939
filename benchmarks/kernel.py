"""The native fold in memory: lines a second on one thread, lots and tiers included."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from vafa.engine.checks.program_file import parse_program
from vafa.engine.columns.columns import Facts, take
from vafa.engine.columns.dictionaries import Dictionaries, Product
from vafa.engine.columns.named import no_names
from vafa.engine.compiling.kernel_columns import KernelColumns
from vafa.engine.compiling.programs import CompiledPrograms
from vafa.native.fold import fold

from .tier_data import Dataset, Products

PROGRAM = Path("examples/complete-journey.toml")

BARE_RULE = """
[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100
"""

SLEEPING_RULE = """
[[rule]]
id = "sleeping-{place}"
kind = "bonus"
points = 1
when = {{ department = ["{department}"], store = ["store that is not there {place}"] }}
"""

PERS = (100, 200, 500, 1000, 250)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

ACTIVE_RULES = (
    """
[[rule]]
id = "by-department-{place}"
kind = "earn"
points = 1
per = {per}
when = {{ department = ["{department}"] }}
""",
    """
[[rule]]
id = "from-amount-{place}"
kind = "bonus"
points = 1
when = {{ brand = ["Private"], min_amount = {amount} }}
""",
    """
[[rule]]
id = "factor-{place}"
kind = "multiply"
factor = 1.{factor}
when = {{ brand = ["Private"] }}
""",
    """
[[rule]]
id = "by-weekday-{place}"
kind = "earn"
points = 1
per = {per}
when = {{ weekday = ["{weekday}"] }}
""",
)

HEAD = """
format = 1
id = "bench"
unit = {{ code = "USD", exponent = 2 }}
zone = "UTC"

[[currency]]
id = "points"
expiry = {{ policy = "after", months = 6 }}
"""


@dataclass(frozen=True)
class Run:
    """Lines a second of several rounds, and the points of each member."""

    lines_per_s: list[float]
    points: NDArray[np.int64]
    postings_per_line: float = 0.0

    @property
    def rate(self) -> float:
        """Median lines a second."""
        return median(self.lines_per_s)


def dictionaries_of(products: Products, members: int) -> Dictionaries:
    """A data set's products, so many members, one store and terminal."""
    out = Dictionaries()
    flags = zip(
        products.sku.tolist(), products.private.tolist(),
        products.produce.tolist(), products.excluded.tolist(), strict=True,
    )  # fmt: skip
    out.products.extend(
        [
            Product(
                str(sku),
                brand="Private" if private else "National",
                department="FUEL" if excluded else "PRODUCE" if produce else "GROCERY",
            )
            for sku, private, produce, excluded in flags
        ]
    )
    out.members.encode([str(member) for member in range(members)])
    out.stores.at("1", 0)
    out.terminals.number("1")
    return out


def sales_of(data: Dataset) -> Facts:
    """The data set's baskets as the kernel's columns."""
    n, lines = len(data.baskets.member), len(data.lines.net)
    place = np.arange(n, dtype=np.int64)
    return Facts(
        at=data.baskets.day.astype(np.int64) * 86_400_000_000 + place,
        member=data.baskets.member.astype(np.uint32),
        store=np.zeros(n, np.uint32),
        terminal=np.zeros(n, np.uint32),
        lines_from=data.baskets.offsets.astype(np.int64),
        line=np.zeros(lines, np.int32),
        product=data.lines.product.astype(np.uint32),
        quantity=np.full(lines, 1000, np.int64),
        net=data.lines.net.astype(np.int64),
        tenders_from=np.zeros(n + 1, np.int64),
        tender=np.zeros(0, np.uint32),
        amount=np.zeros(0, np.int64),
        day=data.baskets.day.astype(np.int32),
        minute=np.zeros(n, np.int16),
        kind=np.zeros(n, np.uint8),
    )


def sleeping_rules(count: int) -> str:
    """A program of one rule and so many that look at the lines and never fire."""
    departments = ("PRODUCE", "GROCERY", "DELI", "MEAT")
    return HEAD.format() + BARE_RULE + "".join(
        SLEEPING_RULE.format(place=place, department=departments[place % 4])
        for place in range(count)
    )


def active_rules(count: int) -> str:
    """A program of so many rules that give to the baskets that they match: earn by department
    and by weekday, multiplies of a brand, and bonuses of a brand from some amount on."""
    return HEAD.format() + "".join(ACTIVE_RULES[place % 4].format(
        place=place, per=PERS[place % 5], department=("PRODUCE", "GROCERY", "FUEL")[place % 3],
        amount=100 * (place % 50), factor=place % 9 + 1, weekday=WEEKDAYS[place % 7],
    ) for place in range(count))  # fmt: skip


def run(program: str, data: Dataset, rounds: int = 5, batch: int | None = None) -> Run:
    """Fold the whole data set so many times, each over an empty state: at once, or in batches of
    so many sales, whose postings are let go before the next one, as a load does.
    """
    dictionaries = dictionaries_of(data.products, data.members)
    compiled = CompiledPrograms([parse_program(program)], [{}], dictionaries)
    compiled.follow()
    sales = sales_of(data)
    n, size = len(sales), batch or len(sales)
    batches = [
        _columns(compiled, take(sales, np.arange(begin, min(begin + size, n))))
        for begin in range(0, n, size)
    ]
    rates = []
    posted, points = 0, np.zeros(data.members, np.int64)
    for _ in range(rounds):
        state = compiled.new_state()
        state.grow(data.members)
        seconds = 0.0
        posted, points = 0, np.zeros(data.members, np.int64)
        for columns in batches:
            order = np.arange(len(columns.at), dtype=np.uint32)
            started = time.perf_counter()
            figures = fold(compiled.natives, state, columns, order)
            seconds += time.perf_counter() - started
            posted += len(figures["basket"])
            np.add.at(points, columns.member[figures["basket"]], figures["points"])
        rates.append(len(data.lines.net) / seconds)
    return Run(rates, points, posted / len(data.lines.net))


def _columns(compiled: CompiledPrograms, sales: Facts) -> KernelColumns:
    n = len(sales)
    return compiled.columns(
        sales, np.zeros(n, np.uint16), np.zeros(n, np.uint32), no_names(n), np.ones(n, np.bool_)
    )


def alternate(
    rounds: int, *jobs: Callable[[], Run]
) -> list[Run]:
    """Run jobs in turns, so that a change of the machine's speed meets them all."""
    seen = [[job() for job in jobs] for _ in range(rounds)]
    return [
        Run(
            [rate for turn in seen for rate in turn[place].lines_per_s],
            seen[0][place].points, seen[0][place].postings_per_line,
        )
        for place in range(len(jobs))
    ]
