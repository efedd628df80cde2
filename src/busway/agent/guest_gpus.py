"""What guests say of their GPUs: each is asked alone, now and then; one that lies, hangs or floods loses its own figures only.

A line of a guest counts only for a device that the guest was granted, found by its address in the guest. So no guest
speaks for another's device, and all labels but the UUID are the host's own words.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from busway.agent.guest_program import AskGuest, run_in_guest
from busway.domain.documents import Desired, DesiredServer
from busway.domain.errors import BuswayError
from busway.domain.guest_layout import guest_layout
from busway.domain.ids import ServerId
from busway.metrics.family import Figure

NVIDIA_SMI = (
    "nvidia-smi",
    "--query-gpu=uuid,pci.bus_id,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw",
    "--format=csv,noheader,nounits",
)
INTERVAL = 30.0  # seconds between two questions to one guest
PROGRAM_SECONDS = 10.0
_MIB = 1024 * 1024
# The columns after UUID and address: the metric, what one unit of theirs is of the metric's, and the most that is
# believed.
_COLUMNS = (
    ("busway_guest_gpu_utilization_ratio", 0.01, 100.0),
    ("busway_guest_gpu_memory_used_bytes", _MIB, 16e6),
    ("busway_guest_gpu_memory_total_bytes", _MIB, 16e6),
    ("busway_guest_gpu_temperature_celsius", 1.0, 200.0),
    ("busway_guest_gpu_power_watts", 1.0, 1e5),
)
_ADDRESS = re.compile(r"(?:[0-9a-f]{4})?([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])", re.ASCII)
_UUID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Reading:
    at: float
    figures: tuple[Figure, ...]


class GuestGpus:
    """Asks the guests that have an agent's channel and devices; each in a thread of its own, and never twice at once."""

    def __init__(
        self,
        ask: AskGuest,
        program: Sequence[str],
        clock: Callable[[], float],
        seconds: float = PROGRAM_SECONDS,
    ) -> None:
        self._ask = ask
        self._program = tuple(program)
        self._clock = clock
        self._seconds = seconds
        self._readings: dict[ServerId, _Reading] = {}
        self._asked: dict[ServerId, float] = {}
        self._asking: set[ServerId] = set()
        self._lock = threading.Lock()

    def look(self, desired: Desired) -> None:
        """Starts to ask each guest that is due, and forgets guests that are no longer on this host."""
        there = {
            each.id: each for each in desired.servers if each.powered and each.machine.guest_agent and each.devices
        }
        now = self._clock()
        with self._lock:
            for known in (self._readings, self._asked):
                for gone in known.keys() - there.keys():
                    del known[gone]
            due = [
                server
                for server_id, server in there.items()
                if server_id not in self._asking and now - self._asked.get(server_id, -math.inf) >= INTERVAL
            ]
            self._asking |= {server.id for server in due}
            self._asked |= {server.id: now for server in due}
        for server in due:
            threading.Thread(target=self._run, args=(server,), name="a guest's GPUs", daemon=True).start()

    def figures(self) -> Iterator[Figure]:
        """The answers of guests in their last turns."""
        with self._lock:
            readings = sorted(self._readings.items())
        for server_id, each in readings:
            fresh = self._clock() - each.at <= 3 * INTERVAL
            yield Figure("busway_guest_gpu_answers", bool(fresh and each.figures), (server_id,))
            if fresh:
                yield from each.figures

    def _run(self, server: DesiredServer) -> None:
        found: tuple[Figure, ...] = ()
        try:
            text = run_in_guest(self._ask, server.id, self._program, self._seconds)
            found = tuple(read_gpus(server, text))
        except BuswayError:
            pass  # it is told as a guest that does not answer
        finally:
            with self._lock:
                self._asking.discard(server.id)
                self._readings[server.id] = _Reading(self._clock(), found)


def read_gpus(server: DesiredServer, text: str) -> Iterator[Figure]:
    """The figures of the lines that speak of a device that the server was granted; the first line of each counts."""
    placed = guest_layout(server).devices
    left = {port.address(slot.function): str(slot.grant.unit.name) for slot, port in placed}
    project = _project(server)
    for line in text.splitlines():
        uuid, address, *values = _parts(line)
        match = _ADDRESS.fullmatch(address.lower())
        device = left.pop(match[1], None) if match else None
        if device is None or match is None:
            continue
        labels = (device, match[1], uuid if _UUID.fullmatch(uuid) else "", str(server.id), project)
        for (name, unit, most), value in zip(_COLUMNS, values, strict=False):
            number = _number(value, most)
            if number is not None:
                yield Figure(name, number * unit, labels)


def _parts(line: str) -> list[str]:
    parts = [part.strip() for part in line.split(",")]
    return parts if len(parts) > 1 else ["", ""]


def _number(text: str, most: float) -> float | None:
    """A figure from 0 to the most that is believed; None for "[N/A]" and all else."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= most else None


def _project(server: DesiredServer) -> str:
    """The server's project, as its own metadata have it."""
    try:
        return str(json.loads(server.config_drive.meta_data).get("project_id", ""))
    except (ValueError, AttributeError):
        return ""
