"""How the map names a device, for eyes, for screen readers and for the search (pure)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from busway.control.devices.listing import DeviceView
from busway.web.assets import asset_url
from busway.web.map.state import device_state, device_states, is_gpu, is_nic, link_words, model, status_of


def naming(view: DeviceView) -> str:
    """Model, host and address: "A100 gpu-01 0000:41:00.0"."""
    return f"{model(view)} {view.host} {view.address}"


def short(view: DeviceView) -> str:
    """What it is and its bus: "GPU 41:00"."""
    kind = "GPU" if is_gpu(view) else "NIC" if is_nic(view) else ""
    return f"{kind} {view.address.removeprefix('0000:').partition('.')[0]}".strip()


def about(view: DeviceView) -> str:
    """Further words that a search may name."""
    group = "" if view.iommu_group is None else f"iommu{view.iommu_group}"
    found = " ".join(each.code for each in view.findings)
    words = (f"{view.vendor_id}:{view.product_id}", view.product_name, view.project_id, view.driver, group, found)
    return " ".join(word for word in words if word)


def drawing_values(views: Collection[DeviceView]) -> dict[str, Any]:
    """What the template of a drawing needs."""
    return {
        "states": device_states(views),
        "naming": naming,
        "short": short,
        "about": about,
        "model": model,
        "is_gpu": is_gpu,
        "status_of": status_of,
        "device_state": device_state,
        "links": {(view.host, view.address): link_words(view.condition) for view in views},
        "icons": asset_url("static/icons.svg"),
    }
