"""Problems: every way in which a request can fail, as RFC 9457 bodies with stable slugs."""

from __future__ import annotations

import math
import re
import time
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson

from vafa.engine.columns.verdicts import Refusal
from vafa.engine.facts.parts import FUTURE_US

from .problems_fa import PERSIAN
from .reply import Reply

CONTENT_TYPE = "application/problem+json"

EARLY_S = FUTURE_US // 1_000_000


class Kind(NamedTuple):
    """One row of the table: HTTP status, title, when it happens, whether to try again."""

    status: int
    title: str
    when: str
    retry: bool = False


PROBLEMS: dict[str, Kind] = {
    "invalid-request": Kind(400, "Not HTTP", "the request line or a header is not well-formed"),
    "invalid-json": Kind(400, "Not JSON", "the body is not well-formed JSON"),
    "duplicate-member": Kind(400, "Duplicate member", "an object has a member twice"),
    "invalid-batch": Kind(400, "Not a batch", "the Arrow stream or a column cannot be read"),
    "invalid-body": Kind(400, "Body unreadable", "the body does not match its encoding or length"),
    "invalid-parameter": Kind(400, "Bad parameter", "a query parameter is not understood"),
    "unauthorized": Kind(
        401, "No good key", "the key, signature or token is missing, unknown or not good now"
    ),
    "forbidden": Kind(
        403, "Forbidden",
        "the key is not for this request or store; without keys: a page of another site asks",
    ),
    "not-found": Kind(404, "Not found", "no such member, fact or path"),
    "method-not-allowed": Kind(405, "Method not allowed", "the path has other methods"),
    "invalid-mapping": Kind(
        409, "Mapping unusable", "the import's mapping file on the server is not valid"
    ),
    "head-timeout": Kind(408, "Head too slow", "the head did not arrive in 10 seconds", True),
    "body-timeout": Kind(408, "Body too slow", "the body did not arrive in 10 seconds", True),
    "no-program": Kind(409, "No program", "no program is in force at the fact's time", True),
    "target-too-long": Kind(414, "Target too long", "path and query are over 8,190 bytes"),
    "head-too-large": Kind(
        431, "Head too large", "a header is over 8,192 bytes, all are over 64 KiB, or over 128"
    ),
    "too-large": Kind(413, "Too large", "the body or the batch is beyond its bound"),
    "precondition-failed": Kind(
        412, "Precondition failed",
        "the programs, or the profile, are not those that `If-Match` or `If-None-Match` names",
    ),
    "unsupported-media": Kind(415, "Unsupported media", "the content type or encoding is unknown"),
    "expectation-failed": Kind(
        417, "Expectation failed", "what is expected is not `100-continue`"
    ),
    "invalid-fact": Kind(422, "Invalid fact", "the fact breaks the form; its id may be used again"),
    "batch-refused": Kind(422, "Batch refused", "a fact of an atomic batch is; nothing is kept"),
    "invalid-program": Kind(422, "Invalid program", "the program or its holidays are not sound"),
    "program-differs": Kind(
        409, "Program differs", "the unit or a currency is not as programs before have it"
    ),
    "precondition-required": Kind(
        428, "Precondition required", "publishing needs `If-Match` with the tag of the programs"
    ),
    "id-reused": Kind(422, "Id reused", "the id is known with other content"),
    "in-future": Kind(
        422, "In the future", f"the fact is later than now plus {EARLY_S // 60} minutes", True
    ),
    "too-late": Kind(422, "Too late", "the fact is older than the late limit; can be forced"),
    "overflow": Kind(422, "Overflow", "a figure does not fit; refused for ever"),
    "insufficient-points": Kind(
        409, "Too few points", "the member lacks the points at the fact's place; for ever"
    ),
    "not-spendable": Kind(409, "Not spendable", "the currency is not spent so; for ever"),
    "no-such-line": Kind(409, "No such line", "a return names a line not sold; for ever"),
    "returns-too-much": Kind(409, "Returns too much", "more comes back than was sold; for ever"),
    "points-spent": Kind(409, "Points spent", "the returned sale's points are spent; for ever"),
    "not-a-sale": Kind(
        409, "Not a sale", "what a return or a payment names is no accepted sale; for ever"
    ),
    "wrong-member": Kind(409, "Other member", "what it names is another member's; for ever"),
    "unknown-currency": Kind(409, "Unknown currency", "no program in force has it; for ever"),
    "unknown-tier": Kind(409, "Unknown tier", "the program in force has no such tier; for ever"),
    "unknown-card": Kind(422, "Unknown card", "no member has the card; the id may be used again"),
    "pin-needed": Kind(422, "PIN needed", "the gift card has a PIN; the id may be used again"),
    "pin-wrong": Kind(422, "PIN wrong", "it is not the card's; the id may be used again"),
    "pin-locked": Kind(422, "PIN locked", "it was tried too often; a new PIN lets it be tried"),
    "no-pepper": Kind(503, "No pepper", "PINs cannot be hashed: VAFA_PEPPER_FILE is not set", True),
    "card-blocked": Kind(409, "Card blocked", "the card is blocked at the fact's time; for ever"),
    "card-linked": Kind(
        409, "Card of another", "the card is another member's at some time it matters; for ever"
    ),
    "member-closed": Kind(409, "Member closed", "the member had left by then; for ever"),
    "unknown-merge": Kind(409, "Unknown merge", "no merge of that id is here; for ever"),
    "same-member": Kind(409, "Same member", "both are one member or one account; for ever"),
    "already-merged": Kind(
        409, "Already merged", "the other was merged into a member before; for ever"
    ),
    "already-undone": Kind(409, "Already undone", "the merge was undone before; for ever"),
    "member-pooled": Kind(
        409, "Member pooled", "the member pools in a household, or is one; for ever"
    ),
    "not-pooled": Kind(409, "Not pooled", "the member does not pool in that account; for ever"),
    "not-a-household": Kind(
        409, "Not a household", "the account is no household and no organisation; for ever"
    ),
    "entangled": Kind(
        409, "Entangled", "an exchange or a tender would be of two accounts; for ever"
    ),
    "unknown-member": Kind(409, "Unknown member", "the other member has no fact; for ever"),
    "unknown-cause": Kind(409, "Unknown cause", "no program in force names it; for ever"),
    "unknown-gift-card": Kind(409, "Unknown gift card", "no card of that code is there; for ever"),
    "gift-card-known": Kind(409, "Gift card known", "a card of that code is there; for ever"),
    "unknown-reward": Kind(409, "Unknown reward", "the program in force has it not; for ever"),
    "out-of-stock": Kind(409, "Out of stock", "fewer pieces are left; for ever"),
    "over-limit": Kind(409, "Over the limit", "more than a member may have of it; for ever"),
    "unknown-coupon": Kind(409, "Unknown coupon", "there is no such code of a coupon; for ever"),
    "coupon-used": Kind(409, "Coupon used", "the code has no use left; for ever"),
    "coupon-blocked": Kind(409, "Coupon blocked", "the code is blocked; for ever"),
    "coupon-early": Kind(409, "Coupon early", "the coupon is not good yet then; for ever"),
    "coupon-over": Kind(409, "Coupon over", "the coupon is good no more then; for ever"),
    "coupon-not-applicable": Kind(
        409, "Coupon not applicable", "the coupon's conditions do not hold; for ever"
    ),
    "offer-not-applicable": Kind(
        409, "Offer not applicable", "a named offer is unknown or does not apply; for ever"
    ),
    "offer-used-up": Kind(
        409, "Offer used up", "a named offer has no use left, less money, or no budget; for ever"
    ),
    "unknown-sale": Kind(
        422, "Unknown sale", "no such receipt is here yet; the id may be used again"
    ),
    "unknown-referrer": Kind(
        422, "Unknown referrer", "the member that refers has no fact yet; the id may be used again"
    ),
    "self-referral": Kind(409, "Refers itself", "a member cannot refer itself; for ever"),
    "already-referred": Kind(409, "Referred already", "the member was referred before; for ever"),
    "referral-circle": Kind(
        409, "Circle of referrals", "the referrer was referred by the member, at last; for ever"
    ),
    "sale-has-member": Kind(
        409, "Sale has a member", "what is claimed was rung up with a member; for ever"
    ),
    "already-claimed": Kind(409, "Already claimed", "a claim of the sale stands; for ever"),
    "claim-window-over": Kind(
        409, "Too late to claim", "the program's days to claim a sale are over; for ever"
    ),
    "day-out-of-order": Kind(409, "Day out of order", "a later day is closed already; for ever"),
    "below-minimum": Kind(
        409, "Below the minimum", "less is redeemed than the program's minimum; for ever"
    ),
    "not-a-multiple": Kind(
        409, "Not a multiple", "what is redeemed is no multiple of the step; for ever"
    ),
    "above-maximum": Kind(
        409, "Above the maximum", "more is redeemed than the program's maximum; for ever"
    ),
    "basket-too-small": Kind(
        409, "Basket too small", "points pay no basket as small as that; for ever"
    ),
    "over-share": Kind(
        409, "Over the share", "points pay more than their share of the basket; for ever"
    ),
    "over-worth": Kind(
        409, "Over the worth", "a tender pays more than its points are worth; for ever"
    ),
    "unknown-hold": Kind(
        409, "Unknown hold", "no hold or redemption of that id is here; for ever"
    ),
    "hold-ended": Kind(409, "Hold ended", "the hold was captured, released or ran out; for ever"),
    "hold-used": Kind(409, "Hold used", "a sale was paid with the hold or redemption; for ever"),
    "not-a-redemption": Kind(
        409, "Not a redemption",
        "a cancel names no redemption, capture or claim of its account; for ever",
    ),
    "already-cancelled": Kind(
        409, "Already cancelled", "all its points are back, or the claim is undone; for ever"
    ),
    "more-than-held": Kind(
        409, "More than held", "more is asked than is held or not yet back; for ever"
    ),
    "rate-limited": Kind(
        429, "Over the rate", "the key's requests or facts of this minute are used up", True
    ),
    "internal": Kind(500, "Internal error", "a defect of vafa; please report it", True),
    "http-version": Kind(505, "HTTP version", "the request is not HTTP/1.1 or 1.0"),
    "overloaded": Kind(503, "Overloaded", "the queue is full", True),
    "storage-full": Kind(503, "Storage full", "there is no room for another commit", True),
    "writer-away": Kind(503, "Writer away", "the writer is starting again or stands still", True),
}

RETRY_AFTER_S = 1

ENGLISH, FARSI = "en", "fa"

_RANGE = re.compile(r"\s*([a-z]+)(?:-[a-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*")
"""A language range of `Accept-Language`, in small letters, and its weight."""


class ProblemError(Exception):
    """A request that is answered with a problem."""

    def __init__(self, slug: str, detail: str, path: str = "$", **more: Any) -> None:
        super().__init__(f"{slug}: {detail}")
        self.slug = slug
        self.detail = detail
        self.path = path
        self.more = more

    def body(self, language: str = ENGLISH) -> dict[str, Any]:
        """The problem as a JSON object."""
        return problem_body(self.slug, self.detail, self.path, language, **self.more)

    def response(self, language: str = ENGLISH) -> Reply:
        """The problem as an HTTP response."""
        response = Reply(
            orjson.dumps(self.body(language)), CONTENT_TYPE, PROBLEMS[self.slug].status,
            self._headers(language),
        )
        if response.status == HTTPStatus.REQUEST_TIMEOUT:
            response.force_close()
        return response

    def message(self) -> bytes:
        """The problem as the bytes of an answer after which the connection is closed."""
        status = HTTPStatus(PROBLEMS[self.slug].status)
        body = orjson.dumps(self.body())
        named = {
            "Content-Type": CONTENT_TYPE, "Content-Length": str(len(body)), "Connection": "close",
            **self._headers(ENGLISH),
        }  # fmt: skip
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in named.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _headers(self, language: str) -> dict[str, str]:
        headers = {"Content-Language": language, "Vary": "Accept-Language"}
        if PROBLEMS[self.slug].retry:
            headers["Retry-After"] = str(self.more.get("retry_after", RETRY_AFTER_S))
        if self.slug == "unauthorized":
            headers["WWW-Authenticate"] = "Bearer"
        if "allow" in self.more:
            headers["Allow"] = self.more["allow"]
        return headers


def refused(refusal: Refusal, at: float) -> ProblemError:
    """The problem of a fact that was refused before anything was kept; it occurs `at` a second of
    the epoch, and one in the future may come again when that is now."""
    more: dict[str, Any] = {}
    if refusal.slug == "in-future":
        more["retry_after"] = max(RETRY_AFTER_S, math.ceil(at - EARLY_S - time.time()))
    return ProblemError(refusal.slug, refusal.detail, refusal.path, **more)


def problem_body(
    slug: str, detail: str, path: str = "$", language: str = ENGLISH, **more: Any
) -> dict[str, Any]:
    """An RFC 9457 object; `pointer` is the JSON pointer of the field, when there is one.

    In Persian the detail says what kind of problem it is, and `detail_en` what it is of.
    """
    kind = PROBLEMS[slug]
    title, said = PERSIAN[slug] if language == FARSI else (kind.title, detail)
    body: dict[str, Any] = {
        "type": f"urn:vafa:problem:{slug}",
        "title": title,
        "status": kind.status,
        "detail": said,
    }
    if language == FARSI:
        body["detail_en"] = detail
    pointer = json_pointer(path)
    if pointer:
        body["pointer"] = pointer
    body.update(more)
    return body


def language_of(header: str | None) -> str:
    """The language that an `Accept-Language` prefers of those that there are."""
    if header is None or FARSI not in header.lower():
        return ENGLISH
    weights = {ENGLISH: 0.0, FARSI: 0.0}
    for part in header.lower().split(","):
        found = _RANGE.fullmatch(part)
        if found is not None and found[1] in weights:
            weights[found[1]] = max(weights[found[1]], float(found[2] or 1))
    return FARSI if weights[FARSI] > weights[ENGLISH] else ENGLISH


def json_pointer(path: str) -> str:
    """`lines[0].net` as `/lines/0/net`; empty for the whole document."""
    if path in ("$", ""):
        return ""
    return "/" + path.replace("[", ".").replace("]", "").strip(".").replace(".", "/")
