"""Refusals and Placements as text: which hosts were checked, what excluded them, and what to do."""

from __future__ import annotations

from busway.domain.errors import BuswayError
from busway.domain.placement import ClaimedDevice, HostState, Placement, Refusal, RefusedHosts, Snapshot
from busway.domain.placement_change import Change, FreeDevices
from busway.domain.server import HostReason
from busway.domain.units import WHOLE_KINDS, FabricPartition, NicFunction
from busway.domain.units.mdev import read_unit
from busway.scheduler.filters.tenant import ISOLATION, OWN_HOSTS
from busway.scheduler.index import index_of
from busway.scheduler.pci import FOREIGN_GROUP, NO_GROUP, NOT_OFFERED, OWNED, PROMISED, QUARANTINED

_MOST_REASONS = 5
_MOST_NAMES = 3
_MOST_HOSTS = 12
# The rules of hosts that are left out before a move is placed.
AGENT_VERSION, GUEST_KIND = "AgentVersion", "GuestKind"


def explain(refusal: Refusal) -> BuswayError:
    """Tells a refusal as brief, detail and remedy; the code is "no-valid-host"."""
    rules = ", ".join(f"{rule} excluded {count}" for rule, count in refusal.count_by_rule().items())
    looked_at = f"{_count(refusal.hosts_seen, 'host')} and {_count(refusal.devices_seen, 'device')}"
    brief = f"No valid host was found: {looked_at} were looked at"
    if refusal.together > 1:
        brief = f"No valid host was found for {refusal.together - refusal.fitting} of {refusal.together} servers that"
        brief += f" are wanted together: {looked_at} were looked at"
    if rules:
        brief += f"; {rules}"
    reasons = [f"{_names(each)} ({each.rule}): {each.reason}" for each in refusal.classes[:_MOST_REASONS]]
    if len(refusal.classes) > _MOST_REASONS:
        reasons.append(f"and {sum(each.count for each in refusal.classes[_MOST_REASONS:])} more")
    if refusal.nearest is not None and len(refusal.classes) > 1:
        reasons.append(f"nearest: {refusal.nearest.host}, which failed {' and '.join(refusal.nearest.rules)} only")
    return BuswayError(brief, detail="; ".join(reasons), remedy=_advice(refusal), code="no-valid-host")


def details(refusal: Refusal) -> str:
    """The facts for an operator: hosts by reason, with the devices that were excluded, and each remedy in full."""
    lines = []
    for each in refusal.classes:
        lines.append(f"{_names(each)}: {each.rule}: {each.reason}")
        lines.extend(f"  {example}" for example in each.examples)
    if refusal.nearest is not None:
        lines.append(f"nearest: {refusal.nearest.host}: {'; '.join(refusal.nearest.reasons)}")
    lines.extend(f"would admit it: {remedy}" for remedy in refusal.remedies)
    return "\n".join(lines)


def host_reasons(refusal: Refusal) -> tuple[HostReason, ...]:
    """Why some of the hosts did not take the server: the nearest miss, then one of each reason, then others."""
    near = refusal.nearest.host if refusal.nearest is not None else ""
    ranked = [
        (host.name != near, number, host.name, HostReason(host.name, each.rule, each.reason))
        for each in refusal.classes
        for number, host in enumerate(each.hosts[:_MOST_HOSTS])
    ]
    return tuple(each for *_, each in sorted(ranked, key=lambda one: one[:3])[:_MOST_HOSTS])


def remedy_words(refusal: Refusal) -> tuple[str, ...]:
    """The remedies for the user's eyes: servers of others are counted, not named."""
    return tuple(" and ".join(_without_servers(change) for change in each.changes) for each in refusal.remedies)


def describe(snapshot: Snapshot, placement: Placement) -> tuple[str, tuple[str, ...], str]:
    """Where a placement lands in a snapshot, in words: host, devices, and why there."""
    host = snapshot.hosts[index_of(snapshot).place_of(placement.host_id)]
    known = {state.id: state.device for state in host.devices}
    devices = []
    for claimed in placement.devices:
        if claimed.kind == FabricPartition.kind:
            devices.append(f"NVLink fabric: {claimed.unit} joins them")
            continue
        if claimed.kind not in WHOLE_KINDS:
            devices.append(_instance(host, claimed))
            continue
        device = known[claimed.device_id]
        node = f", NUMA node {device.numa_node}" if device.numa_node is not None else ""
        named = claimed.alias if claimed.kind == NicFunction.kind else f"alias {claimed.alias}"
        what = named if claimed.alias else "travels with its card"
        devices.append(f"{device.address} {device.description} ({what}{node})")
    return host.name, tuple(devices), _why(placement)


def _instance(host: HostState, claimed: ClaimedDevice) -> str:
    parent = next(offer.parent for offer in host.mdevs if offer.device_id == claimed.device_id)
    instance = read_unit(claimed.unit)
    place = "" if instance.vgpu is None or instance.vgpu.start is None else f", {instance.vgpu}"
    return f"{parent} an instance of {instance.type_id} ({claimed.alias}{place})"


def _why(placement: Placement) -> str:
    fit = placement.fit
    if not fit.nodes:
        return f"the host with the fewest free devices ({fit.left_free}) that has room"
    where = "one NUMA node" if fit.nodes == 1 else f"{fit.nodes} NUMA nodes"
    return f"devices on {where}; best fit: splits the smallest free group that is large enough, leaves {fit.left_free} free"


def _names(each: RefusedHosts) -> str:
    names = ", ".join(host.name for host in each.hosts[:_MOST_NAMES])
    return names if each.count <= _MOST_NAMES else f"{names} and {each.count - _MOST_NAMES} more"


def _advice(refusal: Refusal) -> str:
    general = _general(refusal)
    tried = remedy_words(refusal)
    if not tried:
        return general
    return f"{general}. The smallest change that admits it: {', or '.join(tried)}"


def _without_servers(change: Change) -> str:
    if isinstance(change, FreeDevices):
        return f"delete {_count(len(change.servers), 'server')} on host {change.host}"
    return str(change)


def _general(refusal: Refusal) -> str:
    if not refusal.classes:
        return "Add a host: `busway host create NAME`, then run `busway agent` there"
    rules = refusal.count_by_rule()
    devices = refusal.count_devices()
    acts = []
    if OWNED in devices:
        acts.append("delete a server that holds such a device, or ask for fewer")
    elif PROMISED in devices:
        acts.append("ask for fewer servers at once")
    if NOT_OFFERED in devices:
        acts.append("have your operator offer more devices with [pci] device_spec")
    if QUARANTINED in devices:
        acts.append("have your operator look at the quarantined device (`busway device show`)")
    if FOREIGN_GROUP in devices:
        acts.append("use devices that are alone in their IOMMU group")
    if NO_GROUP in devices:
        acts.append("turn the host's IOMMU on (firmware, and intel_iommu=on on its kernel command line)")
    if "RamFilter" in rules or "CoreFilter" in rules or "DiskFilter" in rules:
        acts.append("choose a smaller flavor")
    if "NumInstancesFilter" in rules:
        acts.append("delete a server there, or have your operator raise max_instances_per_host")
    if "ComputeFilter" in rules:
        acts.append("start or enable the hosts that are down (`busway host list`)")
    if "DeviceIsolationFilter" in rules:
        acts.append("have your operator restore the isolation of the host's devices (`busway doctor` there)")
    if "ResourceProviderFilter" in rules:
        acts.append(
            "delete a server that has such an instance, or have your operator enable its type on more devices "
            "([devices]), or declare more shares of render nodes (--render-node)"
        )
    if "TraitFilter" in rules:
        acts.append(
            "have your operator give a host the trait (`openstack resource provider trait set`), or choose another flavor"
        )
    if ISOLATION in rules or OWN_HOSTS in rules:
        acts.append(
            "have your operator give your project hosts (`openstack aggregate set --property filter_tenant_id=`)"
        )
    if GUEST_KIND in rules:
        acts.append("migrate the server cold: openstack server migrate ID")
    if "ResourceKindFilter" in rules or AGENT_VERSION in rules:
        acts.append("upgrade the agents of the hosts that can't serve it (`busway host list` has their versions)")
    if "MachineFilter" in rules:
        acts.append(
            "install on a host what the machine needs (UEFI: ovmf, TPM: swtpm), or choose another image or flavor"
        )
    if not acts:
        acts.append("add a host that has what the flavor asks for, or choose another flavor")
    return "; or ".join(acts)[:1].upper() + "; or ".join(acts)[1:]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
