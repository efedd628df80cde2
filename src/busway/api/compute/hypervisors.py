"""Hypervisors: the hosts as the compute API shows them to admins."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from busway.api.answer import NUMBER, TEXT, array, optional, shape, words, wrap, wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import HYPERVISOR_SERVICE, NEXT, TEXT_OR_NULL
from busway.api.compute.links import limit_of, next_link
from busway.api.fields import Field, fixed, render, shape_of
from busway.api.operation import Operation
from busway.api.schema import FLAG, PAGE, WORD
from busway.control.hosts import registry as hosts
from busway.control.hosts.registry import HostView
from busway.control.servers.questions import ask_uptime
from busway.control.servers.read import servers_on
from busway.domain.errors import BadInput, NotFound
from busway.domain.host_facts import GuestAct
from busway.store.hosts import HostFilter

ROOT = "/compute/v2.1/os-hypervisors"


def host_key(host: HostView, call: Call) -> object:
    """A host's id in compute answers: a number below 2.53, then its UUID."""
    return host.id if call.version >= 53 else host.number


def keyed(call: Call, key: str) -> HostFilter:
    """The filter for the one host with a key of compute answers; a key of the other form lets no host through."""
    if call.version >= 53:
        return HostFilter(id=key)
    return HostFilter(number=int(key) if key.isascii() and key.isdigit() and len(key) < 10 else 0)


def _service(host: HostView, call: Call) -> object:
    return {"id": host_key(host, call), "host": host.name, "disabled_reason": host.disabled_reason}


def _free_ram(host: HostView, _call: Call) -> int:
    return host.resources.ram_mb - host.used_ram_mb


def _free_disk(host: HostView, _call: Call) -> int:
    return host.resources.disk_gb - host.used_disk_gb


def _cpu(host: HostView) -> dict[str, object]:
    return {"model": host.resources.cpu_model}


def _up_for(host: HostView, now: datetime) -> str | None:
    """How long a host that reports has been up, in the words of the program `uptime`; None where that is not known.

    How many users it has and its load average are not there: only the host knows them (`_told_by`).
    """
    if not host.up or not host.resources.booted:
        return None
    hours, minutes = divmod(max(0, int(now.timestamp()) - host.resources.booted) // 60, 60)
    days, hours = divmod(hours, 24)
    days_part = f"{days} day{'s' * (days != 1)}, " if days else ""
    return f" {now:%H:%M:%S} up {days_part}{hours:2}:{minutes:02}"


def _told_by(call: Call, host: HostView) -> str | None:
    """The host's own line, which it is asked for now; without users and load where it does not answer or is older."""
    short = _up_for(host, call.control.now())
    asked = short is not None and GuestAct.UPTIME in host.resources.acts
    return (ask_uptime(call.control, call.caller, host.id) if asked else None) or short


_BRIEF: tuple[Field[HostView], ...] = (
    Field("id", host_key, NUMBER, until=52),
    Field("id", host_key, TEXT, since=53),
    Field("hypervisor_hostname", lambda host, _: host.name, TEXT),
    Field("state", lambda host, _: "up" if host.up else "down", words("up", "down")),
    Field("status", lambda host, _: "enabled" if host.enabled else "disabled", words("enabled", "disabled")),
)
_DETAIL: tuple[Field[HostView], ...] = (
    *_BRIEF,
    Field("service", _service, HYPERVISOR_SERVICE),
    Field("host_ip", lambda host, _: host.resources.address or None, TEXT_OR_NULL),
    Field("hypervisor_type", lambda host, _: host.resources.hypervisor_type, TEXT),
    Field("hypervisor_version", lambda host, _: host.resources.hypervisor_version, NUMBER),
    Field("vcpus", lambda host, _: host.resources.vcpus + host.resources.pcpus, NUMBER, until=87),
    Field("memory_mb", lambda host, _: host.resources.ram_mb, NUMBER, until=87),
    Field("local_gb", lambda host, _: host.resources.disk_gb, NUMBER, until=87),
    Field("vcpus_used", lambda host, _: host.used_vcpus + host.used_pcpus, NUMBER, until=87),
    Field("memory_mb_used", lambda host, _: host.used_ram_mb, NUMBER, until=87),
    Field("local_gb_used", lambda host, _: host.used_disk_gb, NUMBER, until=87),
    Field("free_ram_mb", _free_ram, NUMBER, until=87),
    Field("free_disk_gb", _free_disk, NUMBER, until=87),
    Field("disk_available_least", _free_disk, NUMBER, until=87),
    Field("current_workload", fixed(0), NUMBER, until=87),
    Field("running_vms", lambda host, _: host.servers, NUMBER, until=87),
    Field("cpu_info", lambda host, _: json.dumps(_cpu(host)), TEXT, until=27),  # clients read the text as JSON
    Field("cpu_info", lambda host, _: _cpu(host), shape({"model": TEXT}), since=28, until=87),
    Field("uptime", lambda host, call: _up_for(host, call.control.now()), TEXT_OR_NULL, since=88),
)
_SUMS = (
    "vcpus",
    "memory_mb",
    "local_gb",
    "vcpus_used",
    "memory_mb_used",
    "local_gb_used",
    "free_ram_mb",
    "free_disk_gb",
    "current_workload",
    "running_vms",
    "disk_available_least",
)


def _hosts(call: Call) -> list[HostView]:
    """The hosts of a list: a page of them from 2.33 on, those of a pattern from 2.53 on."""
    pattern = call.text("hypervisor_hostname_pattern") if call.version >= 53 else None
    wanted = HostFilter(name_part=pattern)
    if call.version >= 33:
        marker = call.text("marker")
        wanted = replace(wanted, limit=limit_of(call), marker=None if marker is None else _id_of(call, marker))
    found = hosts.list_hosts(call.control, call.caller, call.rule, wanted) if wanted.limit != 0 else []
    if pattern is not None and not found:
        raise NotFound(f"No hypervisor matching '{pattern}' could be found.", code="hypervisor-not-found")
    return found


def _id_of(call: Call, marker: str) -> str:
    """The id of the host that a marker names; the marker itself where none does, for it to be refused."""
    found = hosts.find_host(call.control, call.caller, keyed(call, marker), call.rule)
    return found.id if found is not None else marker


def _listing(call: Call, fields: tuple[Field[HostView], ...], path: str) -> Reply:
    found = _hosts(call)
    body: dict[str, object] = {"hypervisors": _rows(call, fields, found)}
    if call.version >= 33 and found and len(found) == call.number("limit"):
        body["hypervisors_links"] = next_link(call, path, str(host_key(found[-1], call)))
    return Reply(body)


def _list(call: Call) -> Reply:
    return _listing(call, _BRIEF, ROOT)


def _list_detail(call: Call) -> Reply:
    return _listing(call, _DETAIL, f"{ROOT}/detail")


def _show(call: Call) -> Reply:
    host = hosts.find_host(call.control, call.caller, keyed(call, call.path["id"]), call.rule)
    if host is None:
        raise _missing(call.path["id"])
    told = {"uptime": _told_by(call, host)} if call.version >= 88 else {}
    return Reply({"hypervisor": {**_rows(call, _DETAIL, [host])[0], **told}})


def _rows(call: Call, fields: tuple[Field[HostView], ...], found: list[HostView]) -> list[dict[str, Any]]:
    """The hosts, from 2.53 on with their servers where the query asks for these; a host without any has a list from 2.75 on."""
    rows = [render(fields, host, call) for host in found]
    if call.version >= 53 and call.flag("with_servers"):
        _add_servers(call, found, rows, empty=call.version >= 75)
    return rows


def _add_servers(call: Call, found: list[HostView], rows: list[dict[str, Any]], *, empty: bool = False) -> None:
    held = servers_on(call.control, [host.id for host in found])
    for host, row in zip(found, rows, strict=True):
        if servers := held.get(host.id, []):
            row["servers"] = [{"uuid": server_id, "name": name} for server_id, name in servers]
        elif empty:
            row["servers"] = []


def _missing(key: str) -> NotFound:
    return NotFound(f"Hypervisor with ID '{key}' could not be found", code="hypervisor-not-found")


def _matching(call: Call) -> list[HostView]:
    """The hosts whose name has what the path says; raises `NotFound` for none."""
    pattern = call.path["id"]
    found = hosts.list_hosts(call.control, call.caller, call.rule, HostFilter(name_part=pattern))
    if not found:
        raise NotFound(f"No hypervisor matching '{pattern}' could be found.", code="hypervisor-not-found")
    return found


def _search(call: Call) -> Reply:
    return Reply({"hypervisors": [render(_BRIEF, host, call) for host in _matching(call)]})


def _servers(call: Call) -> Reply:
    """The hosts with the servers of each, where it has any."""
    found = _matching(call)
    rows = [render(_BRIEF, host, call) for host in found]
    _add_servers(call, found, rows)
    return Reply({"hypervisors": rows})


def _uptime(call: Call) -> Reply:
    """Up to 2.87; raises `BadInput` where there is nothing to tell, as Nova does."""
    host = hosts.find_host(call.control, call.caller, keyed(call, call.path["id"]), call.rule)
    if host is None:
        raise _missing(call.path["id"])
    up_for = _told_by(call, host)
    if up_for is None:
        raise BadInput(
            f"Host {host.name} does not tell how long it has been up",
            detail="Its agent is of an older release." if host.up else "It does not report.",
            remedy="Upgrade its agent." if host.up else "Look at its agent.",
            code="uptime-unknown",
        )
    return Reply({"hypervisor": {**render(_BRIEF, host, call), "uptime": up_for}})


def _statistics(call: Call) -> Reply:
    rows: list[dict[str, Any]] = [
        render(_DETAIL, host, call)
        for host in hosts.list_hosts(call.control, call.caller, call.rule, HostFilter(enabled=True))
    ]
    sums = {name: sum(row[name] for row in rows) for name in _SUMS}
    return Reply({"hypervisor_statistics": {"count": len(rows), **sums}})


_HELD = shape({"uuid": TEXT, "name": TEXT})
_SERVERS = optional(array(_HELD))
_BRIEF_HYPERVISOR = shape_of(_BRIEF, "brief-hypervisor", servers=_SERVERS)
_HYPERVISOR = shape_of(_DETAIL, "hypervisor", servers=_SERVERS)
_WITH = {"with_servers": FLAG}
_QUERY = {**PAGE, **_WITH, "hypervisor_hostname_pattern": WORD}

OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        query=_QUERY,
        strict=53,
        rule="os_compute_api:os-hypervisors:list",
        answer=wrap_list("hypervisors", _BRIEF_HYPERVISOR, hypervisors_links=NEXT),
    ),
    Operation(
        "GET",
        f"{ROOT}/detail",
        _list_detail,
        query=_QUERY,
        strict=53,
        rule="os_compute_api:os-hypervisors:list-detail",
        answer=wrap_list("hypervisors", _HYPERVISOR, hypervisors_links=NEXT),
    ),
    Operation(
        "GET",
        f"{ROOT}/statistics",
        _statistics,
        until=87,
        rule="os_compute_api:os-hypervisors:statistics",
        answer=wrap("hypervisor_statistics", shape(dict.fromkeys(("count", *_SUMS), NUMBER))),
    ),
    Operation(
        "GET",
        f"{ROOT}/{{id}}",
        _show,
        query=_WITH,
        strict=53,
        rule="os_compute_api:os-hypervisors:show",
        answer=wrap("hypervisor", _HYPERVISOR),
    ),
    Operation(
        "GET",
        f"{ROOT}/{{id}}/uptime",
        _uptime,
        until=87,
        rule="os_compute_api:os-hypervisors:uptime",
        answer=wrap("hypervisor", shape_of(_BRIEF, uptime=TEXT)),
    ),
    Operation(
        "GET",
        f"{ROOT}/{{id}}/search",
        _search,
        until=52,
        rule="os_compute_api:os-hypervisors:search",
        answer=wrap_list("hypervisors", _BRIEF_HYPERVISOR),
    ),
    Operation(
        "GET",
        f"{ROOT}/{{id}}/servers",
        _servers,
        until=52,
        rule="os_compute_api:os-hypervisors:servers",
        answer=wrap_list("hypervisors", shape_of(_BRIEF, servers=optional(array(_HELD)))),
    ),
)
