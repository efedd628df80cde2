"""The device files of a function: what a program has open that uses it."""

from __future__ import annotations

import re
from pathlib import Path

from busway.hardware.tree import list_names, read_text

_DRM = re.compile(r"(?:card|renderD|controlD)[0-9]+", re.ASCII)
_SOUND = re.compile(r"(?:pcm|control|hw|midi)C[0-9]+.*", re.ASCII)


def read_nodes(root: Path, folder: str, address: str, group: int | None) -> tuple[str, ...]:
    """Lists the device files of the function whose folder this is, as paths below /dev.

    Files that several devices share (/dev/kfd, /dev/nvidiactl, /dev/vfio/vfio) tell nothing of one device and are left
    out. A program that maps BARs itself has a `resourceN` file open; `busway.hardware.holders` sees that too.
    """
    found = [f"/dev/dri/{name}" for name in list_names(f"{folder}/drm") if _DRM.fullmatch(name)]
    found += [f"/dev/vfio/devices/{name}" for name in list_names(f"{folder}/vfio-dev")]
    found += [f"/dev/snd/{node}" for card in list_names(f"{folder}/sound") for node in _sound(f"{folder}/sound/{card}")]
    found += [f"/dev/{name}" for name in list_names(f"{folder}/nvme")]
    found += [f"/dev/nvidia{minor}" for minor in _nvidia_minor(root, address)]
    if group is not None:
        found.append(f"/dev/vfio/{group}")
    return tuple(found)


def _sound(folder: str) -> list[str]:
    return [name for name in list_names(folder) if _SOUND.fullmatch(name)]


def _nvidia_minor(root: Path, address: str) -> list[str]:
    """The number of /dev/nvidiaN, from the driver's own page in /proc."""
    text = read_text(f"{root}/proc/driver/nvidia/gpus/{address}/information")
    return re.findall(r"^Device Minor:\s*([0-9]{1,3})\s*$", text, re.MULTILINE | re.ASCII)
