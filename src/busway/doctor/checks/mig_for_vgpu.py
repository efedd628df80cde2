"""A vGPU type with a MIG slice has MIG mode on, and another has it off."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.smi import smi_of
from busway.hardware import Card

_SLICED = re.compile(r"-\d+-\d+[A-Z]")  # H100-1-10C has one slice, H100-10C none


def _find(host: Host, card: Card) -> Iterator[Finding]:
    vgpu = card.main.vendor_vgpu if card.main.is_vf else None
    parent = host.machine.find(card.main.parent) if card.main.parent else None
    whole = host.machine.card(parent.address) if parent else None
    smi_state = smi_of(host, whole) if whole else None
    names = [one.name for one in vgpu.creatable if one.id == vgpu.current] if vgpu else []
    if smi_state is None or not names or bool(_SLICED.search(names[0])) == smi_state.is_mig:
        return
    yield CHECK.found(
        f"{card.name} is a {names[0]}, and MIG mode of its GPU is {'on' if smi_state.is_mig else 'off'}",
        cause="A vGPU with a MIG slice needs MIG mode and an instance; one without needs the mode off. It will not start.",
        remedy=f"`nvidia-smi -i {whole.main.address if whole else ''} -mig {0 if smi_state.is_mig else 1}`, or choose another type.",
        evidence=(Evidence("/usr/bin/nvidia-smi", smi_state.line),),
        card=card,
        after=f"switching MIG mode {'off' if smi_state.is_mig else 'on'}",
    )


CHECK = Check("mig-for-vgpu", Stage.GUEST, Severity.BLOCKS, "MIG mode matches the vGPU type", card=_find)
