import pytest
from benchmarks.__main__ import registry
from benchmarks.registry import Benchmark, Measurement, Registry, render


@pytest.mark.processes  # a minute of two cores: run by `make test`
@pytest.mark.timeout(900)
def test_every_benchmark_measures_a_figure_and_its_reference() -> None:
    for benchmark in registry():
        measured = benchmark.measure(0.1)

        assert measured.figure > 0
        assert measured.reference > 0


def test_a_line_shows_the_ratio_to_the_reference() -> None:
    line = render("commit", Measurement(50, "commits/s", 200, "the disk's syncs"))

    assert "50 commits/s" in line
    assert "0.25 of the disk's syncs (200)" in line


def test_a_name_is_registered_once() -> None:
    benchmarks = Registry()
    benchmark = Benchmark("one", "", lambda _seconds: Measurement(1, "x", 1, "y"))
    benchmarks.add(benchmark)

    with pytest.raises(ValueError, match="one"):
        benchmarks.add(benchmark)
