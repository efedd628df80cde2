"""Counts what happens in this process, reads what is looked up, and writes both as Prometheus' text.

All scrapes within a second share one reading, and an expensive reading is kept for ten times as long as it took. So
scraping costs at most a tenth of one core.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from busway.metrics.family import Family, Figure, Kind

CONTENT_TYPE = CONTENT_TYPE_LATEST
FRESH_SECONDS = 1.0
MOST_SERIES = 20_000  # of one metric that is read; what is more is left out
MOST_LABEL = 128  # characters of a label's value
_SHARE = 10
Source = Callable[[], Iterable[Figure]]


class Meters(Collector):
    """The metrics of one process; safe to use from many threads."""

    def __init__(self, families: Sequence[Family], clock: Callable[[], float] = time.monotonic) -> None:
        self._families = {family.name: family for family in families}
        self._registry = CollectorRegistry(auto_describe=False)
        self._counted = {family.name: self._instrument(family) for family in families if not family.read}
        self._clock = clock
        self._source: Source = tuple
        self._lock = threading.Lock()
        self._text = b""
        self._stale_at = float("-inf")
        self._registry.register(self)

    def read_from(self, source: Source) -> None:
        """Says where the figures that are read come from; a source that raises makes the scrape fail, and no more."""
        self._source = source

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Counts up."""
        found = self._counted[name]
        assert isinstance(found, Counter)
        (found.labels(*map(_short, labels)) if labels else found).inc(by)

    def observe(self, name: str, seconds: float, *labels: str) -> None:
        """Adds how long something took."""
        found = self._counted[name]
        assert isinstance(found, Histogram)
        (found.labels(*map(_short, labels)) if labels else found).observe(seconds)

    def text(self) -> bytes:
        """All metrics as text; one reading at a time, and the same answer for all requests while it is fresh."""
        with self._lock:
            began = self._clock()
            if began >= self._stale_at:
                self._text = generate_latest(self._registry)
                took = self._clock() - began
                self._stale_at = self._clock() + max(FRESH_SECONDS, _SHARE * took)
            return self._text

    def collect(self) -> Iterator[Metric]:
        """The figures that are read, as Prometheus' client asks for them."""
        made: dict[str, Metric] = {family.name: _empty(family) for family in self._families.values() if family.read}
        sizes = dict.fromkeys(made, 0)
        for figure in self._source():
            sizes[figure.name] += 1
            if sizes[figure.name] <= MOST_SERIES:
                family = made[figure.name]
                assert isinstance(family, GaugeMetricFamily | CounterMetricFamily)
                family.add_metric([_short(label) for label in figure.labels], figure.value)
        yield from made.values()

    def _instrument(self, family: Family) -> Counter | Histogram:
        if family.kind is Kind.COUNTER:
            return Counter(family.name, family.help, family.labels, registry=self._registry)
        return Histogram(
            family.name, family.help, family.labels, registry=self._registry, buckets=(*family.buckets, float("inf"))
        )


def _empty(family: Family) -> Metric:
    kind = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    return kind(family.name, family.help, labels=list(family.labels))


def _short(label: str) -> str:
    return label[:MOST_LABEL]
