"""Spans arrive at a collector as OTLP; one that is away costs spans and nothing else."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from busway.domain.errors import InvalidConfig
from busway.tracing.otlp import make_tracer
from busway.tracing.trace import NO_TRACES, Kind, current, read_context
from tests.tracing.collector import Collector, collecting

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def test_a_span_arrives_with_its_parent_its_values_and_its_failure(collector: Collector) -> None:
    tracer = make_tracer(collector.url, "a-service", "1")
    with (
        pytest.raises(ValueError, match="broken"),
        tracer.span("outer", PARENT, {"busway.request_id": "req-1", "empty": "", "many": 3}, Kind.SERVER) as outer,
    ):
        with tracer.span("inner", outer.context):
            assert current() not in ("", outer.context)
        outer.name = "renamed"
        raise ValueError("broken")
    tracer.record("past", outer.context, 1_000_000_000, 3_500_000_000, {"x": "y" * 5000}, "refused")
    tracer.close()

    [inner, renamed, past] = collector.spans
    assert (renamed.name, renamed.failed, renamed.values) == (
        "renamed",
        True,
        {"busway.request_id": "req-1", "many": 3},
    )
    assert {span.trace for span in collector.spans} == {PARENT[3:35]}
    assert (renamed.parent, inner.parent, past.parent) == (PARENT[36:52], renamed.id, renamed.id)
    assert (past.seconds, past.failed, len(str(past.values["x"]))) == (2.5, True, 1000)
    assert {span.service for span in collector.spans} == {"a-service"}
    assert current() == ""


@pytest.mark.parametrize(
    "text", ["", "00-x-y-01", PARENT + "\n", PARENT.upper(), "00-" + "0" * 32 + "-b7ad6b7169203331-01", PARENT[:-3]]
)
def test_what_is_no_context_is_none(text: str) -> None:
    assert read_context(text) == ""


def test_a_context_is_read() -> None:
    assert read_context(PARENT) == PARENT


@pytest.mark.thorough
@pytest.mark.parametrize("broken", [True, False])
def test_a_collector_that_is_away_or_refuses_slows_nobody_and_keeps_no_end(collector: Collector, broken: bool) -> None:
    collector.status = 400
    tracer = make_tracer(collector.url if broken else "http://127.0.0.1:9/v1/traces", "a", "1")
    began = time.monotonic()
    for number in range(6_000):  # more than wait at most
        tracer.record(f"span {number}", PARENT, 1, 2)
    tracer.close()

    assert time.monotonic() - began < 60
    assert 0 < collector.asked <= 20 or not broken


@pytest.mark.thorough
def test_without_a_collector_nothing_is_traced_and_nothing_imported() -> None:
    assert make_tracer("", "a", "1") is NO_TRACES
    with NO_TRACES.span("x", PARENT) as span:
        assert (span.context, current()) == (PARENT, "")
    told = "import busway.bootstrap.serve, busway.bootstrap.agent, sys; print('opentelemetry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("text", ["collector:4318", "ftp://x/v1/traces", "http://"])
def test_what_is_no_collector_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        make_tracer(text, "a", "1")
    assert caught.value.code == "traces-endpoint"


def test_missing_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(InvalidConfig) as caught:
        make_tracer("http://127.0.0.1:9/v1/traces", "a", "1")
    assert caught.value.code == "traces-missing"
