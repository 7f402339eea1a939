from typing import Any

import numpy as np
from numpy.typing import NDArray

def follow(
    members: NDArray[np.uint32],
    previous: NDArray[np.uint64],
    status: NDArray[np.uint8],
    first: int,
    seq: int,
    until: int,
    member: int,
) -> tuple[NDArray[np.int64] | None, int, bool]: ...
def gather(
    rows: list[NDArray[np.int64]], columns: list[tuple[np.dtype[Any], list[NDArray[Any]]]]
) -> list[NDArray[Any]]: ...
def gather_lists(
    starts: list[NDArray[np.int64]],
    rows: list[NDArray[np.int64]],
    columns: list[tuple[np.dtype[Any], list[NDArray[Any]]]],
) -> tuple[NDArray[np.int64], list[NDArray[Any]]]: ...
