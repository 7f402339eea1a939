"""The pages say what the code does: tables, names, links and snippets are held equal to it.

`test_docs_commands.py` runs the commands that the pages show.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import struct
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast, get_args

import click
import msgspec
import pyarrow as pa
import pytest

import vafa.engine.program
import vafa.server.__main__
from vafa.engine import facts
from vafa.engine.checks.holiday_calendars import read_overrides
from vafa.engine.checks.program_file import parse_program
from vafa.engine.checks.whole import warnings
from vafa.engine.cli import main
from vafa.engine.cli.output import Exit
from vafa.engine.columns import schema
from vafa.engine.facts import parts
from vafa.engine.journal import journal, lock_file
from vafa.engine.outbox import events as outbox
from vafa.engine.outbox.store import Standing
from vafa.engine.program import conditions as program_conditions
from vafa.engine.program.rules import Earn
from vafa.engine.replica.replica import Replica
from vafa.engine.wire import arrow_schema as wire_schema
from vafa.engine.wire import json_facts
from vafa.server import (
    app,
    bodies,
    committer,
    decode,
    edge,
    events,
    front,
    imports,
    keys,
    programs,
    webhooks,
)
from vafa.server.figures import Figures
from vafa.server.metrics import ServerCollector
from vafa.server.problems import PROBLEMS
from vafa.server.problems_fa import PERSIAN

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, ROOT / "CHANGELOG.md", *DOCS]
ROOMS = ("engine", "native", "server", "loadtest", "benchmarks", "tests", "examples")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


# -- reading pages ---------------------------------------------------------------------------


def page_text(name: str) -> str:
    """The text of a page of docs/."""
    return (ROOT / "docs" / f"{name}.md").read_text("utf-8")


class Block(NamedTuple):
    """A fenced block: its language, the file name after it, its text."""

    language: str
    name: str
    text: str


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page in order."""
    found = re.findall(r"^```(\w*) ?(\S*)\n(.*?)^```$", text, re.M | re.S)
    return [Block(*groups) for groups in found]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", prose(text), re.M | re.S)
    assert found is not None, f"no heading {heading!r}"
    return found[1]


def tables(text: str) -> list[list[list[str]]]:
    """Tables of a text, each as rows of cells without the heading; backticks kept."""
    found = []
    for rows in re.findall(r"(?:^\|.*\n)+", text, re.M):
        cells = [
            [cell.strip() for cell in row.strip().strip("|").split("|")]
            for row in rows.splitlines()
        ]
        found.append(cells[2:])
    return found


def named(cell: str) -> str:
    """The text of a cell that is one name in backticks."""
    found = re.fullmatch(r"`([^`]+)`", cell)
    assert found is not None, f"{cell!r} is not one name"
    return found[1]


def first_column(text: str) -> list[str]:
    """The names in the first column of a text's only table."""
    (table,) = tables(text)
    return [named(row[0]) for row in table]


# -- links, paths, commands ------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings."""
    heads = re.findall(r"^#+ (.*)$", prose(page.read_text("utf-8")), re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@every_page
def test_links_resolve(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", prose(page.read_text("utf-8"))):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@every_page
def test_paths_exist(page: Path) -> None:
    for path in re.findall(rf"`((?:{'|'.join(ROOMS)}|docs)/[\w./-]*)`", page.read_text("utf-8")):
        assert (ROOT / path).exists(), path


@every_page
def test_pages_know_no_machine(page: Path) -> None:
    assert not re.search(r"(?<!\w)/(?:tmp|work|home|root|opt|usr)/", page.read_text("utf-8"))


@every_page
def test_commands_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z][\w-]*)", text, re.M):
        assert re.search(rf"^[a-z -]*\b{target}\b[a-z -]*:(?!=)", makefile, re.M), target
    for words in re.findall(r"(?:^|`)vafa ([a-z][^`\n|]*)", text, re.M):
        check_command(words.split())


def check_command(words: list[str]) -> None:
    """The command, its subcommands and its options are there."""
    # `vafa.server.__main__` has added serve.
    assert vafa.server.__main__.serve.name in main.commands
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        assert words[0] in command.commands, words
        command = command.commands[words.pop(0)]
    options = {name for param in command.params for name in param.opts}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= options, words


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)\)", README.read_text("utf-8")))
    assert linked == {page.name for page in DOCS}


def test_the_readme_has_room_for_figures() -> None:
    text = README.read_text("utf-8")
    between = re.search(r"<!-- bench:begin -->\n(.*)<!-- bench:end -->", text, re.S)
    assert between is not None
    assert tables(between[1])


# -- architecture ----------------------------------------------------------------------------


def test_every_file_has_its_room() -> None:
    text = section(page_text("architecture"), "Rooms")
    files = [
        path.relative_to(ROOT)
        for room, pattern in (("engine", "*.py"), ("server", "*.py"), ("native", "*.p[yx][xd]"))
        for path in (ROOT / room).rglob(pattern)
        if not path.name.startswith("__")
    ]
    # The table of a noun stands in its .pxd, the code over it in the .pyx.
    stems = {str(path.with_suffix("")) for path in files}
    told = {str(Path(name).with_suffix("")) for name in re.findall(r"`([\w/.]+\.\w+)`", text)}
    assert stems - told == set()
    for room in ROOMS:
        assert f"`{room}/`" in text


def definitions(path: Path) -> set[str]:
    """Functions and classes of a file; methods also with their class before them."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        return set(re.findall(r"^\s*(?:cdef|cpdef|def)\b[^\n=]*?\b(\w+)\(", text, re.M))
    found = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{part.name}" for part in node.body
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            }  # fmt: skip
    return found


def steps_of_a_basket() -> Iterator[tuple[str, str]]:
    """(file, function) of each step that the architecture page names."""
    file = ""
    for token in re.findall(r"`([^`]+)`", section(page_text("architecture"),
                                                  "The way of one basket")):
        if re.fullmatch(r"\w+/[\w/]+\.\w+", token):
            file = token
        elif token.endswith("()"):
            yield file, token.removesuffix("()")


def test_the_way_of_a_basket_is_there() -> None:
    steps = list(steps_of_a_basket())
    assert len(steps) > 25
    for file, name in steps:
        assert name in definitions(ROOT / file), f"{file} has no {name}"


# -- the program file ------------------------------------------------------------------------

PROGRAM_MODULES = [
    importlib.import_module(f"vafa.engine.program.{found.name}")
    for found in pkgutil.iter_modules(vafa.engine.program.__path__)
]
STRUCTS = {
    name: kind
    for module in PROGRAM_MODULES
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    and kind.__module__ == module.__name__ and not name.startswith("_")
    and kind is not program_conditions.Part
}  # fmt: skip


def default_cell(field: msgspec.structs.FieldInfo) -> str:
    """The default of a field as the page writes it."""
    if field.required:
        return "required"
    value = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    if value is None:
        return "none"
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        name = value.__struct_config__.tag_field
        return f'`{{ {name} = "{tag}" }}`' if name else "`{}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def inherited(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Fields that a struct has from the one that it extends."""
    names: tuple[str, ...] = getattr(kind.__mro__[1], "__struct_fields__", ())
    return names


def own_fields(kind: type[msgspec.Struct]) -> dict[str, str]:
    """(name on the wire, default) of the fields that a struct does not inherit."""
    own = {
        field.encode_name: default_cell(field)
        for field in msgspec.structs.fields(kind)
        if field.name not in inherited(kind)
    }
    tag = kind.__struct_config__.tag_field
    return {tag: "required", **own} if tag else own


def test_the_structs_are_found() -> None:
    assert {"Program", "Currency", "Earn", "Conditions", "Ladder"} <= STRUCTS.keys()


@pytest.mark.parametrize("name", STRUCTS)
def test_program_fields_are_told(name: str) -> None:
    (table,) = tables(section(page_text("program-format"), name))
    assert {named(row[0]): row[2] for row in table} == own_fields(STRUCTS[name])


def test_common_rule_fields_are_told() -> None:
    (table,) = tables(section(page_text("program-format"), "Rules"))
    told = {named(row[0]): row[2] for row in table}
    common = set(inherited(Earn))
    assert told == {
        field.encode_name: default_cell(field)
        for field in msgspec.structs.fields(Earn)
        if field.name in common
    }


PROGRAMS = [
    (page.name, block.text)
    for page in [README, *DOCS]
    for block in blocks(page.read_text("utf-8"))
    if block.language == "toml" and not block.name
]


@pytest.mark.parametrize(("page", "text"), PROGRAMS)
def test_programs_parse(page: str, text: str) -> None:
    parse_program(text, page)


FORMAT_BLOCKS = blocks(page_text("program-format"))


def with_the_example(part: str) -> str:
    """The program of the page's short examples with a part after it."""
    (base,) = (block.text for block in FORMAT_BLOCKS if block.name == "base.toml")
    return (base.split("[ladder]")[0] if "[ladder]" in part else base) + "\n" + part


@pytest.mark.parametrize("part", [block.text for block in FORMAT_BLOCKS if block.name == "+"])
def test_short_examples_parse(part: str) -> None:
    assert warnings(parse_program(with_the_example(part))) == []


WHENS = [
    row for block in FORMAT_BLOCKS if block.name == "when" for row in block.text.splitlines()
]


@pytest.mark.parametrize("row", WHENS)
def test_conditions_of_the_page_parse(row: str) -> None:
    rule = '[[rule]]\nid = "x"\nkind = "bonus"\npoints = 1\n'
    parse_program(with_the_example(rule + row))


def test_every_condition_has_its_example() -> None:
    text = "\n".join(WHENS)
    fields = msgspec.structs.fields(program_conditions.Conditions)
    assert [f.encode_name for f in fields if f"{f.encode_name} =" not in text] == []


def test_the_override_file_of_the_page_is_one(tmp_path: Path) -> None:
    (block,) = (block for block in FORMAT_BLOCKS if block.name == "override.toml")
    file = tmp_path / block.name
    file.write_text(block.text, "utf-8")
    assert read_overrides(file, parse_program(with_the_example(""))).keys() == {"feasts"}


def test_there_is_a_program_to_parse() -> None:
    assert PROGRAMS


# -- http --------------------------------------------------------------------------------------


def test_routes_are_told() -> None:
    nobody = front.Front(cast(Any, None), cast(Any, None), tails=False)
    (table,) = tables(section(page_text("http"), "Routes"))
    told = [(row[0], named(row[1])) for row in table]
    assert told == [(route.method, route.path) for route in app.routes(nobody)]


def test_content_types_are_told() -> None:
    told = tables(section(page_text("http"), "Posting facts"))[0]
    assert [named(row[0]) for row in told] == [decode.JSON, decode.NDJSON, decode.ARROW]


def test_bounds_are_told() -> None:
    (table,) = tables(section(page_text("http"), "Bounds"))
    products = msgspec.json.schema(facts.CatalogFact)["$defs"]["CatalogFact"]["properties"]
    assert [int(row[1].replace(",", "")) for row in table] == [
        bodies.MOST_BODY, bodies.BODY_S, edge.HEAD_S, edge.IDLE_S, edge.NEW_S, edge.READ_S,
        edge.MOST_CONNECTIONS, json_facts.MOST_FACT, json_facts.MOST_OBJECTS,
        programs.MOST_TEXT, imports.READ_S, imports.LAST_S,
        decode.MOST_FACTS, committer.QUEUE_FACTS, decode.MOST_ITEMS, parts.MOST_LINES,
        parts.MOST_TENDERS, parts.MOST_COUPONS, parts.MOST_OFFERS,
        parts.MOST_SEGMENTS, parts.MOST_FIGURES, parts.ID_BYTES, parts.NAME_BYTES,
        parts.MOST_AMOUNT, parts.MOST_POINTS,
        products["products"]["maxItems"],
    ]  # fmt: skip


def members(kind: type[msgspec.Struct], prefix: str = "") -> list[str]:
    """Names of a struct's members as the page writes them."""
    return [f"{prefix}{field.encode_name}" for field in msgspec.structs.fields(kind)]


# The structs of each kind's members, with the part of the document that each stands in.
MEMBERS: dict[str, list[tuple[type[msgspec.Struct], str]]] = {
    "Sales": [
        (facts.SaleFact, ""), (facts.LineFact, "lines[]."), (facts.TenderFact, "tenders[]."),
        (facts.OfferFact, "offers[]."), (facts.ReturnPart, "return."),
    ],
    "Catalogues": [(facts.CatalogFact, ""), (facts.ProductFact, "products[].")],
    "Stores": [(facts.StoreFact, ""), (facts.StoreAttributes, "stores[].")],
    "Returns": [(facts.ReturnFact, ""), (facts.ReturnedLine, "lines[].")],
    "Payments": [(facts.PaymentFact, "")],
    "Activities": [(facts.ActivityFact, "")],
    "Adjustments": [(facts.AdjustFact, "")],
    "Redemptions": [(facts.RedeemFact, "")],
    "Holds": [(facts.HoldFact, "")],
    "Captures": [(facts.CaptureFact, "")],
    "Releases": [(facts.ReleaseFact, "")],
    "Cancels": [(facts.CancelFact, "")],
    "Claims": [(facts.ClaimFact, "")],
    "Rewards": [(facts.RewardRedeemFact, "")],
    "Stock of rewards": [(facts.RewardStockFact, "")],
    "Coupon codes": [(facts.CouponIssueFact, "")],
    "Uses of codes": [(facts.CouponRedeemFact, "")],
    "Blocked codes": [(facts.CouponBlockFact, "")],
    "Gift cards": [
        (facts.GiftCardIssueFact, ""), (facts.GiftCardLoadFact, ""),
        (facts.GiftCardRedeemFact, ""), (facts.GiftCardCancelFact, ""), (facts.GiftCardPinFact, ""),
    ],
    "Own money on a gift card": [(facts.GiftCardFundFact, "")],
    "Transfers": [(facts.TransferFact, "")],
    "Merges": [(facts.MergeFact, ""), (facts.UnmergeFact, "")],
    "Households": [(facts.PoolFact, ""), (facts.UnpoolFact, "")],
    "Donations": [(facts.DonateFact, "")],
    "Members": [
        (facts.EnrolFact, ""), (facts.MemberUpdateFact, ""), (facts.ManualTier, "manual_tier."),
    ],
    "Cards": [
        (facts.CardLinkFact, ""), (facts.CardBlockFact, ""), (facts.CardUnblockFact, ""),
    ],
    "PINs": [(facts.CardPinFact, "")],
    "Erasing": [(facts.EraseFact, "")],
    "Leaving": [(facts.CloseFact, "")],
    "Subscriptions": [(facts.SubscriptionStartFact, ""), (facts.SubscriptionEndFact, "")],
    "Profit share": [(facts.ProfitShareFact, "")],
    "Days closed": [(facts.DayClosedFact, "")],
}  # fmt: skip


@pytest.mark.parametrize("heading", MEMBERS)
def test_members_of_facts_are_told(heading: str) -> None:
    table = tables(section(page_text("http"), heading))[0]
    told = [name for row in table for name in re.findall(r"`([^`]+)`", row[0])]
    expected = {name for kind, prefix in MEMBERS[heading] for name in members(kind, prefix)}
    assert set(told) == {"kind", *expected}
    assert len(told) == len(set(told))
    (kinds,) = (row[1] for row in table if row[0] == "`kind`")
    tags = {kind.__struct_config__.tag for kind, _ in MEMBERS[heading]} - {None}
    assert set(re.findall(r'"([^"]+)"', kinds)) == tags


def test_every_kind_on_the_wire_is_told() -> None:
    told = {kind for kinds in MEMBERS.values() for kind, _ in kinds}
    assert set(get_args(facts.MemberFact | facts.LoneFact)) <= told


def test_arrow_columns_are_told() -> None:
    columns_in, columns_out = tables(section(page_text("http"), "Arrow"))
    taken = pa.schema([*wire_schema.WIRE, *wire_schema.MORE])
    assert [named(row[0]) for row in columns_in] == taken.names
    answers = pa.ipc.open_stream(events._arrow_answers([], [])).read_all()
    assert [named(row[0]) for row in columns_out] == answers.schema.names
    for rows, fields in ((columns_in, taken), (columns_out, answers.schema)):
        for row, field in zip(rows, fields, strict=True):
            assert row[1].split()[0] == str(field.type).split("<")[0].split("[")[0], row
            assert re.findall(r"`(\w+)`", row[1]) == names_of_items(field.type)
    text = prose(section(page_text("http"), "Arrow"))
    for more in (*wire_schema.MORE_OF_LINE, *wire_schema.MORE_OF_TENDER):
        assert f"`{more.name}`" in text


def names_of_items(kind: pa.DataType) -> list[str]:
    """Fields of the structs of a list, none of another type."""
    if not pa.types.is_list(kind) or not pa.types.is_struct(kind.value_type):
        return []
    return [item.name for item in kind.value_type]


def test_fields_of_the_keys_file_are_told() -> None:
    kinds: tuple[type[msgspec.Struct], ...] = (keys.KeyEntry, keys.JwtEntry)
    for place, kind in enumerate(kinds):
        table = tables(section(page_text("http"), "Keys"))[place]
        told = {name: row[1] for row in table for name in re.findall(r"`([^`]+)`", row[0])}
        assert told == {
            field.encode_name: "required" if field.required else "none"
            for field in msgspec.structs.fields(kind)
        }
    (file,) = (block for block in blocks(page_text("http")) if block.name == "keys.toml")
    msgspec.convert(tomllib.loads(file.text), keys.KeysFile)


def test_the_outbox_is_told() -> None:
    text = page_text("outbox")
    (events,), (fields,) = (tables(section(text, name)) for name in ("Events", "Webhooks"))
    assert [named(row[0]) for row in events] == list(outbox.TYPES)
    own = [f for f in msgspec.structs.fields(webhooks.OutboxFile) if f.encode_name == "keep_days"]
    parts = (("", own), ("remind.", msgspec.structs.fields(outbox.Settings)),
             ("webhook.", msgspec.structs.fields(webhooks.Webhook)))  # fmt: skip
    assert {named(row[0]): row[1] for row in fields} == {
        f"{prefix}{field.encode_name}": "required" if field.required
        else "all" if field.default == outbox.TYPES
        else f"`{list(field.default)}`" if isinstance(field.default, tuple)
        else f"`{field.default}`"
        for prefix, some in parts for field in some
    }  # fmt: skip
    (file,) = (block for block in blocks(text) if block.name == "outbox.toml")
    webhooks.check(msgspec.convert(tomllib.loads(file.text), webhooks.OutboxFile))


def test_problems_are_told() -> None:
    (table,) = tables(section(page_text("http"), "Problems"))
    assert [[named(row[0]), *row[1:]] for row in table] == [
        [slug, str(kind.status), kind.title, kind.when, "yes" if kind.retry else ""]
        for slug, kind in PROBLEMS.items()
    ]
    assert PROBLEMS.keys() - PERSIAN.keys() == set(), "say it in Persian: server/problems_fa.py"


def metric_names() -> list[str]:
    """Names that /metrics shows while the writer is there."""
    front = SimpleNamespace(
        requests=Counter({("GET", "/livez", 200): 1}),
        replica=SimpleNamespace(
            seq=1, checkpoint_seq=0, dictionaries=SimpleNamespace(members=[])
        ),
        outbox=lambda: SimpleNamespace(standing=lambda _: Standing(1, 0, 0)),
    )
    collector = ServerCollector(cast(Any, front), Figures())
    return [
        family.name if family.type == "histogram" else family.samples[0].name
        for family in collector.collect()
    ]


def test_metrics_are_told() -> None:
    (table,) = tables(section(page_text("http"), "Operation"))
    assert [named(row[0]) for row in table] == metric_names()
    everywhere = "".join(page.read_text("utf-8") for page in [README, *DOCS])
    assert set(re.findall(r"`(vafa_\w+)`", everywhere)) == set(metric_names())


# -- the ledger --------------------------------------------------------------------------------


def one_record() -> tuple[bytes, journal.Record]:
    """A record with one fact of each of two kinds of names."""
    batch = pa.RecordBatch.from_pylist(
        [{**dict.fromkeys(schema.FACTS.names, 0), "id": "a", "lines": [], "tenders": [],
          "balances": [], "postings": [], "payload": None}] * 3, schema=schema.FACTS,
    )  # fmt: skip
    return journal.encode_record(7, 1_700_000_000_000_000, b"p" * 32, batch, None)


def test_the_header_is_told() -> None:
    (table,) = tables(section(page_text("ledger"), "A record"))
    data, record = one_record()
    end = 0
    told: dict[str, Any] = {}
    for row in table:
        offset, size = int(row[0]), int(row[1])
        assert offset == end
        end += size
        if row[2] == "reserved":
            assert not any(data[offset:end])
            continue
        told[named(row[2])] = data[offset:end]
    assert end == journal.HEADER_BYTES
    assert told.pop("magic") == journal.MAGIC
    for name in ("previous", "hash"):
        assert told.pop(name) == getattr(record, name)
    assert struct.unpack("<H", told.pop("format")) == (journal.FORMAT,)
    assert struct.unpack("<Q", told.pop("checksum"))[0]
    for name in ("first", "last", "committed_at", "facts_bytes"):
        assert struct.unpack("<q", told.pop(name)) == (getattr(record, name),)
    assert told == {}
    assert f"a header of {journal.HEADER_BYTES} bytes" in section(page_text("ledger"), "A record")


@pytest.mark.parametrize(("heading", "fields"), [("Facts", schema.FACTS),
                                                 ("Growth", schema.GROWTH)])  # fmt: skip
def test_journal_columns_are_told(heading: str, fields: pa.Schema) -> None:
    (table,) = tables(section(page_text("ledger"), heading))
    assert [named(row[0]) for row in table] == fields.names
    for row, field in zip(table, fields, strict=True):
        assert row[1].split()[0] == str(field.type).split("<")[0].split("[")[0], row
        assert re.findall(r"`(\w+)`", row[1]) == names_of_items(field.type)


def test_kinds_of_facts_are_told() -> None:
    (table,) = tables(section(page_text("ledger"), "Facts"))
    (cell,) = (row[2] for row in table if named(row[0]) == "kind")
    words = {"catalog": "catalogue"}
    assert cell == ", ".join(
        f"{code} {words.get(kind, kind)}" for code, kind in enumerate(facts.KINDS)
    )


def test_exit_codes_are_told() -> None:
    (table,) = tables(section(page_text("ledger"), "Exit codes"))
    told = {row[1]: int(row[0]) for row in table}
    assert told.pop("OUTCOME_UNKNOWN") == committer.OUTCOME_UNKNOWN
    assert told == {code.name: code.value for code in Exit}


def texts_of_code() -> str:
    """String constants of engine and server, pieces of one text joined."""
    found = []
    for path in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "server").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append("".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}"
                    for part in node.values
                ))  # fmt: skip
    return "\n".join(found)


def test_messages_of_a_start_are_the_code_s() -> None:
    code = texts_of_code()
    for message in first_column(section(page_text("ledger"), "What a start says")):
        template = re.sub(r"\b(?:LEDGER|PATH|FORMAT|ERROR|N)\b", "{}", message)
        assert template in code, message


def test_lmdb_settings_are_told() -> None:
    text = section(page_text("ledger"), "LMDB settings")
    source = (ROOT / "engine" / "journal" / "journal.py").read_text("utf-8")
    for setting in re.findall(r"`(\w+=\w+)`", text):
        assert f"{setting}," in source
    assert f"{journal.MAP_BYTES >> 30}\nGiB" in text
    assert f"{lock_file.MOST_READERS:,} readers" in text
    assert "max_readers=MOST_READERS" in source


def test_files_of_a_ledger_are_told(tmp_path: Path) -> None:
    from vafa.engine.ledger.writer import Writer  # noqa: PLC0415 - only this test makes a ledger

    with Writer(tmp_path / "ledger"):
        made = {path.name for path in (tmp_path / "ledger").iterdir()}
    Replica.open(tmp_path / "ledger").close()
    told = blocks(page_text("ledger"))[0].text
    assert made == {"journal", "state", "writer.lock"}
    for name in made:
        assert name in told
