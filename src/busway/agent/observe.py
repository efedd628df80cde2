"""Looks at the host: what the reconciler plans on (`LocalState`) and what the control plane is told (`Observed`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from busway.agent.state import StateFolder
from busway.domain.device import PciDevice
from busway.domain.documents import ObservedServer
from busway.domain.grant import Held
from busway.domain.ids import ServerId, UnitName
from busway.hardware.kernel import VFIO, KernelVerbs
from busway.hardware.scan import scan
from busway.hypervisor.seam import DomainSeen, Hypervisor
from busway.reconciler.local import LocalServer, LocalState


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at the host."""

    inventory: tuple[PciDevice, ...]
    local: LocalState
    servers: tuple[ObservedServer, ...]

    @property
    def held(self) -> tuple[Held, ...]:
        """The units that the agent holds."""
        return self.local.held


def look(kernel: KernelVerbs, hypervisor: Hypervisor, state: StateFolder, now_ns: int, stop_patience: float) -> Sight:
    """Reads domains first: a host whose hypervisor is away raises here and is never taken for an empty one."""
    domains = {domain.server_id: domain for domain in hypervisor.domains()}
    inventory = scan(kernel.root)
    held = state.list_held()
    ids = sorted({*domains, *state.server_ids(), *(each.server_id for each in held)})
    local = LocalState(
        servers=tuple(_local(server_id, domains.get(server_id), state, now_ns, stop_patience) for server_id in ids),
        images=state.cached_images(),
        held=held,
        ready=frozenset(UnitName(str(device.address)) for device in inventory if device.driver == VFIO),
    )
    return Sight(inventory, local, tuple(_observed(server, state, held) for server in local.servers))


def _local(
    server_id: ServerId, domain: DomainSeen | None, state: StateFolder, now_ns: int, stop_patience: float
) -> LocalServer:
    record = state.record(server_id)
    asked = record.stop_asked_ns
    return LocalServer(
        id=server_id,
        power=domain.power if domain else None,
        attached=domain.attached if domain else (),
        files=state.folder(server_id).exists(),
        disks=state.disks(server_id),
        disk=record.disk,
        definition=record.definition,
        config_drive=record.config_drive if state.files(server_id).config_drive.exists() else "",
        starts=record.starts,
        reboots=record.reboots,
        uploaded=record.uploaded,
        stop_asked=asked is not None,
        stop_overdue=asked is not None and not 0 <= now_ns - asked < stop_patience * 1e9,
    )


def _observed(server: LocalServer, state: StateFolder, held: Iterable[Held]) -> ObservedServer:
    mine = {each.unit.name for each in held if each.server_id == server.id}
    return ObservedServer(
        id=server.id,
        power=server.power,
        starts=server.starts,
        reboots=server.reboots,
        devices=tuple(sorted(mine | server.attached_names)),
        fault=state.record(server.id).fault,
        disk=server.disk,
    )
