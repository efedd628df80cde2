"""MIG mode was not left on by the last user of a card that goes to a guest whole."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.smi import smi_of
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    smi_state = smi_of(host, card)
    if smi_state is None or not smi_state.is_mig or card.main.is_vf or (card.main.sriov and card.main.sriov.enabled):
        return
    yield CHECK.found(
        f"{card.name} is in MIG mode",
        cause="The mode outlives a reset. A guest that gets the card whole finds no GPU until it creates instances: "
        '"all CUDA-capable devices are busy or unavailable".',
        remedy=f"`nvidia-smi -i {card.main.address} -mig 0` while nothing uses it, unless the guest wants MIG.",
        evidence=(Evidence("/usr/bin/nvidia-smi", smi_state.line),),
        card=card,
    )


CHECK = Check("mig-left-on", Stage.GUEST, Severity.WARNS, "MIG mode is off", card=_find)
