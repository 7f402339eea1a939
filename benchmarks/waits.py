"""Where a sale waits: the parts of commits as /metrics tells them."""

from __future__ import annotations

from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

SHARES = (0.5, 0.99)


def commit_parts(host: str, port: int) -> dict[str, tuple[float, ...]]:
    """By part of a commit, within how many ms half of them and 99 of 100 were done.

    Buckets are coarse: the true figures lie between these and about half of them.
    """
    with urlopen(f"http://{host}:{port}/metrics") as answer:
        text = answer.read().decode()
    counts: dict[str, list[tuple[float, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "vafa_commit_seconds_bucket":
                bound = float(sample.labels["le"]) * 1000
                counts.setdefault(sample.labels["part"], []).append((bound, sample.value))
    return {
        part: tuple(
            next(bound for bound, count in buckets if count >= share * buckets[-1][1])
            for share in SHARES
        )
        for part, buckets in counts.items()
    }
