"""Harvester's PCIDevices and their claims, and KubeVirt's permittedHostDevices, as `kubectl get ...

-o yaml` prints them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from busway.bootstrap.imports.found import Found, alias_name, ids_of, not_of_kind, read_text


def read_harvester(path: Path) -> Found:
    """Reads the devices that are claimed; their ids come from the PCIDevice of the same name, in the same file."""
    found, things = Found(f"{path} (Harvester)"), list(_objects(path))
    devices = {_name(one): _of(one, "status") for one in things if one.get("kind") == "PCIDevice"}
    for one in things:
        kind = one.get("kind")
        if kind == "PCIDeviceClaim":
            _claim(found, _name(one), _of(one, "spec"), devices)
        elif kind in ("VGPUDevice", "SRIOVGPUDevice", "SRIOVNetworkDevice", "MigConfiguration"):
            spec = _of(one, "spec")
            wanted = spec.get("vGPUTypeName") or ("enabled" if spec.get("enabled") else "not enabled")
            found.left.append(
                f"{kind} {_name(one)} ({spec.get('address', 'no address')}, {wanted}): make it on its host"
            )
    return found


def _claim(found: Found, name: str, spec: dict[str, Any], devices: dict[str, dict[str, Any]]) -> None:
    address = str(spec.get("address", ""))
    device = devices.get(name, {})
    ids = ids_of(f"{device.get('vendorId', '')}:{device.get('deviceId', '')}")
    if not address:
        found.left.append(f"PCIDeviceClaim {name}: it has no address")
    elif ids is None:
        found.add_spec(address=address)
        found.left.append(
            f"PCIDeviceClaim {name}: an alias for it; its ids are in PCIDevice {name}, which is not in this file"
        )
    else:
        found.add_spec(vendor_id=ids[0], product_id=ids[1], address=address)
        found.add_alias(alias_name(str(device.get("resourceName") or f"{ids[0]}-{ids[1]}")), *ids)
    node = spec.get("nodeName")
    if node:
        found.left.append(f"PCIDeviceClaim {name}: node {node}; device specs hold for every host")


def read_kubevirt(path: Path) -> Found:
    """Reads permittedHostDevices of a KubeVirt resource, or of a file that has just that part."""
    found = Found(f"{path} (KubeVirt)")
    for one in _objects(path):
        permitted = _permitted(one)
        for device in permitted.get("pciHostDevices") or []:
            _host_device(found, device)
        for device in permitted.get("mediatedDevices") or []:
            found.left.append(
                f"mediatedDevices {device.get('mdevNameSelector')} ({device.get('resourceName')}): choose the type on "
                "the host and offer its function"
            )
        for device in permitted.get("usb") or []:
            found.left.append(f"usb {device.get('resourceName')}: USB devices are not supported")
    return found


def _host_device(found: Found, device: dict[str, Any]) -> None:
    name, ids = str(device.get("resourceName", "")), ids_of(str(device.get("pciVendorSelector", "")))
    if ids is None:
        found.left.append(f"pciHostDevices {name}: '{device.get('pciVendorSelector')}' is no VENDOR:PRODUCT")
        return
    found.add_spec(vendor_id=ids[0], product_id=ids[1])
    found.add_alias(alias_name(name), *ids)
    if device.get("externalResourceProvider"):
        found.left.append(
            f"pciHostDevices {name}: externalResourceProvider; hosts report their devices themselves here"
        )


def _permitted(one: dict[str, Any]) -> dict[str, Any]:
    """The part of interest, wherever the file begins."""
    for keys in (
        ("spec", "configuration", "permittedHostDevices"),
        ("configuration", "permittedHostDevices"),
        ("permittedHostDevices",),
        (),
    ):
        part: Any = one
        for key in keys:
            part = part.get(key) if isinstance(part, dict) else None
        if isinstance(part, dict) and {"pciHostDevices", "mediatedDevices", "usb"} & set(part):
            return part
    return {}


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    """All objects of a file: several documents, and lists of objects."""
    try:
        documents = list(yaml.safe_load_all(read_text(path)))
    except yaml.YAMLError as error:
        raise not_of_kind(path, f"It is no YAML: {str(error).splitlines()[0]}.") from error
    for document in documents:
        if isinstance(document, dict):
            items = document.get("items")
            yield from (one for one in (items if isinstance(items, list) else [document]) if isinstance(one, dict))


def _name(one: dict[str, Any]) -> str:
    return str(_of(one, "metadata").get("name", "without a name"))


def _of(one: dict[str, Any], key: str) -> dict[str, Any]:
    part = one.get(key)
    return part if isinstance(part, dict) else {}
