"""What a benchmark is, and the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure and what it is compared with, both measured in the same run on the same machine.

    `details` are lines that are printed below it.
    """

    figure: float
    unit: str
    reference: float
    reference_name: str
    details: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """The figure divided by its reference."""
        return self.figure / self.reference


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A named measurement that takes about the number of seconds it is given."""

    name: str
    about: str
    measure: Callable[[float], Measurement]


@dataclass(slots=True)
class Registry:
    """The benchmarks by name, in the order of their registration."""

    _by_name: dict[str, Benchmark] = field(default_factory=dict)

    def add(self, benchmark: Benchmark) -> None:
        """Add a benchmark; its name must be new."""
        if benchmark.name in self._by_name:
            raise ValueError(f"two benchmarks are called {benchmark.name}")
        self._by_name[benchmark.name] = benchmark

    def names(self) -> list[str]:
        """Return all names."""
        return list(self._by_name)

    def get(self, name: str) -> Benchmark:
        """Return the benchmark called `name`."""
        return self._by_name[name]

    def __iter__(self) -> Iterator[Benchmark]:
        return iter(self._by_name.values())


def render(name: str, measured: Measurement) -> str:
    """Write one measurement as one line of a table."""
    figure = f"{measured.figure:,.0f} {measured.unit}"
    return f"{name:<20}{figure:>22}   {measured.ratio:.2f} of {measured.reference_name} ({measured.reference:,.0f})"
