"""Why a server's devices can't be taken this round: another server still has them."""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.documents import Desired, DesiredServer
from busway.domain.ids import ServerId, UnitName
from busway.reconciler.local import LocalState


@dataclass(frozen=True, slots=True)
class Wait:
    """A server that gets no step this round, and the reason."""

    server_id: ServerId
    reason: str


def waits(desired: Desired, local: LocalState) -> tuple[Wait, ...]:
    """Tells which of the desired servers wait for a device, and for whom."""
    owners = device_owners(local)
    found = (wait_of(server, owners, local) for server in desired.servers if server.id not in desired.absent)
    return tuple(wait for wait in found if wait is not None)


def device_owners(local: LocalState) -> dict[UnitName, frozenset[ServerId]]:
    """The owner of each device on this host, by its record or because a domain names it."""
    owners: dict[UnitName, frozenset[ServerId]] = {}
    for held in local.held:
        name = held.unit.name
        owners[name] = owners.get(name, frozenset()) | {held.server_id}
    for server in local.servers:
        for name in server.attached_names:
            owners[name] = owners.get(name, frozenset()) | {server.id}
    return owners


def wait_of(server: DesiredServer, owners: dict[UnitName, frozenset[ServerId]], local: LocalState) -> Wait | None:
    """The wait of one server, None when all its devices are free or its own, or when it runs already."""
    if local.server(server.id).running:
        return None
    taken = [
        f"{grant.unit.name} is still held for server {', '.join(sorted(others))}"
        for grant in server.devices
        if (others := owners.get(grant.unit.name, frozenset()) - {server.id})
    ]
    return Wait(server.id, "; ".join(taken)) if taken else None
