"""Renames or describes a server, and pins it to its zone."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from busway.control.context import Control
from busway.control.servers.access import server_row
from busway.control.servers.read import read_server
from busway.domain.caller import Caller
from busway.domain.errors import Conflict
from busway.domain.placement import ZONE
from busway.domain.server import Server
from busway.store import aggregates, moves, servers
from busway.store.database import Tx
from busway.store.servers import ServerRow


@dataclass(frozen=True, slots=True)
class ServerChange:
    """What is changed of a server; None leaves a field as it is, and an empty access address or zone takes it away."""

    name: str | None = None
    description: str | None = None
    hostname: str | None = None
    access_ipv4: str | None = None
    access_ipv6: str | None = None
    disk_config: str | None = None
    availability_zone: str | None = None


def update_server(control: Control, caller: Caller, server_id: str, wanted: ServerChange) -> Server:
    """Changes what a server is called and what its user keeps with it; its guest has a new host name from its next start on.

    A server that has no zone may go to any when it moves next. Raises `Conflict` for a zone that it can't be pinned to.
    """
    changes = {key: value for key, value in asdict(wanted).items() if value is not None}
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "update", lock=True)
        if wanted.availability_zone not in (None, "", row.availability_zone):
            _check_pin(tx, row, wanted.availability_zone)
        servers.update_server(tx, row.id, control.now(), **changes)
        return read_server(tx, caller, row.id)


def _check_pin(tx: Tx, row: ServerRow, zone: str) -> None:
    """Raises `Conflict` unless a server that has no zone is in this one, and stays there."""
    if row.availability_zone:
        raise _no_pin(
            row,
            zone,
            f"It is pinned to zone {row.availability_zone}.",
            "Set pinned_availability_zone to null first, move it, and pin it then.",
        )
    if row.host_id is None:
        raise _no_pin(
            row,
            zone,
            "It is on no host, so it is in no zone.",
            "Wait until it is placed; one that is shelved gets its zone with: openstack server unshelve --availability-zone ZONE.",
        )
    if moves.find_open_move(tx, row.id) is not None:
        raise _no_pin(
            row,
            zone,
            f"It is moving: it is {row.status}.",
            "Wait until it has moved, and confirm or revert its resize.",
        )
    here = aggregates.zones_of_hosts(tx, {row.host_id}).get(row.host_id, ZONE)
    if zone != here:
        raise _no_pin(row, zone, f"It is in zone {here}.", f"Pin it to {here}, or move it first.")


def _no_pin(row: ServerRow, zone: str, detail: str, remedy: str) -> Conflict:
    return Conflict(
        f"Server {row.id} can't be pinned to availability zone {zone}", detail=detail, remedy=remedy, code="zone-pin"
    )
