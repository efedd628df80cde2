"""KVM passes over registers that it does not know, which some Windows guests need."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host

_FILE = "/sys/module/kvm/parameters/ignore_msrs"
_DISPLAY = "0300"  # a card with outputs; data-centre GPUs rarely have Windows guests


def _find(host: Host) -> Iterator[Finding]:
    if host.text(_FILE) != "N" or not any(card.main.class_code[:4] == _DISPLAY for card in host.machine.gpu_cards):
        return
    yield CHECK.found(
        "KVM stops a guest that touches an unknown register",
        cause="Some Windows guests and their tools read registers (MSRs) that KVM does not have, and end in a blue screen.",
        remedy=f"Nothing, unless such a guest crashes. Then: `echo 1 > {_FILE}`, and options kvm ignore_msrs=1 in "
        "/etc/modprobe.d/busway-kvm.conf.",
        evidence=(host.evidence(_FILE),),
    )


CHECK = Check("ignore-msrs", Stage.GUEST, Severity.INFORMS, "KVM ignores unknown registers", host=_find)
