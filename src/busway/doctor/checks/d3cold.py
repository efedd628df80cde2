"""The card does not fall into a sleep that it may not wake from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.change import Attribute, ConfigFile
from busway.doctor.check import Check
from busway.doctor.checks.vendor_reset import reset_bug_family
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card, Function

_RULES = "/etc/udev/rules.d/90-busway-power.rules"


def _find(host: Host, card: Card) -> Iterator[Finding]:
    own = [one for one in card.functions if not one.is_vf]  # a VF sleeps with its physical function
    risky = [one for one in own if one.power.d3cold_allowed or one.power.control == "auto"]
    if not risky or _stays_awake(host):
        return
    evidence, changes, acts = [], [], []
    for name, bad, good in (("d3cold_allowed", "1", "0"), ("power/control", "auto", "on")):
        found = [one for one in risky if host.text(sysfs(one.address, name)) == bad]
        evidence += [Evidence(sysfs(one.address, name), bad) for one in found]
        changes += [Attribute(sysfs(one.address, name), good) for one in found]
        acts += [f"echo {good} | tee {sysfs(_braced(found), name)}"] if found else []
    yield CHECK.found(
        f"{', '.join(str(one.address) for one in risky)} may be powered off while idle (D3cold)",
        cause='Some GPUs do not wake again under vfio-pci: "Unable to change power state from D3cold to D0". This is the '
        "kernel's default and does most cards no harm.",
        remedy=f"Run `{'; '.join(acts)}`; and the same at each boot in {_RULES}.",
        evidence=tuple(evidence),
        card=card,
        severity=Severity.WARNS if _has_trouble(host, card) else None,
        changes=(*changes, ConfigFile(_RULES, tuple(_rule(one.address) for one in risky))),
    )


def _stays_awake(host: Host) -> bool:
    """True if vfio-pci is configured to keep idle devices awake."""
    if host.text("/sys/module/vfio_pci/parameters/disable_idle_d3") == "Y":
        return True
    pattern = re.compile(r"options\s+vfio[-_]pci\s.*\bdisable_idle_d3=(1|y|Y)")
    words = {"vfio_pci.disable_idle_d3=1", "vfio-pci.disable_idle_d3=1"} & set(host.arguments)
    return bool(words) or any(pattern.match(line.text) for line in host.modprobe_lines())


def _has_trouble(host: Host, card: Card) -> bool:
    """True when the card is of a family with a known fault of reset or power, or the kernel's log reports one."""
    codes = {"d3cold-stuck", "reset-gave-up", "dead-header", "stuck-in-d3", "bar-restore"}
    symptoms = [story.root.symptom.name for story in host.stories if story.root.slot == card.main.address.slot_name]
    return bool(codes & set(symptoms)) or reset_bug_family(card) != ""


def _braced(functions: list[Function]) -> str:
    """Several addresses of one slot as a shell writes them: 0000:41:00.{0,1}."""
    first, *others = [one.address for one in functions]
    if not others:
        return str(first)
    return f"{first.slot_name}.{{{','.join(f'{one.function:x}' for one in (first, *others))}}}"


def _rule(address: object) -> str:
    match = f'ACTION=="add", SUBSYSTEM=="pci", KERNEL=="{address}"'
    return f'{match}, ATTR{{d3cold_allowed}}="0", ATTR{{power/control}}="on"'


CHECK = Check("d3cold", Stage.RESET, Severity.INFORMS, "The card stays awake", card=_find)
