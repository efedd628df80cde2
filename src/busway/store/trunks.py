"""Trunks and their sub-ports. A sub-port's row in `ports` has the trunk as its device."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    FromClause,
    Index,
    Integer,
    Row,
    String,
    Table,
    UniqueConstraint,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from busway.domain.ids import PortId, ProjectId, ServerId, TrunkId
from busway.domain.network import SUBPORT, Plug
from busway.domain.trunk import Carrier, SubPort, Trunk
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata
from busway.store.network_tags import forget_tags
from busway.store.networks import networks
from busway.store.owners import Owners, owned_by
from busway.store.revision import revise, revision_column

trunks = Table(
    "trunks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("description", String(255), nullable=False),
    Column("up", Boolean, nullable=False),
    Column("port_id", String(36), nullable=False, unique=True),
    revision_column(),
    Index("ix_trunks_created_id", "created", "id"),
    Index("ix_trunks_project_id_created_id", "project_id", "created", "id"),
)
subports = Table(
    "trunk_subports",
    metadata,
    Column("port_id", String(36), primary_key=True),
    Column("trunk_id", String(36), nullable=False),
    Column("vlan", Integer, nullable=False),
    UniqueConstraint("trunk_id", "vlan"),
)


def has_card(p: FromClause) -> ColumnElement[bool]:
    """Returns the condition that a port is active by a card of its own; `p` is the table of ports or an alias of it."""
    return and_(p.c.server_id.is_not(None), carries(p), func.coalesce(p.c.plug, "") != str(Plug.COMING))


def carries(p: FromClause) -> ColumnElement[bool]:
    """Returns the condition that a port lets packets through: both it and its network are up."""
    return and_(p.c.up, exists().where(networks.c.id == p.c.network_id, networks.c.up))


def add_trunk(tx: Tx, trunk: Trunk) -> None:
    """Adds a trunk with its sub-ports, which the caller has locked."""
    tx.execute(insert(trunks).values(**_values(trunk)))
    _carry(tx, trunk.id, trunk.sub_ports)


def save_trunk(tx: Tx, trunk: Trunk) -> Trunk:
    """Updates the fields of a trunk, without its sub-ports; returns it with its new revision."""
    statement = update(trunks).where(trunks.c.id == trunk.id).values(**_values(trunk))
    return replace(trunk, revision=tx.execute(statement.returning(trunks.c.revision)).scalar_one())


def remove_trunk(tx: Tx, trunk: Trunk) -> None:
    """Deletes a trunk: its ports are free."""
    _set_down(tx, trunk.id, [sub.port_id for sub in trunk.sub_ports])
    forget_tags(tx, trunk.id)
    tx.execute(delete(trunks).where(trunks.c.id == trunk.id))


def add_subports(tx: Tx, trunk_id: TrunkId, several: Sequence[SubPort]) -> None:
    """Makes ports, which the caller has locked, sub-ports of a trunk."""
    _carry(tx, trunk_id, several)
    revise(tx, trunks, trunk_id)


def remove_subports(tx: Tx, trunk_id: TrunkId, port_ids: Collection[PortId]) -> None:
    """Takes sub-ports from a trunk: they are free."""
    _set_down(tx, trunk_id, port_ids)
    revise(tx, trunks, trunk_id)


def _carry(tx: Tx, trunk_id: TrunkId, several: Sequence[SubPort]) -> None:
    if several:
        rows = [{"port_id": sub.port_id, "trunk_id": trunk_id, "vlan": sub.vlan} for sub in several]
        tx.execute(insert(subports), rows)
        _set_device(tx, [sub.port_id for sub in several], SUBPORT, trunk_id)


def _set_down(tx: Tx, trunk_id: TrunkId, port_ids: Collection[PortId]) -> None:
    if port_ids:
        tx.execute(delete(subports).where(subports.c.trunk_id == trunk_id, subports.c.port_id.in_(list(port_ids))))
        _set_device(tx, port_ids, None, None)


def _set_device(tx: Tx, port_ids: Collection[PortId], owner: str | None, device_id: str | None) -> None:
    p = _ports()
    tx.execute(update(p).where(p.c.id.in_(list(port_ids))).values(device_owner=owner, device_id=device_id))


def find_trunk(tx: Tx, trunk_id: str, *, lock: bool = False) -> Trunk | None:
    """Returns a trunk with its sub-ports, or None; `lock` locks it until the transaction ends."""
    statement = select(trunks).where(trunks.c.id == trunk_id)
    found = read_trunks(tx, list(tx.execute(statement.with_for_update() if lock else statement)))
    return found[0] if found else None


def trunks_of(tx: Tx, parent_ids: Collection[PortId]) -> dict[PortId, Trunk]:
    """Returns the trunks of these parents; ports that are none are omitted."""
    if not parent_ids:
        return {}
    rows = list(tx.execute(select(trunks).where(trunks.c.port_id.in_(list(parent_ids)))))
    return {trunk.port_id: trunk for trunk in read_trunks(tx, rows)}


def parents_among(tx: Tx, port_ids: Collection[PortId]) -> dict[PortId, TrunkId]:
    """Returns those of these ports that are parents, with their trunks."""
    statement = select(trunks.c.port_id, trunks.c.id).where(trunks.c.port_id.in_(list(port_ids)))
    return {PortId(row.port_id): TrunkId(row.id) for row in tx.execute(statement)}


def carriers_of(tx: Tx, port_ids: Collection[PortId]) -> dict[PortId, Carrier]:
    """Returns what carries each of these sub-ports."""
    if not port_ids:
        return {}
    p = _ports()
    statement = (
        select(subports, p.c.id.label("parent"), p.c.server_id, has_card(p).label("is_active"))
        .join(trunks, trunks.c.id == subports.c.trunk_id)
        .join(p, p.c.id == trunks.c.port_id)
        .where(subports.c.port_id.in_(list(port_ids)))
    )
    return {
        PortId(row.port_id): Carrier(
            TrunkId(row.trunk_id), PortId(row.parent), row.vlan, ServerId(row.server_id) if row.server_id else None,
            bool(row.is_active),
        )
        for row in tx.execute(statement)
    }  # fmt: skip


def count_trunks(tx: Tx, of: Owners) -> int:
    """Returns how many trunks a project has, or several projects together."""
    return int(tx.execute(select(func.count()).where(owned_by(trunks.c.project_id, of))).scalar_one())


def read_trunks(tx: Tx, rows: Sequence[Row[Any]]) -> list[Trunk]:
    """Reads trunks from rows, with their sub-ports."""
    if not rows:
        return []
    p = _ports()
    held: dict[str, list[SubPort]] = {}
    carried = (
        select(subports, p.c.mac)
        .join(p, p.c.id == subports.c.port_id)
        .where(subports.c.trunk_id.in_([row.id for row in rows]))
    )
    for each in tx.execute(carried.order_by(subports.c.vlan)):
        held.setdefault(each.trunk_id, []).append(SubPort(PortId(each.port_id), each.vlan, each.mac))
    active = select(p.c.id).where(p.c.id.in_([row.port_id for row in rows]), has_card(p))
    parents = set(tx.execute(active).scalars())
    return [
        Trunk(
            TrunkId(row.id), ProjectId(row.project_id), row.name, PortId(row.port_id), row.created, row.description,
            bool(row.up), tuple(held.get(row.id, ())), row.port_id in parents, row.revision,
        )
        for row in rows
    ]  # fmt: skip


def _ports() -> Table:
    return metadata.tables["ports"]  # its module imports this one


def _values(trunk: Trunk) -> dict[str, object]:
    return {
        name: getattr(trunk, name) for name in ("id", "project_id", "name", "created", "description", "up", "port_id")
    }
