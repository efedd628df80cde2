"""Whether a card takes vGPUs of one size or of several, read and set by `nvidia-smi`: the driver has no file for it.

The mode is forgotten over a reboot, and when the card's VFs are made again. The driver changes it only on an empty card.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.vgpu import SizeMode
from busway.hardware.child import ask

Run = Callable[[Sequence[str]], str]  # arguments of nvidia-smi, and what it prints
_SECONDS = 60.0
_SHOWN = re.compile(r"^\s*vGPU Heterogeneous Mode\s*:\s*(?P<word>\S+)\s*$", re.MULTILINE)
_MODES = {"Enabled": SizeMode.MIXED, "Disabled": SizeMode.EQUAL}


def run_nvidia_smi(arguments: Sequence[str]) -> str:
    """Runs the vendor's program with a deadline; raises `HostError` with its words."""
    program = shutil.which("nvidia-smi")
    if program is None:
        words = "It comes with the vendor's vGPU manager."
        raise HostError("There is no nvidia-smi on this host", detail=words, remedy="Install it.", code="no-nvidia-smi")
    try:
        return ask([program, *arguments], _SECONDS)
    except OSError as error:
        raise _failed(arguments, str(error)) from error


def read_size_mode(run: Run, card: PciAddress) -> SizeMode | None:
    """The mode of a card; None for one that has none, as in MIG mode or without vGPUs."""
    found = _SHOWN.search(run(["-q", "-i", str(card)]))
    return _MODES.get(found["word"]) if found else None


def set_size_mode(run: Run, card: PciAddress, mode: SizeMode) -> None:
    """Changes the mode and reads back that it has changed; the driver refuses it while the card has a vGPU."""
    run(["vgpu", "-shm", "1" if mode is SizeMode.MIXED else "0", "-i", str(card)])
    now = read_size_mode(run, card)
    if now is not mode:
        raise HostError(
            f"{card} did not go into {mode}-size mode",
            detail=f"nvidia-smi shows {now or 'no mode'}.",
            remedy="Look whether the card takes several sizes: `nvidia-smi -q`, Heterogeneous Time-Slice Sizes.",
            code="vgpu-mode-refused",
        )


def _failed(arguments: Sequence[str], words: str) -> HostError:
    return HostError(
        f"nvidia-smi {' '.join(arguments)} failed",
        detail=words,
        remedy="Run it by hand, and read `dmesg`.",
        code="nvidia-smi-failed",
    )
