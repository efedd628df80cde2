from __future__ import annotations

import time

import pytest

from busway.lab import LabHost
from busway.lab.clock import tsc_khz


def test_the_rate_is_the_same_each_time() -> None:
    first, second = tsc_khz(), tsc_khz()

    assert first > 100_000
    assert second == pytest.approx(first, rel=1e-3)


@pytest.mark.lab
@pytest.mark.timeout(600)
def test_the_clock_of_a_lab_host_goes_as_fast_as_this_machines(lab_host: LabHost) -> None:
    began, its = time.monotonic(), uptime(lab_host)
    time.sleep(10)
    took = time.monotonic() - began

    assert uptime(lab_host) - its == pytest.approx(took, abs=3)  # a command in it may take seconds


def uptime(host: LabHost) -> float:
    return float(host.read("/proc/uptime").split()[0])
