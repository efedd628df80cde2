"""Routers. Their ports are in `ports`, under the id of the router."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Boolean, Column, Index, Row, String, Table, delete, func, insert, select, update

from busway.domain.guest_network import HostRoute
from busway.domain.ids import NetworkId, ProjectId, RouterId
from busway.domain.network import Port
from busway.domain.router import Router
from busway.store.database import Tx
from busway.store.metadata import Json, UtcTime, metadata
from busway.store.network_tags import forget_tags
from busway.store.owners import Owners, owned_by
from busway.store.ports import device_ports
from busway.store.revision import revision_column

routers = Table(
    "routers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("description", String(255), nullable=False),
    Column("up", Boolean, nullable=False),
    Column("gateway", String(36), index=True),
    Column("snat", Boolean, nullable=False),
    Column("routes", Json),
    revision_column(),
    Index("ix_routers_created_id", "created", "id"),
    Index("ix_routers_project_id_created_id", "project_id", "created", "id"),
)


def add_router(tx: Tx, router: Router) -> None:
    """Adds a router; its ports are added on their own."""
    tx.execute(insert(routers).values(**_values(router)))


def save_router(tx: Tx, router: Router) -> Router:
    """Updates all fields of a router; returns it with its new revision."""
    statement = update(routers).where(routers.c.id == router.id).values(**_values(router))
    return replace(router, revision=tx.execute(statement.returning(routers.c.revision)).scalar_one())


def remove_router(tx: Tx, router_id: RouterId) -> None:
    """Deletes a router, which must have no ports."""
    forget_tags(tx, router_id)
    tx.execute(delete(routers).where(routers.c.id == router_id))


def find_router(tx: Tx, router_id: str, *, lock: bool = False) -> Router | None:
    """Returns a router, or None; `lock` locks it until the transaction ends."""
    statement = select(routers).where(routers.c.id == router_id)
    found = read_routers(tx, list(tx.execute(statement.with_for_update() if lock else statement)))
    return found[0] if found else None


def list_routers(tx: Tx, *, ids: Collection[RouterId] | None = None) -> list[Router]:
    """Lists all routers, or those with these ids, oldest first."""
    statement = select(routers).order_by(routers.c.created, routers.c.id)
    if ids is not None:
        statement = statement.where(routers.c.id.in_(list(ids)))
    return read_routers(tx, list(tx.execute(statement)))


def has_gateway_on(tx: Tx, network_id: NetworkId) -> bool:
    """Returns True if a router has its gateway on a network."""
    return tx.execute(select(routers.c.id).where(routers.c.gateway == network_id).limit(1)).first() is not None


def count_routers(tx: Tx, of: Owners) -> int:
    """Returns how many routers a project has, or several projects together."""
    return int(tx.execute(select(func.count()).where(owned_by(routers.c.project_id, of))).scalar_one())


def read_routers(tx: Tx, rows: Sequence[Row[Any]]) -> list[Router]:
    """Reads routers from rows, with their ports."""
    held: dict[str, list[Port]] = {}
    for port in device_ports(tx, [row.id for row in rows]) if rows else ():
        held.setdefault(port.device_id, []).append(port)
    return [_router(row, tuple(held.get(row.id, ()))) for row in rows]


def _router(row: Row[Any], held: tuple[Port, ...]) -> Router:
    return Router(
        RouterId(row.id), ProjectId(row.project_id), row.name, row.created, row.description, bool(row.up),
        NetworkId(row.gateway) if row.gateway else None, bool(row.snat),
        tuple(HostRoute(*pair) for pair in row.routes or ()), held, row.revision,
    )  # fmt: skip


def _values(router: Router) -> dict[str, object]:
    names = ("id", "project_id", "name", "created", "description", "up", "gateway", "snat")
    routes = [[route.destination, route.nexthop] for route in router.routes]
    return {**{name: getattr(router, name) for name in names}, "routes": routes or None}
