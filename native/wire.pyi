from typing import Any

class Sale:
    id: str
    member: str
    store: str
    terminal: str
    at: int
    kind: int
    extra: Any
    n_lines: int
    @staticmethod
    def of(
        id: str,
        at: int,
        member: str,
        store: str,
        terminal: str,
        lines: list[tuple[int, str, int, int]],
        tenders: list[tuple[str, int]],
        kind: int = 0,
        extra: Any = None,
    ) -> Sale: ...
    def parts(self) -> tuple[Any, ...]: ...
    def content(self) -> tuple[Any, ...]: ...

def parse_sale(body: bytes) -> Sale | None: ...
def fill(sales: list[Sale], dictionaries: Any) -> dict[str, Any]: ...
