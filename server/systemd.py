"""What a service manager hands over and wants to be told (sd_listen_fds, sd_notify)."""

from __future__ import annotations

import os
import socket

FIRST_FD = 3
ADMIN = "admin"
"""`FileDescriptorName=` of the socket for operators."""


def handed_over() -> list[socket.socket]:
    """The listening sockets that were opened for this process: the tills', then the operators'.

    Empty when it was not started through a socket unit. Raises ValueError for sockets that it
    cannot tell apart.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    found: dict[bool, socket.socket] = {}
    for place in range(count):
        is_admin = names[place : place + 1] == [ADMIN]
        if is_admin in found:
            raise ValueError(f"more than one socket, and not one of them named {ADMIN!r}")
        sock = socket.socket(fileno=FIRST_FD + place)
        sock.setblocking(False)
        found[is_admin] = sock
    if count and False not in found:
        raise ValueError(f"the only socket is named {ADMIN!r}")
    return [found[key] for key in sorted(found)]


def notify(state: str) -> None:
    """Tell the service manager something such as READY=1; nothing where there is none."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto(state.encode(), address)
