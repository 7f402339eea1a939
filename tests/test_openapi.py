"""The OpenAPI document, its page, the table of problems, and real answers held against it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import jsonschema
import pytest
from openapi_spec_validator import validate

from vafa.server import app
from vafa.server.answer_types import ANSWERS
from vafa.server.contract import ALWAYS, GUARDED
from vafa.server.front import Front
from vafa.server.openapi import document
from vafa.server.problems import PROBLEMS, language_of
from vafa.server.problems_fa import PERSIAN

from . import servers
from .servers import JSON, PROBLEM, Reply, Server, days_ago, fact, lines_of

ROUTES = app.routes(Front(cast(Any, None), cast(Any, None), tails=False))
DOCUMENT: dict[str, Any] = json.loads(json.dumps(document(ROUTES)))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    program = servers.PROGRAM.replace('id = "base"\n', 'id = "base"\nbudget = 1_000\n', 1)
    with servers.serving(tmp_path_factory.mktemp("openapi") / "ledger", program=program) as run:
        yield run


# -- the document ---------------------------------------------------------------------------


def test_the_document_is_one() -> None:
    validate(DOCUMENT)


def test_the_server_gives_it(server: Server) -> None:
    reply = server.get("/openapi.json")
    assert reply.headers["content-type"] == JSON
    assert reply.json() == DOCUMENT


def test_every_route_is_told() -> None:
    told = {
        (method.upper(), path)
        for path, methods in DOCUMENT["paths"].items() for method in methods
    }  # fmt: skip
    assert told == {(route.method, route.path) for route in ROUTES}
    names = [op["operationId"] for methods in DOCUMENT["paths"].values() for op in methods.values()]
    assert len(set(names)) == len(names)


def test_every_type_of_an_answer_is_used() -> None:
    text = json.dumps(DOCUMENT["paths"])
    for kind in ANSWERS:
        assert f'"#/components/schemas/{kind.__name__}"' in text


# -- problems ---------------------------------------------------------------------------------


def test_the_tables_of_problems_are_equal() -> None:
    assert PERSIAN.keys() == PROBLEMS.keys()
    assert [
        (one["slug"], one["status"], one["title"], one["when"], one["again"], one["title_fa"],
         one["when_fa"])
        for one in DOCUMENT["x-problems"]
    ] == [
        (slug, kind.status, kind.title, kind.when, kind.retry, *PERSIAN[slug])
        for slug, kind in PROBLEMS.items()
    ]  # fmt: skip
    for title, when in PERSIAN.values():
        assert re.search("[\u0600-\u06ff]", title)
        assert re.search("[\u0600-\u06ff]", when)
        assert not re.search("[يك]", title + when), "Arabic letters"


def test_every_problem_is_of_some_route() -> None:
    told = {slug for route in ROUTES for slug in route.told.problems}
    # Of a path or method that there is not.
    assert told | {*ALWAYS, *GUARDED, "method-not-allowed"} == PROBLEMS.keys()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"), ("", "en"), ("fa", "fa"), ("fa-IR", "fa"), ("FA", "fa"), ("en", "en"),
        ("en, fa", "en"), ("fa, en", "en"), ("fa, en;q=0.9", "fa"), ("en;q=0.5, fa;q=0.6", "fa"),
        ("de, fa;q=0.1", "fa"), ("fa;q=0", "en"), ("fa;q=x", "en"), ("*", "en"),
    ],
)  # fmt: skip
def test_a_language_is_chosen(header: str | None, language: str) -> None:
    assert language_of(header) == language


def test_problems_are_told_in_persian(server: Server) -> None:
    seq = server.seq()
    reply = server.post(fact("fa", lines=[]), Accept_Language="fa-IR,en;q=0.5")
    assert (reply.status, reply.slug) == (422, "invalid-fact")
    assert reply.headers["content-language"] == "fa"
    assert reply.headers["vary"] == "Accept-Language"
    body = reply.json()
    assert (body["title"], body["detail"]) == PERSIAN["invalid-fact"]
    assert body["pointer"] == "/lines"
    english = server.post(fact("fa", lines=[]))
    assert english.headers["content-language"] == "en"
    assert body["detail_en"] == english.json()["detail"]
    lines = lines_of(fact("fa", lines=[]), fact("fa-2", occurred_at=days_ago(-2)))
    rows = server.post(lines, servers.NDJSON, Accept_Language="fa").rows()
    assert [row["problem"]["title"] for row in rows] == [
        PERSIAN["invalid-fact"][0], PERSIAN["in-future"][0]
    ]
    whole = server.post(lines, servers.NDJSON, "?atomic=true", Accept_Language="fa").json()
    assert whole["refused"][0]["problem"]["detail"] == PERSIAN["invalid-fact"][1]
    assert server.seq() == seq


# -- answers ----------------------------------------------------------------------------------


def check(method: str, path: str, reply: Reply) -> None:
    """The reply is one of those that the document tells of its route."""
    told = DOCUMENT["paths"][path][method.lower()]["responses"][str(reply.status)]
    if reply.status == 304:
        assert reply.body == b""
        return
    kind = reply.headers["content-type"].partition(";")[0]
    content = told["content"][kind]
    if reply.status >= 400 and kind == PROBLEM:
        assert reply.slug in told["x-slugs"]
    if kind not in (JSON, PROBLEM):
        return
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(reply.json())


def test_answers_are_what_the_document_says(server: Server) -> None:
    late = fact("late", member="m", occurred_at=days_ago(9))
    posted = [
        fact("a", member="m"), fact("a", member="m"), late, fact("a", member="other"),
        fact("bad", lines=[]), fact("ahead", occurred_at=days_ago(-3)),
        {"id": "r", "kind": "redeem", "occurred_at": days_ago(1), "member": "m",
         "currency": "points", "points": 10**9},
        {"id": "back", "kind": "return", "occurred_at": days_ago(1), "member": "m",
         "sale": "nowhere", "lines": [{"sku": "milk", "quantity": 1}]},
        {"id": "c", "kind": "catalog", "occurred_at": days_ago(1), "products": [{"sku": "x"}]},
    ]  # fmt: skip
    statuses = []
    for body in posted:
        reply = server.post(body)
        statuses.append(reply.status)
        check("POST", "/v1/events", reply)
    assert statuses == [201, 200, 201, 422, 422, 422, 409, 202, 201]
    check("POST", "/v1/events", server.post(fact("b"), "text/plain"))
    check("POST", "/v1/events", server.post(b"", servers.NDJSON, "?atomic=maybe"))
    for route in ROUTES:
        if route.method != "GET":
            continue
        for name in ("m", "a", "base", "1", "nothing"):
            path = re.sub(r"{\w+}", name, route.path)
            reply = server.get(path)
            check("GET", route.path, reply)
            if "etag" in reply.headers:
                tag = {"If-None-Match": reply.headers["etag"]}
                check("GET", route.path, server.ask("GET", path, None, tag))
            check("GET", route.path, server.get(f"{path}?at=2025-11-01T00:00:00Z"))
            check("GET", route.path, server.get(f"{path}?card=1"))
    basket = json.dumps({"member": "m", "lines": fact("q")["lines"]}).encode()
    for sent in (basket, b"{", b"[]"):
        reply = server.ask("POST", "/v1/quotes", sent, {"Content-Type": JSON})
        check("POST", "/v1/quotes", reply)
    text = json.dumps({"program": servers.PROGRAM, "from": days_ago(1)}).encode()
    named = {"Content-Type": JSON, "If-Match": "*"}
    for path in ("/v1/programs", "/v1/programs/check"):
        for sent in (text, text, b"{}", b'{"program": "x"}', b'{"program": "x", "from": "y"}'):
            check("POST", path, server.ask("POST", path, sent, named))
    check("POST", "/v1/programs", server.ask("POST", "/v1/programs", text, {"Content-Type": JSON}))
    check("GET", "/v1/programs/{n}/differences", server.get("/v1/programs/2/differences"))


# -- the page -----------------------------------------------------------------------------------


def test_the_page_needs_nothing_else(server: Server) -> None:
    reply = server.get("/docs")
    assert reply.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    text = reply.body.decode()
    assert not re.search(r"<script|<link|<img|@import|https?://|url\(", text)
    for route in ROUTES:
        assert f"<code>{route.path}</code>" in text
    for slug, kind in PROBLEMS.items():
        assert f"<code>{slug}</code>" in text
        assert PERSIAN[slug][0] in text
        assert kind.title in text
    ids = set(re.findall(r"id='?([\w.-]+)'?", text))
    assert set(re.findall(r"href='#([\w.-]+)'", text)) <= ids
