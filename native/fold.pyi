from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rules import Rules
from .state import State

class Closings:
    at: NDArray[np.int64]
    day: NDArray[np.int32]
    version: NDArray[np.uint16]
    epoch: NDArray[np.uint32]
    def __init__(
        self,
        at: NDArray[Any] | Sequence[int],
        day: NDArray[Any] | Sequence[int],
        version: NDArray[Any] | Sequence[int],
        epoch: NDArray[Any] | None = None,
    ) -> None: ...
    def __len__(self) -> int: ...

def fold(
    natives: list[Rules],
    state: State,
    columns: Any,
    order: NDArray[np.uint32],
    closings: Closings | None = None,
) -> dict[str, NDArray[Any]]: ...
def close_days(
    natives: list[Rules], state: State, closings: Closings, members: NDArray[np.uint32]
) -> dict[str, NDArray[Any]]: ...
def run_out_by(
    natives: list[Rules], state: State, version: int, at: int, member: int
) -> None: ...
def offers_of(natives: list[Rules], state: State, columns: Any) -> dict[str, NDArray[Any]]: ...
