"""A till as a Locust user: posts baskets, reads balances, believes no answer unchecked.

From a locustfile: `from vafa.loadtest.users import Till`. Settings come from the
environment: VAFA_LOAD_DATA is the folder of the parquet files (default: the installed
package), VAFA_LOAD_PREFIX begins every id (default: new and random).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
from locust import FastHttpUser, events, task
from locust.env import Environment

from .baskets import Basket, wire_baskets

JSON = {"Content-Type": "application/json"}
TIMEOUT_S = 10.0


class BadAnswer(Exception):
    """An answer that a till could not use; the message says what was wrong with it."""


@cache
def feed() -> Iterator[Basket]:
    """The one stream that all users of this process share, so that no id is sent twice."""
    return wire_baskets(
        os.environ.get("VAFA_LOAD_DATA") or None,
        prefix=os.environ.get("VAFA_LOAD_PREFIX") or None,
    )


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


class Till(FastHttpUser):
    """Nine sales for each look at a balance, one after the other without a pause."""

    connection_timeout = TIMEOUT_S
    network_timeout = TIMEOUT_S
    last_member: str | None = None

    @task(9)
    def sell(self) -> None:
        basket = next(feed())
        with self.client.post(
            "/v1/events", data=orjson.dumps(basket).decode(), headers=JSON, catch_response=True
        ) as answer:
            try:
                check_sale(answer.status_code, answer.content, basket["id"])
            except BadAnswer as error:
                answer.failure(str(error))
                return
        self.last_member = basket["member"]

    @task(1)
    def read_balance(self) -> None:
        if self.last_member is None:  # a member exists from the first sale on
            return
        with self.client.get(
            f"/v1/members/{self.last_member}", name="/v1/members/{id}", catch_response=True
        ) as answer:
            try:
                check_member(answer.status_code, answer.content)
            except BadAnswer as error:
                answer.failure(str(error))


def fail_run(environment: Environment, **_: Any) -> None:
    """Exit code 1 when any answer was wrong, or when there was none at all."""
    total = environment.stats.total
    if total.num_requests == 0 or total.num_failures > 0 or environment.stats.errors:
        environment.process_exit_code = 1


events.quitting.add_listener(fail_run)  # type: ignore[no-untyped-call]
