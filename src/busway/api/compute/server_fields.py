"""A server in the answers of the compute API: which field exists at which microversion."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from busway.api.answer import (
    ANYTHING,
    EMPTY,
    NOTHING,
    NUMBER,
    TEXT,
    TRUTH,
    Part,
    Property,
    array,
    mapping,
    optional,
    words,
)
from busway.api.call import Call
from busway.api.compute.answers import (
    ADDRESSES,
    FAULT,
    FULL_ADDRESSES,
    LINKS,
    METADATA,
    NAMES,
    SERVER_FLAVOR,
    SERVER_FLAVOR_LINK,
    SERVER_IMAGE,
    SERVER_STATUS,
    TEXT_OR_NULL,
)
from busway.api.compute.links import self_links
from busway.api.compute.server_states import VM_STATES
from busway.api.encoding import micro_time, nova_time
from busway.api.fields import Field, fixed, render, shape_of
from busway.control import groups
from busway.control.networks import security_group
from busway.control.servers import surroundings as server_surroundings
from busway.domain.image import Image
from busway.domain.server import POWER_STATE_NUMBERS, Server, ServerStatus

_IN_PROGRESS = frozenset(
    {
        ServerStatus.BUILD,
        ServerStatus.ACTIVE,
        ServerStatus.REBUILD,
        ServerStatus.RESIZE,
        ServerStatus.VERIFY_RESIZE,
        ServerStatus.MIGRATING,
    }
)
_INNER = "os_compute_api:os-extended-server-attributes"
_HOST_STATUS = "os_compute_api:servers:show:host_status"


@dataclass(frozen=True, slots=True)
class View:
    """A server with the related objects that an answer shows."""

    server: Server
    image: Image | None = None
    host_status: str = ""
    groups: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


def vm_state(status: ServerStatus) -> str:
    """What Nova calls the state of a server's machine."""
    return VM_STATES[status]


def views(call: Call, servers: Sequence[Server]) -> list[View]:
    """Looks up, once for all servers, what the call's microversion shows of their surroundings."""
    images = {}
    if call.version >= 98:
        images = server_surroundings.server_images(call.control, (server.image_id for server in servers))
    states: dict[str, str] = {}
    if call.version >= 16 and call.may(_HOST_STATUS):
        states = server_surroundings.host_states(call.control, (each.host_name for each in servers if each.host_name))
    known = groups.groups_of(call.control, [server.id for server in servers]) if call.version >= 71 else {}
    named = security_group.names_of(call.control, [server.id for server in servers])
    return [
        View(
            server,
            images.get(server.image_id),
            states.get(server.host_name or "", ""),
            (known[server.id],) if server.id in known else (),
            named.get(server.id, ()),
        )
        for server in servers
    ]


def brief(server: Server, call: Call) -> dict[str, object]:
    """Id, name and links, as plain lists have it."""
    return {"id": server.id, "name": server.name, "links": self_links(call, f"servers/{server.id}")}


def shown(view: View, call: Call) -> dict[str, object]:
    """All that showing one server tells."""
    return render(_BASE + _EXTENDED + _ALONE, view, call) | _progress(view) | _fault(view, call)


def listed(view: View, call: Call) -> dict[str, object]:
    """All that a detailed list tells."""
    return render(_BASE + _EXTENDED, view, call) | _progress(view) | _fault(view, call)


def updated(view: View, call: Call) -> dict[str, object]:
    """What changing a server answers: the base below 2.75, all from then on."""
    if call.version >= 75:
        return shown(view, call)
    body = render(_BASE + _ALONE, view, call) | _progress(view) | _fault(view, call)
    return {**body, "addresses": plain_addresses(view.server)}


def host_hash(server: Server) -> str:
    """Nova's hostId: tells users which of their servers share a host without naming it."""
    if server.host_name is None:
        return ""
    return hashlib.sha224(f"{server.project_id}{server.host_name}".encode()).hexdigest()


def addresses(server: Server) -> dict[str, list[dict[str, object]]]:
    """The addresses by network, as clients and `nova ssh` read them."""
    found: dict[str, list[dict[str, object]]] = {}
    for each in server.addresses:
        found.setdefault(each.network, []).append(
            {
                "version": 6 if ":" in each.address else 4,
                "addr": each.address,
                "OS-EXT-IPS:type": "floating" if each.floating else "fixed",
                "OS-EXT-IPS-MAC:mac_addr": each.mac,
            }
        )
    return found


def plain_addresses(server: Server) -> dict[str, list[dict[str, object]]]:
    """The addresses by network, with the fields that every answer has: version and address."""
    return {
        name: [{"version": each["version"], "addr": each["addr"]} for each in held]
        for name, held in addresses(server).items()
    }


def _image(view: View, call: Call) -> object:
    if not view.server.image_id:
        return ""
    image: dict[str, object] = {
        "id": view.server.image_id,
        "links": self_links(call, f"images/{view.server.image_id}")[1:],
    }
    if call.version >= 98:
        image["properties"] = _image_properties(view.image)
    return image


def _image_properties(image: Image | None) -> dict[str, object]:
    if image is None:
        return {}
    base = {
        "min_disk": str(image.min_disk),
        "min_ram": str(image.min_ram),
        "disk_format": image.disk_format,
        "container_format": image.container_format,
    }
    return {**image.properties, **{key: value for key, value in base.items() if value is not None}}


def _flavor_link(view: View, call: Call) -> object:
    flavor = view.server.flavor
    return {"id": flavor.id, "links": self_links(call, f"flavors/{flavor.id}")[1:]}


def _flavor(view: View, _call: Call) -> object:
    flavor = view.server.flavor
    return {
        "vcpus": flavor.vcpus,
        "ram": flavor.ram_mb,
        "disk": flavor.disk_gb,
        "ephemeral": flavor.ephemeral_gb,
        "swap": flavor.swap_mb,
        "original_name": flavor.name,
        "extra_specs": dict(flavor.extra_specs),
    }


def _progress(view: View) -> dict[str, object]:
    return {"progress": 0} if view.server.status in _IN_PROGRESS else {}


def _fault(view: View, call: Call) -> dict[str, object]:
    fault = view.server.fault
    if fault is None or view.server.status not in (ServerStatus.ERROR, ServerStatus.DELETED):
        return {}
    body: dict[str, object] = {
        "code": fault.code,
        "created": nova_time(fault.created),
        "message": fault.message,
    }
    if call.may(_INNER) or fault.code != 500:
        body["details"] = fault.details
    return {"fault": body}


def _moment(moment: datetime | None) -> str | None:
    return micro_time(moment) if moment is not None else None


def _power(view: View, _call: Call) -> int:
    return POWER_STATE_NUMBERS[view.server.power] if view.server.power else 0


_ATTR = "OS-EXT-SRV-ATTR:"

_BASE: tuple[Field[View], ...] = (
    Field("id", lambda view, _: view.server.id, TEXT),
    Field("name", lambda view, _: view.server.name, TEXT),
    Field("status", lambda view, _: view.server.status, SERVER_STATUS),
    Field("tenant_id", lambda view, _: view.server.project_id, TEXT),
    Field("user_id", lambda view, _: view.server.user_id, TEXT),
    Field("metadata", lambda view, _: dict(view.server.metadata), METADATA),
    Field("hostId", lambda view, _: host_hash(view.server), TEXT),
    Field("image", _image, SERVER_IMAGE),
    Field("flavor", _flavor_link, SERVER_FLAVOR_LINK, until=46),
    Field("flavor", _flavor, SERVER_FLAVOR, since=47),
    Field("created", lambda view, _: nova_time(view.server.created), TEXT),
    Field("updated", lambda view, _: nova_time(view.server.updated), TEXT),
    Field("addresses", lambda view, _: addresses(view.server), FULL_ADDRESSES),
    Field("accessIPv4", lambda view, _: view.server.access_ipv4, TEXT),
    Field("accessIPv6", lambda view, _: view.server.access_ipv6, TEXT),
    Field("links", lambda view, call: self_links(call, f"servers/{view.server.id}"), LINKS),
    Field("OS-DCF:diskConfig", lambda view, _: view.server.disk_config, words("AUTO", "MANUAL")),
    Field("locked", lambda view, _: view.server.locked, TRUTH, since=9),
    Field("description", lambda view, _: view.server.description, TEXT_OR_NULL, since=19),
    Field("tags", lambda view, _: list(view.server.tags), array(TEXT), since=26),
    Field("trusted_image_certificates", fixed(None), NOTHING, since=63),
    Field("locked_reason", lambda view, _: view.server.locked_reason, TEXT_OR_NULL, since=73),
    Field("scheduler_hints", lambda view, _: dict(view.server.scheduler_hints), mapping(ANYTHING), since=100),
)

_EXTENDED: tuple[Field[View], ...] = (
    Field("OS-EXT-AZ:availability_zone", lambda view, _: view.server.availability_zone, TEXT),
    Field("config_drive", lambda view, _: "True" if view.server.config_drive else "", words("True", "")),
    Field("key_name", lambda view, _: view.server.key_name, TEXT_OR_NULL),
    Field("OS-SRV-USG:launched_at", lambda view, _: _moment(view.server.launched), TEXT_OR_NULL),
    Field("OS-SRV-USG:terminated_at", lambda view, _: _moment(view.server.terminated), TEXT_OR_NULL),
    # Without any, the field is not there, as in Nova.
    Field(
        "security_groups",
        lambda view, _: [{"name": name} for name in view.security_groups],
        NAMES,
        has=lambda view: bool(view.security_groups),
    ),
    Field("OS-EXT-STS:task_state", lambda view, _: view.server.task_state, TEXT_OR_NULL),
    Field("OS-EXT-STS:vm_state", lambda view, _: VM_STATES[view.server.status], words(*VM_STATES.values())),
    Field("OS-EXT-STS:power_state", _power, NUMBER),
    Field("os-extended-volumes:volumes_attached", fixed([]), EMPTY),
    Field(f"{_ATTR}host", lambda view, _: view.server.host_name, TEXT_OR_NULL, rule=_INNER),
    Field(f"{_ATTR}hypervisor_hostname", lambda view, _: view.server.host_name, TEXT_OR_NULL, rule=_INNER),
    Field(f"{_ATTR}instance_name", lambda view, _: view.server.instance_name, TEXT, rule=_INNER),
    Field(f"{_ATTR}hostname", lambda view, _: view.server.hostname, TEXT, since=3, until=89, rule=_INNER),
    Field(f"{_ATTR}hostname", lambda view, _: view.server.hostname, TEXT, since=90),
    Field(f"{_ATTR}reservation_id", lambda view, _: view.server.reservation_id, TEXT, since=3, rule=_INNER),
    Field(f"{_ATTR}launch_index", lambda view, _: view.server.launch_index, NUMBER, since=3, rule=_INNER),
    Field(f"{_ATTR}kernel_id", fixed(""), TEXT, since=3, rule=_INNER),
    Field(f"{_ATTR}ramdisk_id", fixed(""), TEXT, since=3, rule=_INNER),
    Field(f"{_ATTR}root_device_name", fixed("/dev/vda"), TEXT, since=3, rule=_INNER),
    Field(f"{_ATTR}user_data", lambda view, _: view.server.user_data, TEXT_OR_NULL, since=3, rule=_INNER),
    Field("host_status", lambda view, _: view.host_status, TEXT, since=16, rule=_HOST_STATUS),
    Field("pinned_availability_zone", lambda view, _: view.server.pinned_zone, TEXT_OR_NULL, since=96),
)

_ALONE: tuple[Field[View], ...] = (Field("server_groups", lambda view, _: list(view.groups), array(TEXT), since=71),)

_MORE: dict[str, Property] = {"progress": optional(NUMBER), "fault": optional(FAULT)}
LISTED_SERVER = shape_of(_BASE + _EXTENDED, "listed-server", **_MORE)
SERVER = shape_of(_BASE + _EXTENDED + _ALONE, "server", **_MORE)
_UPDATED_BASE = shape_of(_BASE + _ALONE, "updated-server", **{**_MORE, "addresses": ADDRESSES})
UPDATED_SERVER = (Part(_UPDATED_BASE, until=74), Part(SERVER, since=75))
_REBUILT: dict[str, Property] = {"adminPass": TEXT, "user_data": Part(TEXT_OR_NULL, since=57)}
_REBUILT_SINCE_75 = [field for field in _BASE + _EXTENDED + _ALONE if field.name != f"{_ATTR}user_data"]
REBUILT_SERVER = (
    Part(
        shape_of(
            _BASE + _ALONE,
            "rebuilt-server-old",
            **{**_MORE, **_REBUILT, "addresses": ADDRESSES, "key_name": Part(TEXT_OR_NULL, since=54)},
        ),
        until=74,
    ),
    Part(shape_of(_REBUILT_SINCE_75, "rebuilt-server", **{**_MORE, **_REBUILT}), since=75),
)
