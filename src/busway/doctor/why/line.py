"""Log lines taken apart: who wrote a line (its origin and speaker), which device it names, and what it says.

A line comes in frames: a syslog header, the kernel's time, libvirt's or QEMU's time, a priority. They say who wrote it,
so that words of one program are not taken for those of another. A line that somebody quotes has no frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_QUOTED = re.compile(r"^(?:[>|`*]+\s*)+")
_PRIORITY = re.compile(r"^<\d{1,3}>")
_KERNEL_TIME = re.compile(r"^\[\s*(?:\d+\.\d+|\w{3} \w{3} +\d+ [\d:]+ \d{4})\]\s*(?:\[\s*[TC]\d+\]\s*)?")
_STAMP = r"(?:\w{3} +\d{1,2} [\d:]{8}(?:\.\d+)?|\d{4}-\d\d-\d\dT[\d:.,]+(?:Z|[+-]\d\d:?\d\d)?)"
_SYSLOG = re.compile(rf"^{_STAMP} (?:\S+ )?(?P<program>[\w./()@-]+?)(?:\[\d+\])?: ")
_LIBVIRT = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+\+\d{4}: \d+: (?:error|warning|info|debug) : (?:\w+:\d+ : )?")
_QEMU_TIME = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z (?=qemu|kvm)")
_QEMU = re.compile(r"^(?:/\S*/)?(?:qemu-system-\w+|qemu-kvm)(?:\[\d+\])?: ")
_ERROR = re.compile(r"^error: ", re.IGNORECASE)  # virsh, and many others
_ADDRESS = r"(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
_DEVICE = re.compile(rf"^(?P<speaker>[\w.+-]+) (?P<address>{_ADDRESS}): ", re.IGNORECASE)
_DRM = re.compile(r"^\[drm(?::[^\]\[]*(?:\[(?P<module>\w+)\])?)?\]")
_TAG = re.compile(r"^(?P<speaker>[\w.+/-]+(?: [\w.+/-]+){0,2}?) ?(?:\[\d+\])?[:(]")
_ANY_ADDRESS = re.compile(
    rf"(?<![\w:.]){_ADDRESS}(?!\w)|PCI:(?P<slot>[0-9a-f]{{4,8}}:[0-9a-f]{{2}}:[0-9a-f]{{2}})", re.IGNORECASE
)
_LONGEST = 4000  # characters of a line that are looked at
_PROGRAMS = {
    "kernel": "kernel", "libvirtd": "libvirt", "virtqemud": "libvirt", "virtnodedevd": "libvirt", "qemu-kvm": "qemu",
    "nv-fabricmanager": "fabric", "nvidia-fabricmanager": "fabric", "nvidia-fabricmanager-start.sh": "fabric",
    "nvlsm": "fabric", "nvidia-vgpu-mgr": "vgpu", "nvidia-vgpud": "vgpu",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its frames: `origin` is "kernel", "qemu", "libvirt", "fabric", "vgpu", or "" when nothing says.

    `speaker` is who in the kernel speaks (a driver, NVRM, DMAR), `slot` the device as 0000:01:00, "" for none.
    """

    text: str
    body: str
    origin: str = ""
    speaker: str = ""
    slot: str = ""


def read_line(text: str) -> Line:
    """Takes a line apart."""
    whole = _ESCAPES.sub("", text[:_LONGEST]).strip()
    body, origin = _unframe(_QUOTED.sub("", whole))
    speaker = _speaker(body) if origin == "kernel" else ""
    return Line(whole, body, origin, speaker, _slot(body))


def slot_of(address: str) -> str:
    """The slot that an address names, 0000:01:00, however short or long the address is written."""
    parts = address.lower().partition(".")[0].split(":")
    if len(parts) == 2:
        parts = ["0000", *parts]
    return ":".join([f"{int(parts[0], 16):04x}", *parts[1:]])


def _unframe(body: str) -> tuple[str, str]:
    """Takes the frames away, outermost first; the innermost says who wrote it."""
    origin = ""
    for _ in range(5):
        before = body
        for frame, name in _FRAMES:
            match = frame.match(body)
            if match:
                origin = name or _program(match.groupdict().get("program", ""), origin)
                body = body[match.end() :]
        if body == before:
            break
    return body, origin


def _program(program: str, before: str) -> str:
    name = program.rpartition("/")[2]
    return "qemu" if name.startswith("qemu-system-") else _PROGRAMS.get(name, before)


def _speaker(body: str) -> str:
    match = _DEVICE.match(body) or _TAG.match(body)
    if match:
        return match["speaker"]
    drm = _DRM.match(body)
    return (drm["module"] or "drm") if drm else ""


def _slot(body: str) -> str:
    match = _ANY_ADDRESS.search(body)
    return slot_of(match["slot"] or match[0]) if match else ""


_FRAMES = (
    (_PRIORITY, "kernel"),
    (_KERNEL_TIME, "kernel"),
    (_QEMU_TIME, "qemu"),
    (_SYSLOG, ""),
    (_LIBVIRT, "libvirt"),
    (_QEMU, "qemu"),
    (_ERROR, ""),
)
