"""The records of held devices: one file each, written before a device is taken and removed after it was seen to be back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from busway.agent.record import read_record
from busway.domain.address import PciAddress
from busway.domain.documents import Fault, HeldDevice
from busway.domain.errors import BadInput, HostError
from busway.domain.handover import Identity
from busway.domain.ids import ServerId
from busway.hardware.durable import remove_durably, write_durably
from busway.hardware.handover import Before

_NAME = re.compile(r"[^.].*\.json")


@dataclass(frozen=True, slots=True)
class Held:
    """Whose a device is, where it came from, whether its driver is ours to change, and why it could not be given back."""

    address: PciAddress
    server_id: ServerId
    before: Before
    fault: Fault | None = None
    managed: bool = True
    taken: int = 0  # nanoseconds since the epoch
    identity: Identity | None = None  # what it was when the server got it

    @property
    def device(self) -> HeldDevice:
        """What the plan and the control plane are told of it."""
        return HeldDevice(self.address, self.server_id, self.before.driver, self.fault, self.managed)


class _File(msgspec.Struct):
    server_id: str
    previous_driver: str | None
    fault: Fault | None = None
    managed: bool = True
    previous_override: str = ""
    boot_id: str = ""
    taken: int = 0
    identity: Identity | None = None


class HeldRecords:
    """The records in one folder, which is there already."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> tuple[tuple[Held, ...], dict[PciAddress, HostError]]:
        """Reads all records, in the order of their addresses; those that can't be read come as errors by address."""
        found: list[Held] = []
        unreadable: dict[PciAddress, HostError] = {}
        for path in sorted(self._folder.iterdir()):
            address = _address(path)
            if address is None:
                continue
            try:
                held = self.find(address)
            except HostError as error:
                unreadable[address] = error
            else:
                found += [held] if held else []
        return tuple(sorted(found, key=lambda held: held.address)), unreadable

    def find(self, address: PciAddress) -> Held | None:
        """The record of one device, None when there is none; raises `HostError` for one that can't be read."""
        content = read_record(self._path(address), _File)
        if content is None:
            return None
        before = Before(content.previous_driver, content.previous_override, content.boot_id)
        owner = ServerId(content.server_id)
        return Held(address, owner, before, content.fault, content.managed, content.taken, content.identity)

    def write(self, held: Held) -> None:
        """Remembers that a device is held."""
        before = held.before
        content = _File(
            held.server_id,
            before.driver,
            held.fault,
            held.managed,
            before.override,
            before.boot_id,
            held.taken,
            held.identity,
        )
        write_durably(self._path(held.address), msgspec.json.encode(content))

    def remove(self, address: PciAddress) -> None:
        """Forgets a device that is back."""
        remove_durably(self._path(address))

    def _path(self, address: PciAddress) -> Path:
        return self._folder / f"{address}.json"


def _address(path: Path) -> PciAddress | None:
    """The device that a file is about; None for what is no record, such as one that was not written to its end."""
    if not _NAME.fullmatch(path.name):
        return None
    try:
        return PciAddress(path.name.removesuffix(".json"))
    except BadInput:
        return None
