"""Codes of printed coupons: which there are, which are blocked, which facts have used them.

It is a fold of the journal beside the members' rows: a replica reads it from the records, the
checkpoint keeps it, a replay compares it. What a code came to is written on the row of the fact
that presents it when that is accepted (`Extra.codes`); what comes back of a sale gives its uses
back (rulebook sections 8 and 9).
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from ..columns.columns import COUPON_REDEEM, RETURN, SALE, Extra, Facts
from ..columns.schema import NO_MEMBER
from ..columns.status import Status
from ..facts import CouponBlockFact, CouponIssueFact
from ..program.program import Program

_OK, _PARKED = int(Status.OK), int(Status.PARKED)
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LENGTH = 16
"""31^16 codes: about 79 bits."""


class Issue(msgspec.Struct, array_like=True, frozen=True):
    """What a `coupon issue` fact says, as the journal keeps it: of a `count` the codes are drawn
    by the engine."""

    coupon: str
    codes: list[str]
    count: int = 0

    def as_sent(self) -> Issue:
        """What the fact said."""
        return Issue(self.coupon, [], self.count) if self.count else self


class Block(msgspec.Struct, array_like=True, frozen=True):
    """What a `coupon block` fact says, as the journal keeps it."""

    codes: list[str]
    issue: str
    reason: str


class Use(msgspec.Struct, array_like=True):
    """The codes that a fact has used, (code, coupon) each, and what of a sale has come back.

    `quantity` and `net` are those of the sale's lines, 0 of a use apart from a sale; `back` has
    (quantity, net) by the return's id. `member` is a number, NO_MEMBER for nobody's.
    """

    member: int
    codes: list[tuple[str, str]]
    quantity: int = 0
    net: int = 0
    back: dict[str, tuple[int, int]] = {}

    @property
    def stands(self) -> bool:
        """Whether the sale still has something, in quantity and in amount."""
        quantity = sum(one for one, _ in self.back.values())
        net = sum(one for _, one in self.back.values())
        gone = bool(self.quantity) and quantity >= self.quantity
        return not (gone or (bool(self.net) and net >= self.net))


read_issue = msgspec.msgpack.Decoder(Issue).decode
_read_block = msgspec.msgpack.Decoder(Block).decode
_read_use = msgspec.msgpack.Decoder(Use).decode
_encode = msgspec.msgpack.Encoder().encode


def codes_payload(fact: CouponIssueFact | CouponBlockFact) -> bytes:
    """What two facts of one id are compared by; what the journal keeps where no code is drawn."""
    if isinstance(fact, CouponIssueFact):
        return _encode(Issue(fact.coupon, fact.codes, fact.count))
    return _encode(Block(fact.codes, fact.issue or "", fact.reason))


def drawn(payload: bytes, book: CouponBook) -> bytes:
    """The payload with codes where the engine draws them: nobody can guess one."""
    said = read_issue(payload)
    if not said.count:
        return payload
    codes: dict[str, None] = {}
    while len(codes) < said.count:
        code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        if book.coupon_of(code) is None:
            codes[code] = None
    return _encode(Issue(said.coupon, list(codes), said.count))


class CouponBook:
    """Codes of a ledger as of a seq; over another book, what facts of one commit would add."""

    def __init__(self, under: CouponBook | None = None) -> None:
        self.issues: dict[str, Issue] = {}
        self.blocks: dict[str, Block] = {}
        self.uses: dict[str, Use] = {}
        self._under = under
        self._issue_of: dict[str, str] = {}
        self._blocked: set[str] = set()
        self._users: dict[str, list[str]] = {}
        self._held: Counter[str] = Counter()
        self._of_member: Counter[tuple[str, int]] = Counter()
        self._changed: set[str] = set()

    # -- what is asked ---------------------------------------------------------------------

    def issue_of(self, code: str) -> str | None:
        """The id of the fact that brought a code; None for no code."""
        return (self._under or self)._issue_of.get(code)

    def coupon_of(self, code: str) -> str | None:
        """The printed coupon whose code a text is; None for no code."""
        book, name = self._under or self, self.issue_of(code)
        return None if name is None else book.issues[name].coupon

    def is_blocked(self, code: str) -> bool:
        """Whether a code serves no more."""
        return code in (self._under or self)._blocked

    def held(self, code: str) -> int:
        """Uses of a code that stand."""
        return self._held[code] + (self._under._held[code] if self._under else 0)

    def of_member(self, coupon: str, member: int) -> int:
        """Uses of a coupon's codes that a member has."""
        key = coupon, member
        return self._of_member[key] + (self._under._of_member[key] if self._under else 0)

    def users(self, code: str) -> list[str]:
        """Ids of the facts whose uses of a code stand."""
        return [name for name in self._users.get(code, ()) if self.uses[name].stands]

    def knows_use(self, fact: str) -> bool:
        """Whether a fact has used a code."""
        return fact in self.uses or (self._under is not None and fact in self._under.uses)

    def why_no_issue(self, program: Program, fact: CouponIssueFact) -> tuple[str, str] | None:
        """(why, path) codes are refused; None where they are not."""
        if all(coupon.id != fact.coupon for coupon in program.coupon):
            return "the program in force has no such coupon", "coupon"
        names = shared_names(program) | program.coupon_currencies()
        names.update(coupon.id for coupon in program.coupon)
        for code in fact.codes:
            if code in self._issue_of:
                return f"the code {code!r} is there already", "codes"
            if code in names:
                return f"{code!r} is a coupon of the program and no code", "codes"
        return None

    def why_no_block(self, fact: CouponBlockFact) -> tuple[str, str] | None:
        """(why, path) a block is refused; None where it is not."""
        if fact.issue is not None:
            known = fact.issue in self.issues
            return None if known else (f"no issue {fact.issue!r} is there", "issue")
        unknown = next((code for code in fact.codes if code not in self._issue_of), None)
        return None if unknown is None else (f"there is no code {unknown!r}", "codes")

    # -- changes ---------------------------------------------------------------------------

    def issue(self, fact: str, payload: bytes) -> None:
        """A `coupon issue` was taken."""
        said = read_issue(payload)
        self.issues[fact] = said
        self._issue_of.update(dict.fromkeys(said.codes, fact))
        self._changed.add("i" + fact)

    def block(self, fact: str, payload: bytes) -> None:
        """A `coupon block` was taken."""
        said = self.blocks[fact] = _read_block(payload)
        self._blocked.update(said.codes)
        if said.issue:
            self._blocked.update(self.issues[said.issue].codes)
        self._changed.add("b" + fact)

    def use(self, fact: str, use: Use) -> None:
        """A fact uses codes."""
        self._put_use(fact, use)
        self._changed.add("u" + fact)

    def come_back(self, sale: str, by: str, quantity: int, net: int) -> None:
        """So much of a sale is back; once by a return, whoever has the sale."""
        use = self.uses.get(sale)
        if use is None and self._under is not None and sale in self._under.uses:
            use = self.uses[sale] = msgspec.structs.replace(
                self._under.uses[sale], back=dict(self._under.uses[sale].back)
            )
        if use is None:
            return
        stood = use.stands
        use.back[by] = quantity, net
        if stood and not use.stands:
            self._count(use, -1)
        self._changed.add("u" + sale)

    def read(self, facts: Facts, row: int, fact: str, status: int) -> None:
        """Take what an accepted row of a member, or of nobody, does to codes."""
        kind, extra = int(facts.kind[row]), facts.extra(row)
        member = int(facts.member[row])
        if status not in (_OK, _PARKED):
            return
        if extra.codes and kind in (SALE, COUPON_REDEEM) and not self.knows_use(fact):
            served = [(code, coupon) for code, coupon, why in extra.codes if not why]
            if served:
                self.use(fact, Use(member, served, *sold(facts, row)))
        for by, quantity, net in extra.waited:
            self.come_back(fact, by, quantity, net)
        taken = status == _OK or (kind == RETURN and member == NO_MEMBER)
        if kind in (SALE, RETURN) and extra.named and extra.back and taken:
            self.come_back(extra.named, fact, *brought(extra))

    def _put_use(self, fact: str, use: Use) -> None:
        self.uses[fact] = use
        for code, _ in use.codes:
            self._users.setdefault(code, []).append(fact)
        if use.stands:
            self._count(use, 1)

    def _count(self, use: Use, n: int) -> None:
        for code, coupon in use.codes:
            self._held[code] += n
            self._of_member[coupon, use.member] += n

    # -- checkpoint ------------------------------------------------------------------------

    def take_changed(self) -> list[tuple[str, bytes]]:
        """Items that have changed since the last call, for a checkpoint."""
        changed, self._changed = self._changed, set()
        tables: dict[str, dict[str, Any]] = {"i": self.issues, "b": self.blocks, "u": self.uses}
        return [(key, _encode(tables[key[0]][key[1:]])) for key in changed]

    def not_written(self, key: str) -> None:
        """A checkpoint failed: the next one writes the item too."""
        self._changed.add(key)

    def put(self, key: str, value: bytes) -> None:
        """An item as a checkpoint has it; blocks come before issues."""
        if key[0] == "i":
            said = self.issues[key[1:]] = read_issue(value)
            self._issue_of.update(dict.fromkeys(said.codes, key[1:]))
        elif key[0] == "b":
            self.blocks[key[1:]] = _read_block(value)
        else:
            self._put_use(key[1:], _read_use(value))

    def loaded(self) -> None:
        """All items are put: what of them depends on others."""
        for said in self.blocks.values():
            self._blocked.update(said.codes)
            if said.issue:
                self._blocked.update(self.issues[said.issue].codes)

    def differences(self, other: CouponBook) -> Iterator[str]:
        """Where another book of the same journal differs: this is the rebuilt one."""
        for what in ("issues", "blocks", "uses"):
            ours, theirs = getattr(self, what), getattr(other, what)
            for name in sorted(ours.keys() | theirs.keys()):
                if ours.get(name) != theirs.get(name):
                    yield (
                        f"coupon codes, {what} of {name!r}: live {theirs.get(name)}, "
                        f"replayed {ours.get(name)}"
                    )


def sold(facts: Facts, row: int) -> tuple[int, int]:
    """(quantity, net) of all lines of a fact."""
    mine = slice(facts.lines_from[row], facts.lines_from[row + 1])
    return int(facts.quantity[mine].sum()), int(facts.net[mine].sum())


def brought(extra: Extra) -> tuple[int, int]:
    """(quantity, net) that a return, or an exchange, brings back."""
    return sum(one[2] for one in extra.back), sum(one[3] for one in extra.back)


def shared_names(program: Program) -> set[str]:
    """Coupons that rules of a program look at, printed or not."""
    return {
        name for rule in program.rule for when in (rule.when, rule.when.negated)
        for name in when.coupon or ()
    }  # fmt: skip
