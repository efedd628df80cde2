"""Writes docs/reference/metrics.md from the tables of metrics: python -m tools.metrics."""

from __future__ import annotations

from pathlib import Path

from busway.metrics import agent, control
from busway.metrics.family import Family, Kind

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "metrics.md"
_HEAD = """# Metrics

The control plane and each agent serve their metrics for Prometheus at `/metrics`. [Monitoring](../how-to/monitor.md) explains how to scrape
them, and has a dashboard. `make metrics` generates this page from the tables in `src/busway/metrics`.

A histogram has the series `_bucket`, `_sum` and `_count`. Counters begin at 0 when their process starts.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, "## Control plane\n", _table(control.FAMILIES), "## Agent\n", _table(agent.FAMILIES)]
    return "\n".join(parts)


def _table(families: tuple[Family, ...]) -> str:
    rows = ["| metric | kind | labels | meaning |", "|---|---|---|---|", *map(_row, families)]
    return "\n".join(rows) + "\n"


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    buckets = f" Up to {', '.join(f'{bucket:g}' for bucket in family.buckets)} seconds." if family.buckets else ""
    kind = Kind(family.kind)
    return f"| `{family.name}` | {kind} | {labels} | {family.help}{buckets} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
