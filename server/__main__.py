"""The command `vafa`: the engine's commands and `serve`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vafa.engine.cli import main

if TYPE_CHECKING:
    import socket

existing = click.Path(exists=True, dir_okay=False, path_type=Path)
PORT = click.IntRange(0, 65_535)
log_format = click.option(
    "--log-format", "form", type=click.Choice(("text", "json")), default="text",
    show_default=True, help="Form of the log on stderr.",
)


@main.command()
@click.argument("ledger", type=click.Path(file_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=PORT, help="Port to listen on; 0 picks one."
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 64),
    help="Front-end processes; with more than one, the writer has a process of its own.",
)
@click.option(
    "--admin-port", type=PORT, default=None, metavar="PORT",
    help="A port of its own for the operators' routes; 0 picks one.",
)
@click.option("--keys", type=existing, default=None, help="The keys file; read again at SIGHUP.")
@click.option("--tls-cert", type=existing, default=None, help="Certificate chain (PEM).")
@click.option("--tls-key", type=existing, default=None, help="Its private key (PEM).")
@log_format
@click.option("--traces", is_flag=True, help="Spans by OpenTelemetry, sent as OTEL_... say.")
def serve(
    ledger: Path, host: str, port: int, workers: int, admin_port: int | None,
    keys: Path | None, tls_cert: Path | None, tls_key: Path | None, form: str, traces: bool,
) -> None:
    """Serve LEDGER over HTTP until SIGTERM.

    Without a keys file everybody who can connect may do everything, so HOST must be of the
    loopback. Sockets of a systemd socket unit take the place of HOST and the ports.
    """
    # Until there is a handler it waits; libraries start threads, which would take it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # Only this command pays for these.
    from vafa.engine.cli.arguments import require_ledger  # noqa: PLC0415
    from vafa.engine.private.apart import SECRETS, secret_of  # noqa: PLC0415

    from .doors import Doors, address_of, tls_context  # noqa: PLC0415
    from .keys import KeysError, read_keys  # noqa: PLC0415
    from .logs import say, set_up  # noqa: PLC0415
    from .serve import serve_alone  # noqa: PLC0415
    from .systemd import notify  # noqa: PLC0415
    from .tracing import NoTracing, provider_of  # noqa: PLC0415
    from .workers import supervise  # noqa: PLC0415

    set_up(form)
    require_ledger(ledger)
    for variable in SECRETS:
        secret_of(variable, ledger)
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("give both --tls-cert and --tls-key")
    sockets = open_sockets(host, port, admin_port, keys is None)
    host = sockets[0].getsockname()[0]
    fds = [sock.fileno() for sock in sockets]
    doors = Doors(
        fds[0], fds[1] if fds[1:] else None, _absolute(keys), _absolute(tls_cert),
        _absolute(tls_key), traces,
    )  # fmt: skip
    try:
        tls_context(doors)
        if keys is not None:
            read_keys(keys)
        if traces:
            provider_of("vafa").shutdown()
    except (OSError, KeysError, NoTracing) as error:
        raise click.ClickException(str(error)) from None
    bound = [address_of(sock) for sock in sockets]
    for sock in sockets:
        sock.detach()

    def started() -> None:
        scheme = "http" if tls_cert is None else "https"
        say(f"serving {ledger} on {scheme}://{bound[0]}")
        for admin in bound[1:]:
            say(f"operators on {scheme}://{admin}")
        if keys is None:
            say("warning: no --keys: everybody on this machine may do everything")
        if tls_cert is None and not is_loopback(host):
            say("warning: no --tls-cert: keys and PINs cross the network in the clear")
        notify("READY=1")

    if workers == 1:
        serve_alone(ledger, doors, started)
    else:
        supervise(ledger, doors, workers, started)
    notify("STOPPING=1")


def _absolute(file: Path | None) -> str | None:
    """A file's name for processes that may run elsewhere."""
    return None if file is None else str(file.resolve())


def open_sockets(
    host: str, port: int, admin_port: int | None, is_open: bool
) -> list[socket.socket]:
    """The sockets of tills and operators: those of the service manager, else bound here.

    Only the loopback where the server `is_open` to everyone.
    """
    from .doors import listening_socket  # noqa: PLC0415
    from .systemd import handed_over  # noqa: PLC0415

    try:
        sockets = handed_over()
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    for one in [sock.getsockname()[0] for sock in sockets] or [host]:
        if is_open and not is_loopback(one):
            raise click.UsageError(f"{one} is not of the loopback: give --keys FILE")
    for wanted in () if sockets else (port, admin_port):
        if wanted is not None:
            try:
                sockets.append(listening_socket(host, wanted))
            except OSError as error:
                raise click.ClickException(
                    f"cannot listen on {host}:{wanted}: {error.strerror}"
                ) from None
    return sockets


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address."""
    import ipaddress  # noqa: PLC0415

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@main.command()
@click.argument("name", metavar="ID")
@click.option(
    "--scope", "scopes", multiple=True, required=True,
    type=click.Choice(("read", "till", "write", "admin")), help="What the key may do; repeatable.",
)
@click.option("--store", "stores", multiple=True, help="Only for this store; repeatable.")
@click.option("--signing", is_flag=True, help="A secret with which requests are signed.")
def key(name: str, scopes: tuple[str, ...], stores: tuple[str, ...], signing: bool) -> None:
    """Make a random key: its entry for the keys file on stdout, the key itself on stderr."""
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415
    import json  # noqa: PLC0415
    import secrets  # noqa: PLC0415

    from .keys import KeysError, parse_keys  # noqa: PLC0415

    lines = ["[[key]]", f"id = {json.dumps(name)}", f"scopes = {json.dumps(scopes)}"]
    if stores:
        lines.append(f"stores = {json.dumps(stores, ensure_ascii=False)}")
    if signing:
        made = base64.b64encode(secrets.token_bytes(32)).decode()
        lines.append(f"secret = {json.dumps(made)}")
    else:
        made = secrets.token_urlsafe(32)
        lines.append(f"sha256 = {json.dumps(hashlib.sha256(made.encode()).hexdigest())}")
    entry = "\n".join(lines) + "\n"
    try:
        parse_keys(entry)
    except KeysError as error:
        raise click.UsageError(f"no keys file takes that: {error}") from None
    click.echo(entry)
    click.echo(made, err=True)


@main.command()
@click.argument("ledger", type=click.Path(file_okay=False, path_type=Path))
@click.option("--settings", type=existing, default=None, help="Receivers and reminders, as TOML.")
@click.option("--dead", is_flag=True, help="List the events that were given up, as NDJSON.")
@click.option("--again", is_flag=True, help="Try the events that were given up once more.")
@log_format
def outbox(ledger: Path, settings: Path | None, dead: bool, again: bool, form: str) -> None:
    """Derive events from LEDGER as it grows and send them, until SIGTERM.

    The pull feed of `vafa serve` shows what this command has derived.
    """
    import asyncio  # noqa: PLC0415

    import msgspec  # noqa: PLC0415

    from vafa.engine.cli.arguments import require_ledger  # noqa: PLC0415
    from vafa.engine.outbox.store import OutboxStore  # noqa: PLC0415

    from .logs import say, set_up  # noqa: PLC0415
    from .outbox import read_outbox_file, run_outbox  # noqa: PLC0415
    from .webhooks import send_dead  # noqa: PLC0415

    set_up(form)
    require_ledger(ledger)
    try:
        file = read_outbox_file(settings)
        store = OutboxStore(ledger, write=True) if again else OutboxStore(ledger) if dead else None
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    if store is None:
        run_outbox(ledger, file, lambda at: say(
            f"outbox of {ledger} from seq {at} on, {len(file.webhook)} webhooks"
        ))  # fmt: skip
        return
    if again:
        taken, left = asyncio.run(send_dead(store, file))
        click.echo(f"{taken} taken, {left} left", err=True)
    else:
        for _, letter in store.dead():
            click.echo(msgspec.json.encode(letter).decode())
    store.close()


if __name__ == "__main__":
    main()
