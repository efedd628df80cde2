"""`[pci] device_spec`: the operator's rules for which devices servers may get, in Nova's language.

Each value is a JSON object or a list of objects; the first that matches a device wins. Ids are hexadecimal, `*` or
absent means any. What is neither an id nor a place is a tag.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from busway.domain.address_match import (
    ANY_ADDRESS,
    AddressMatch,
    BadAddress,
    parse_address_glob,
    parse_address_regex,
    parse_hex,
)
from busway.domain.boolean import BOOLEAN_WORDS, parse_boolean
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_tags import NO_TAGS, DeviceTags
from busway.domain.errors import InvalidDeviceSpec
from busway.domain.json_text import NotJson, json_word, load_json
from busway.domain.resource_class import resource_class_name, too_long, trait_names

PLACE_KEYS = ("vendor_id", "product_id", "address", "devname", "device_type")
TAG_KEYS = (
    "physical_network",
    "trusted",
    "remote_managed",
    "managed",
    "live_migratable",
    "one_time_use",
    "without_reset",
    "resource_class",
    "traits",
)
# Libvirt and Nova know PCI domains of 16 bits; what lies behind a VMD bridge has more and can't be handed out.
_LARGEST_DOMAIN = 0xFFFF
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One rule; a device matches when every part does.

    `devname` names a network card by its interface on the host; that of a PF covers its VFs too. `device_type` is Busway's own key; Nova would take it for a tag.
    """

    vendor_id: str | None = None
    product_id: str | None = None
    address: AddressMatch = ANY_ADDRESS
    device_type: DeviceKind | None = None
    tags: DeviceTags = NO_TAGS
    devname: str | None = None

    def matches(self, device: PciDevice) -> bool:
        """True when the rule covers the device; a concrete PF address also covers the VFs of that PF."""
        if self.devname is not None and self.devname not in (device.netdev, device.uplink):
            return False
        if self.vendor_id not in (None, device.vendor_id) or self.product_id not in (None, device.product_id):
            return False
        if self.device_type not in (None, device.kind):
            return False
        if self.address.matches(device.address):
            return True
        return device.parent is not None and self.address.is_concrete and self.address.matches(device.parent)


@dataclass(frozen=True, slots=True)
class DeviceSpecs:
    """All rules in their order."""

    specs: tuple[DeviceSpec, ...] = ()

    def find(self, device: PciDevice) -> DeviceSpec | None:
        """The first rule that covers a device, or None if servers may not get it.

        Bridges are never given to servers: Linux and libvirt refuse to assign them. Neither are devices of a PCI
        domain above FFFF, as in Nova.
        """
        if device.is_bridge or device.address.domain > _LARGEST_DOMAIN:
            return None
        return next((spec for spec in self.specs if spec.matches(device)), None)


def parse_device_specs(texts: Iterable[str]) -> DeviceSpecs:
    """Reads all occurrences of `[pci] device_spec`; raises `InvalidDeviceSpec` naming the text and the rule it breaks."""
    return DeviceSpecs(tuple(spec for text in texts for spec in parse_device_spec(text)))


def parse_device_spec(text: str) -> tuple[DeviceSpec, ...]:
    """Reads one value: a JSON object or a list of objects; an empty list has no rule."""
    try:
        data = load_json(text)
    except NotJson as error:
        raise _invalid(text, str(error)) from error
    entries = data if isinstance(data, list) else [data]
    return tuple(_spec(text, entry) for entry in entries)


def _spec(text: str, entry: object) -> DeviceSpec:
    if not isinstance(entry, dict):
        raise _invalid(text, f"It must be a JSON object or a list of objects, not a {json_word(entry)}")
    if entry.get("address") and entry.get("devname"):
        raise _invalid(text, "It can have 'devname' or 'address', but not both")
    return DeviceSpec(
        vendor_id=_id(text, entry, "vendor_id"),
        product_id=_id(text, entry, "product_id"),
        address=_address(text, entry.get("address")),
        device_type=_device_type(text, entry),
        tags=_tags(text, entry),
        devname=_given(text, entry, "devname", _text) or None,
    )


def _address(text: str, value: object) -> AddressMatch:
    try:
        if isinstance(value, dict):
            return parse_address_regex(value) if value else ANY_ADDRESS
        if value is None or isinstance(value, str):
            return parse_address_glob(value or "")
    except BadAddress as error:
        raise _invalid(text, str(error)) from error
    raise _invalid(text, f"'address' must be a string or an object of regular expressions, not {json.dumps(value)}")


def _tags(text: str, entry: Mapping[str, object]) -> DeviceTags:
    live_migratable = _given(text, entry, "live_migratable", _boolean)
    one_time_use = _given(text, entry, "one_time_use", _boolean)
    managed = _given(text, entry, "managed", _boolean)
    traits = trait_names(_given(text, entry, "traits", _text) or "")
    resource_class = _given(text, entry, "resource_class", _text)
    spelled = resource_class_name(resource_class) if resource_class else None
    if (name := too_long([*traits, *([spelled] if spelled else [])])) is not None:
        raise _invalid(text, f"'{name[:40]}…' is longer than the 255 characters of a class or trait")
    counted = [key for key in entry if key not in (*PLACE_KEYS, "resource_class", "traits")]
    return DeviceTags(
        physical_network=_given(text, entry, "physical_network", _text),
        tunnelled="physical_network" in entry and entry["physical_network"] is None,
        # Nova reads these two leniently: what is no word for yes means no.
        trusted=parse_boolean(entry.get("trusted")) is True,
        remote_managed=parse_boolean(entry.get("remote_managed")) is True,
        managed=managed is not False,
        live_migratable=live_migratable,
        one_time_use=one_time_use is True,
        without_reset=_given(text, entry, "without_reset", _boolean) is True,
        resource_class=spelled,
        traits=traits,
        other=tuple(sorted(_other(text, key, entry[key]) for key in entry if key not in (*PLACE_KEYS, *TAG_KEYS))),
        count=len(counted),
    )


def _given(text: str, entry: Mapping[str, object], key: str, read: Callable[[str, str, object], _T]) -> _T | None:
    """Reads the value of a key; null is as if it were not there."""
    value = entry.get(key)
    return None if value is None else read(text, key, value)


def _text(text: str, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise _invalid(text, f"'{key}' must be a string, not {json.dumps(value)}")
    return value


def _boolean(text: str, key: str, value: object) -> bool:
    answer = parse_boolean(value)
    if answer is None:
        raise _invalid(text, f"'{key}' must be one of {BOOLEAN_WORDS}, not {json.dumps(value)}")
    return answer


def _other(text: str, key: str, value: object) -> tuple[str, str]:
    if isinstance(value, dict | list):
        raise _invalid(text, f"The tag '{key}' must be a string, not a {json_word(value)}")
    return key, value if isinstance(value, str) else json.dumps(value)


def _device_type(text: str, entry: Mapping[str, object]) -> DeviceKind | None:
    value = entry.get("device_type")
    if value is None:
        return None
    if value not in tuple(DeviceKind):
        raise _invalid(text, f"'device_type' must be one of {', '.join(DeviceKind)}, not {json.dumps(value)}")
    return DeviceKind(str(value))


def _id(text: str, entry: Mapping[str, object], key: str) -> str | None:
    if key not in entry:
        return None
    value = _text(text, key, entry[key]).strip()
    if value == "*":
        return None
    number = parse_hex(value)
    if number is None:
        raise _invalid(text, f"The {key} ('{value}') is not a hexadecimal number; a wildcard is a whole field")
    if number > 0xFFFF:
        raise _invalid(text, f"The {key} '{value}' is greater than FFFF")
    return f"{number:04x}"


def _invalid(text: str, reason: str) -> InvalidDeviceSpec:
    return InvalidDeviceSpec(
        f"Invalid [pci]device_spec config: {reason}",
        detail=f"In: device_spec = {text}",
        remedy='Write it like device_spec = {"vendor_id": "10de", "product_id": "2330"} or {"address": "0000:81:00.0"}.',
    )
