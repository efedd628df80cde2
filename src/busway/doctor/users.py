"""Programs that are known to hold GPUs, by the name that /proc/PID/comm shows (15 characters at most)."""

from __future__ import annotations

from busway.doctor.finding import Evidence
from busway.doctor.host import Host
from busway.hardware import Card, Holder

PERSISTENCE = frozenset({"nvidia-persiste"})
MONITORS = frozenset({"nv-hostengine", "dcgm-exporter"})
DISPLAYS = frozenset(
    {"Xorg", "X", "Xwayland", "gnome-shell", "kwin_wayland", "kwin_x11", "plasmashell", "sway", "weston", "gdm",
     "gdm-wayland-ses", "sddm", "lightdm", "Hyprland", "mutter"}
)  # fmt: skip
KNOWN = PERSISTENCE | MONITORS | DISPLAYS


def users_of(host: Host, card: Card, names: frozenset[str] | None = None) -> list[Holder]:
    """The processes that hold a card: those of the given names, or those that are not known."""
    return [one for one in host.holders(card) if (one.name not in KNOWN if names is None else one.name in names)]


def evidence_of(holders: list[Holder]) -> tuple[Evidence, ...]:
    """Where each was seen."""
    return tuple(Evidence(f"/proc/{one.pid}/fd", f"{one.name} has a file of the device open") for one in holders)
