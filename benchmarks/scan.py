"""How long a machine with 1,000 PCI functions takes to read: wholly, beside lspci, and again, beside wholly."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.registry import Benchmark, Measurement
from busway.domain.address import PciAddress
from busway.hardware import Machine
from busway.testing.kernel import FakeKernel
from busway.testing.machines_large import large

_FUNCTIONS = 1000
_GPU = PciAddress("0000:01:00.0")


@contextmanager
def _tree() -> Iterator[Path]:
    memory = Path("/dev/shm")  # noqa: S108 - in memory, as sysfs is
    with tempfile.TemporaryDirectory(prefix="busway-bench-", dir=memory if memory.is_dir() else None) as folder:
        large(Path(folder), _FUNCTIONS)
        yield Path(folder)


def _best(acts: list[Callable[[], object]], seconds: float) -> list[float]:
    """The best time of each in milliseconds; they take turns, so that all see the same weather."""
    best = [float("inf")] * len(acts)
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < 2 or time.perf_counter() < end:
        for index, act in enumerate(acts):
            began = time.perf_counter()
            act()
            best[index] = min(best[index], 1000 * (time.perf_counter() - began))
        rounds += 1
    return best


def full_scan(root: Path) -> Machine:
    """Read all that `lspci -nnvv` prints of the tree and that we type: ids, names, BARs, links, groups, cards."""
    machine = Machine.read(root)
    for function in machine:
        _ = function.names, function.bars, function.link
    _ = machine.cards, machine.groups
    return machine


def _lspci(root: Path) -> None:
    command = ["lspci", "-nnvv", "-A", "linux-sysfs", "-O", f"sysfs.path={root}/sys/bus/pci"]
    path = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin:/sbin"
    done = subprocess.run(command, capture_output=True, timeout=60, check=True, env={"PATH": path, "LC_ALL": "C"})
    if done.stdout.count(b"\n\n") < _FUNCTIONS - 1:
        raise RuntimeError("lspci did not print every function of the tree")


def _measure_scan(seconds: float) -> Measurement:
    with _tree() as root:
        ours, theirs = _best([lambda: full_scan(root), lambda: _lspci(root)], seconds)
    return Measurement(ours, "ms", theirs, "lspci -nnvv")


def _measure_rescan(seconds: float) -> Measurement:
    """Each rescan finds one GPU whose driver has changed."""
    with _tree() as root:
        kernel, machine = FakeKernel(root), full_scan(root)
        state = {"machine": machine}

        def rescan() -> None:
            state["machine"] = state["machine"].rescan()

        def change() -> None:
            driver = "vfio-pci" if state["machine"].functions[_GPU].driver == "nvidia" else "nvidia"
            kernel.override(_GPU, driver)
            kernel.unbind(_GPU)
            kernel.probe(_GPU)

        _, again, whole = _best([change, rescan, lambda: full_scan(root)], seconds)
    return Measurement(again, "ms", whole, "the full scan")


SCAN = Benchmark(
    name="scan",
    about="a full typed scan of 1,000 PCI functions, against lspci on the same tree; below 1 is faster",
    measure=_measure_scan,
)
RESCAN = Benchmark(
    name="rescan",
    about="seeing a changed driver among 1,000 PCI functions, against the full scan; below 0.1 is wanted",
    measure=_measure_rescan,
)
