"""Cases of docs/semantics.md: read from the page, and run on a ledger.

A case is what stands under a heading that has a `toml case` block: that program, other ones
that its facts publish (`toml NAME`), facts (`jsonl`), then tables of what must come of them:

- of postings, `| fact | rule | kind | points |` and maybe more columns, a row a posting; the
  kind of a row without a rule may be what became of the fact: `nothing`, `parked`,
  `replayed`, `refused: SLUG`, and `applied` for a parked return in its sale's answer;
- of rules, `| fact | RULE | RULE |`, the points of each rule in each fact;
- of members, `| at | ... |`, how one stands at noon of a date or at an instant.

`<!-- differs: WHY -->` marks a case that the engine does not meet.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from vafa.engine.checks.holiday_calendars import resolve_holidays
from vafa.engine.checks.program_file import parse_program
from vafa.engine.columns.verdicts import Refusal, Verdict
from vafa.engine.facts import PublishFact
from vafa.engine.facts.parts import FormError
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.program.program import Program
from vafa.engine.views.views import member_lots, member_view
from vafa.engine.wire.json_facts import decode_fact

from . import engine_driver
from .cases import PUBLISH, Fact
from .cases import Case as DrivenCase

PAGE = Path(__file__).parent.parent / "docs" / "semantics.md"
FROM_THE_START = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
CURRENCY = '\n[[currency]]\nid = "points"\n'
ISSUED = "issued"
TAKEN = ("redeemed", "expired", "reversed", "donated", "transferred_out")

Table = list[dict[str, str]]
"""Rows of a table of the page by the names of their columns, backticks away."""

Row = dict[str, str]
"""A posting in the words of the page: fact, rule, kind, points, limit and so on."""


@dataclass
class Case:
    """A case as the page tells it; `differs` says why the engine does not meet it, or nothing."""

    heading: str
    programs: dict[str, str]
    facts: list[Fact]
    tables: list[Table]
    differs: str = ""

    def parsed(self) -> list[Program]:
        """The programs."""
        return [parse_program(text, self.heading) for text in self.programs.values()]


@dataclass
class Outcome:
    """What a ledger made of a case: postings, members as the page looks at them, and what is
    wrong with the ledger: what a replay finds, whose figures break the double entry."""

    rows: list[Row] = field(default_factory=list)
    views: list[Row] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)


# -- the page ----------------------------------------------------------------------------------


class Part(NamedTuple):
    """What stands under a heading."""

    heading: str
    text: str


def parts(page: str) -> list[Part]:
    """The parts of a page, each up to the next heading of any level."""
    # A comment of a fenced block is no heading: blocks are matched first, and passed over.
    marks = re.finditer(r"^```.*?^```$|^#+ ([^\n]+)\n", page, re.M | re.S)
    heads = [mark for mark in marks if mark[1]]
    ends = [mark.start() for mark in heads[1:]] + [len(page)]
    return [
        Part(mark[1], page[mark.end() : end]) for mark, end in zip(heads, ends, strict=True)
    ]


def fences(text: str) -> list[tuple[str, str, str]]:
    """(language, name, text) of the fenced blocks."""
    return re.findall(r"^```(\w*) ?(\S*)\n(.*?)^```$", text, re.M | re.S)


def tables(text: str) -> list[Table]:
    """The tables of a text without its fenced blocks."""
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    found = []
    for rows in re.findall(r"(?:^\|.*\n)+", plain, re.M):
        head, _, *cells = [
            [cell.strip().replace("`", "") for cell in row.strip().strip("|").split("|")]
            for row in rows.splitlines()
        ]
        found.append([dict(zip(head, row, strict=True)) for row in cells])
    return found


def json_lines(text: str) -> list[Fact]:
    """The facts of a block."""
    return [json.loads(line) for line in text.splitlines() if line]


@cache
def preamble() -> tuple[str, list[Fact]]:
    """The beginning of every program, and the facts that stand before those of a case."""
    blocks = {name: text for _, name, text in fences(PAGE.read_text("utf-8"))}
    return blocks["head.toml"], json_lines(blocks["products.jsonl"])


def whole(fragment: str) -> str:
    """A program of the page with its beginning, and a currency where it has none."""
    if fragment.startswith("format = "):
        return fragment
    text = preamble()[0] + fragment
    return text if "[[currency]]" in fragment else text + CURRENCY


def cases() -> list[Case]:
    """All cases of the page, in its order."""
    return [case for part in parts(PAGE.read_text("utf-8")) if (case := case_of(part))]


def case_of(part: Part) -> Case | None:
    """The case that stands under a heading, if one does."""
    programs, facts = {}, []
    for language, name, text in fences(part.text):
        if language == "toml" and name not in ("", "head.toml"):
            programs[name] = whole(text)
        elif language == "jsonl" and not name:
            facts += json_lines(text)
    if "case" not in programs:
        assert not facts, f"{part.heading}: facts without a program"
        return None
    shown = tables(part.text)
    assert facts, f"{part.heading}: no facts"
    assert shown, f"{part.heading}: no outcome"
    said = re.search(r"<!-- differs: (.*?) -->", part.text, re.S)
    return Case(part.heading, programs, facts, shown, said[1] if said else "")


# -- the ledger --------------------------------------------------------------------------------


def run(case: Case) -> Outcome:
    """What a ledger of its own makes of a case: programs published, each fact a commit."""
    out = Outcome()
    with tempfile.TemporaryDirectory(dir=engine_driver.IN_MEMORY) as name:
        with Writer(Path(name)) as writer:
            told = fill(writer, case)
            driven = DrivenCase(case.heading, case.programs, case.facts)
            closings = engine_driver.seen(writer.replica, driven).told
            for fact, verdict in told:
                out.rows += rows_of(fact, verdict)
                for part, of in closings.items():
                    if part.startswith(f"{fact['id']}/"):
                        out.rows += [
                            posting_row(fact["id"], posting._asdict()) for posting in of.postings
                        ]
            for table in case.tables:
                out.views += [view(writer, row) for row in table if "at" in row]
            out.unbalanced = unbalanced(writer)
        out.findings = [str(finding) for finding in verify(Path(name)).findings]
    return out


def fill(writer: Writer, case: Case) -> list[tuple[Fact, Verdict]]:
    """Commit a case, each fact alone; its facts with what became of them."""
    publish(writer, "case", case.programs["case"], FROM_THE_START)
    for fact in preamble()[1]:
        commit(writer, case, fact)
    return [(fact, commit(writer, case, fact)) for fact in case.facts]


def publish(writer: Writer, name: str, text: str, moment: dt.datetime) -> Verdict:
    """Put a program in force from an instant on."""
    holidays = resolve_holidays(parse_program(text), 2024, 2027)
    verdict = writer.publish_program(PublishFact(name, moment, text, holidays))
    assert verdict.refusal is None, verdict.refusal
    return verdict


def commit(writer: Writer, case: Case, fact: Fact) -> Verdict:
    """Commit one fact, as JSON bytes from the wire."""
    if fact["kind"] == PUBLISH:
        moment = dt.datetime.fromisoformat(fact["occurred_at"])
        return publish(writer, fact["id"], case.programs[fact["program"]], moment)
    try:
        decoded = decode_fact(json.dumps(fact).encode())
    except FormError as error:
        return Verdict(refusal=Refusal("invalid-fact", str(error)))
    return writer.commit_fact(decoded)


def rows_of(fact: Fact, verdict: Verdict) -> Iterator[Row]:
    """The answer to a fact in the words of the page."""
    answer = verdict.answer
    if answer is None:
        assert verdict.refusal is not None
        yield became(fact, f"refused: {verdict.refusal.slug}")
        return
    if answer["status"] != "ok":
        said = answer.get("reason", "")
        yield became(fact, f"{answer['status']}: {said}" if said else answer["status"])
    if answer["status"] == "replayed":
        return
    for posting in answer["postings"]:
        yield posting_row(fact["id"], posting)
    for part in answer.get("parked", []):
        said = "applied" if part["status"] == "ok" else f"refused: {part['reason']}"
        yield became(fact, said) | {"corrects": part["id"]}


def became(fact: Fact, what: str) -> Row:
    """A row that tells what became of a fact."""
    return {"fact": fact["id"], "kind": what}


def posting_row(fact: str, posting: dict[str, Any]) -> Row:
    """A row that tells of a posting."""
    words = ("rule", "kind", "currency", "points", "limit", "corrects")
    row = {"fact": fact} | {word: str(posting.get(word) or "") for word in words}
    row["accrued"] = str(posting.get("accrued") or "")
    return row | {"wanted": str(posting["desired"]) if posting.get("limit") else ""}


def view(writer: Writer, row: Row) -> Row:
    """A row of a table of members as it is: every column but those that say whom and when."""
    at, member = row["at"], row.get("member", "m")
    moment = dt.datetime.fromisoformat(at if "T" in at else f"{at}T12:00:00Z")
    us = round(moment.timestamp()) * 1_000_000
    shown = member_view(writer.replica, member, us)
    assert shown is not None, f"{member} is not known"
    currency = row.get("currency", next(iter(shown["balances"])))
    figures = {**shown["balances"][currency], **shown["totals"][currency]}
    figures |= {"tier": shown["tier"] or "none", "purchases": shown["purchases"]}
    figures["lots"] = ", ".join(
        f"{lot['points']} to {lot['good_through'] or 'ever'}"
        for lot in member_lots(writer.replica, member, us) if lot["currency"] == currency
    )  # fmt: skip
    whose = {name: row[name] for name in ("at", "member", "currency") if name in row}
    return whose | {name: str(figures[name]) for name in row if name not in whose}


def unbalanced(writer: Writer) -> list[str]:
    """Members whose figures break the double entry (rulebook section 12)."""
    found = []
    for name in writer.replica.dictionaries.members.names:
        shown = member_view(writer.replica, name)
        assert shown is not None
        for currency, totals in shown["totals"].items():
            now = shown["balances"][currency]
            held = now["active"] + now["pending"] + now["held"]
            gone = sum(totals[word] for word in TAKEN) - totals["transferred_in"]
            if totals[ISSUED] != held + gone - now["debt"] - totals["forgiven"]:
                found.append(f"{name}: {currency}: {now} {totals}")
    return found


# -- the two beside each other -----------------------------------------------------------------


def differences(case: Case, outcome: Outcome) -> list[str]:
    """Where the page and the ledger differ, in words."""
    known = {fact["id"] for fact in case.facts}
    found = [
        f"no such fact: {row}" for table in case.tables for row in table
        if row.get("fact", "") not in known and "at" not in row
    ]  # fmt: skip
    views = iter(outcome.views)
    for table in case.tables:
        if "at" in table[0]:
            for row in table:
                is_so = next(views)
                found += [f"at {row['at']}: {row}, and it is {is_so}"] if row != is_so else []
        elif "kind" in table[0]:
            found += of_postings(table, outcome)
        else:
            found += of_rules(table, outcome)
    return found + outcome.unbalanced


def of_postings(table: Table, outcome: Outcome) -> Iterator[str]:
    """Differences of a table with a row a posting; facts that are left out gave nothing."""
    columns = table[0].keys()
    wanted = Counter(tuple(row.items()) for row in table if row["kind"] != "nothing")
    found = Counter(
        tuple((name, row.get(name, "")) for name in columns) for row in outcome.rows
    )
    for key in wanted - found:
        yield f"not so: {dict(key)}"
    for key in found - wanted:
        yield f"not told: {dict(key)}"
    spoke = {row["fact"] for row in outcome.rows}
    for row in table:
        if row["kind"] == "nothing" and (row["fact"] in spoke or len(set(row.values())) > 3):
            yield f"not nothing: {row}"


def of_rules(table: Table, outcome: Outcome) -> Iterator[str]:
    """Differences of a table with a column a rule."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for row in outcome.rows:
        sums[row["fact"], row.get("rule", "")] += int(row.get("points") or 0)
    told = set()
    for row in table:
        for rule, cell in row.items():
            if rule == "fact":
                continue
            key = row["fact"], rule
            told.add(key)
            if sums.get(key, 0) != int(cell or 0):
                yield f"{key}: {cell or 0}, and it is {sums.get(key, 0)}"
    for key, points in sums.items():
        if points and key not in told:
            yield f"not told: {key}: {points}"
