"""Meters: what is counted and read comes out as Prometheus' text, once for all who ask, and never without end."""

import json
import re
import threading
from collections.abc import Iterator
from itertools import count

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tools.metrics import PAGE, page

from busway.metrics import agent, control
from busway.metrics.family import Figure, Kind, counter, gauge, histogram
from busway.metrics.meters import MOST_LABEL, MOST_SERIES, Meters
from tests.project.checkout import ROOT

FAMILIES = (
    gauge("a_gauge", "It is read.", "what"),
    counter("b_total", "It is counted.", "how"),
    counter("c_total", "It grows elsewhere.", read=True),
    histogram("d_seconds", "It takes time.", buckets=(1, 2)),
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def samples(meters: Meters) -> dict[str, float]:
    found = text_string_to_metric_families(meters.text().decode())
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sample.labels.items()): sample.value
        for family in found
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_what_is_counted_and_read_is_told() -> None:
    meters = Meters(FAMILIES)
    meters.read_from(lambda: [Figure("a_gauge", 3, ('x"\n\\',)), Figure("c_total", 4)])
    meters.count("b_total", "well")
    meters.count("b_total", "well", by=2)
    meters.observe("d_seconds", 1.5)

    found = samples(meters)

    assert found['a_gauge what=x"\n\\'] == 3
    assert (found["b_total how=well"], found["c_total"]) == (3, 4)
    assert (found["d_seconds_bucket le=1.0"], found["d_seconds_bucket le=2.0"], found["d_seconds_sum"]) == (0, 1, 1.5)


def test_a_metric_that_no_table_has_is_a_mistake() -> None:
    meters = Meters(FAMILIES)
    meters.read_from(lambda: [Figure("z", 1)])

    with pytest.raises(KeyError):
        meters.count("z")
    with pytest.raises(KeyError):
        meters.text()


def test_all_who_ask_within_a_second_share_one_reading() -> None:
    clock, readings = Clock(), count()
    meters = Meters(FAMILIES, clock)
    meters.read_from(lambda: [Figure("a_gauge", next(readings), ("x",))])
    threads = [threading.Thread(target=meters.text) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert samples(meters)["a_gauge what=x"] == 0
    clock.now += 0.99
    assert samples(meters)["a_gauge what=x"] == 0
    clock.now += 0.02
    assert samples(meters)["a_gauge what=x"] == 1


def test_a_dear_reading_is_kept_for_ten_times_as_long() -> None:
    clock, readings = Clock(), count()

    def slow() -> Iterator[Figure]:
        clock.now += 2
        yield Figure("a_gauge", next(readings), ("x",))

    meters = Meters(FAMILIES, clock)
    meters.read_from(slow)
    told = []
    for _ in range(60):
        told.append(samples(meters)["a_gauge what=x"])
        clock.now += 1

    assert told[-1] == 2 and clock.now < 70


def test_labels_and_series_have_bounds() -> None:
    meters = Meters(FAMILIES)
    meters.read_from(lambda: (Figure("a_gauge", 1, (f"{'x' * 500}{number}",)) for number in range(MOST_SERIES + 100)))

    lines = [line for line in meters.text().decode().splitlines() if line.startswith("a_gauge{")]

    assert len(lines) == MOST_SERIES
    assert max(map(len, lines)) < MOST_LABEL + 30


def test_every_metric_has_one_line_and_a_name_of_its_kind() -> None:
    for families in (control.FAMILIES, agent.FAMILIES):
        names = [family.name for family in families]
        assert len(set(names)) == len(names)
        for family in families:
            assert re.fullmatch(r"busway_[a-z_]+", family.name) and family.help.endswith(".")
            assert family.name.endswith("_total") is (family.kind is Kind.COUNTER), family.name
            assert bool(family.buckets) is (family.kind is Kind.HISTOGRAM), family.name


def test_the_page_of_the_docs_is_what_the_tables_say() -> None:
    """Where this fails, a metric was changed: make metrics."""
    assert PAGE.read_text("utf-8") == page()


def test_the_dashboard_asks_for_metrics_and_labels_that_there_are() -> None:
    dashboard = json.loads((ROOT / "packaging/grafana/busway.json").read_text("utf-8"))
    families = {family.name: family for family in (*control.FAMILIES, *agent.FAMILIES)}
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]

    assert len(targets) > 15
    for target in targets:
        names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"busway_\w+", target["expr"])}
        assert names <= families.keys(), target["expr"]
        labels = {label for name in names for label in families[name].labels} | {"le", "instance"}
        asked = {label for inner in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in re.split(r", ?", inner)}
        asked |= set(re.findall(r"(\w+)(?==\")", target["expr"])) | set(
            re.findall(r"{{(\w+)}}", target["legendFormat"])
        )
        assert asked <= labels, target["expr"]
