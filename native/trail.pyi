from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

class Trail:
    def __init__(
        self,
        first: int,
        members: NDArray[np.uint32],
        previous: NDArray[np.uint64],
        status: NDArray[np.uint8],
        bounds: NDArray[np.int32],
        text: NDArray[np.uint8],
    ) -> None: ...
    def follow(self, seq: int, until: int, member: int) -> tuple[list[int] | None, int, bool]: ...
    def ids(self, rows: Iterable[int]) -> list[str]: ...

def gather(
    rows: list[NDArray[np.int64]], columns: list[tuple[np.dtype[Any], list[NDArray[Any]]]]
) -> list[NDArray[Any]]: ...
def gather_lists(
    starts: list[NDArray[np.int64]],
    rows: list[NDArray[np.int64]],
    columns: list[tuple[np.dtype[Any], list[NDArray[Any]]]],
) -> tuple[NDArray[np.int64], list[NDArray[Any]]]: ...
