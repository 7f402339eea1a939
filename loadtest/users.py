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

from .answers import BadAnswer, check_member, check_sale
from .baskets import Basket, wire_baskets

JSON = {"Content-Type": "application/json"}
TIMEOUT_S = 10.0


@cache
def feed() -> Iterator[Basket]:
    """The one stream that all users of this process share, so that no id is sent twice."""
    return wire_baskets(
        os.environ.get("VAFA_LOAD_DATA") or None,
        prefix=os.environ.get("VAFA_LOAD_PREFIX") or None,
    )


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
