"""Networks with their subnets in one table: columns of the IPv4 subnet have no prefix, those of the IPv6 subnet a 6."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Row,
    String,
    Table,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    text,
    true,
    update,
)

from busway.domain.errors import NotFound
from busway.domain.guest_network import HostRoute
from busway.domain.ids import NetworkId, ProjectId
from busway.domain.network import Network, Subnet
from busway.store.database import Tx
from busway.store.metadata import Json, UtcTime, metadata
from busway.store.network_tags import forget_tags
from busway.store.owners import Owners, owned_by
from busway.store.revision import revision_column

networks = Table(
    "networks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("driver", String(16), nullable=False),
    Column("physical", String(64), nullable=False),
    Column("vlan", Integer, nullable=False),
    Column("mtu", Integer, nullable=False),
    Column("description", String(255), nullable=False),
    Column("subnet_id", String(36)),
    Column("subnet_name", String(255)),
    Column("cidr", String(18)),
    Column("pools", Json),  # pairs of a first and a last address
    Column("gateway", String(15)),
    Column("dhcp", Boolean),
    Column("dns", Json),
    Column("routes", Json),
    Column("subnet6_id", String(36)),
    Column("subnet6_name", String(255)),
    Column("cidr6", String(43)),
    Column("gateway6", String(39)),
    Column("dhcp6", Boolean),
    Column("dns6", Json),
    Column("routes6", Json),
    Column("subnet_description", String(255)),
    Column("subnet6_description", String(255)),
    Column("external", Boolean, nullable=False, server_default=false()),
    revision_column(),
    # Those of the subnets, which `save_network` increases.
    Column("subnet_revision", Integer, nullable=False, server_default=text("1")),
    Column("subnet6_revision", Integer, nullable=False, server_default=text("1")),
    Column("is_default", Boolean, nullable=False, server_default=false()),
    Column("up", Boolean, nullable=False, server_default=true()),
    Column("security", Boolean, nullable=False, server_default=true()),
    Index("ix_networks_created_id", "created", "id"),
    Index("ix_networks_owner_created_id", "owner", "created", "id"),
    Index("ix_networks_shared_created_id", "shared", "created", "id"),
    Index("ix_networks_external_created_id", "external", "created", "id"),
    Index("ix_networks_name", "name"),
    Index("ix_networks_subnet_id", "subnet_id"),
    Index("ix_networks_subnet6_id", "subnet6_id"),
    Index("ix_networks_subnet_name", "subnet_name"),
    Index("ix_networks_subnet6_name", "subnet6_name"),
    Index("ix_networks_cidr", "cidr"),
    Index("ix_networks_cidr6", "cidr6"),
    Index("ix_networks_vlan", "vlan"),
)


def add_network(tx: Tx, network: Network) -> None:
    """Adds a network with its subnets."""
    tx.execute(insert(networks).values(**_values(network)))


def save_network(tx: Tx, network: Network) -> Network:
    """Updates all fields of a network and its subnets; returns it with the revisions of what has changed."""
    known = get_network(tx, network.id, lock=True)
    revisions = {
        f"subnet{end}_revision": 1 if old is None else old.revision + (replace(new, revision=old.revision) != old)
        for end, old, new in (("", known.v4, network.v4), ("6", known.v6, network.v6))
        if new is not None
    }
    statement = update(networks).where(networks.c.id == network.id).values(**_values(network), **revisions)
    return network_of(tx.execute(statement.returning(networks)).one())


def revise_subnet(tx: Tx, subnet_id: str) -> None:
    """Increases the revisions of a subnet and of its network, because something that belongs to it has changed elsewhere."""
    for end in ("", "6"):
        number = networks.c[f"subnet{end}_revision"]
        here = networks.c[f"subnet{end}_id"] == subnet_id
        tx.execute(update(networks).where(here).values({number: number + 1}))


def remove_network(tx: Tx, network_id: NetworkId) -> None:
    """Deletes a network with its subnets; it must have no ports."""
    found = find_network(tx, network_id)
    for each in (network_id, *(subnet.id for subnet in (found.subnets if found else ()))):
        forget_tags(tx, each)
    tx.execute(delete(networks).where(networks.c.id == network_id))


def list_networks(
    tx: Tx,
    project_id: ProjectId | None = None,
    *,
    ids: Collection[NetworkId] | None = None,
    driver: str = "",
    external: bool = False,
) -> list[Network]:
    """Lists all networks, or those that a project may use, with these ids, of one driver, or external ones; oldest first."""
    statement = select(networks).order_by(networks.c.created, networks.c.id)
    if project_id is not None:
        statement = statement.where(networks.c.shared | (networks.c.owner == project_id))
    if ids is not None:
        statement = statement.where(networks.c.id.in_(ids))
    if driver:
        statement = statement.where(networks.c.driver == driver)
    if external:
        statement = statement.where(networks.c.external)
    return [network_of(row) for row in tx.execute(statement)]


def find_default(tx: Tx, *, lock: bool = False) -> Network | None:
    """Returns the default external network, or None; `lock` locks it."""
    statement = select(networks).where(networks.c.external, networks.c.is_default).order_by(networks.c.id).limit(1)
    row = tx.execute(statement.with_for_update() if lock else statement).first()
    return network_of(row) if row else None


def count_owned(tx: Tx, of: Owners) -> tuple[int, int]:
    """Returns how many networks and how many subnets a project has, or several projects together."""
    counted = select(func.count(), func.count(networks.c.subnet_id), func.count(networks.c.subnet6_id))
    all_, v4, v6 = tx.execute(counted.where(owned_by(networks.c.owner, of))).one()
    return int(all_), int(v4) + int(v6)


def find_network(tx: Tx, network_id: str, *, lock: bool = False) -> Network | None:
    """Returns a network, or None; `lock` locks it, so that nobody else allocates addresses until the transaction ends."""
    statement = select(networks).where(networks.c.id == network_id)
    row = tx.execute(statement.with_for_update() if lock else statement).first()
    return network_of(row) if row else None


def find_of_subnet(tx: Tx, subnet_id: str) -> Network | None:
    """Returns the network that has a subnet, or None."""
    statement = select(networks).where(or_(networks.c.subnet_id == subnet_id, networks.c.subnet6_id == subnet_id))
    row = tx.execute(statement).first()
    return network_of(row) if row else None


def get_network(tx: Tx, network_id: str, *, lock: bool = False) -> Network:
    """Returns a network; raises `NotFound`."""
    found = find_network(tx, network_id, lock=lock)
    if found is None:
        raise NotFound(
            f"Network {network_id} could not be found",
            remedy="List them: openstack network list",
            code="network-not-found",
        )
    return found


def locked(tx: Tx, network: Network) -> Network:
    """Locks a network against other allocations of addresses and reads it again; SQLite needs no lock."""
    return network if tx.dialect.name == "sqlite" else get_network(tx, network.id, lock=True)


def _values(network: Network) -> dict[str, object]:
    v4, v6 = network.v4, network.v6
    names = (
        "id",
        "name",
        "owner",
        "created",
        "shared",
        "driver",
        "physical",
        "vlan",
        "mtu",
        "description",
        "external",
        "is_default",
        "up",
        "security",
    )
    return {
        **{name: getattr(network, name) for name in names},
        "subnet_id": v4.id if v4 else None,
        "subnet_name": v4.name if v4 else None,
        "cidr": v4.cidr if v4 else None,
        "pools": [list(pool) for pool in v4.pools] if v4 else None,
        "gateway": v4.gateway if v4 else None,
        "dhcp": v4.dhcp if v4 else None,
        "dns": list(v4.dns) if v4 else None,
        "routes": _plain(v4.routes) if v4 else None,
        "subnet6_id": v6.id if v6 else None,
        "subnet6_name": v6.name if v6 else None,
        "cidr6": v6.cidr if v6 else None,
        "gateway6": v6.gateway if v6 else None,
        "dhcp6": v6.dhcp if v6 else None,
        "dns6": list(v6.dns) if v6 else None,
        "routes6": _plain(v6.routes) if v6 else None,
        "subnet_description": v4.description if v4 else None,
        "subnet6_description": v6.description if v6 else None,
    }


def _plain(routes: Iterable[HostRoute]) -> list[list[str]]:
    return [[route.destination, route.nexthop] for route in routes]


def _routes(plain: Iterable[Iterable[str]] | None) -> tuple[HostRoute, ...]:
    return tuple(HostRoute(*pair) for pair in plain or ())


def network_of(row: Row[Any]) -> Network:
    """Reads a network from a row."""
    v4 = v6 = None
    if row.subnet_id:
        v4 = Subnet(
            row.subnet_id, row.subnet_name or "", row.cidr, row.gateway or "",
            tuple((first, last) for first, last in row.pools or ()),
            bool(row.dhcp), tuple(row.dns or ()), _routes(row.routes), row.subnet_description or "", row.subnet_revision,
        )  # fmt: skip
    if row.subnet6_id:
        v6 = Subnet(
            row.subnet6_id, row.subnet6_name or "", row.cidr6, row.gateway6 or "", dhcp=bool(row.dhcp6),
            dns=tuple(row.dns6 or ()), routes=_routes(row.routes6), description=row.subnet6_description or "",
            revision=row.subnet6_revision,
        )  # fmt: skip
    return Network(
        row.id, row.name, row.owner, row.created, row.shared, row.driver, row.physical, row.vlan, row.mtu,
        row.description, v4, v6, bool(row.external), row.revision, bool(row.is_default),
        bool(row.up), bool(row.security),
    )  # fmt: skip
