"""Ports. A partial unique index keeps each address and MAC unique while it is in use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from busway.domain.device import PciDevice
from busway.domain.dhcp_option import DhcpOption
from busway.domain.guest_network import NORMAL, OVERLAY, AddressPair
from busway.domain.ids import HostId, NetworkId, PortId, ProjectId, RouterId, SecurityGroupId, ServerId
from busway.domain.network import ROUTER_GATEWAY, SUBPORT, Network, Plug, Port
from busway.domain.nic_request import OVERLAY_WISH, NicWish
from busway.domain.numa_policy import NumaPolicy
from busway.domain.trunk import Carrier
from busway.store.database import Tx
from busway.store.floating_ips import detach_floating_ip, floating_ips
from busway.store.metadata import Json, UtcTime, metadata
from busway.store.network_tags import forget_tags
from busway.store.networks import list_networks, networks
from busway.store.owners import Owners, owned_by
from busway.store.port_cards import cards_of
from busway.store.revision import revision_column
from busway.store.servers import servers
from busway.store.together import put
from busway.store.trunks import carriers_of

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
    Column("up", Boolean, nullable=False, server_default=true()),
    # Behind which of its guest's root ports its card is, the state of a card that was plugged in or must go, and its tag.
    Column("root_port", Integer),
    Column("plug", String(8)),
    Column("tag", String(60)),
    Column("vnic", String(16), nullable=False, server_default=NORMAL),
    Column("numa_policy", String(16)),
    Column("dhcp_options", Json),
    # Of a port that no server can have: whom it is for, whose it is, and its IPv6 address.
    Column("device_owner", String(32)),
    Column("device_id", String(36), index=True),
    Column("address6", String(39)),
    revision_column(),
    Index("ix_ports_created_id", "created", "id"),
    Index("ix_ports_project_id_created_id", "project_id", "created", "id"),
    Index("ix_ports_name", "name"),
    Index("ix_ports_address", "address"),
)
# The addresses of ports after their first. An address is here or in `ports`: who gives one has locked its network.
further_addresses = Table(
    "port_addresses",
    metadata,
    Column("network_id", String(36), primary_key=True),
    Column("address", String(15), primary_key=True, index=True),
    Column("port_id", String(36), ForeignKey("ports.id"), nullable=False, index=True),
    Column("place", Integer, nullable=False),
)
IS_LIVE = ports.c.released.is_(False)
# The address of version 6 follows from the MAC: those of guests.
IS_OF_GUESTS = or_(ports.c.device_owner.is_(None), ports.c.device_owner == SUBPORT)
Index(
    "uq_ports_live_address",
    ports.c.network_id,
    ports.c.address,
    unique=True,
    sqlite_where=IS_LIVE,
    postgresql_where=IS_LIVE,
)
Index("uq_ports_live_mac", ports.c.mac, unique=True, sqlite_where=IS_LIVE, postgresql_where=IS_LIVE)

port_groups = Table(
    "port_security_groups",
    metadata,
    Column("port_id", String(36), ForeignKey("ports.id"), primary_key=True),
    Column("group_id", String(36), primary_key=True, index=True),
)


def add_port(tx: Tx, port: Port) -> None:
    """Adds a port with its groups."""
    add_ports(tx, [port])


def add_ports(tx: Tx, several: Sequence[Port]) -> None:
    """Adds ports with their groups."""
    if several:
        put(tx, ports, [{**_values(port), "released": False} for port in several])
        _set_groups(tx, *several)
        _put_further(tx, *several)


def save_port(tx: Tx, port: Port) -> Port:
    """Updates all fields of a port but its further addresses; returns it with its new revision."""
    statement = update(ports).where(ports.c.id == port.id).values(**_values(port)).returning(ports.c.revision)
    revision = tx.execute(statement).scalar_one()
    tx.execute(delete(port_groups).where(port_groups.c.port_id == port.id))
    _set_groups(tx, port)
    return replace(port, revision=revision)


def save_addresses(tx: Tx, port: Port) -> Port:
    """Does the same as `save_port` with all of a port's addresses; the caller has locked its network."""
    tx.execute(delete(further_addresses).where(further_addresses.c.port_id == port.id))
    saved = save_port(tx, port)
    _put_further(tx, port)
    return saved


def remove_port(tx: Tx, port_id: PortId) -> None:
    """Deletes a port: its addresses are free."""
    forget_tags(tx, port_id)
    tx.execute(delete(port_groups).where(port_groups.c.port_id == port_id))
    tx.execute(delete(further_addresses).where(further_addresses.c.port_id == port_id))
    tx.execute(delete(ports).where(ports.c.id == port_id))
    detach_floating_ip(tx, port_id)  # after its port, as all who lock both


def forget_released(tx: Tx, network_id: NetworkId) -> None:
    """Deletes the ports on a network that earlier releases kept as released."""
    tx.execute(delete(ports).where(ports.c.network_id == network_id, ports.c.released.is_(True)))


def release_ports(tx: Tx, server_id: ServerId) -> list[Port]:
    """Detaches all ports of a server and returns them: those created with it are deleted, a user's own stay."""
    held = server_ports(tx, [server_id]).get(server_id, [])
    for port in held:
        release_port(tx, port)
    return held


def release_port(tx: Tx, port: Port) -> None:
    """Detaches a port from its server: a user's own stays, any other is deleted.

    Fields that its user may have changed since it was read are not written.
    """
    free = update(ports).where(ports.c.id == port.id).values(server_id=None, root_port=None, plug=None, tag=None)
    own = tx.execute(free.returning(ports.c.own)).scalar()  # as it is now: a trunk may keep it since it was read
    if not own:
        remove_port(tx, port.id)


def pin_port(tx: Tx, port_id: PortId, root_port: int) -> None:
    """Stores the root port of a port's card."""
    tx.execute(update(ports).where(ports.c.id == port_id).values(root_port=root_port))


def set_plug(tx: Tx, port_id: PortId, plug: Plug) -> None:
    """Stores whether a card is plugged in, or being plugged in or out."""
    tx.execute(update(ports).where(ports.c.id == port_id).values(plug=str(plug)))


def unsettled_ports(tx: Tx, server_ids: Sequence[ServerId]) -> dict[ServerId, list[Port]]:
    """Returns the ports of these servers that are being plugged in or out; servers without any are omitted."""
    moving = ports.c.plug.in_([str(Plug.COMING), str(Plug.GOING)])
    statement = select(ports).where(ports.c.server_id.in_(list(server_ids)), IS_LIVE, moving)
    found: dict[ServerId, list[Port]] = {}
    for port in read_ports(tx, list(tx.execute(statement.order_by(ports.c.created, ports.c.id)))):
        assert port.server_id is not None
        found.setdefault(port.server_id, []).append(port)
    return found


def count_ports(tx: Tx, of: Owners) -> int:
    """Returns how many ports a project has, or several projects together."""
    statement = select(func.count()).where(IS_LIVE, owned_by(ports.c.project_id, of))
    return int(tx.execute(statement).scalar_one())


def list_ports(
    tx: Tx, project_id: ProjectId | None = None, *, network_id: NetworkId | None = None, driver: str = ""
) -> list[Port]:
    """Lists all ports, or those of a project, network or driver; oldest first."""
    statement = select(ports).where(IS_LIVE).order_by(ports.c.created, ports.c.id)
    if project_id is not None:
        statement = statement.where(ports.c.project_id == project_id)
    if network_id is not None:
        statement = statement.where(ports.c.network_id == network_id)
    if driver:
        statement = statement.where(ports.c.network_id.in_(select(networks.c.id).where(networks.c.driver == driver)))
    return read_ports(tx, list(tx.execute(statement)))


def device_ports(tx: Tx, device_ids: Collection[str], device_owner: str = "") -> list[Port]:
    """Lists the ports of routers or floating addresses, oldest first; `device_owner` "" lists those of every kind."""
    statement = select(ports).where(IS_LIVE, ports.c.device_id.in_(list(device_ids)))
    if device_owner:
        statement = statement.where(ports.c.device_owner == device_owner)
    return read_ports(tx, list(tx.execute(statement.order_by(ports.c.created, ports.c.id))))


def internal_ports(tx: Tx, network_ids: Collection[NetworkId], *owners: str) -> list[Port]:
    """Lists the ports of some kinds on networks that no server can have, oldest first."""
    if not network_ids:
        return []
    statement = select(ports).where(
        IS_LIVE, ports.c.network_id.in_(list(network_ids)), ports.c.device_owner.in_(owners)
    )
    return read_ports(tx, list(tx.execute(statement.order_by(ports.c.created, ports.c.id))))


def has_direct(tx: Tx, network_id: NetworkId) -> bool:
    """Returns True if a port on a network is a function of a network card, whose packets its host does not see."""
    here = select(ports.c.id).where(IS_LIVE, ports.c.network_id == network_id, ports.c.vnic != NORMAL)
    return tx.execute(here.limit(1)).first() is not None


def projects_on(tx: Tx, network_id: NetworkId) -> list[ProjectId]:
    """Lists the projects that have ports on a network, `NOBODY` too if the network itself has some."""
    statement = select(ports.c.project_id).where(IS_LIVE, ports.c.network_id == network_id).distinct()
    return [ProjectId(each) for each in tx.execute(statement.order_by(ports.c.project_id)).scalars()]


def has_floating(tx: Tx, network_id: NetworkId, router_id: RouterId) -> bool:
    """Returns True if a router leads a floating address to a port on a network."""
    led = select(floating_ips.c.port_id).where(floating_ips.c.router_id == router_id)
    statement = select(ports.c.id).where(IS_LIVE, ports.c.network_id == network_id, ports.c.id.in_(led)).limit(1)
    return tx.execute(statement).first() is not None


def list_gateway_ports(tx: Tx, driver: str) -> list[Port]:
    """Lists the gateway ports of routers on networks of one driver, oldest first."""
    here = ports.c.network_id.in_(select(networks.c.id).where(networks.c.driver == driver))
    statement = select(ports).where(IS_LIVE, ports.c.device_owner == ROUTER_GATEWAY, here)
    return read_ports(tx, list(tx.execute(statement.order_by(ports.c.created, ports.c.id))))


def find_port(tx: Tx, port_id: str, *, lock: bool = False) -> Port | None:
    """Returns a port, or None."""
    statement = select(ports).where(ports.c.id == port_id, IS_LIVE)
    found = read_ports(tx, list(tx.execute(statement.with_for_update() if lock else statement)))
    return found[0] if found else None


def lock_ports(tx: Tx, port_ids: Collection[str]) -> list[Port]:
    """Returns those of these ports that there are, locked in the order of their ids until the transaction ends."""
    statement = select(ports).where(ports.c.id.in_(list(port_ids)), IS_LIVE).order_by(ports.c.id).with_for_update()
    return read_ports(tx, list(tx.execute(statement)))


def keep_port(tx: Tx, port_id: PortId) -> None:
    """Makes a port stay when its server goes, as one that its user made."""
    tx.execute(update(ports).where(ports.c.id == port_id).values(own=True))


def group_ports(tx: Tx, group_ids: Iterable[SecurityGroupId]) -> list[Port]:
    """Lists the ports that are in one of these groups."""
    members = select(port_groups.c.port_id).where(port_groups.c.group_id.in_(list(group_ids)))
    statement = select(ports).where(IS_LIVE, ports.c.id.in_(members)).order_by(ports.c.created, ports.c.id)
    return read_ports(tx, list(tx.execute(statement)))


def server_ports(tx: Tx, server_ids: Sequence[ServerId]) -> dict[ServerId, list[Port]]:
    """Returns the ports of these servers; servers without any are omitted."""
    statement = select(ports).where(ports.c.server_id.in_(list(server_ids)), IS_LIVE)
    found: dict[ServerId, list[Port]] = {}
    for port in read_ports(tx, list(tx.execute(statement.order_by(ports.c.created, ports.c.id)))):
        if port.server_id is not None:
            found.setdefault(port.server_id, []).append(port)
    return found


def servers_of(tx: Tx, port_ids: Collection[PortId]) -> dict[PortId, ServerId]:
    """Returns the servers that have these ports; ports that no server has are omitted."""
    statement = select(ports.c.id, ports.c.server_id).where(ports.c.id.in_(list(port_ids)), IS_LIVE)
    held = statement.where(ports.c.server_id.is_not(None))
    return {PortId(row.id): ServerId(row.server_id) for row in tx.execute(held)} if port_ids else {}


def nic_wishes(tx: Tx, server_ids: Sequence[ServerId]) -> dict[ServerId, tuple[NicWish, ...]]:
    """Returns what the ports of servers require of a host: SR-IOV functions, OVN; servers without any are omitted."""
    statement = (
        select(ports.c.server_id, ports.c.vnic, ports.c.numa_policy, networks.c.physical)
        .join(networks, networks.c.id == ports.c.network_id)
        .where(
            ports.c.server_id.in_(list(server_ids)), or_(ports.c.vnic != NORMAL, networks.c.driver == OVERLAY), IS_LIVE
        )
        .order_by(ports.c.created, ports.c.id)
    )
    found: dict[ServerId, tuple[NicWish, ...]] = {}
    for row in tx.execute(statement):
        policy = None if row.numa_policy is None else NumaPolicy(row.numa_policy)
        wish = OVERLAY_WISH if row.vnic == NORMAL else NicWish(row.vnic, row.physical, policy)
        found[row.server_id] = (*found.get(row.server_id, ()), wish)
    return found


def hosts_by_driver(tx: Tx, driver: str) -> dict[ServerId, HostId]:
    """Lists the hosts of placed servers that have ports on networks of one driver."""
    here = select(ports.c.server_id).join(networks, networks.c.id == ports.c.network_id)
    on_driver = servers.c.id.in_(here.where(networks.c.driver == driver, IS_LIVE))
    found = tx.execute(select(servers.c.id, servers.c.host_id).where(on_driver, servers.c.host_id.is_not(None)))
    return {ServerId(row.id): HostId(row.host_id) for row in found}


def guest_names(tx: Tx, driver: str) -> dict[ServerId, str]:
    """Returns the host names of the servers that have ports on networks of one driver."""
    here = select(ports.c.server_id).join(networks, networks.c.id == ports.c.network_id)
    on_driver = servers.c.id.in_(here.where(networks.c.driver == driver, IS_LIVE))
    return {
        ServerId(row.id): str(row.hostname)
        for row in tx.execute(select(servers.c.id, servers.c.hostname).where(on_driver))
    }


def _values(port: Port) -> dict[str, object]:
    names = ("id", "project_id", "server_id", "mac", "created", "name", "description", "own", "security", "up")
    return {
        **{name: getattr(port, name) for name in names},
        "network_id": port.network.id,
        "address": port.address or None,
        "root_port": port.root_port or None,
        "plug": None if port.plug is None else str(port.plug),
        "tag": port.tag or None,
        "pairs": [[pair.mac, pair.cidr] for pair in port.pairs],
        "vnic": port.vnic,
        "numa_policy": None if port.numa_policy is None else str(port.numa_policy),
        "dhcp_options": [[each.name, each.value] for each in port.dhcp_options] or None,
        "device_owner": port.device_owner or None,
        "device_id": port.device_id or None,
        "address6": port.fixed6 or None,
    }


def _set_groups(tx: Tx, *several: Port) -> None:
    rows = [{"port_id": port.id, "group_id": group} for port in several for group in dict.fromkeys(port.groups)]
    put(tx, port_groups, rows)


def _put_further(tx: Tx, *several: Port) -> None:
    rows = [
        {"network_id": port.network.id, "address": address, "port_id": port.id, "place": place}
        for port in several
        for place, address in enumerate(port.further)
    ]
    put(tx, further_addresses, rows)


def read_ports(tx: Tx, rows: list[Row[Any]]) -> list[Port]:
    """Reads ports from rows, with their networks, groups, further addresses, functions and what carries them."""
    if not rows:
        return []
    known = {network.id: network for network in list_networks(tx, ids={row.network_id for row in rows})}
    groups: dict[str, list[SecurityGroupId]] = {}
    further: dict[str, list[str]] = {}
    g, a, ids = port_groups.c, further_addresses.c, [row.id for row in rows]
    held = select(g.port_id, literal(0).label("place"), g.group_id.label("word"), literal(1).label("is_group"))
    more = select(a.port_id, a.place, a.address, literal(0))
    both = held.where(g.port_id.in_(ids)).union_all(more.where(a.port_id.in_(ids))).order_by("place", "word")
    for found in tx.execute(both):
        if found.is_group:
            groups.setdefault(found.port_id, []).append(SecurityGroupId(found.word))
        else:
            further.setdefault(found.port_id, []).append(found.word)
    cards = cards_of(tx, [row.server_id for row in rows if row.vnic != NORMAL and row.server_id])
    carriers = carriers_of(tx, [row.id for row in rows if row.device_owner == SUBPORT])
    read = [
        _port(row, known[row.network_id], tuple(groups.get(row.id, ())), cards.get(row.id), carriers.get(row.id))
        for row in rows
    ]
    return [replace(port, further=tuple(further[port.id])) if port.id in further else port for port in read]


def _port(
    row: Row[Any],
    network: Network,
    groups: tuple[SecurityGroupId, ...],
    card: PciDevice | None,
    carrier: Carrier | None,
) -> Port:
    return Port(
        row.id, network, row.project_id, row.server_id, row.address or "", row.mac, row.created, row.name,
        row.description, row.own, row.security, groups, tuple(AddressPair(*pair) for pair in row.pairs or ()),
        bool(row.up),
        row.root_port or 0, Plug(row.plug) if row.plug else None, row.tag or "",
        row.vnic, None if row.numa_policy is None else NumaPolicy(row.numa_policy), card,
        tuple(DhcpOption(*each) for each in row.dhcp_options or ()),
        row.device_owner or "", row.device_id or "", row.address6 or "", row.revision, carrier,
    )  # fmt: skip
