"""The temperatures of a function, where its driver on this host has sensors (hwmon); one that a guest has shows none."""

from __future__ import annotations

from busway.hardware.tree import find_number, list_names, read_text

_MOST = 32  # sensors of one function


def read_temperatures(folder: str) -> dict[str, float]:
    """Degrees Celsius by sensor, of the function whose folder this is: its label, or "temp1" and the like.

    Source: Documentation/hwmon/sysfs-interface: tempN_input is in thousandths of a degree.
    """
    found: dict[str, float] = {}
    for monitor in list_names(f"{folder}/hwmon"):
        inside = f"{folder}/hwmon/{monitor}"
        names = [name for name in list_names(inside) if name.startswith("temp") and name.endswith("_input")]
        for name in names[: _MOST - len(found)]:
            value = find_number(f"{inside}/{name}")
            if value is not None:
                sensor = name.removesuffix("_input")
                found.setdefault(read_text(f"{inside}/{sensor}_label")[:64] or sensor, value / 1000)
    return found
