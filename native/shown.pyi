from .state import State

def accounts_json(
    state: State,
    member: int,
    names: list[bytes],
    day: int,
    dates: bytes,
    last_day: int,
) -> tuple[bytes, bytes]: ...
