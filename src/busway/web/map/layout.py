"""Where each device of a host stands in its cabinet, as it is wired: a pure function from devices to boxes and lines.

A cabinet has one box for each NUMA node. In it hang the root ports in rows; below a root port its device, or a switch with
what hangs below that. Functions of one card are one tile, with the further ones (audio, VFs) as small marks in it. Members of an
IOMMU group of several are outlined together. Lengths are in units of the drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from busway.control.devices.listing import DeviceView
from busway.web.map.state import is_gpu, is_nic, is_shown

TILE, TALL, GAP = 80, 77, 8
MARK, MARKS_IN_ROW = 10, 6
PORT, WIRE, LINK, BAR = 14, 8, 14, 16  # LINK is a wire with room for its words
PAD, LABEL = 10, 18
WIDEST = 8 * (TILE + GAP)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with what it stands for: a NUMA node, a root port, a switch, or an IOMMU group."""

    x: int
    y: int
    width: int
    height: int
    label: str


@dataclass(frozen=True, slots=True)
class Wire:
    """A straight line. With the address of a port, it is that port's link, and there is room for its words."""

    x1: int
    y1: int
    x2: int
    y2: int
    host: str = ""
    port: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A further function of a tile's card."""

    x: int
    y: int
    device: DeviceView


@dataclass(frozen=True, slots=True)
class Tile:
    """One card: its first function, and marks of the others."""

    x: int
    y: int
    height: int
    device: DeviceView
    marks: tuple[Mark, ...] = ()
    width: int = TILE


@dataclass
class Cabinet:
    """One host, drawn."""

    width: int = 0
    height: int = 0
    nodes: list[Box] = field(default_factory=list)
    ports: list[Box] = field(default_factory=list)
    switches: list[Box] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    groups: list[Box] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Card:
    """Functions that are one tile, and the bridges above it that are still to be drawn."""

    chain: tuple[str, ...]
    functions: tuple[DeviceView, ...]

    @property
    def height(self) -> int:
        rows = -(-(len(self.functions) - 1) // MARKS_IN_ROW)
        return TALL + rows * (MARK + 2)


@dataclass(frozen=True, slots=True)
class _Branch:
    """A root port or switch with what hangs below; without children it is a card."""

    label: str
    children: tuple[_Branch, ...] = ()
    card: _Card | None = None
    is_switch: bool = False
    port: str = ""

    @property
    def width(self) -> int:
        return sum(child.width for child in self.children) if self.card is None else TILE + GAP

    @property
    def depth(self) -> int:
        """How high it is above its cards."""
        if self.card is not None:
            return PORT + WIRE if self.label else 0
        inner = max(child.depth for child in self.children)
        return inner + (WIRE + BAR if self.is_switch else LINK + PORT)

    @property
    def tall(self) -> int:
        """The height of its tallest card."""
        return self.card.height if self.card is not None else max(child.tall for child in self.children)


def layout(devices: Iterable[DeviceView]) -> Cabinet:
    """Draws the devices of one host."""
    everything = list(devices)
    cabinet = Cabinet(width=PAD * 2 + TILE + GAP, height=PAD)
    cards: dict[int | None, list[_Card]] = {}
    for card in _cards([device for device in everything if is_shown(device)], everything):
        cards.setdefault(card.functions[0].numa_node, []).append(card)
    for number in sorted(cards, key=lambda each: (each is None, each or 0)):
        label = "NUMA ?" if number is None else f"NUMA {number}"
        _draw_node(cabinet, label, _grow([(card.chain, card) for card in cards[number]]))
    for node in cabinet.nodes:
        cabinet.width = max(cabinet.width, node.x + node.width + PAD)
    cabinet.nodes = [Box(n.x, n.y, cabinet.width - 2 * PAD, n.height, n.label) for n in cabinet.nodes]
    _outline(cabinet, everything)
    return cabinet


def _cards(shown: Sequence[DeviceView], everything: Sequence[DeviceView]) -> list[_Card]:
    """Functions of one slot are one card, and VFs are part of their PF's."""
    slots: dict[str, list[DeviceView]] = {}
    members = {device.address: device for device in everything}
    groups = {device.iommu_group for device in shown if device.iommu_group is not None}
    along = [each for each in everything if each.iommu_group in groups and each.class_code[:2] != "06"]
    for device in {each.id: each for each in (*shown, *along) if each.present or each.status}.values():
        of = device.parent if device.parent in members else device.address
        slots.setdefault((of or device.address).rpartition(".")[0], []).append(device)
    found = []
    for functions in slots.values():
        ordered = sorted(functions, key=lambda each: (each.parent is not None, not _matters(each), each.address))
        found.append(_Card(ordered[0].bridges, tuple(ordered)))
    return sorted(found, key=lambda card: card.functions[0].address)


def _matters(device: DeviceView) -> bool:
    return is_gpu(device) or is_nic(device)


def _grow(cards: Sequence[tuple[tuple[str, ...], _Card]], *, below_switch: bool = False) -> tuple[_Branch, ...]:
    """Makes the tree below one place; a chain of bridges that leads to one card alone is its port."""
    groups: dict[str, list[tuple[tuple[str, ...], _Card]]] = {}
    for chain, card in cards:
        key = chain[0] if chain else f"card {card.functions[0].address}"
        groups.setdefault(key, []).append((chain[1:], card))
    found = []
    for address, inside in groups.items():
        label = "" if address.startswith("card ") or below_switch else _slot(address)
        if len(inside) == 1:
            found.append(_Branch(label, card=inside[0][1]))
            continue
        name = address
        while all(chain for chain, _ in inside) and len({chain[0] for chain, _ in inside}) == 1:
            name = inside[0][0][0]
            inside = [(chain[1:], card) for chain, card in inside]
        children = _grow(inside, below_switch=True)
        below = (_Branch(_slot(name), children, is_switch=True),) if label else children
        found.append(_Branch(label, below, port=address))
        if not label:
            found[-1] = _Branch(_slot(name), children, is_switch=True)
    return tuple(found)


def _slot(address: str) -> str:
    """An address without its domain where that is 0000."""
    return address.removeprefix("0000:")


def _draw_node(cabinet: Cabinet, label: str, branches: Sequence[_Branch]) -> None:
    """Adds the box of a NUMA node below what is there, its branches in rows of at most `WIDEST`."""
    top = cabinet.height
    y = top + LABEL
    widest = 0
    for row in _rows(branches):
        base = y + max(branch.depth for branch in row)
        x = PAD * 2
        for branch in row:
            _draw(cabinet, branch, x, base, top_y=base - branch.depth)
            x += branch.width
        widest = max(widest, x - PAD * 2)
        y = base + max(branch.tall for branch in row) + GAP
    cabinet.nodes.append(Box(PAD, top, widest + PAD * 2 - GAP, y - top, label))
    cabinet.height = y + PAD


def _rows(branches: Sequence[_Branch]) -> list[list[_Branch]]:
    rows: list[list[_Branch]] = [[]]
    for branch in branches:
        if rows[-1] and sum(each.width for each in rows[-1]) + branch.width > WIDEST:
            rows.append([])
        rows[-1].append(branch)
    return rows


def _draw(cabinet: Cabinet, branch: _Branch, x: int, base: int, *, top_y: int) -> None:
    """Draws a branch whose cards stand on `base`; it begins at `top_y`."""
    middle = x + (branch.width - GAP) // 2
    if branch.card is not None:
        if branch.label:
            cabinet.ports.append(Box(x, top_y, TILE, PORT, branch.label))
            cabinet.wires.append(Wire(middle, top_y + PORT, middle, base))
        _draw_card(cabinet, branch.card, x, base)
        return
    bar_y = top_y
    if branch.is_switch:
        cabinet.switches.append(Box(x, bar_y, branch.width - GAP, BAR, branch.label))
        bottom = bar_y + BAR
    else:
        cabinet.ports.append(Box(x, top_y, branch.width - GAP, PORT, branch.label))
        bottom = top_y + PORT
    at = x
    for child in branch.children:
        child_middle = at + (child.width - GAP) // 2
        child_top = base - child.depth
        cabinet.wires.append(Wire(child_middle, bottom, child_middle, child_top, _host(child), branch.port))
        _draw(cabinet, child, at, base, top_y=child_top)
        at += child.width


def _host(branch: _Branch) -> str:
    return branch.card.functions[0].host if branch.card is not None else _host(branch.children[0])


def _draw_card(cabinet: Cabinet, card: _Card, x: int, y: int) -> None:
    marks = tuple(
        Mark(x + 5 + (number % MARKS_IN_ROW) * (MARK + 1), y + TALL - 2 + number // MARKS_IN_ROW * (MARK + 2), function)
        for number, function in enumerate(card.functions[1:])
    )
    cabinet.tiles.append(Tile(x, y, card.height, card.functions[0], marks))


def _outline(cabinet: Cabinet, everything: Iterable[DeviceView]) -> None:
    """Outlines each IOMMU group of several devices: neighbours together, others each with the same number."""
    sizes: dict[int, int] = {}
    for device in everything:
        if device.iommu_group is not None and device.present and device.class_code[:2] != "06":
            sizes[device.iommu_group] = sizes.get(device.iommu_group, 0) + 1
    runs: dict[int, list[Box]] = {}
    for tile in cabinet.tiles:
        group = tile.device.iommu_group
        if group is None or sizes.get(group, 0) < 2:
            continue
        known = runs.setdefault(group, [])
        last = known[-1] if known else None
        if last is not None and last.y == tile.y - 3 and last.x + last.width + GAP - 3 == tile.x:
            height = max(last.height, tile.height + 6)
            known[-1] = Box(last.x, last.y, last.width + TILE + GAP, height, last.label)
        else:
            known.append(Box(tile.x - 3, tile.y - 3, TILE + 6, tile.height + 6, f"IOMMU {group}"))
    cabinet.groups = [box for found in runs.values() for box in found]
