"""Clouds for the benchmarks of placement: hosts of eight GPUs on two NUMA nodes, empty, or taken at random."""

from __future__ import annotations

import random
from dataclasses import replace

from busway.domain.address import PciAddress
from busway.domain.alias import Alias, AliasSpec, PciRequest
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.ids import DeviceId, HostId, ServerId
from busway.domain.placement import DeviceState, HostState, PlacementRequest, Snapshot

GPUS = 8
_ALIAS = Alias("h100", (AliasSpec("10de", "2330", DeviceKind.PF),))


def cloud(hosts: int) -> Snapshot:
    """Return a cloud in which nothing is taken."""
    return Snapshot(tuple(_host(number) for number in range(hosts)))


def busy_cloud(hosts: int, seed: int = 1) -> Snapshot:
    """Return a cloud in which each GPU is taken with even chance and each host has RAM of its own: few hosts are equal."""
    chance = random.Random(seed)  # noqa: S311 - no secret hangs on it
    return Snapshot(tuple(_used(host, chance) for host in cloud(hosts).hosts))


def request(count: int, number: int = 0) -> PlacementRequest:
    """Return a request for `count` GPUs."""
    return PlacementRequest(ServerId(f"s{number}"), 8, 65536, 100, (PciRequest(_ALIAS, count),))


def _host(number: int) -> HostState:
    return HostState(HostId(f"id-{number}"), f"host{number:05}", 1, 1, 256, 1 << 20, 10000, _devices(number))


def _devices(number: int) -> tuple[DeviceState, ...]:
    return tuple(
        DeviceState(DeviceId(f"{number}-{n}"), _gpu(n, group=20 + n + number % 7), offered=True) for n in range(GPUS)
    )


def _gpu(n: int, group: int) -> PciDevice:
    address = PciAddress(f"0000:{0x41 + n:02x}:00.0")
    return PciDevice(address, "10de", "2330", "030200", DeviceKind.PF, iommu_group=group, numa_node=n // (GPUS // 2))


def _used(host: HostState, chance: random.Random) -> HostState:
    devices = tuple(replace(d, claimed_by=ServerId("s")) if chance.random() < 0.5 else d for d in host.devices)
    return replace(host, devices=devices, free_ram_mb=chance.randrange(1 << 16, 1 << 20))
