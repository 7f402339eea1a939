"""What a till needs from an answer before it can print the receipt."""

from __future__ import annotations

from typing import Any

import orjson


class BadAnswer(Exception):
    """An answer that a till could not use; the message says what was wrong with it."""


def decode(status: int, expected: int, body: bytes | None) -> dict[str, Any]:
    """The JSON object of an answer with the expected status; raises BadAnswer."""
    if status != expected:
        raise BadAnswer(f"status {status}, expected {expected}")
    try:
        answer = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        raise BadAnswer("body is not JSON") from None
    if not isinstance(answer, dict):
        raise BadAnswer("body is not an object")
    return answer


def check_sale(status: int, body: bytes | None, sent_id: str) -> None:
    """Raises BadAnswer unless this is the 201 of the sale that was sent."""
    answer = decode(status, 201, body)
    if answer.get("id") != sent_id:
        raise BadAnswer("id is not the one sent")
    if not isinstance(answer.get("postings"), list):
        raise BadAnswer("no postings")
    _check_balances(answer)


def check_member(status: int, body: bytes | None) -> None:
    """Raises BadAnswer unless this is the 200 of a member with balances."""
    _check_balances(decode(status, 200, body))


def _check_balances(answer: dict[str, Any]) -> None:
    balances = answer.get("balances")
    if not isinstance(balances, dict) or not balances:
        raise BadAnswer("no balances")
