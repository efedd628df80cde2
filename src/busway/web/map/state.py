"""What the map shows of a device: its status, whose it is, and why; small enough to be sent when it changes (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from busway.control.devices.listing import DeviceView
from busway.domain.condition import DeviceCondition, HostFinding
from busway.domain.device import GPU_CLASSES, DeviceKind
from busway.web.texts import texts

NOT_OFFERED = "not-offered"
_NIC_CLASS = "02"
_IN_BRACKETS = re.compile(r"\[([^\]]+)\]")
_NOISE = frozenset({"NVIDIA", "AMD", "Intel", "Tesla", "GeForce", "Radeon", "Instinct", "Quadro", "RTX"})
_MODEL_CHARS = 9
_WHOSE_CHARS = 12
ALARMS = ("blocks", "warns")
# GT/s of a lane, and the generation of PCI Express that has them.
_GENERATIONS = ((2.5, "Gen1"), (5.0, "Gen2"), (8.0, "Gen3"), (16.0, "Gen4"), (32.0, "Gen5"), (64.0, "Gen6"))


def device_state(view: DeviceView) -> dict[str, str]:
    """The parts of a device that change, in words: what a page shows of it, and what a browser hears of it."""
    state = {
        "status": status_of(view),
        "server": view.server_name or "",
        "project": view.project_id or "",
        "reason": view.reason,
        "link": link_words(view.condition),
        "narrow": "narrow" if view.condition is not None and view.condition.is_narrow else "",
        "busy": "" if view.condition is None or view.condition.utilization is None else str(view.condition.utilization),
        "alarm": alarm(view.findings),
    }
    return state | {"whose": _whose(state), "told": _finding_words(state, view.findings)}


def _whose(state: Mapping[str, str]) -> str:
    """The last line of a tile: its server, or its status where that is not the usual one."""
    text = state["server"] or ("" if state["status"] == "available" else state["status"].replace("-", " "))
    return text if len(text) <= _WHOSE_CHARS else text[: _WHOSE_CHARS - 1] + "…"


def _finding_words(state: Mapping[str, str], findings: Iterable[HostFinding]) -> str:
    """All of it in one line, for a screen reader and for whoever points at it."""
    words = texts().map
    parts = [state["status"].replace("-", " "), state["server"], state["reason"]]
    parts += [words.link.format(link=state["link"])] if state["link"] else []
    parts += [words.busy.format(percent=state["busy"])] if state["busy"] else []
    return "; ".join([*filter(None, parts), *(each.brief for each in findings if each.severity in ALARMS)])


def link_words(condition: DeviceCondition | None) -> str:
    """A link as it is wired: "Gen5 ×16", and "Gen5 ×8/16" where lanes are missing; its speed now says how busy it is, no more."""
    if condition is None or condition.link_max_speed is None or condition.link_width is None:
        return ""
    generation = next((name for most, name in _GENERATIONS if condition.link_max_speed <= most), "")
    lanes = f"{condition.link_width}/{condition.link_max_width}" if condition.is_narrow else condition.link_width
    return f"{generation} ×{lanes}".strip()


def alarm(findings: Iterable[HostFinding]) -> str:
    """The worst of what the doctor found that is more than good to know: "blocks", "warns" or ""."""
    found = {each.severity for each in findings}
    return next((each for each in ALARMS if each in found), "")


def device_states(views: Iterable[DeviceView]) -> dict[str, dict[str, str]]:
    """The state of each device that the map shows, by its id."""
    return {view.id: device_state(view) for view in views if is_shown(view)}


def status_of(view: DeviceView) -> str:
    """A device's status, or "not-offered"."""
    return str(view.status) if view.status is not None else NOT_OFFERED


def is_gpu(view: DeviceView) -> bool:
    """True for display controllers and processing accelerators."""
    return view.class_code[:4] in GPU_CLASSES


def is_card(view: DeviceView) -> bool:
    """True for a GPU that is counted as one: the map shows it, and it is no VF of another."""
    return is_gpu(view) and is_shown(view) and view.kind is not DeviceKind.VF


def is_nic(view: DeviceView) -> bool:
    """True for network controllers of any kind."""
    return view.class_code[:2] == _NIC_CLASS


def is_shown(view: DeviceView) -> bool:
    """True for GPUs, NICs, and whatever else is offered or somebody's; one that is gone is shown while it matters."""
    if not view.present and view.status is None:
        return False
    return is_gpu(view) or is_nic(view) or view.status is not None


def model(view: DeviceView) -> str:
    """A short name for a tile: "A100" of "GA100 [A100 PCIe 80GB]", "GPU" or "NIC" where there is none."""
    named = _IN_BRACKETS.search(view.product_name)
    words = [word for word in re.split(r"[\s/]+", named[1] if named else view.product_name) if word not in _NOISE]
    found = words[0] if words else ""
    if not found or len(found) > _MODEL_CHARS:
        return "GPU" if is_gpu(view) else "NIC" if is_nic(view) else view.product_id
    return found
