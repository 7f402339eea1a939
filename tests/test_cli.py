"""The command line: what it prints where, its exit codes, and that repeats change nothing."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import lmdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from vafa.engine.cli import loading, main
from vafa.engine.cli.balance import points
from vafa.engine.cli.output import Output
from vafa.engine.facts.parts import EARLIEST_US
from vafa.engine.journal.journal import MAP_BYTES, Journal, LedgerError, StorageFull
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.summary import summarize
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica, journal_path
from vafa.engine.wire.arrow_schema import WIRE

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAM = EXAMPLES / "corner-shop.toml"
SHOP = EXAMPLES / "shop.ndjson"
FACTS = 13

BROKEN = """\
format = 1
id = "broken"
unit = { code = "USD" }
zone = "Mars/Olympus"

[[currency]]
id = "points"

[[rule]]
id = "double"
kind = "multiply"
factor = 0.5
"""


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)


def data(*arguments: object, code: int = 0, stdin: bytes | None = None) -> Any:
    """What a command prints as JSON."""
    result = run(*arguments, "--format", "json", stdin=stdin)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def lines_of(path: Path) -> list[Any]:
    return [json.loads(row) for row in path.read_text("utf-8").splitlines()]


def sale(number: int, **fields: Any) -> dict[str, Any]:
    made = {
        "kind": "sale", "id": f"t-{number}", "occurred_at": "2025-12-05T09:00:00+03:30",
        "member": f"m-{number % 5}", "lines": [{"sku": "shir", "quantity": 1000, "net": 450_000}],
    }  # fmt: skip
    return {**made, **fields}


def ndjson(path: Path, *facts: Any) -> Path:
    rows = (fact if isinstance(fact, str) else json.dumps(fact) for fact in facts)
    path.write_text("".join(row + "\n" for row in rows), "utf-8")
    return path


def wire_rows(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Sales as a wire table."""
    plain = [
        {"store": "", "terminal": "", "tenders": [], **row, "occurred_at": 1_764_912_600_000_000}
        for row in rows
    ]
    return pa.Table.from_pylist(plain, schema=WIRE)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A ledger with the corner shop's program and nothing else."""
    ledger = tmp_path / "ledger"
    assert run("program", "publish", ledger, PROGRAM).exit_code == 0
    return ledger


@pytest.fixture
def shop(empty: Path) -> Path:
    """The corner shop's ledger with its sales."""
    assert run("load", empty, SHOP).exit_code == 0
    return empty


# -- the whole ---------------------------------------------------------------------------


def test_help_names_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in ("demo", "load", "balance", "member", "quote", "verify", "program"):
        assert f"  {name} " in result.stdout


def test_version() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("vafa ")


def test_the_command_line_starts_without_the_engine() -> None:
    heavy = ("numpy", "pyarrow", "lmdb", "msgspec", "rich", "vafa.native.fold")
    code = f"import sys, vafa.engine.cli; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["balance", "somewhere"],
        ["balance", "somewhere", "m", "--at", "yesterday"],
        ["balance", "somewhere", "m", "--at", "2025-11-01T00:00:00"],
        ["verify", "somewhere", "--format", "xml"],
        ["load", "somewhere", "no-such-file.ndjson"],
        ["program", "check", "no-such-file.toml"],
        ["demo", "--program", "no-such-file.toml"],
        ["serve", "somewhere", "--port", "65536"],
        ["serve", "somewhere", "--admin-port", "-1"],
    ],
)
def test_wrong_use_is_exit_code_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert not result.stdout


def test_a_member_is_found_by_a_card(empty: Path, tmp_path: Path) -> None:
    link = {
        "kind": "card link", "id": "l", "occurred_at": "2025-12-01T09:00:00+03:30",
        "member": "m-1", "card": "77",
    }  # fmt: skip
    rows = ndjson(tmp_path / "cards.ndjson", link, {**sale(1, card="77"), "member": "m-1"})
    assert run("load", empty, rows).exit_code == 0
    found = data("member", empty, "--card", "77")
    assert (found["id"], found["card"]) == ("m-1", {"card": "77", "blocked": False})
    assert data("member", empty, "m-1")["cards"] == ["77"]
    assert run("member", empty, "m-1").exit_code == 0
    assert "no card '78'" in run("member", empty, "--card", "78").stderr
    assert run("member", empty, "nobody").exit_code == 1
    assert run("member", empty).exit_code == 2
    assert run("member", empty, "m-1", "--card", "77").exit_code == 2


@pytest.mark.parametrize("command", [["verify"], ["balance", "m"], ["load", str(SHOP)]])
def test_a_folder_that_is_no_ledger_is_left_as_it_is(tmp_path: Path, command: list[str]) -> None:
    name, *rest = command
    result = run(name, tmp_path / "nothing", *rest)
    assert result.exit_code == 1
    assert "is not a ledger" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_ledger_that_is_being_written_is_exit_code_75(shop: Path) -> None:
    with Writer(shop):
        assert run("load", shop, SHOP).exit_code == 75
        result = run("program", "publish", shop, PROGRAM)
    assert result.exit_code == 75
    assert "another process" in result.stderr
    assert run("verify", shop).exit_code == 0


def test_a_journal_that_is_not_one_is_told(tmp_path: Path) -> None:
    journal_path(tmp_path).mkdir()
    (journal_path(tmp_path) / "data.mdb").write_bytes(b"no database" * 1000)
    for command in (["verify", tmp_path], ["load", tmp_path, SHOP], ["balance", tmp_path, "m"]):
        result = run(*command)
        assert result.exit_code == 1
        assert result.stderr.startswith("vafa: ")


@pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv"])
def test_formats_say_the_same(shop: Path, form: str) -> None:
    result = run("balance", shop, "09120000001", "09350000002", "--format", form)
    assert result.exit_code == 0
    assert not result.stderr
    if form == "table":
        assert "1,570" in result.stdout
        assert "emtiaz" in result.stdout
        return
    if form == "csv":
        table = csv.DictReader(io.StringIO(result.stdout))
        found = {row["member"]: int(row["active"]) for row in table}
    else:
        rows = result.stdout.splitlines()
        members = [json.loads(row) for row in rows] if form == "ndjson" else json.loads(
            result.stdout
        )
        found = {row["id"]: row["balances"]["emtiaz"]["active"] for row in members}
    assert found == {"09120000001": 1_570, "09350000002": 3_152}


def test_progress_is_on_stderr_and_only_when_forced(shop: Path) -> None:
    assert run("verify", shop).stderr == ""
    forced = run("verify", shop, "--progress", "--format", "json")
    assert "replaying" in forced.stderr
    assert json.loads(forced.stdout)["replay"] == "clean"


def test_no_colour_and_no_cut_off_a_terminal(tmp_path: Path, empty: Path) -> None:
    member = "m" * 64
    run("load", empty, ndjson(tmp_path / "one.ndjson", sale(1, member=member)))
    code = "from vafa.engine.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "balance", str(empty), member, "--lots"],
        capture_output=True, check=True, env={**os.environ, "COLUMNS": "40", "NO_COLOR": "1"},
    )  # fmt: skip
    assert member.encode() in done.stdout
    assert b"\x1b" not in done.stdout + done.stderr


def test_control_characters_are_shown_and_not_sent(empty: Path, tmp_path: Path) -> None:
    member = "a\x1b[2Jb"
    pq.write_table(wire_rows([sale(1, member=member)]), tmp_path / "odd.parquet")
    run("load", empty, tmp_path / "odd.parquet")
    result = run("balance", empty, member)
    assert "\x1b" not in result.stdout + result.stderr


def test_what_is_refused_moves_no_cursor(empty: Path, tmp_path: Path) -> None:
    odd = sale(1) | {"bad\u009b31mfield": 1}
    result = run("load", empty, ndjson(tmp_path / "odd.ndjson", odd), "--dry-run")
    assert "bad\\x9b31mfield" in result.stderr
    assert "\x9b" not in result.stderr


def test_a_sheet_takes_no_name_for_a_formula(empty: Path, tmp_path: Path) -> None:
    names = ["=cmd|' /C calc'!A1", "@sum", "+1+1", "-x", "+98 912", "-5", "+98912"]
    facts = [sale(n, member=name) for n, name in enumerate(names)]
    run("load", empty, ndjson(tmp_path / "odd.ndjson", *facts))
    result = run("balance", empty, "--format", "csv", "--", *names)
    told = [row["member"] for row in csv.DictReader(io.StringIO(result.stdout))]
    assert told == [*(f"'{name}" for name in names[:5]), *names[5:]]


# -- program -----------------------------------------------------------------------------


def test_check_shows_what_a_program_says() -> None:
    result = run("program", "check", PROGRAM)
    assert result.exit_code == 0
    for word in ("dairy-friday", "لبنیات", "emtiaz", "gold", "15,000,000", "باشگاه"):
        assert word in result.stdout
    found = data("program", "check", EXAMPLES / "complete-journey.toml")
    rules = [rule["rule"] for rule in found["rules"]]
    assert rules == ["base", "private", "produce", "tier", "hundred"]
    assert found["rules"][3]["gives"] == "x gold:1.25 platinum:1.5"
    assert found["rules"][4]["when"] == ["min_amount 10000"]
    assert found["currencies"][0]["caps"] == ["basket 1000"]
    assert [tier["spend"] for tier in found["tiers"]] == [None, 50_000, 150_000, 400_000]


PARTS = """
[[currency]]
id = "stars"
expiry = { policy = "period_end", period = "year", k = 1 }

[[redemption]]
tender = "points"
currency = "emtiaz"
minimum = 10

[[exclude]]
on_promotion = true

[[reward]]
id = "mug"
points = 500
unique = true

[[coupon]]
id = "leaflet"
from = 2026-08-10
when = { store = ["1"], member = true }

[[referral]]
id = "friend"
referred = 10
referrer = 20
milestones = { 5 = 100 }
when = { min_amount = 500 }

[[plan]]
id = "plus"
term = { months = 1 }

[[holidays]]
id = "feasts"
add = [2026-07-01]

[[rule]]
id = "dear"
kind = "bonus"
points = 5
when = { on_promotion = false }
"""


def test_check_shows_every_part_of_a_program(tmp_path: Path) -> None:
    file = tmp_path / "club.toml"
    text = PROGRAM.read_text("utf-8")
    file.write_text(text.replace("[ladder]", PARTS + "[ladder]", 1), "utf-8")
    found = data("program", "check", file)
    told = {name: rows[-1] for name, rows in found.items() if isinstance(rows, list)}
    assert told["redemptions"] == {
        "redemption": "points", "says": ["currency emtiaz", "minimum 10"],
    }  # fmt: skip
    assert told["exclusions"]["says"] == ["on_promotion true"]
    assert told["rewards"] == {"reward": "mug", "says": ["points 500", "unique true"]}
    assert told["coupons"] == {
        "coupon": "leaflet", "says": ["from 2026-08-10", "store 1", "member true"],
    }  # fmt: skip
    assert told["referrals"] == {
        "referral": "friend",
        "says": ["referred 10", "referrer 20", "min_amount 500", "milestones 5 100"],
    }  # fmt: skip
    assert told["plans"] == {"plan": "plus", "says": ["term months 1"]}
    assert told["holidays"] == {"holidays": "feasts", "says": ["add 2026-07-01"]}
    assert told["currencies"]["expiry"] == "period_end period year k 1"
    # The rule that a referral makes is told as the referral.
    rules = {rule["rule"]: rule for rule in found["rules"]}
    assert "friend" not in rules
    assert rules["dear"]["when"] == ["on_promotion false"]
    table = run("program", "check", file).stdout
    assert all(name in table for name in ("referrals", "exclusions", "on_promotion true"))
    assert not any(word in table for word in ("True", "False", "member_type"))


def test_tables_are_for_people() -> None:
    with CliRunner().isolation() as (written, *_):
        Output().record({
            "blocked": False, "lots": [{"tender": "card", "amount": 1_000}, {"points": None}],
            "open": True, "part": {"ids": ["a", "b"]},
        })  # fmt: skip
        Output().rows([{"card": "1", "live": True}, {"card": "2", "live": False}])
    table = [" ".join(row.split()) for row in written.getvalue().decode().splitlines()]
    assert table[1:5] == [
        "blocked no", "lots tender card amount 1,000; points -", "open yes", "part.ids a, b",
    ]  # fmt: skip
    assert table[-3:-1] == ["1 yes", "2 no"]


def test_check_tells_every_problem_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text(BROKEN)
    result = run("program", "check", file)
    assert result.exit_code == 4
    assert not result.stdout
    problems = result.stderr.splitlines()
    assert problems[0] == f"{file}:4: zone: unknown IANA time zone 'Mars/Olympus'"
    assert any(problem.startswith(f"{file}:12: rule[0].factor: ") for problem in problems)
    assert len(problems) == 3
    rows = data("program", "check", file, code=4)
    assert [row["line"] for row in rows] == [4, 9, 12]
    assert run("program", "publish", tmp_path / "ledger", file).exit_code == 4
    assert not (tmp_path / "ledger").exists()


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"format = 1\nid = \xff\n", 2), (b"format = \n", 1), (b"", 1), (b"\x00", 1)],
)
def test_check_of_what_is_no_program_file(tmp_path: Path, content: bytes, line: int) -> None:
    file = tmp_path / "odd.toml"
    file.write_bytes(content)
    result = run("program", "check", file)
    assert result.exit_code == 4
    assert result.stderr.startswith(f"{file}:{line}: ")


def test_check_takes_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    text = PROGRAM.read_bytes().replace(b"\n", b"\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text)
    assert run("program", "check", file).exit_code == 0


def test_check_warns_of_what_is_rarely_meant(tmp_path: Path) -> None:
    file = tmp_path / "club.toml"
    text = PROGRAM.read_text("utf-8")
    file.write_text(text.replace("per = 10_000\n", "per = 1\n", 1), "utf-8")
    result = run("program", "check", file)
    assert result.exit_code == 0
    warning, last = result.stderr.splitlines()
    line = 1 + text.splitlines().index("per = 10_000")
    assert warning == (
        f"{file}:{line}: warning: rule[0].per: gives points for every single minor unit"
    )
    assert last == f"{file}: no problems"
    assert run("program", "check", PROGRAM).stderr == f"{PROGRAM}: no problems\n"


HOLIDAYS = """
[[holidays]]
id = "feasts"
country = "IR"

[[rule]]
id = "feast"
kind = "bonus"
points = 5
when = { holiday = ["feasts"] }
"""


def test_holidays_are_those_of_the_publication(tmp_path: Path) -> None:
    ledger, file, dates = tmp_path / "ledger", tmp_path / "club.toml", tmp_path / "dates.toml"
    text = PROGRAM.read_text("utf-8")
    file.write_text(text.replace("[ladder]", HOLIDAYS + "[ladder]", 1), "utf-8")
    dates.write_text("[feasts]\nadd = [2026-07-01]\n")
    first = data("program", "publish", ledger, file)
    assert data("program", "publish", ledger, file)["status"] == "replayed"
    other = data("program", "publish", ledger, file, "--holidays", dates)
    assert (other["status"], other["versions"]) == ("ok", 2)
    assert other["id"] != first["id"]
    dates.write_text("[fasts]\nadd = [2026-07-01]\n")
    wrong = run("program", "publish", ledger, file, "--holidays", dates)
    assert wrong.exit_code == 4
    assert f"{dates}:1: fasts: unknown holiday calendar 'fasts'; known: feasts" in wrong.stderr
    # A program without holidays has none to override.
    assert run("program", "publish", ledger, PROGRAM, "--holidays", dates).exit_code == 4


def test_schema_holds_for_the_examples() -> None:
    import tomllib  # noqa: PLC0415

    result = run("program", "schema")
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    for name in ("corner-shop.toml", "complete-journey.toml"):
        document = tomllib.loads((EXAMPLES / name).read_text("utf-8"))
        jsonschema.validate(document, schema)


def test_publishing_again_is_a_replay(tmp_path: Path) -> None:
    ledger = tmp_path / "new" / "ledger"
    first = data("program", "publish", ledger, PROGRAM)
    assert first["status"] == "ok"
    assert first["from"] == "1970-01-01T00:00:00Z"
    assert first["id"].startswith("program:")
    assert len(first["id"]) == len("program:") + 16
    again = data("program", "publish", ledger, PROGRAM, "--from", "1970-01-01T03:30:00+03:30")
    assert again == {**first, "status": "replayed"}
    early = run("program", "publish", ledger, PROGRAM, "--at", "1960-01-01T00:00:00Z")
    assert early.exit_code == 2
    assert "is before 1970; give a Gregorian date" in early.stderr


def test_programs_have_versions(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    text = PROGRAM.read_text("utf-8")
    changed = tmp_path / "changed.toml"
    changed.write_text(text.replace("per = 10_000", "per = 5_000", 1), "utf-8")
    assert changed.read_text("utf-8") != text
    data("program", "publish", ledger, PROGRAM)
    later = data("program", "publish", ledger, changed, "--at", "2026-01-01T00:00:00Z")
    assert (later["status"], later["versions"]) == ("ok", 2)
    moved = data("program", "publish", ledger, PROGRAM, "--at", "2027-01-01T00:00:00Z")
    assert (moved["status"], moved["versions"]) == ("ok", 3)
    rows = data("program", "list", ledger)
    assert [(row["version"], row["from"]) for row in rows] == [
        (1, "1970-01-01T00:00:00Z"), (2, "2026-01-01T00:00:00Z"), (3, "2027-01-01T00:00:00Z"),
    ]
    shown = run("program", "diff", ledger, 1, 2).stdout
    assert "-per = 10_000" in shown
    assert "+per = 5_000" in shown
    assert run("program", "diff", ledger, 1, 3).stdout == ""
    assert run("program", "diff", ledger, 1, 4).exit_code == 2
    other = run("program", "publish", ledger, EXAMPLES / "complete-journey.toml")
    assert other.exit_code == 1
    assert "the unit was IRR" in other.stderr


# -- close ---------------------------------------------------------------------------------


def test_a_day_is_closed(shop: Path) -> None:
    first = data("close", shop, "--date", "2025-12-31")
    assert (first["status"], first["members"]) == ("ok", 0)
    again = data("close", shop, "--date", "2025-12-31")
    assert (again["status"], again["seq"]) == ("replayed", first["seq"])
    refused = run("close", shop, "--date", "2025-12-30")
    assert refused.exit_code == 1
    assert "day-out-of-order" in refused.stderr
    future = run("close", shop, "--date", "2160-01-01")
    assert future.exit_code == 1
    assert "later than now" in future.stderr
    assert data("verify", shop)["replay"] == "clean"


@pytest.mark.parametrize(
    ("date", "meant"),
    [
        ("1405-09-01", "; 1405-09-01 of the Jalali calendar is 2026-11-22"),
        # No Gregorian February has this day.
        ("1405-02-31", "; 1405-02-31 of the Jalali calendar is 2026-05-21"),
        ("1405-12-30", ""), ("1969-12-31", ""), ("2169-08-21", ""), ("tomorrow", ""),
    ],
)  # fmt: skip
def test_dates_are_gregorian_ones_of_the_tables(shop: Path, date: str, meant: str) -> None:
    for arguments in (
        ("close", shop, "--date", date), ("explain", shop, "--day", date),
        ("program", "lint", PROGRAM, "--on", date),
    ):  # fmt: skip
        result = run(*arguments)
        assert result.exit_code == 2
        assert not result.stdout
        told = " ".join(result.stderr.split())
        assert f"'{date}' is no date from 1970-01-01 to 2169-08-20" in told
        assert told.endswith(f"give a Gregorian date{meant}")
    assert data("close", shop, "--date", "1970-01-01")["status"] == "ok"


def test_an_instant_of_the_jalali_calendar_is_told(shop: Path) -> None:
    result = run("balance", shop, "m", "--at", "1405-09-01T00:00:00Z")
    assert result.exit_code == 2
    assert "1405-09-01 of the Jalali calendar is 2026-11-22" in " ".join(result.stderr.split())


def test_a_day_without_facts_is_told(shop: Path) -> None:
    result = run("explain", shop, "--day", "2025-01-01")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no member has a fact of the business date 2025-01-01\n"
    assert run("explain", shop, "--day", "2025-10-23").stderr == ""


# -- load ----------------------------------------------------------------------------------


def test_load_and_load_again(empty: Path) -> None:
    first = data("load", empty, SHOP)
    assert (first["facts"], first["new"], first["replayed"]) == (FACTS, FACTS, 0)
    assert first["refused"] == {}
    assert first["lines"] == 20  # one void is netted away
    before = verify(empty)
    again = data("load", empty, SHOP)
    assert (again["facts"], again["new"], again["replayed"]) == (FACTS, 0, FACTS)
    after = verify(empty)
    assert after.clean
    assert (after.chain, after.state_hash) == (before.chain, before.state_hash)


@pytest.mark.parametrize("batch", [1, 2, 7, 100])
def test_batches_of_any_size_come_to_the_same(shop: Path, tmp_path: Path, batch: int) -> None:
    ledger = tmp_path / "other"
    run("program", "publish", ledger, PROGRAM)
    assert data("load", ledger, SHOP, "--batch", batch)["new"] == FACTS
    assert verify(ledger).state_hash == verify(shop).state_hash


def test_load_from_stdin(empty: Path) -> None:
    assert data("load", empty, "-", stdin=SHOP.read_bytes())["new"] == FACTS
    rejected = run("load", empty, "-", stdin=b"{\n")
    assert rejected.exit_code == 3
    assert "-:1: invalid-json: " in rejected.stderr


def test_bad_lines_are_named_and_the_good_ones_stand(empty: Path, tmp_path: Path) -> None:
    twice = '{"kind":"sale","id":"x","id":"y","occurred_at":"2025-12-05T09:00:00Z","member":"m",'
    twice += '"lines":[{"sku":"a","quantity":1,"net":1}]}'
    file = ndjson(
        tmp_path / "mixed.ndjson",
        sale(1),
        "not json",
        "",
        sale(2, lines=[{"sku": "shir", "quantity": 1000, "net": "many"}]),
        twice,
        sale(3, occurred_at="2999-01-01T00:00:00Z"),
        sale(4, occurred_at="2009-01-01T00:00:00Z"),
        sale(1, member="other"),
        sale(5),
        sale(6, occurred_at="2009-01-01T00:00:00Z"),
    )
    rejects = tmp_path / "rejects.ndjson"
    counts = data("load", empty, file, "--rejects", rejects, code=3)
    assert (counts["facts"], counts["new"]) == (9, 2)
    assert counts["refused"] == {
        "duplicate-member": 1, "id-reused": 1, "invalid-fact": 2, "invalid-json": 1, "too-late": 2,
    }  # fmt: skip
    rows = lines_of(rejects)
    assert sorted((row["place"], row["slug"]) for row in rows) == [
        (2, "invalid-json"), (4, "invalid-fact"), (5, "duplicate-member"), (6, "invalid-fact"),
        (7, "too-late"), (8, "id-reused"), (10, "too-late"),
    ]  # fmt: skip
    by_line = {row["place"]: row for row in rows}
    assert by_line[4]["path"] == "lines[0].net"
    assert by_line[4]["detail"] == "Expected `int`, got `str`"
    names = ["file", "place", "id", "slug", "path", "detail", "text"]
    assert all(list(row) == names for row in rows)
    assert all(row["file"] == str(file) for row in rows)
    assert by_line[2]["text"] == "not json"
    # What was refused can be mended and sent again from the reject file's own text.
    late = ndjson(tmp_path / "late.ndjson", by_line[7]["text"], by_line[10]["text"])
    assert data("load", empty, late, "--force")["new"] == 2
    assert verify(empty).clean
    assert data("load", empty, file, "--rejects", rejects, code=3)["replayed"] == 4


def test_rejects_are_told_and_kept_beside_the_file(empty: Path, tmp_path: Path) -> None:
    file = ndjson(tmp_path / "bad.ndjson", *["?"] * 25)
    beside = tmp_path / "bad.ndjson.rejects"
    result = run("load", empty, file)
    assert result.exit_code == 3
    told = result.stderr.splitlines()
    assert told[0].startswith(f"{file}:1: invalid-json: ")
    assert len(told) == 11
    assert told[-1] == f"25 not taken; see {beside}"
    assert [row["place"] for row in lines_of(beside)] == list(range(1, 26))
    ndjson(file, sale(1))
    assert run("load", empty, file).exit_code == 0
    assert not beside.exists()
    piped = run("load", empty, "-", stdin=b"?\n" * 25)
    assert piped.stderr.splitlines()[-1].startswith("and 15 more not taken")


def test_the_reject_file_is_of_this_run_only(empty: Path, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.ndjson"
    rejects.write_text("old\n")
    assert run("load", empty, SHOP, "--rejects", rejects).exit_code == 0
    assert rejects.read_text() == ""
    kept = ndjson(tmp_path / "in.ndjson", sale(1))
    assert run("load", empty, kept, "--rejects", kept).exit_code == 2
    assert kept.read_text()


def test_bytes_that_are_no_text_are_kept_in_the_reject_file(empty: Path, tmp_path: Path) -> None:
    file = tmp_path / "odd.ndjson"
    file.write_bytes(b'{"kind": "\xff\xfe"}\n\x00\x01\n' + json.dumps(sale(1)).encode())
    rejects = tmp_path / "rejects.ndjson"
    assert data("load", empty, file, "--rejects", rejects, code=3)["new"] == 1
    assert [row["place"] for row in lines_of(rejects)] == [1, 2]
    assert "\\xff" in lines_of(rejects)[0]["text"]


def test_a_line_beyond_the_limit_is_refused_alone(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = len(json.dumps(sale(1))) + 1
    monkeypatch.setattr(loading, "LONGEST_LINE", longest)
    at_limit, beyond = json.dumps(sale(1)), json.dumps(sale(2, store="1" * 30))
    file = ndjson(tmp_path / "long.ndjson", at_limit, beyond * 9, sale(3))
    rejects = tmp_path / "rejects.ndjson"
    assert data("load", empty, file, "--rejects", rejects, code=3)["new"] == 2
    (row,) = lines_of(rejects)
    assert (row["place"], row["slug"]) == (2, "too-large")


def test_without_a_program_sales_are_refused_and_may_come_again(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    Writer(ledger).close()
    result = run("load", ledger, SHOP, "--format", "json")
    assert result.exit_code == 3
    assert "no program is in force; run: vafa program publish" in result.stderr
    assert json.loads(result.stdout)["refused"] == {"no-program": FACTS - 1}
    assert run("program", "publish", ledger, PROGRAM).exit_code == 0
    assert data("load", ledger, SHOP)["new"] == FACTS - 1


def _stream(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_stream(path, table.schema) as sink:
        sink.write_table(table, max_chunksize=3)


def _file(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(path, table.schema) as sink:
        sink.write_table(table, max_chunksize=3)


WRITERS = {"stream": _stream, "file": _file, "parquet": pq.write_table}


@pytest.mark.parametrize("form", sorted(WRITERS))
@pytest.mark.parametrize("batch", [1, 4, 100])
def test_tables_load_as_json_does(empty: Path, tmp_path: Path, form: str, batch: int) -> None:
    rows = [sale(n) for n in range(10)]
    WRITERS[form](wire_rows(rows), tmp_path / "sales")
    counts = data("load", empty, tmp_path / "sales", "--batch", batch)
    assert (counts["new"], counts["lines"]) == (10, 10)
    assert data("load", empty, tmp_path / "sales")["replayed"] == 10
    as_json = ndjson(
        tmp_path / "same.ndjson",
        *({**row, "occurred_at": "2025-12-05T05:30:00Z"} for row in rows),
    )
    assert data("load", empty, as_json)["replayed"] == 10


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_bad_rows_of_a_table_are_named(empty: Path, tmp_path: Path, form: str) -> None:
    rows = [sale(n) for n in range(10)]
    rows[3]["member"] = ""
    rows[4]["lines"] = []
    rows[8] = {**sale(7), "member": "other"}
    WRITERS[form](wire_rows(rows), tmp_path / "sales")
    rejects = tmp_path / "rejects.ndjson"
    counts = data("load", empty, tmp_path / "sales", "--rejects", rejects, code=3)
    assert counts["new"] == 7
    assert counts["refused"] == {"id-reused": 1, "invalid-fact": 2}
    assert counts["rejected"] == 3
    found = [(row["place"], row["slug"]) for row in lines_of(rejects)]
    assert found == [(4, "invalid-fact"), (5, "invalid-fact"), (9, "id-reused")]
    assert json.loads(lines_of(rejects)[2]["text"])["id"] == "t-7"


def test_a_file_that_cannot_be_read_does_not_stop_the_others(empty: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.parquet"
    pq.write_table(wire_rows([sale(1)]), torn)
    torn.write_bytes(torn.read_bytes()[:-20])
    columns = tmp_path / "columns.parquet"
    pq.write_table(wire_rows([sale(1)]).drop_columns(["member"]), columns)
    result = run("load", empty, torn, columns, SHOP, "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["new"] == FACTS
    assert f"{torn}: cannot be read" in result.stderr
    assert f"{columns}: member: the column is missing" in result.stderr


def test_a_full_disk_ends_a_load_and_loses_nothing(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ndjson(tmp_path / "sales.ndjson", *(sale(n) for n in range(20)))
    append = Journal.append

    def full(self: Any, first: int, content: bytes) -> None:
        if first > 10:
            raise StorageFull("there is no room")
        append(self, first, content)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", full)
        result = run("load", empty, file, "--batch", 5)
    assert result.exit_code == 1
    assert "there is no room" in result.stderr
    report = verify(empty)
    assert report.clean
    assert report.baskets == 10


def test_an_interrupted_load_leaves_no_checkpoint_ahead_of_the_journal(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ndjson(tmp_path / "sales.ndjson", *(sale(n) for n in range(20)))
    flush = Writer.flush

    def interrupted(self: Writer, staged: Any) -> None:
        if staged.record.first > 10:
            raise KeyboardInterrupt
        flush(self, staged)

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "flush", interrupted)
        assert run("load", empty, file, "--batch", 5).exit_code == 1
    report = verify(empty)
    assert report.clean
    assert report.baskets == 10


def test_checkpoints_are_written_on_the_way(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    monkeypatch.setattr(loading, "CHECKPOINT_FACTS", 10)
    monkeypatch.setattr(Replica, "save", lambda self: saved.append(self.seq))
    file = ndjson(tmp_path / "sales.ndjson", *(sale(n) for n in range(25)))
    assert data("load", empty, file, "--batch", 5)["new"] == 25
    assert saved == [11, 21, 26]


# -- balance -------------------------------------------------------------------------------


def test_balance_by_hand(shop: Path) -> None:
    """Member 0003: chai with one voided, 320; mast on a Friday, 225 twice; bread, nothing."""
    (found,) = data("balance", shop, "09190000003", "--at", "2025-12-01T12:00:00+03:30")
    assert found["balances"]["emtiaz"]["active"] == 320 + 2 * 225 + 45
    assert found["tier"] == "silver"
    assert found["as_of"] == "2025-12-01T08:30:00Z"


def test_points_run_out_by_the_jalali_year(shop: Path) -> None:
    """Earned in 1404, good through the last day of 1405: 20 March 2027."""
    for at, active in (("2027-03-20T20:00:00Z", 1_570), ("2027-03-20T20:30:00Z", 0)):
        (found,) = data("balance", shop, "09120000001", "--at", at, "--lots")
        assert found["balances"]["emtiaz"]["active"] == active
        assert sum(lot["points"] for lot in found["lots"]) == active


def test_lots(shop: Path) -> None:
    result = run("balance", shop, "09120000001", "--lots", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [int(row["points"]) for row in rows] == [90, 470, 155, 855]
    assert {row["good_through"] for row in rows} == {"2027-03-20"}
    assert {row["state"] for row in rows} == {"active"}
    assert "2027-03-20" in run("balance", shop, "09120000001", "--lots").stdout


# -- quote -----------------------------------------------------------------------------------


def basket(path: Path, **fields: Any) -> Path:
    made = {k: v for k, v in sale(0).items() if k not in ("kind", "id")}
    path.write_text(json.dumps({**made, **fields}), "utf-8")
    return path


def test_quote_by_hand(shop: Path, tmp_path: Path) -> None:
    # 2025-12-05 is a Friday: dairy counts twice.
    file = basket(tmp_path / "basket.json", member="09120000001")
    told = data("quote", shop, file)
    assert [(p["rule"], p["points"]) for p in told["postings"]] == [
        ("base", 45), ("dairy-friday", 45),
    ]  # fmt: skip
    text = run("quote", shop, file).stdout
    assert "base: 45 emtiaz" in text
    assert data("quote", shop, "-", stdin=file.read_bytes()) == told


def test_a_quote_that_no_sale_could_be(shop: Path, tmp_path: Path) -> None:
    old = basket(tmp_path / "old.json", occurred_at="2005-12-05T09:00:00+03:30")
    result = run("quote", shop, old)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "occurred_at: is older than 3650 days" in result.stderr
    assert run("quote", shop, old, "--force").exit_code == 0
    bad = basket(tmp_path / "bad.json", lines=[])
    result = run("quote", shop, bad)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "lines: " in result.stderr


def test_a_balance_of_before_the_latest_fact(shop: Path) -> None:
    (found,) = data("balance", shop, "09190000003", "--at", "2025-11-30T00:00:00Z")
    assert found["balances"]["emtiaz"]["active"] == 320 + 2 * 225
    (found,) = data("balance", shop, "09190000003", "--at", "2025-12-01T05:00:00Z")
    assert found["balances"]["emtiaz"]["active"] == 320 + 2 * 225 + 45
    before = run("balance", shop, "09190000003", "--at", "2025-01-01T00:00:00Z")
    assert before.exit_code == 1
    assert "there is no member '09190000003' with a fact by 2025-01-01" in before.stderr


def test_an_unknown_member_does_not_hide_the_known(shop: Path) -> None:
    result = run("balance", shop, "nobody", "09120000001", "--format", "json")
    assert result.exit_code == 1
    assert [row["id"] for row in json.loads(result.stdout)] == ["09120000001"]
    assert "no member 'nobody'" in result.stderr


@pytest.mark.parametrize(
    ("units", "scale", "shown"), [(5, 0, 5), (1250, 2, "12.50"), (-1, 2, "-0.01"), (0, 1, "0.0")]
)
def test_units_as_points(units: int, scale: int, shown: int | str) -> None:
    assert points(units, scale) == shown


# -- verify --------------------------------------------------------------------------------


def test_verify_reports(shop: Path) -> None:
    report = data("verify", shop)
    assert report["replay"] == "clean"
    assert report["findings"] == []
    assert (report["seq"], report["baskets"], report["members"]) == (FACTS + 1, FACTS - 1, 3)
    assert report["corrections"] == 0
    assert len(report["chain"]) == 64
    assert "clean" in run("verify", shop).stdout


@pytest.fixture
def damaged(shop: Path) -> Path:
    """A ledger whose last record has one bit turned."""
    env = lmdb.open(str(journal_path(shop)), map_size=MAP_BYTES, max_dbs=4)
    records = env.open_db(b"records", create=False)
    with env.begin(write=True, db=records) as txn:
        cursor = txn.cursor()
        cursor.last()
        key, value = bytes(cursor.key()), bytearray(cursor.value())
        value[-1] ^= 1
        txn.put(key, bytes(value))
    env.close()
    return shop


def test_verify_of_a_damaged_record(damaged: Path) -> None:
    result = run("verify", damaged)
    assert result.exit_code == 1
    assert "checksum does not match" in result.stderr
    assert "Traceback" not in result.stderr


def test_findings_are_told_and_exit_code_1(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vafa.engine.ledger import replay  # noqa: PLC0415

    real = replay.verify

    def finding(*arguments: Any) -> Any:
        report = real(*arguments)
        report.find("member 'x': one point is missing")
        return report

    monkeypatch.setattr(replay, "verify", finding)
    result = run("verify", shop)
    assert result.exit_code == 1
    assert "finding: member 'x': one point is missing" in result.stderr
    assert data("verify", shop, code=1)["replay"] == "different"


# -- summary -------------------------------------------------------------------------------


def test_summary_of_the_shop(shop: Path) -> None:
    replica = Replica.open(shop)
    try:
        found = summarize(replica, 1_767_225_600_000_000)
        with pytest.raises(LedgerError, match="after the"):
            summarize(replica, EARLIEST_US)
    finally:
        replica.close()
    assert found["members"] == 3
    assert found["baskets"] == FACTS - 1
    assert found["lines"] == 20
    assert found["issued"] == sum(row["issued"] for row in found["top_members"])
    assert found["issued"] == found["active"] + found["pending"] + found["expired"]
    assert found["issued"] == sum(found["by_rule"].values())
    assert sum(found["tiers"].values()) == 3
    assert [row["member"] for row in found["top_members"]] == [
        "09350000002", "09120000001", "09190000003",
    ]  # fmt: skip


def test_demo_refuses_a_folder_that_is_not_its_own(shop: Path, tmp_path: Path) -> None:
    for more in ([], ["--again"]):
        result = run(
            "demo", "--ledger", shop, "--program", EXAMPLES / "complete-journey.toml",
            "--summary", tmp_path / "summary.json", *more,
        )  # fmt: skip
        assert result.exit_code == 1
        assert "is not a demo ledger" in result.stderr
    assert verify(shop).baskets == FACTS - 1


def test_demo_says_what_to_do_without_the_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run(
        "demo", "--ledger", tmp_path / "demo", "--program", EXAMPLES / "complete-journey.toml",
        "--summary", tmp_path / "summary.json",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "pip install" in result.stderr
    assert not (tmp_path / "demo").exists()
