"""The smallest changes that admit a refused request: one of the request, one of the cloud, each tried before it is suggested."""

from __future__ import annotations

from collections.abc import Sequence

from busway.domain.alias import PciRequest
from busway.domain.ids import DeviceId, ServerId
from busway.domain.placement import TOGETHER, PlacementRequest, Snapshot
from busway.domain.placement_change import (
    AddHost,
    AdmitProject,
    AskAlone,
    AskAnywhere,
    AskFewer,
    Change,
    EnableHost,
    FreeDevices,
    JoinAggregate,
    MakeChassis,
    MakeSafe,
    OfferDevices,
    ReleaseDevices,
    Remedy,
    StartHost,
)
from busway.scheduler.change import apply_changes
from busway.scheduler.filters.aggregate import metadata_for, unmet
from busway.scheduler.filters.tenant import ISOLATION, OWN_HOSTS, own_hosts
from busway.scheduler.less import apart, given_up, less_for, nearer
from busway.scheduler.pci import NUMA_RULE
from busway.scheduler.policy import Policy
from busway.scheduler.refusal import Gap
from busway.scheduler.search import find

# A refusal must not cost more than a hundred decisions: only the nearest gaps are tried to be closed.
_TRIED_FOR_USERS = 50
_TRIED_FOR_OPERATORS = 4
_TRIED_FOR_CELLS = 4
# Adding a host by imagination is tried up to this many devices; nobody has more in one.
_LARGEST_HOST = 64
_Option = tuple[float, Gap, tuple[Change, ...]]


def find_remedies(request: PlacementRequest, policy: Policy, gaps: Sequence[Gap]) -> tuple[Remedy, ...]:
    """What the user can do and what the operator can do, the one with fewer changes first; empty when nothing helps."""
    of_user = _first_that_helps(_ask_less(request, gaps), request, policy)
    of_cloud = None
    for gap in gaps[:_TRIED_FOR_OPERATORS]:
        found = _fix(gap, request, policy)
        if found is not None and (of_cloud is None or _weight(found) < _weight(of_cloud)):
            of_cloud = found
    if of_cloud is None:
        of_cloud = _add_host(request, policy, gaps)
    remedies = [Remedy(changes) for changes in (of_user, of_cloud) if changes]
    return tuple(sorted(remedies, key=lambda remedy: len(remedy.changes)))


def _helps(changes: Sequence[Change], snapshot: Snapshot, request: PlacementRequest, policy: Policy) -> bool:
    return find(*apply_changes(changes, snapshot, request), policy) is not None


def _first_that_helps(options: list[_Option], request: PlacementRequest, policy: Policy) -> tuple[Change, ...]:
    for _, gap, changes in sorted(options, key=lambda option: (len(option[2]), option[0], option[1].size)):
        if _helps(changes, Snapshot(gap.hosts[:1]), request, policy):
            return changes
    return ()


def _ask_less(request: PlacementRequest, gaps: Sequence[Gap]) -> list[_Option]:
    """Smaller requests for each gap, each with its cost: the sum of the parts that are given up."""
    options: list[_Option] = []
    for number, gap in enumerate(gaps[:_TRIED_FOR_USERS]):
        changes: list[Change] = []
        for rule, _ in gap.filters:
            less = less_for(rule, request, gap.hosts[0])
            if not less:
                break
            changes += [change for change in less if change not in changes]
        else:
            for way in _ways(request, gap, numa=number < _TRIED_FOR_CELLS):
                all_of_it = (*changes, *way)
                options.append((sum(given_up(change, request) for change in all_of_it), gap, all_of_it))
    return options


def _ways(request: PlacementRequest, gap: Gap, *, numa: bool) -> Sequence[tuple[Change, ...]]:
    """The ways to do without the devices that a gap lacks; one of nothing at all where it lacks none."""
    if gap.shortage is None:
        return [()]
    if gap.shortage.rule == NUMA_RULE:
        return nearer(request, gap.shape) if numa else []
    fewer = _fewer(request.pci, gap)
    ways = [fewer] if fewer else []
    return [*ways, *(apart(request) if numa else [])]


def _fewer(pci: tuple[PciRequest, ...], gap: Gap) -> tuple[AskFewer, ...]:
    """As many of each alias as the host has free; nothing when it has none of one."""
    taken = 0
    changes = []
    for index, request in enumerate(pci):
        lots = gap.shape.free_lots(request.alias, taken)[: request.count]
        for lot in lots:
            taken |= lot.devices
        if not lots:
            return ()
        if len(lots) < request.count:
            changes.append(AskFewer(index, request.alias.name, len(lots)))
    return tuple(changes)


def _fix(gap: Gap, request: PlacementRequest, policy: Policy) -> tuple[Change, ...] | None:
    """The least that an operator must change on one host, or None when that host can't be made to fit."""
    host, alone = gap.hosts[0], Snapshot(gap.hosts[:1])
    changes: list[Change] = []
    for rule, _ in gap.filters:
        if rule == "ComputeFilter":
            changes += [] if host.enabled else [EnableHost(host.name)]
            changes += [] if host.up else [StartHost(host.name)]
        elif rule == "DeviceIsolationFilter":
            changes.append(MakeSafe(host.name, host.unsafe))
        elif rule == "OverlayFilter":
            changes.append(MakeChassis(host.name))
        elif rule == "AggregateInstanceExtraSpecsFilter":
            changes.append(JoinAggregate(host.name, metadata_for(unmet(host, request.extra_specs))))
        elif rule in (ISOLATION, OWN_HOSTS) and request.project is not None:
            admitted = AdmitProject(host.name, request.project)
            changes += [] if admitted in changes else [admitted]
        else:
            return None
    if gap.shortage is not None:
        more = _fix_devices(gap, changes, request, policy)
        if more is None:
            return None
        changes += more
    return tuple(changes) if _helps(changes, alone, request, policy) else None


def _fix_devices(gap: Gap, before: list[Change], request: PlacementRequest, policy: Policy) -> list[Change] | None:
    """One change if one is enough; otherwise changes one after the other until the server fits, without those that turn out to be needless."""
    alone = Snapshot(gap.hosts[:1])
    acts = _acts(gap, request)
    for act in acts:
        if _helps([*before, act], alone, request, policy):
            return [act]
    if not acts or not _helps([*before, *acts], alone, request, policy):
        return None
    for act in reversed(acts):
        rest = [other for other in acts if other is not act]
        if _helps([*before, *rest], alone, request, policy):
            acts = rest
    return _joined(acts)


def _acts(gap: Gap, request: PlacementRequest) -> list[Change]:
    """All single changes that could give devices to the request, those with the fewest devices first."""
    host, hardware = gap.hosts[0], gap.shape.hardware
    meant = {place for each in request.pci for place in hardware.matching(each.alias)}
    near = meant | {n for place in meant for n in (*hardware.ties[place].companions, *hardware.ties[place].relatives)}
    states = [host.devices[place] for place in sorted(near)]
    held: dict[ServerId, int] = {}
    for state in states:
        if state.claimed_by not in (None, TOGETHER):
            held[state.claimed_by] = held.get(state.claimed_by, 0) + 1
    servers = sorted(held, key=lambda server: (held[server], server))
    states_meant = [host.devices[place] for place in sorted(meant)]
    offers = [s for s in states_meant if s.present and not s.offered and not s.device.is_bridge]
    return [
        *(ReleaseDevices(host.name, (s.id,), (str(s.device.address),)) for s in states if s.quarantined),
        *(OfferDevices(host.name, (s.id,), (str(s.device.address),)) for s in offers),
        *(FreeDevices(host.name, (server,)) for server in servers),
    ]


def _joined(acts: list[Change]) -> list[Change]:
    """Changes of one kind, joined into one."""
    freed = [act for act in acts if isinstance(act, FreeDevices)]
    released = [act for act in acts if isinstance(act, ReleaseDevices)]
    offered = [act for act in acts if isinstance(act, OfferDevices)]
    made: list[Change] = []
    if released:
        made.append(ReleaseDevices(released[0].host, _ids(released), _addresses(released)))
    if offered:
        made.append(OfferDevices(offered[0].host, _ids(offered), _addresses(offered)))
    if freed:
        made.append(FreeDevices(freed[0].host, tuple(server for act in freed for server in act.servers)))
    return made


def _ids(acts: Sequence[ReleaseDevices | OfferDevices]) -> tuple[DeviceId, ...]:
    return tuple(device for act in acts for device in act.devices)


def _addresses(acts: Sequence[ReleaseDevices | OfferDevices]) -> tuple[str, ...]:
    return tuple(address for act in acts for address in act.addresses)


def _add_host(request: PlacementRequest, policy: Policy, gaps: Sequence[Gap]) -> tuple[Change, ...] | None:
    """One more host, empty and as large as the request; None where even that would not help.

    It is neither the host that a request names, if that is there, nor one with servers of a group.
    """
    if sum(each.count for each in request.pci) > _LARGEST_HOST:
        return None
    needs = [each.describe() for each in request.pci]
    within = next((each.within for each in request.pci if each.within is not None), None)
    needs += [f"all of them within {within.words}"] if within else []
    needs += [f"an aggregate of {key}={value}" for key, value in metadata_for(request.extra_specs)]
    kept = any(own_hosts(host, request) is not None for gap in gaps for host in gap.hosts[:1])
    needs += [f"an aggregate of filter_tenant_id={request.project}"] if kept else []
    needs += ["a chassis of OVN"] if request.overlay else []
    own = sum(cell.own_cpus for cell in request.cells)
    cpus = [f"{own} CPUs for dedicated servers"] if own else []
    cpus += [f"{request.shared_vcpus} vCPUs"] if request.shared_vcpus or not own else []
    needs += [f"{', '.join(cpus)}, {request.ram_mb} MB of RAM and {request.disk_gb} GB of disk free"]
    is_there = any(host.name == request.host for gap in gaps for host in gap.hosts)
    anywhere = (AskAnywhere(),) if is_there else ()
    alone = [(AskAlone(request.group.name),)] if request.group else []
    for less in ((), *alone):
        changes = (*anywhere, *less, AddHost(", ".join(needs)))
        if _helps(changes, Snapshot(()), request, policy):
            return changes
    return None


def _weight(changes: Sequence[Change]) -> int:
    """How many objects a change affects."""
    return sum(len(c.servers) if isinstance(c, FreeDevices) else len(getattr(c, "devices", ".")) for c in changes)
