"""The door of facts: one as JSON, many as NDJSON, many as Arrow columns."""

from __future__ import annotations

from collections.abc import Callable, Container

import msgspec
import orjson
import pyarrow as pa
from aiohttp import web

from vafa.engine.columns.columns import NOTHING
from vafa.engine.columns.verdicts import Verdict, stream_of, verdict_table
from vafa.engine.facts import SHOWN, EnrolFact, JointFact, LoneFact, PrivateFact
from vafa.engine.facts.parts import LATEST_US
from vafa.engine.replica.replica import Replica
from vafa.engine.wire.arrow_sales import ArrowFacts
from vafa.native.wire import Sale

from .blocks import Run, commit_run, parts_of
from .bodies import MOST_BODY, read_body
from .decode import (
    ARROW,
    JSON,
    NDJSON,
    Block,
    Line,
    decode_arrow,
    decode_block,
    decode_fact,
    decode_lines,
    kind_of,
    read_json,
    with_fields,
)
from .front import Front
from .guard import holder_of
from .keys import OFFICE_FIELDS, PERSONAL_FIELDS, Holder
from .lines import line_of, problem_line
from .parameters import flag, parameters
from .privacy import Privacy
from .problems import PROBLEMS, ProblemError, language_of, refused
from .reply import Reply
from .turns import in_turns

MOST_TOLD = 1000
"""Refused facts of an atomic batch that its problem lists."""


class EventDoor:
    """Takes facts and answers what became of them."""

    def __init__(self, front: Front) -> None:
        self.commits = front.commits
        self.follow = front.follow
        self.privacy = Privacy(front)

    async def post(self, request: web.BaseRequest, _: str) -> web.Response:
        """Facts in: one as JSON, many as NDJSON, many as Arrow columns."""
        force = atomic = False
        # Nearly no till sends any: a sale does not pay for them.
        if "?" in request.raw_path:
            given = parameters(request, "force", "atomic")
            force, atomic = flag(given, "force"), flag(given, "atomic")
        holder = asker(request, force)
        kind = kind_of(request)
        if kind not in (JSON, NDJSON, ARROW):
            told = f"send {JSON}, {NDJSON} or {ARROW}, not {kind}"
            raise ProblemError("unsupported-media", told)
        body = await read_body(request)
        if kind == JSON:
            return await self._one(body, force, holder)
        language = language_of(request.headers.get("Accept-Language"))
        if kind == NDJSON:
            if not atomic:
                return await self._lines(body, force, language, holder)
            lines = await decode_lines(body, lists=_may_list(holder))
            if holder is not None:
                lines = await allowed_lines(lines, holder, self.follow)
            return await self._whole(lines, force, language)
        return await self._table(body, force, holder, language if atomic else None)

    async def post_as(
        self, request: web.BaseRequest, kind: str, named: tuple[str, str] | None
    ) -> web.Response:
        """One fact of a kind, which its path tells; `named` is a field that it tells as well."""
        force = flag(parameters(request, "force"), "force")
        holder = asker(request, force)
        body = await read_json(request, MOST_BODY)
        fields = {"kind": kind} if named is None else {"kind": kind, named[0]: named[1]}
        return await self._one(with_fields(body, fields), force, holder)

    async def _one(self, body: bytes, force: bool, holder: Holder | None) -> web.Response:
        fact = decode_fact(body, lists=_may_list(holder))
        if holder is not None:
            holder.bring(1)
            _allow(fact, holder, self.follow)
        if not isinstance(fact, Sale):
            return _answer(await self._alone(fact, force, holder), fact.occurred_at.timestamp())
        told = await self.commits.sale(fact, force)
        return Reply(told, JSON, 201) if isinstance(told, bytes) else _answer(told, fact.at / 1e6)

    async def _alone(self, fact: LoneFact, force: bool, holder: Holder | None) -> Verdict:
        if isinstance(fact, PrivateFact):
            return await self.privacy.commit(fact, force)
        if isinstance(fact, JointFact):
            return await self.privacy.joint(fact, force, holder)
        return await self.commits.control(fact)

    async def _lines(
        self, body: bytes, force: bool, language: str, holder: Holder | None
    ) -> web.Response:
        block = await decode_block(body, lists=_may_list(holder))
        if block is None or (holder is not None and not may_bring(holder, block.sales)):
            lines = await decode_lines(body, lists=_may_list(holder))
            if holder is not None:
                lines = await allowed_lines(lines, holder, self.follow)
            results = await self.results(lines, force, language, holder)
            return Reply(b"".join(line for _, line in results), NDJSON)
        others = block.others
        if holder is not None:
            others = await allowed_lines(others, holder, self.follow, len(block.numbers))
        return Reply(await self._block(block, others, force, language, holder), NDJSON)

    async def _block(
        self, block: Block, others: list[Line], force: bool, language: str, holder: Holder | None
    ) -> bytes:
        """The answers to a body with plain sales in columns, in the order of its lines."""
        facts = [(n, fact) for n, fact in others if not isinstance(fact, ProblemError)]
        results = await _problem_lines(others, language)
        for part in parts_of(block.numbers, facts):
            if isinstance(part, Run):
                numbers, told = await commit_run(self.commits, block, part, force, language)
                if len(numbers) == len(block.numbers) + len(others):
                    return told
                results += zip(numbers, told.splitlines(keepends=True), strict=True)
            else:
                number, fact = part
                verdict = await self._alone(fact, force, holder)
                results.append((number, line_of(number, verdict, language)))
        return b"".join(line for _, line in sorted(results))

    async def results(
        self, lines: list[Line], force: bool, language: str, holder: Holder | None
    ) -> list[tuple[int, bytes]]:
        """(number, result) of facts that are taken each on its own merit, in order."""
        results = await _problem_lines(lines, language)
        run: list[tuple[int, Sale]] = []

        def told(fact: tuple[int, Verdict]) -> tuple[int, bytes]:
            return fact[0], line_of(*fact, language)

        async def commit_run() -> None:
            if run:
                verdicts = await self.commits.sales([fact for _, fact in run], force)
                numbers = [number for number, _ in run]
                results.extend(await in_turns(told, zip(numbers, verdicts, strict=True)))
                run.clear()

        for number, fact in lines:
            if isinstance(fact, Sale):
                run.append((number, fact))
            elif not isinstance(fact, ProblemError):
                await commit_run()
                results.append(told((number, await self._alone(fact, force, holder))))
        await commit_run()
        results.sort()
        return results

    async def _whole(self, lines: list[Line], force: bool, language: str) -> web.Response:
        """Lines of which all are kept or none."""
        refused: list[tuple[int, ProblemError]] = []
        facts: list[Sale] = []
        for number, fact in lines:
            if isinstance(fact, Sale):
                facts.append(fact)
            elif isinstance(fact, ProblemError):
                refused.append((number, fact))
            else:
                detail = "such a fact is a commit of its own"
                refused.append((number, ProblemError("invalid-fact", detail, "kind")))
        _check_whole(refused, language)
        verdicts = await self.commits.sales(facts, force, atomic=True) if facts else []
        told = [(number, verdict) for (number, _), verdict in zip(lines, verdicts, strict=True)]
        refused = [
            (number, ProblemError(refusal.slug, refusal.detail, refusal.path))
            for number, verdict in told
            if (refusal := verdict.refusal) is not None and refusal.slug != "batch-refused"
        ]
        _check_whole(refused, language)
        results = [line_of(number, verdict, language) for number, verdict in told]
        return Reply(b"".join(results), NDJSON)

    async def _table(
        self, body: bytes, force: bool, holder: Holder | None, atomic: str | None
    ) -> web.Response:
        """Columns; `atomic` is the language in which a refusal of the whole is told."""
        sales = decode_arrow(body)
        if holder is not None:
            holder.bring(len(sales.ids))
            for store in sales.stores() if holder.stores is not None else ():
                _allow_store(store, holder)
        if not sales.ids:
            return Reply(_arrow_answers([], []), ARROW)
        answers = await self.commits.table(sales, body, force, atomic is not None)
        if atomic is not None:
            _check_whole(_refused_rows(answers), atomic)
        return Reply(answers, ARROW)


def _allow_store(store: str, holder: Holder) -> None:
    """Raises ProblemError for a store that is not the key's."""
    reason = holder.refuses(store)
    if reason is not None:
        raise ProblemError("forbidden", reason, "store")


def may_bring(holder: Holder, sales: ArrowFacts) -> bool:
    """Whether all stores of a batch are the key's."""
    return holder.stores is None or not any(map(holder.refuses, sales.stores()))


def _may_list(holder: Holder | None) -> bool:
    """Whether who asks may bring lists of the office's: no till does."""
    return holder is None or not holder.is_till


def _allow(fact: Sale | LoneFact, holder: Holder, follow: Callable[[], Replica]) -> None:
    """Raises ProblemError for a fact of a kind, or of a store, that is not the key's.

    A key for stores is not for facts of no member: those are everyone's.
    """
    if holder.is_till:
        kind, fields = _kind_of(fact), _fields_of(fact)
        holder.check_kind(kind, fields)
        if kind == "enrol" and any(name in fields for name in PERSONAL_FIELDS):
            _allow_enrol(fact, holder, follow())
    if isinstance(fact, Sale | JointFact | PrivateFact):
        _allow_store(fact.store, holder)
    elif holder.stores is not None:
        raise ProblemError("forbidden", f"the key {holder.id!r} is for stores", "kind")


def _allow_enrol(fact: Sale | LoneFact, holder: Holder, replica: Replica) -> None:
    """Who is enrolled already is the office's to change, but for its own fact sent again."""
    assert isinstance(fact, Sale | EnrolFact)
    card = fact.card if isinstance(fact, EnrolFact) else (fact.extra or NOTHING).card
    of_card = replica.membership.cards.state(card, LATEST_US) if card else None
    number = (
        replica.dictionaries.members.numbers.get(fact.member) if of_card is None
        else of_card.member
    )
    fold = replica.fold
    if number is None or fold is None or not fold.is_enrolled(number):
        return
    if not replica.find_ids([fact.id]):
        raise ProblemError(
            "forbidden", f"the key {holder.id!r} changes nobody who is enrolled", "member"
        )


def _kind_of(fact: Sale | LoneFact) -> str:
    return SHOWN[fact.kind] if isinstance(fact, Sale) else str(fact.__struct_config__.tag)


def _fields_of(fact: Sale | LoneFact) -> Container[str]:
    """What a fact has of the fields that no till decides, and perhaps others."""
    if not isinstance(fact, Sale):
        unset = msgspec.UNSET
        fields = (*OFFICE_FIELDS, *PERSONAL_FIELDS)
        return [name for name in fields if getattr(fact, name, unset) is not unset]
    if fact.extra is None:
        return ()
    return ["move"] if fact.extra.move else fact.extra.about or ()


def asker(request: web.BaseRequest, force: bool) -> Holder | None:
    """Who asks; to force is the operator's. Raises ProblemError."""
    holder = holder_of(request)
    if force and holder is not None and "admin" not in holder.scopes:
        raise ProblemError("forbidden", "force needs the scope 'admin'")
    return holder


async def allowed_lines(
    lines: list[Line], holder: Holder, follow: Callable[[], Replica], more: int = 0
) -> list[Line]:
    """Lines whose facts the key may bring; the others become problems. `more` come with them."""
    holder.bring(len(lines) + more)
    if holder.stores is None and not holder.is_till:
        return lines

    def allowed(line: Line) -> Line:
        number, fact = line
        try:
            if not isinstance(fact, ProblemError):
                _allow(fact, holder, follow)
        except ProblemError as problem:
            return number, problem.with_traceback(None)
        return line

    return await in_turns(allowed, lines)


async def _problem_lines(lines: list[Line], language: str) -> list[tuple[int, bytes]]:
    """The answers to those lines that are no facts, or such as may not be brought."""

    def told(problem: tuple[int, ProblemError]) -> tuple[int, bytes]:
        return problem[0], problem_line(problem[0], problem[1].body(language))

    problems = ((number, fact) for number, fact in lines if isinstance(fact, ProblemError))
    return await in_turns(told, problems)


_OF_REFUSED = ("id", "seq", "balances", "tier", "redeemable", "coupons", "parked", "card")
"""What the problem of a fact that was refused for ever tells of its answer."""


def _answer(verdict: Verdict, at: float) -> web.Response:
    """The answer to a fact that occurs `at` a second of the epoch. Raises ProblemError."""
    answer = verdict.answer
    if answer is None:
        refusal = verdict.refusal
        assert refusal is not None
        raise refused(refusal, at)
    if answer["status"] == "refused" or "reason" in answer:
        told = {
            name: answer[name]
            for name in _OF_REFUSED if name in answer
        }
        raise ProblemError(answer["reason"], PROBLEMS[answer["reason"]].when, **told)
    if verdict.replayed:
        return Reply(orjson.dumps(answer), JSON, 200, {"Idempotent-Replayed": "true"})
    status = 202 if answer["status"] == "parked" else 201
    return Reply(orjson.dumps(answer), JSON, status)


def _arrow_answers(ids: list[str], verdicts: list[Verdict]) -> bytes:
    """One row a fact: id, seq, status, problem slug, tier, postings, balances."""
    return stream_of(verdict_table(ids, verdicts))


def _refused_rows(answers: bytes) -> list[tuple[int, ProblemError]]:
    """The rows that an atomic Arrow batch was refused for, from 1."""
    slugs = pa.ipc.open_stream(answers).read_all().column("problem").to_pylist()
    return [
        (row, ProblemError(slug, PROBLEMS[slug].when))
        for row, slug in enumerate(slugs, 1)
        if slug not in (None, "batch-refused")
    ]


def _check_whole(refused: list[tuple[int, ProblemError]], language: str) -> None:
    """Raises ProblemError, which names the facts that are to blame, where there are any."""
    if not refused:
        return
    shown = [
        {"line": number, "problem": problem.body(language)}
        for number, problem in refused[:MOST_TOLD]
    ]
    detail = f"{len(refused)} of the facts are refused, so nothing of the batch is kept"
    raise ProblemError("batch-refused", detail, refused=shown)
