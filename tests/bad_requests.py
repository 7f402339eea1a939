"""Requests that must be refused, sent to a server; what of its state must not move."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from vafa.engine.replica.replica import Replica

from . import mixed, servers
from .servers import JSON, Server

MEMBER = "m-1"
HEAD = b"Host: localhost\r\n"


class Bad(NamedTuple):
    """One request and what it must get; without a slug the answer need not be a problem."""

    name: str
    status: int
    slug: str
    body: bytes
    kind: str | None = JSON
    query: str = ""
    encoding: str | None = None
    method: str = "POST"
    path: str = servers.EVENTS
    raw: bytes | None = None
    pointer: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def raw(name: str, request: bytes, status: int = 400, slug: str = "") -> Bad:
    """Bytes on a socket."""
    return Bad(name, status, slug, b"", raw=request)


def head(text: str, body: bytes = b"{}", length: bool = True) -> bytes:
    """A POST with extra header lines."""
    size = f"Content-Length: {len(body)}\r\n" if length else ""
    return (f"POST /v1/events HTTP/1.1\r\nHost: a\r\n{size}{text}\r\n\r\n").encode("latin-1") + body


@cache
def reader(ledger: Path) -> Replica:
    """A reader of the server's ledger, for as long as the tests of this file last."""
    return Replica.open(ledger)


def state(server: Server) -> tuple[Any, ...]:
    """What must not move: the hash of all members, seq, members, balances."""
    replica = reader(server.ledger)
    replica.catch_up()
    ready = server.get("/readyz").json()
    member = server.get(f"/v1/members/{MEMBER}").json()
    del member["as_of"]
    return mixed.hash_of(replica), ready["seq"], ready["members"], member


def send(server: Server, row: Bad) -> tuple[int, str]:
    """(status, slug) of what the server says to it."""
    if row.raw is not None:
        got = server.raw(row.raw)
        assert got.startswith(b"HTTP/"), got
        top, _, content = got.partition(b"\r\n\r\n")
        slug = ""
        if b"application/problem+json" in top:
            slug = json.loads(content)["type"].removeprefix("urn:vafa:problem:")
        return int(top.split(b" ")[1]), slug
    named = {"Content-Type": row.kind, "Content-Encoding": row.encoding, **dict(row.headers)}
    reply = server.ask(
        row.method, row.path + row.query, row.body, {k: v for k, v in named.items() if v}
    )
    if row.slug and row.method != "HEAD":
        assert reply.json()["status"] == reply.status
        assert reply.json()["detail"]
        assert row.pointer in (None, reply.json().get("pointer", "")), reply.body
    if reply.status in (404, 405) and row.slug:
        assert ("allow" in reply.headers) == (reply.status == 405)
    return reply.status, row.slug if row.method == "HEAD" else reply.slug
