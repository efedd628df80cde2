"""A rescue: a server runs from another image for a while, with its own disk beside it, so that its user can repair that disk.

Where the guest finds the rescue disk is said by properties of the rescue image, in Nova's words. Without any, the rescue disk
takes the root disk's place and the root disk comes after it. With one (a *stable* rescue) all disks stay where they
were, and the guest boots from a further one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from busway.domain.errors import BadInput

BUS, DEVICE = "hw_rescue_bus", "hw_rescue_device"
DISK, CDROM = "disk", "cdrom"
_BUSES = {DISK: ("virtio", "scsi", "sata", "usb"), CDROM: ("sata", "scsi")}


@dataclass(frozen=True, slots=True)
class Rescue:
    """A rescue of a server: `number` is that of its disk, among those of the server's layers, used once in its life.

    `bus` is "" where the rescue disk takes the root disk's place. Once it is `over`, the server's own system is on its way.
    """

    number: int
    bus: str = ""
    device: str = DISK
    over: bool = False


def read_rescue(properties: Mapping[str, str], number: int, disk_bus: str) -> Rescue:
    """The rescue that an image asks for by its properties; raises `BadInput` for one that can't be.

    `disk_bus` is the bus of the server's own disks.
    """
    device, bus = properties.get(DEVICE, ""), properties.get(BUS, "")
    if not device and not bus:
        return Rescue(number)
    device = device or DISK
    if device not in _BUSES:
        raise _refused(DEVICE, device, tuple(_BUSES))
    bus = bus or (disk_bus if device == DISK else _BUSES[CDROM][0])
    if bus not in _BUSES[device]:
        raise _refused(BUS, bus, _BUSES[device])
    return Rescue(number, bus, device)


def _refused(name: str, value: str, known: tuple[str, ...]) -> BadInput:
    return BadInput(
        f"A server can't be rescued with {name} = {value}",
        detail=f"It may be: {', '.join(known)}. The machine has PCI Express and neither IDE nor a floppy drive.",
        remedy="Change the property of the rescue image, or take it away: the rescue disk is then the first one.",
        code="rescue-device",
    )
