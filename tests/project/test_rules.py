"""Rules of run time lie over those of the file: who reads the file's only would not see them."""

import re

from tests.project.checkout import ROOT

_LAID_OVER_HERE = {"in_force.py", "aliases.py"}


def test_what_is_handed_out_is_asked_of_the_rules_in_force() -> None:
    """Where this fails, ask `control.pci_rules(tx)` instead of the settings, which know the file only."""
    sources = sorted((ROOT / "src" / "busway" / "control").rglob("*.py")) + sorted(
        (ROOT / "src/busway/api").rglob("*.py")
    )

    reading = [
        path.name for path in sources if re.search(r"settings\.(aliases|device_specs)\b", path.read_text("utf-8"))
    ]

    assert sources and set(reading) - _LAID_OVER_HERE == set()
    assert "in_force.py" in reading
