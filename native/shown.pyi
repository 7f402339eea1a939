from .state import State

def lots_json(
    state: State,
    member: int,
    currency: int,
    name: bytes,
    day: int,
    dates: bytes,
    last_day: int,
) -> bytes: ...
