from typing import Any

import numpy as np
from numpy.typing import NDArray

class Rules:
    n_products: int
    n_stores: int
    n_terminals: int
    n_tenders: int
    def __init__(
        self,
        arrays: dict[str, Any],
        limits: list[tuple[int, int, int, int]],
        counters: list[tuple[NDArray[np.int32], int, int]],
        currencies: list[Any],
    ) -> None: ...
    @property
    def n_currencies(self) -> int: ...
    @property
    def n_tiers(self) -> int: ...
    @property
    def n_counters(self) -> int: ...
    def set_products(
        self,
        product_class: NDArray[np.int32],
        n: int,
        class_words: NDArray[np.uint64],
        class_eligible: NDArray[np.uint8],
    ) -> None: ...
    def set_stores(self, words: NDArray[np.uint64] | None, n: int) -> None: ...
    def set_terminals(self, words: NDArray[np.uint64] | None, n: int) -> None: ...
    def set_tenders(
        self, has: NDArray[np.uint64] | None, forbids: NDArray[np.uint64] | None, n: int
    ) -> None: ...
