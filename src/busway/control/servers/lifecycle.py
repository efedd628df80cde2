"""Use cases of a server's user: create, read, rename, delete. Each other act has a module of its own (`server_…`)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from busway.control import groups, quotas
from busway.control.context import Control
from busway.control.networks.changes import tell_hosts
from busway.control.networks.plug import plug_ports
from busway.control.pattern import compile_pattern
from busway.control.servers.access import no_server, note_action, server_row
from busway.control.servers.leave import finish_delete, leave
from busway.control.servers.view import server_view
from busway.domain.alias import parse_requests
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, NotFound
from busway.domain.flavor import Flavor
from busway.domain.guest_cells import guest_cells
from busway.domain.ids import HostId, ServerId
from busway.domain.image import Image, ImageStatus
from busway.domain.quota import Usage, usage_of
from busway.domain.requests import CreateServer, ServerFilter
from busway.domain.server import Server, ServerAction, ServerStatus, TaskState
from busway.policy import authorize
from busway.store import actions, aggregates, events, hosts, images, keypairs, ports, servers
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import Intent, ServerRow

MAX_AT_ONCE = 100
NOWHERE = HostId("")


def create_servers(control: Control, caller: Caller, request: CreateServer, request_id: str) -> list[Server]:
    """Accepts one or more servers to be placed; all or none.

    Errors: `BadInput` for an unknown alias, key, image or count; `Forbidden` when flavor and image disagree.
    """
    authorize(caller, "os_compute_api:servers:create")
    if not 1 <= request.max_count <= MAX_AT_ONCE:
        raise BadInput(f"{request.max_count} servers in one request", remedy=f"Ask for 1 to {MAX_AT_ONCE}.")
    now = control.now()
    # What is written by tenants is read before the transaction that others wait for, and once for all servers.
    with control.db.read() as tx:
        _check_image(control, tx, caller, request)
    with control.db.write() as tx:
        _check_quota(control, tx, caller, request)
        check_image(caller, request.flavor, images.get_image(tx, request.image_id))
        ids = [_create(control, tx, caller, replace(request, name=name), request_id, now) for name in request.names]
        groups.join_group(control, tx, caller, request, ids)
        created = [_get(tx, caller, server_id) for server_id in ids]
    control.crashpoint("create:after-commit")
    tell_hosts(control)
    control.bell.ring("place")
    return created


def _check_image(control: Control, tx: Tx, caller: Caller, request: CreateServer) -> None:
    image = images.get_image(tx, request.image_id)
    check_image(caller, request.flavor, image)
    parse_requests(request.flavor.extra_specs, control.pci_rules(tx).aliases, image.properties)
    guest_cells(request.flavor, image.properties)


def _check_quota(control: Control, tx: Tx, caller: Caller, request: CreateServer) -> None:
    quotas.check(control, tx, caller.project_id, usage_of([request.flavor] * request.max_count))
    if request.metadata:
        quotas.check(control, tx, caller.project_id, Usage({"metadata_items": len(request.metadata)}), used=Usage())


def _create(
    control: Control, tx: Tx, caller: Caller, request: CreateServer, request_id: str, now: datetime
) -> ServerId:
    public_key = None
    if request.key_name is not None:
        key = keypairs.get_keypair(tx, caller.user_id, request.key_name)
        public_key = key.public_key
    server_id = ServerId(control.new_id())
    hostname = request.hostname or _hostname(request.name, server_id)
    servers.insert_server(
        tx,
        id=server_id,
        name=request.name,
        hostname=hostname,
        description=request.description,
        project_id=caller.project_id,
        user_id=caller.user_id,
        status=ServerStatus.BUILD,
        task_state=TaskState.SCHEDULING,
        intent=Intent.PRESENT,
        wanted_host=request.host,
        flavor=request.flavor,
        image_id=request.image_id,
        key_name=request.key_name,
        public_key=public_key,
        user_data=request.user_data,
        config_drive=request.config_drive,
        metadata=dict(request.metadata),
        tags=list(request.tags),
        hints=dict(request.hints),
        availability_zone=request.availability_zone or "",
        powered=True,
        starts=1,
        reboots=0,
        hard_reboot=False,
        created=now,
        updated=now,
    )
    plug_ports(control, tx, caller, request, server_id)
    note_action(tx, caller, server_id, "create", request_id, now)
    _say(tx, server_id, None, ServerStatus.BUILD, f"created by {caller.user_name}", now)
    return server_id


def check_image(caller: Caller, flavor: Flavor, image: Image) -> None:
    """Raises for an image that the caller can't boot with a flavor."""
    if not image.is_visible_to(caller):
        raise NotFound(
            f"Image {image.id} not found",
            remedy="List the images that you may use: `openstack image list`.",
            code="image-not-found",
        )
    if image.status is not ImageStatus.ACTIVE:
        raise BadInput(
            f"Image {image.name or image.id} is {image.status}, not active",
            detail="Its data has not been uploaded whole.",
            remedy="Upload it, or choose another image: `openstack image list`.",
            code="image-not-active",
        )
    if image.min_ram > flavor.ram_mb or image.min_disk > flavor.disk_gb > 0:
        raise BadInput(
            f"Flavor {flavor.name} is too small for image {image.name or image.id}",
            detail=f"The image needs {image.min_ram} MB of RAM and {image.min_disk} GB of disk.",
            remedy="Choose a larger flavor.",
            code="flavor-too-small",
        )


def get_server(control: Control, caller: Caller, server_id: str) -> Server:
    """One server that the caller may see; raises `NotFound`."""
    with control.db.read() as tx:
        return _get(tx, caller, server_id)


def list_servers(control: Control, caller: Caller, wanted: ServerFilter) -> list[Server]:
    """The servers that the caller may see and the filter lets through, newest first."""
    project = wanted.project_id if wanted.all_projects and caller.is_admin else caller.project_id
    if wanted.name is not None:
        compile_pattern(wanted.name, "name")  # a pattern that is none is refused, however few servers there are
    with control.db.read() as tx:
        rows = servers.list_servers(tx, project, deleted=wanted.deleted)
        if wanted.changes_since is not None and not wanted.deleted:
            rows += servers.list_servers(tx, project, deleted=True)
        names = {host.id: host.name for host in hosts.list_hosts(tx)}
        kept = [row for row in rows if _wanted(row, wanted, names.get(row.host_id) if row.host_id else None)]
        if wanted.marker is not None:
            kept = _after_marker(kept, wanted.marker)
        page = kept[: wanted.limit]
        addresses = ports.server_addresses(tx, [row.id for row in page])
        zones = aggregates.zones_of_hosts(tx)
        return [
            server_view(
                row, addresses.get(row.id, ()), names.get(row.host_id or NOWHERE), zones.get(row.host_id or NOWHERE)
            )
            for row in page
        ]


def _wanted(row: ServerRow, wanted: ServerFilter, host_name: str | None) -> bool:
    if wanted.name is not None and compile_pattern(wanted.name, "name").search(row.name) is None:
        return False
    for want, have in (
        (wanted.status and wanted.status.upper(), str(row.status)),
        (wanted.host, host_name),
        (wanted.image_id, row.image_id),
        (wanted.flavor_id, row.flavor.id),
    ):
        if want is not None and want != have:
            return False
    return wanted.changes_since is None or row.updated >= wanted.changes_since


def _after_marker(rows: list[ServerRow], marker: str) -> list[ServerRow]:
    for index, row in enumerate(rows):
        if row.id == marker:
            return rows[index + 1 :]
    raise BadInput(f"Marker {marker} is no server of this list", code="unknown-marker")


def delete_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a server to go; its devices become free when their hosts report that nobody holds them."""
    now = control.now()
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "delete", lock=True)
        if row.task_state is TaskState.DELETING:
            return
        note_action(tx, caller, row.id, "delete", request_id, now)
        left = leave(tx, row, now, reason=f"server deleted by {caller.user_name}")
        if row.host_id is None or row.intent is Intent.GONE:
            finish_delete(tx, row, now)
        else:
            servers.update_server(tx, row.id, now, task_state=TaskState.DELETING, powered=False)
    control.crashpoint("delete:after-commit")
    for host_id in left:
        control.bell.ring(f"host:{host_id}")


def update_server(
    control: Control, caller: Caller, server_id: str, name: str | None = None, description: str | None = None
) -> Server:
    """Renames or describes a server; None leaves a field as it is."""
    changes = {key: value for key, value in (("name", name), ("description", description)) if value is not None}
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "update")
        servers.update_server(tx, row.id, control.now(), **changes)
        return _get(tx, caller, row.id)


def console_output(control: Control, caller: Caller, server_id: str, length: int | None) -> str:
    """The last lines of a guest's console, all that is kept with None."""
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id, "console")
        text = servers.get_console(tx, row.id)
    if length is None or length < 0:
        return text
    return "\n".join(text.splitlines()[-length:]) if length else ""


def list_actions(control: Control, caller: Caller, server_id: str) -> list[ServerAction]:
    """What was asked of a server, newest first."""
    with control.db.read() as tx:
        return actions.list_actions(tx, server_row(tx, caller, server_id).id)


def _get(tx: Tx, caller: Caller, server_id: str) -> Server:
    row = servers.find_server(tx, server_id)
    if (
        row is None
        or not caller.may_see(row.project_id)
        or (row.status is ServerStatus.DELETED and not caller.is_admin)
    ):
        raise no_server(server_id)
    host = hosts.find_host_by_id(tx, row.host_id) if row.host_id else None
    zone = aggregates.zones_of_hosts(tx).get(host.id) if host else None
    return server_view(row, ports.list_addresses(tx, row.id), host.name if host else None, zone)


def _say(tx: Tx, server_id: ServerId, old: ServerStatus | None, new: ServerStatus, reason: str, now: datetime) -> None:
    events.add_event(tx, Event(now, "server", str(old) if old else None, str(new), reason, server_id=server_id))


def _hostname(name: str, server_id: ServerId) -> str:
    """A name that DNS accepts, as Nova makes one: letters, digits and dashes, at most 63."""
    clean = re.sub(r"[^a-z0-9-]+", "-", name.lower().replace("_", "-").replace(" ", "-")).strip("-.")[:63]
    return clean or f"server-{server_id}"
