"""How many PCIe errors the kernel has counted at a function since the machine started (Advanced Error Reporting)."""

from __future__ import annotations

import re

from busway.hardware.tree import find_text

SEVERITIES = ("correctable", "nonfatal", "fatal")
_TOTAL = re.compile(r"^TOTAL_ERR_\w+ ([0-9]{1,18})$", re.MULTILINE)


def read_aer(folder: str) -> dict[str, int]:
    """The counts by severity of the function whose folder this is; none where its link does not report errors.

    Source: Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats: the last line of each file is the sum.
    """
    found = {}
    for severity in SEVERITIES:
        match = _TOTAL.search(find_text(f"{folder}/aer_dev_{severity}") or "")
        if match:
            found[severity] = int(match[1])
    return found
