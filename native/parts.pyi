from typing import Any

import numpy as np
from numpy.typing import NDArray

UInt32 = NDArray[np.uint32]

def part_starts(
    columns: Any, roots: UInt32, order: UInt32, shift: int, n_parts: int
) -> NDArray[np.int64]: ...
def move(
    columns: Any,
    roots: UInt32,
    order: UInt32,
    shift: int,
    starts: NDArray[np.int64],
    first: int,
    last: int,
    moved: dict[str, NDArray[Any]],
) -> None: ...
def in_order(rows: UInt32, n: int) -> NDArray[np.int64]: ...
