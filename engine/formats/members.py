"""Members as files name them: as they are, or as keyed hashes of it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path

from ..facts.parts import FormError
from .figures import folded_name
from .settings import Settings


def member_of(settings: Settings) -> Callable[[str], str]:
    """What makes a member's id of the name that a file has, folded; the empty name stays empty.

    With a key it is `k-` and 32 hexadecimal digits of an HMAC-SHA-256: a national id does not
    stand in the journal, and the same person has the same id from all files of the shop.
    """
    if settings.member_key_file is None:
        return folded_name
    key = Path(settings.member_key_file).read_bytes()

    def hashed(name: str) -> str:
        try:
            plain = folded_name(name).encode()
        except UnicodeEncodeError:
            raise FormError("has bytes that are no text in the file's encoding", "member") from None
        return "k-" + hmac.new(key, plain, hashlib.sha256).hexdigest()[:32] if plain else ""

    return hashed
