import numpy as np
from numpy.typing import NDArray

def answer_lines(
    written: NDArray[np.uint8],
    numbers: NDArray[np.int64],
    id_bounds: NDArray[np.int32],
    id_text: NDArray[np.uint8],
    first: int,
    posted_from: NDArray[np.int64],
    rule: NDArray[np.int64],
    kind: NDArray[np.int64],
    currency: NDArray[np.int64],
    points: NDArray[np.int64],
    desired: NDArray[np.int64],
    limit: NDArray[np.int64],
    corrects: NDArray[np.int64],
    balances: NDArray[np.int64],
    tier: NDArray[np.int64],
    rules: list[bytes],
    kinds: list[bytes],
    currencies: list[bytes],
    limits: list[bytes],
    corrected: list[bytes],
    tiers: list[bytes],
) -> tuple[bytes, NDArray[np.int64]]: ...
