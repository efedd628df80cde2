"""Confidential-computing mode was not left on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    output = host.answer("nvidia-cc")
    if card.main.vendor_id != "10de" or card.main.driver != "nvidia" or not re.search(r"(?i)\bCC status: ON", output):
        return
    yield CHECK.found(
        f"{card.name} is in confidential-computing mode",
        cause='Only a confidential guest (TDX, SEV-SNP) can use it then; others get "CPU does not support confidential compute".',
        remedy="Switch it off for ordinary guests: `nvidia_gpu_tools.py --set-cc-mode=off --reset-after-cc-mode-switch`.",
        evidence=(Evidence("/usr/bin/nvidia-smi", "CC status: ON"),),
        card=card,
    )


CHECK = Check("confidential-gpu", Stage.GUEST, Severity.WARNS, "Confidential mode is off", card=_find)
