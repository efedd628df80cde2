"""Hosts: the list with the command that adds a host, and the page of one host."""

from __future__ import annotations

from collections import Counter

from starlette.responses import Response

from busway.control.devices.listing import DeviceView, host_conditions, list_devices
from busway.control.events import list_events
from busway.control.hosts.registry import HostView, list_hosts
from busway.domain.errors import BuswayError, NotFound
from busway.store.devices import DeviceFilter
from busway.web.map.layout import layout
from busway.web.map.names import drawing_values
from busway.web.map.state import ALARMS, NOT_OFFERED, alarm, is_card, is_shown, status_of
from busway.web.page import Page, View
from busway.web.texts import texts

_HOST = "/busway/v1/hosts/{name}"
_EVENTS = 30


def _list(view: View, error: BuswayError | None = None, join: str = "", name: str = "") -> Response:
    hosts = list_hosts(view.control, view.caller)
    devices = list_devices(view.control, view.caller) if view.may("busway:devices:list") else []
    gpus = Counter(each.host for each in devices if is_card(each))
    return view.render("hosts.html", error, hosts=hosts, gpus=gpus, join=join, name=name)


def _add(view: View) -> Response:
    name = view.form.text("name")
    rotate = bool(view.form.text("rotate"))
    try:
        made = view.do("POST", "/busway/v1/hosts", {"name": name, "rotate": rotate})
    except BuswayError as error:
        return _list(view, error, name=name)
    return _list(view, join=f"busway agent join {made.body['join_token']}", name=name)


def _show(view: View, error: BuswayError | None = None) -> Response:
    host = _find(view)
    devices = (
        list_devices(view.control, view.caller, DeviceFilter(host=host.name)) if view.may("busway:devices:list") else []
    )
    events = (
        list_events(view.control, view.caller, host=host.id, limit=_EVENTS) if view.may("busway:events:list") else []
    )
    conditions = host_conditions(view.control, view.caller).get(host.name) if view.may("busway:devices:list") else None
    own = [each for each in conditions.findings if not each.device] if conditions else []
    return view.render(
        "host.html",
        error,
        host=host,
        cabinet=layout(devices),
        findings=findings(host, devices),
        serious=[each for each in own if each.severity in ALARMS],
        minor=[each for each in (conditions.findings if conditions else ()) if each.severity not in ALARMS],
        of_devices=[each for each in devices if alarm(each.findings)],
        examined=bool(conditions and conditions.examined),
        events=events,
        **drawing_values(devices),
    )


def findings(host: HostView, devices: list[DeviceView]) -> list[str]:
    """What an operator should look at on a host, in words."""
    words = texts().hosts
    shown = [each for each in devices if is_shown(each)]
    sums = Counter(map(status_of, shown))
    unoffered = sum(1 for each in shown if is_card(each) and status_of(each) == NOT_OFFERED)
    remarks = [
        (not host.up, words.finding_down),
        (host.up and not host.iommu, words.finding_iommu),
        (sums["quarantined"] > 0, words.finding_quarantined.format(count=sums["quarantined"])),
        (sums["unavailable"] > 0, words.finding_unavailable.format(count=sums["unavailable"])),
        (unoffered > 0, words.finding_unoffered.format(count=unoffered)),
    ]
    return [text for holds, text in remarks if holds]


def _find(view: View) -> HostView:
    name = view.path["name"]
    for host in list_hosts(view.control, view.caller):
        if host.name == name:
            return host
    raise NotFound(f"No host {name}", remedy="Look at the list of hosts.", code="host-not-found")


def _change(view: View) -> Response:
    name, deed = view.path["name"], view.form.text("deed")
    try:
        if deed == "delete":
            view.do("DELETE", _HOST, name=name)
            return view.go("/hosts", "deleted")
        enabled = deed == "enable"
        view.do("PATCH", _HOST, {"enabled": enabled, "reason": view.form.text("reason") or None}, name=name)
    except BuswayError as error:
        return _show(view, error)
    return view.go(f"/hosts/{name}", "enabled" if enabled else "disabled")


PAGES = (
    Page("GET", "/hosts", _list, rule="busway:hosts:list"),
    Page("POST", "/hosts", _add, rule="busway:hosts:list"),
    Page("GET", "/hosts/{name}", _show, rule="busway:hosts:list"),
    Page("POST", "/hosts/{name}", _change, rule="busway:hosts:list"),
)
