"""Reads what a host's libvirt says it can do, from its capabilities XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET


def cpu_model(capabilities: str) -> str:
    """The host's CPU model in libvirt's words, "" when it does not say."""
    return ET.fromstring(capabilities).findtext("host/cpu/model", "")  # noqa: S314 - written by libvirt


def virt_types(capabilities: str) -> tuple[str, ...]:
    """The domain types that libvirt offers for x86_64 guests or else any, in its order, each once."""
    guests = ET.fromstring(capabilities).findall("guest")  # noqa: S314 - written by libvirt
    fitting = [guest for guest in guests if guest.find("arch[@name='x86_64']") is not None] or guests
    kinds = [kind.get("type", "") for guest in fitting for kind in guest.findall("arch/domain")]
    return tuple(dict.fromkeys(kind for kind in kinds if kind))
