"""Reads what libvirt counts of a guest (virConnectGetAllDomainStats); what its driver does not count is None."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

from busway.domain.diagnostics import Diagnostics, DiskCounters, NicCounters

Stats = Mapping[str, object]


def read_diagnostics(xml: str, info: Sequence[int], stats: Stats) -> Diagnostics:
    """A guest by its running definition, virDomainGetInfo (state, KiB at most, KiB, vCPUs) and its statistics.

    Cards and disks are found in the statistics by their names, for a driver may leave some of them out.
    """
    devices = ET.fromstring(xml).find("devices")  # noqa: S314 - libvirt's
    nics = (
        []
        if devices is None
        else [(_of(nic, "mac", "address"), _of(nic, "target", "dev")) for nic in devices.iter("interface")]
    )
    disks = [] if devices is None else [_of(disk, "target", "dev") for disk in devices.iter("disk")]
    cards, drives = _places(stats, "net"), _places(stats, "block")
    return Diagnostics(
        memory_mb=info[1] // 1024,
        memory_used_mb=info[2] // 1024,
        cpu_times=tuple(_number(stats, f"vcpu.{number}.time") for number in range(info[3])),
        nics=tuple(_nic(stats, mac, name, cards.get(name)) for mac, name in nics),
        disks=tuple(_disk(stats, name, drives.get(name)) for name in disks),
    )


def _nic(stats: Stats, mac: str, name: str, place: str | None) -> NicCounters:
    """The interface on the host receives what the guest sends: libvirt has turned that round for a tap device already."""
    counters = [
        _number(stats, f"{place}.{way}.{word}") for way in ("rx", "tx") for word in ("bytes", "pkts", "errs", "drop")
    ]
    return NicCounters(mac, name, *counters)


def _disk(stats: Stats, name: str, place: str | None) -> DiskCounters:
    return DiskCounters(
        name, *(_number(stats, f"{place}.{word}") for word in ("rd.bytes", "rd.reqs", "wr.bytes", "wr.reqs"))
    )


def _places(stats: Stats, kind: str) -> dict[str, str]:
    """Where the statistics have each device: "net.0" for its name."""
    count = _number(stats, f"{kind}.count") or 0
    return {str(stats.get(f"{kind}.{number}.name", "")): f"{kind}.{number}" for number in range(count)}


def _number(stats: Stats, key: str) -> int | None:
    value = stats.get(key)
    return value if isinstance(value, int) else None


def _of(element: ET.Element, child: str, attribute: str) -> str:
    found = element.find(child)
    return "" if found is None else found.get(attribute, "")
