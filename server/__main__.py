"""The command `vafa`: the engine's commands and `serve`."""

from __future__ import annotations

from pathlib import Path

import click

from vafa.engine.cli import main


@main.command()
@click.argument("ledger", type=click.Path(file_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, help="Port to listen on; 0 picks one.")
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 64),
    help="Front-end processes; with more than one, the writer has a process of its own.",
)
def serve(ledger: Path, host: str, port: int, workers: int) -> None:
    """Serve LEDGER over HTTP until SIGTERM."""
    from vafa.engine.journal import LedgerError  # noqa: PLC0415
    from vafa.engine.replica import journal_path  # noqa: PLC0415

    from .serve import listening_socket, serve_alone  # noqa: PLC0415 - only this command pays
    from .workers import supervise  # noqa: PLC0415

    if not (journal_path(ledger) / "data.mdb").exists():
        raise LedgerError(f"{ledger} is not a ledger; make one with `vafa program publish`")
    try:
        sock = listening_socket(host, port)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from None
    bound = sock.getsockname()[1]

    def started() -> None:
        click.echo(f"serving {ledger} on http://{host}:{bound}", err=True)

    if workers == 1:
        serve_alone(ledger, sock, started)
    else:
        supervise(ledger, sock, workers, started)


if __name__ == "__main__":
    main()
