"""An index over equal hosts, kept beside the immutable snapshot: a decision looks at one host of each class.

Hosts are grouped twice. A *shape* is all that the choice of devices depends on (`busway.scheduler.shape`); within a
shape, a *class* is all that the filters look at. What is left of a host is its name, and equal hosts are taken by name.

An index is never changed. After a placement a new one is made that shares all but the two shapes between which one
host moved, so that the cost is that of copying references, not of looking at hosts.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from busway.domain.ids import HostId
from busway.domain.placement import HostState, PlacementRequest, Snapshot
from busway.scheduler.allocate import Wish
from busway.scheduler.blocks import HostList, NamedHosts
from busway.scheduler.hardware import Hardware
from busway.scheduler.shape import Shape, Shapes

_FEW = 8  # when more than one host in so many has changed, a new index costs no more than changing the old one


class HostClass(NamedTuple):
    """Hosts that no filter can tell apart, by name."""

    key: Hashable
    hosts: NamedHosts


class ShapeHosts:
    """All hosts of one shape, by free RAM and class."""

    __slots__ = ("by_ram", "rams", "shape")

    def __init__(self, shape: Shape, by_ram: Mapping[int, tuple[HostClass, ...]], rams: tuple[int, ...]) -> None:
        self.shape = shape
        self.by_ram = by_ram
        self.rams = rams

    def classes(self) -> Iterator[HostClass]:
        """All classes, those with the least free RAM first."""
        for ram in self.rams:
            yield from self.by_ram[ram]

    def having(self, ram_mb: int) -> tuple[int, ...]:
        """The amounts of free RAM, in MB, that are at least `ram_mb`, in rising order."""
        return self.rams[bisect_left(self.rams, ram_mb) :]

    def without(self, host: HostState) -> ShapeHosts | None:
        """A copy without one host; None if it was the last one."""
        key, ram = class_key(host), host.free_ram_mb
        classes = []
        for each in self.by_ram[ram]:
            if each.key == key:
                rest = each.hosts.without(host)
                classes += [] if rest is None else [HostClass(key, rest)]
            else:
                classes.append(each)
        if classes:
            return ShapeHosts(self.shape, {**self.by_ram, ram: tuple(classes)}, self.rams)
        by_ram = {amount: found for amount, found in self.by_ram.items() if amount != ram}
        return ShapeHosts(self.shape, by_ram, tuple(amount for amount in self.rams if amount != ram))._or_none()

    def having_also(self, host: HostState) -> ShapeHosts:
        """A copy with one more host."""
        key, ram = class_key(host), host.free_ram_mb
        classes = list(self.by_ram.get(ram, ()))
        for number, each in enumerate(classes):
            if each.key == key:
                classes[number] = HostClass(key, each.hosts.having(host))
                break
        else:
            classes.append(HostClass(key, NamedHosts.of([host])))
        rams = list(self.rams)
        if ram not in self.by_ram:
            insort(rams, ram)
        return ShapeHosts(self.shape, {**self.by_ram, ram: tuple(classes)}, tuple(rams))

    def _or_none(self) -> ShapeHosts | None:
        return self if self.rams else None


class Index:
    """The hosts of a snapshot by shape and class."""

    __slots__ = ("_built", "_names", "_places", "_shapes", "_wishes", "device_count", "refusals", "shapes")

    def __init__(
        self,
        shapes: Mapping[Shape, ShapeHosts],
        known: Shapes,
        built: Mapping[HostId, Hardware],
        places: Mapping[HostId, int],
        names: Mapping[str, int],
        wishes: dict[Hashable, Wish],
        device_count: int,
    ) -> None:
        self.shapes = shapes
        self._shapes = known
        self._built = built
        self._places = places
        self._names = names
        self._wishes = wishes
        self.device_count = device_count
        self.refusals: dict[Hashable, object] = {}

    @staticmethod
    def of(hosts: Iterable[HostState]) -> Index:
        """Builds an index; the one step whose cost grows with the number of devices."""
        known, count = Shapes(), 0
        built: dict[HostId, Hardware] = {}
        places: dict[HostId, int] = {}
        names: dict[str, int] = {}
        found: dict[Shape, dict[int, dict[Hashable, list[HostState]]]] = {}
        for place, host in enumerate(hosts):
            shape = known.of(host.devices, host.cells)
            built[host.id], places[host.id], names[host.name] = shape.hardware, place, place
            count += len(host.devices)
            of_shape = found.setdefault(shape, {})
            of_shape.setdefault(host.free_ram_mb, {}).setdefault(class_key(host), []).append(host)
        shapes = {shape: _shape_hosts(shape, by_ram) for shape, by_ram in found.items()}
        return Index(shapes, known, built, places, names, {}, count)

    def place_of(self, host_id: HostId) -> int:
        """The place of a host in the snapshot's list."""
        return self._places[host_id]

    def find_place(self, name: str) -> int | None:
        """The place of the host of that name, or None."""
        return self._names.get(name)

    def wish(self, request: PlacementRequest) -> Wish:
        """The part of a request that the choice of devices depends on; equal parts give the same object."""
        cells = request.cells
        key = (request.pci, cells)
        wish = self._wishes.get(key)
        if wish is None:
            wish = self._wishes.setdefault(key, Wish(request.pci, cells))
        return wish

    def after(self, old: HostState, new: HostState) -> Index:
        """The index once a host has changed; both states are of one host."""
        hardware = self._built[old.id]
        before = self._shapes.with_hardware(hardware, old.devices, old.cells)
        behind = self._shapes.with_hardware(hardware, new.devices, new.cells)
        shapes = dict(self.shapes)
        rest = shapes[before].without(old)
        if rest is None:
            del shapes[before]
        else:
            shapes[before] = rest
        there = shapes.get(behind)
        shapes[behind] = ShapeHosts(behind, {}, ()).having_also(new) if there is None else there.having_also(new)
        return Index(shapes, self._shapes, self._built, self._places, self._names, self._wishes, self.device_count)


def index_of(snapshot: Snapshot) -> Index:
    """The index of a snapshot, made when it is first asked for."""
    found = snapshot.derived.get("index")
    if found is None:
        found = snapshot.derived["index"] = Index.of(snapshot.hosts)
    assert isinstance(found, Index)
    return found


def with_hosts(last: Snapshot, hosts: Sequence[HostState]) -> Snapshot:
    """The snapshot of these hosts; if they are those of the last one and few have changed, its index is reused.

    If the hardware of a host has changed, the index is rebuilt.
    """
    if len(last.hosts) != len(hosts) or "index" not in last.derived:
        return Snapshot(tuple(hosts))
    changed = [place for place, (old, new) in enumerate(zip(last.hosts, hosts, strict=True)) if old != new]
    if len(changed) > len(hosts) // _FEW + 1 or not all(
        _is_built_alike(last.hosts[place], hosts[place]) for place in changed
    ):
        return Snapshot(tuple(hosts))
    index, kept = index_of(last), HostList.of(last.hosts)
    for place in changed:
        index = index.after(kept[place], hosts[place])
        kept = kept.having(place, hosts[place])
    made = Snapshot(kept)
    made.derived["index"] = index
    return made


def _is_built_alike(old: HostState, new: HostState) -> bool:
    """True when only owners and quarantine of a host's devices may differ, and what filters look at."""
    if (old.id, old.name, len(old.devices)) != (new.id, new.name, len(new.devices)):
        return False
    if old.devices is new.devices:
        return True
    return all(
        replace(was, claimed_by=None, quarantined=None) == replace(now, claimed_by=None, quarantined=None)
        for was, now in zip(old.devices, new.devices, strict=True)
    )


def class_key(host: HostState) -> Hashable:
    """All of a host that filters look at, its name, devices and cells aside."""
    return (
        host.free_ram_mb,
        host.free_vcpus,
        host.free_disk_gb,
        host.free_servers > 0,
        host.up,
        host.enabled,
        host.down_reason,
        host.zone,
        host.aggregates,
        host.traits,
        host.capabilities,
        host.guests,
        host.kinds,
        host.machine,
        host.unsafe,
        host.no_chassis,
        host.projects,
        host.elsewhere,
        tuple(offer.sort for offer in host.mdevs),
        host.cards,
    )


def _shape_hosts(shape: Shape, by_ram: dict[int, dict[Hashable, list[HostState]]]) -> ShapeHosts:
    made = {
        ram: tuple(HostClass(key, NamedHosts.of(hosts)) for key, hosts in classes.items())
        for ram, classes in by_ram.items()
    }
    return ShapeHosts(shape, made, tuple(sorted(made)))
