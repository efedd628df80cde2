"""Takes out of a snapshot what names one machine: serial numbers, MAC addresses, UUIDs, disks and addresses at boot.

What is taken out is replaced by zeros of the same form, so that whoever reads the file still finds its shape.
"""

from __future__ import annotations

import re

_FORMS = (
    re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE),  # UUID
    re.compile(r"(?<![0-9a-f:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![0-9a-f:])", re.IGNORECASE),  # MAC address
    re.compile(r"(?<![0-9a-fx])[0-9a-f]{32}(?![0-9a-f])", re.IGNORECASE),  # machine id
)
_LABELLED = re.compile(r"(?im)^(\s*(?:board |gpu )?serial(?: number)?\s*:\s*)(\S.*)$")
_PRIVATE_ARGUMENTS = re.compile(
    r"(?<!\S)(root|resume|cryptdevice|nfsroot|ip|ds|rd\.[a-z._]+|(?:systemd\.)?hostname|systemd\.machine_id|dm-mod\.create)"
    r"=(?:\"[^\"]*\"|[^\s\"']+)"
)
_SERIAL_CAPABILITY = 0x0003  # "Device Serial Number" among the extended capabilities of PCI Express
_EXTENDED = 0x100


def scrub_text(text: str) -> str:
    """Replaces serial numbers, UUIDs, MAC addresses and machine ids by zeros."""
    for form in _FORMS:
        text = form.sub(_zeros, text)
    return _LABELLED.sub(lambda match: match[1] + _zeros(match, 2), text)


def scrub_arguments(text: str) -> str:
    """Blanks the values of kernel arguments that name disks, networks or the machine."""
    return _PRIVATE_ARGUMENTS.sub(lambda match: f"{match[1]}=removed", text)


def scrub_config(data: bytes) -> bytes:
    """Zeroes the device serial number in a configuration space; bounded, for a damaged list may go in circles."""
    found = bytearray(data)
    place, passed = _EXTENDED, set[int]()
    while place >= _EXTENDED and place + 12 <= len(found) and place not in passed:
        passed.add(place)
        header = int.from_bytes(found[place : place + 4], "little")
        if header & 0xFFFF == _SERIAL_CAPABILITY:
            found[place + 4 : place + 12] = bytes(8)
        place = header >> 20 & 0xFFC
    return bytes(found)


def _zeros(match: re.Match[str], group: int = 0) -> str:
    return re.sub(r"[0-9A-Za-z]", "0", match[group])
