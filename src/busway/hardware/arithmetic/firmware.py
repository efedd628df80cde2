"""Where guest firmware puts the window of 64-bit device memory.

SeaBIOS starts above the memory, aligned to the largest port window, and ends where the addresses end; from 1.16.3 on it
moves up to the end when it trusts the number of address bits. OVMF takes a fixed part at the very end of the addresses
when it trusts their number, and else 32 GiB above the memory. Neither trusts 40 bits unless the CPU is AMD's: QEMU says
40 by default, whatever the host has. (SeaBIOS src/fw/pciinit.c, edk2 OvmfPkg/Library/PlatformInitLib/MemDetect.c)
"""

from __future__ import annotations

from dataclasses import dataclass

from busway.hardware.arithmetic.wish import GIB, MIB, Firmware, GuestWish

_OVMF_MOST_BITS = 46  # OVMF goes no further, for older guest kernels
_OVMF_CLASSIC = 32 * GIB
_SEABIOS_MOST_BITS = 44  # for older guest kernels, while there is less than 1 TiB of memory
_LOW_MEMORY = 2 * GIB  # q35 keeps the rest of the first 4 GiB for devices
_LOW_LIMIT = 0xB0000000  # with less than this all memory stays below


@dataclass(frozen=True, slots=True)
class Window:
    """Guest addresses for 64-bit BARs, from `start` up to but not including `end`."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return max(0, self.end - self.start)


def align(value: int, to: int) -> int:
    """Rounds up to a multiple of `to`, a power of two."""
    return -(-value // to) * to if to else value


def top_of_memory(memory: int) -> int:
    """The address after the last byte of a q35 guest's memory, which has a hole below 4 GiB."""
    return memory if memory < _LOW_LIMIT else 4 * GIB + memory - _LOW_MEMORY


def trusted_bits(wish: GuestWish) -> int | None:
    """The number of address bits that firmware believes in, None when it takes it for QEMU's default."""
    bits = wish.address_bits
    known = {"GenuineIntel": (36, 39), "AuthenticAMD": (40,)}.get(wish.cpu_vendor, ())
    return bits if bits >= 41 or bits in known else None


def window_of(wish: GuestWish, wanted: int, alignment: int) -> Window:
    """The window for port windows of `wanted` bytes in all, of which the largest alignment is `alignment`."""
    if wish.firmware is Firmware.SEABIOS:
        return _seabios(wish, wanted, alignment)
    return _ovmf(wish)


def _seabios(wish: GuestWish, wanted: int, alignment: int) -> Window:
    end = 1 << wish.address_bits
    start = top_of_memory(wish.memory)
    bits = trusted_bits(wish)
    if bits is not None:
        top = 1 << (_SEABIOS_MOST_BITS if bits > _SEABIOS_MOST_BITS and start < 1 << 40 else bits)
        start = max(start, top - align(wanted, GIB))
        end = max(top, min(end, align(start, alignment) + wanted))
    return Window(align(align(start, alignment), GIB), end)


def _ovmf(wish: GuestWish) -> Window:
    size = align((wish.window_mib or 0) * MIB, GIB) or _OVMF_CLASSIC
    natural = 1 << (size.bit_length() - 1)
    start = align(align(top_of_memory(wish.memory), GIB), natural)
    bits = trusted_bits(wish)
    if bits is None:
        return Window(start, min(start + size, 1 << wish.address_bits))
    space = 1 << min(bits, _OVMF_MOST_BITS)
    dynamic = space // wish.window_share
    if size < dynamic and start + dynamic < space:
        return Window(space - dynamic, space)
    return Window(start, min(start + size, space))
