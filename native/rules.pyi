from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

class Rules:
    n_products: int
    n_stores: int
    n_terminals: int
    n_tenders: int
    n_channels: int
    n_coupons: int
    n_activities: int
    n_limits: int
    def __init__(
        self, arrays: dict[str, Any], numbers: dict[str, Any], lists: dict[str, Any]
    ) -> None: ...
    @property
    def n_currencies(self) -> int: ...
    @property
    def n_tiers(self) -> int: ...
    @property
    def n_counters(self) -> int: ...
    @property
    def full(self) -> bool: ...
    def set_products(
        self,
        product_class: NDArray[np.int32],
        n: int,
        classes: dict[str, Any],
        weighed: NDArray[np.uint8] | None,
        sku: NDArray[np.int32] | None,
        category: NDArray[np.int32] | None,
        category_from: NDArray[np.int32],
        category_node: NDArray[np.int64],
    ) -> None: ...
    def set_stores(
        self, words: Words | None, keys: NDArray[np.int64] | None, n: int
    ) -> None: ...
    def set_terminals(self, words: Words | None, n: int) -> None: ...
    def set_channels(self, words: Words | None, n: int) -> None: ...
    def set_tenders(
        self,
        has: Words | None,
        forbids: Words | None,
        bases: Words | None,
        redeems: NDArray[np.int32],
        terms: NDArray[np.int32],
        on_account: NDArray[np.uint8] | None,
        n: int,
    ) -> None: ...
    def set_coupons(
        self,
        has: Words | None,
        forbids: Words | None,
        takes: NDArray[np.int32] | None,
        n: int,
    ) -> None: ...
    def set_activities(self, words: Words, bits: Words, n: int) -> None: ...
    def knows(self, ladders: list[Rules]) -> None: ...
    def takes_over(self, earlier: Rules, begins: int) -> None: ...
    def set_epochs(self, words: Words | None, n: int) -> None: ...
