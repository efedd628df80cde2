"""Makes the layouts that the operator declared for this host before servers use them, and again after each restart of the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from busway.agent.observe import Sight
from busway.domain.address import PciAddress
from busway.domain.documents import Desired, DesiredServer
from busway.domain.errors import BadInput, BuswayError
from busway.domain.ids import ServerId, UnitName
from busway.domain.sriov_layout import SriovLayout
from busway.domain.units import Mdev, Unit, VgpuFunction, WholeFunction
from busway.hardware.provision import is_laid_out, lay_out
from busway.hardware.verbs import DeviceVerbs
from busway.reconciler.waits import Wait

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds between two tries of one that failed


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a layout could not be made, and when it is tried again."""

    error: BuswayError
    again: float
    pause: float


class Provisions:
    """The layouts of one host; a layout that can't be made delays only the servers that need it."""

    def __init__(
        self,
        layouts: Sequence[SriovLayout],
        verbs: DeviceVerbs,
        monotonic: Callable[[], float],
        log: FilteringBoundLogger,
        patience: float,
    ) -> None:
        self._layouts = layouts
        self._verbs = verbs
        self._monotonic = monotonic
        self._log = log
        self._patience = patience
        self._troubles: dict[SriovLayout, _Trouble] = {}

    def converge(self, sight: Sight, desired: Desired | None) -> bool:
        """Makes the first layout that is not as it must be and may be tried; true when something was tried.

        One in each round: a kernel that takes its time with one card must not keep the agent from reporting.
        """
        users = _users(sight, desired)
        for layout in self._layouts:
            if is_laid_out(sight.machine, layout, users):
                self._troubles.pop(layout, None)
            elif self._is_due(layout):
                self._try(layout, users)
                return True
        return False

    def waiting(self, sight: Sight, desired: Desired) -> tuple[Wait, ...]:
        """The servers that need a virtual function which is not there, while layouts are still to be made."""
        users = _users(sight, desired)
        open_ones = [layout for layout in self._layouts if not is_laid_out(sight.machine, layout, users)]
        if not open_ones:
            return ()
        here = {UnitName(str(function.address)) for function in sight.machine}
        lacking = ((server.id, _functions(server) - here) for server in desired.servers)
        reason = f"the virtual functions of {', '.join(str(layout.address) for layout in open_ones)} are not made yet"
        return tuple(Wait(server_id, f"{name}: {reason}") for server_id, names in lacking for name in sorted(names)[:1])

    @property
    def notes(self) -> tuple[str, ...]:
        """What keeps layouts from being made, for the report."""
        return tuple(f"{layout.address}: {each.error}" for layout, each in self._troubles.items())

    def _is_due(self, layout: SriovLayout) -> bool:
        trouble = self._troubles.get(layout)
        return trouble is None or self._monotonic() >= trouble.again

    def _try(self, layout: SriovLayout, users: dict[PciAddress, str]) -> None:
        try:
            done = lay_out(self._verbs, layout, users, patience=self._patience)
        except BuswayError as error:
            self._remember(layout, error)
        else:
            self._log.info("virtual functions are laid out", device=str(layout.address), done=done)

    def _remember(self, layout: SriovLayout, error: BuswayError) -> None:
        last = self._troubles.get(layout)
        pause = min(last.pause * 2, _LONGEST_PAUSE) if last else _FIRST_PAUSE
        self._troubles[layout] = _Trouble(error, self._monotonic() + pause, pause)
        if last is None or last.error.code != error.code:
            words = {"why": str(error), "code": error.code, "remedy": error.remedy}
            self._log.error("virtual functions can't be laid out", device=str(layout.address), **words)


def _functions(server: DesiredServer) -> frozenset[UnitName]:
    """The names of the functions that a server needs: what is none of these waits for no virtual function."""
    units = (grant.unit for grant in server.devices)
    return frozenset(unit.name for unit in units if isinstance(unit, WholeFunction | VgpuFunction))


def _users(sight: Sight, desired: Desired | None) -> dict[PciAddress, str]:
    """The servers of functions: the server that holds one, that has it in its domain, or that will get it."""
    found: dict[PciAddress, str] = {}
    for server in desired.servers if desired else ():
        found |= _of(server.id, (grant.unit for grant in server.devices))
    for held in sight.held:
        found |= _of(held.server_id, (held.unit,))
    functions = {str(function.address): function.address for function in sight.machine}
    for local in sight.local.servers:
        found |= {functions[name]: str(local.id) for name in local.attached_names if name in functions}
    return found


def _of(server_id: ServerId, units: Iterable[Unit]) -> dict[PciAddress, str]:
    return {address: str(server_id) for unit in units if (address := _address_of(unit)) is not None}


def _address_of(unit: Unit) -> PciAddress | None:
    """The function that a unit is, or is an instance of."""
    if isinstance(unit, WholeFunction | VgpuFunction):
        return unit.address
    try:
        return PciAddress(unit.parent) if isinstance(unit, Mdev) else None
    except BadInput:
        return None
