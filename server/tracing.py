"""Spans of requests, of waiting for a commit, and of commits, with OpenTelemetry.

An extra (`vafa[otel]`): nothing of it is imported unless `vafa serve --traces` asks for it.
Where spans go is told by the variables that OpenTelemetry's exporters have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from aiohttp import web

from .reply import Awaited

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

Handle = Callable[[web.BaseRequest], Awaited]

MOST_LINKS = 128
"""Requests that a commit names."""

MISSING = "--traces needs OpenTelemetry; install vafa[otel]"


PARENTS: ContextVar[Sequence[str]] = ContextVar("PARENTS", default=())
"""Spans of another process that a task works for."""


class NoTracing(Exception):
    """OpenTelemetry is not installed."""


def provider_of(service: str) -> TracerProvider:
    """Spans of a service to the exporter that the environment names. Raises NoTracing."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise NoTracing(MISSING) from None
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Tracing:
    """Makes the spans of a process."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import context, propagate, trace  # noqa: PLC0415

        self._provider = provider
        self._tracer = provider.get_tracer("vafa")
        self._context, self._propagate, self._trace = context, propagate, trace

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def around(self, handle: Handle, name_of: Callable[[web.BaseRequest], str]) -> Handle:
        """A handler with a span for each request; the caller's trace goes on."""
        kind = self._trace.SpanKind.SERVER

        async def traced(request: web.BaseRequest) -> web.StreamResponse:
            route = name_of(request)
            with self._tracer.start_as_current_span(
                f"{request.method} {route}", self._propagate.extract(request.headers), kind,
                {"http.request.method": request.method, "http.route": route},
            ) as span:  # fmt: skip
                response = await handle(request)
                span.set_attribute("http.response.status_code", response.status)
                if response.status >= 500:
                    span.set_status(self._trace.StatusCode.ERROR)
                return response

        return traced

    def waiting(self, facts: int) -> Span:
        """A span of facts that wait: of the request here, or of those of another process."""
        parents = [self._propagate.extract({"traceparent": one}) for one in PARENTS.get() if one]
        spans = [self._trace.get_current_span(parent) for parent in parents]
        return self._tracer.start_span(
            "queue", parents[0] if parents else None, attributes={"vafa.facts": facts},
            links=[self._trace.Link(span.get_span_context()) for span in spans[1:MOST_LINKS]],
        )

    def commit(self, waited: Sequence[Span]) -> Span:
        """A span of a commit, which names the waits that it ends."""
        links = [self._trace.Link(span.get_span_context()) for span in waited[:MOST_LINKS]]
        return self._tracer.start_span("commit", self._context.Context(), links=links)

    def part(self, name: str, commit: Span) -> Span:
        """A span of a part of a commit."""
        return self._tracer.start_span(name, self._trace.set_span_in_context(commit))

    def here(self) -> str:
        """The present span as another process is told of it; empty for none."""
        carrier: dict[str, str] = {}
        self._propagate.inject(carrier)
        return carrier.get("traceparent", "")
