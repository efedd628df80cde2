"""The figures that an agent's metrics read: from /sys, and from what the agent knows; nothing is written or woken up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from busway import __version__
from busway.agent.guest_gpus import GuestGpus
from busway.agent.state import StateFolder
from busway.hardware.aer import read_aer
from busway.hardware.function import Function
from busway.hardware.machine import Machine
from busway.hardware.sensors import read_temperatures
from busway.metrics.family import Figure

_AWAKE = ("active", "")  # or it is not known


@dataclass(frozen=True, slots=True)
class Known:
    """What an agent knows at a moment; `machine` is None before its first look."""

    host: str
    machine: Machine | None
    generation: int
    troubles: Mapping[str, str]


def read_figures(known: Known, state: StateFolder, guest_gpus: GuestGpus | None = None) -> Iterator[Figure]:
    """All figures of `busway.metrics.agent` that are read."""
    yield Figure("busway_agent_info", 1, (known.host, __version__))
    yield Figure("busway_agent_generation", known.generation)
    for part, code in sorted(known.troubles.items()):
        yield Figure("busway_agent_trouble", 1, (part, code))
    if guest_gpus is not None:
        yield from guest_gpus.figures()
    if known.machine is None:
        return
    records, _ = state.held.list()
    owners = {str(record.held.unit.name): str(record.held.server_id) for record in records}
    for device, server in sorted(owners.items()):
        yield Figure("busway_device_server", 1, (device, server))
    for function in known.machine:
        if function.is_gpu or str(function.address) in owners:
            yield from _function(function)


def _function(function: Function) -> Iterator[Figure]:
    device, folder = str(function.address), function.folder
    model, node = f"{function.vendor_id}:{function.product_id}", function.numa_node
    yield Figure("busway_device_info", 1, (device, model, function.driver or "", "" if node is None else str(node)))
    link, power = function.link, function.power
    for name, value in (
        ("link_speed_gts", link.speed),
        ("link_width", link.width),
        ("link_max_speed_gts", link.max_speed),
        ("link_max_width", link.max_width),
    ):
        if value is not None:
            yield Figure(f"busway_device_{name}", value, (device,))
    for severity, count in read_aer(folder).items():
        yield Figure("busway_device_aer_errors_total", count, (device, severity))
    yield Figure("busway_device_power_state", 1, (device, power.state, power.runtime_status))
    if power.runtime_status in _AWAKE:
        for sensor, degrees in read_temperatures(folder).items():
            yield Figure("busway_device_temperature_celsius", degrees, (device, sensor))
