"""The use cases of the service catalog: regions, services and endpoints. The first start fills it; then it is the operator's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from busway.control.context import Control
from busway.control.identity.tree import TURN, merged_options
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, Forbidden
from busway.domain.service_catalog import INTERFACES, Endpoint, Region, Service, check_url, filled
from busway.policy import authorize
from busway.store import service_catalog as store
from busway.store.database import Tx, take_turn
from busway.store.service_catalog import EndpointFilter, Page, ServiceFilter

# Type, name and path below the public URL of what Busway itself serves.
SERVICES = (
    ("identity", "keystone", "/identity"),
    ("compute", "nova", "/compute/v2.1"),
    ("image", "glance", "/image"),
    ("network", "neutron", "/network"),
    ("placement", "placement", "/placement"),
)


def fixed_id(*words: str) -> str:
    """Returns an id derived from these words: 32 hex digits, the same in every process."""
    return hashlib.sha256("/".join(words).encode()).hexdigest()[:32]


def ensure_catalog(control: Control) -> None:
    """Fills an empty catalog, at the first start or after an upgrade from a release that had none."""
    with control.db.read() as tx:
        if store.has_catalog(tx):
            return
    with control.db.write() as tx:
        take_turn(tx, TURN)
        fill_catalog(control, tx)


def fill_catalog(control: Control, tx: Tx) -> None:
    """Adds Busway's own services and endpoints, unless there is a service or a region already."""
    if store.has_catalog(tx):
        return
    region = control.settings.region
    store.add_region(tx, Region(region))
    for kind, name, path in SERVICES:
        service = Service(fixed_id("service", kind), kind, name)
        store.add_service(tx, service)
        for interface in INTERFACES:
            url = f"$(public_endpoint)s{path}"
            store.add_endpoint(tx, Endpoint(fixed_id(interface, kind), service.id, interface, url, region))


def catalog(control: Control, project_id: str | None, user_id: str) -> list[tuple[Service, list[Endpoint]]]:
    """Returns the enabled services with their enabled endpoints, whose URLs are filled in for this project and user."""
    values = {
        "public_endpoint": control.settings.public_url.rstrip("/"),
        "project_id": project_id,
        "tenant_id": project_id,
        "user_id": user_id,
    }
    with control.db.read() as tx:
        known = store.list_enabled(tx)
    return [
        (service, [replace(each, url=url) for each in endpoints if (url := filled(each.url, values)) is not None])
        for service, endpoints in known
    ]


def list_regions(control: Control, caller: Caller, parent: str | None, page: Page) -> list[Region]:
    """Lists all regions, or the children of `parent`."""
    authorize(caller, "identity:list_regions")
    with control.db.read() as tx:
        return store.list_regions(tx, parent, page)


def get_region(control: Control, caller: Caller, region_id: str) -> Region:
    """Returns one region; raises `NotFound`."""
    authorize(caller, "identity:get_region")
    with control.db.read() as tx:
        return store.get_region(tx, region_id)


def create_region(control: Control, caller: Caller, region: Region) -> Region:
    """Creates a region, with a new id unless it has one; raises `Conflict` if that is taken."""
    authorize(caller, "identity:create_region")
    made = replace(region, id=region.id or control.new_id().replace("-", ""))
    with control.db.write() as tx:
        take_turn(tx, TURN)
        if store.find_region(tx, made.id) is not None:
            raise Conflict(f"Region {made.id} exists already", code="region-exists")
        _check_parent(tx, made)
        store.add_region(tx, made)
    return made


def update_region(control: Control, caller: Caller, region_id: str, changes: Mapping[str, Any]) -> Region:
    """Changes a region; raises `BadInput` if it would become its own ancestor."""
    authorize(caller, "identity:update_region")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = store.get_region(tx, region_id)
        region = replace(known, **_merged(known.extra, changes))
        _check_parent(tx, region)
        store.save_region(tx, region)
    return region


def delete_region(control: Control, caller: Caller, region_id: str) -> None:
    """Deletes a region and its descendants; raises `Forbidden` if one of them has endpoints."""
    authorize(caller, "identity:delete_region")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        region = store.get_region(tx, region_id)
        ids = [region.id, *store.list_regions_below(tx, region.id)]
        if store.has_endpoints(tx, ids):
            raise Forbidden(
                f"Region {region.id}, or a region in it, has endpoints",
                remedy=f"Delete those first: openstack endpoint list --region {region.id}",
                code="region-in-use",
            )
        store.delete_regions(tx, ids)


def _check_parent(tx: Tx, region: Region) -> None:
    parent = region.parent_region_id
    if parent is None:
        return
    store.get_region(tx, parent)
    if parent in (region.id, *store.list_regions_below(tx, region.id)):
        raise BadInput(f"Region {region.id} would lie in itself", remedy="Choose another parent.", code="region-circle")


def list_services(control: Control, caller: Caller, wanted: ServiceFilter) -> list[Service]:
    """Lists the services that match a filter."""
    authorize(caller, "identity:list_services")
    with control.db.read() as tx:
        return store.list_services(tx, wanted)


def get_service(control: Control, caller: Caller, service_id: str) -> Service:
    """Returns one service; raises `NotFound`."""
    authorize(caller, "identity:get_service")
    with control.db.read() as tx:
        return store.get_service(tx, service_id)


def create_service(control: Control, caller: Caller, service: Service) -> Service:
    """Creates a service with a new id."""
    authorize(caller, "identity:create_service")
    made = replace(service, id=control.new_id().replace("-", ""))
    with control.db.write() as tx:
        store.add_service(tx, made)
    return made


def update_service(control: Control, caller: Caller, service_id: str, changes: Mapping[str, Any]) -> Service:
    """Changes a service; the catalogs in tokens omit one that is disabled."""
    authorize(caller, "identity:update_service")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = store.get_service(tx, service_id)
        service = replace(known, **_merged(known.extra, changes))
        store.save_service(tx, service)
    return service


def delete_service(control: Control, caller: Caller, service_id: str) -> None:
    """Deletes a service and its endpoints."""
    authorize(caller, "identity:delete_service")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        store.get_service(tx, service_id)
        store.delete_service(tx, service_id)


def list_endpoints(control: Control, caller: Caller, wanted: EndpointFilter) -> list[Endpoint]:
    """Lists the endpoints that match a filter, with the templates of their URLs."""
    authorize(caller, "identity:list_endpoints")
    with control.db.read() as tx:
        return store.list_endpoints(tx, wanted)


def get_endpoint(control: Control, caller: Caller, endpoint_id: str) -> Endpoint:
    """Returns one endpoint; raises `NotFound`."""
    authorize(caller, "identity:get_endpoint")
    with control.db.read() as tx:
        return store.get_endpoint(tx, endpoint_id)


def create_endpoint(control: Control, caller: Caller, endpoint: Endpoint, *, make_region: bool = False) -> Endpoint:
    """Creates an endpoint with a new id, and with `make_region` its region if that is missing."""
    authorize(caller, "identity:create_endpoint")
    made = replace(endpoint, id=control.new_id().replace("-", ""))
    with control.db.write() as tx:
        take_turn(tx, TURN)
        _check_endpoint(tx, made, make_region=make_region)
        store.add_endpoint(tx, made)
    return made


def update_endpoint(
    control: Control, caller: Caller, endpoint_id: str, changes: Mapping[str, Any], *, make_region: bool = False
) -> Endpoint:
    """Changes an endpoint; new tokens have it at once."""
    authorize(caller, "identity:update_endpoint")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = store.get_endpoint(tx, endpoint_id)
        endpoint = replace(known, **_merged(known.extra, changes))
        _check_endpoint(tx, endpoint, make_region=make_region)
        store.save_endpoint(tx, endpoint)
    return endpoint


def delete_endpoint(control: Control, caller: Caller, endpoint_id: str) -> None:
    """Deletes an endpoint."""
    authorize(caller, "identity:delete_endpoint")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        store.get_endpoint(tx, endpoint_id)
        store.delete_endpoint(tx, endpoint_id)


def _check_endpoint(tx: Tx, endpoint: Endpoint, *, make_region: bool) -> None:
    check_url(endpoint.url)
    store.get_service(tx, endpoint.service_id)
    if endpoint.region_id is None or store.find_region(tx, endpoint.region_id) is not None:
        return
    if not make_region:
        raise BadInput(
            f"There is no region {endpoint.region_id}",
            remedy="Make it first: openstack region create",
            code="endpoint-region",
        )
    store.add_region(tx, Region(endpoint.region_id))


def _merged(known: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {**changes, **({"extra": merged_options(known, changes["extra"])} if "extra" in changes else {})}
