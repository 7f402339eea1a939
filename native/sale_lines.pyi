from typing import Any

import numpy as np
from numpy.typing import NDArray

def read_sales(
    body: bytes,
) -> tuple[dict[str, Any], NDArray[np.int64], NDArray[np.int64]]: ...
