"""What a reader of a file yields: facts, errors, and records that are no facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

import msgspec

from vafa.native.wire import Sale

from ..facts import LoneFact
from ..facts.parts import FormError
from ..wire.json_facts import decode_fact

Fact = dict[str, Any]
"""A fact as the JSON door takes it (`facts/`)."""


class Skipped(NamedTuple):
    """A record that is no fact and no mistake: a training receipt, an anonymous one."""

    reason: str


class Found(NamedTuple):
    """One record of a file, or one of the facts that it stands for.

    `at`: a line or row from 1, else a path into the document. `raw` gives the text that a
    person would look for.
    """

    at: int | str
    what: Fact | FormError | Skipped
    raw: Callable[[], str]

    @property
    def id(self) -> str | None:
        """The id of the fact, where there is one."""
        return self.what["id"] if isinstance(self.what, dict) else None

    def decoded(self) -> Sale | LoneFact | Skipped:
        """The fact through the strict decoder of the JSON door. Raises FormError."""
        what = self.what
        if isinstance(what, FormError):
            raise what
        if isinstance(what, Skipped):
            return what
        try:
            return decode_fact(msgspec.json.encode(what))
        except UnicodeEncodeError:
            raise FormError("has bytes that are no text in the file's encoding") from None


Reader = Callable[[BinaryIO, Any], Iterator[Found]]
"""(stream that can seek, settings of the format) -> its records in order.

Raises FormError where the file cannot be read on.
"""
