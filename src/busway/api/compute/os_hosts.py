"""The `os-hosts` API, up to 2.42; hypervisors and services have more details."""

from __future__ import annotations

from typing import Any

from busway.api.answer import TEXT, shape, words, wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import HOST_RESOURCE
from busway.api.operation import Operation
from busway.api.schema import WORD, Schema, closed
from busway.control.hosts import registry as hosts
from busway.control.hosts.registry import HostView
from busway.domain.errors import BadInput, NotFound, NotSupported
from busway.store.hosts import HostFilter

ROOT = "/compute/v2.1/os-hosts"
_LAST = 42
_WORDS = {"enum": ["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"]}
_UPDATE = Schema(closed({"status": _WORDS, "maintenance_mode": {"enum": ["enable", "disable"]}}))


def _list(call: Call) -> Reply:
    zone = call.text("zone")
    found = hosts.list_hosts(call.control, call.caller, call.rule)
    rows = [
        {"host_name": host.name, "service": "compute", "zone": host.zone} for host in found if zone in (None, host.zone)
    ]
    return Reply({"hosts": rows})


def _get(call: Call) -> HostView:
    host = hosts.find_host(call.control, call.caller, HostFilter(name=call.path["name"]), call.rule)
    if host is None:
        raise NotFound(f"Compute host {call.path['name']} could not be found.", code="host-not-found")
    return host


def _show(call: Call) -> Reply:
    host = _get(call)

    def row(project: str, cpu: int, memory_mb: int, disk_gb: int) -> dict[str, object]:
        amounts = {"host": host.name, "project": project, "cpu": cpu, "memory_mb": memory_mb, "disk_gb": disk_gb}
        return {"resource": amounts}

    size, used = host.resources, (host.used_vcpus, host.used_ram_mb, host.used_disk_gb)
    rows = [row("(total)", size.vcpus, size.ram_mb, size.disk_gb), row("(used_now)", *used), row("(used_max)", *used)]
    return Reply({"host": rows})


def _update(call: Call) -> Reply:
    given: dict[str, Any] = call.body
    if not given:
        raise BadInput("No updates were requested", remedy="Set a status.", code="invalid-body")
    host = _get(call)
    if "maintenance_mode" in given:
        _unsupported(call)
    enabled = given["status"].lower() == "enable"
    hosts.set_enabled(call.control, call.caller, host.name, enabled=enabled, rule=call.rule)
    return Reply({"host": host.name, "status": "enabled" if enabled else "disabled"})


def _unsupported(call: Call) -> Reply:
    _get(call)
    raise NotSupported(
        "Busway does not start, stop or restart hosts",
        detail="The agent runs guests; the operator controls the host's power.",
        remedy="Take the host out of service (openstack compute service set --disable), move its servers, and use "
        "its BMC.",
        code="host-power",
    )


_API = "os_compute_api:os-hosts:"
OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        until=_LAST,
        query={"zone": WORD},
        rule=f"{_API}list",
        answer=wrap_list("hosts", shape({"host_name": TEXT, "service": TEXT, "zone": TEXT})),
    ),
    Operation(
        "GET", f"{ROOT}/{{name}}", _show, until=_LAST, rule=f"{_API}show", answer=wrap_list("host", HOST_RESOURCE)
    ),
    Operation(
        "PUT",
        f"{ROOT}/{{name}}",
        _update,
        _UPDATE,
        until=_LAST,
        rule=f"{_API}update",
        answer=shape({"host": TEXT, "status": words("enabled", "disabled")}),
    ),
    Operation("GET", f"{ROOT}/{{name}}/startup", _unsupported, until=_LAST, rule=f"{_API}start"),
    Operation("GET", f"{ROOT}/{{name}}/shutdown", _unsupported, until=_LAST, rule=f"{_API}shutdown"),
    Operation("GET", f"{ROOT}/{{name}}/reboot", _unsupported, until=_LAST, rule=f"{_API}reboot"),
)
