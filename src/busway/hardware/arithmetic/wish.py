"""What a guest is wished to be: its memory, the BARs of its devices, its address bits and its firmware."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from busway.hardware.card import Card

MIB, GIB = 1 << 20, 1 << 30
DEFAULT_BITS = 40  # what QEMU gives a guest that is not told otherwise: 1 TiB


class Firmware(StrEnum):
    """The guest's firmware: each has its own rule for the window of 64-bit device memory."""

    SEABIOS = "seabios"
    OVMF = "ovmf"


@dataclass(frozen=True, slots=True)
class DeviceBars:
    """The memory BARs of one card, in bytes: `high` may lie above 4 GiB (64-bit), `low` may not."""

    name: str
    high: tuple[int, ...] = ()
    low: tuple[int, ...] = ()

    @property
    def largest(self) -> int:
        """The largest BAR that may lie above 4 GiB; 0 for none."""
        return max(self.high, default=0)


@dataclass(frozen=True, slots=True)
class GuestWish:
    """A q35 guest whose devices sit behind one PCIe root port each, as libvirt makes it.

    `memory` is in bytes. `cpu_vendor` is the CPUID word of the guest's CPU, which firmware uses to tell whether 40 bits
    are meant. `window_share` is OVMF's: the window is this part of the address space (8 until August 2026, then 4).
    `window_mib` is OVMF's `opt/ovmf/X-PciMmio64Mb`, None for unset. `other_ports` are root ports beside the cards'.
    """

    memory: int
    devices: tuple[DeviceBars, ...]
    address_bits: int = DEFAULT_BITS
    host_bits: int | None = None
    firmware: Firmware = Firmware.SEABIOS
    cpu_vendor: str = "GenuineIntel"
    window_share: int = 8
    window_mib: int | None = None
    other_ports: int = 6


def card_bars(card: Card) -> DeviceBars:
    """The BARs of all functions of a card; a guest gets them behind one port."""
    bars = [bar for function in card.functions for bar in (function.bars.memory if function.bars else ())]
    high = tuple(bar.size for bar in bars if bar.is_64bit)
    return DeviceBars(card.name, high, tuple(bar.size for bar in bars if not bar.is_64bit))
