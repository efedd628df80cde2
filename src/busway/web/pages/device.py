"""One device: what it is, whose it is and was, why it can't be had, how it was handed over, and what happened to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from busway.control.devices.handovers import list_handovers
from busway.control.devices.listing import get_device, list_devices
from busway.domain.condition import DeviceCondition
from busway.domain.errors import BuswayError
from busway.domain.ids import ServerId
from busway.store.devices import DeviceFilter
from busway.store.events import Event
from busway.web.map.layout import layout
from busway.web.map.names import drawing_values
from busway.web.map.state import device_state
from busway.web.page import Page, View
from busway.web.texts import texts

_OWNED = ("claimed", "allocated", "releasing")
_FREE = ("available", "quarantined")


@dataclass(frozen=True, slots=True)
class Owning:
    """A time in which a server had the device; `until` is None while it has it."""

    server_id: ServerId
    since: datetime
    until: datetime | None


def owners(events: Iterable[Event]) -> list[Owning]:
    """Who had a device, the newest first, by its events (oldest first)."""
    found: list[Owning] = []
    for event in events:
        last = found[-1] if found else None
        if event.server_id is None:
            continue
        if event.new in _OWNED and (last is None or last.until is not None or last.server_id != event.server_id):
            found.append(Owning(event.server_id, event.at, None))
        elif event.new in _FREE and last is not None and last.until is None:
            found[-1] = Owning(last.server_id, last.since, event.at)
    return found[::-1]


def _show(view: View, error: BuswayError | None = None) -> Response:
    story = get_device(view.control, view.caller, view.path["id"])
    device = story.device
    beside = list_devices(view.control, view.caller, DeviceFilter(host=device.host))
    drawn = drawing_values(beside)
    drawn["states"] = {each.id: device_state(each) for each in beside}
    values = {
        "story": story,
        "d": device,
        "cabinet": layout(beside),
        "drivers": _before(story.events, "driver "),
        "link": _link(device.condition),
        "lanes_before": _before(story.events, "link "),
        "owners": owners(story.events),
        "handovers": (
            list_handovers(view.control, view.caller, device.id) if view.may("busway:devices:handovers") else None
        ),
        **drawn,
    }
    return view.render("device.html", error, **values)


def _before(events: Iterable[Event], word: str) -> list[str]:
    """What something was before each of its changes, the newest last, by the reasons of events: "driver a -> b"."""
    changes = (event.reason for event in events if event.reason.startswith(word) and " -> " in event.reason)
    return list(dict.fromkeys(change.removeprefix(word).partition(" -> ")[0] for change in changes))


def _link(condition: DeviceCondition | None) -> str:
    """A device's link now and at most; "" where the host reports none."""
    if condition is None or condition.link_width is None or condition.link_speed is None:
        return ""
    words = texts().device
    now = words.link_now.format(speed=f"{condition.link_speed:g}", width=condition.link_width)
    if condition.link_max_speed is None or condition.link_max_width is None:
        return str(now)
    most = words.link_most.format(speed=f"{condition.link_max_speed:g}", width=condition.link_max_width)
    return f"{now}, {most}"


def _recycle(view: View) -> Response:
    try:
        view.do("POST", "/busway/v1/devices/{name}/recycle", name=view.path["id"])
    except BuswayError as error:
        return _show(view, error)
    return view.go(f"/devices/{view.path['id']}", "recycled")


PAGES = (
    Page("GET", "/devices/{id}", _show, rule="busway:devices:show"),
    Page("POST", "/devices/{id}/recycle", _recycle),
)
