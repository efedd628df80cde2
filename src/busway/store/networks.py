"""Networks and ports; a partial unique index keeps every address and MAC single while it is in use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Boolean, Column, ForeignKey, Index, Row, String, Table, bindparam, insert, select, update

from busway.domain.errors import Conflict, NotFound
from busway.domain.ids import PortId, ProjectId, ServerId
from busway.domain.network import Network, Port, mac_for
from busway.domain.server import ServerAddress
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata

networks = Table(
    "networks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("subnet_id", String(36), nullable=False),
    Column("name", String(255), nullable=False, unique=True),
    Column("cidr", String(18), nullable=False),
    Column("first", String(15), nullable=False),
    Column("last", String(15), nullable=False),
    Column("gateway", String(15), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
)

ports = Table(
    "ports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("network_id", String(36), ForeignKey("networks.id"), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("server_id", String(36), nullable=False, index=True),
    Column("address", String(15), nullable=False),
    Column("mac", String(17), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("released", Boolean, nullable=False),
)
_live = ports.c.released.is_(False)
Index(
    "uq_ports_live_address",
    ports.c.network_id,
    ports.c.address,
    unique=True,
    sqlite_where=_live,
    postgresql_where=_live,
)
Index("uq_ports_live_mac", ports.c.mac, unique=True, sqlite_where=_live, postgresql_where=_live)


def add_network(tx: Tx, network: Network) -> None:
    """Stores a new network."""
    tx.execute(insert(networks).values(**{c.name: getattr(network, c.name) for c in networks.c}))


def save_network_range(tx: Tx, network: Network) -> None:
    """Writes the addresses that the operator configured for a network."""
    values = {name: getattr(network, name) for name in ("cidr", "first", "last", "gateway")}
    tx.execute(update(networks).where(networks.c.id == network.id).values(**values))


def list_networks(tx: Tx) -> list[Network]:
    """All networks, oldest first."""
    return [_network(row) for row in tx.execute(select(networks).order_by(networks.c.created, networks.c.id))]


def get_network(tx: Tx, reference: str) -> Network:
    """Reads a network by id or name; raises `NotFound`."""
    known = list_networks(tx)
    for network in known:
        if reference in (network.id, network.name):
            return network
    raise NotFound(
        f"Network {reference} not found",
        detail=f"Networks: {', '.join(f'{each.name} ({each.id})' for each in known) or 'none'}.",
        remedy="List them: openstack network list",
        code="network-not-found",
    )


class Origin(Protocol):
    """Where ids and times come from; the control plane's context is one."""

    @property
    def new_id(self) -> Callable[[], str]:
        """Makes an id."""

    @property
    def now(self) -> Callable[[], datetime]:
        """Tells the time in UTC."""


def allocate_port(
    origin: Origin,
    tx: Tx,
    server_id: ServerId,
    project_id: ProjectId,
    *,
    network: str | None = None,
    fixed_ip: str | None = None,
) -> ServerAddress:
    """Gives a server an address: `fixed_ip`, or the first free one; on `network` (id or name), or the first network.

    Raises `Conflict` when the address is taken or none is free.
    """
    found = get_network(tx, network) if network else _default_network(tx)
    # One allocation at a time per network: on PostgreSQL this row lock, on SQLite the write lock of the transaction.
    tx.execute(select(networks.c.id).where(networks.c.id == found.id).with_for_update())
    port_id = PortId(origin.new_id())
    address = _free_address(tx, found, fixed_ip)
    mac = _free_mac(tx, port_id)
    tx.execute(
        insert(ports).values(
            id=port_id,
            network_id=found.id,
            project_id=project_id,
            server_id=server_id,
            address=address,
            mac=mac,
            created=origin.now(),
            released=False,
        )
    )
    return ServerAddress(found.name, address, mac, port_id, found.prefix, found.gateway)


def release_ports(tx: Tx, server_id: ServerId) -> None:
    """Makes a server's addresses free for others."""
    tx.execute(update(ports).where(ports.c.server_id == server_id, _live).values(released=True))


def list_ports(tx: Tx, project_id: ProjectId | None = None) -> list[Port]:
    """All ports in use, of one project or of all."""
    statement = select(ports).where(_live).order_by(ports.c.created, ports.c.id)
    if project_id is not None:
        statement = statement.where(ports.c.project_id == project_id)
    known = {network.id: network for network in list_networks(tx)}
    return [_port(row, known) for row in tx.execute(statement)]


# Built once: a listing asks it often.
_HELD = (
    select(ports, networks.c.name, networks.c.cidr, networks.c.gateway)
    .join(networks, networks.c.id == ports.c.network_id)
    .where(ports.c.server_id.in_(bindparam("servers", expanding=True)), _live)
    .order_by(ports.c.created, ports.c.id)
)


def list_addresses(tx: Tx, server_id: ServerId) -> tuple[ServerAddress, ...]:
    """The addresses of one server."""
    return server_addresses(tx, [server_id]).get(server_id, ())


def server_addresses(tx: Tx, server_ids: Sequence[ServerId]) -> dict[ServerId, tuple[ServerAddress, ...]]:
    """The addresses of many servers at once; a server without any is not in the answer."""
    found: dict[ServerId, tuple[ServerAddress, ...]] = {}
    for row in tx.execute(_HELD, {"servers": list(server_ids)}):
        prefix = int(row.cidr.partition("/")[2])
        address = ServerAddress(row.name, row.address, row.mac, PortId(row.id), prefix, row.gateway)
        found[row.server_id] = (*found.get(row.server_id, ()), address)
    return found


def _default_network(tx: Tx) -> Network:
    known = list_networks(tx)
    if not known:
        raise NotFound(
            "There is no network", remedy="Set network_name and network_cidr, then restart.", code="no-network"
        )
    return known[0]


def _free_address(tx: Tx, network: Network, wanted: str | None) -> str:
    statement = select(ports.c.address).where(ports.c.network_id == network.id, _live)
    taken = {row.address for row in tx.execute(statement)}
    if wanted is not None:
        if wanted in taken or wanted not in network.addresses():
            why = "is in use" if wanted in taken else f"is not between {network.first} and {network.last}"
            raise Conflict(f"Address {wanted} on network {network.name} {why}", code="address-taken")
        return wanted
    for address in network.addresses():
        if address not in taken:
            return address
    raise Conflict(
        f"Network {network.name} has no free address",
        detail=f"All {len(taken)} addresses from {network.first} to {network.last} are in use.",
        remedy="Delete a server, or widen the range of the network in the configuration.",
        code="addresses-exhausted",
    )


def _free_mac(tx: Tx, port_id: PortId) -> str:
    for attempt in range(100):
        mac = mac_for(port_id, attempt)
        if tx.execute(select(ports.c.id).where(ports.c.mac == mac, _live)).first() is None:
            return mac
    raise Conflict("No free MAC address was found in 100 attempts", code="macs-exhausted")


def _network(row: Row[Any]) -> Network:
    return Network(**row._mapping)


def _port(row: Row[Any], known: dict[Any, Network]) -> Port:
    return Port(
        id=row.id,
        network=known[row.network_id],
        project_id=row.project_id,
        server_id=row.server_id,
        address=row.address,
        mac=row.mac,
        created=row.created,
    )
