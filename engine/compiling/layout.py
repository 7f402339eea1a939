"""Where a member's row keeps what: one layout for all versions of a ledger's program.

Names only ever grow at the end from version to version, since the journal keeps their
numbers. Slots may move when a version is published: all members are folded anew then.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import xxhash

from vafa.native.state import State

from ..calendars.calendars import Int32, expiry_table
from ..program.conditions import LINE_FIELDS, LineConditions
from ..program.currencies import Currency, Inactivity
from ..program.program import Program
from .ladders import go_alike, ladder_key

HEAD, ACCOUNT, TIER = 17, 15, 3
"""Slots of `native/state.pxd`; a test holds them equal."""

Key = tuple[Hashable, ...]

(SPEND, VISITS, RULE_POINTS, RULE_USES, CURRENCY, MARGIN, EARNED, LINES, UNITS, BASKETS,
 ACTIVITY) = range(11)  # fmt: skip
"""Kinds of counters."""
COUNTS = {"spend": LINES, "quantity": UNITS, "visits": BASKETS}
"""Those of a program's own counters, by what they count."""

ADD, MOST, FILL, LATER, REST, UNITE, PERSONAL = 0, 1, 2, 3, 4, 5, 16
"""What becomes of slots when one row takes up another: `How` of `native/absorb.pxd`."""

_ABSORBS: dict[str, tuple[int, int]] = {
    "reward": (ADD, 1), "cause": (ADD, 1), "once": (ADD, 1), "subscription": (MOST, 1),
    "segment": (MOST | PERSONAL, 1), "value": (FILL | PERSONAL, 2),
    "anniversary": (FILL | PERSONAL, 2), "streak": (FILL, 2), "sequence": (FILL, 2),
    "year": (LATER, 2), "held": (LATER, 2), "units": (REST, 1), "rest": (REST, 1),
    "stores": (UNITE, 1), "categories": (UNITE, 1), "referred": (MOST | PERSONAL, 1),
    "ladder": (MOST, 1),
}  # fmt: skip
"""How, and the number of slots, by the first word of a key."""


def _policy(program: Program, expiry: Inactivity) -> tuple[str, int]:
    return expiry.calendar or program.calendar, expiry.months


class Layout:
    """Numbers of rules, currencies and tiers, and slots of counters and of the rest."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.rules: list[str] = []
        self.currencies: list[str] = []
        self.scales: list[int] = []
        self.tiers: list[str] = []
        self.idle: dict[str, dict[tuple[str, int], Int32]] = {}
        """By currency the inactivity policies of all versions, as (calendar, months): the last
        good day by the day of the last renewal."""
        self._programs = list(programs)
        self._ladders = [ladder_key(program) for program in programs]
        self.one_ladder = go_alike(programs)
        """Whether tiers go alike between facts, whatever version is in force."""
        for program in programs:
            for currency in program.currency:
                idle = self.idle.setdefault(currency.id, {})
                if isinstance(currency.expiry, Inactivity):
                    idle.setdefault(
                        _policy(program, currency.expiry), expiry_table(program, currency)
                    )
                if currency.id not in self.currencies:
                    self.currencies.append(currency.id)
                    self.scales.append(currency.scale)
            tiers = [tier.id for tier in program.tiers()]
            self.tiers += [name for name in tiers if name not in self.tiers]
            names = [rule.id for rule in program.rule] + [f"tier.{name}" for name in tiers]
            for name in names:
                if name not in self.rules:
                    self.rules.append(name)
        self.counters: list[Key] = []
        self.lines: dict[Hashable, int] = {}
        """Lines that counters of any version count, by bit; see `lines_key`."""
        self._counter_at: dict[Key, int] = {}
        self._slots: dict[Key, tuple[int, int]] = {}
        self._lists: set[Key] = set()
        self._empty: set[Key] = set()
        self._size = 0

    def fixes(self, program: Program, currency: Currency) -> int:
        """`fixed` of the lots that a version makes of a currency, as `native/lots.pxd` tells."""
        idle, expiry = self.idle[currency.id], currency.expiry
        if not isinstance(expiry, Inactivity):
            # Where no version renews any, nothing tells lots apart.
            return int(bool(idle))
        place = list(idle).index(_policy(program, expiry))
        return place + 1 if place else 0

    def last_with(self, name: str, program: Program) -> tuple[Program, Currency]:
        """The last version before one that has a currency, else the first after it."""
        place = next(i for i, one in enumerate(self._programs) if one is program)
        for one in (*self._programs[place::-1], *self._programs[place:]):
            for currency in one.currency:
                if currency.id == name:
                    return one, currency
        raise AssertionError(f"no version has the currency {name!r}")

    def ladder_number(self, program: Program) -> int:
        """Number of a version's ladder: the place, from 1, of the first version that has it."""
        return 1 + self._ladders.index(ladder_key(program))

    @property
    def ladder_at(self) -> int:
        """Slot of the ladder that a member's tiers go by; -1 where all go alike."""
        return -1 if self.one_ladder else self.slot("ladder")

    @property
    def tiers_at(self) -> int:
        """First slot of the tiers."""
        return HEAD + ACCOUNT * len(self.currencies)

    @property
    def counters_at(self) -> int:
        """First slot of the counters, two each."""
        return self.tiers_at + TIER * len(self.tiers)

    def counter(self, *key: Hashable) -> int:
        """Number of a counter by (kind, subject, window), made when it is new."""
        if key not in self._counter_at:
            self._counter_at[key] = len(self.counters)
            self.counters.append(key)
            if key[0] in COUNTS.values():
                self.lines.setdefault(key[1], len(self.lines))
        return self._counter_at[key]

    def counter_slot(self, number: int) -> int:
        """First of the two slots of a counter."""
        return self.counters_at + 2 * number

    def slot(self, *key: Hashable, size: int = 1, holds_list: bool = False,
             empty: bool = False) -> int:  # fmt: skip
        """First slot of something beside the counters, made when it is new.

        `empty`: its last slot is -1 in an empty row. Right once all versions have asked.
        """
        if key not in self._slots:
            self._slots[key] = self._size, size
            self._size += size
            if holds_list:
                self._lists.add(key)
            if empty:
                self._empty.add(key)
        return self.counters_at + 2 * len(self.counters) + self._slots[key][0]

    def find(self, *key: Hashable) -> int | None:
        """The slot of something that some version asks for; None when none does."""
        return self.slot(*key) if key in self._slots else None

    def keys(self, first: str) -> list[Key]:
        """The keys of slots that begin with a word, in the order of the slots."""
        return [key for key in self._slots if key[0] == first]

    def new_state(self) -> State:
        """An empty state table of this layout."""
        lists = [self.slot(*key) for key in self._slots if key in self._lists]
        empty = [self.slot(*key) + self._slots[key][1] - 1 for key in self._slots
                 if key in self._empty]
        for number, key in enumerate(self.counters):
            if key[2][0] in ("rolling", "kept", "membership"):  # type: ignore[index]
                lists.append(self.counter_slot(number))
            else:
                empty.append(self.counter_slot(number))
        return State(
            len(self.currencies), len(self.tiers), len(self.counters),
            self.counters_at + 2 * len(self.counters) + self._size, lists, empty,
            self._absorbs(),
        )

    def _absorbs(self) -> list[int]:
        """How each slot beside the counters is absorbed, as the kernel takes it."""
        out: list[int] = []
        types = [self.slot(*key) for key in self.keys("type")]
        if types:
            # Whose type is told is of this type and of no other.
            out += [FILL | PERSONAL, len(types), *types]
        for key, (_, size) in self._slots.items():
            if key[0] != "type":
                how, n = _ABSORBS[str(key[0])]
                assert n == size, key
                first = self.slot(*key)
                out += [how, n, *range(first, first + n)]
        return out


def lines_key(when: LineConditions) -> Key:
    """The layout's name of the lines that serve conditions: all that they depend on.

    Not the counter's id: versions may give one id to counters of other lines, and facts of all
    versions count in each.
    """
    given = [(name, getattr(when, name)) for name in LINE_FIELDS]
    return tuple(
        (name, value if isinstance(value, bool) else tuple(sorted(set(value))))
        for name, value in given if value is not None
    )  # fmt: skip


def key_of(name: str) -> int:
    """A number for a name that is the same in every ledger; above 0."""
    return max(1, xxhash.xxh3_64_intdigest(name.encode()) >> 1)
