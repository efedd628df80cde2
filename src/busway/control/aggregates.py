"""Use cases of aggregates and availability zones; all but the names of the zones are for admins.

Changes take the placer's turn: each sees those before it, and no server is placed by a zone that a host has just left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from busway.control.context import Control
from busway.domain.aggregate import ZONE_KEY, Aggregate
from busway.domain.aggregate_words import PROJECTS_KEY, check_words
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.ids import HostId
from busway.domain.placement import ZONE
from busway.domain.text import some_of
from busway.policy import authorize
from busway.scheduler.filters.tenant import ISOLATION
from busway.store import aggregates as store
from busway.store import events, hosts, projects, server_places
from busway.store.database import Tx, take_turn
from busway.store.events import Event
from busway.store.projects import ProjectFilter
from busway.store.servers import Intent


def create_aggregate(control: Control, caller: Caller, name: str, zone: str | None = None) -> Aggregate:
    """Makes an empty aggregate."""
    authorize(caller, "os_compute_api:os-aggregates:create")
    _check_zone(zone)
    with _changing(control) as tx:
        values = {} if zone is None else {ZONE_KEY: zone}
        return _get(tx, store.add_aggregate(tx, control.new_id(), name, values, control.now()))


def list_aggregates(control: Control, caller: Caller) -> list[Aggregate]:
    """All aggregates by number."""
    authorize(caller, "os_compute_api:os-aggregates:index")
    with control.db.read() as tx:
        return store.list_aggregates(tx)


def get_aggregate(control: Control, caller: Caller, number: str) -> Aggregate:
    """One aggregate; raises `NotFound`."""
    authorize(caller, "os_compute_api:os-aggregates:show")
    with control.db.read() as tx:
        return _get(tx, number)


def update_aggregate(
    control: Control, caller: Caller, number: str, name: str | None = None, zone: str | None = None
) -> Aggregate:
    """Renames an aggregate, or moves its hosts to another zone; None leaves either as it is."""
    authorize(caller, "os_compute_api:os-aggregates:update")
    _check_zone(zone)
    with _changing(control) as tx:
        aggregate = _get(tx, number)
        values = dict(aggregate.metadata) | ({} if zone is None else {ZONE_KEY: zone})
        return _save(control, tx, aggregate, name or aggregate.name, values)


def set_metadata(control: Control, caller: Caller, number: str, changes: Mapping[str, str | None]) -> Aggregate:
    """Sets metadata; None takes a key away, and its zone from the hosts if it is that key.

    Errors: `BadInput` for a key of Nova's that has no effect here, for a value that can't be, and for projects that are not there.
    """
    authorize(caller, "os_compute_api:os-aggregates:set_metadata")
    _check_zone(changes.get(ZONE_KEY))
    named = check_words(changes)
    with _changing(control) as tx:
        aggregate = _get(tx, number)
        _check_projects(control, tx, named)
        merged = {**aggregate.metadata, **changes}
        values = {key: value for key, value in merged.items() if value is not None}
        return _save(control, tx, aggregate, aggregate.name, values)


def delete_aggregate(control: Control, caller: Caller, number: str) -> None:
    """Forgets an aggregate that has no hosts."""
    authorize(caller, "os_compute_api:os-aggregates:delete")
    with _changing(control) as tx:
        aggregate = _get(tx, number)
        if aggregate.hosts:
            raise BadInput(
                f"Aggregate {aggregate.name} is not empty",
                detail=f"It has {', '.join(name for _, name in aggregate.hosts)}.",
                remedy=f"Remove its hosts first: openstack aggregate remove host {aggregate.name} HOST",
                code="aggregate-not-empty",
            )
        store.delete_aggregate(tx, aggregate.id)


def add_host(control: Control, caller: Caller, number: str, host_name: str) -> Aggregate:
    """Puts a host into an aggregate; raises `Conflict` when it is there, or would be in two zones."""
    authorize(caller, "os_compute_api:os-aggregates:add_host")
    with _changing(control) as tx:
        aggregate, host_id = _get(tx, number), _host(tx, host_name)
        if any(known == host_id for known, _ in aggregate.hosts):
            raise Conflict(f"Aggregate {aggregate.name} already has host {host_name}", code="aggregate-host-exists")
        _check_move(tx, {host_id: host_name}, aggregate, aggregate.zone)
        store.add_host(tx, aggregate.id, host_id)
        _add_event(control, tx, caller, host_id, f"joined aggregate {aggregate.name}")
        changed = _get(tx, number)
    control.bell.ring("place")
    return changed


def remove_host(control: Control, caller: Caller, number: str, host_name: str) -> Aggregate:
    """Takes a host out of an aggregate, and out of its zone."""
    authorize(caller, "os_compute_api:os-aggregates:remove_host")
    with _changing(control) as tx:
        aggregate, host_id = _get(tx, number), _host(tx, host_name)
        if all(known != host_id for known, _ in aggregate.hosts):
            raise NotFound(f"Aggregate {aggregate.name} has no host {host_name}", code="aggregate-host-not-found")
        if aggregate.zone is not None:
            _check_move(tx, {host_id: host_name}, aggregate, None)
        store.remove_host(tx, aggregate.id, host_id)
        _add_event(control, tx, caller, host_id, f"left aggregate {aggregate.name}")
        return _get(tx, number)


def list_zones(control: Control) -> dict[str, list[str]]:
    """The availability zones with the names of their hosts; the default one is there while a host is in it."""
    with control.db.read() as tx:
        zones = store.zones_of_hosts(tx)
        found: dict[str, list[str]] = {}
        for host in hosts.list_hosts(tx):
            found.setdefault(zones.get(host.id, ZONE), []).append(host.name)
    return dict(sorted(found.items())) or {ZONE: []}


def check_zone(control: Control, zone: str) -> None:
    """Raises `BadInput` for a zone that no host is in."""
    known = list_zones(control)
    if zone not in known:
        raise BadInput(
            "The requested availability zone is not available",
            detail=f"There is no zone {zone}; there are {', '.join(known)}.",
            remedy="Choose one of them, or omit it for any zone.",
            code="availability-zone",
        )


@contextmanager
def _changing(control: Control) -> Iterator[Tx]:
    with control.db.write() as tx:
        take_turn(tx, "place")
        yield tx


def _save(control: Control, tx: Tx, aggregate: Aggregate, name: str, values: Mapping[str, str]) -> Aggregate:
    if values.get(ZONE_KEY) != aggregate.zone:
        _check_move(tx, dict(aggregate.hosts), aggregate, values.get(ZONE_KEY))
    store.save_aggregate(tx, aggregate.id, name, values, control.now())
    return _get(tx, aggregate.id)


def _check_move(tx: Tx, moved: Mapping[HostId, str], aggregate: Aggregate, zone: str | None) -> None:
    """Raises `Conflict` when a host would be in two zones, or servers would find themselves in another one."""
    others = [other for other in store.list_aggregates(tx) if other.id != aggregate.id and other.zone is not None]
    for host_id, name in moved.items():
        elsewhere = next((other for other in others if (host_id, name) in other.hosts), None)
        if zone is not None and elsewhere is not None and elsewhere.zone != zone:
            raise Conflict(
                f"Host {name} is already in availability zone {elsewhere.zone}",
                detail=f"Aggregate {elsewhere.name} puts it there; {aggregate.name} is in zone {zone}.",
                remedy=f"Remove it first: openstack aggregate remove host {elsewhere.name} {name}",
                code="host-in-other-zone",
            )
        now = store.zones_of_hosts(tx).get(host_id, ZONE)
        then = zone or (elsewhere.zone if elsewhere else None) or ZONE
        there = [row for row in server_places.list_on_host(tx, host_id) if row.intent is Intent.PRESENT]
        if now != then and there:
            raise Conflict(
                f"Host {name} has {len(there)} servers, which would change from availability zone {now} to {then}",
                remedy="Delete or move them first.",
                code="zone-in-use",
            )


def _check_zone(zone: str | None) -> None:
    if zone is not None and (not zone.strip() or ":" in zone):
        raise BadInput(
            f"'{zone}' is not a valid name of an availability zone",
            remedy="Choose a name without a colon, which separates a zone from a host.",
            code="zone-name",
        )


def _check_projects(control: Control, tx: Tx, named: frozenset[str]) -> None:
    """Raises `BadInput` for projects that are not there, and where nothing would look at them."""
    if not named:
        return
    settings = control.settings
    if ISOLATION not in settings.policy.filters and not settings.limit_tenants_to_placement_aggregate:
        raise BadInput(
            f"{PROJECTS_KEY} has no effect",
            detail=f"The configuration's enabled_filters leaves {ISOLATION} out.",
            remedy="Add it to [filter_scheduler] enabled_filters, or set [scheduler] limit_tenants_to_placement_aggregate.",
            code="aggregate-metadata",
        )
    known = {each.id for each in projects.list_projects(tx, ProjectFilter(ids=named))}
    if gone := sorted(named - known):
        raise BadInput(
            f"{PROJECTS_KEY} names what is no project: {some_of(gone, 5)}",
            remedy="Write ids, not names: `openstack project show NAME -f value -c id`.",
            code="aggregate-metadata",
        )


def _get(tx: Tx, number: str | int) -> Aggregate:
    found = store.find_aggregate(tx, int(number)) if re.fullmatch("[0-9]{1,9}", str(number)) else None
    if found is None:
        raise NotFound(
            f"Aggregate {number} could not be found",
            remedy="See `openstack aggregate list`.",
            code="aggregate-not-found",
        )
    return found


def _host(tx: Tx, name: str) -> HostId:
    host = hosts.find_host(tx, name)
    if host is None:
        raise NotFound(
            f"Compute host {name} could not be found", remedy="See `busway host list`.", code="host-not-found"
        )
    return host.id


def _add_event(control: Control, tx: Tx, caller: Caller, host_id: HostId, what: str) -> None:
    events.add_event(tx, Event(control.now(), "host", None, what.split()[0], f"{what}, by {caller.user_name}", host_id))
