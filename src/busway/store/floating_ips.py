"""Floating addresses. Each has a port on its external network, which holds the address."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Index, Row, String, Table, delete, func, insert, select, update

from busway.domain.ids import FloatingIpId, NetworkId, PortId, ProjectId, RouterId
from busway.domain.router import FloatingIp
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata
from busway.store.network_tags import forget_tags
from busway.store.owners import Owners, owned_by
from busway.store.revision import revision_column

floating_ips = Table(
    "floating_ips",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("network_id", String(36), nullable=False, index=True),
    Column("address", String(15), nullable=False, index=True),
    Column("own_port", String(36), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("description", String(255), nullable=False),
    Column("port_id", String(36), unique=True),
    Column("fixed_address", String(15)),
    Column("router_id", String(36), index=True),
    revision_column(),
    Index("ix_floating_ips_created_id", "created", "id"),
    Index("ix_floating_ips_project_id_created_id", "project_id", "created", "id"),
)


def add_floating_ip(tx: Tx, floating: FloatingIp) -> None:
    """Adds a floating address; its port is added on its own."""
    tx.execute(insert(floating_ips).values(**_values(floating)))


def save_floating_ip(tx: Tx, floating: FloatingIp) -> FloatingIp:
    """Updates all fields of a floating address; returns it with its new revision."""
    statement = update(floating_ips).where(floating_ips.c.id == floating.id).values(**_values(floating))
    return replace(floating, revision=tx.execute(statement.returning(floating_ips.c.revision)).scalar_one())


def remove_floating_ip(tx: Tx, floating_id: FloatingIpId) -> None:
    """Deletes a floating address; its port is removed on its own."""
    forget_tags(tx, floating_id)
    tx.execute(delete(floating_ips).where(floating_ips.c.id == floating_id))


def detach_floating_ip(tx: Tx, port_id: PortId) -> None:
    """Takes away the floating address that leads to a port, if there is one: it is free for another."""
    free = {"port_id": None, "fixed_address": None, "router_id": None}
    tx.execute(update(floating_ips).where(floating_ips.c.port_id == port_id).values(free))


def find_floating_ip(tx: Tx, floating_id: str, *, lock: bool = False) -> FloatingIp | None:
    """Returns a floating address, or None; `lock` locks it until the transaction ends."""
    statement = select(floating_ips).where(floating_ips.c.id == floating_id)
    row = tx.execute(statement.with_for_update() if lock else statement).first()
    return floating_of(row) if row else None


def attached(
    tx: Tx, *, routers: Collection[RouterId] | None = None, ports: Collection[PortId] | None = None
) -> list[FloatingIp]:
    """Lists the floating addresses that lead to a port, or of them those of these routers or ports, oldest first."""
    statement = select(floating_ips).where(floating_ips.c.port_id.is_not(None))
    if routers is not None:
        statement = statement.where(floating_ips.c.router_id.in_(list(routers)))
    if ports is not None:
        statement = statement.where(floating_ips.c.port_id.in_(list(ports)))
    return [floating_of(row) for row in tx.execute(statement.order_by(floating_ips.c.created, floating_ips.c.id))]


def unattached(tx: Tx, network_id: NetworkId) -> list[FloatingIp]:
    """Lists the floating addresses of an external network that lead to no port."""
    statement = select(floating_ips).where(floating_ips.c.network_id == network_id, floating_ips.c.port_id.is_(None))
    return [floating_of(row) for row in tx.execute(statement)]


def has_floating_ips(tx: Tx, network_id: NetworkId) -> bool:
    """Returns True if an external network has floating addresses."""
    return (
        tx.execute(select(floating_ips.c.id).where(floating_ips.c.network_id == network_id).limit(1)).first()
        is not None
    )


def count_floating_ips(tx: Tx, of: Owners) -> int:
    """Returns how many floating addresses a project has, or several projects together."""
    return int(tx.execute(select(func.count()).where(owned_by(floating_ips.c.project_id, of))).scalar_one())


def floating_of(row: Row[Any]) -> FloatingIp:
    """Reads a floating address from a row."""
    return FloatingIp(
        FloatingIpId(row.id), ProjectId(row.project_id), NetworkId(row.network_id), row.address, PortId(row.own_port),
        row.created, row.description, PortId(row.port_id) if row.port_id else None, row.fixed_address or "",
        RouterId(row.router_id) if row.router_id else None, row.revision,
    )  # fmt: skip


def _values(floating: FloatingIp) -> dict[str, object]:
    names = ("id", "project_id", "network_id", "address", "own_port", "created", "description", "port_id", "router_id")
    return {**{name: getattr(floating, name) for name in names}, "fixed_address": floating.fixed_address or None}
