"""How fast this machine's time stamp counter runs, which is that of an emulated machine too.

A kernel finds the rate out while it boots, by a timer. In an emulated machine whose QEMU has to wait for a processor meanwhile, it was wrong
by a factor of 53, and so were that machine's clock and all its deadlines. So the kernel is told (`tsc_early_khz`).
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import time
from collections.abc import Callable

_READ = b"\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0\xc3"  # rdtsc; shl rdx, 32; or rax, rdx; ret
_SECONDS = 0.05
_TRIES = 20


def tsc_khz() -> int:
    """Measure the rate of the time stamp counter in kHz, within one in 10,000; 0 on a processor that is not an x86."""
    if platform.machine() != "x86_64":
        return 0
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
        page.write(_READ)
        place = ctypes.c_char.from_buffer(page)
        read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(place))
        first, began = _both(read)
        time.sleep(_SECONDS)
        last, ended = _both(read)
        del read, place  # the page can't be given back before
    return (last - first) * 1_000_000 // (ended - began)


def _both(read: Callable[[], int]) -> tuple[int, int]:
    """The counter and the clock in ns at one moment: of some readings the one that was least interrupted."""
    readings = []
    for _ in range(_TRIES):
        before = time.monotonic_ns()
        counter = read()
        readings.append((time.monotonic_ns() - before, counter, before))
    lasted, counter, before = min(readings)
    return counter, before + lasted // 2
