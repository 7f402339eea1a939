"""Names of accounts that are no member's: of gift cards, and of causes that pools give to. They
have a character that no fact may have, so that no till can name one."""

from __future__ import annotations

ACCOUNT = "\x1fgift card:"
"""What the name of a card's account begins with."""

CAUSE = "\x1fcause:"
"""What the name of a cause's account begins with."""


def account_of(code: str) -> str:
    """The name of a card's account; "" while the engine has yet to choose the code."""
    return ACCOUNT + code if code else ""


def code_of(member: str) -> str:
    """The code of a card by the name of its account; "" for any other name."""
    return member.removeprefix(ACCOUNT) if member.startswith(ACCOUNT) else ""


def cause_account(cause: str) -> str:
    """The name of the account of what pools have given to a cause."""
    return CAUSE + cause


def is_account(member: str) -> bool:
    """Whether a name is of an account that is no member's."""
    return member.startswith((ACCOUNT, CAUSE))
