"""Use cases of the operator: list hosts, take one out of service, forget one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from busway.control.context import Control
from busway.control.placement.occupancy import Occupants, occupants_of, total
from busway.control.placement.snapshot import is_up
from busway.domain.caller import Caller
from busway.domain.documents import HostResources
from busway.domain.errors import BadInput, NotFound
from busway.domain.ids import HostId
from busway.domain.placement import ZONE
from busway.policy import authorize
from busway.store import aggregates, events, hosts
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.hosts import HostFilter, HostRow

EVERY_HOST = HostFilter()


@dataclass(frozen=True, slots=True)
class HostView:
    """A host as its operator sees it; used amounts are the sums of its servers' flavors."""

    id: HostId
    name: str
    number: int
    up: bool
    enabled: bool
    disabled_reason: str | None
    seen: datetime | None
    created: datetime
    resources: HostResources
    used_vcpus: int
    used_ram_mb: int
    used_disk_gb: int
    servers: int
    agent_version: str
    iommu: bool
    zone: str = ZONE
    used_pcpus: int = 0


def list_hosts(
    control: Control, caller: Caller, rule: str = "busway:hosts:list", wanted: HostFilter = EVERY_HOST
) -> list[HostView]:
    """The hosts that a filter lets through, by name."""
    authorize(caller, rule)
    with control.db.read() as tx:
        rows = hosts.list_page(tx, wanted)
        some = None if wanted == EVERY_HOST else [row.id for row in rows]
        placed, zones = occupants_of(tx, rows, some), aggregates.zones_of_hosts(tx, some)
    return [_view(control, host, placed.get(host.id, {}), zones.get(host.id, ZONE)) for host in rows]


def find_host(control: Control, caller: Caller, wanted: HostFilter, rule: str) -> HostView | None:
    """The one host that a filter lets through, or None."""
    found = list_hosts(control, caller, rule, wanted)
    return found[0] if found else None


def set_enabled(
    control: Control,
    caller: Caller,
    name: str,
    *,
    enabled: bool,
    reason: str | None = None,
    rule: str = "busway:hosts:update",
) -> None:
    """Allows or forbids new servers on a host; running servers are not affected.

    Raises `BadInput` for a reason with which a host is allowed: as in Nova, only one to forbid it is kept.
    """
    authorize(caller, rule)
    if enabled and reason is not None:
        raise BadInput(
            "Specifying disabled_reason requires that status is 'disabled'",
            detail="The reason is shown while the host gets no new servers.",
            remedy="Leave it out.",
            code="disabled-reason",
        )
    now = control.now()
    with control.db.write() as tx:
        host = _get(tx, name)
        hosts.set_enabled(tx, host.id, enabled, None if enabled else reason)
        word = "enabled" if enabled else "disabled"
        events.add_event(tx, Event(now, "host", None, word, reason or f"by {caller.user_name}", host.id))
    control.bell.ring("place")


def _get(tx: Tx, name: str) -> HostRow:
    host = hosts.find_host(tx, name)
    if host is None:
        raise NotFound(f"No host {name}", remedy="See `busway host list`.", code="host-not-found")
    return host


def _view(control: Control, host: HostRow, placed: Occupants, zone: str) -> HostView:
    used = total(placed)
    return HostView(
        id=host.id,
        name=host.name,
        number=host.number,
        up=is_up(control.settings, host, control.now()),
        enabled=host.enabled,
        disabled_reason=host.disabled_reason,
        seen=host.seen,
        created=host.created,
        resources=host.resources or HostResources(0, 0, 0),
        used_vcpus=used.vcpus,
        used_pcpus=used.pcpus,
        used_ram_mb=used.ram_mb,
        used_disk_gb=used.disk_gb,
        servers=len(placed),
        agent_version=host.agent_version,
        iommu=host.iommu,
        zone=zone,
    )
