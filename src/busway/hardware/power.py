"""Power of a function: whether it may sleep, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass

from busway.hardware.tree import find_flag, read_text


@dataclass(frozen=True, slots=True)
class Power:
    """Power settings; None or "" is unknown.

    `control` is "on" (always awake) or "auto"; `runtime_status` is "active", "suspended" and the like; `state` is the
    device's own, from "D0" to "D3cold".
    """

    d3cold_allowed: bool | None = None
    control: str = ""
    runtime_status: str = ""
    state: str = ""


def read_power(folder: str) -> Power:
    """Reads the power settings of the function whose folder this is."""
    return Power(
        d3cold_allowed=find_flag(f"{folder}/d3cold_allowed"),
        control=read_text(f"{folder}/power/control"),
        runtime_status=read_text(f"{folder}/power/runtime_status"),
        state=read_text(f"{folder}/power_state"),
    )
