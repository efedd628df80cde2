"""What the scheduler is given and what it answers: Snapshot, PlacementRequest, Placement, Refusal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from busway.domain.alias import PciRequest
from busway.domain.dedicated_cpus import GuestCpus, ThreadPolicy
from busway.domain.device import PciDevice
from busway.domain.device_tags import NO_TAGS, DeviceTags
from busway.domain.document_room import SERVERS_PER_HOST
from busway.domain.host_facts import GuestKind
from busway.domain.ids import DeviceId, GroupId, HostId, ServerId
from busway.domain.mdev import MdevOffer
from busway.domain.placement_change import Remedy
from busway.domain.resource_request import NO_RESOURCES, ResourceRequests
from busway.domain.server_group import GroupPolicy
from busway.domain.units import WHOLE, WholeFunction
from busway.domain.vgpu import SharedCard

ZONE = "nova"
Pairs = tuple[tuple[str, str], ...]
TOGETHER = ServerId("together")  # has the devices that go to another of the servers that are wanted together


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device of a host at the moment of the snapshot.

    `offered` is True when a device_spec covers it; `tags` are those of the spec. `claimed_by` is the server of its live
    claim, or `TOGETHER`.
    """

    id: DeviceId
    device: PciDevice
    present: bool = True
    offered: bool = True
    claimed_by: ServerId | None = None
    quarantined: str | None = None
    tags: DeviceTags = NO_TAGS
    cut: str = ""  # the type of mediated devices that is enabled on it: then it is not given whole
    partitions: tuple[int, ...] = ()  # the partitions of its host's NVLink fabric that it is of


@dataclass(frozen=True, slots=True)
class NumaCell:
    """A NUMA node of a host with what is free on it; `socket` None where the host does not tell.

    `cpus` is how many CPUs it has: free vCPUs may be more, but not for one guest. None where it does not matter.
    `cores` are the CPUs that servers get one by one, each core's threads together; `held` are those of them that are taken.
    """

    id: int
    free_vcpus: int
    free_ram_mb: int
    socket: int | None = None
    cpus: int | None = None
    cores: tuple[tuple[int, ...], ...] = ()
    held: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class GuestCell:
    """A NUMA cell of a guest: what it needs of one cell of its host; with `threads`, CPUs for itself.

    Then `shared` are its vCPUs, counted from 0 in each cell, that share CPUs all the same; with `emulator` QEMU's own threads
    have one more CPU for themselves.
    """

    vcpus: int
    ram_mb: int
    threads: ThreadPolicy | None = None
    shared: frozenset[int] = frozenset()
    emulator: bool = False

    @property
    def own_cpus(self) -> int:
        """How many CPUs it has for itself; with the thread policy `isolate` their cores' other threads come on top."""
        return 0 if self.threads is None else self.vcpus - len(self.shared) + self.emulator


@dataclass(frozen=True, slots=True)
class HostState:
    """A host at the moment of the snapshot; free amounts may be negative after an overcommit ratio was lowered.

    `generation` and `revision` are compared when a placement commits: another placement or another inventory in
    between makes the commit fail, and the round is done again. `cells`, `capabilities` and `guests` are empty or None
    where the host does not tell; then what asks for them is not refused. `aggregates` holds each one's metadata.
    `kinds` are the kinds of resources that the host's agent can serve. `unsafe` is what weakens its isolation and its
    operator has not accepted, in words of `busway.domain.host_facts.ISOLATION`.
    `free_servers` is how many more servers it may have.
    `machine` is what guests' machines may have there. `cards` are those that vGPUs of `mdevs` share.
    `fabric` provides the partitions of its NVLink fabric, None where it has none. `traits` are those that Placement shows.
    `no_chassis` says why it can't be on networks of OVN, "" where it can or does not tell. `projects` are those that
    its aggregates name. `elsewhere` are those that must go to hosts that name them, which this one does not; None for all others than `projects`.
    """

    id: HostId
    name: str
    generation: int
    revision: int
    free_vcpus: int
    free_ram_mb: int
    free_disk_gb: int
    devices: tuple[DeviceState, ...] = ()
    up: bool = True
    enabled: bool = True
    down_reason: str = ""
    zone: str = ZONE
    cells: tuple[NumaCell, ...] = ()
    aggregates: tuple[Pairs, ...] = ()
    capabilities: Pairs | None = None
    guests: tuple[GuestKind, ...] | None = None
    kinds: tuple[str, ...] = (WholeFunction.kind,)
    mdevs: tuple[MdevOffer, ...] = ()
    cards: tuple[SharedCard, ...] = ()
    fabric: DeviceId | None = None
    unsafe: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()
    free_servers: int = SERVERS_PER_HOST
    traits: frozenset[str] = frozenset()
    no_chassis: str = ""
    projects: frozenset[str] = frozenset()
    elsewhere: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All hosts at one moment; never changed, only replaced.

    `derived` caches values that are computed once from the hosts, such as an index; it is not part of the value.
    """

    hosts: Sequence[HostState]
    derived: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """The server group of a request; `members` are the hosts of its servers, a host once for each of them."""

    id: GroupId
    name: str
    policy: GroupPolicy
    members: tuple[str, ...] = ()
    max_per_host: int = 1

    def having(self, host: str) -> ServerGroup:
        """The group with one more server on a host."""
        return replace(self, members=(*self.members, host))

    @property
    def full_hosts(self) -> frozenset[str]:
        """The hosts that take no more of it: those with as many as anti-affinity allows, none for other policies."""
        if self.policy is not GroupPolicy.ANTI_AFFINITY:
            return frozenset()
        return frozenset(host for host, count in Counter(self.members).items() if count >= self.max_per_host)

    @property
    def only_hosts(self) -> frozenset[str]:
        """The hosts that alone may take more of it, where it has affinity and some servers; empty for any."""
        return frozenset(self.members) if self.policy is GroupPolicy.AFFINITY else frozenset()


@dataclass(frozen=True, slots=True)
class PlacementRequest:
    """What one server needs; `host` forces one by its name, `zone` None is any.

    `numa_nodes` is how many NUMA cells the guest has, 0 for a guest without a NUMA topology, which may lie on any.
    `numa_sizes` are their sizes where they are not equal shares. `needs` is what the guest's machine must have.
    `near` are the hosts of servers that it wants to be with, None where it wants none; `apart` those of servers that it avoids.
    `overlay` is True for a server with a port on a network of OVN. With `threads` its CPUs are its own, and it has at
    least one NUMA cell; but the vCPUs `shared` are not, and with `emulator` QEMU's own threads have one more.
    `project` is its server's, None for more of a server that the host has already.
    """

    server_id: ServerId
    vcpus: int
    ram_mb: int
    disk_gb: int
    pci: tuple[PciRequest, ...] = ()
    host: str | None = None
    zone: str | None = None
    numa_nodes: int = 0
    extra_specs: Pairs = ()
    image_properties: Pairs = ()
    group: ServerGroup | None = None
    numa_sizes: tuple[GuestCell, ...] = ()
    needs: tuple[str, ...] = ()
    resources: ResourceRequests = NO_RESOURCES
    near: frozenset[str] | None = None
    apart: frozenset[str] = frozenset()
    overlay: bool = False
    threads: ThreadPolicy | None = None
    shared: frozenset[int] = frozenset()
    emulator: bool = False
    project: str | None = None

    @property
    def cells(self) -> tuple[GuestCell, ...]:
        """The guest's NUMA cells; what does not divide evenly goes to the first ones."""
        sizes = self.numa_sizes
        number = len(sizes) or self.numa_nodes or int(self.threads is not None)
        if not number:
            return ()
        if not sizes:
            vcpus, ram = divmod(self.vcpus, number), divmod(self.ram_mb, number)
            sizes = tuple(GuestCell(vcpus[0] + (n < vcpus[1]), ram[0] + (n < ram[1])) for n in range(number))
        return tuple(self._with_cpus(sizes, place) for place in range(number)) if self.threads is not None else sizes

    def _with_cpus(self, sizes: tuple[GuestCell, ...], place: int) -> GuestCell:
        first, cell = sum(cell.vcpus for cell in sizes[:place]), sizes[place]
        shared = frozenset(n for n in range(cell.vcpus) if first + n in self.shared)
        return replace(cell, threads=self.threads, shared=shared, emulator=self.emulator and not place)

    @property
    def shared_vcpus(self) -> int:
        """The vCPUs that it has on the CPUs which servers of a host share."""
        return self.vcpus if self.threads is None else sum(number < self.vcpus for number in self.shared)


class ClaimedDevice(NamedTuple):
    """A unit of a device in a placement; `alias` is None for one that travels along with its card or group.

    `kind` and `unit` are those of the claim to be. Devices of one `card` share a slot of the guest; "" is one alone.
    """

    device_id: DeviceId
    alias: str | None
    card: str = ""
    kind: str = WholeFunction.kind
    unit: str = WHOLE


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a host suits: what was ranked, the least first.

    `nodes` and `switches` are how many of each the devices lie on. `broken` grows with the size of the sets of free
    devices (card, switch, NUMA node, host) that the choice breaks; `left_free` is how many matching devices stay free.
    """

    nodes: int = 0
    switches: int = 0
    tags: int = 0
    broken: int = 0
    left_free: int = 0


@dataclass(frozen=True, slots=True)
class Placement:
    """The host and the exact devices for a server; `cells` are the host's, one for each NUMA cell of the guest.

    `cpus` are the CPUs of each of these cells that the server has for itself, empty where it shares them.
    """

    server_id: ServerId
    host_id: HostId
    generation: int
    revision: int
    devices: tuple[ClaimedDevice, ...]
    fit: Fit = Fit()
    cells: tuple[int, ...] = ()
    cpus: tuple[GuestCpus, ...] = ()


@dataclass(frozen=True, slots=True)
class HostRefusal:
    """Why one host can't take the server: the filter's name and the reason in words.

    `devices` counts the devices of the asked-for kind per exclusion, in words such as "claimed by another server".
    """

    host: str
    rule: str
    reason: str
    devices: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedHosts:
    """Equal hosts that were refused for one reason; `examples` are devices of the first."""

    hosts: tuple[HostState, ...] = field(repr=False)
    rule: str
    reason: str
    devices: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many hosts they are."""
        return len(self.hosts)

    def each(self) -> tuple[HostRefusal, ...]:
        """One refusal per host."""
        first, *rest = self.hosts
        refusal = HostRefusal(first.name, self.rule, self.reason, self.devices, self.examples)
        return (refusal, *(HostRefusal(host.name, self.rule, self.reason, self.devices) for host in rest))


@dataclass(frozen=True, slots=True)
class NearestMiss:
    """The host that lacked the least, and each rule that it failed with the reason."""

    host: str
    rules: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no host can take the server, counted; `remedies` were tried: each admits the request.

    For servers that are placed together or not at all, `fitting` of `together` would have found a place.
    """

    server_id: ServerId
    request: PlacementRequest
    classes: tuple[RefusedHosts, ...]
    devices_seen: int
    nearest: NearestMiss | None = None
    remedies: tuple[Remedy, ...] = ()
    fitting: int = 0
    together: int = 1

    @property
    def hosts(self) -> tuple[HostRefusal, ...]:
        """One refusal per host, by name."""
        return tuple(
            sorted((refusal for each in self.classes for refusal in each.each()), key=lambda refusal: refusal.host)
        )

    @property
    def hosts_seen(self) -> int:
        """How many hosts were looked at."""
        return sum(each.count for each in self.classes)

    def count_by_rule(self) -> dict[str, int]:
        """How many hosts each filter excluded, most first."""
        counts: Counter[str] = Counter()
        for each in self.classes:
            counts[each.rule] += each.count
        return _most_first(counts)

    def count_devices(self) -> dict[str, int]:
        """How many devices each exclusion took out over all hosts, most first."""
        counts: Counter[str] = Counter()
        for each in self.classes:
            for why, count in each.devices.items():
                counts[why] += count * each.count
        return _most_first(counts)


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
