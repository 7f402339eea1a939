"""Draws: chance that anybody can work out again (rulebook section 8).

What a fact draws is a figure of its id and the seed alone: the same in whatever order facts
arrive, and on every replay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from functools import lru_cache

from ..facts.parts import NO_ID
from .conditions import Draw
from .program import Program

MOST_DRAWS = 64
"""Draws of one program: a bit each."""


def draws_of(program: Program) -> list[Draw]:
    """The draws that rules ask for, each once."""
    found = (part.draw for rule in program.rule for part in (rule.when, rule.when.negated))
    return list(dict.fromkeys(draw for draw in found if draw is not None))


@lru_cache(MOST_DRAWS)
def _seeded(seed: str) -> hashlib._Hash:
    return hashlib.sha256(f"{seed}\0".encode())


def drawn(seed: str, fact: str) -> int:
    """What a fact draws: the first 64 bits of SHA-256 of the seed, a zero byte and its id."""
    return _figure(_seeded(seed), fact.encode())


def _figure(seeded: hashlib._Hash, name: bytes) -> int:
    whole = seeded.copy()
    whole.update(name)
    return int.from_bytes(whole.digest()[:8])


def number(draw: Draw, fact: str) -> int:
    """The number that a fact draws, from 0 to below `one_in`; 0 wins.

    >>> number(Draw(one_in=20, seed="nowruz"), "s1")
    4
    """
    return drawn(draw.seed, fact) % draw.one_in


Drawing = list[tuple["hashlib._Hash", list[tuple[int, int]]]]
"""Draws by their seeds: what is hashed before the fact's id, and (bit, one in) of each."""


def drawing(draws: Sequence[Draw]) -> Drawing:
    """Draws as `won` takes them: those of one seed are one figure."""
    by_seed: dict[str, list[tuple[int, int]]] = {}
    for place, draw in enumerate(draws):
        by_seed.setdefault(draw.seed, []).append((1 << place, draw.one_in))
    return [(_seeded(seed), some) for seed, some in by_seed.items()]


def won(draws: Drawing, fact: str) -> int:
    """The draws that a fact wins, as bits."""
    if fact == NO_ID:
        # What is quoted without an id draws nothing yet.
        return 0
    bits, name = 0, fact.encode()
    for seeded, some in draws:
        figure = _figure(seeded, name)
        for bit, one_in in some:
            if not figure % one_in:
                bits |= bit
    return bits


def bits_where(draws: Sequence[Draw], some: Collection[Draw]) -> int:
    """The draws that a fact surely wins where it wins some, as bits."""
    return sum(
        1 << place for place, draw in enumerate(draws)
        if any(draw.seed == other.seed and not other.one_in % draw.one_in for other in some)
    )  # fmt: skip
