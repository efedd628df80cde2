"""Nova's `vm_state` of each status, and the statuses of each `vm_state`."""

from __future__ import annotations

from busway.domain.server import ServerStatus

VM_STATES = {
    ServerStatus.BUILD: "building",
    ServerStatus.ACTIVE: "active",
    ServerStatus.SHUTOFF: "stopped",
    ServerStatus.PAUSED: "paused",
    ServerStatus.SUSPENDED: "suspended",
    ServerStatus.RESCUE: "rescued",
    ServerStatus.REBUILD: "active",
    ServerStatus.RESIZE: "active",
    ServerStatus.VERIFY_RESIZE: "resized",
    ServerStatus.REVERT_RESIZE: "resized",
    ServerStatus.MIGRATING: "active",
    ServerStatus.SHELVED: "shelved",
    ServerStatus.SHELVED_OFFLOADED: "shelved_offloaded",
    ServerStatus.ERROR: "error",
    ServerStatus.SOFT_DELETED: "soft-delete",
    ServerStatus.DELETED: "deleted",
}

STATUSES_OF_VM_STATE: dict[str, frozenset[ServerStatus]] = {
    state: frozenset(status for status, of in VM_STATES.items() if of == state) for state in VM_STATES.values()
}
