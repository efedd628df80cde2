"""Shared by the use cases of a server: find it for its user, check its state, record the action."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.errors import Conflict, NotFound
from busway.domain.host_facts import GuestAct
from busway.domain.ids import ServerId
from busway.domain.server import ServerAction, ServerStatus, check_server_transition
from busway.policy import authorize
from busway.store import actions, events, hosts, servers
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import Intent, ServerRow
from busway.tracing.trace import current

# The rule of rights for each act on a server.
RULES = {
    act: f"os_compute_api:{rule}"
    for act, rule in {
        "start": "servers:start",
        "stop": "servers:stop",
        "reboot": "servers:reboot",
        "pause": "os-pause-server:pause",
        "unpause": "os-pause-server:unpause",
        "rescue": "os-rescue",
        "unrescue": "os-unrescue",
        "suspend": "os-suspend-server:suspend",
        "resume": "os-suspend-server:resume",
        "rebuild": "servers:rebuild",
        "resize": "servers:resize",
        "confirmResize": "servers:confirm_resize",
        "revertResize": "servers:revert_resize",
        "createImage": "servers:create_image",
        "createBackup": "os-create-backup",
        "migrate": "os-migrate-server:migrate",
        "os-migrateLive": "os-migrate-server:migrate_live",
        "abortLive": "servers:migrations:delete",
        "forceLive": "servers:migrations:force_complete",
        "showLive": "servers:migrations:show",
        "listLive": "servers:migrations:index",
        "evacuate": "os-evacuate",
        "shelve": "os-shelve:shelve",
        "shelveOffload": "os-shelve:shelve_offload",
        "unshelve": "os-shelve:unshelve",
        "delete": "servers:delete",
        "forceDelete": "os-deferred-delete:force",
        "restore": "os-deferred-delete:restore",
        "update": "servers:update",
        "console": "os-console-output",
        "remoteConsole": "os-remote-consoles",
        "lock": "os-lock-server:lock",
        "unlock": "os-lock-server:unlock",
        "resetState": "os-admin-actions:reset_state",
        "createMetadata": "server-metadata:create",
        "setMetadata": "server-metadata:update_all",
        "updateMetadata": "server-metadata:update",
        "deleteMetadata": "server-metadata:delete",
        "setTags": "os-server-tags:update_all",
        "addTag": "os-server-tags:update",
        "deleteTag": "os-server-tags:delete",
        "deleteTags": "os-server-tags:delete_all",
        "attachInterface": "os-attach-interfaces:create",
        "detachInterface": "os-attach-interfaces:delete",
        "addSecurityGroup": "os-security-groups:add",
        "removeSecurityGroup": "os-security-groups:remove",
        "addFixedIp": "os-multinic:add",
        "removeFixedIp": "os-multinic:remove",
        "addFloatingIp": "os-floating-ips:add",
        "removeFloatingIp": "os-floating-ips:remove",
        "diagnostics": "os-server-diagnostics",
        "changePassword": "os-admin-password",
        "trigger_crash_dump": "servers:trigger_crash_dump",
        "injectNetworkInfo": "os-admin-actions:inject_network_info",
        "showPassword": "os-server-password:show",
        "clearPassword": "os-server-password:clear",
    }.items()
} | {"attachDevice": "busway:servers:attach", "detachDevice": "busway:servers:detach"}


# What may be done to a locked server too, as in Nova: none of it changes the guest.
_DESPITE_LOCK = frozenset(
    {
        "update",
        "console",
        "remoteConsole",
        "diagnostics",
        "showPassword",
        "clearPassword",
        "addFloatingIp",
        "removeFloatingIp",
        "createImage",
        "createBackup",
        "lock",
        "unlock",
        "setTags",
        "addTag",
        "deleteTag",
        "deleteTags",
    }
)


def server_row(
    tx: Tx, caller: Caller, server_id: str, act: str | None = None, *, lock: bool = False, deleted: bool = False
) -> ServerRow:
    """A server that the caller sees, and may do an act to; raises `NotFound` or `Forbidden`.

    A deleted one if `deleted`.
    """
    row = servers.find_server(tx, server_id, lock=lock)
    if row is None or not caller.may_see(row.project_id) or (row.status is ServerStatus.DELETED and not deleted):
        raise no_server(server_id)
    if act is not None:
        authorize(caller, RULES[act], {"project_id": row.project_id, "user_id": row.user_id})
        if row.locked_by is not None and act not in _DESPITE_LOCK and not caller.is_admin:
            raise Conflict(
                f"Instance {row.id} is locked",
                detail=f"Locked by the {row.locked_by}{f': {row.locked_reason}' if row.locked_reason else ''}.",
                remedy="Unlock it first: openstack server unlock.",
                code="server-locked",
            )
    return row


def no_server(server_id: str) -> NotFound:
    """The error for a server that is not there, or not for this caller."""
    return NotFound(
        f"Instance {server_id} could not be found", remedy="See `openstack server list`.", code="server-not-found"
    )


def idle_server(tx: Tx, caller: Caller, server_id: str, act: str, allowed: Collection[ServerStatus]) -> ServerRow:
    """A server, locked, in one of the statuses in which an act is allowed and with no task in progress."""
    row = server_row(tx, caller, server_id, act, lock=True)
    if row.status not in allowed or row.task_state is not None or row.intent is not Intent.PRESENT:
        busy = f" and {row.task_state}" if row.task_state else ""
        raise Conflict(
            f"Cannot '{act}' server {row.id} while it is {row.status}{busy}",
            detail=f"It must be {' or '.join(sorted(allowed))} with no task in progress.",
            remedy=_way(row, allowed),
            code="server-state",
        )
    return row


# What makes a server ACTIVE that rests in a status: no waiting does.
_TO_ACTIVE = {
    ServerStatus.PAUSED: "unpause",
    ServerStatus.SUSPENDED: "resume",
    ServerStatus.SHUTOFF: "start",
    ServerStatus.RESCUE: "unrescue",
    ServerStatus.SHELVED: "unshelve",
    ServerStatus.SHELVED_OFFLOADED: "unshelve",
    ServerStatus.VERIFY_RESIZE: "resize confirm",
    ServerStatus.SOFT_DELETED: "restore",
}


def _way(row: ServerRow, allowed: Collection[ServerStatus]) -> str:
    """What to do so that a server comes into one of the statuses."""
    rests = row.task_state is None and row.intent is Intent.PRESENT
    if rests and row.status in _TO_ACTIVE and ServerStatus.ACTIVE in allowed:
        return f"First: openstack server {_TO_ACTIVE[row.status]} {row.id}"
    return "Wait until it is, or check `openstack server show`."


def placed_server(tx: Tx, caller: Caller, server_id: str, act: str, allowed: Collection[ServerStatus]) -> ServerRow:
    """An idle server that is on a host; raises `Conflict`."""
    row = idle_server(tx, caller, server_id, act, allowed)
    if row.host_id is None:
        raise Conflict(f"Cannot '{act}' server {row.id}: it is on no host", code="server-state")
    return row


def require_guest_act(tx: Tx, row: ServerRow, act: str, needed: GuestAct) -> None:
    """Raises `Conflict` unless the agent of a server's host can do an act with its guest."""
    host = hosts.find_host_by_id(tx, row.host_id) if row.host_id is not None else None
    if host is None or host.resources is None or needed not in host.resources.acts:
        raise Conflict(
            f"Cannot '{act}' server {row.id}: the agent of its host is too old",
            detail=f"Host {host.name if host else row.host_id} does not report that it can.",
            remedy="Upgrade Busway on that host; its guests keep running meanwhile.",
            code="guest-act",
        )


def change_on_host(
    control: Control, tx: Tx, caller: Caller, row: ServerRow, action: str, request_id: str, **values: object
) -> None:
    """Changes a server's desired state on its host, and records the action."""
    now = control.now()
    desire(tx, row, now, **values)
    note_action(tx, caller, row.id, action, request_id, now)


def desire(tx: Tx, row: ServerRow, now: datetime, **values: object) -> None:
    """Changes a server's columns, and with them what its host must have from the next generation on."""
    assert row.host_id is not None
    servers.update_server(tx, row.id, now, generation=hosts.bump_generation(tx, row.host_id), **values)


def set_status(tx: Tx, row: ServerRow, status: ServerStatus, reason: str, now: datetime, **values: object) -> None:
    """Sets a server's status, with an event; raises `Conflict` for a transition that is not allowed."""
    check_server_transition(row.status, status)
    servers.update_server(tx, row.id, now, status=status, **values)
    if status is not row.status:
        event = Event(now, "server", str(row.status), str(status), reason, row.host_id, None, row.id)
        events.add_event(tx, event)


def note_action(tx: Tx, caller: Caller, server_id: ServerId, action: str, request_id: str, now: datetime) -> None:
    """Records an action: what was requested for a server, and by whom."""
    note_actions(tx, caller, [server_id], action, request_id, now)


def note_actions(
    tx: Tx, caller: Caller, server_ids: Iterable[ServerId], action: str, request_id: str, now: datetime
) -> None:
    """Records the start of an action on several servers."""
    by, trace = (caller.user_id, caller.project_id), current() or None
    made = [ServerAction(each, request_id, action, *by, now, now, trace=trace) for each in server_ids]
    actions.add_actions(tx, made)
