"""`python -m benchmarks.bare --port P`: what plain aiohttp can do, as the server's yardstick.

One process on uvloop, access log off, nothing but the framework: GET /hello, and POST /parse,
which parses a basket and answers as much as the till gets from us.
"""

from __future__ import annotations

import argparse

import orjson
import uvloop
from aiohttp import web

HELLO = {"hello": "till"}
RULES = ("base", "private", "tier", "hundred")


async def hello(_: web.Request) -> web.Response:
    return web.Response(body=orjson.dumps(HELLO), content_type="application/json")


async def parse(request: web.Request) -> web.Response:
    basket = orjson.loads(await request.read())
    points = sum(line["net"] for line in basket["lines"]) // 100
    answer = {
        "id": basket["id"],
        "seq": 1_000_000,
        "status": "accepted",
        "postings": [
            {"rule": rule, "kind": "earn", "currency": "points", "points": points} for rule in RULES
        ],
        "balances": {"points": {"active": 1_000 + points, "pending": 0, "held": 0, "debt": 0}},
        "tier": "silver",
    }
    return web.Response(status=201, body=orjson.dumps(answer), content_type="application/json")


def app() -> web.Application:
    """The two routes."""
    application = web.Application()
    application.add_routes([web.get("/hello", hello), web.post("/parse", parse)])
    return application


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    web.run_app(
        app(),
        host="127.0.0.1",
        port=port,
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()
