"""Programs over HTTP: versions, differences, checks, publication."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.ledger.replay import verify

from . import servers
from .servers import JSON, Reply, Server, days_ago, fact

PROGRAMS = "/v1/programs"
SINCE = days_ago(3)
DOUBLED = servers.PROGRAM.replace("points = 1\n", "points = 2\n", 1)


@pytest.fixture(params=[1, 2], ids=["alone", "workers"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with servers.serving(tmp_path / "ledger", request.param) as running:
        yield running
    assert verify(tmp_path / "ledger").findings == []


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Server]:
    """A server of one process."""
    with servers.serving(tmp_path / "ledger") as running:
        yield running


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose ledger does not change."""
    with servers.serving(tmp_path_factory.mktemp("programs") / "ledger") as running:
        yield running


def ask(
    server: Server, body: Any, path: str = PROGRAMS, match: str | None = '"1"', **headers: str
) -> Reply:
    """POST a program."""
    named = {"Content-Type": JSON, **{n.replace("_", "-"): v for n, v in headers.items()}}
    if match is not None:
        named["If-Match"] = match
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.ask("POST", path, content, named)


def body(program: str = DOUBLED, **more: Any) -> dict[str, Any]:
    """What is posted to publish a program."""
    return {"program": program, "from": SINCE, **more}


def test_a_program_is_published_while_the_server_runs(server: Server) -> None:
    assert server.post(fact("a", occurred_at=days_ago(4))).json()["postings"][0]["points"] == 16
    tag = server.get(PROGRAMS).headers["etag"]
    assert tag == '"1"'
    reply = ask(server, body(), match=tag)
    assert reply.status == 201
    assert (reply.headers["etag"], reply.headers["location"]) == ('"2"', "/v1/programs/2")
    told = reply.json()
    assert (told["version"], told["from"], told["until"]) == (2, SINCE, None)
    assert server.post(fact("b", occurred_at=days_ago(2))).json()["postings"][0]["points"] == 33
    # The instant of the fact decides, not that of its arrival.
    assert server.post(fact("c", occurred_at=days_ago(3.5))).json()["postings"][0]["points"] == 16
    versions = server.get(PROGRAMS).json()["versions"]
    assert [(v["version"], v["until"]) for v in versions] == [(1, SINCE), (2, None)]
    whole = server.get(f"{PROGRAMS}/2").json()
    assert (whole["text"], whole["holidays"]) == (DOUBLED, {})
    assert {name: whole[name] for name in versions[1]} == versions[1]
    assert server.get(f"{PROGRAMS}/2/differences").json() == {
        "from": 1, "to": 2,
        "rules": {"added": [], "removed": [], "changed": [
            {"rule": "base", "changes": [{"path": "points", "from": "1", "to": "2"}]}
        ]},
        "other": [],
    }  # fmt: skip
    back = server.get(f"{PROGRAMS}/1/differences?from=2").json()
    assert back["rules"]["changed"][0]["changes"][0]["to"] == "1"


def test_a_repeat_is_told_what_it_was_told(alone: Server) -> None:
    assert ask(alone, body()).status == 201
    seq = alone.seq()
    again = ask(alone, body())
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    assert (again.json()["version"], again.json()["status"]) == (2, "replayed")
    assert alone.seq() == seq


def test_only_one_of_two_editors_is_first(server: Server) -> None:
    assert ask(server, body()).status == 201
    other = body(servers.PROGRAM.replace("points = 1\n", "points = 3\n", 1))
    stale = ask(server, other, match='"1"')
    assert (stale.status, stale.slug) == (412, "precondition-failed")
    assert ask(server, other, match=None).status == 428
    assert ask(server, other, match='"2"').status == 201
    assert ask(server, body(servers.PROGRAM), match="*").status == 201
    assert [v["version"] for v in server.get(PROGRAMS).json()["versions"]] == [1, 2, 3, 4]


def test_a_first_program_is_published_over_http(tmp_path: Path) -> None:
    with servers.serving(tmp_path / "ledger", program=None) as running:
        assert running.get("/readyz").status == 503
        assert running.get(PROGRAMS).json() == {"versions": []}
        assert running.get(f"{PROGRAMS}/1").status == 404
        assert ask(running, body(), match=running.get(PROGRAMS).headers["etag"]).status == 201
        assert running.get("/readyz").status == 200
        assert running.post(fact("a")).status == 201


HOLIDAYS = servers.PROGRAM + """
[[holidays]]
id = "feasts"
add = [2025-03-20]
"""


def test_dates_of_holidays_are_put_right(alone: Server) -> None:
    told = {"feasts": {"add": ["2025-03-21"], "remove": ["2025-03-20"]}}
    assert ask(alone, body(HOLIDAYS, overrides=told)).status == 201
    assert alone.get(f"{PROGRAMS}/2").json()["holidays"] == {"feasts": ["2025-03-21"]}
    assert ask(alone, body(HOLIDAYS), match='"2"').status == 201
    changes = alone.get(f"{PROGRAMS}/3/differences").json()["other"]
    assert changes == [
        {"path": "holiday_dates.feasts", "from": ["2025-03-21"], "to": ["2025-03-20"]}
    ]


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (body("x"), 422, "invalid-program"),
        (body("format = 2"), 422, "invalid-program"),
        (body(servers.PROGRAM.replace("USD", "EUR")), 409, "program-differs"),
        (body(overrides={"feasts": {"add": []}}), 422, "invalid-program"),
        (body(HOLIDAYS, overrides={"feasts": {"put": []}}), 422, "invalid-program"),
        (body(HOLIDAYS, overrides={"feasts": {"add": ["3000-01-01"]}}), 422, "invalid-program"),
        ({"program": DOUBLED}, 422, "invalid-program"),
        (body() | {"from": "2025-01-01T00:00:00"}, 422, "invalid-program"),
        (body() | {"from": "1960-01-01T00:00:00Z"}, 422, "invalid-program"),
        (body() | {"program": ""}, 422, "invalid-program"),
        (body() | {"program": 1}, 422, "invalid-program"),
        (body() | {"program": "x" * 1_000_001}, 422, "invalid-program"),
        (body() | {"more": 1}, 422, "invalid-program"),
        ([], 422, "invalid-program"),
        (b"{", 400, "invalid-json"),
        (b"", 400, "invalid-json"),
        (b'{"program": "a", "program": "b", "from": "2025-01-01T00:00:00Z"}', 400,
         "duplicate-member"),
    ],
)  # fmt: skip
def test_bad_programs_are_refused(quiet: Server, sent: Any, status: int, slug: str) -> None:
    seq = quiet.seq()
    reply = ask(quiet, sent)
    assert (reply.status, reply.slug) == (status, slug)
    assert quiet.seq() == seq
    assert quiet.get(PROGRAMS).headers["etag"] == '"1"'


def test_problems_of_a_program_have_lines(quiet: Server) -> None:
    bad = servers.PROGRAM.replace('id = "milk"', 'id = "base"')
    told = ask(quiet, body(bad)).json()
    assert told["pointer"] == "/program"
    (problem,) = told["problems"]
    assert problem["path"].startswith("rule[1]")
    assert bad.splitlines()[problem["line"] - 1] == 'id = "base"'


def test_a_check_tells_everything(quiet: Server) -> None:
    def check(program: str, **more: Any) -> Any:
        reply = ask(quiet, {"program": program, **more}, f"{PROGRAMS}/check", None)
        assert reply.status == 200, reply
        return reply.json()

    seq = quiet.seq()
    assert check(DOUBLED) == {
        "valid": True, "problems": [], "warnings": [], "program": "small", "rules": 4,
    }
    wrong = check("format = 1\nid = 3")
    assert not wrong["valid"]
    assert wrong["problems"][0]["line"] == 2
    differs = check(servers.PROGRAM.replace("USD", "EUR"))
    assert not differs["valid"]
    assert "USD" in differs["problems"][0]["message"]
    assert quiet.seq() == seq
    assert ask(quiet, b"{", f"{PROGRAMS}/check", None).slug == "invalid-json"


@pytest.mark.parametrize(
    "path",
    ["/v1/programs/0", "/v1/programs/01", "/v1/programs/2", "/v1/programs/x",
     "/v1/programs/99999999999", "/v1/programs/2/differences", "/v1/programs/1/differences?from=2",
     "/v1/programs/1/differences"],
)  # fmt: skip
def test_versions_that_are_not_there(quiet: Server, path: str) -> None:
    assert quiet.get(path).slug == "not-found"


def test_bad_parameters_are_refused(quiet: Server) -> None:
    for path in ("?x=1", "/1?x=1", "/1/differences?from=x", "/1/differences?from=0"):
        assert quiet.get(PROGRAMS + path).slug == "invalid-parameter"
