"""Faults written by hand for `mutation`: mistakes that a person would make in rule code.

`old` stands once in its file; a tidy test holds that it still does. EQUIVALENT names the
faults, these and drawn ones, that change no figure, with the reason.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A wrong text for a right one; `line` is set where the text may stand more than once."""

    file: str
    old: str
    new: str
    note: str = ""
    line: int = 0


FAULTS: tuple[Fault, ...] = (
    Fault("native/arith.pxd", "quotient += rest > 0; break", "quotient += rest >= 0; break",
          "ceil raises a whole figure"),
    Fault("native/arith.pxd", "quotient += rest >= den - rest; break",
          "quotient += rest > den - rest; break", "half up drops the half"),
    Fault("native/arith.pxd", "(rest == den - rest && (quotient & 1))",
          "(rest == den - rest && !(quotient & 1))", "half goes to odd"),
)

EQUIVALENT: dict[tuple[str, str, str], str] = {}
"""(file, old, new) of faults that cannot be seen, with the reason."""
