from .rules import Rules
from .state import State

class Shown:
    def __init__(
        self,
        rules: Rules,
        currencies: list[bytes],
        tiers: list[bytes],
        rungs: list[bytes],
        asked: list[bytes],
        dates: bytes,
        last_day: int,
    ) -> None: ...
    def rung_above(self, tier: int) -> int | None: ...
    def progress(self, state: State, member: int, rung: int, day: int, by: bytes) -> bytes: ...
    def member(
        self,
        state: State,
        member: int,
        day: int,
        name: bytes,
        as_of: bytes,
        seq: int,
        by: bytes,
        more: bytes,
    ) -> bytes: ...
