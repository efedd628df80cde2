"""Observes the host: the state that the reconciler plans on (`LocalState`), and the report to the control plane (`Observed`).

Only what is seen to be absent counts as absent. A record that can't be read is reported as a fault of its server or
device, and its server is in `Sight.unreadable`: nothing is planned for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
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
from busway.domain.live_move import LiveSeen, LiveStage
from busway.domain.mdev import MdevParentSeen
from busway.domain.units import Mdev, RenderShare, VgpuFunction
from busway.hardware.handover import is_ready, vgpu
from busway.hardware.handover.mdev import is_placed, list_ready
from busway.hardware.machine import Machine
from busway.hardware.mediated import see_mdev_parents, see_vgpu_function
from busway.hardware.render_node import has_render_node
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
    render_nodes: tuple[MdevParentSeen, ...] = ()
    doubtful: tuple[Held, ...] = ()  # for the report alone: what any server here may have and none is asked to have

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
    ignored: tuple[str, ...] = ()
    live: LiveSeen | None = None
    arriving: bool = False


def look(
    machine: Machine,
    hypervisor: _Guests,
    state: StateFolder,
    desired: Desired | None,
    faults: Faults,
    now: Moment,
    stop_patience: float,
    partitions: frozenset[UnitName] = frozenset(),
    unplug_patience: float = 60.0,
    live: Callable[[ServerId], LiveSeen | None] = lambda _server_id: None,
    options: str = "",
    press_patience: float = 10.0,
) -> Sight:
    """Reads counters, then domains, then all else: a host whose hypervisor is away raises here and is never taken for an empty one.

    `partitions` are those of its fabric that are active; `live` has the live migrations. `options` is the digest of what the
    host chooses for all guests, "" if it does not matter.
    """
    counted = _counters(state)
    domains = {domain.server_id: domain for domain in hypervisor.domains()}
    records, unreadable = state.held.list()
    held = tuple(record.held for record in records)
    doubtful: tuple[Held, ...] = ()
    for name, error in unreadable.items():
        held += _held_by_any(name, error, desired, domains)
        doubtful += _doubtful(name, error, desired)
    ids = sorted({*domains, *state.server_ids(), *(record.held.server_id for record in records)})
    observation = _Observation(state, faults, now, stop_patience, press_patience, unplug_patience, live, counted)
    seen = [observation.see(server_id, domains.get(server_id)) for server_id in ids]
    local = LocalState(
        servers=tuple(one.local for one in seen),
        images=state.cached_images(),
        held=held,
        ready=_ready(machine, held) | partitions,
        options=options,
    )
    unknown = frozenset(one.local.id for one in seen if not one.known)
    seen_servers = tuple(_observed(one, held) for one in seen)
    parents, functions = see_mdev_parents(machine.root), _vgpu_functions(machine)
    return Sight(machine, machine.inventory, local, seen_servers, unknown, parents, functions, doubtful=doubtful)


def _counters(state: StateFolder) -> dict[ServerId, tuple[int, int]]:
    """The starts and reboots that were carried out before the domains are listed.

    A worker starts a guest and then counts it. Were its count read after a list in which the guest is still off, the guest would
    seem to have run and to have powered itself off.
    """
    found = {}
    for server_id in state.server_ids():
        with suppress(HostError, OSError):
            record = state.record(server_id)
            found[server_id] = (record.starts, record.reboots)
    return found


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
    units = [each.unit for each in held]
    nodes = {unit.render_node for unit in units if isinstance(unit, RenderShare)}
    there = {node for node in nodes if has_render_node(machine.root, node)}
    shares = {unit.name for unit in units if isinstance(unit, RenderShare) and unit.render_node in there}
    vgpus = {unit.name for unit in units if isinstance(unit, VgpuFunction) and vgpu.is_ready(machine.root, unit)}
    return frozenset(map(UnitName, (*functions, *list_ready(machine.root), *vgpus, *shares))) - unplaced


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


def _doubtful(name: UnitName, error: HostError, desired: Desired | None) -> tuple[Held, ...]:
    """A unit that no server is asked to have, and whose record can't be read: any server may have it still.

    Only the record tells which server had a device that was detached, or that a smaller flavor does not have. Each server is
    reported as its holder, so that nobody takes it for given back; nothing is planned for it.
    """
    unit = unit_called(name)
    if unit is None or desired is None or any(name in names_of(server.devices) for server in desired.servers):
        return ()
    return tuple(Held(server.id, unit, fault=_fault(error)) for server in desired.servers)


@dataclass(frozen=True, slots=True)
class _Observation:
    """Looks at the files of servers."""

    state: StateFolder
    faults: Faults
    now: Moment
    stop_patience: float
    press_patience: float
    unplug_patience: float
    live: Callable[[ServerId], LiveSeen | None]
    counted: Mapping[ServerId, tuple[int, int]]

    def see(self, server_id: ServerId, domain: DomainSeen | None) -> _Seen:
        """One server; if its files can't be read, this is reported."""
        unknown = LocalServer(server_id, files=True)
        if domain is not None:
            unknown = replace(
                unknown,
                power=domain.power,
                attached=domain.attached,
                paused=domain.paused or domain.arriving,
                saved=domain.saved,
                cards=domain.cards,
                left=domain.left,
            )
        try:
            record = self.state.record(server_id)
            local = self._local(unknown, record)
            starts, reboots = self.counted.get(server_id, (0, 0))
            local = replace(local, starts=min(local.starts, starts), reboots=min(local.reboots, reboots))
            live = _handed(local, record) or self.live(server_id)
            # libvirt shows a domain that breaks off as shutting down, which is otherwise a guest that runs.
            arriving = domain is not None and (domain.arriving or bool(record.awaited))
            fault, ignored = self.faults.current(server_id, record), self._ignored(local, record)
            return _Seen(local, fault, ignored=ignored, live=live, arriving=arriving)
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

    def _ignored(self, server: LocalServer, record: ServerRecord) -> tuple[str, ...]:
        """What the guest was asked to let go so long ago that its user must be told."""
        asked = record.asked_out.items() if server.running else ()
        late = [thing for thing, when in asked if when.first.passed(self.now) >= self.unplug_patience]
        return tuple(sorted(thing for thing in late if thing in {*server.cards, *server.attached_names}))

    def _local(self, server: LocalServer, record: ServerRecord) -> LocalServer:
        asked, pressed = record.stop_asked, record.stop_pressed or record.stop_asked
        recent = (
            thing for thing, when in record.asked_out.items() if when.last.passed(self.now) < self.unplug_patience
        )
        return replace(
            server,
            files=self.state.folder(server.id).exists(),
            disks=self.state.disks(server.id),
            ephemeral=self.state.extra_disks(server.id, DiskRole.EPHEMERAL),
            swap=self.state.extra_disks(server.id, DiskRole.SWAP),
            disk=record.disk,
            definition=record.definition,
            options=record.options,
            config_drive=record.config_drive if self.state.files(server.id).config_drive.exists() else "",
            starts=record.starts,
            reboots=record.reboots,
            uploaded=record.uploaded,
            uploaded_ephemeral=record.uploaded_ephemeral,
            rescue=record.rescue,
            asked_out=frozenset(recent),
            handed=record.handed,
            awaited=_awaited(self.live(server.id)),
            stop_asked=asked is not None,
            stop_again=pressed is not None and pressed.passed(self.now) >= self.press_patience,
            stop_overdue=asked is not None and asked.passed(self.now) >= self.stop_patience,
        )


def _awaited(seen: LiveSeen | None) -> str:
    return seen.move if seen is not None and seen.stage is LiveStage.LISTENING else ""


def _handed(server: LocalServer, record: ServerRecord) -> LiveSeen | None:
    """A guest that has left: the record says so, or libvirt where the agent did not come to write it down. Its domain is off."""
    move = record.handed or (record.sending if server.left else "")
    return None if not move or server.running else LiveSeen(move, LiveStage.HANDED, progress=record.progress)


def _observed(seen: _Seen, held: tuple[Held, ...]) -> ObservedServer:
    server = seen.local
    own_units = {each.unit.name for each in held if each.server_id == server.id}
    return ObservedServer(
        id=server.id,
        power=server.power,
        starts=server.starts,
        reboots=server.reboots,
        devices=tuple(sorted(own_units | server.attached_names)),
        fault=seen.fault,
        disk=server.disk,
        saved=server.saved,
        rescue=server.rescue,
        cards=server.cards,
        attached=tuple(sorted(server.attached_names)),
        ignored=seen.ignored,
        live=seen.live,
        arriving=seen.arriving,
    )


def _fault(error: HostError) -> Fault:
    return Fault(_LOOKING, error.brief, error.detail, error.remedy, error.code)
