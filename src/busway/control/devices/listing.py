"""Devices as an operator sees them: the device, its server, and why it is not available."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from busway.control.context import Control
from busway.control.placement.snapshot import states_of
from busway.domain.address import PciAddress
from busway.domain.caller import Caller
from busway.domain.claim import ClaimState
from busway.domain.condition import CardMode, Conditions, DeviceCondition, HostFinding
from busway.domain.device import DeviceKind
from busway.domain.device_spec import DeviceSpecs
from busway.domain.errors import NotFound
from busway.domain.ids import DeviceId, HostId, ProjectId, ServerId
from busway.domain.mdev import MdevOffer
from busway.domain.placement import DeviceState, HostState
from busway.domain.status import DeviceStatus, device_status
from busway.domain.units import WHOLE_KINDS, RenderShare
from busway.policy import authorize
from busway.scheduler.pci import unusable
from busway.store import claims, conditions, devices, events, hosts, servers
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.devices import DeviceFilter, DeviceRow
from busway.store.events import Event
from busway.store.servers import ServerOwner

EVERY_DEVICE = DeviceFilter()
NOT_OFFERED_ANY_MORE = "no device_spec offers it any more; it leaves when its server gives it back"


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One PCI function; `status` is None for one that no device_spec offers, `project_id` is of the server that has it.

    `parent` is the PF of a VF, and `bridges` leads from the root port down to it. `condition` is how it does now, None where its
    host does not tell, and `findings` are the doctor's.
    """

    id: DeviceId
    host: str
    address: str
    description: str
    vendor_id: str
    product_id: str
    class_code: str
    kind: DeviceKind
    iommu_group: int | None
    numa_node: int | None
    driver: str | None
    offered: bool
    present: bool
    status: DeviceStatus | None
    server_id: ServerId | None
    server_name: str | None
    reason: str
    project_id: ProjectId | None = None
    vendor_name: str = ""
    product_name: str = ""
    parent: str | None = None
    bridges: tuple[str, ...] = ()
    condition: DeviceCondition | None = None
    findings: tuple[HostFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceStory:
    """One device and what happened to it, oldest first, with the others of its IOMMU group.

    `modes` are the ways in which its card can be given to guests, of a VF those of its PF's; none where its host does not tell.
    """

    device: DeviceView
    group: tuple[str, ...]
    events: tuple[Event, ...]
    modes: tuple[CardMode, ...] = ()


def list_devices(control: Control, caller: Caller, wanted: DeviceFilter = EVERY_DEVICE) -> list[DeviceView]:
    """The devices that a filter lets through, by host and address."""
    authorize(caller, "busway:devices:list")
    with control.db.read() as tx:
        page = devices.list_page(tx, wanted)
        host_ids = {row.host_id for row in page}
        views = _with_conditions(tx, host_ids, _views_of_hosts(control, tx, host_ids))
        return [views[row.id] for row in page]


def list_changed(control: Control, caller: Caller, since: datetime) -> list[DeviceView]:
    """The devices of the hosts that have reported new conditions since a time."""
    authorize(caller, "busway:devices:list")
    with control.db.read() as tx:
        host_ids = set(conditions.changed_since(tx, since))
        return list(_with_conditions(tx, host_ids, _views_of_hosts(control, tx, host_ids)).values())


def get_device(control: Control, caller: Caller, name: str) -> DeviceStory:
    """One device by its id, by host:address, or by its address where only one host has it."""
    authorize(caller, "busway:devices:show")
    with control.db.read() as tx:
        found = _find(tx, name)
        if len(found) != 1:
            hosts_with = ", ".join(sorted(hosts.names_of(tx, (row.host_id for row in found)).values()))
            raise NotFound(
                f"Several hosts have a device {name}: {hosts_with}" if found else f"No device {name}",
                remedy="Use HOST:ADDRESS, as `busway device list --all` shows it.",
                code="device-not-found",
            )
        host_ids = {found[0].host_id}
        views = _with_conditions(tx, host_ids, _views_of_hosts(control, tx, host_ids))
        view = views[found[0].id]
        group = tuple(
            f"{other.address} {other.description}"
            for other in views.values()
            if view.iommu_group is not None and other.iommu_group == view.iommu_group and other.id != view.id
        )
        history = tuple(events.list_events(tx, device_id=view.id))
        return DeviceStory(view, group, history, _modes(tx, found[0].host_id, view))


def _modes(tx: Tx, host_id: HostId, view: DeviceView) -> tuple[CardMode, ...]:
    latest = conditions.conditions_of(tx, [host_id]).get(host_id)
    ways = {each.device: each.ways for each in latest.modes} if latest is not None else {}
    return ways.get(view.address) or ways.get(view.parent or "", ())


def device_views(control: Control, tx: Tx) -> Collection[DeviceView]:
    """All devices as they are in a transaction."""
    return _views_of_hosts(control, tx, {row.id for row in hosts.list_hosts(tx)}).values()


def _find(tx: Tx, name: str) -> list[DeviceRow]:
    """The devices that a name may mean: the one with this id, the one at HOST:ADDRESS, or all with this address."""
    host, colon, address = name.partition(":")
    return (
        devices.list_page(tx, DeviceFilter(id=name))
        or (devices.list_page(tx, DeviceFilter(host=host, address=address)) if colon else [])
        or devices.list_page(tx, DeviceFilter(address=name))
    )


def _rendering(host: HostState) -> Iterator[tuple[DeviceState, MdevOffer]]:
    """The cards whose render nodes are shared, each with what its node gives."""
    nodes = {f"pci-{state.device.address}": state for state in host.devices}
    for offer in host.mdevs:
        if offer.kind == RenderShare.kind and offer.parent in nodes:
            yield nodes[offer.parent], offer


def _views_of_hosts(control: Control, tx: Tx, host_ids: Collection[HostId]) -> dict[DeviceId, DeviceView]:
    """All devices of some hosts in the order of their addresses; a device in use excludes others of its host."""
    known = hosts.list_of(tx, host_ids)
    names = {row.id: row.name for row in known}
    rows = devices.list_devices_of(tx, sorted(host_ids))
    live = claims.list_owned(tx, host_ids)
    owners = {claim.device_id: claim for claim in live if claim.kind in WHOLE_KINDS}
    owning = servers.owners_of(tx, {claim.server_id for claim in owners.values()})
    blockers = _blockers(rows, owners)
    states = states_of(control, tx, known, {claim.device_id: claim.server_id for claim in live})
    obstacles = {key: why for each in states for key, why in unusable(each).items()}
    obstacles |= {state.id: f"its VFs are for {state.cut}" for each in states for state in each.devices if state.cut}
    obstacles |= {state.id: str(offer) for each in states for state, offer in _rendering(each)}
    for each in states:
        for device_id in {offer.device_id for offer in each.mdevs}:
            obstacles[device_id] = "; ".join(str(offer) for offer in each.mdevs if offer.device_id == device_id)
    specs = control.pci_rules(tx).device_specs
    return {
        row.id: _view(specs, row, names, owners.get(row.id), blockers.get(row.id), obstacles.get(row.id), owning)
        for row in rows
    }


def _with_conditions(
    tx: Tx, host_ids: Collection[HostId], views: dict[DeviceId, DeviceView]
) -> dict[DeviceId, DeviceView]:
    """Adds to each device its condition and its findings, where its host has reported them."""
    latest = conditions.conditions_of(tx, host_ids)
    found: dict[tuple[str, str], DeviceCondition] = {}
    findings: dict[tuple[str, str], list[HostFinding]] = {}
    for each in latest.values():
        found |= {(each.host, one.device): one for one in each.devices}
        for finding in each.findings:
            findings.setdefault((each.host, finding.device), []).append(finding)
    places = {key: (view.host, view.address) for key, view in views.items()}
    return {
        key: replace(view, condition=found.get(places[key]), findings=tuple(findings.get(places[key], ())))
        if places[key] in found or places[key] in findings
        else view
        for key, view in views.items()
    }


def host_conditions(control: Control, caller: Caller) -> dict[str, Conditions]:
    """What hosts report of their condition, by their names."""
    authorize(caller, "busway:devices:list")
    with control.db.read() as tx:
        latest = conditions.conditions_of(tx, [row.id for row in hosts.list_hosts(tx)])
    return {each.host: each for each in latest.values()}


def _view(
    specs: DeviceSpecs,
    row: DeviceRow,
    names: dict[HostId, str],
    claim: Claim | None,
    blocker: Claim | None,
    obstacle: str | None,
    owning: dict[ServerId, ServerOwner],
) -> DeviceView:
    device = row.device
    owner = owning.get(claim.server_id) if claim else None
    offered = specs.find(device) is not None
    status = device_status(
        present=row.present,
        claim=claim.state if claim else None,
        quarantined=row.quarantined is not None,
        blocked_by=blocker.state if blocker else None,
        unusable=obstacle is not None,
    )
    return DeviceView(
        id=row.id,
        host=names[row.host_id],
        address=str(device.address),
        description=device.description,
        vendor_id=device.vendor_id,
        product_id=device.product_id,
        class_code=device.class_code,
        kind=device.kind,
        iommu_group=device.iommu_group,
        numa_node=device.numa_node,
        driver=device.driver,
        offered=offered,
        present=row.present,
        status=status if offered or claim else None,
        server_id=claim.server_id if claim else None,
        server_name=owner.name if owner else None,
        reason=_reason(row, claim, blocker, obstacle, offered),
        project_id=owner.project_id if owner else None,
        vendor_name=device.vendor_name,
        product_name=device.product_name,
        parent=str(device.parent) if device.parent else None,
        bridges=tuple(map(str, device.bridges)),
    )


def _reason(row: DeviceRow, claim: Claim | None, blocker: Claim | None, obstacle: str | None, offered: bool) -> str:
    if row.quarantined is not None:
        return row.quarantined
    if claim is not None and claim.state is ClaimState.RELEASING:
        return "waits for its host to report that nobody holds it"
    if blocker is not None:
        return "another function of its PF, VF or IOMMU group belongs to a server"
    if not row.present:
        return "its host no longer reports it"
    if not offered:
        return NOT_OFFERED_ANY_MORE if claim is not None else obstacle or "no device_spec offers it"
    return obstacle or ""


def _blockers(rows: list[DeviceRow], owners: dict[DeviceId, Claim]) -> dict[DeviceId, Claim]:
    """Which devices are excluded by a claim on another: members of its group, its PF, its VFs."""
    groups: dict[tuple[HostId, int], Claim] = {}
    owned: dict[tuple[HostId, PciAddress], Claim] = {}
    parents: dict[tuple[HostId, PciAddress], Claim] = {}
    for row in rows:
        claim = owners.get(row.id)
        if claim is None:
            continue
        owned[row.host_id, row.device.address] = claim
        if row.device.iommu_group is not None:
            groups[row.host_id, row.device.iommu_group] = claim
        if row.device.parent is not None:
            parents[row.host_id, row.device.parent] = claim
    found: dict[DeviceId, Claim] = {}
    for row in rows:
        if row.id in owners or row.device.is_bridge:
            continue
        blocker = parents.get((row.host_id, row.device.address))
        if blocker is None and row.device.parent is not None:
            blocker = owned.get((row.host_id, row.device.parent))
        if blocker is None and row.device.iommu_group is not None:
            blocker = groups.get((row.host_id, row.device.iommu_group))
        if blocker is not None:
            found[row.id] = blocker
    return found
