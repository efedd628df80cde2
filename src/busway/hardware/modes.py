"""In which ways a card can be given to guests here, and why not in the others.

It describes the card and its host as they are now, and ignores who uses the card at the moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from busway.domain.address import PciAddress
from busway.domain.condition import CardMode
from busway.domain.text import some_of
from busway.domain.units import FabricPartition
from busway.hardware.card import Card
from busway.hardware.function import Function
from busway.hardware.machine import Machine
from busway.hardware.render_node import find_render_node
from busway.hardware.verbs.mode import Mode

_NAMED = 3
_FULL = "nothing now (what is on the card leaves no room, or it is in MIG mode without GPU instances)"
_NVSWITCH = "10de", "0680"  # vendor and class


def modes_of(
    machine: Machine,
    card: Card,
    partitions: Iterable[FabricPartition] = (),
    lacking: Callable[[], str] = lambda: "",
) -> tuple[CardMode, ...]:
    """All ways, in the order of the whole card first.

    `partitions` are those of the host's NVLink fabric, and `lacking` tells what its hypervisor lacks to draw for guests.
    """
    frames = {found.function for found in machine.framebuffers or () if found.function is not None}
    return (
        _whole(card, frames),
        _virtual_functions(card),
        _mediated(card),
        _vendor_vgpu(machine, card),
        _partitions(machine, card, partitions),
        _render(machine, card, lacking),
        CardMode(
            "pci-assign",
            serves=False,
            why="Linux has no pci-assign since 4.12: a card is given by VFIO, as a whole card or a VF",
        ),
    )


def _whole(card: Card, frames: Collection[PciAddress]) -> CardMode:
    against = list(_against_whole(card, frames))
    if against:
        return CardMode("whole", serves=False, why="; ".join(against))
    functions = f"{len(card.functions)} functions" if len(card.functions) > 1 else "1 function"
    group = f"{functions}, IOMMU group {card.iommu_group}"
    if card.main.driver == Mode.STUB:
        return CardMode("whole", serves=True, why=f"{group}; it is reserved with pci-stub and is taken over for VFIO")
    return CardMode("whole", serves=True, why=f"{group}; its host driver is {card.main.driver or 'none'}")


def _against_whole(card: Card, frames: Collection[PciAddress]) -> Iterator[str]:
    main = card.main
    if main.is_vf and main.vendor_vgpu is not None:
        yield "it is a vGPU's virtual function, which vfio-pci would make useless"
    if card.iommu_group is None:
        yield "it has no IOMMU group: the host's IOMMU is off"
    strangers = [f for f in card.foreign if not f.keeps_viable]
    if strangers:
        yield f"the host uses other members of its IOMMU group: {_names(strangers)}"
    elif card.foreign:
        yield f"its IOMMU group has members of other cards: {_names(card.foreign)}"
    if any(function.address in frames for function in card.functions):
        yield "the host's console is in its memory (boot framebuffer)"
    enabled = [(f, f.sriov.enabled) for f in card.functions if f.sriov is not None and f.sriov.enabled]
    for function, count in enabled:
        yield f"{function.address} has {count} virtual functions, which would go with it"
    made = sum(len(kind.instances) for function in card.functions for kind in function.mdev_types)
    if made:
        yield f"{made} mediated devices are made of it"


def _virtual_functions(card: Card) -> CardMode:
    name = "virtual functions"
    main = card.main
    if main.is_vf:
        return CardMode(name, serves=False, why=f"it is one itself, of {main.parent}")
    found = [(function, sriov) for function in card.functions if (sriov := function.sriov) is not None]
    if not found:
        return CardMode(name, serves=False, why="it shows no SR-IOV: it has none, or the firmware has it switched off")
    function, sriov = found[0]
    if sriov.enabled:
        return CardMode(name, serves=True, why=f"{sriov.enabled} of {sriov.total} are enabled")
    if function.driver is None or function.is_on_vfio or function.driver == Mode.STUB:
        words = f"its driver makes them, and it is on {function.driver or 'none'}"
        return CardMode(name, serves=False, why=f"{words}; there can be {sriov.total}")
    words = f"there can be {sriov.total}; declare them: busway agent --vfs {function.address}=COUNT"
    return CardMode(name, serves=True, why=words)


def _mediated(card: Card) -> CardMode:
    name = "mediated devices"
    types = [kind for function in card.functions for kind in function.mdev_types]
    if not types:
        return CardMode(name, serves=False, why=f"its driver ({card.main.driver or 'none'}) offers no types of them")
    left = ", ".join(f"{kind.id} {'?' if kind.available is None else kind.available} left" for kind in types)
    return CardMode(name, serves=any(kind.available or kind.instances for kind in types), why=left)


def _vendor_vgpu(machine: Machine, card: Card) -> CardMode:
    """The vendor's own way of Linux 6.8 and later: a VF stays on its driver and becomes a vGPU."""
    name = "vendor vGPU"
    vfs = [vf for function in card.functions if function.sriov for vf in function.sriov.vfs]
    functions = [*card.functions, *filter(None, map(machine.find, vfs))]
    known = {kind.name for function in functions if (vgpu := function.vendor_vgpu) for kind in vgpu.creatable}
    found = [vgpu for function in functions if (vgpu := function.vendor_vgpu) is not None]
    if not found:
        return CardMode(name, serves=False, why="no function of it has the vendor's vGPU files")
    made = sum(bool(vgpu.current) for vgpu in found)
    unclear = next((vgpu.unclear for vgpu in found if vgpu.unclear), "")
    words = (
        f"its VFs can become {', '.join(sorted(known)[:_NAMED]) or unclear or _FULL}; {made} of {len(found)} are vGPUs"
    )
    return CardMode(name, serves=bool(known or made), why=words)


def _partitions(machine: Machine, card: Card, partitions: Iterable[FabricPartition]) -> CardMode:
    """A whole card that the host's NVSwitches join with others for one guest."""
    name = "NVLink partition"
    sizes = sorted({len(each.gpus) for each in partitions if str(card.main.address) in each.gpus})
    if sizes:
        return CardMode(name, serves=True, why=f"it is in partitions of {', '.join(map(str, sizes))} GPUs")
    switches = sum((one.vendor_id, one.class_code[:4]) == _NVSWITCH for one in machine)
    if not switches:
        return CardMode(name, serves=False, why="the host shows no NVSwitch")
    words = f"the host has {switches} NVSwitches, but no partition with it is known; declare them: busway agent --fabric-manager fmpm"
    return CardMode(name, serves=False, why=words)


def _render(machine: Machine, card: Card, lacking: Callable[[], str]) -> CardMode:
    """API remoting: guests' virtio GPUs are drawn through the card's render node, while it stays on its own driver."""
    name = "render shares"
    node = find_render_node(machine.root, f"pci-{card.main.address}")
    if node is None:
        return CardMode(name, serves=False, why=f"its driver ({card.main.driver or 'none'}) has no render node")
    if why := lacking():
        return CardMode(name, serves=False, why=f"its render node is {node.device}, but {why}")
    words = f"its render node is {node.device}; declare it: busway agent --render-node {card.main.address}=SHARES"
    return CardMode(name, serves=True, why=words)


def _names(functions: Collection[Function]) -> str:
    return some_of((f"{one.address} {one.description} ({one.driver or 'no driver'})" for one in functions), _NAMED)
