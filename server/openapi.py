"""The OpenAPI document, made from the route table and the types, and its page for people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from aiohttp import web

from . import caching
from .answer_types import ANSWERS, Basket, Problem
from .contract import ALWAYS, GUARDED, Parameter
from .guard import KEY, SIGNATURE, TIME
from .parameters import parameters
from .problems import CONTENT_TYPE, PROBLEMS
from .problems_fa import PERSIAN
from .reference_page import POLICY, page

if TYPE_CHECKING:
    from .contract import Told
    from .router import Route

SCHEMES: dict[str, Any] = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key, or a token."},
    "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "signature": {
        "type": "apiKey", "in": "header", "name": SIGNATURE,
        "description": f"With {KEY} and {TIME}: a request signed by a secret.",
    },
}  # fmt: skip
SECURITY: list[dict[str, Any]] = [{}, *({name: []} for name in SCHEMES)]
"""Without a keys file nothing is asked."""

REFERENCES = "#/components/schemas/{name}"


class DocumentDoor:
    """Tells what the other doors are."""

    routes: Sequence[Route] = ()

    @cached_property
    def _document(self) -> dict[str, Any]:
        return document(self.routes)

    @cached_property
    def _json(self) -> bytes:
        return orjson.dumps(self._document)

    @cached_property
    def _page(self) -> bytes:
        return page(self._document).encode()

    async def openapi(self, request: web.BaseRequest, _: str) -> web.Response:
        """The document."""
        parameters(request)
        return caching.answer(request, self._json, caching.strong(self._json))

    async def page(self, request: web.BaseRequest, _: str) -> web.Response:
        """The document as a page that needs nothing else."""
        parameters(request)
        return caching.answer(
            request, self._page, caching.strong(self._page),
            {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"},
            "text/html; charset=utf-8",
        )


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a route table."""
    schemas = _Schemas(routes)
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vafa",
            "version": version("vafa"),
            "description": "A loyalty engine for retail chains. Amounts are in minor units, "
            "quantities in thousandths, points in units of their currency's scale.",
        },
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": SCHEMES},
        "x-problems": [
            {
                "slug": slug, "status": kind.status, "title": kind.title, "when": kind.when,
                "again": kind.retry, "title_fa": PERSIAN[slug][0], "when_fa": PERSIAN[slug][1],
            }
            for slug, kind in PROBLEMS.items()
        ],
    }  # fmt: skip


class _Schemas:
    """The schemas of all types that a table names."""

    def __init__(self, routes: Sequence[Route]) -> None:
        kinds = [
            kind
            for route in routes
            for contents in (route.told.body, *route.told.answers.values())
            for kind in contents.values()
            if not isinstance(kind, dict)
        ]
        every = list(dict.fromkeys([*kinds, *ANSWERS, Basket]))
        made, self.components = msgspec.json.schema_components(every, ref_template=REFERENCES)
        self._of = dict(zip(every, made, strict=True))
        # A tag of a struct is always required, but a basket can only be one.
        self.components[Basket.__name__]["required"].remove("kind")

    def content(self, contents: Mapping[str, Any]) -> dict[str, Any]:
        """A content object."""
        return {
            kind: {"schema": it if isinstance(it, dict) else self._of[it]}
            for kind, it in contents.items()
        }


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    told = route.told
    words = re.findall(r"[a-z0-9]+", route.path.removeprefix("/v1"))
    made: dict[str, Any] = {
        "operationId": "_".join([route.method.lower(), *words]),
        "summary": told.summary,
        "x-scope": " or ".join(told.scopes),
        "parameters": [*_in_path(route.path), *map(_parameter, told.parameters)],
        "responses": _responses(told, schemas),
    }
    made["security"] = [] if told.scope == "open" else SECURITY
    if told.body:
        made["requestBody"] = {"required": True, "content": schemas.content(told.body)}
    return made


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name, "in": "path", "required": True,
            "schema": {"type": "integer", "minimum": 1} if name == "n"
            else {"type": "string", "minLength": 1},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]  # fmt: skip


def _parameter(told: Parameter) -> dict[str, Any]:
    return {
        "name": told.name, "in": told.place, "required": told.required,
        "description": told.about, "schema": told.schema,
    }  # fmt: skip


def _responses(told: Told, schemas: _Schemas) -> dict[str, Any]:
    made: dict[str, Any] = {
        str(status): {"description": "The answer.", "content": schemas.content(contents)}
        for status, contents in told.answers.items()
    }
    if any(one.name == "If-None-Match" for one in told.parameters):
        made["304"] = {"description": "The caller has the answer already."}
    by_status: dict[int, list[str]] = {}
    guarded = () if told.scope == "open" else GUARDED
    for slug in dict.fromkeys([*told.problems, *guarded, *ALWAYS]):
        by_status.setdefault(PROBLEMS[slug].status, []).append(slug)
    for status, slugs in sorted(by_status.items()):
        told_of = "; ".join(f"`{slug}`: {PROBLEMS[slug].when}" for slug in slugs)
        content = schemas.content({CONTENT_TYPE: Problem})
        answer = made.setdefault(str(status), {"description": "", "content": {}})
        answer["description"] = f"{answer['description']} {told_of}".strip()
        answer["content"] |= content
        answer["x-slugs"] = slugs
        if any(PROBLEMS[slug].retry for slug in slugs):
            answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return made
