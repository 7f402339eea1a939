"""Who referred whom, and what it has brought by a seq (rulebook sections 2 and 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..columns.columns import Extra

Key = tuple[int, str]
"""A member that was referred, by number, and a referral of the program."""


class Given(NamedTuple):
    """What a referral has brought its referrer: nothing where the cap was full.

    `at` (us) is that of the sale; `milestone` the n-th referral that it was, 0 for none that has
    points of its own.
    """

    referrer: int
    at: int
    points: int
    milestone: int = 0


class Referrals:
    """Referrals of a ledger as of a seq, by numbers of members."""

    def __init__(self) -> None:
        self.referrer_of: dict[int, int] = {}
        self.given: dict[Key, Given] = {}
        self._brought: dict[int, set[Key]] = {}

    def put(self, key: Key, given: Given | None) -> None:
        """What a referral has brought by now; None: it fell."""
        old = self.given.pop(key, None)
        if old is not None:
            self._brought[old.referrer].discard(key)
        if given is not None:
            self.given[key] = given
            self._brought.setdefault(given.referrer, set()).add(key)

    def read(self, member: int, at: int, extra: Extra, numbers: Mapping[str, int]) -> Key:
        """Take a leg of a referrer; whose referral it is of."""
        key = numbers[extra.to], extra.code
        brings = None if extra.forced else Given(member, at, extra.amount, extra.quantity)
        self.put(key, brings)
        return key

    def standing(self) -> dict[Key, Given]:
        """All that has been brought and has not fallen."""
        return dict(self.given)

    def of(self, referrer: int, referral: str) -> list[Given]:
        """What a member has for its referrals that stand."""
        return [
            self.given[key] for key in self._brought.get(referrer, ()) if key[1] == referral
        ]
