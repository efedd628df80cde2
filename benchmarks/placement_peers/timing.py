"""Reads the arguments of a peer and times it."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

_ROUNDS = 3
_SECONDS = 20.0


def asked() -> tuple[list[int], list[int]]:
    """Return the numbers of hosts and the numbers of devices per request."""
    hosts, counts = sys.argv[1:3]
    return [int(n) for n in hosts.split(",")], [int(n) for n in counts.split(",")]


def tell(hosts: int, count: int, act: Callable[[], object]) -> None:
    """Run `act` once to warm up and then a few times, and write the median."""
    act()
    took: list[float] = []
    began = time.perf_counter()
    while len(took) < _ROUNDS and (not took or time.perf_counter() - began < _SECONDS):
        start = time.perf_counter()
        act()
        took.append(time.perf_counter() - start)
    print(json.dumps({"hosts": hosts, "count": count, "ms": statistics.median(took) * 1000}), flush=True)
