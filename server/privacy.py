"""What the journal must not have, over HTTP: PINs are tried, profiles read and written.

Hashing and flushing run in threads: at most two PINs are hashed at a time.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import msgspec
import orjson
from aiohttp import web

from vafa.engine.columns.carrier import carrier_of
from vafa.engine.columns.verdicts import Verdict
from vafa.engine.facts import GiftCardIssueFact, GiftCardPinFact, JointFact, PrivateFact
from vafa.engine.facts.form import check_profile
from vafa.engine.facts.parts import FormError, Pin, Profile
from vafa.engine.private.apart import NoPepperError, Private
from vafa.engine.private.facts import for_journal, keep_profile, whose
from vafa.engine.private.gift_pins import asked, gift_pin, gives_pin, try_pins
from vafa.engine.private.pins import Lock as PinLock
from vafa.engine.private.pins import lock_of, try_pin
from vafa.engine.views.views import member_view
from vafa.engine.wire.json_facts import check_members

from . import caching
from .decode import JSON, read_json
from .front import Front
from .guard import holder_of
from .keys import Holder
from .parameters import parameters
from .problems import ProblemError
from .reply import Reply

MOST_HASHED = 2
MOST_WAITING = 64
"""PINs that may wait to be hashed; beyond it a request is refused at once."""


MOST_WRONG, WRONG_S = 30, 3600
"""PINs that a key may try wrongly, of whatever cards, and in how many seconds: beyond it a stolen
key could try the likeliest PIN of every card."""


def check_tries(private: Private, holder: Holder | None) -> None:
    """Raises ProblemError for a key that has tried too many wrong PINs."""
    if holder is None:
        return
    now = int(time.time())
    if private.wrong(holder.id, now // WRONG_S) >= MOST_WRONG:
        raise ProblemError(
            "rate-limited", f"the key {holder.id!r} has tried {MOST_WRONG} wrong PINs in an hour",
            retry_after=WRONG_S - now % WRONG_S,
        )


def count_wrong(private: Private, holder: Holder | None) -> None:
    """A key has tried a wrong PIN."""
    if holder is not None:
        private.count_wrong(holder.id, int(time.time()) // WRONG_S)


class PinBody(msgspec.Struct, forbid_unknown_fields=True):
    """A PIN that is tried."""

    pin: Pin


class Privacy:
    """Facts with private parts, for the doors that take facts."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self._hashing = ThreadPoolExecutor(MOST_HASHED, "pins")
        self._waiting = 0

    async def commit(self, fact: PrivateFact, force: bool) -> Verdict:
        """Commit a fact without its private part, and keep that apart."""
        private = self.front.private()
        sale = await self.slowly(for_journal, fact, private)
        (verdict,) = await self.front.commits.sales([sale], force)
        place = whose(self.front.follow(), fact, verdict)
        if place is None:
            return verdict
        return await self.slowly(keep_profile, private, fact, place, verdict)

    async def joint(self, fact: JointFact, force: bool, holder: Holder | None) -> Verdict:
        """Commit a fact about several accounts, once the PINs of its gift cards are right."""
        front = self.front
        replica, now = front.follow(), time.time_ns() // 1000
        locks = asked(replica, fact, now)
        if locks:
            most = replica.versions.showing(now).program.membership.pin_attempts
            private = front.private()
            check_tries(private, holder)
            refusal = await self.slowly(try_pins, private, locks, most)
            if refusal is not None and refusal.slug != "pin-needed":
                await self.slowly(count_wrong, private, holder)
            if refusal is not None:
                return Verdict(refusal=refusal)
        if isinstance(fact, GiftCardIssueFact | GiftCardPinFact) and gives_pin(fact):
            sale = await self.slowly(for_journal, fact, front.private())
        else:
            sale = carrier_of(fact)
        return await front.commits.joint(sale, force)

    async def slowly(self, work: Any, *arguments: Any) -> Any:
        """Run something slow off the loop. Raises ProblemError."""
        if self._waiting >= MOST_WAITING:
            raise ProblemError("overloaded", "too many PINs wait; try again")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._hashing, work, *arguments)
        except NoPepperError as error:
            raise ProblemError("no-pepper", str(error)) from None
        finally:
            self._waiting -= 1


class PrivacyDoor:
    """Tries PINs, shows and takes profiles."""

    def __init__(self, front: Front, privacy: Privacy) -> None:
        self.front = front
        self._privacy = privacy
        self._putting = Lock()

    async def verify(self, request: web.BaseRequest, card: str) -> web.Response:
        """Whether a PIN is a card's: ok, wrong or locked."""
        parameters(request)
        body = await self._body(request, PinBody)
        replica = self.front.follow()
        now = time.time_ns() // 1000
        state = replica.membership.cards.state(card, now)
        if state is None or not state.pin:
            raise ProblemError("not-found", f"no card {card!r} with a PIN")
        if state.blocked:
            raise ProblemError("card-blocked", "the card is blocked")
        return await self._tried(card, lock_of(card, state), body.pin, holder_of(request))

    async def verify_gift(self, request: web.BaseRequest, code: str) -> web.Response:
        """Whether a PIN is a gift card's: ok, wrong or locked."""
        parameters(request)
        body = await self._body(request, PinBody)
        lock = gift_pin(self.front.follow(), code, time.time_ns() // 1000)
        if lock is None:
            raise ProblemError("not-found", "no such gift card with a PIN")
        return await self._tried(code, lock, body.pin, holder_of(request))

    async def _tried(
        self, card: str, lock: PinLock, pin: str, holder: Holder | None
    ) -> web.Response:
        showing = self.front.replica.versions.showing(time.time_ns() // 1000)
        private = self.front.private()
        check_tries(private, holder)
        outcome, left = await self._privacy.slowly(
            _try, private, lock, pin, showing.program.membership.pin_attempts
        )
        if outcome != "ok":
            await self._privacy.slowly(count_wrong, private, holder)
        told = {"card": card, "outcome": outcome, "attempts_left": left}
        return web.Response(body=orjson.dumps(told), content_type=JSON)

    async def profile(self, request: web.BaseRequest, name: str) -> web.Response:
        """What is known of a person; 404 where nothing is, or is any more."""
        parameters(request)
        found = self.front.private().profile(self._member(name))
        if not found:
            raise ProblemError("not-found", f"no profile of {name!r}")
        body = orjson.dumps(found)
        return caching.answer(request, body, caching.strong(body))

    async def put_profile(self, request: web.BaseRequest, name: str) -> web.Response:
        """All that is known of a person from now on, where it is what the caller has seen."""
        parameters(request)
        headers = request.headers
        given = await self._body(request, Profile)
        try:
            check_profile(given)
        except FormError as error:
            raise ProblemError(error.slug, error.message) from None
        member, seq = self._member(name), self.front.replica.seq
        private = self.front.private()

        def put() -> None:
            with self._putting:
                found = private.profile(member)
                tag = caching.strong(orjson.dumps(found)) if found else None
                caching.check(headers, tag, "the profile is not as the request has it")
                private.put(member, seq, given, whole=True)

        await self._privacy.slowly(put)
        body = orjson.dumps(private.profile(member) or {})
        return Reply(body, JSON, 200, {"ETag": caching.strong(body)})

    def _member(self, name: str) -> int:
        replica = self.front.follow()
        if member_view(replica, name) is None:
            raise ProblemError("not-found", f"no member {name!r}")
        number = replica.dictionaries.members.numbers[name]
        return replica.membership.accounts.person(number)

    async def _body(self, request: web.BaseRequest, kind: Any) -> Any:
        body = await read_json(request)
        try:
            decoded = msgspec.json.decode(body, type=kind)
            check_members(body)
        except FormError as error:
            raise ProblemError(error.slug, error.message, error.path) from None
        except msgspec.ValidationError as error:
            # What was sent is not told again: it is private.
            message = str(error).partition(" - at ")[0]
            raise ProblemError("invalid-fact", message) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
            raise ProblemError("invalid-json", "the body is not well-formed JSON") from None
        return decoded


def _try(private: Any, lock: PinLock, pin: str, most: int) -> Any:
    return try_pin(private, private.need_pepper(), lock, pin, most)
