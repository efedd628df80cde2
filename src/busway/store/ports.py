"""Ports; a partial unique index keeps every address and MAC single while it is in use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Row,
    String,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from busway.domain.errors import BadInput, Conflict
from busway.domain.guest_network import AddressPair
from busway.domain.ids import HostId, NetworkId, PortId, ProjectId, SecurityGroupId, ServerId
from busway.domain.network import Network, Port, mac_for
from busway.domain.server import ServerAddress
from busway.store.database import Tx
from busway.store.hosts import hosts
from busway.store.metadata import Json, UtcTime, metadata
from busway.store.networks import list_networks, network_of, networks
from busway.store.paging import SortKey, page_of
from busway.store.servers import Intent, servers

ports = Table(
    "ports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("network_id", String(36), ForeignKey("networks.id"), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("server_id", String(36), index=True),
    Column("address", String(15)),
    Column("mac", String(17), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("released", Boolean, nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", String(255), nullable=False),
    Column("own", Boolean, nullable=False),
    Column("security", Boolean, nullable=False),
    Column("pairs", Json),
    Index("ix_ports_created_id", "created", "id"),
    Index("ix_ports_project_id_created_id", "project_id", "created", "id"),
)
_FIRST_LOOK, _LONGEST_LOOK = 64, 4096  # addresses that are looked at together
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

port_groups = Table(
    "port_security_groups",
    metadata,
    Column("port_id", String(36), ForeignKey("ports.id"), primary_key=True),
    Column("group_id", String(36), primary_key=True, index=True),
)


def add_port(tx: Tx, port: Port) -> None:
    """Stores a new port with its groups."""
    add_ports(tx, [port])


def add_ports(tx: Tx, several: Sequence[Port]) -> None:
    """Stores new ports with their groups."""
    if several:
        tx.execute(insert(ports), [{**_values(port), "released": False} for port in several])
        _set_groups(tx, *several)


def save_port(tx: Tx, port: Port) -> None:
    """Rewrites a port completely."""
    tx.execute(update(ports).where(ports.c.id == port.id).values(**_values(port)))
    tx.execute(delete(port_groups).where(port_groups.c.port_id == port.id))
    _set_groups(tx, port)


def remove_port(tx: Tx, port_id: PortId) -> None:
    """Forgets a port: its addresses are free for others."""
    tx.execute(delete(port_groups).where(port_groups.c.port_id == port_id))
    tx.execute(delete(ports).where(ports.c.id == port_id))


def forget_released(tx: Tx, network_id: NetworkId) -> None:
    """Forgets the ports on a network that earlier releases kept as released."""
    tx.execute(delete(ports).where(ports.c.network_id == network_id, ports.c.released.is_(True)))


def release_ports(tx: Tx, server_id: ServerId) -> list[Port]:
    """Takes a server's ports from it and returns them: those that it came with are gone, a user's own stay."""
    held = server_ports(tx, [server_id]).get(server_id, [])
    for port in held:
        if port.own:
            tx.execute(update(ports).where(ports.c.id == port.id).values(server_id=None))
        else:
            remove_port(tx, port.id)
    return held


@dataclass(frozen=True, slots=True)
class PortFilter:
    """Which ports a list holds, each column one of several values; `sort` has pairs of a column and "descending"."""

    equal: Mapping[str, Collection[str]] = field(default_factory=dict)
    subnets: Collection[str] = ()
    project_id: ProjectId | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    marker: str | None = None


PORT_COLUMNS = {
    "id": ports.c.id,
    "name": ports.c.name,
    "network_id": ports.c.network_id,
    "device_id": ports.c.server_id,
    "mac_address": ports.c.mac,
    "ip_address": ports.c.address,
    "project_id": ports.c.project_id,
    "tenant_id": ports.c.project_id,
}
PORT_SORT_KEYS = frozenset({"id", "name", "network_id", "mac_address", "project_id", "tenant_id"})


def list_page(tx: Tx, wanted: PortFilter) -> list[Port]:
    """The ports in use that a filter lets through, oldest first unless sorted; `BadInput` for an unknown marker."""
    conditions: list[ColumnElement[bool]] = [_live]
    conditions += [PORT_COLUMNS[name].in_(values) for name, values in wanted.equal.items()]
    if wanted.project_id is not None:
        conditions.append(ports.c.project_id == wanted.project_id)
    if wanted.subnets:
        of = or_(networks.c.subnet_id.in_(wanted.subnets), networks.c.subnet6_id.in_(wanted.subnets))
        conditions.append(ports.c.network_id.in_(select(networks.c.id).where(of)))
    keys = [SortKey(PORT_COLUMNS[name], down) for name, down in wanted.sort]
    keys += [SortKey(ports.c.created), SortKey(ports.c.id)]
    marker = and_(ports.c.id == wanted.marker, *conditions) if wanted.marker is not None else None
    page = page_of(tx, select(ports).where(*conditions), keys, marker=marker, limit=wanted.limit)
    return _ports(tx, list(tx.execute(page)))


def count_ports(tx: Tx, project_id: ProjectId) -> int:
    """How many ports in use a project has."""
    statement = select(func.count()).where(_live, ports.c.project_id == project_id)
    return int(tx.execute(statement).scalar_one())


def list_ports(tx: Tx, project_id: ProjectId | None = None, *, network_id: NetworkId | None = None) -> list[Port]:
    """All ports in use, of one project or network or of all, oldest first."""
    statement = select(ports).where(_live).order_by(ports.c.created, ports.c.id)
    if project_id is not None:
        statement = statement.where(ports.c.project_id == project_id)
    if network_id is not None:
        statement = statement.where(ports.c.network_id == network_id)
    return _ports(tx, list(tx.execute(statement)))


def find_port(tx: Tx, port_id: str, *, lock: bool = False) -> Port | None:
    """One port in use."""
    statement = select(ports).where(ports.c.id == port_id, _live)
    found = _ports(tx, list(tx.execute(statement.with_for_update() if lock else statement)))
    return found[0] if found else None


def group_ports(tx: Tx, group_ids: Iterable[SecurityGroupId]) -> list[Port]:
    """The ports in use that are in one of the groups."""
    members = select(port_groups.c.port_id).where(port_groups.c.group_id.in_(list(group_ids)))
    statement = select(ports).where(_live, ports.c.id.in_(members)).order_by(ports.c.created, ports.c.id)
    return _ports(tx, list(tx.execute(statement)))


def server_ports(tx: Tx, server_ids: Sequence[ServerId]) -> dict[ServerId, list[Port]]:
    """The ports of many servers at once; a server without any is not in the answer."""
    statement = select(ports).where(ports.c.server_id.in_(list(server_ids)), _live)
    found: dict[ServerId, list[Port]] = {}
    for port in _ports(tx, list(tx.execute(statement.order_by(ports.c.created, ports.c.id)))):
        if port.server_id is not None:
            found.setdefault(port.server_id, []).append(port)
    return found


def hosts_of(tx: Tx, projects: Sequence[ProjectId]) -> dict[ServerId, HostId]:
    """The hosts of the servers of some projects that are placed."""
    statement = select(servers.c.id, servers.c.host_id).where(
        servers.c.project_id.in_(list(projects)),
        servers.c.host_id.is_not(None),
        servers.c.intent == str(Intent.PRESENT),
    )
    return {ServerId(row.id): HostId(row.host_id) for row in tx.execute(statement)}


def host_names(tx: Tx, server_ids: Sequence[ServerId]) -> dict[ServerId, str]:
    """The names of the hosts of servers; one that is nowhere is not in the answer."""
    statement = select(servers.c.id, hosts.c.name).join(hosts, hosts.c.id == servers.c.host_id)
    found = tx.execute(statement.where(servers.c.id.in_(list(server_ids))))
    return {ServerId(row.id): str(row.name) for row in found}


# Built once: a listing asks it often.
_HELD = (
    select(ports.c.server_id, ports.c.id.label("port_id"), ports.c.address, ports.c.mac, networks)
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
        network = network_of(row)
        port = Port(row.port_id, network, network.owner, row.server_id, row.address or "", row.mac, network.created)
        told = tuple(
            ServerAddress(network.name, address, port.mac, port.id, subnet.prefix, subnet.gateway)
            for subnet, address in port.fixed_ips
        )
        found[row.server_id] = (*found.get(row.server_id, ()), *told)
    return found


def take_address(tx: Tx, network: Network, wanted: str | None) -> str:
    """The first free address of a network that is locked, or `wanted`; "" on one without IPv4. Raises as `take_cards`."""
    return _addresses(network, wanted, 1, partial(_in_use, tx, network))[0]


def take_cards(
    tx: Tx, network: Network, port_ids: Sequence[PortId], address: str | None = None, mac: str | None = None
) -> list[tuple[str, str]]:
    """An address ("" on a network without IPv4) and a MAC for each of some new ports on a network that is locked.

    `address` and `mac` are those that are asked for. Raises `Conflict` when one is taken or none is free, `BadInput` for an
    address that no port there can have. All is looked up in one statement unless the network is crowded.
    """
    macs = {port_id: mac or mac_for(port_id, 0) for port_id in port_ids}
    doubled: set[str] = set()
    asked = list(macs.values())

    def used(several: Sequence[str]) -> set[str]:
        nonlocal asked
        found = _in_use(tx, network, several, asked)
        doubled.update(found & set(asked))
        asked = []
        return found

    addresses = _addresses(network, address, len(port_ids), used)
    if asked:
        used([])
    return [
        (given, take_mac(tx, port_id, mac) if macs[port_id] in doubled else macs[port_id])
        for port_id, given in zip(port_ids, addresses, strict=True)
    ]


def _addresses(
    network: Network, wanted: str | None, count: int, used: Callable[[Sequence[str]], set[str]]
) -> list[str]:
    if network.v4 is None:
        if wanted:
            raise Conflict(f"Network {network.name} has no IPv4 addresses", code="address-taken")
        return [""] * count
    if wanted is not None:
        if count > 1 or used([wanted]):
            raise Conflict(f"Address {wanted} on network {network.name} is in use", code="address-taken")
        if not network.v4.holds(wanted):
            raise BadInput(
                f"IP address {wanted} is not a valid IP for the specified subnet",
                detail=f"Network {network.name} has {network.v4.cidr}, without its ends and its gateway.",
                code="address-outside",
            )
        return [wanted]
    addresses = iter(network.v4.addresses())
    free: list[str] = []
    size = max(_FIRST_LOOK, 2 * count)
    while several := list(islice(addresses, size)):
        taken = used(several)
        free += [address for address in several if address not in taken]
        if len(free) >= count:
            return free[:count]
        size = _LONGEST_LOOK  # a crowded network: few statements rather than few rows
    raise Conflict(
        f"Network {network.name} has no free address",
        detail=f"All addresses from {network.v4.first} to {network.v4.last} are in use.",
        remedy="Delete a server or a port, or use another network.",
        code="addresses-exhausted",
    )


def _in_use(tx: Tx, network: Network, addresses: Sequence[str], macs: Sequence[str] = ()) -> set[str]:
    """Those of some addresses of a network, and of some MACs, that a port has."""
    here = and_(ports.c.network_id == network.id, ports.c.address.in_(addresses))
    wanted = or_(here, ports.c.mac.in_(macs)) if macs else here
    found = tx.execute(select(ports.c.address, ports.c.mac, ports.c.network_id).where(_live, wanted))
    return {each for row in found for each in (row.mac, row.address if row.network_id == network.id else None) if each}


def take_mac(tx: Tx, port_id: PortId, wanted: str | None = None) -> str:
    """A MAC address that no other port has; raises `Conflict`."""
    for mac in [wanted] if wanted else (mac_for(port_id, attempt) for attempt in range(100)):
        if tx.execute(select(ports.c.id).where(ports.c.mac == mac, _live)).first() is None:
            return mac
    raise Conflict(
        f"MAC address {wanted} is in use" if wanted else "No free MAC address was found in 100 attempts",
        code="macs-exhausted",
    )


def _values(port: Port) -> dict[str, object]:
    names = ("id", "project_id", "server_id", "mac", "created", "name", "description", "own", "security")
    return {
        **{name: getattr(port, name) for name in names},
        "network_id": port.network.id,
        "address": port.address or None,
        "pairs": [[pair.mac, pair.cidr] for pair in port.pairs],
    }


def _set_groups(tx: Tx, *several: Port) -> None:
    rows = [{"port_id": port.id, "group_id": group} for port in several for group in dict.fromkeys(port.groups)]
    if rows:
        tx.execute(insert(port_groups), rows)


def _ports(tx: Tx, rows: list[Row[Any]]) -> list[Port]:
    if not rows:
        return []
    known = {network.id: network for network in list_networks(tx, ids={row.network_id for row in rows})}
    groups: dict[str, list[SecurityGroupId]] = {}
    statement = select(port_groups).where(port_groups.c.port_id.in_([row.id for row in rows]))
    for found in tx.execute(statement.order_by(port_groups.c.group_id)):
        groups.setdefault(found.port_id, []).append(found.group_id)
    return [_port(row, known[row.network_id], tuple(groups.get(row.id, ()))) for row in rows]


def _port(row: Row[Any], network: Network, groups: tuple[SecurityGroupId, ...]) -> Port:
    return Port(
        row.id, network, row.project_id, row.server_id, row.address or "", row.mac, row.created, row.name,
        row.description, row.own, row.security, groups, tuple(AddressPair(*pair) for pair in row.pairs or ()),
    )  # fmt: skip
