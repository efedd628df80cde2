"""Accepts new servers: checks, writes them down, and wakes the placer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from busway.control import groups, quotas
from busway.control.context import Control
from busway.control.domain_limits import take_domain_turns
from busway.control.drivers.check import check_driver
from busway.control.images.access import may_see
from busway.control.networks.plug import addresses_to_look_up, find_default, plan_cards, plug_ports
from busway.control.networks.topology import get_topology
from busway.control.placement.request import image_words
from busway.control.servers.access import note_actions
from busway.domain.alias import parse_requests
from busway.domain.caller import Caller
from busway.domain.document_room import check_texts
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.flavor import Flavor
from busway.domain.guest_cells import guest_cells
from busway.domain.guest_layout import SPARE_PORTS
from busway.domain.guest_machine import machine_of
from busway.domain.ids import NetworkId, ServerId
from busway.domain.image import Image, ImageStatus
from busway.domain.image_boot import check_boot, needs_drive
from busway.domain.network import Network
from busway.domain.quota import Usage, usage_of, usage_of_files
from busway.domain.requests import CreateServer
from busway.domain.security_group import default_group_id
from busway.domain.server import ServerStatus, TaskState
from busway.policy import authorize
from busway.store import accepting, events, hosts, images, keypairs, servers
from busway.store.accepting import LockedState, RequestedObjects
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.hosts import HostFilter
from busway.store.servers import Intent

MAX_AT_ONCE = 100
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Accepted:
    """A server that was accepted, and the id of the reservation that it shares with those of the same request."""

    id: ServerId
    reservation_id: str


def create_servers(control: Control, caller: Caller, request: CreateServer, request_id: str) -> list[Accepted]:
    """Accepts one or more servers to be placed; all or none. Nothing is read back: what they are follows from the request.

    Errors: `BadInput` for an unknown alias, key, image or count; `Forbidden` when flavor and image disagree.
    """
    authorize(caller, "os_compute_api:servers:create")
    if not 1 <= request.max_count <= MAX_AT_ONCE:
        raise BadInput(f"{request.max_count} servers in one request", remedy=f"Ask for 1 to {MAX_AT_ONCE}.")
    if request.files:
        check_drive(request.config_drive)
    now = control.now()
    # What is written by tenants is read before the transaction that others wait for, and once for all servers.
    with control.db.read() as tx:
        requested = accepting.read_requested(
            tx, caller.project_id, caller.user_id, request.image_id, request.key_name, _network_ids(request)
        )
        _check_image(control, tx, caller, request, requested)
        public_key = _public_key(tx, caller, request, requested)
        check_texts(request.metadata, request.user_data, request.key_name, public_key, request.files)
        if request.host is not None:
            _check_host(tx, request.host)
    cards = plan_cards(control, caller, request, _known_networks(control, caller, request, requested.networks))
    lookup = addresses_to_look_up(cards)
    with control.db.write(together=True) as tx:
        take_domain_turns(control, tx, [caller.project_id])
        accepting.lock_project(tx, caller.project_id, list(lookup.asked))
        group_id = default_group_id(caller.project_id)
        locked = accepting.read_locked(tx, caller.project_id, caller.user_id, request.image_id, group_id, lookup)
        _check_quota(control, tx, caller, request, locked)
        image = _usable(tx, caller, request, locked.image)
        words, names = image_words(image.properties), request.names
        drive = request.config_drive or needs_drive(image.properties)
        reservation = f"r-{control.new_id()[:8]}"
        rows = [
            _row(control, caller, replace(request, name=name, config_drive=drive), public_key, words, now)
            | {"reservation_id": reservation, "launch_index": index}
            for index, name in enumerate(names)
        ]
        ids = [row["id"] for row in rows]
        servers.insert_servers(tx, rows)
        plug_ports(control, tx, caller, request, ids, cards, locked, lookup)
        note_actions(tx, caller, ids, "create", request_id, now)
        _add_events(tx, ids, f"created by {caller.user_name}", now)
        groups.join_group(control, tx, caller, request, ids, locked.limits)
    control.crashpoint("create:after-commit")
    control.bell.ring("networks")
    control.bell.ring("place")
    return [Accepted(server_id, reservation) for server_id in ids]


def _network_ids(request: CreateServer) -> list[NetworkId]:
    asked = () if isinstance(request.networks, str) else request.networks
    return [ref.network_id for ref in asked if ref.network_id is not None]


def _known_networks(
    control: Control, caller: Caller, request: CreateServer, known: Sequence[Network]
) -> Sequence[Network]:
    """The networks that a request may use: the one that is made for a project that has none, where that is asked for."""
    makes = request.makes_network and request.networks == "auto" and control.northbound is not None
    if not makes or find_default(known, caller.project_id) is not None:
        return known
    try:
        return [get_topology(control, caller, caller.project_id)]
    except Conflict as error:  # Nova answers 400 where Neutron has 409
        raise BadInput(
            f"Unable to automatically allocate a network for project {caller.project_id}",
            detail=str(error),
            remedy=error.remedy,
            code=error.code,
        ) from error


def _usable(tx: Tx, caller: Caller, request: CreateServer, image: Image | None) -> Image:
    """The image of a request, which its caller can boot with its flavor."""
    if image is None or image.deleted is not None:
        raise images.image_not_found(request.image_id)
    check_image(tx, caller, request.flavor, image)
    return image


def _check_image(control: Control, tx: Tx, caller: Caller, request: CreateServer, requested: RequestedObjects) -> None:
    image = _usable(tx, caller, request, requested.image)
    aliases = control.pci_rules(tx, requested.rules_version).aliases
    parse_requests(request.flavor.extra_specs, aliases, image.properties)
    guest_cells(request.flavor, image.properties)
    machine_of(request.flavor, image.properties)
    check_driver(control, tx, request.flavor, image.properties)


def _public_key(tx: Tx, caller: Caller, request: CreateServer, requested: RequestedObjects) -> str | None:
    if request.key_name is None:
        return None
    if requested.public_key is not None:
        return requested.public_key
    return keypairs.get_keypair(tx, caller.user_id, request.key_name).public_key  # raises


def _check_host(tx: Tx, name: str) -> None:
    """Raises `BadInput` for a host that does not exist; a user who may choose a host may see the others."""
    if hosts.find_host(tx, name) is None:
        known = hosts.list_page(tx, HostFilter(limit=_NAMED + 1))
        more = ", …" if len(known) > _NAMED else ""
        raise BadInput(
            f"There is no host {name}",
            detail=f"There are {', '.join(host.name for host in known[:_NAMED]) or 'none yet'}{more}.",
            remedy="Choose one of them, or let Busway choose.",
            code="server-host",
        )


def _check_quota(control: Control, tx: Tx, caller: Caller, request: CreateServer, locked: LockedState) -> None:
    project, user, own = caller.project_id, caller.user_id, locked.limits
    wanted = usage_of([request.flavor] * request.max_count)
    quotas.check(control, tx, project, wanted, user_id=user, own=own)
    if request.metadata:
        items = Usage({"metadata_items": len(request.metadata)})
        quotas.check(control, tx, project, items, user_id=user, used=Usage(), own=own)
    if request.files:
        quotas.check(control, tx, project, usage_of_files(request.files), user_id=user, used=Usage(), own=own)


def _row(
    control: Control,
    caller: Caller,
    request: CreateServer,
    public_key: str | None,
    words: dict[str, str],
    now: datetime,
) -> dict[str, Any]:
    server_id = ServerId(control.new_id())
    hostname = request.hostname or _hostname(request.name, server_id)
    return {
        "id": server_id,
        "name": request.name,
        "hostname": hostname,
        "description": request.description,
        "project_id": caller.project_id,
        "user_id": caller.user_id,
        "status": ServerStatus.BUILD,
        "task_state": TaskState.SCHEDULING,
        "intent": Intent.PRESENT,
        "wanted_host": request.host,
        "flavor": request.flavor,
        "image_id": request.image_id,
        "key_name": request.key_name,
        "public_key": public_key,
        "user_data": request.user_data,
        "files": request.files,
        "config_drive": request.config_drive,
        "metadata": dict(request.metadata),
        "tags": list(request.tags),
        "hints": dict(request.hints),
        "image_words": words,
        "availability_zone": request.availability_zone or "",
        "powered": True,
        "starts": 1,
        "reboots": 0,
        "hard_reboot": False,
        "created": now,
        "updated": now,
        "access_ipv4": request.access_ipv4,
        "access_ipv6": request.access_ipv6,
        "disk_config": request.disk_config,
        "admin_pass": request.admin_pass,
        "spare_ports": SPARE_PORTS,
    }


def check_drive(has_drive: bool) -> None:
    """Raises `BadInput` for files that no config drive would bring to their guest."""
    if not has_drive:
        raise BadInput(
            "Files reach their guest on its config drive, and this server has none",
            detail="config_drive is false.",
            remedy="Leave out config_drive, or put the files into user_data.",
            code="files-without-drive",
        )


def check_image(tx: Tx, caller: Caller, flavor: Flavor, image: Image) -> None:
    """Raises for an image that the caller can't boot with a flavor."""
    if not may_see(tx, caller, image):
        raise NotFound(
            f"Image {image.id} not found",
            remedy="List the images that you may use: `openstack image list`.",
            code="image-not-found",
        )
    if image.status is not ImageStatus.ACTIVE:
        raise BadInput(
            f"Image {image.name or image.id} is {image.status}, not active",
            detail="Its owner or an admin has deactivated it."
            if image.status is ImageStatus.DEACTIVATED
            else "Its data has not been uploaded completely.",
            remedy="Upload it, or choose another image: `openstack image list`."
            if image.status is ImageStatus.QUEUED
            else "Choose another image: `openstack image list`.",
            code="image-not-active",
        )
    check_boot(image.properties)
    if image.min_ram > flavor.ram_mb or image.min_disk > flavor.disk_gb > 0:
        raise BadInput(
            f"Flavor {flavor.name} is too small for image {image.name or image.id}",
            detail=f"The image needs {image.min_ram} MB of RAM and {image.min_disk} GB of disk.",
            remedy="Choose a larger flavor.",
            code="flavor-too-small",
        )


def _add_events(tx: Tx, server_ids: Sequence[ServerId], reason: str, now: datetime) -> None:
    new = str(ServerStatus.BUILD)
    events.add_events(tx, [Event(now, "server", None, new, reason, server_id=each) for each in server_ids])


def _hostname(name: str, server_id: ServerId) -> str:
    """A name that DNS accepts, as Nova makes one: letters, digits and dashes, at most 63."""
    clean = re.sub(r"[^a-z0-9-]+", "-", name.lower().replace("_", "-").replace(" ", "-")).strip("-.")[:63]
    return clean or f"server-{server_id}"
