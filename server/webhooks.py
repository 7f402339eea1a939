"""Events to receivers as signed webhooks (Standard Webhooks), at least once and in order.

A receiver that does not take an event is asked again, ever later; after the last try the event
is kept as a dead letter and the next one goes out.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
import time
from typing import Annotated

import aiohttp
import msgspec
import orjson
from msgspec import Meta

from vafa.engine.columns.answers import instant_text
from vafa.engine.outbox.events import TYPES, Event, Settings
from vafa.engine.outbox.store import DeadLetter, Delivery, OutboxStore

log = logging.getLogger("vafa")

ANSWER_S = 15.0
WAITS_S = (5, 30, 120, 600, 3_600, 3_600 * 3, 3_600 * 8)
"""Seconds between tries; after the last one the event is given up."""

PAGE = 100
LOOK_S = 0.2
_PREFIX = "whsec_"


class Webhook(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A receiver: its address, the secret that signs, the types of events that it wants."""

    url: Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=2_000)]
    secret: str
    types: tuple[str, ...] = TYPES


class OutboxFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The settings file of `vafa outbox`."""

    keep_days: Annotated[int, Meta(ge=1, le=3_650)] = 90
    remind: Settings = Settings()
    webhook: list[Webhook] = []


def check(file: OutboxFile) -> None:
    """Raises ValueError that names the place of what types alone do not say."""
    urls = [hook.url for hook in file.webhook]
    for place, hook in enumerate(file.webhook):
        if hook.url in urls[:place]:
            # How far a receiver is, and its dead letters, are kept by its address.
            raise ValueError(f"webhook[{place}].url: is listed twice; one entry takes all types")
        unknown = set(hook.types) - set(TYPES)
        if unknown:
            raise ValueError(f"webhook[{place}].types: unknown {sorted(unknown)[0]!r}")
        try:
            secret_of(hook)
        except ValueError as error:
            raise ValueError(f"webhook[{place}].secret: {error}") from None


def secret_of(hook: Webhook) -> bytes:
    """The bytes of a secret such as `whsec_...`. Raises ValueError."""
    if not hook.secret.startswith(_PREFIX):
        raise ValueError(f"does not begin with {_PREFIX}")
    try:
        secret = base64.b64decode(hook.secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("is not base64") from None
    if not 24 <= len(secret) <= 64:
        raise ValueError("has not 24 to 64 bytes")
    return secret


def body_of(event: Event) -> bytes:
    """The body of a webhook."""
    return orjson.dumps({"type": event.type, "timestamp": event.timestamp, "data": event.data})


def headers_of(hook: Webhook, event: Event, body: bytes, now: int) -> dict[str, str]:
    """The headers of a webhook: its id is the event's, whatever the try."""
    signed = f"{event.id}.{now}.".encode() + body
    signature = base64.b64encode(hmac.digest(secret_of(hook), signed, "sha256")).decode()
    return {
        "Content-Type": "application/json", "webhook-id": event.id,
        "webhook-timestamp": str(now), "webhook-signature": f"v1,{signature}",
    }  # fmt: skip


class Sender:
    """Sends a store's events to one receiver."""

    def __init__(
        self, store: OutboxStore, hook: Webhook, waits_s: tuple[float, ...] = WAITS_S
    ) -> None:
        self._store = store
        self._hook = hook
        self._waits = waits_s

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Send for ever; until cancelled."""
        while True:
            if not await self.step(session):
                await asyncio.sleep(LOOK_S)

    async def step(self, session: aiohttp.ClientSession) -> bool:
        """Send what waits; False when there is nothing to do now."""
        delivery = self._store.delivery(self._hook.url)
        if delivery.next_at > time.time():
            return False
        page = self._store.after(delivery.after, PAGE)
        for key, event in page:
            if event.type not in self._hook.types:
                delivery = Delivery(key)
                continue
            reason = await send(session, self._hook, event)
            delivery, dead = self._after(delivery, key, event, reason)
            self._store.delivered(self._hook.url, delivery, dead)
            if delivery.failures:
                return False
        if page and delivery.after == page[-1][0]:
            self._store.delivered(self._hook.url, delivery)
        return bool(page)

    def _after(
        self, before: Delivery, key: bytes, event: Event, reason: str | None
    ) -> tuple[Delivery, DeadLetter | None]:
        if reason is None:
            return Delivery(key), None
        log.warning("the webhook %s was not taken: %s", event.id, reason)
        if before.failures < len(self._waits):
            wait = self._waits[before.failures]
            return Delivery(before.after, before.failures + 1, time.time() + wait), None
        now = instant_text(time.time_ns() // 1000)
        return Delivery(key), DeadLetter(self._hook.url, event, reason, now)


async def send(session: aiohttp.ClientSession, hook: Webhook, event: Event) -> str | None:
    """Send an event once; why it was not taken, None when it was."""
    body = body_of(event)
    try:
        async with session.post(
            hook.url, data=body, headers=headers_of(hook, event, body, int(time.time())),
            timeout=aiohttp.ClientTimeout(ANSWER_S), allow_redirects=False,
        ) as answer:  # fmt: skip
            await answer.content.read(1000)
            return None if 200 <= answer.status < 300 else f"status {answer.status}"
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return f"{type(error).__name__}: {error}"[:200]


async def send_dead(store: OutboxStore, file: OutboxFile) -> tuple[int, int]:
    """Try the dead letters of receivers of the file once more: (taken, left)."""
    hooks = {hook.url: hook for hook in file.webhook}
    taken = left = 0
    async with aiohttp.ClientSession() as session:
        for key, letter in store.dead():
            hook = hooks.get(letter.url)
            if hook is not None and await send(session, hook, letter.event) is None:
                store.buried(key)
                taken += 1
            else:
                left += 1
    return taken, left
