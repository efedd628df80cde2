"""The signed records of devices that came back: kept until the control plane has taken them.

STATE/handovers/<id>.json   one record each, 0600
STATE/handover.key          the key that signs them, 0600: made at the first need, never leaves the host
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from busway.agent.held import HeldRecord
from busway.agent.record import read_record
from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.handover import Handover, SignedHandover
from busway.hardware.durable import remove_durably, write_durably
from busway.pki.signature import make_signing_key, public_half, sign
from busway.wire.handover import encode_handover


class HandoverRecords:
    """The records in one folder, which is there already."""

    def __init__(self, folder: Path, key: Path) -> None:
        self._folder = folder
        self._path = key
        self._key = ""
        self._public = ""

    @property
    def public_key(self) -> str:
        """What the control plane checks the signatures with, as PEM."""
        self._read_key()
        return self._public

    def write(self, handover: Handover) -> None:
        """Signs and stores a record; it replaces an earlier record of the same hand-over."""
        self._read_key()
        text = encode_handover(handover)
        signed = SignedHandover(text.decode(), sign(self._key, text))
        write_durably(self._folder / f"{handover.id}.json", msgspec.json.encode(signed))

    def has(self, identity: str) -> bool:
        """True while the record of that id waits to be taken."""
        return (self._folder / f"{identity}.json").exists()

    def list(self) -> tuple[SignedHandover, ...]:
        """All records that the control plane does not have yet; a record that can't be read proves nothing and is left out."""
        return tuple(record for _, record in self._read())

    def forget(self, taken: Iterable[SignedHandover]) -> None:
        """Removes records that the control plane has; one that was rewritten meanwhile stays."""
        wanted = set(taken)
        for path, record in self._read():
            if record in wanted:
                remove_durably(path)

    def _read(self) -> Iterator[tuple[Path, SignedHandover]]:
        for path in sorted(self._folder.glob("[!.]*.json")):
            with suppress(HostError):
                record = read_record(path, SignedHandover)
                if record is not None:
                    yield path, record

    def _read_key(self) -> None:
        if self._key:
            return
        if not self._path.exists():
            write_durably(self._path, make_signing_key().encode())
        self._key = self._path.read_text()
        self._public = public_half(self._key)


def begin(record: HeldRecord, address: PciAddress, now: int) -> Handover:
    """A new record of a hand-over, without any results yet."""
    owner = record.held.server_id
    identity = hashlib.sha256(f"{owner} {address} {record.taken}".encode()).hexdigest()[:32]
    return Handover(identity, address, owner, record.taken, now, reset=False, before=record.identity)
