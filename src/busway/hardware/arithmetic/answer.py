"""The answer to a wish: which devices the guest will see, what it takes, and each change that would help."""

from __future__ import annotations

from dataclasses import dataclass, replace

from busway.hardware.arithmetic.firmware import Window, align, window_of
from busway.hardware.arithmetic.placing import Placed, place, port_size, wanted
from busway.hardware.arithmetic.wish import GIB, MIB, Firmware, GuestWish

_MOST_BITS = 52
_LOW_WINDOW = 960 * MIB  # between the memory below 4 GiB and the firmware of a q35 guest
_PORTS = 240  # buses that root ports can have beside the machine's own
_PINNED_OVERHEAD = GIB  # what libvirt adds to the memory for VFIO
_BIGGEST_BARS = 1 << 50  # an OVMF window that nobody has; ends the search


@dataclass(frozen=True, slots=True)
class Fix:
    """One change after which every device is seen; `code` is its name, `words` the act, `value` its number.

    Codes: `address-bits`, `window` (MiB, OVMF), `firmware-share` (OVMF), `memory` (bytes at most), `devices` (at most).
    """

    code: str
    words: str
    value: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What will happen: numbers in bytes. `seen` counts devices; `unseen` names the others.

    `needed_bits` is the smallest number of address bits with which all are seen, None when no number helps.
    `locked_memory` is what the QEMU process must be allowed to pin.
    """

    wish: GuestWish
    window: Window
    placed: tuple[Placed, ...]
    seen: int
    unseen: tuple[str, ...]
    needed_bits: int | None
    low_memory: int
    root_ports: int
    locked_memory: int
    fixes: tuple[Fix, ...]

    @property
    def is_good(self) -> bool:
        """True when the guest sees every device."""
        return not self.unseen


def judge(wish: GuestWish) -> Answer:
    """Says whether the guest will see every device, and what helps if not."""
    window, placed = _lay_out(wish)
    unseen = _unseen(wish, placed)
    bits = _needed_bits(wish)
    return Answer(
        wish=wish,
        window=window,
        placed=placed,
        seen=len(wish.devices) - len(unseen),
        unseen=unseen,
        needed_bits=bits,
        low_memory=_low(wish),
        root_ports=len(wish.devices) + wish.other_ports,
        locked_memory=wish.memory + (_PINNED_OVERHEAD if wish.devices else 0),
        fixes=_fixes(wish, len(wish.devices) - len(unseen), bits) if unseen else (),
    )


def _lay_out(wish: GuestWish) -> tuple[Window, tuple[Placed, ...]]:
    largest = max((device.largest for device in wish.devices), default=0)
    window = window_of(wish, wanted(wish.devices, wish.firmware), largest)
    return window, place(wish.devices, window, wish.firmware)


def _unseen(wish: GuestWish, placed: tuple[Placed, ...]) -> tuple[str, ...]:
    """Devices without room above 4 GiB, and those after the room below it or the ports have run out."""
    found = [one.device.name for one in placed if not one.fits]
    room = _LOW_WINDOW
    for number, device in enumerate(wish.devices):
        room -= sum(align(size, MIB) for size in device.low)
        if (room < 0 or number + wish.other_ports >= _PORTS) and device.name not in found:
            found.append(device.name)
    return tuple(found)


def _is_good(wish: GuestWish) -> bool:
    return not _unseen(wish, _lay_out(wish)[1])


def _low(wish: GuestWish) -> int:
    return sum(align(size, MIB) for device in wish.devices for size in device.low)


def _needed_bits(wish: GuestWish) -> int | None:
    return next((bits for bits in range(36, _MOST_BITS + 1) if _is_good(replace(wish, address_bits=bits))), None)


def _fixes(wish: GuestWish, seen: int, bits: int | None) -> tuple[Fix, ...]:
    found = [_bits_fix(wish, bits)] if bits is not None and bits > wish.address_bits else []
    if wish.firmware is Firmware.OVMF:
        found += [*_window_fix(wish), *_share_fix(wish)]
    if memory := _most_memory(wish):
        words = f"Give the guest at most {memory // GIB} GiB of memory: what is above it pushes the devices out."
        found.append(Fix("memory", words, memory))
    if seen:
        found.append(Fix("devices", f"Give the guest {seen} of the {len(wish.devices)} devices.", seen))
    return tuple(found)


def _bits_fix(wish: GuestWish, bits: int) -> Fix:
    words = (
        f"Give the guest the host's address bits (<maxphysaddr mode='passthrough'/> in its <cpu>, Nova's "
        f"hw:maxphysaddr_mode=passthrough): {bits} are needed, it has {wish.address_bits}."
    )
    if wish.host_bits is not None:
        words += f" This host has {wish.host_bits}" + ("." if wish.host_bits >= bits else ", which is not enough.")
    return Fix("address-bits", words, bits)


def _window_fix(wish: GuestWish) -> list[Fix]:
    """The smallest OVMF window of whole powers of two that helps with the address bits as they are."""
    size = max((port_size(device, wish.firmware) for device in wish.devices), default=GIB)
    mib = 1 << (max(size, GIB) // MIB - 1).bit_length()
    while mib * MIB < _BIGGEST_BARS:
        if _is_good(replace(wish, window_mib=mib)):
            words = f"Tell OVMF the size of its window: -fw_cfg name=opt/ovmf/X-PciMmio64Mb,string={mib}"
            return [Fix("window", words, mib)]
        mib *= 2
    return []


def _share_fix(wish: GuestWish) -> list[Fix]:
    if wish.window_share <= 4 or not _is_good(replace(wish, window_share=4)):
        return []
    return [
        Fix("firmware-share", "Use an OVMF from after August 2026: its window is 1/4 of the addresses, not 1/8.", 4)
    ]


def _most_memory(wish: GuestWish) -> int:
    """The most memory, in whole GiB, with which all devices are seen; 0 when none is little enough."""
    low, high = 0, wish.memory // GIB
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _is_good(replace(wish, memory=middle * GIB)) else (low, middle - 1)
    return low * GIB
