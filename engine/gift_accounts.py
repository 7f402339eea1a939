"""Names of gift cards' accounts: they have a character that no fact may have, so that no till
can name one."""

from __future__ import annotations

ACCOUNT = "\x1fgift card:"
"""What the name of a card's account begins with."""


def account_of(code: str) -> str:
    """The name of a card's account; "" while the engine has yet to choose the code."""
    return ACCOUNT + code if code else ""


def code_of(member: str) -> str:
    """The code of a card by the name of its account; "" for any other name."""
    return member.removeprefix(ACCOUNT) if member.startswith(ACCOUNT) else ""
