"""What the map shows of a device: its status, whose it is, and why; small enough to be sent when it changes (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from busway.control.devices.listing import DeviceView
from busway.domain.device import GPU_CLASSES, DeviceKind

NOT_OFFERED = "not-offered"
_NIC_CLASS = "02"
_IN_BRACKETS = re.compile(r"\[([^\]]+)\]")
_NOISE = frozenset({"NVIDIA", "AMD", "Intel", "Tesla", "GeForce", "Radeon", "Instinct", "Quadro", "RTX"})
_MODEL_CHARS = 9


def device_state(view: DeviceView) -> dict[str, str]:
    """The parts of a device that change, in words."""
    return {
        "status": status_of(view),
        "server": view.server_name or "",
        "project": view.project_id or "",
        "reason": view.reason,
    }


def device_states(views: Iterable[DeviceView]) -> dict[str, dict[str, str]]:
    """The state of each device that the map shows, by its id."""
    return {view.id: device_state(view) for view in views if is_shown(view)}


def status_of(view: DeviceView) -> str:
    """Its status, or "not-offered"."""
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
