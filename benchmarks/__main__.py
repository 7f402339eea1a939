"""`python -m benchmarks`: everything in one run, each figure beside what bounds it."""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from . import kernel, late, ledger, machine, rivals, served, tier_data

Row = tuple[str, str, str, str]


BATCH = 8_192
"""Sales of a batch under programs that post much: those of a year are more than a gigabyte."""


def measure(copies: int, rounds: int, data: Path | None) -> dict[str, Any]:
    """All figures of one run."""
    say = Console(stderr=True).print
    say("machine limits ...")
    found: dict[str, Any] = {"machine": machine.limits()}
    say("kernel, in memory ...")
    year = tier_data.dataset(data, copies)
    demo_program = kernel.PROGRAM.read_text()
    demo, one, many, active, thousand = kernel.alternate(
        rounds,
        lambda: kernel.run(demo_program, year, 1),
        lambda: kernel.run(kernel.sleeping_rules(0), year, 1),
        lambda: kernel.run(kernel.sleeping_rules(63), year, 1),
        lambda: kernel.run(kernel.active_rules(64), year, 1, BATCH),
        lambda: kernel.run(kernel.active_rules(1_000), year, 1, BATCH),
    )
    found["kernel"] = {
        "lines": len(year.lines.net),
        "demo_lines_per_s": demo.rate,
        "one_rule_lines_per_s": one.rate,
        "rules_64_lines_per_s": many.rate,
        "cost_64_over_1": one.rate / many.rate,
        "active_64_lines_per_s": active.rate,
        "active_64_postings_per_line": active.postings_per_line,
        "active_1000_lines_per_s": thousand.rate,
        "active_1000_postings_per_line": thousand.postings_per_line,
    }
    say("the same job in DuckDB and Polars ...")
    found["whole job"] = measured(rivals.rivals(rivals.whole_runs(), data, copies, 2, rounds))
    say("a light job in DuckDB, Polars and numpy ...")
    light = rivals.rivals(rivals.light_runs(), data, copies, rounds, 1)
    assert light[0].digest == rivals.digest(demo.points), "the answers differ"
    found["light job"] = measured(light)
    say("durable load and replay ...")
    found["ledger"] = ledger.measure(rounds, data).medians()
    found["late"] = late.measure(rounds, data)
    say("HTTP ...")
    found["http"] = vars_of(served.measure(rounds, 1.5, data))
    return found


def measured(timings: list[rivals.Timing]) -> list[dict[str, Any]]:
    """Engine, threads and rates of runs."""
    return [
        {
            "engine": timing.run.engine,
            "threads": timing.run.threads,
            "lines_per_s": timing.lines_per_s,
            "lines_per_cpu_s": timing.lines_per_cpu_s,
        }
        for timing in timings
    ]


def rival_rows(found: dict[str, Any]) -> list[Row]:
    """The kernel beside the faster of DuckDB and Polars, thread for thread and by processor."""
    out: list[Row] = []
    whole = found["whole job"]
    for threads in sorted({run["threads"] for run in whole}):
        runs = {run["engine"]: run for run in whole if run["threads"] == threads}
        ours = runs.pop("kernel")
        for rate, unit in (("lines_per_s", "lines/s"), ("lines_per_cpu_s", "a processor second")):
            name, best = max(
                ((name, run[rate]) for name, run in runs.items()), key=lambda pair: pair[1]
            )
            out.append((
                f"the whole job, columns to figures, threads: {threads}",
                f"{ours[rate] / 1e6:.1f} M {unit}",
                f"{name}: {best / 1e6:.1f} M {unit}",
                f"{ours[rate] / best:.1f}",
            ))  # fmt: skip
    best = max(found["light job"], key=lambda run: run["lines_per_s"] * (run["engine"] != "numpy"))
    out.append((
        "a light job, sorted columns to points alone",
        "",
        f"{best['engine']}, threads: {best['threads']}: {best['lines_per_s'] / 1e6:.1f} M lines/s",
        "",
    ))  # fmt: skip
    return out


def vars_of(figures: Any) -> dict[str, float]:
    """A frozen dataclass as a mapping."""
    return {name: getattr(figures, name) for name in figures.__dataclass_fields__}


def rows(found: dict[str, Any]) -> list[Row]:
    """(what, figure, limit or yardstick in the same run, ratio)."""
    core, http, disk = found["kernel"], found["http"], found["machine"]
    out: list[Row] = [
        (
            "kernel, demo program",
            f"{core['demo_lines_per_s'] / 1e6:.1f} M lines/s a thread",
            f"memory copy: {disk['memory copy, GB/s']:.1f} GB/s",
            "",
        ),
        *rival_rows(found),
        (
            "kernel, 64 rules of which 63 sleep",
            f"{core['rules_64_lines_per_s'] / 1e6:.1f} M lines/s",
            f"one rule: {core['one_rule_lines_per_s'] / 1e6:.1f} M lines/s",
            f"cost {core['cost_64_over_1']:.2f}",
        ),
        *(
            (
                f"kernel, {count:,} rules that fire",
                f"{core[f'active_{count}_lines_per_s'] / 1e6:.2f} M lines/s",
                f"postings a line: {core[f'active_{count}_postings_per_line']:.1f}",
                "",
            )
            for count in (64, 1_000)
        ),
        (
            "durable load",
            f"{found['ledger']['load_baskets_per_s'] / 1e3:.0f} k baskets/s",
            f"LMDB append: {disk['LMDB append of 1 MiB with sync, MB/s']:.0f} MB/s, used "
            f"{found['ledger']['load_bytes_per_s'] / 1e6:.0f}",
            "",
        ),
        (
            "replay and compare",
            f"{found['ledger']['replay_lines_per_s'] / 1e6:.1f} M lines/s",
            f"memory copy: {disk['memory copy, GB/s']:.1f} GB/s",
            "",
        ),
        (
            "late fact of a member with a year of baskets",
            f"{found['late']['late_ms']:.2f} ms beyond one in order",
            f"one in order, flushed: {found['late']['in_order_ms']:.2f} ms; first touch: "
            f"{found['late']['first_touch_ms']:.1f} ms",
            "",
        ),
        (
            "HTTP, one sale a request",
            f"{http['sale_per_s'] / 1e3:.1f} k/s a core",
            f"bare aiohttp that parses: {http['bare_parse_per_s'] / 1e3:.1f} k/s",
            f"{http['sale_ratio']:.2f}",
        ),
        (
            "HTTP, balance",
            f"{http['balance_per_s'] / 1e3:.1f} k/s a core",
            f"bare aiohttp hello: {http['bare_hello_per_s'] / 1e3:.1f} k/s",
            f"{http['balance_ratio']:.2f}",
        ),
        ("HTTP, NDJSON", f"{http['ndjson_baskets_per_s'] / 1e3:.0f} k baskets/s", "", ""),
        ("HTTP, Arrow", f"{http['arrow_baskets_per_s'] / 1e3:.0f} k baskets/s", "", ""),
    ]
    return out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--copies", type=int, default=4, help="years in memory for the kernel")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="folder of the Complete Journey files")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    options = parser.parse_args()
    found = measure(options.copies, options.rounds, options.data)
    if options.format == "json":
        print(json.dumps(found, indent=2))
        return
    table = Table(title=f"{platform.machine()}, {os.cpu_count()} cores; medians of one run")
    for heading in ("what", "figure", "beside it", "ratio"):
        table.add_column(heading)
    for row in rows(found):
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
