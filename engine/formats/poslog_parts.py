"""Parts of XML by their local names, and the exact figures in them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from lxml import etree

from ..facts.parts import FormError
from .figures import ascii_digits, decimal_of

_TRUE, _FALSE = ("true", "1"), ("false", "0", "")


def local(element: Any) -> str:
    """An element's name without its namespace; of an entity that was not expanded, nothing."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def children(element: Any, *names: str) -> Iterator[Any]:
    """Children of these names, in order."""
    return (child for child in element if local(child) in names)


def child(element: Any, name: str) -> Any | None:
    """The first child of a name."""
    return next(children(element, name), None)


def text_at(element: Any, *path: str) -> str:
    """The text at a path of names, "" where it is not there."""
    for name in path:
        element = child(element, name)
        if element is None:
            return ""
    return ascii_digits(element.text or "")


def attribute(element: Any, name: str) -> str:
    """An attribute by its local name."""
    for key, value in element.attrib.items():
        if key == name or key.endswith("}" + name):
            return str(value).strip()
    return ""


def flag(element: Any, name: str) -> bool:
    """A flag of XML. Raises FormError for another word."""
    word = attribute(element, name).lower()
    if word not in _TRUE and word not in _FALSE:
        raise FormError(f"{word!r} is neither true nor false", name)
    return word in _TRUE


def figure(element: Any | None, path: str) -> Decimal | None:
    """The figure in an element, exactly; None where there is none. Raises FormError."""
    text = ascii_digits(element.text or "") if element is not None else ""
    return decimal_of(text, path) if text else None
