"""The intervals and deadlines of the agent."""

from __future__ import annotations

from dataclasses import dataclass

from busway.hardware.scrub import SCRUB_SECONDS


@dataclass(frozen=True, slots=True)
class Timing:
    """The agent's intervals, in seconds."""

    interval: float = 3.0  # the longest wait for news, and so the pace at which guests are observed
    report: float = 10.0  # a report at least this often
    resource_view: float = 60.0
    stop: float = 60.0  # how long a guest may take to follow an ACPI shutdown
    press: float = 10.0  # how long it may show nothing of it before it is asked again: one that boots hears nothing yet
    unplug: float = 60.0  # how long a guest may take to release a device, before its user is told and it is asked again
    kernel: float = 20.0  # how long a driver may take to bind
    together: float = 5.0  # how long a round waits for the work that it has begun; one second for downloads and copies
    busy: float = 0.5  # the longest wait for news while work is under way
    libvirt: float = 10.0  # how long a look at the guests may take
    blind: float = 600.0  # how long the last look is reported again while libvirt does not answer
    slow: float = 60.0  # a step that takes longer is told in the report's notes
    conditions: float = 15.0  # between two looks at links and utilisation
    doctor: float = 600.0  # between two of the doctor's
    scrub: float = SCRUB_SECONDS  # how long a program may take to clean a device
