"""`diagnostics` of a server: what its hypervisor counts of the guest at this moment, asked of its host.

Source: nova/objects/diagnostics.py and nova/virt/libvirt/driver.py. Up to 2.47 the answer has libvirt's own names; from 2.48 on
the names of all hypervisors.
"""

from __future__ import annotations

from typing import Any

from busway.api.answer import NUMBER, TEXT, TRUTH, Part, array, choice, mapping, nullable, shape, words
from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.control.servers.questions import GuestSeen, ask_diagnostics
from busway.domain.diagnostics import Diagnostics, DiskCounters, NicCounters

_STANDARD = 48


def _show(call: Call) -> Reply:
    seen = ask_diagnostics(call.control, call.caller, call.path["id"])
    return Reply(_standard(call, seen) if call.version >= _STANDARD else _libvirts(seen.diagnostics))


def _standard(call: Call, seen: GuestSeen) -> dict[str, object]:
    found, launched = seen.diagnostics, seen.server.launched
    return {
        "state": "running",
        "driver": "libvirt",
        "hypervisor": seen.virt_type,
        "hypervisor_os": "linux",
        "uptime": None if launched is None else int((call.control.now() - launched).total_seconds()),
        "config_drive": seen.server.config_drive,
        "num_cpus": len(found.cpu_times),
        "num_nics": len(found.nics),
        "num_disks": len(found.disks),
        "memory_details": {"maximum": found.memory_mb, "used": found.memory_used_mb},
        "cpu_details": [
            {"id": number, "time": spent, "utilisation": None} for number, spent in enumerate(found.cpu_times)
        ],
        "nic_details": [_nic(nic) for nic in found.nics],
        "disk_details": [_disk(disk) for disk in found.disks],
    }


def _nic(nic: NicCounters) -> dict[str, object]:
    return {
        "mac_address": nic.mac,
        **{name: getattr(nic, name) for name in _COUNTED},
        "rx_rate": None,
        "tx_rate": None,
    }


def _disk(disk: DiskCounters) -> dict[str, object]:
    return {**{name: getattr(disk, name) for name in _MOVED}, "errors_count": None}


def _libvirts(found: Diagnostics) -> dict[str, object]:
    fields: dict[str, object] = {f"cpu{number}_time": spent for number, spent in enumerate(found.cpu_times)}
    for disk in found.disks:
        fields |= {
            f"{disk.name}_read": disk.read_bytes,
            f"{disk.name}_read_req": disk.read_requests,
            f"{disk.name}_write": disk.write_bytes,
            f"{disk.name}_write_req": disk.write_requests,
        }
    for nic in found.nics:
        name = nic.name or nic.mac
        fields |= {
            f"{name}_{way}{word}": getattr(nic, f"{way}_{field}")
            for way in ("rx", "tx")
            for word, field in (("", "octets"), ("_packets", "packets"), ("_errors", "errors"), ("_drop", "drop"))
        }
    return {**fields, "memory": found.memory_mb * 1024, "memory-actual": found.memory_used_mb * 1024}


_COUNTED = tuple(f"{way}_{word}" for way in ("rx", "tx") for word in ("octets", "errors", "drop", "packets"))
_MOVED = ("read_bytes", "read_requests", "write_bytes", "write_requests")
_COUNT = nullable(NUMBER)
_SINCE: dict[str, Any] = {
    "state": words("running"),
    "driver": words("libvirt"),
    "hypervisor": TEXT,
    "hypervisor_os": words("linux"),
    "uptime": _COUNT,
    "config_drive": TRUTH,
    "num_cpus": NUMBER,
    "num_nics": NUMBER,
    "num_disks": NUMBER,
    "memory_details": shape({"maximum": _COUNT, "used": _COUNT}),
    "cpu_details": array(shape(dict.fromkeys(("id", "time", "utilisation"), _COUNT))),
    "nic_details": array(shape({"mac_address": TEXT, **dict.fromkeys((*_COUNTED, "rx_rate", "tx_rate"), _COUNT)})),
    "disk_details": array(shape(dict.fromkeys((*_MOVED, "errors_count"), _COUNT))),
}
_LIBVIRTS = mapping(_COUNT)
_STANDARD_SHAPE = shape(_SINCE, "diagnostics")

OPERATIONS = (
    Operation(
        "GET",
        "/compute/v2.1/servers/{id}/diagnostics",
        _show,
        rule="os_compute_api:os-server-diagnostics",
        answer=choice(Part(_LIBVIRTS, until=_STANDARD - 1), Part(_STANDARD_SHAPE, since=_STANDARD)),
    ),
)
