"""The functions of SR-IOV ports: claims of the kind `nic`, matched with the ports that requested them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, select

from busway.domain.device import PciDevice
from busway.domain.guest_network import NORMAL
from busway.domain.ids import ClaimId, DeviceId, PortId, ServerId
from busway.domain.nic_request import nic_alias, pair_ports
from busway.domain.units import NicFunction
from busway.store.claims import claims, is_live
from busway.store.database import Tx
from busway.store.devices import list_by_id
from busway.store.metadata import metadata
from busway.store.networks import networks
from busway.store.servers import servers


def cards_of(tx: Tx, server_ids: Collection[ServerId]) -> dict[PortId, PciDevice]:
    """Returns the function of each SR-IOV port of these servers, on the present host of its server."""
    if not server_ids:
        return {}
    wanted = list(dict.fromkeys(server_ids))
    claimed = _claimed(tx, wanted)
    known = {
        row.id: row.device
        for row in list_by_id(tx, [device for found in claimed.values() for device, _ in found.values()])
    }
    cards: dict[PortId, PciDevice] = {}
    for server_id, asked in _asked(tx, wanted).items():
        aliases = claimed.get(server_id, {})
        pairs = pair_ports(asked, [(claim_id, alias) for claim_id, (_, alias) in aliases.items()])
        cards |= {port_id: known[aliases[claim_id][0]] for claim_id, port_id in pairs.items()}
    return cards


def _asked(tx: Tx, server_ids: list[ServerId]) -> dict[ServerId, list[tuple[PortId, str]]]:
    ports = metadata.tables["ports"]  # its module imports this one
    statement = (
        select(ports.c.id, ports.c.server_id, ports.c.vnic, networks.c.physical)
        .join(networks, networks.c.id == ports.c.network_id)
        .where(ports.c.server_id.in_(server_ids), ports.c.vnic != NORMAL, ports.c.released.is_(False))
        .order_by(ports.c.created, ports.c.id)
    )
    found: dict[ServerId, list[tuple[PortId, str]]] = {}
    for row in tx.execute(statement):
        found.setdefault(row.server_id, []).append((row.id, nic_alias(row.vnic, row.physical).name))
    return found


def _claimed(tx: Tx, server_ids: list[ServerId]) -> dict[ServerId, dict[ClaimId, tuple[DeviceId, str]]]:
    here = and_(servers.c.id == claims.c.server_id, servers.c.host_id == claims.c.host_id)
    statement = (
        select(claims.c.id, claims.c.server_id, claims.c.device_id, claims.c.alias)
        .join(servers, here)
        .where(claims.c.server_id.in_(server_ids), claims.c.kind == NicFunction.kind, is_live())
    )
    found: dict[ServerId, dict[ClaimId, tuple[DeviceId, str]]] = {}
    for row in tx.execute(statement):
        found.setdefault(row.server_id, {})[row.id] = (row.device_id, row.alias)
    return found
