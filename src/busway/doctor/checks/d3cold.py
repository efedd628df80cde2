"""The card does not fall into a sleep that it may not wake from."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.change import Attribute, ConfigFile
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card

_RULES = "/etc/udev/rules.d/90-busway-power.rules"


def _find(host: Host, card: Card) -> Iterator[Finding]:
    sleepy = [one for one in card.functions if one.power.d3cold_allowed or one.power.control == "auto"]
    if not sleepy:
        return
    evidence, changes = [], []
    for function in sleepy:
        for name, bad, good in (("d3cold_allowed", "1", "0"), ("power/control", "auto", "on")):
            file = sysfs(function.address, name)
            if host.text(file) == bad:
                evidence.append(Evidence(file, bad))
                changes.append(Attribute(file, good))
    acts = "; ".join(f"echo {change.value} > {change.path}" for change in changes)
    yield CHECK.found(
        f"{', '.join(str(one.address) for one in sleepy)} may be powered off while idle (D3cold)",
        cause='Many GPUs do not wake again under vfio-pci: "Unable to change power state from D3cold to D0".',
        remedy=f"{acts}; and the same at each boot in {_RULES}.",
        evidence=tuple(evidence),
        card=card,
        changes=(*changes, ConfigFile(_RULES, tuple(_rule(one.address) for one in sleepy))),
    )


def _rule(address: object) -> str:
    match = f'ACTION=="add", SUBSYSTEM=="pci", KERNEL=="{address}"'
    return f'{match}, ATTR{{d3cold_allowed}}="0", ATTR{{power/control}}="on"'


CHECK = Check("d3cold", Stage.RESET, Severity.WARNS, "The card stays awake", card=_find)
