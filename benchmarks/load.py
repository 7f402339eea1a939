"""`make load`: a ledger of the year, our server over it, and a short Locust run against it."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from .served import start, year_ledger


def main() -> int:
    """Serve a temporary ledger, load it, and pass the load run's exit code on."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--format", choices=["table", "json"], default="table")
    parser.add_argument("--data", type=Path, help="folder of the Complete Journey files")
    options = parser.parse_args()
    with year_ledger(options.data) as ledger, start(ledger, options.workers) as port:
        command = [
            sys.executable, "-m", "vafa.loadtest", "--host", f"http://127.0.0.1:{port}",
            "--users", str(options.users), "--seconds", str(options.seconds),
            "--format", options.format,
        ]  # fmt: skip
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
