"""A PostgreSQL of one run, and over it the service that a team would write instead.

The database lies in a folder of its own, listens on a unix socket in it, commits durably (its
defaults: fsync, synchronous_commit), and is gone at the end.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from .http import SERVER_CORE, child, free_port

ACCOUNT = "postgres"
"""Who runs the database where we are root, which it refuses to run as."""

SETTINGS = {
    "shared_buffers": "1GB", "max_wal_size": "4GB", "listen_addresses": "",
    "max_connections": "64",
}  # fmt: skip
"""What a careful operator would set; everything about durability is as it comes."""

START_S = "60"


class Database(NamedTuple):
    """Where a database is reached, and its first process."""

    address: str
    pid: int


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises FileNotFoundError, saying what to install."""
    on_path = shutil.which("initdb")
    found = [Path(on_path)] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise FileNotFoundError("no PostgreSQL: install the package postgresql of your system")
    return found[-1].parent


@contextmanager
def database(members: int = 0) -> Iterator[Database]:
    """A new database with the rival's tables.

    So many members, `m0` on, have a balance.
    """
    import asyncpg  # noqa: PLC0415 - an extra of its own

    from .rival_service import SCHEMA  # noqa: PLC0415

    account = ACCOUNT if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="vafa-pg-"))
    data, server = folder / "data", programs() / "pg_ctl"
    if account is not None:
        os.chown(folder, pwd.getpwnam(account).pw_uid, -1)

    def run(*command: str | Path) -> None:
        subprocess.run(
            command, check=True, user=account, cwd=folder, stdout=subprocess.DEVNULL, umask=0o077
        )

    settings = " ".join(f"-c {name}={value or repr(value)}" for name, value in SETTINGS.items())
    try:
        run(programs() / "initdb", "-D", data, "-U", ACCOUNT, "-A", "trust", "-E", "UTF8")
        run(server, "-D", data, "-w", "-t", START_S, "-l", folder / "log", "-o",
            f"-k {folder} {settings}", "start")  # fmt: skip
        try:
            address = f"postgresql://{ACCOUNT}@/{ACCOUNT}?host={folder}"

            async def make() -> None:
                connection = await asyncpg.connect(address)
                await connection.execute(SCHEMA)
                await connection.execute(
                    "insert into balance select 'm' || n, n from generate_series(0, $1::int - 1) n",
                    members,
                )
                await connection.execute("analyze balance")
                await connection.close()

            asyncio.run(make())
            yield Database(address, int((data / "postmaster.pid").read_text().split("\n")[0]))
        finally:
            run(server, "-D", data, "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def service(
    database: Database, core: int | None = SERVER_CORE
) -> AbstractContextManager[int]:
    """The service over a database, one process on one core if one is named; yields its port.

    The database is bound to no core.
    """
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", "benchmarks.rival_service:app", "--port", str(port),
        "--no-access-log", "--loop", "uvloop", "--log-level", "warning",
    ]  # fmt: skip
    os.environ["VAFA_RIVAL_DSN"] = database.address
    return child(command, port, ready="/v1/members/nobody", core=core)
