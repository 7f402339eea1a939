"""`python -m vafa.loadtest`: tills against a running server, a report, an exit code.

Without `--rate`, Locust users, each waiting for its answers. With `--rate`, sales at planned
instants, measured from those. Exit code 0 when every answer was right, 1 otherwise, 2 for a
wrong call.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from .openloop import Result

STOP_S = 5.0
HARD_END_S = 30.0
"""A run that has not ended this long after its time is killed, whatever it waits for."""
MOST_READY = 200_000


def run_users(host: str, users: int, spawn_rate: float, seconds: float, as_json: bool) -> int:
    """Locust users against the host for that long; prints the report, returns the exit code."""
    # gevent replaces the socket module when locust is imported, and asyncio in the same
    # process (the planned mode) would not survive that.
    import gevent  # noqa: PLC0415
    from locust import events  # noqa: PLC0415
    from locust.env import Environment  # noqa: PLC0415

    from . import report  # noqa: PLC0415
    from . import users as tills  # noqa: PLC0415

    tills.feed()  # reading the data takes a second, which is not the server's
    environment = Environment(
        user_classes=[tills.Till], events=events, host=host, stop_timeout=STOP_S
    )
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=spawn_rate)
    gevent.spawn_later(seconds, runner.quit)
    runner.greenlet.join()
    events.quitting.fire(environment=environment, reverse=True)  # type: ignore[no-untyped-call]

    rows = report.rows_from_entries([dict(entry) for entry in environment.stats.serialize_stats()])
    errors = {error.to_name(): error.occurrences for error in environment.stats.errors.values()}
    errors |= {str(seen["msg"]): int(seen["count"]) for seen in runner.exceptions.values()}
    if as_json:
        sys.stdout.buffer.write(report.to_json(rows, errors))
    else:
        Console().print(report.to_table(rows))
        for message, times in errors.items():
            click.echo(f"{times} x {message}", err=True)
    return environment.process_exit_code or (1 if errors else 0)


def run_planned(
    host: str, port: int, rate: float, seconds: float, *, connections: int, as_json: bool
) -> int:
    """Sales at a planned rate; prints the figures and returns the exit code."""
    from .baskets import wire_baskets, wire_json  # noqa: PLC0415
    from .connection import post_requests  # noqa: PLC0415
    from .openloop import run_open  # noqa: PLC0415

    arrivals = int(rate * seconds)
    if not arrivals:
        raise click.UsageError(f"{rate:g} sales a second are none in {seconds:g} s")
    if arrivals > MOST_READY:
        raise click.UsageError(
            f"{arrivals} sales do not fit the memory set aside for them; at most {MOST_READY}"
        )
    baskets = wire_baskets(os.environ.get("VAFA_LOAD_DATA") or None, limit=arrivals)
    requests = post_requests("/v1/events", wire_json(baskets))
    result = run_open(host, port, requests, rate, seconds, connections=connections)
    if as_json:
        import orjson  # noqa: PLC0415

        sys.stdout.buffer.write(
            orjson.dumps(result, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_INDENT_2) + b"\n"
        )
    else:
        Console().print(planned_table(result))
        for problem in result.problems:
            click.echo(f"invalid run: {problem}", err=True)
    return 0 if result.valid and result.statuses == {201: arrivals} else 1


def planned_table(result: Result) -> Table:
    """The figures of a planned run, a line each."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    statuses = ", ".join(f"{n:,} x {status}" for status, n in sorted(result.statuses.items()))
    for name, text in (
        ("planned", f"{result.planned:,}"),
        ("answers", statuses or "none"),
        ("unsent", f"{result.unsent:,}"),
        ("per second", f"{result.rate:,.1f}"),
        ("p50 ms", f"{result.p50:.2f}"),
        ("p95 ms", f"{result.p95:.2f}"),
        ("p99 ms", f"{result.p99:.2f}"),
        ("worst ms", f"{result.worst:.2f}"),
        ("generator lag p99 ms", f"{result.lag_p99:.2f}"),
    ):
        table.add_row(name, text)
    return table


@click.command(help=__doc__)
@click.option("--host", "url", required=True, help="For example http://127.0.0.1:8080")
@click.option("--users", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--spawn-rate", type=click.FloatRange(0.1), help="Users a second; default: all.")
@click.option("--seconds", default=15.0, show_default=True, type=click.FloatRange(0.1, 3600))
@click.option("--rate", type=click.FloatRange(0.1), help="Sales a second at planned instants.")
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1, 1024))
@click.option("--format", "form", default="table", type=click.Choice(["table", "json"]))
def main(
    *,
    url: str,
    users: int,
    spawn_rate: float | None,
    seconds: float,
    rate: float | None,
    connections: int,
    form: str,
) -> None:
    target = urlsplit(url)
    try:
        port = target.port or 80
    except ValueError as error:
        raise click.UsageError(f"--host: {error}") from None
    if target.scheme != "http" or not target.hostname:
        raise click.UsageError(f"--host: {url!r} is not an http:// address")
    # Works from a thread of its own: also when the event loop hangs.
    faulthandler.dump_traceback_later(seconds + HARD_END_S, exit=True)
    try:
        if rate is None:
            code = run_users(url, users, spawn_rate or users, seconds, form == "json")
        else:
            code = run_planned(
                target.hostname,
                port,
                rate,
                seconds,
                connections=connections,
                as_json=form == "json",
            )
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None
    except ConnectionError as error:
        raise click.ClickException(f"{url}: {error}") from None
    finally:
        faulthandler.cancel_dump_traceback_later()
    sys.exit(code)


if __name__ == "__main__":
    main()
