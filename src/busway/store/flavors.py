"""Flavors, their extra specs and who may use the private ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from busway.domain.errors import Conflict, NotFound
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId, ProjectId
from busway.store.database import Tx
from busway.store.metadata import Json, metadata

flavors = Table(
    "flavors",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(255), nullable=False, unique=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("ram_mb", Integer, nullable=False),
    Column("vcpus", Integer, nullable=False),
    Column("disk_gb", Integer, nullable=False),
    Column("ephemeral_gb", Integer, nullable=False),
    Column("swap_mb", Integer, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("description", Text),
    Column("extra_specs", Json, nullable=False),
    Column("rxtx_factor", Float, nullable=False, server_default="1"),
)

flavor_access = Table(
    "flavor_access",
    metadata,
    Column("flavor_id", String(255), ForeignKey("flavors.id", ondelete="CASCADE"), primary_key=True),
    Column("project_id", String(64), primary_key=True),
)


def add_flavor(tx: Tx, flavor: Flavor) -> None:
    """Adds a flavor; raises `Conflict` if its id or name is taken."""
    taken = tx.execute(select(flavors).where((flavors.c.id == flavor.id) | (flavors.c.name == flavor.name))).first()
    if taken is not None:
        what = f"ID {flavor.id}" if taken.id == flavor.id else f"name {flavor.name}"
        raise Conflict(
            f"Flavor with {what} already exists",
            remedy="Choose another, or delete the old flavor first.",
            code="flavor-exists",
        )
    values = {c.name: getattr(flavor, c.name) for c in flavors.c if c.name != "number"}
    tx.execute(insert(flavors).values(**values | {"extra_specs": dict(flavor.extra_specs)}))


def find_flavor(tx: Tx, flavor_id: str, *, lock: bool = False) -> Flavor | None:
    """Returns a flavor by its id, or None; `lock` locks it until the transaction ends."""
    statement = select(flavors).where(flavors.c.id == flavor_id)
    row = tx.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else _flavor(row)


def get_flavor(tx: Tx, flavor_id: str, *, lock: bool = False) -> Flavor:
    """Returns a flavor by its id; raises `NotFound`. `lock` locks it until the transaction ends."""
    flavor = find_flavor(tx, flavor_id, lock=lock)
    if flavor is None:
        raise NotFound(
            f"Flavor {flavor_id} could not be found", remedy="List them: openstack flavor list", code="flavor-not-found"
        )
    return flavor


def list_flavors(tx: Tx) -> list[Flavor]:
    """Lists all flavors in order of creation."""
    return [_flavor(row) for row in tx.execute(select(flavors).order_by(flavors.c.number))]


def delete_flavor(tx: Tx, flavor_id: FlavorId) -> None:
    """Deletes a flavor and its access list; servers have their own copy."""
    tx.execute(delete(flavors).where(flavors.c.id == flavor_id))


def save_extra_specs(tx: Tx, flavor_id: FlavorId, specs: Mapping[str, str]) -> None:
    """Replaces all extra specs of a flavor."""
    tx.execute(update(flavors).where(flavors.c.id == flavor_id).values(extra_specs=dict(specs)))


def save_description(tx: Tx, flavor_id: FlavorId, description: str | None) -> None:
    """Replaces the description of a flavor."""
    tx.execute(update(flavors).where(flavors.c.id == flavor_id).values(description=description))


def list_access(tx: Tx, flavor_id: FlavorId) -> list[ProjectId]:
    """Lists the projects that may use a private flavor."""
    statement = select(flavor_access.c.project_id).where(flavor_access.c.flavor_id == flavor_id).order_by("project_id")
    return [ProjectId(row.project_id) for row in tx.execute(statement)]


def list_accessible(tx: Tx, project_id: ProjectId) -> set[FlavorId]:
    """Lists the private flavors that a project may use."""
    statement = select(flavor_access.c.flavor_id).where(flavor_access.c.project_id == project_id)
    return {FlavorId(row.flavor_id) for row in tx.execute(statement)}


def add_access(tx: Tx, flavor_id: FlavorId, project_id: ProjectId) -> None:
    """Permits a project to use a private flavor; raises `Conflict` if it may already."""
    if project_id in list_access(tx, flavor_id):
        raise Conflict(f"Project {project_id} already has access to flavor {flavor_id}", code="flavor-access-exists")
    tx.execute(insert(flavor_access).values(flavor_id=flavor_id, project_id=project_id))


def remove_access(tx: Tx, flavor_id: FlavorId, project_id: ProjectId) -> None:
    """Removes the permission; raises `NotFound` if there was none."""
    if project_id not in list_access(tx, flavor_id):
        raise NotFound(f"Project {project_id} has no access to flavor {flavor_id}", code="flavor-access-not-found")
    tx.execute(
        delete(flavor_access).where(flavor_access.c.flavor_id == flavor_id, flavor_access.c.project_id == project_id)
    )


def _flavor(row: Row[Any]) -> Flavor:
    values = dict(row._mapping)
    del values["number"]
    return Flavor(**values)
