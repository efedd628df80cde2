"""Domains and projects in one table, and their tree.

A domain is a row without a domain (`domain_id` is ""). `project_tree` has a row for each project and each of its
ancestors, the domain included. Ancestors never change, so no query is recursive.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from busway.domain.errors import Conflict, NotFound
from busway.domain.identity import DOMAIN_ID, Project
from busway.domain.ids import ProjectId
from busway.store.database import Tx
from busway.store.filtered_list import Likeness, alike, equal, read_page
from busway.store.json_list import holds
from busway.store.metadata import Json, metadata

projects = Table(
    "projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("domain_id", String(64), nullable=False),
    Column("parent_id", String(64), index=True),
    Column("is_domain", Boolean, nullable=False),
    Column("tags", Json, nullable=False),
    Column("options", Json, nullable=False),
    Column("extra", Json, nullable=False),
    UniqueConstraint("domain_id", "name"),
    Index("ix_projects_name_id", "name", "id"),
)

project_tree = Table(
    "project_tree",
    metadata,
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("ancestor_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True, index=True),
)


@dataclass(frozen=True, slots=True)
class ProjectFilter:
    """A filter for projects, or for domains if `is_domain`, by name; `marker` is the id of the last one already seen.

    `ids` restricts it to these. Tags: all of `tags`, any of `tags_any`, not all of `not_tags`, none of
    `not_tags_any`.
    """

    name: str | None = None
    enabled: bool | None = None
    domain_id: str | None = None
    parent_id: str | None = None
    is_domain: bool = False
    ids: Collection[str] | None = None
    tags: tuple[str, ...] = ()
    tags_any: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    not_tags_any: tuple[str, ...] = ()
    limit: int | None = None
    marker: str | None = None
    name_like: tuple[Likeness, ...] = ()


ALL_PROJECTS = ProjectFilter()


def add_project(tx: Tx, project: Project) -> None:
    """Adds a project or domain below its parent; raises `Conflict` if its name is taken."""
    check_project_name(tx, project)
    tx.execute(insert(projects).values(**_values(project)))
    if project.parent_id is None:
        return
    # INSERT INTO project_tree SELECT ?, parent UNION ALL SELECT ?, what is above the parent
    above = select(literal(project.id), project_tree.c.ancestor_id).where(
        project_tree.c.project_id == project.parent_id
    )
    parent = select(literal(project.id), literal(project.parent_id))
    tx.execute(insert(project_tree).from_select(["project_id", "ancestor_id"], parent.union_all(above)))


def check_project_name(tx: Tx, project: Project) -> None:
    """Raises `Conflict` if another project of the domain, or another domain, has the name."""
    found = find_project_by_name(tx, project.name, project.domain_id)
    if found is not None and found.id != project.id:
        kind = "Domain" if project.is_domain else "Project"
        raise Conflict(f"{kind} '{project.name}' already exists", code="project-exists")


def save_project(tx: Tx, project: Project) -> None:
    """Updates all fields of a project or domain."""
    tx.execute(update(projects).where(projects.c.id == project.id).values(**_values(project)))


def find_project(tx: Tx, project_id: str) -> Project | None:
    """Returns a project or domain by its id, or None."""
    row = tx.execute(select(projects).where(projects.c.id == project_id)).one_or_none()
    return None if row is None else project_of(row)


def find_project_by_name(tx: Tx, name: str, domain_id: str = DOMAIN_ID) -> Project | None:
    """Returns a project by its name in a domain, or a domain by its name for domain ""; or None."""
    which = (projects.c.name == name, projects.c.domain_id == domain_id)
    row = tx.execute(select(projects).where(*which)).one_or_none()
    return None if row is None else project_of(row)


def get_project(tx: Tx, project_id: str) -> Project:
    """Returns a project or domain by its id; raises `NotFound`."""
    found = find_project(tx, project_id)
    if found is None:
        raise NotFound(f"Could not find project: {project_id}", code="project-not-found")
    return found


def get_domain(tx: Tx, domain_id: str) -> Project:
    """Returns a domain by its id; raises `NotFound`."""
    found = find_project(tx, domain_id)
    if found is None or not found.is_domain:
        raise NotFound(
            f"Could not find domain: {domain_id}",
            remedy="List domains: openstack domain list",
            code="domain-not-found",
        )
    return found


def find_domain_of(tx: Tx, project_id: str) -> Project | None:
    """Returns the domain of a project, or None if there is no such project."""
    domain_id = select(projects.c.domain_id).where(projects.c.id == project_id).scalar_subquery()
    row = tx.execute(select(projects).where(projects.c.id == domain_id)).one_or_none()
    return None if row is None else project_of(row)


def domain_names(tx: Tx, domain_ids: Collection[str]) -> dict[str, str]:
    """Returns the names of domains by id."""
    rows = tx.execute(select(projects.c.id, projects.c.name).where(projects.c.id.in_(set(domain_ids))))
    return {row.id: row.name for row in rows}


def list_projects(tx: Tx, wanted: ProjectFilter = ALL_PROJECTS) -> list[Project]:
    """Lists the projects that match a filter, by name; raises `BadInput` for an unknown marker."""
    statement = select(projects).where(projects.c.is_domain.is_(wanted.is_domain), *_conditions(tx, wanted))
    return [project_of(row) for row in read_page(tx, statement, (projects.c.name, projects.c.id), wanted)]


def _conditions(tx: Tx, wanted: ProjectFilter) -> list[Any]:
    found = equal(projects, wanted, "name", "domain_id", "parent_id")
    found += alike(tx, projects.c.name, wanted.name_like)
    if wanted.enabled is not None:
        found.append(projects.c.enabled.is_(wanted.enabled))
    if wanted.ids is not None:
        found.append(projects.c.id.in_(wanted.ids))

    def held(tags: tuple[str, ...]) -> list[Any]:
        return [holds(tx, projects.c.tags, tag) for tag in tags]

    found += held(wanted.tags)
    if wanted.tags_any:
        found.append(or_(*held(wanted.tags_any)))
    if wanted.not_tags:
        found.append(~and_(*held(wanted.not_tags)))
    if wanted.not_tags_any:
        found.append(~or_(*held(wanted.not_tags_any)))
    return found


def list_ancestors(tx: Tx, project_id: str) -> list[Project]:
    """Lists the ancestors of a project, its domain included, in no order."""
    above = select(project_tree.c.ancestor_id).where(project_tree.c.project_id == project_id)
    return [project_of(row) for row in tx.execute(select(projects).where(projects.c.id.in_(above)))]


def list_below(tx: Tx, project_id: str) -> list[Project]:
    """Lists the descendants of a project, by name."""
    below = select(project_tree.c.project_id).where(project_tree.c.ancestor_id == project_id)
    statement = select(projects).where(projects.c.id.in_(below)).order_by(projects.c.name, projects.c.id)
    return [project_of(row) for row in tx.execute(statement)]


def count_below(tx: Tx, project_id: str, *, enabled: bool = False) -> int:
    """Returns how many descendants a project has: all, or the enabled ones."""
    statement = (
        select(func.count())
        .select_from(project_tree.join(projects, projects.c.id == project_tree.c.project_id))
        .where(project_tree.c.ancestor_id == project_id)
    )
    return int(tx.execute(statement.where(projects.c.enabled) if enabled else statement).scalar_one())


def delete_project(tx: Tx, project_id: str) -> None:
    """Deletes a project, or a domain with all projects in it."""
    tx.execute(delete(projects).where(or_(projects.c.id == project_id, projects.c.domain_id == project_id)))


def ids_in_domain(domain_id: str) -> Select[tuple[str]]:
    """Returns the statement for the ids of a domain's projects."""
    return select(projects.c.id).where(projects.c.domain_id == domain_id)


def project_of(row: Row[Any]) -> Project:
    """Reads a project from a row."""
    values = {column.name: row._mapping[column.name] for column in projects.c}
    return Project(**{**values, "id": ProjectId(values["id"]), "tags": tuple(values["tags"])})


def _values(project: Project) -> dict[str, Any]:
    values: dict[str, Any] = {column.name: getattr(project, column.name) for column in projects.c}
    return {**values, "tags": list(project.tags), "options": dict(project.options), "extra": dict(project.extra)}
