"""MachineFilter: whether a host can make the machine that a guest's flavor and image ask for."""

from __future__ import annotations

from busway.domain.placement import HostState, PlacementRequest


def machine(host: HostState, request: PlacementRequest) -> str | None:
    """The host's agent and its libvirt support everything that the machine needs."""
    lacking = [word for word in request.needs if word not in host.machine]
    if not lacking:
        return None
    return f"it can't make the guest's machine: it has no {', '.join(lacking)}"
