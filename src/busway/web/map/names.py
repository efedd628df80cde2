"""How the map names a device, for eyes, for screen readers and for the search (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busway.control.devices.listing import DeviceView
from busway.web.assets import asset_url
from busway.web.map.state import device_states, is_gpu, is_nic, model, status_of


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
    return f"{view.vendor_id}:{view.product_id} {view.product_name} {view.project_id or ''} {view.driver or ''} {group}"


def drawing_values(views: Iterable[DeviceView]) -> dict[str, Any]:
    """What the template of a drawing needs."""
    return {
        "states": device_states(views),
        "naming": naming,
        "short": short,
        "about": about,
        "model": model,
        "is_gpu": is_gpu,
        "status_of": status_of,
        "icons": asset_url("static/icons.svg"),
    }
