"""Whether this host's QEMU can draw for guests (virgl): distributions package the modules for that apart.

libvirt can't be asked. Its domain capabilities name egl-headless by how QEMU was built, and it knows virtio-vga-gl by a module that may be there
without the one that it needs: such a guest ends at once with "missing object type 'virtio-gpu-gl-device'".
"""

from __future__ import annotations

import math
import platform
import shutil
import subprocess
from collections.abc import Callable

_SECONDS = 120.0  # for one answer of QEMU; it needs less than one unless its host is emulated
_AGAIN_SECONDS = 300.0  # packages come and go while the agent runs
_DISPLAY = "egl-headless"
_OTHERS = "/usr/libexec/qemu-kvm"  # where libvirt looks next

Ask = Callable[[str], str]  # what `qemu OPTION help` prints


class Drawing:
    """Asks QEMU at the first need, and again after some minutes."""

    def __init__(self, ask: Ask, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._due = -math.inf
        self._why = ""

    def why_not(self) -> str:
        """What QEMU lacks, "" for nothing."""
        if self._clock() >= self._due:
            self._why = missing(self._ask)
            self._due = self._clock() + _AGAIN_SECONDS
        return self._why


def missing(ask: Ask, architecture: str = platform.machine()) -> str:
    """What QEMU lacks to draw for guests, "" for nothing."""
    wanted = ("virtio-gpu-gl-device", "virtio-vga-gl" if architecture == "x86_64" else "virtio-gpu-gl-pci")
    try:
        there = {word.strip('",') for word in ask("-device").split()}
        lacks = [name for name in wanted if name not in there]
        if _DISPLAY not in ask("-display").split():
            lacks.append(_DISPLAY)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"QEMU did not say whether it can draw for guests: {error}"
    return f"QEMU has no {', '.join(lacks)}: its OpenGL modules are not installed" if lacks else ""


def ask_qemu(option: str) -> str:
    """What the emulator that libvirt takes prints of an option; raises `OSError` or `TimeoutExpired`."""
    emulator = shutil.which(f"qemu-system-{platform.machine()}") or _OTHERS
    words = [emulator, option, "help"]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False)
    return done.stdout
