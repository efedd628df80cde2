"""The card does not fall into a sleep that it may not wake from."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.change import Attribute, ConfigFile
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card, Function

_RULES = "/etc/udev/rules.d/90-busway-power.rules"


def _find(host: Host, card: Card) -> Iterator[Finding]:
    own = [one for one in card.functions if not one.is_vf]  # a VF sleeps with its physical function
    sleepy = [one for one in own if one.power.d3cold_allowed or one.power.control == "auto"]
    if not sleepy:
        return
    evidence, changes, acts = [], [], []
    for name, bad, good in (("d3cold_allowed", "1", "0"), ("power/control", "auto", "on")):
        found = [one for one in sleepy if host.text(sysfs(one.address, name)) == bad]
        evidence += [Evidence(sysfs(one.address, name), bad) for one in found]
        changes += [Attribute(sysfs(one.address, name), good) for one in found]
        acts += [f"echo {good} | tee {sysfs(_braced(found), name)}"] if found else []
    yield CHECK.found(
        f"{', '.join(str(one.address) for one in sleepy)} may be powered off while idle (D3cold)",
        cause='Many GPUs do not wake again under vfio-pci: "Unable to change power state from D3cold to D0".',
        remedy=f"Run `{'; '.join(acts)}`; and the same at each boot in {_RULES}.",
        evidence=tuple(evidence),
        card=card,
        changes=(*changes, ConfigFile(_RULES, tuple(_rule(one.address) for one in sleepy))),
    )


def _braced(functions: list[Function]) -> str:
    """Several addresses of one slot as a shell writes them: 0000:41:00.{0,1}."""
    first, *others = [one.address for one in functions]
    if not others:
        return str(first)
    return f"{first.slot_name}.{{{','.join(f'{one.function:x}' for one in (first, *others))}}}"


def _rule(address: object) -> str:
    match = f'ACTION=="add", SUBSYSTEM=="pci", KERNEL=="{address}"'
    return f'{match}, ATTR{{d3cold_allowed}}="0", ATTR{{power/control}}="on"'


CHECK = Check("d3cold", Stage.RESET, Severity.WARNS, "The card stays awake", card=_find)
