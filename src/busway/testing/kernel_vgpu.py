"""How the fake kernel's vGPU driver reacts: types that are written come, and what can still be made changes with them.

It knows no tables of Busway's: a card has the types, sizes and starts that its test gives it. As the real driver it
refuses what its lists do not show, another type over one that is there, and any change under a guest; it forgets types and
mode over a reboot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.holders import read_open_files
from busway.testing.machines import Machine

_HEAD = "ID    : vGPU Name"
Card = dict[str, Any]


def vgpu_card(
    machine: Machine,
    pf: str,
    types: Mapping[int, tuple[str, int]],
    *,
    capacity: int,
    starts: Mapping[int, Sequence[int]] | None = None,
    gpu_instances: Mapping[int, int] | None = None,
) -> None:
    """Makes the VFs of a PF able to become vGPUs; `types` are name and size by number.

    `starts` are where a size may begin in mixed-size mode. With `gpu_instances` the card is in MIG mode: so many of each.
    """
    card = {
        "types": {str(number): list(each) for number, each in types.items()},
        "capacity": capacity,
        "starts": {str(size): list(each) for size, each in (starts or {}).items()},
        "gpu_instances": {str(number): count for number, count in (gpu_instances or {}).items()},
        "mode": "equal",
        "places": {},  # where each VF's vGPU begins
    }
    for vf in _vfs(machine.root, pf):
        for name, text in {
            "current_vgpu_type": "0",
            "placement_id": "",
            "gpu_instance_id": "",
            "vgpu_params": "",
        }.items():
            machine.write(f"sys/bus/pci/devices/{vf}/nvidia/{name}", text)
        (machine.root / f"sys/bus/pci/devices/{vf}/vfio-dev/vfio0").mkdir(parents=True)
    _keep(machine.root, pf, card)


def write_vgpu(root: Path, vf: PciAddress, attribute: str, value: str) -> None:
    """Does what the driver does with a write to a VF's file of its folder `nvidia`."""
    folder = root / "sys/bus/pci/devices" / str(vf)
    pf = (folder / "physfn").resolve().name
    card = _read(root, pf)
    if attribute == "current_vgpu_type":
        _become(root, pf, card, str(vf), value)
    elif attribute == "placement_id":
        _place(root, card, str(vf), value)
    _keep(root, pf, card)


def set_size_mode(root: Path, pf: str, mode: str) -> None:
    """Does what `nvidia-smi vgpu -shm` does; refused while the card has a vGPU."""
    if any(_current(root, vf) for vf in _vfs(root, pf)):
        raise HostError("nvidia-smi failed", detail="In use by another client", code="nvidia-smi-failed")
    _keep(root, pf, _read(root, pf) | {"mode": mode})


def read_size_mode(root: Path, pf: str) -> str:
    """The mode of a card."""
    return str(_read(root, pf)["mode"])


def fake_nvidia_smi(root: Path, arguments: Sequence[str]) -> str:
    """Answers as `nvidia-smi` does of the size modes of cards."""
    pf = arguments[-1]
    if not (root / "fake/vgpu" / pf).exists():
        words = f"No devices were found: {pf}"
        raise HostError("nvidia-smi failed", detail=words, code="nvidia-smi-failed")
    if arguments[:2] == ["vgpu", "-shm"]:
        set_size_mode(root, pf, "mixed" if arguments[2] == "1" else "equal")
        return f"Set vGPU heterogeneous mode for GPU {pf}\n"
    word = "Enabled" if read_size_mode(root, pf) == "mixed" else "Disabled"
    return (
        f"GPU {pf}\n    vGPU Device Capability\n        Heterogeneous Time-Slice Sizes    : Supported\n"
        f"    GPU Virtualization Mode\n        vGPU Heterogeneous Mode           : {word}\n"
    )


def forget_vgpus(root: Path) -> None:
    """Does what a reboot does: no VF is a vGPU, and every card is in equal-size mode."""
    for path in sorted((root / "fake/vgpu").glob("*")):
        for vf in _vfs(root, path.name):
            _write(root, vf, "current_vgpu_type", "0")
            _write(root, vf, "placement_id", "")
        _keep(root, path.name, _read(root, path.name) | {"mode": "equal", "places": {}})


def drop_vgpu(root: Path, address: PciAddress) -> None:
    """A function that falls off its bus is no vGPU any more."""
    folder = root / "sys/bus/pci/devices" / str(address)
    if (folder / "nvidia").is_dir() and _current(root, str(address)):
        pf = (folder / "physfn").resolve().name
        _write(root, str(address), "current_vgpu_type", "0")
        _write(root, str(address), "placement_id", "")
        card = _read(root, pf)
        card["places"].pop(str(address), None)
        _keep(root, pf, card)


def _become(root: Path, pf: str, card: Card, vf: str, value: str) -> None:
    now = _current(root, vf)
    group = (root / "sys/bus/pci/devices" / vf / "iommu_group").resolve().name
    if read_open_files(root).by_path.get(f"/dev/vfio/{group}"):
        raise _refused("Operation not permitted")
    if not value.isdigit():
        raise _refused("Invalid argument")
    if value == "0":
        card["places"].pop(vf, None)
    elif now:
        raise _refused("Operation not permitted")
    elif value not in _creatable(root, pf, card):
        raise _refused("Input/output error")
    elif card["mode"] == "mixed":
        card["places"][vf] = _free_starts(root, card, card["types"][value][1])[0]
    _write(root, vf, "current_vgpu_type", value)
    _write(root, vf, "placement_id", "")


def _place(root: Path, card: Card, vf: str, value: str) -> None:
    number = str(_current(root, vf))
    if number == "0" or not value.isdigit():
        raise _refused("Invalid argument")
    size = card["types"][number][1]
    others = {other: place for other, place in card["places"].items() if other != vf}
    taken = {r for other, p in others.items() for r in range(p, p + card["types"][str(_current(root, other))][1])}
    free = int(value) in card["starts"].get(str(size), []) and not taken & set(range(int(value), int(value) + size))
    if card["mode"] != "mixed" or not free:
        raise _refused("Invalid argument")
    card["places"][vf] = int(value)
    _write(root, vf, "placement_id", value)


def _creatable(root: Path, pf: str, card: Card) -> dict[str, str]:
    """The types that one more VF can become now, by number."""
    every = {number: (str(name), int(size)) for number, (name, size) in card["types"].items()}
    made = [str(now) for vf in _vfs(root, pf) if (now := _current(root, vf))]
    found = {}
    for number, (name, size) in every.items():
        if card["gpu_instances"]:
            fits = made.count(number) < card["gpu_instances"].get(number, 0)
        elif card["mode"] == "mixed":
            fits = bool(_free_starts(root, card, size))
        else:
            fits = {every[each][1] for each in made} <= {size} and (len(made) + 1) * size <= card["capacity"]
        if fits:
            found[number] = name
    return found


def _free_starts(root: Path, card: Card, size: int) -> list[int]:
    taken: set[int] = set()
    for vf, place in card["places"].items():
        taken |= set(range(place, place + card["types"][str(_current(root, vf))][1]))
    return [start for start in card["starts"].get(str(size), []) if not taken & set(range(start, start + size))]


def _keep(root: Path, pf: str, card: Card) -> None:
    path = root / "fake/vgpu" / pf
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(card))
    rows = [_HEAD, *(f"{number:6}: {name}" for number, name in _creatable(root, pf, card).items())]
    for vf in _vfs(root, pf):
        _write(root, vf, "creatable_vgpu_types", "\n".join(rows))


def _read(root: Path, pf: str) -> Card:
    found: Card = json.loads((root / "fake/vgpu" / pf).read_text())
    return found


def _vfs(root: Path, pf: str) -> list[str]:
    folder = root / "sys/bus/pci/devices" / pf
    return sorted(link.resolve().name for link in folder.glob("virtfn*") if (link / "nvidia").is_dir() or link.exists())


def _current(root: Path, vf: str) -> int:
    return int((root / "sys/bus/pci/devices" / vf / "nvidia/current_vgpu_type").read_text())


def _write(root: Path, vf: str, name: str, text: str) -> None:
    (root / "sys/bus/pci/devices" / vf / "nvidia" / name).write_text(f"{text}\n")


def _refused(words: str) -> HostError:
    return HostError("The kernel refused", detail=words, code="kernel-refused")
