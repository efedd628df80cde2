"""Where servers would land, or why they would not: the placer's own decision on today's snapshot, with nothing written."""

from __future__ import annotations

from dataclasses import dataclass

from busway.control.context import Control
from busway.control.flavors import list_flavors
from busway.control.images.catalogue import get_image
from busway.control.networks.network import list_networks
from busway.control.placement.discretion import Discretion
from busway.control.placement.request import placement_request
from busway.control.placement.snapshot import take_snapshot
from busway.control.servers.create import MAX_AT_ONCE
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, NotFound
from busway.domain.flavor import Flavor
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import ServerId
from busway.domain.nic_request import OVERLAY_WISH
from busway.domain.placement import HostRefusal, Placement, PlacementRequest, Refusal, Snapshot
from busway.policy import allows, authorize
from busway.scheduler.explain import describe, details, explain, remedy_words
from busway.scheduler.place import after, place_all


@dataclass(frozen=True, slots=True)
class PlannedServer:
    """Where one server would land; `devices` are lines such as "0000:81:00.0 Display controller: … (alias a1)".

    Tenants do not see hosts and addresses.
    """

    host: str
    devices: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class PlanRefusal:
    """Why they would not land: the four fields of the fault, and counts of hosts and devices by what excluded them.

    `remedies` were tried: with each, all servers would land. `facts` are for admins: they name servers of others.
    """

    brief: str
    detail: str
    remedy: str
    code: str
    hosts: dict[str, int]
    devices: dict[str, int]
    nearest: str | None
    remedies: tuple[str, ...]
    facts: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer for `count` servers of a flavor: all of them with their places, or none and the refusal."""

    flavor: str
    count: int
    servers: tuple[PlannedServer, ...] = ()
    refusal: PlanRefusal | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan, and why each host was refused; only users who may list hosts see the hosts."""

    plan: Plan
    hosts: tuple[HostRefusal, ...] = ()


def plan(
    control: Control,
    caller: Caller,
    flavor: str,
    count: int = 1,
    image: str | None = None,
    host: str | None = None,
    network: str | None = None,
) -> Plan:
    """Decides as the placer would if the servers were asked for now; `flavor` and `network` are ids or names.

    Errors: `NotFound` for an unknown flavor, image or network, `Forbidden` for a host named by other than an admin,
    `BadInput`.
    """
    return decide(control, caller, _find_flavor(control, caller, flavor), count, image, host, network).plan


def decide(
    control: Control,
    caller: Caller,
    flavor: Flavor,
    count: int = 1,
    image: str | None = None,
    host: str | None = None,
    network: str | None = None,
) -> Decision:
    """Plans servers of a flavor that need not be in the cloud's list; the decision also has the reason for each host."""
    authorize(caller, "busway:plan")
    if not 1 <= count <= MAX_AT_ONCE:
        raise BadInput(f"{count} servers in one plan", remedy=f"Ask for 1 to {MAX_AT_ONCE}.")
    if host is not None:
        authorize(caller, "busway:plan:host")
    properties = get_image(control, caller, image).properties if image is not None else {}
    nics = (OVERLAY_WISH,) if network is not None and _find_driver(control, caller, network) == OVERLAY else ()
    with control.db.read() as tx:
        request = placement_request(
            control, tx, ServerId("planned"), caller.project_id, flavor, properties, host, None, nics=nics
        )
        snapshot = take_snapshot(control, tx)
    answer = place_all(snapshot, [request] * count, control.settings.policy)
    sees_hosts = allows(caller, "busway:placement:hosts")
    if isinstance(answer, Refusal):
        names = (each.name for each in snapshot.hosts)
        visible = Plan(flavor.name, count, refusal=_refused(answer, None if sees_hosts else Discretion(names)))
        return Decision(visible, answer.hosts if sees_hosts else ())
    planned = _planned_servers(snapshot, request, answer)
    return Decision(Plan(flavor.name, count, planned if sees_hosts else tuple(map(_without_places, planned))))


def _planned_servers(
    snapshot: Snapshot, request: PlacementRequest, answer: tuple[Placement, ...]
) -> tuple[PlannedServer, ...]:
    found = []
    for placement in answer:
        found.append(PlannedServer(*describe(snapshot, placement)))
        snapshot = after(snapshot, request, placement)
    return tuple(found)


def _without_places(server: PlannedServer) -> PlannedServer:
    """What a tenant may know of a place: that there is one, and the kinds of the devices."""
    return PlannedServer("", tuple(line.partition(" ")[2] for line in server.devices), server.reason)


def _refused(refusal: Refusal, discretion: Discretion | None) -> PlanRefusal:
    error = explain(refusal)
    miss = refusal.nearest if discretion is None else None
    visible = discretion or str
    return PlanRefusal(
        visible(error.brief),
        visible(error.detail),
        visible(error.remedy),
        error.code,
        refusal.count_by_rule(),
        refusal.count_devices(),
        f"{miss.host}: {'; '.join(miss.reasons)}" if miss else None,
        tuple(map(visible, remedy_words(refusal))),
        details(refusal) if discretion is None else "",
    )


def _find_flavor(control: Control, caller: Caller, wanted: str) -> Flavor:
    known = list_flavors(control, caller, None)
    found = [each for each in known if each.id == wanted] or [each for each in known if each.name == wanted]
    if not found:
        raise NotFound(
            f"Flavor {wanted} could not be found",
            detail=f"Flavors: {', '.join(each.name for each in known) or 'none'}.",
            remedy="See `openstack flavor list`.",
            code="flavor-not-found",
        )
    return found[0]


def _find_driver(control: Control, caller: Caller, wanted: str) -> str:
    """The driver of a network that the caller may use."""
    known = list_networks(control, caller)
    found = [each for each in known if each.id == wanted] or [each for each in known if each.name == wanted]
    if not found:
        raise NotFound(
            f"Network {wanted} could not be found",
            detail=f"Networks: {', '.join(each.name for each in known[:20]) or 'none'}.",
            remedy="See `openstack network list`.",
            code="network-not-found",
        )
    return found[0].driver
