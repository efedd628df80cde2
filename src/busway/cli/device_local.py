"""Devices of this machine for people and programs: its cards and its topology; needs no control plane."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import print_json, print_table
from busway.cli.width import wrapped
from busway.domain.text import some_of

if TYPE_CHECKING:
    from busway.hardware.card import Card
    from busway.hardware.function import Function
    from busway.hardware.holders import OpenFiles
    from busway.hardware.machine import Machine
    from busway.hardware.topology import Branch

_NAMED = 3  # members of a group that are named
_STORAGE, _OTHER_BRIDGE = "0108", "0680"  # NVMe; NVSwitches among others


def list_cards(tree: Path, everything: bool, as_json: bool) -> None:
    """Prints the cards with a GPU, or all cards; `tree` is a folder or a snapshot."""
    from busway.hardware.machine import Machine
    from busway.hardware.snapshot import open_tree

    with open_tree(tree) as root:
        machine = Machine.read(root)
        files, framebuffers = machine.open_files, machine.framebuffers
        blocked = {found.function for found in framebuffers or ()}
        cards = machine.cards if everything else machine.gpu_cards
        if as_json:
            print_json([_card(card, files, framebuffers is not None, blocked) for card in cards])
            return
        for line in _blocks([_row(card, files, blocked) for card in cards]):
            click.echo(line)
        if not cards:
            click.echo("This machine has no GPU that PCI shows. All cards: --all.")
        if files.hidden and cards:
            click.echo(
                f"The open files of {files.hidden} processes can't be read: run as root to see who holds a card."
            )


def show_topology(tree: Path, everything: bool, as_json: bool) -> None:
    """Prints the tree down to GPUs, NICs, NVMe drives and NVSwitches, and the distances between GPUs and NICs."""
    from busway.hardware.machine import Machine
    from busway.hardware.snapshot import open_tree

    with open_tree(tree) as root:
        machine = Machine.read(root)
        ends = [f for f in machine if (f.is_gpu or f.is_nic) and (everything or not f.is_vf)]
        distances = [[str(machine.topology.distance(a.address, b.address)) for b in ends] for a in ends]
        names = [str(function.address) for function in ends]
        if as_json:
            matrix = {name: dict(zip(names, row, strict=True)) for name, row in zip(names, distances, strict=True)}
            print_json({"sockets": _sockets(machine, everything), "distances": matrix})
            return
        for line in _lines(machine, everything):
            click.echo(line)
        if len(ends) > 1:
            click.echo()
            rows = [(name, _short(f), *row) for name, f, row in zip(names, ends, distances, strict=True)]
            print_table(("", "", *(name.removeprefix("0000:") for name in names)), rows, "")
            click.echo(
                "PIX one switch, PXB several bridges, PHB one host bridge, NODE one NUMA node, SYS between nodes"
            )


@dataclass(frozen=True, slots=True)
class _Row:
    """A card as it is listed: its name and group, what it is, and all else, in which cards may be equal."""

    name: str
    group: int | None
    description: str
    rest: str


def _row(card: Card, files: OpenFiles, blocked: Iterable[object]) -> _Row:
    main = card.main
    functions = " ".join(f".{function.address.function:x}" for function in card.functions)
    drivers = ", ".join(dict.fromkeys(function.driver or "none" for function in card.functions))
    holders = ", ".join(str(holder) for holder in files.holders(card.functions))
    node = "unknown" if card.numa_node is None else card.numa_node
    vgpu = main.vendor_vgpu
    current = next((one.name for one in vgpu.creatable if one.id == vgpu.current), "") if vgpu and vgpu.current else ""
    parts = [
        "" if main.is_vf else f"functions {functions}",
        f"NUMA node {node}",
        f"driver {drivers}",
        f"vGPU type {current or vgpu.current or 'not set'}" if vgpu else "",
        f"held by {holders or 'unknown (needs root)'}" if holders or files.hidden else "",
        *_remarks(card, blocked),
    ]
    return _Row(card.name, card.iommu_group, main.description, "; ".join(filter(None, parts)))


def _blocks(rows: Iterable[_Row]) -> Iterator[str]:
    """Two lines or more for each card, 100 columns wide at most; equal cards are one block with their number."""
    alike: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        alike.setdefault((row.description, row.rest), []).append(row)
    for (description, rest), cards in alike.items():
        first, last, count = cards[0], cards[-1], len(cards)
        name = first.name if count == 1 else f"{first.name} to {last.name} ({count} cards)"
        groups = sorted(card.group for card in cards if card.group is not None)
        group = f"group {groups[0]}" + (f" to {groups[-1]}" if len(set(groups)) > 1 else "") if groups else ""
        yield wrapped(f"{name}  ", description)
        yield wrapped("    ", "; ".join(filter(None, [group, rest])))


def _remarks(card: Card, blocked: Iterable[object]) -> Iterator[str]:
    if card.iommu_group is None:
        yield "no IOMMU group"
    if card.foreign:
        yield f"group shared with {_few(card.foreign)}"
    if card.unusual:
        yield f"its slot has {_few(card.unusual)}"
    if any(function.address in blocked for function in card.functions):
        yield "boot framebuffer"


def _few(functions: tuple[Function, ...]) -> str:
    """The first of them by name, and how many there are more."""
    return some_of((f"{one.address} {one.description}" for one in functions), _NAMED)


def _card(card: Card, files: OpenFiles, iomem: bool, blocked: Iterable[object]) -> dict[str, Any]:
    functions = card.functions
    return {
        "card": card.name,
        "description": card.main.description,
        "iommu_group": card.iommu_group,
        "numa_node": card.numa_node,
        "functions": [_function(function) for function in functions],
        "bridges_in_group": [str(f.address) for f in card.harmless],
        "foreign_in_group": [_brief(f) for f in card.foreign],
        "unusual_in_slot": [_brief(f) for f in card.unusual],
        "holders": [{"pid": holder.pid, "name": holder.name} for holder in files.holders(functions)],
        "holders_complete": not files.hidden,
        "boot_framebuffer": any(f.address in blocked for f in functions) if iomem else None,
    }


def _brief(function: Function) -> dict[str, Any]:
    return {"address": str(function.address), "description": function.description, "driver": function.driver}


def _function(function: Function) -> dict[str, Any]:
    bars, link, power = function.bars, function.link, function.power
    sriov, vgpu = function.sriov, function.vendor_vgpu
    return {
        **_brief(function),
        "vendor_id": function.vendor_id,
        "product_id": function.product_id,
        "class_code": function.class_code,
        "subsystem": f"{function.subsystem_vendor_id}:{function.subsystem_id}",
        "subsystem_name": function.names.subsystem,
        "kind": function.kind,
        "parent": str(function.parent) if function.parent else None,
        "bars": [
            {"index": b.index, "size": b.size, "start": b.start, "64bit": b.is_64bit, "sizes": list(b.resizable_sizes)}
            for b in (bars.own if bars else ())
        ],
        "link": {"speed": link.speed, "width": link.width, "max_speed": link.max_speed, "max_width": link.max_width},
        "reset_methods": function.reset_methods,
        "d3cold_allowed": power.d3cold_allowed,
        "power_control": power.control,
        "boot_vga": function.boot_vga,
        "rom": function.rom.size if function.rom else None,
        "sriov": {"total": sriov.total, "enabled": sriov.enabled} if sriov else None,
        "mdev_types": [{"id": t.id, "name": t.name, "available": t.available} for t in function.mdev_types],
        "vgpu_type": vgpu.current if vgpu else None,
        "vgpu_types": [{"id": t.id, "name": t.name} for t in (vgpu.creatable if vgpu else ())],
    }


def _lines(machine: Machine, everything: bool) -> Iterator[str]:
    for socket in machine.topology.sockets:
        yield f"socket {_or_unknown(socket.number)}"
        for node in socket.nodes:
            yield f"  NUMA node {_or_unknown(node.number)}" + (f", CPUs {_ranges(node.cpus)}" if node.cpus else "")
            for bridge in node.host_bridges:
                shown = [line for child in bridge.children for line in _branch_lines(child, 3, everything)]
                if shown:
                    yield f"    {bridge.name or 'place unknown'}"
                    yield from shown


def _branch_lines(branch: Branch, depth: int, everything: bool) -> Iterator[str]:
    if everything or _leads_somewhere(branch):
        function = branch.function
        yield f"{'  ' * depth}{branch.address} {function.description if function else 'unknown bridge'}"
        for child in branch.children:
            yield from _branch_lines(child, depth + 1, everything)


def _leads_somewhere(branch: Branch) -> bool:
    return any(below.function is not None and _is_shown(below.function) for _, below in branch.walk())


def _is_shown(function: Function) -> bool:
    kind = function.class_code[:4]
    return not function.is_vf and (function.is_gpu or function.is_nic or kind in (_STORAGE, _OTHER_BRIDGE))


def _sockets(machine: Machine, everything: bool) -> list[dict[str, Any]]:
    return [
        {
            "socket": socket.number,
            "numa_nodes": [
                {
                    "node": node.number,
                    "cpus": _ranges(node.cpus),
                    "host_bridges": [
                        {"name": bridge.name, "children": [b for c in bridge.children for b in _branch(c, everything)]}
                        for bridge in node.host_bridges
                    ],
                }
                for node in socket.nodes
            ],
        }
        for socket in machine.topology.sockets
    ]


def _branch(branch: Branch, everything: bool) -> Iterator[dict[str, Any]]:
    if everything or _leads_somewhere(branch):
        function = branch.function
        yield {
            "address": str(branch.address),
            "description": function.description if function else None,
            "children": [below for child in branch.children for below in _branch(child, everything)],
        }


def _short(function: Function) -> str:
    return "GPU" if function.is_gpu else " ".join(("NIC", *function.interfaces))


def _or_unknown(number: int | None) -> str:
    return "unknown" if number is None else str(number)


def _ranges(numbers: Iterable[int]) -> str:
    """Writes numbers as the kernel does: 0-5,12-17."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
