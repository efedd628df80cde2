"""The records of held units: one file each, written before a unit is taken and removed after it was seen to be back."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from busway.agent.record import read_record, unreadable
from busway.domain.address import PciAddress
from busway.domain.errors import BadInput, HostError
from busway.domain.grant import Fault, Held
from busway.domain.handover import Identity
from busway.domain.ids import UnitName
from busway.domain.units import FabricPartition, Mdev, RenderShare, Unit, WholeFunction
from busway.domain.units.fabric import read_partition
from busway.domain.units.render import read_share
from busway.hardware.durable import remove_durably, write_durably
from busway.hardware.handover import Before
from busway.wire.units import read_held, write_held

_NAME = re.compile(r"[^.].*\.json")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """The reported part of a held unit, and its previous state in full, which only its host needs to know."""

    held: Held
    before: Before
    taken: int = 0  # nanoseconds since the epoch
    identity: Identity | None = None  # what it was when the server got it

    def with_fault(self, fault: Fault) -> HeldRecord:
        """Returns the record with the reason why the device could not be given back."""
        return replace(self, held=replace(self.held, fault=fault))


class _Before(msgspec.Struct):
    previous_driver: str | None = None
    previous_override: str = ""
    boot_id: str = ""
    taken: int = 0
    identity: Identity | None = None


class HeldRecords:
    """The records in one folder, which is there already."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> tuple[tuple[HeldRecord, ...], dict[UnitName, HostError]]:
        """Reads all records, in the order of their names; those that can't be read come as errors by the unit's name."""
        found: list[HeldRecord] = []
        errors: dict[UnitName, HostError] = {}
        for path in sorted(self._folder.iterdir()):
            if not _NAME.fullmatch(path.name):  # not written to its end
                continue
            name = UnitName(path.name.removesuffix(".json"))
            try:
                record = self.find(name)
            except HostError as error:
                errors[name] = error
            else:
                found += [record] if record else []
        return tuple(sorted(found, key=lambda record: record.held.unit.name)), errors

    def find(self, name: UnitName) -> HeldRecord | None:
        """The record of one unit, None when there is none; raises `HostError` for one that can't be read."""
        path = self._path(name)
        content = read_record(path, dict[str, Any])
        if content is None:
            return None
        try:
            held = read_held({"address": name, **content})  # older ones have it by their name
            before = msgspec.convert(content, _Before)
        except msgspec.ValidationError as error:
            raise unreadable(path, error) from error
        came_from = Before(before.previous_driver, before.previous_override, before.boot_id)
        return HeldRecord(held, came_from, before.taken, before.identity)

    def write(self, record: HeldRecord) -> None:
        """Remembers that a unit is held."""
        before = record.before
        content = write_held(record.held) | {"previous_override": before.override, "boot_id": before.boot_id}
        content |= {"taken": record.taken, "identity": record.identity}
        write_durably(self._path(record.held.unit.name), msgspec.json.encode(content))

    def remove(self, name: UnitName) -> None:
        """Forgets a unit that is back."""
        remove_durably(self._path(name))

    def _path(self, name: UnitName) -> Path:
        return self._folder / f"{name}.json"


def unit_called(name: UnitName) -> Unit | None:
    """The unit that a record's name stands for, when nothing else of the record can be read."""
    try:
        return WholeFunction(PciAddress(name))
    except BadInput:
        number = read_partition(name)
        if number is not None:
            return FabricPartition(number)
        share = read_share(name)
        if share is not None:
            return RenderShare("", share)
        return Mdev("", "", name) if _UUID.fullmatch(name) else None
