"""Places port windows one after the other, as firmware does: largest first.

A port's window is as large as its BARs and aligned to the largest of them. SeaBIOS also rounds its *size* up to that
alignment: a GPU with BARs of 128 GiB, 32 MiB and 16 MiB takes 256 GiB. OVMF rounds to 1 MiB, and the next window's
alignment skips the same room, except behind the last one.

A device counts as seen when its largest BAR lies inside the window: a guest kernel clips a port's window at the end of
the addresses and moves the small BARs that no longer fit to other room. With this rule the published counts come out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from busway.hardware.arithmetic.firmware import Window, align
from busway.hardware.arithmetic.wish import MIB, DeviceBars, Firmware


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the largest BAR of a device comes to lie; `fits` is False when that is outside the window."""

    device: DeviceBars
    start: int
    end: int
    fits: bool


def port_size(device: DeviceBars, firmware: Firmware) -> int:
    """The room that a device's port takes above 4 GiB."""
    return align(sum(device.high), device.largest if firmware is Firmware.SEABIOS else MIB)


def wanted(devices: Iterable[DeviceBars], firmware: Firmware) -> int:
    """The room that all ports take, with the gaps that alignment leaves."""
    end = 0
    for device in _in_order(devices):
        end = align(end, device.largest) + port_size(device, firmware)
    return end


def place(devices: Iterable[DeviceBars], window: Window, firmware: Firmware) -> tuple[Placed, ...]:
    """Places the devices in a window; those with no BAR above 4 GiB are not in the answer."""
    found = []
    at = window.start
    for device in _in_order(devices):
        start = align(at, device.largest)
        at = start + port_size(device, firmware)
        found.append(Placed(device, start, start + device.largest, start + device.largest <= window.end))
    return tuple(found)


def _in_order(devices: Iterable[DeviceBars]) -> list[DeviceBars]:
    return sorted((one for one in devices if one.high), key=lambda one: -one.largest)
