"""One metric: its name, kind, labels and what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Seconds, from a quick answer of the API to a build that waits for a day.
QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LONG = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400)


class Kind(StrEnum):
    """What Prometheus takes a metric for."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric; `read` says that its figures are looked up when they are asked for, instead of being counted here.

    The name of a counter ends with _total. `buckets` are the upper bounds of a histogram, in its unit.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    read: bool = False
    buckets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a metric that is read, with the values of its labels in their order."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


def gauge(name: str, text: str, *labels: str) -> Family:
    """A figure that is read when it is asked for."""
    return Family(name, Kind.GAUGE, text, labels, read=True)


def counter(name: str, text: str, *labels: str, read: bool = False) -> Family:
    """A figure that grows, from the start of the process or of what it is read from."""
    return Family(name, Kind.COUNTER, text, labels, read=read)


def histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Family:
    """How often something took how long."""
    return Family(name, Kind.HISTOGRAM, text, labels, buckets=buckets)
