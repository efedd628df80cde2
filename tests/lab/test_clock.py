from __future__ import annotations

import time
from dataclasses import dataclass

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
    first = uptime(lab_host)
    time.sleep(10)
    last = uptime(lab_host)

    # A command in the host may take seconds: its clock was read at some moment of each.
    assert 0.9 * (last.began - first.ended) < last.seconds - first.seconds < 1.1 * (last.ended - first.began)


@dataclass(frozen=True)
class Uptime:
    """What a host's clock said at some moment between two of this machine's, all in seconds."""

    began: float
    seconds: float
    ended: float


def uptime(host: LabHost) -> Uptime:
    began = time.monotonic()
    seconds = float(host.read("/proc/uptime").split()[0])
    return Uptime(began, seconds, time.monotonic())
