import numpy as np
from numpy.typing import NDArray

class Names:
    n: int
    def __len__(self) -> int: ...
    def extend(self, names: list[str]) -> None: ...
    def find(
        self, bounds: NDArray[np.int32], text: NDArray[np.uint8]
    ) -> NDArray[np.int64]: ...
