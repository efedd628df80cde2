"""The conditions of this host, sent to the control plane now and then: links, utilisation, the ways of its cards, and the doctor's findings.

It has a document of its own, so that a link that changes its speed never makes a report a new one. What changed is told
at the next look; the doctor looks in a thread of its own, seldom, and a look that fails is one that found nothing new.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from busway.agent.guest_gpus import GuestGpus
from busway.agent.link import AgentLink
from busway.domain.condition import CardMode, CardModes, Conditions, DeviceCondition, HostFinding
from busway.domain.errors import NotFound
from busway.hardware.card import Card
from busway.hardware.function import Function
from busway.hardware.machine import Machine
from busway.hardware.modes import modes_of

# Examines the host under a root; the addresses are of devices that guests have, whose users are as they must be.
Examine = Callable[[Path, Collection[str]], tuple[HostFinding, ...]]
_OLDER_SECONDS = 3600.0  # until a control plane that knows no conditions is asked again
_AGAIN_SECONDS = 600.0  # it is told again then, whatever is known there
_STEP = 5  # percent


class HostConditions:
    """The last report, and when to measure again."""

    def __init__(
        self,
        host: str,
        link: AgentLink,
        clock: Callable[[], float],
        log: FilteringBoundLogger,
        guest_gpus: GuestGpus | None = None,
        examine: Examine | None = None,
        ways: Callable[[Machine, Card], tuple[CardMode, ...]] = modes_of,
        *,
        every: float,
        doctor_every: float,
    ) -> None:
        self._host = host
        self._link = link
        self._clock = clock
        self._log = log
        self._guest_gpus = guest_gpus
        self._examine = examine
        self._ways = ways
        self._every = every
        self._doctor_every = doctor_every
        self._sent: Conditions | None = None
        self._findings: tuple[HostFinding, ...] | None = None
        self._due = -math.inf
        self._doctor_due = -math.inf
        self._again = -math.inf
        self._doctor: threading.Thread | None = None

    def report(self, machine: Machine, held: Collection[str]) -> None:
        """Measures if it is time, and sends what has changed."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + self._every
        if self._examine is not None and now >= self._doctor_due:
            self._doctor_due = now + self._doctor_every
            self._call_doctor(self._examine, machine.root, frozenset(held))
        found = self._look(machine, held)
        if found == self._sent and now < self._again:
            return
        try:
            self._link.put_conditions(found)
            self._sent = found
            self._again = now + _AGAIN_SECONDS
        except NotFound:
            self._due = now + _OLDER_SECONDS

    def wait(self, seconds: float) -> None:
        """Waits until the doctor has looked, if it is about to."""
        if self._doctor is not None:
            self._doctor.join(seconds)

    def _look(self, machine: Machine, held: Collection[str]) -> Conditions:
        utilization = dict(self._utilization())
        wanted = [one for one in machine if _matters(one) or str(one.address) in held]
        above = {bridge for one in wanted for bridge in one.bridges}
        return Conditions(
            self._host,
            tuple(_condition(one, utilization) for one in machine if one in wanted or one.address in above),
            self._findings or (),
            examined=self._findings is not None,
            modes=tuple(
                CardModes(str(card.main.address), self._ways(machine, card))
                for card in machine.gpu_cards
                if not card.main.is_vf
            ),
        )

    def _utilization(self) -> Iterator[tuple[str, int]]:
        for figure in self._guest_gpus.figures() if self._guest_gpus is not None else ():
            if figure.name == "busway_guest_gpu_utilization_ratio":
                yield figure.labels[0], round(figure.value * 100 / _STEP) * _STEP

    def _call_doctor(self, examine: Examine, root: Path, held: frozenset[str]) -> None:
        if self._doctor is not None and self._doctor.is_alive():
            return

        def look() -> None:
            try:
                self._findings = examine(root, held)
            except Exception as error:  # the doctor's defect costs its findings only
                self._log.exception("the doctor could not look at this host", why=str(error))
            self._due = -math.inf  # at once

        self._doctor = threading.Thread(target=look, name="doctor", daemon=True)
        self._doctor.start()


def _matters(function: Function) -> bool:
    return (function.is_gpu or function.is_nic) and not function.is_vf


def _condition(function: Function, utilization: dict[str, int]) -> DeviceCondition:
    address, link = str(function.address), function.link
    return DeviceCondition(address, link.speed, link.width, link.max_speed, link.max_width, utilization.get(address))
