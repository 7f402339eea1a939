"""Locust's figures as a small table and as JSON."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.table import Table

TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of request. Locust keeps whole milliseconds, two digits from 100 ms on."""

    name: str
    requests: int
    failures: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    rate_per_s: float


def percentile_ms(histogram: dict[int, int], share: float) -> float:
    """The least time (ms) that at least this share of the requests did not exceed; 0 for none."""
    needed = share * sum(histogram.values())
    seen = 0
    for time_ms in sorted(histogram):
        seen += histogram[time_ms]
        if seen >= needed:
            return float(time_ms)
    return 0.0


def rows_from_entries(entries: Iterable[dict[str, Any]]) -> list[Row]:
    """Rows, the total last, from Locust's JSON statistics (`--json`, `serialize_stats`).

    The total's percentiles come from the summed histograms: percentiles cannot be averaged.
    """
    rows: list[Row] = []
    merged: Counter[int] = Counter()
    begin, end = float("inf"), 0.0
    for entry in entries:
        # As JSON the keys are strings; in process they are numbers.
        histogram = {int(key): int(n) for key, n in entry["response_times"].items()}
        merged.update(histogram)
        begin = min(begin, entry["start_time"])
        end = max(end, entry["last_request_timestamp"] or 0.0)
        seconds = (entry["last_request_timestamp"] or 0.0) - entry["start_time"]
        rows.append(
            _row(
                f"{entry['method']} {entry['name']}",
                entry["num_requests"],
                entry["num_failures"],
                histogram,
                seconds,
            )
        )
    requests = sum(row.requests for row in rows)
    failures = sum(row.failures for row in rows)
    return [*rows, _row(TOTAL, requests, failures, merged, end - begin)]


def _row(name: str, requests: int, failures: int, histogram: dict[int, int], seconds: float) -> Row:
    return Row(
        name=name,
        requests=requests,
        failures=failures,
        p50_ms=percentile_ms(histogram, 0.50),
        p95_ms=percentile_ms(histogram, 0.95),
        p99_ms=percentile_ms(histogram, 0.99),
        rate_per_s=round(requests / seconds, 1) if seconds > 0 else 0.0,
    )


def rows_from_csv(path: Path) -> list[Row]:
    """Rows from Locust's `PREFIX_stats.csv`; its Aggregated row is the total."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Row(
                name=TOTAL if line["Name"] == "Aggregated" else f"{line['Type']} {line['Name']}",
                requests=int(line["Request Count"]),
                failures=int(line["Failure Count"]),
                p50_ms=_number(line["50%"]),
                p95_ms=_number(line["95%"]),
                p99_ms=_number(line["99%"]),
                rate_per_s=round(float(line["Requests/s"]), 1),
            )
            for line in csv.DictReader(file)
        ]


def _number(text: str) -> float:
    return 0.0 if text == "N/A" else float(text)


def read(path: Path) -> list[Row]:
    """Rows from a file that Locust wrote with `--csv` or `--json-file`."""
    if path.suffix == ".csv":
        return rows_from_csv(path)
    return rows_from_entries(orjson.loads(path.read_bytes()))


def to_table(rows: Iterable[Row]) -> Table:
    """The rows for a terminal."""
    table = Table(box=None, pad_edge=False)
    table.add_column("request")
    for title in ("requests", "failures", "p50 ms", "p95 ms", "p99 ms", "per second"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.requests:,}",
            f"{row.failures:,}",
            f"{row.p50_ms:g}",
            f"{row.p95_ms:g}",
            f"{row.p99_ms:g}",
            f"{row.rate_per_s:,.1f}",
            style="bold" if row.name == TOTAL else None,
        )
    return table


def to_json(rows: Iterable[Row], errors: dict[str, int] | None = None) -> bytes:
    """One JSON object: `requests`, a list of rows, and `errors`, message to count."""
    return orjson.dumps(
        {"requests": [asdict(row) for row in rows], "errors": errors or {}},
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )
