from typing import Any

import numpy as np
from numpy.typing import NDArray

def joined(columns: list[tuple[NDArray[Any], ...]]) -> list[NDArray[Any]]: ...
def joined_starts(parts: tuple[NDArray[np.int64], ...]) -> NDArray[np.int64]: ...
def posts_alike(
    one: dict[str, Any], other: dict[str, Any], old: int, figured: bytes
) -> bool: ...
