"""What facts have brought of rewards: pieces, and items that each have a code of their own.

It is a fold of the journal beside the members' rows: a replica reads it from the records, the
checkpoint keeps it, a replay compares it. Which item a member gets is written on the row of the
fact when it is accepted, and so is which of them a cancel brings back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec


class Told(msgspec.Struct, array_like=True, frozen=True):
    """What a `reward stock` fact says, as the journal keeps it."""

    reward: str
    pieces: int
    items: list[str]


read_told = msgspec.msgpack.Decoder(Told).decode
_encode = msgspec.msgpack.Encoder().encode


class Shelf(msgspec.Struct, array_like=True):
    """Pieces that facts have brought of one reward; its items in the order in which they came,
    each with the id of the fact that has it, "" for nobody's."""

    pieces: int = 0
    items: dict[str, str] = {}


_shelf = msgspec.msgpack.Decoder(Shelf).decode


class RewardStock:
    """The shelves of all rewards as of a seq."""

    def __init__(self) -> None:
        self.shelves: dict[str, Shelf] = {}
        self._held: dict[str, tuple[str, list[str]]] = {}
        self._changed: set[str] = set()

    def brought(self, reward: str) -> int:
        """Pieces that facts have brought of a reward, given away or not."""
        shelf = self.shelves.get(reward)
        return 0 if shelf is None else shelf.pieces + len(shelf.items)

    def has(self, reward: str, items: Iterable[str]) -> str | None:
        """The first of some items that a reward has had before."""
        known = self.shelves[reward].items if reward in self.shelves else {}
        return next((item for item in items if item in known), None)

    def free(self, reward: str, n: int) -> tuple[str, ...]:
        """The first n items that are nobody's."""
        shelf = self.shelves.get(reward, Shelf())
        found = (item for item, holder in shelf.items.items() if not holder)
        return tuple(item for item, _ in zip(found, range(n), strict=False))

    def held(self, fact: str) -> tuple[str, ...]:
        """The items that a redemption has, in the order in which it got them."""
        return tuple(self._held.get(fact, ("", []))[1])

    # -- changes ---------------------------------------------------------------------------------

    def bring(self, payload: bytes) -> None:
        """A `reward stock` fact was taken."""
        told = read_told(payload)
        shelf = self._shelf(told.reward)
        shelf.pieces += told.pieces
        shelf.items.update(dict.fromkeys(told.items, ""))

    def give(self, fact: str, reward: str, items: Sequence[str]) -> None:
        """A redemption gets items."""
        shelf = self._shelf(reward)
        for item in items:
            shelf.items[item] = fact
        self._held[fact] = reward, list(items)

    def take_back(self, fact: str, items: Iterable[str]) -> None:
        """Items of a redemption are nobody's again."""
        reward, held = self._held[fact]
        shelf = self._shelf(reward)
        for item in items:
            held.remove(item)
            shelf.items[item] = ""

    def _shelf(self, reward: str) -> Shelf:
        self._changed.add(reward)
        return self.shelves.setdefault(reward, Shelf())

    # -- checkpoint ------------------------------------------------------------------------------

    def take_changed(self) -> list[tuple[str, bytes]]:
        """Shelves that have changed since the last call, for a checkpoint."""
        changed, self._changed = self._changed, set()
        return [(reward, _encode(self.shelves[reward])) for reward in changed]

    def not_written(self, reward: str) -> None:
        """A checkpoint failed: the next one writes the shelf too."""
        self._changed.add(reward)

    def put(self, reward: str, value: bytes) -> None:
        """A shelf as a checkpoint has it."""
        shelf = self.shelves[reward] = _shelf(value)
        for item, holder in shelf.items.items():
            if holder:
                self._held.setdefault(holder, (reward, []))[1].append(item)
