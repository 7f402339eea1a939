"""Requests made from the OpenAPI document: no 5xx, and no answer that it does not tell.

`VAFA_CASES` is how many are made in all (`make schemathesis`: 20,000).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from vafa.engine.ledger.replay import verify

from . import servers
from .servers import Server, fact
from .test_openapi import ROUTES

CASES = int(os.environ.get("VAFA_CASES", "300"))

# A body that fits the schema may still be refused for what it says, so acceptance of good
# data is not asked for; bad data must be refused.
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_headers_conformance, response_schema_conformance, unsupported_method,
]  # fmt: skip

REFUSED = [
    "400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx",
]  # fmt: skip
"""What bad data is answered with: the usual ones, and a body that is too large as well."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    ledger = tmp_path_factory.mktemp("schemathesis") / "ledger"
    pepper = ledger.with_name("pepper")
    pepper.write_bytes(b"p" * 32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAFA_PEPPER_FILE", str(pepper))
        yield from _serve(ledger)


def _serve(ledger: Path) -> Iterator[Server]:
    with servers.serving(ledger) as running:
        for name in ("0", "a", "b"):
            running.post(fact(name, member=name))
        yield running
        said = running.said()
        assert "Traceback" not in said
        assert "failed" not in said
        assert running.process.poll() is None
    assert verify(ledger).findings == []


@pytest.fixture(scope="module")
def api(server: Server) -> Any:
    """The document as the server gives it."""
    refused = {"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}}
    return schemathesis.openapi.from_url(
        f"http://{servers.HOST}:{server.port}/openapi.json",
        config=schemathesis.Config.from_dict(refused),
    )


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_one_of_the_document(api: Any, mode: GenerationMode) -> None:
    operations = [found.ok() for found in api.get_all_operations()]
    # The document's own path is left out.
    assert {operation.label for operation in operations} == {
        f"{route.method} {route.path}" for route in ROUTES if route.path != "/openapi.json"
    }
    # Every text is a good name, and parameters are made wrong with the bodies.
    with_body = [one for one in operations if one.definition.raw.get("requestBody")]
    each = max(1, CASES // (len(operations) + len(with_body)))
    for operation in operations if mode is GenerationMode.POSITIVE else with_body:

        @settings(max_examples=each, deadline=None, database=None,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            # Whatever is sent as lines or columns is a text, which their schema asks for.
            strict = case.media_type == servers.JSON
            case.call_and_validate(checks=[*CHECKS, *([negative_data_rejection] if strict else [])])

        check()


@schemathesis.serializer("application/x-ndjson", "application/vnd.apache.arrow.stream")
def as_it_is(_: Any, value: Any) -> bytes:
    """Bodies that are no JSON are sent as they were made."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
