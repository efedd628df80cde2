"""What nvidia-smi says of a card, where the host's driver has it."""

from __future__ import annotations

from dataclasses import dataclass

from busway.doctor.host import Host
from busway.doctor.why.line import slot_of
from busway.hardware import Card


@dataclass(frozen=True, slots=True)
class Smi:
    """One GPU as nvidia-smi lists it."""

    line: str
    driver: str
    is_mig: bool


def smi_of(host: Host, card: Card) -> Smi | None:
    """The GPU of a card; None when nvidia-smi does not list it."""
    for line in host.answer("nvidia-smi").splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) >= 3 and _is_slot(fields[0]) and slot_of(fields[0]) == card.main.address.slot_name:
            return Smi(line.strip(), fields[1], fields[2] == "Enabled")
    return None


def _is_slot(text: str) -> bool:
    parts = text.partition(".")[0].split(":")
    return 2 <= len(parts) <= 3 and all(part and all(c in "0123456789abcdefABCDEF" for c in part) for part in parts)
