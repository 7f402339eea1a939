"""What operators and their machines ask of a process."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from vafa.engine.replica.replica import Replica

from .committer import QUEUE_FACTS
from .decode import JSON
from .front import Front
from .metrics import ServerCollector
from .parameters import parameters
from .problems import ProblemError
from .reply import Reply


class OperationDoor:
    """Health and figures."""

    def __init__(self, front: Front) -> None:
        self.front = front

    async def livez(self, request: web.BaseRequest, _: str) -> web.Response:
        """The process runs."""
        parameters(request)
        return Reply(b'{"status":"ok"}', JSON)

    async def readyz(self, request: web.BaseRequest, _: str) -> web.Response:
        """Facts can be taken: a program is in force."""
        verbose = parameters(request, "verbose").get("verbose", "false")
        if verbose not in ("", "true", "false"):
            raise ProblemError("invalid-parameter", "verbose is true, false or empty")
        replica = self.front.follow()
        ready = replica.fold is not None
        body: dict[str, Any] = {
            "status": "ok" if ready else "no-program",
            "seq": replica.seq,
            "checkpoint_seq": self.front.checkpoint_seq,
            "members": len(replica.dictionaries.members),
        }
        if verbose != "false":
            body["checks"] = [_program_check(replica, ready), *await self._writer_checks()]
        return Reply(orjson.dumps(body), JSON, 200 if ready else 503)

    async def _writer_checks(self) -> list[dict[str, Any]]:
        try:
            figures = await self.front.commits.told_figures()
        except ProblemError as problem:
            return [_check("writer", False, problem.detail)]
        return [
            _check("writer", True, f"{figures.commits} commits since its start"),
            _check(
                "queue", figures.queued < QUEUE_FACTS,
                f"{figures.queued} of {QUEUE_FACTS} facts wait",
            ),
            _check("checkpoint", True, f"{figures.lag} facts behind"),
        ]

    async def metrics(self, request: web.BaseRequest, _: str) -> web.Response:
        """Prometheus text; without the writer's figures while it starts again."""
        parameters(request)
        registry = CollectorRegistry()
        try:
            figures = await self.front.commits.told_figures()
        except ProblemError:
            figures = None
        registry.register(ServerCollector(self.front, figures))
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": "text/plain; version=0.0.4"}
        )


def _check(name: str, ok: bool, detail: str) -> dict[str, Any]:
    return {"check": name, "ok": ok, "detail": detail}


def _program_check(replica: Replica, ready: bool) -> dict[str, Any]:
    if not ready:
        return _check("program", False, "none is in force")
    version = replica.versions.latest
    return _check("program", True, f"{version.program.id}, version {version.number}")
