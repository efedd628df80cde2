"""Observes the host: the state that the reconciler plans on (`LocalState`), and the report to the control plane (`Observed`).

Only what is seen to be absent counts as absent. A record that can't be read is reported as a fault of its server or
device, and its server is in `Sight.unreadable`: nothing is planned for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from busway.agent.faults import Faults
from busway.agent.held import unit_called
from busway.agent.record import Moment, ServerRecord
from busway.agent.state import StateFolder
from busway.domain.device import PciDevice
from busway.domain.disk_role import DiskRole
from busway.domain.documents import Desired, ObservedServer
from busway.domain.errors import HostError
from busway.domain.grant import Fault, Held, names_of
from busway.domain.ids import ServerId, UnitName
from busway.domain.mdev import MdevParentSeen
from busway.domain.units import Mdev, VgpuFunction
from busway.hardware.handover import is_ready, vgpu
from busway.hardware.handover.mdev import is_placed, list_ready
from busway.hardware.machine import Machine
from busway.hardware.mediated import see_mdev_parents, see_vgpu_function
from busway.hypervisor.seam import DomainSeen
from busway.reconciler.local import LocalServer, LocalState

_LOOKING = "Observe"  # stands where a fault has its step


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at the host."""

    machine: Machine
    inventory: tuple[PciDevice, ...]
    local: LocalState
    servers: tuple[ObservedServer, ...]
    unreadable: frozenset[ServerId] = frozenset()
    mdev_parents: tuple[MdevParentSeen, ...] = ()
    vgpu_functions: tuple[MdevParentSeen, ...] = ()
    fabrics: tuple[MdevParentSeen, ...] = ()

    @property
    def held(self) -> tuple[Held, ...]:
        """The units that the agent holds."""
        return self.local.held


class _Guests(Protocol):
    """A hypervisor, of which only this is asked."""

    def domains(self) -> tuple[DomainSeen, ...]: ...


@dataclass(frozen=True, slots=True)
class _Seen:
    """One server for the plan, and the fault to report; `known` is False if the server can't be observed."""

    local: LocalServer
    fault: Fault | None
    known: bool = True


def look(
    machine: Machine,
    hypervisor: _Guests,
    state: StateFolder,
    desired: Desired | None,
    faults: Faults,
    now: Moment,
    stop_patience: float,
    partitions: frozenset[UnitName] = frozenset(),
) -> Sight:
    """Reads domains first: a host whose hypervisor is away raises here and is never taken for an empty one.

    `partitions` are those of its fabric that are active.
    """
    domains = {domain.server_id: domain for domain in hypervisor.domains()}
    records, unreadable = state.held.list()
    held = tuple(record.held for record in records)
    for name, error in unreadable.items():
        held += _held_by_any(name, error, desired, domains)
    ids = sorted({*domains, *state.server_ids(), *(record.held.server_id for record in records)})
    eyes = _Eyes(state, faults, now, stop_patience)
    seen = [eyes.see(server_id, domains.get(server_id)) for server_id in ids]
    local = LocalState(
        servers=tuple(one.local for one in seen),
        images=state.cached_images(),
        held=held,
        ready=_ready(machine, held) | partitions,
    )
    unknown = frozenset(one.local.id for one in seen if not one.known)
    told = tuple(_observed(one, held) for one in seen)
    parents, functions = see_mdev_parents(machine.root), _vgpu_functions(machine)
    return Sight(machine, machine.inventory, local, told, unknown, parents, functions)


def _vgpu_functions(machine: Machine) -> tuple[MdevParentSeen, ...]:
    vfs = (function for function in machine if function.is_vf)
    found = (see_vgpu_function(vf.folder, vf.address, str(vf.parent or "")) for vf in vfs)
    return tuple(each for each in found if each is not None)


def _ready(machine: Machine, held: tuple[Held, ...]) -> frozenset[UnitName]:
    """The units of every kind that are as a guest needs them."""
    functions = (str(function.address) for function in machine if is_ready(function))
    unplaced = {
        each.unit.name for each in held if isinstance(each.unit, Mdev) and not is_placed(machine.root, each.unit)
    }
    units = (each.unit for each in held)
    vgpus = {unit.name for unit in units if isinstance(unit, VgpuFunction) and vgpu.is_ready(machine.root, unit)}
    return frozenset(map(UnitName, (*functions, *list_ready(machine.root), *vgpus))) - unplaced


def _held_by_any(
    name: UnitName, error: HostError, desired: Desired | None, domains: dict[ServerId, DomainSeen]
) -> tuple[Held, ...]:
    """A unit of which nobody can tell whose it is counts as held for each server that may have it."""
    unit = unit_called(name)
    owners = {server_id for server_id, domain in domains.items() if any(one.name == name for one in domain.attached)}
    if desired is not None:
        owners |= {*desired.absent}
        owners |= {server.id for server in desired.servers if name in names_of(server.devices)}
    return tuple(Held(owner, unit, fault=_fault(error)) for owner in sorted(owners) if unit is not None)


@dataclass(frozen=True, slots=True)
class _Eyes:
    """Looks at the files of servers."""

    state: StateFolder
    faults: Faults
    now: Moment
    stop_patience: float

    def see(self, server_id: ServerId, domain: DomainSeen | None) -> _Seen:
        """One server; if its files can't be read, this is reported."""
        unknown = LocalServer(server_id, files=True)
        if domain is not None:
            unknown = replace(
                unknown, power=domain.power, attached=domain.attached, paused=domain.paused, saved=domain.saved
            )
        try:
            record = self.state.record(server_id)
            return _Seen(self._local(unknown, record), self.faults.current(server_id, record))
        except HostError as error:
            return _Seen(unknown, _fault(error), known=False)
        except OSError as error:
            words = HostError(
                f"The files of server {server_id} can't be read",
                detail=f"{error}. Nothing is done to the server.",
                remedy="Check the disk of this host, and the number of open files.",
                code="record-unreadable",
            )
            return _Seen(unknown, _fault(words), known=False)

    def _local(self, server: LocalServer, record: ServerRecord) -> LocalServer:
        asked = record.stop_asked
        return replace(
            server,
            files=self.state.folder(server.id).exists(),
            disks=self.state.disks(server.id),
            ephemeral=self.state.extra_disks(server.id, DiskRole.EPHEMERAL),
            swap=self.state.extra_disks(server.id, DiskRole.SWAP),
            disk=record.disk,
            definition=record.definition,
            config_drive=record.config_drive if self.state.files(server.id).config_drive.exists() else "",
            starts=record.starts,
            reboots=record.reboots,
            uploaded=record.uploaded,
            rescue=record.rescue,
            stop_asked=asked is not None,
            stop_overdue=asked is not None and asked.passed(self.now) >= self.stop_patience,
        )


def _observed(seen: _Seen, held: tuple[Held, ...]) -> ObservedServer:
    server = seen.local
    mine = {each.unit.name for each in held if each.server_id == server.id}
    return ObservedServer(
        id=server.id,
        power=server.power,
        starts=server.starts,
        reboots=server.reboots,
        devices=tuple(sorted(mine | server.attached_names)),
        fault=seen.fault,
        disk=server.disk,
        saved=server.saved,
        rescue=server.rescue,
    )


def _fault(error: HostError) -> Fault:
    return Fault(_LOOKING, error.brief, error.detail, error.remedy, error.code)
