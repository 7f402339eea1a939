"""The reference page: the OpenAPI document as one HTML file, without scripts or other files."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The page's content security policy: its own style and nothing else."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem;
  color: #1c2430; background: #fff }
nav { columns: 2; font-size: .9rem } nav a { display: block }
h2 { border-top: 1px solid #ccd3dd; margin-top: 2.5rem; padding-top: 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { background: #f3f5f8; overflow: auto; padding: .75rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top;
  border-bottom: 1px solid #e3e7ed; padding: .3rem .6rem .3rem 0 }
.method { font-weight: 600; margin-right: .5rem } .scope { color: #5a6675; font-size: .85rem }
[lang=fa] { direction: rtl; text-align: right }
@media (prefers-color-scheme: dark) { body { color: #dce3ec; background: #12161c }
  pre { background: #1b2129 } td, th { border-color: #2b333e } a { color: #7db4ff } }
"""


def page(document: dict[str, Any]) -> str:
    """The document as HTML."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>{escape(document['info']['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{escape(document['info']['title'])} {escape(document['info']['version'])}</h1>",
        f"<p>{escape(document['info']['description'])} The same for programs: "
        "<a href=openapi.json>openapi.json</a>.</p><nav>",
    ]
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    parts += [
        f"<a href='#{op['operationId']}'>{method} {escape(path)}</a>"
        for method, path, op in operations
    ]
    parts += ["<a href='#problems'>Problems</a><a href='#types'>Types</a></nav>"]
    parts += [_operation(*operation) for operation in operations]
    parts.append(_problems(document["x-problems"]))
    parts.append("<h2 id=types>Types</h2>")
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts.append(_type(name, schema))
    return "\n".join(parts) + "</html>\n"


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f"<h2 id='{operation['operationId']}'><span class=method>{method}</span>"
        f"<code>{escape(path)}</code></h2>",
        f"<p>{escape(operation['summary'])}. <span class=scope>For: "
        f"{escape(operation['x-scope'])}</span></p>",
    ]
    rows: list[tuple[str, ...]]
    if operation["parameters"]:
        rows = [
            (_code(one["name"]), one["in"], _shape(one["schema"]),
             ("required; " if one["required"] else "") + escape(one.get("description", "")))
            for one in operation["parameters"]
        ]  # fmt: skip
        parts.append(_table(("parameter", "in", "type", "meaning"), rows))
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        rows = [(_code(kind), _shape(it["schema"])) for kind, it in content.items()]
        parts.append(_table(("body", "type"), rows))
    rows = [
        (_code(status),
         "<br>".join(f"{_code(kind)} {_shape(it['schema'])}"
                     for kind, it in answer.get("content", {}).items()),
         _marked(answer["description"]))
        for status, answer in operation["responses"].items()
    ]  # fmt: skip
    parts.append(_table(("status", "answer", "when"), rows))
    return "\n".join(parts)


def _problems(problems: list[dict[str, Any]]) -> str:
    rows = [
        (_code(one["slug"]), str(one["status"]), escape(one["title"]), _marked(one["when"]),
         f"<span lang=fa>{escape(one['title_fa'])}: {escape(one['when_fa'])}</span>",
         "yes" if one["again"] else "")
        for one in problems
    ]  # fmt: skip
    heads = ("slug", "status", "title", "when", "in Persian", "again")
    return "<h2 id=problems>Problems</h2>" + _table(heads, rows)


def _type(name: str, schema: dict[str, Any]) -> str:
    about = escape(schema.get("description", ""))
    needed = schema.get("required", ())
    rows = [
        (_code(field), _shape(it), "required" if field in needed else _default(it))
        for field, it in schema.get("properties", {}).items()
    ]
    return f"<h3 id='type-{escape(name)}'>{escape(name)}</h3><p>{about}</p>" + _table(
        ("member", "type", ""), rows
    )


def _default(schema: dict[str, Any]) -> str:
    return f"default {_code(str(schema['default']))}" if schema.get("default") else ""


def _shape(schema: dict[str, Any]) -> str:
    """A schema in a few words, other types as links."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#type-{name}'>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(map(_shape, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(_code(str(value)) for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"array of {_shape(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_shape(schema['additionalProperties'])}"
    bounds = ", ".join(
        f"{name} {schema[name]}"
        for name in ("format", "minimum", "maximum", "minLength", "maxLength", "maxItems")
        if name in schema
    )
    return escape(f"{kind} ({bounds})" if bounds else str(kind))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{name}" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
    return f"<table><tr>{head}{body}</table>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _marked(text: str) -> str:
    """Text whose backticks mark code."""
    return "".join(
        _code(part) if place % 2 else escape(part) for place, part in enumerate(text.split("`"))
    )
