"""The addresses of servers, read from their ports."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import bindparam, select

from busway.domain.guest_network import DIRECT_PHYSICAL
from busway.domain.ids import ServerId
from busway.domain.network import Port
from busway.domain.server import ServerAddress
from busway.store.database import Tx
from busway.store.floating_ips import floating_ips
from busway.store.networks import network_of, networks
from busway.store.port_cards import cards_of
from busway.store.ports import IS_LIVE, further_addresses, ports

# Built once: a listing asks it often.
_HELD = (
    select(
        ports.c.server_id,
        ports.c.id.label("port_id"),
        ports.c.address,
        ports.c.mac,
        ports.c.vnic,
        further_addresses.c.address.label("further"),
        floating_ips.c.address.label("floating"),
        networks,
    )
    .join(networks, networks.c.id == ports.c.network_id)
    .outerjoin(floating_ips, floating_ips.c.port_id == ports.c.id)
    .outerjoin(further_addresses, further_addresses.c.port_id == ports.c.id)
    .where(ports.c.server_id.in_(bindparam("servers", expanding=True)), IS_LIVE)
    .order_by(ports.c.created, ports.c.id, further_addresses.c.place)
)


def server_addresses(tx: Tx, server_ids: Sequence[ServerId]) -> dict[ServerId, tuple[ServerAddress, ...]]:
    """Returns the addresses of many servers; servers without any are omitted."""
    found: dict[ServerId, tuple[ServerAddress, ...]] = {}
    rows = list(tx.execute(_HELD, {"servers": list(server_ids)}))
    cards = cards_of(tx, [row.server_id for row in rows if row.vnic == DIRECT_PHYSICAL])
    for _port_id, several in groupby(rows, key=lambda row: row.port_id):
        row, *others = several  # one for each further address
        network = network_of(row)
        port = Port(
            row.port_id, network, network.owner, row.server_id, row.address or "", row.mac, network.created,
            vnic=row.vnic, card=cards.get(row.port_id),
            further=tuple(each.further for each in (row, *others) if each.further),
        )  # fmt: skip
        addresses = tuple(
            ServerAddress(network.name, address, port.guest_mac, port.id, subnet.prefix, subnet.gateway)
            for subnet, address in port.fixed_ips
        )
        if row.floating:
            addresses += (ServerAddress(network.name, row.floating, port.guest_mac, port.id, 32, floating=True),)
        found[row.server_id] = (*found.get(row.server_id, ()), *addresses)
    return found
