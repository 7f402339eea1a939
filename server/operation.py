"""What operators and their machines ask of a process."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from .decode import JSON
from .front import Front
from .metrics import ServerCollector
from .problems import ProblemError
from .reply import Reply


class OperationDoor:
    """Health and figures."""

    def __init__(self, front: Front) -> None:
        self.front = front

    async def livez(self, _: web.BaseRequest, __: str) -> web.Response:
        """The process runs."""
        return Reply(b'{"status":"ok"}', JSON)

    async def readyz(self, _: web.BaseRequest, __: str) -> web.Response:
        """Facts can be taken: a program is in force."""
        replica = self.front.follow()
        ready = replica.fold is not None
        body = {
            "status": "ok" if ready else "no-program",
            "seq": replica.seq,
            "checkpoint_seq": replica.checkpoint_seq,
            "members": len(replica.dictionaries.members),
        }
        return web.json_response(body, status=200 if ready else 503)

    async def metrics(self, _: web.BaseRequest, __: str) -> web.Response:
        """Prometheus text; without the writer's figures while it starts again."""
        registry = CollectorRegistry()
        try:
            figures = await self.front.commits.told_figures()
        except ProblemError:
            figures = None
        registry.register(ServerCollector(self.front, figures))
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": "text/plain; version=0.0.4"}
        )
