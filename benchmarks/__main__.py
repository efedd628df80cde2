"""`python -m benchmarks [--seconds N] [NAME ...]`: runs all benchmarks, or those that are named."""

from __future__ import annotations

import argparse
import logging

from benchmarks.agents import AGENTS_IDLE
from benchmarks.claims import claims_benchmarks
from benchmarks.face import FACE
from benchmarks.map import MAP
from benchmarks.placement import PLACEMENT
from benchmarks.placement_peer import peer_benchmarks
from benchmarks.registry import Registry, render
from benchmarks.scale import SCALE
from benchmarks.scan import RESCAN, SCAN
from benchmarks.sqlite_commit import SQLITE_COMMIT
from benchmarks.strangers import STRANGERS
from busway.bootstrap.logs import set_up_logs


def registry() -> Registry:
    """Return every benchmark of the project."""
    benchmarks = Registry()
    benchmarks.add(SQLITE_COMMIT)
    benchmarks.add(SCAN)
    benchmarks.add(RESCAN)
    benchmarks.add(PLACEMENT)
    benchmarks.add(SCALE)
    benchmarks.add(STRANGERS)
    benchmarks.add(FACE)
    benchmarks.add(MAP)
    benchmarks.add(AGENTS_IDLE)
    for benchmark in (*claims_benchmarks(), *peer_benchmarks()):
        benchmarks.add(benchmark)
    return benchmarks


def main() -> None:
    """Run and print."""
    benchmarks = registry()
    parser = argparse.ArgumentParser(prog="benchmarks", description="Each figure beside its limit or its peer.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(benchmarks.names())}")
    parser.add_argument("--seconds", type=float, default=5.0, help="time for each benchmark (default: 5)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(benchmarks.names()):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(benchmarks.names())}")
    set_up_logs(logging.WARNING)  # each request is a line of the access log, which would hide the figures
    for name in options.names or benchmarks.names():
        benchmark = benchmarks.get(name)
        measured = benchmark.measure(options.seconds)
        print(
            render(name, measured), f"[{benchmark.about}]", *(f"\n    {line}" for line in measured.details), flush=True
        )


if __name__ == "__main__":
    main()
