"""Regions, services and endpoints of the service catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Select, String, Table, Text, delete, insert, select, update

from busway.domain.errors import NotFound
from busway.domain.service_catalog import Endpoint, Region, Service
from busway.store.database import Tx
from busway.store.filtered_list import Likeness, alike, equal, read_page
from busway.store.metadata import Json, metadata

regions = Table(
    "regions",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("description", Text, nullable=False),
    Column("parent_region_id", String(255), index=True),
    Column("extra", Json, nullable=False),
)

services = Table(
    "services",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("type", String(255), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("extra", Json, nullable=False),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("service_id", ForeignKey("services.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("region_id", ForeignKey("regions.id"), index=True),
    Column("interface", String(8), nullable=False),
    Column("url", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("extra", Json, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list: after the row with the id `marker`, at most `limit` rows."""

    limit: int | None = None
    marker: str | None = None


ALL = Page()


def add_region(tx: Tx, region: Region) -> None:
    """Adds a region."""
    tx.execute(insert(regions).values(_values(regions, region)))


def save_region(tx: Tx, region: Region) -> None:
    """Updates all fields of a region."""
    tx.execute(update(regions).where(regions.c.id == region.id).values(_values(regions, region)))


def find_region(tx: Tx, region_id: str) -> Region | None:
    """Returns a region, or None."""
    row = tx.execute(select(regions).where(regions.c.id == region_id)).one_or_none()
    return None if row is None else Region(**row._mapping)


def get_region(tx: Tx, region_id: str) -> Region:
    """Returns a region; raises `NotFound`."""
    found = find_region(tx, region_id)
    if found is None:
        raise _missing("region", region_id)
    return found


def list_regions(tx: Tx, parent: str | None = None, page: Page = ALL) -> list[Region]:
    """Lists all regions, or the children of `parent`, by id."""
    statement: Select[Any] = select(regions)
    if parent is not None:
        statement = statement.where(regions.c.parent_region_id == parent)
    return [Region(**row._mapping) for row in read_page(tx, statement, (regions.c.id,), page)]


def list_regions_below(tx: Tx, region_id: str) -> list[str]:
    """Lists the ids of all descendants of a region."""
    # WITH RECURSIVE below AS (SELECT id … WHERE parent_region_id = ? UNION SELECT regions.id … JOIN below)
    below = select(regions.c.id).where(regions.c.parent_region_id == region_id).cte("below", recursive=True)
    inner = regions.alias("inner_region")
    below = below.union(select(inner.c.id).join(below, inner.c.parent_region_id == below.c.id))
    return list(tx.execute(select(below.c.id)).scalars())


def has_endpoints(tx: Tx, region_ids: list[str]) -> bool:
    """Returns True if an endpoint is in one of these regions."""
    return tx.execute(select(endpoints.c.id).where(endpoints.c.region_id.in_(region_ids)).limit(1)).first() is not None


def delete_regions(tx: Tx, region_ids: list[str]) -> None:
    """Deletes regions, which must have no endpoints."""
    tx.execute(delete(regions).where(regions.c.id.in_(region_ids)))


def has_catalog(tx: Tx) -> bool:
    """Returns True if there is a service or a region."""
    both = select(services.c.id).union_all(select(regions.c.id)).limit(1)
    return tx.execute(both).first() is not None


def add_service(tx: Tx, service: Service) -> None:
    """Adds a service."""
    tx.execute(insert(services).values(_values(services, service)))


def save_service(tx: Tx, service: Service) -> None:
    """Updates all fields of a service."""
    tx.execute(update(services).where(services.c.id == service.id).values(_values(services, service)))


def get_service(tx: Tx, service_id: str) -> Service:
    """Returns a service; raises `NotFound`."""
    row = tx.execute(select(services).where(services.c.id == service_id)).one_or_none()
    if row is None:
        raise _missing("service", service_id)
    return Service(**row._mapping)


@dataclass(frozen=True, slots=True)
class ServiceFilter:
    """A filter for services, by type and name; None matches everything."""

    type: str | None = None
    name: str | None = None
    page: Page = ALL
    name_like: tuple[Likeness, ...] = ()


def list_services(tx: Tx, wanted: ServiceFilter) -> list[Service]:
    """Lists the services that match a filter, by id."""
    which = (*equal(services, wanted, "type", "name"), *alike(tx, services.c.name, wanted.name_like))
    statement = select(services).where(*which)
    return [Service(**row._mapping) for row in read_page(tx, statement, (services.c.id,), wanted.page)]


def delete_service(tx: Tx, service_id: str) -> None:
    """Deletes a service with its endpoints."""
    tx.execute(delete(services).where(services.c.id == service_id))


def add_endpoint(tx: Tx, endpoint: Endpoint) -> None:
    """Adds an endpoint."""
    tx.execute(insert(endpoints).values(_values(endpoints, endpoint)))


def save_endpoint(tx: Tx, endpoint: Endpoint) -> None:
    """Updates all fields of an endpoint."""
    tx.execute(update(endpoints).where(endpoints.c.id == endpoint.id).values(_values(endpoints, endpoint)))


def get_endpoint(tx: Tx, endpoint_id: str) -> Endpoint:
    """Returns an endpoint; raises `NotFound`."""
    row = tx.execute(select(endpoints).where(endpoints.c.id == endpoint_id)).one_or_none()
    if row is None:
        raise _missing("endpoint", endpoint_id)
    return Endpoint(**row._mapping)


@dataclass(frozen=True, slots=True)
class EndpointFilter:
    """A filter for endpoints; None matches everything."""

    service_id: str | None = None
    interface: str | None = None
    region_id: str | None = None
    page: Page = ALL


def list_endpoints(tx: Tx, wanted: EndpointFilter) -> list[Endpoint]:
    """Lists the endpoints that match a filter, by id."""
    statement = select(endpoints).where(*equal(endpoints, wanted, "service_id", "interface", "region_id"))
    return [Endpoint(**row._mapping) for row in read_page(tx, statement, (endpoints.c.id,), wanted.page)]


def delete_endpoint(tx: Tx, endpoint_id: str) -> None:
    """Deletes an endpoint."""
    tx.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))


def list_enabled(tx: Tx) -> list[tuple[Service, list[Endpoint]]]:
    """Lists the enabled services by type and name, each with its enabled endpoints, for the catalogs in tokens."""
    # SELECT … FROM services LEFT JOIN endpoints ON service_id = services.id AND endpoints.enabled WHERE services.enabled
    theirs = [column.label(f"endpoint_{column.name}") for column in endpoints.c]
    statement = (
        select(*services.c, *theirs)
        .outerjoin_from(services, endpoints, (endpoints.c.service_id == services.c.id) & endpoints.c.enabled)
        .where(services.c.enabled)
        .order_by(services.c.type, services.c.name, services.c.id, endpoints.c.region_id, endpoints.c.interface)
    )
    found: dict[str, tuple[Service, list[Endpoint]]] = {}
    for row in tx.execute(statement):
        values = row._mapping
        known = found.setdefault(row.id, (Service(**{column.name: values[column.name] for column in services.c}), []))
        if row.endpoint_id is not None:
            known[1].append(Endpoint(**{column.name: values[f"endpoint_{column.name}"] for column in endpoints.c}))
    return list(found.values())


def _values(table: Table, thing: object) -> dict[str, Any]:
    return {column.name: getattr(thing, column.name) for column in table.c}


def _missing(kind: str, reference: str) -> NotFound:
    return NotFound(
        f"Could not find {kind}: {reference}",
        remedy=f"List them: openstack {kind} list",
        code=f"{kind}-not-found",
    )
