"""Routes: exact paths, a segment in braces at the end or in the middle, methods, encodings."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.http import HttpVersion11

from vafa.server.contract import Told
from vafa.server.reply import Reply
from vafa.server.router import Route, Router

PATHS = [
    ("GET", "/v1/members/{id}"),
    ("GET", "/v1/members/{id}/statement"),
    ("PUT", "/v1/members/{id}/statement"),
    ("GET", "/v1/programs"),
    ("POST", "/v1/programs"),
    ("POST", "/v1/programs/check"),
    ("GET", "/v1/programs/{n}"),
]

NOTHING = Told("", {}, "open")


def told(path: str) -> Any:
    """A handler that tells its route and what stood in the braces."""

    async def handler(_: web.BaseRequest, argument: str) -> web.Response:
        return web.json_response([path, argument])

    return handler


ROUTER = Router([Route(method, path, told(path), NOTHING) for method, path in PATHS], Counter())


def ask(method: str, target: str) -> web.Response:
    """The router's answer."""
    request = SimpleNamespace(method=method, raw_path=target, version=HttpVersion11, headers={})
    return cast(web.Response, asyncio.run(ROUTER.handle(cast(Any, request))))


@pytest.mark.parametrize(
    ("method", "target", "path", "argument"),
    [
        ("GET", "/v1/members/m-1", "/v1/members/{id}", "m-1"),
        ("GET", "/v1/members/m-1?at=x", "/v1/members/{id}", "m-1"),
        ("GET", "/v1/members/statement", "/v1/members/{id}", "statement"),
        ("GET", "/v1/members/m-1/statement", "/v1/members/{id}/statement", "m-1"),
        ("GET", "/v1/members/m-1/statement?limit=3", "/v1/members/{id}/statement", "m-1"),
        ("PUT", "/v1/members/m-1/statement", "/v1/members/{id}/statement", "m-1"),
        ("GET", "/v1/members/a%2Fb/statement", "/v1/members/{id}/statement", "a/b"),
        ("GET", "/v1/members/%D8%B9%20x", "/v1/members/{id}", "ع x"),
        ("GET", "/v1/programs", "/v1/programs", ""),
        ("POST", "/v1/programs?x=1", "/v1/programs", ""),
        ("POST", "/v1/programs/check", "/v1/programs/check", ""),
        ("GET", "/v1/programs/7", "/v1/programs/{n}", "7"),
    ],
)
def test_a_route_is_found(method: str, target: str, path: str, argument: str) -> None:
    answer = ask(method, target)
    assert json.loads(cast(bytes, answer.body)) == [path, argument]


@pytest.mark.parametrize(
    "target",
    ["/", "/v1", "/v1/members", "/v1/members/", "/v1/members//statement", "/v1/members/a/b",
     "/v1/members/a/statement/", "/v1/members/a/b/statement", "/v1/programs/", "*",
     "v1/programs", "http://elsewhere/v1/programs"],
)  # fmt: skip
def test_other_paths_are_not_there(target: str) -> None:
    assert ask("GET", target).status == 404


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("DELETE", "/v1/members/m-1/statement", "GET, HEAD, PUT"),
        ("POST", "/v1/members/m-1", "GET, HEAD"),
        ("PATCH", "/v1/programs", "GET, HEAD, POST"),
        ("GET", "/v1/programs/check", "POST"),
    ],
)
def test_other_methods_are_told_which_there_are(method: str, target: str, allowed: str) -> None:
    answer = cast(Reply, ask(method, target))
    assert answer.status == 405
    assert answer.named["Allow"] == allowed
