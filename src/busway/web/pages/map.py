"""The GPU map: every host as a cabinet, every device where it is wired, with its status and whose it is."""

from __future__ import annotations

from collections import Counter

from starlette.responses import Response

from busway.control.devices.listing import DeviceView, host_conditions, list_devices
from busway.control.hosts.registry import HostView, list_hosts
from busway.web.map.layout import Cabinet, layout
from busway.web.map.names import drawing_values
from busway.web.map.state import ALARMS, NOT_OFFERED, alarm, is_card, is_shown, model, status_of
from busway.web.page import Page, View

_ALWAYS = ("available", "claimed", "allocated", "quarantined", "unavailable")


def _show(view: View) -> Response:
    views = list_devices(view.control, view.caller)
    hosts = list_hosts(view.control, view.caller)
    gpus = [each for each in views if is_card(each)]
    chosen_host, chosen_model = view.query("host"), view.query("model")
    sums = Counter(map(status_of, gpus))
    shown = [host for host in hosts if not chosen_host or host.name == chosen_host]
    by_host: dict[str, list[DeviceView]] = {host.name: [] for host in shown}
    for each in views:
        if each.host in by_host:
            by_host[each.host].append(each)
    if chosen_model:
        having = {each.host for each in gpus if model(each) == chosen_model}
        shown = [host for host in shown if host.name in having]
    cabinets: list[tuple[HostView, Cabinet]] = [(host, layout(by_host[host.name])) for host in shown]
    return view.render(
        "map.html",
        cabinets=cabinets,
        gpus=len(gpus),
        sums=sums,
        shown_statuses=[*_ALWAYS, *sorted(set(sums) - {*_ALWAYS, NOT_OFFERED}), NOT_OFFERED],
        free=Counter(each.host for each in gpus if status_of(each) == "available"),
        count=Counter(each.host for each in gpus),
        models=sorted({model(each) for each in gpus}),
        found=sum(1 for each in views if is_shown(each) and alarm(each.findings)),
        alarms=_alarms(view),
        host_names=[host.name for host in hosts],
        chosen_host=chosen_host,
        chosen_model=chosen_model,
        q=view.query("q") or chosen_model,
        **drawing_values(views),
    )


def _alarms(view: View) -> dict[str, int]:
    """How many findings there are of each host that are of no device, and more than good to know."""
    conditions = host_conditions(view.control, view.caller)
    return {
        name: sum(1 for each in one.findings if not each.device and each.severity in ALARMS)
        for name, one in conditions.items()
    }


PAGES = (Page("GET", "/map", _show, rule="busway:devices:list"),)
