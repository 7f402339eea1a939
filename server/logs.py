"""What goes to stderr: lines for people, or JSON lines for machines; never what is personal.

Log calls name routes, slugs, ids of keys and of events; no member, no card, no body.
"""

from __future__ import annotations

import logging
import os
import sys
from types import TracebackType
from typing import Any

import structlog

VARIABLE = "VAFA_LOG"
"""The environment variable that tells child processes the form."""

JSON = "json"


def set_up(form: str | None = None) -> None:
    """Choose the form, `text` or `json`, for this process and its children."""
    if form is not None:
        os.environ[VARIABLE] = form
    handler = logging.StreamHandler(sys.stderr)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    if os.environ.get(VARIABLE) != JSON:
        handler.setFormatter(_Text())
        return
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _place_of_error,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.getLogger("vafa").setLevel(logging.INFO)


def say(text: str) -> None:
    """Tell on stderr what is no error: as it is, or where the log is JSON as a line of it."""
    if os.environ.get(VARIABLE) == JSON:
        logging.getLogger("vafa").info(text)
    else:
        print(text, file=sys.stderr, flush=True)


def _place_of_error(
    _: object, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """An exception as its type and the places that it came through: its text may quote facts."""
    info = event.pop("exc_info", None)
    if not info or not isinstance(info, tuple):
        return event
    kind, _error, trace = info
    event["error"] = kind.__name__ if kind is not None else None
    event["places"] = _places(trace)
    return event


class _Text(logging.Formatter):
    """A message, and below it where an exception came from, without its text."""

    def formatException(self, ei: Any) -> str:
        """An exception as its type and places."""
        kind, _, trace = ei
        return "\n".join([f"  {place}" for place in _places(trace)] + [f"  {kind.__name__}"])


def _places(trace: TracebackType | None) -> list[str]:
    """The places that an exception came through."""
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places
