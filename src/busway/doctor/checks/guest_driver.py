"""Inside a guest: the card has a driver that fits it, and its vendor's tool sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.answers import words
from busway.doctor.check import Check, Place
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.doctor.smi import smi_of
from busway.hardware import Card
from busway.hardware.tree import parse_hex

_DRIVERS = {"10de": "nvidia", "1002": "amdgpu", "8086": "xe or i915"}
# The first NVIDIA drivers that know a family, by the device ids of its chips; source: NVIDIA, data centre driver
# releases.
_SINCE = (
    (0x20B0, 0x20FF, (450,), "A100"), (0x2230, 0x22BF, (470,), "GA102"), (0x2321, 0x233F, (525,), "Hopper"),
    (0x2342, 0x234F, (535,), "Grace Hopper"), (0x2684, 0x27FF, (525,), "Ada"), (0x2900, 0x29FF, (570,), "Blackwell"),
    (0x2B80, 0x2DFF, (570,), "Blackwell"), (0x3180, 0x31FF, (580,), "Blackwell Ultra"),
)  # fmt: skip
_OPEN_ONLY = ((0x2900, 0x2DFF), (0x2342, 0x234F), (0x3180, 0x31FF))


def _find(host: Host, card: Card) -> Iterator[Finding]:
    main = card.main
    wanted = _DRIVERS.get(main.vendor_id)
    if wanted is None:
        return
    if main.driver not in wanted.split(" or "):
        yield _without(card, wanted)
    elif main.vendor_id == "10de":
        yield from _nvidia(host, card)
    elif main.vendor_id == "1002" and host.answer("rocm-smi") and not _is_listed(host.answer("rocm-smi"), card):
        yield _not_listed(card, "amd-smi", len(host.answer("rocm-smi").splitlines()), "amdgpu")


def _without(card: Card, wanted: str) -> Finding:
    main = card.main
    return CHECK.found(
        f"{card.name} has {main.driver or 'no driver'}, but needs {wanted}",
        cause="The guest has the card, but no program can use it.",
        remedy=f"Install the driver ({wanted}) in this guest; then read `dmesg | busway why`. Blackwell needs "
        "NVIDIA's open driver.",
        evidence=(Evidence(sysfs(main.address, "driver"), main.driver or "absent"),),
        card=card,
        after=f"installing the driver {wanted}",
    )


def _nvidia(host: Host, card: Card) -> Iterator[Finding]:
    version, number = host.versions.nvidia, parse_hex(card.main.product_id) or 0
    since = next(((least, name) for first, last, least, name in _SINCE if first <= number <= last), None)
    driver_version = host.text("/proc/driver/nvidia/version") or ""
    closed = (
        bool(driver_version)
        and "Open" not in driver_version
        and any(first <= number <= last for first, last in _OPEN_ONLY)
    )
    if (since and version and version < since[0]) or closed:
        need = f"{words(since[0])} or later" if since else "an open one"
        yield CHECK.found(
            f"The NVIDIA driver {words(version)} does not fit {card.name}",
            cause="It is older than the card." if not closed else "The card works with the open kernel modules only.",
            remedy=f"Install NVIDIA's driver {need}{', the open variant' if closed else ''}, in this guest.",
            evidence=(host.evidence("/proc/driver/nvidia/version"),),
            card=card,
            after=f"installing NVIDIA's driver {need}",
        )
    elif host.answer("nvidia-smi") and smi_of(host, card) is None:
        yield _not_listed(card, "nvidia-smi", len(host.answer("nvidia-smi").splitlines()), "NVRM")


def _is_listed(answer: str, card: Card) -> bool:
    """True when `amd-smi list` ("BDF: 0000:43:00.0") or `rocm-smi --showbus` ("PCI Bus: 0000:43:00.0") names the card."""
    return re.search(rf"(?i)\b{re.escape(str(card.main.address))}\b", answer) is not None


def _not_listed(card: Card, tool: str, lines: int, who: str) -> Finding:
    return CHECK.found(
        f"{tool} does not list {card.name}",
        cause="The driver is bound to the card, but could not start it.",
        remedy=f"Read `dmesg | busway why`: the lines of {who} say why.",
        evidence=(Evidence(f"/usr/bin/{tool}", f"{lines} lines, none of this card"),),
        card=card,
        after="fixing the cause that the kernel log names",
    )


CHECK = Check(
    "guest-driver", Stage.GUEST, Severity.BLOCKS, "The guest's driver fits the card", card=_find, place=Place.GUEST
)
