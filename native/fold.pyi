from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rules import Rules
from .state import State

def fold(
    rules: Rules, state: State, columns: Any, order: NDArray[np.uint32]
) -> dict[str, NDArray[Any]]: ...
