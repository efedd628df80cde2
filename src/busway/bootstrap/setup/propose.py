"""Examines this machine with the doctor and proposes device specs, aliases and flavors."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from busway.bootstrap.setup.model import Model, model_of
from busway.doctor.examine import examine_host
from busway.doctor.host import Host
from busway.doctor.report import Verdict
from busway.domain.alias import ALIAS_EXTRA_SPEC
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId
from busway.hardware import Card, Function

_RESERVED_MB = 1024
_MOST_DISK_GB = 100
_COUNTS = (1, 2, 4, 8, 16)
_FINEST_MB = 64


@dataclass(frozen=True, slots=True)
class Room:
    """What the machine has for guests: CPUs, memory, and disk where images and disks are kept."""

    vcpus: int
    ram_mb: int
    disk_gb: int


@dataclass(frozen=True, slots=True)
class Kind:
    """Equal cards: one alias `name`, its definition and the device specs that offer them, as in a file, and flavors."""

    name: str
    model: Model
    cards: tuple[str, ...]
    alias: str
    device_specs: tuple[str, ...]
    flavors: tuple[Flavor, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """All kinds that are ready, and the doctor's verdicts about GPU cards that are not."""

    kinds: tuple[Kind, ...]
    left_out: tuple[Verdict, ...]


def propose(root: Path = Path("/"), room: Room | None = None) -> Proposal:
    """Reads the machine under `root`; nothing is changed.

    Cards are proposed that the doctor calls ready, and no others.
    """
    host = Host(root, None)
    report = examine_host(host)
    ready = {verdict.card for verdict in report.verdicts if verdict.is_ready}
    cards = [card for card in host.machine.gpu_cards if card.name in ready]
    groups: dict[tuple[str, str, DeviceKind], list[Card]] = {}
    for card in cards:
        groups.setdefault((card.main.vendor_id, card.main.product_id, card.main.kind), []).append(card)
    share = _share(room or _room(root), max(1, len(cards)))
    every = [function.unnamed for function in host.machine]
    names = _names([group[0].main for group in groups.values()])
    kinds = [_kind(name, group, every, share) for name, group in zip(names, groups.values(), strict=True)]
    return Proposal(tuple(kinds), tuple(verdict for verdict in report.verdicts if not verdict.is_ready))


def _names(mains: Sequence[Function]) -> list[str]:
    """A name for each kind that no other has: the short one, and as much behind it as tells it from the others."""
    longer: list[list[str]] = []
    for main in mains:
        model, kind = model_of(main.device), main.kind.removeprefix("type-").lower()
        form = f"{model.short}-{model.form}" if model.form else model.short
        product = f"{model.short}-{main.product_id}"
        longer.append([model.short, form, f"{form}-{kind}", product, f"{product}-{kind}"])
    names = [choices[0] for choices in longer]
    for level in range(1, len(longer[0]) if longer else 0):
        shared = {name for name, count in Counter(names).items() if count > 1}
        names = [choices[level] if name in shared else name for name, choices in zip(names, longer, strict=True)]
    return names


def _kind(name: str, cards: Sequence[Card], every: Sequence[PciDevice], share: Room) -> Kind:
    main = cards[0].main
    ids = {"vendor_id": main.vendor_id, "product_id": main.product_id}
    alias = {"name": name, **ids, "device_type": str(main.kind)}
    equal = [one for one in every if (one.vendor_id, one.product_id) == (main.vendor_id, main.product_id)]
    if len(equal) == len(cards):
        specs: list[Mapping[str, str]] = [ids]
    else:  # others of the same ids are not ready: only these
        specs = [{"address": str(card.main.address)} for card in cards]
    model = model_of(main.device)
    return Kind(
        name,
        model,
        tuple(card.name for card in cards),
        json.dumps(alias),
        tuple(json.dumps(spec) for spec in specs),
        tuple(_flavor(name, model, count, share) for count in _COUNTS if count <= len(cards)),
    )


def _flavor(name: str, model: Model, count: int, share: Room) -> Flavor:
    title = f"gpu.{name}.{count}"
    return Flavor(
        FlavorId(title),
        title,
        ram_mb=share.ram_mb * count,
        vcpus=share.vcpus * count,
        disk_gb=min(share.disk_gb * count, max(_MOST_DISK_GB, share.disk_gb)),
        description=f"{count} x {model.name}",
        extra_specs={ALIAS_EXTRA_SPEC: f"{name}:{count}", **model.extra_specs(count)},
    )


def _share(room: Room, cards: int) -> Room:
    """One card's part of the machine, with memory in whole GiB where it is more than one."""
    ram_mb = max(_FINEST_MB, room.ram_mb // cards)
    step = 1024 if ram_mb >= 1024 else _FINEST_MB
    return replace(
        room,
        vcpus=max(1, room.vcpus // cards),
        ram_mb=ram_mb // step * step,
        disk_gb=max(1, min(_MOST_DISK_GB, room.disk_gb // cards)),
    )


def _room(root: Path) -> Room:
    """What this machine has, less what it needs itself: a tenth of its memory and at least 1 GiB, a fifth of the free disk."""
    total_mb = 0
    for line in (root / "proc/meminfo").read_text().splitlines() if (root / "proc/meminfo").exists() else ():
        if line.startswith("MemTotal:"):
            total_mb = int(line.split()[1]) // 1024
    free_gb = shutil.disk_usage(root / "var/lib" if (root / "var/lib").is_dir() else root).free * 4 // 5 // 2**30
    reserved = max(_RESERVED_MB, total_mb // 10)
    return Room(os.cpu_count() or 1, max(0, total_mb - reserved), int(free_gb))
