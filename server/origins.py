"""Which host a request is for, and which page sent it: what browsers do not let pages choose.

Pages of any site can make a browser on the machine send requests to its loopback, and have a name
of their own point there.
"""

from __future__ import annotations

import ipaddress
import re

from aiohttp import web

from .problems import ProblemError

MOST_HOSTS = 1_000
"""Hosts that are known to be good at a time."""

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.~!$&'()*+;=%-]*))(?::[0-9]{0,5})?", re.ASCII)
"""RFC 9110 7.2: an address in brackets, or a name, and a port."""


class Origins:
    """Whose requests are taken."""

    def __init__(self, *, is_open: bool) -> None:
        """`is_open`: the server asks nobody for a key."""
        self._is_open = is_open
        self._hosts: set[str] = set()

    def check(self, request: web.BaseRequest) -> None:
        """Raises ProblemError for a host that is none, or not this machine's; for a page's."""
        headers = request.headers
        host = headers.get("Host", "")
        if host not in self._hosts:
            self._check_host(host)
        if self._is_open and "Origin" in headers:
            origin = headers["Origin"]
            if origin.partition("://")[2].lower() != host.lower():
                told = f"a page of {origin[:200]!r} asks: give --keys FILE"
                raise ProblemError("forbidden", told)

    def _check_host(self, host: str) -> None:
        found = _HOST.fullmatch(host)
        if found is None:
            raise ProblemError("invalid-request", "Host is no host and port")
        if self._is_open and not _is_near(*found.groups("")):
            raise ProblemError("forbidden", f"{host[:200]!r} is served with keys: give --keys FILE")
        if len(self._hosts) >= MOST_HOSTS:
            self._hosts.clear()
        self._hosts.add(host)


def _is_near(bracketed: str, name: str) -> bool:
    """Whether a host is an address, or a name without dots: nobody else can have it point here."""
    if bracketed or "." not in name or name.lower().endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
