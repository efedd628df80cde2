"""The request for new servers: its schemas by microversion, and how it becomes a `CreateServer`."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping
from typing import Any, Literal

from busway.api.call import Call
from busway.api.compute.block_devices import MAPPINGS, image_of
from busway.api.compute.personality import FILES, files_of
from busway.api.schema import (
    BOOLEAN,
    NAME,
    POSITIVE,
    STRING_MAP,
    TEXT,
    UUID,
    Definition,
    Schema,
    as_bool,
    as_int,
    closed,
)
from busway.control import aggregates, flavors, networks
from busway.control.placement.neighbours import MOST_NEIGHBOURS
from busway.domain.errors import BadInput, NotFound, NotSupported
from busway.domain.ids import NetworkId, PortId
from busway.domain.requests import CreateServer, NetworkRef
from busway.domain.user_data import decode_user_data
from busway.policy import authorize

_CHOOSE_HOST = "compute:servers:create:requested_destination"
# Hints of filters of Nova's that are off by default, and that Busway does not have.
_NO_FILTER = ("query", "build_near_host_ip", "cidr", "target_cell", "different_cell")
# One server or several.
_NEIGHBOURS = {"oneOf": [UUID, {"type": "array", "items": UUID, "uniqueItems": True, "maxItems": MOST_NEIGHBOURS}]}
_READ = {"group": {}, "same_host": _NEIGHBOURS, "different_host": _NEIGHBOURS}
_HINTS = {"type": "object", "properties": {**_READ, **{name: {} for name in _NO_FILTER}}}
_NIC: Definition = closed(
    {
        "uuid": UUID,
        "port": {"type": ["string", "null"], "maxLength": 255},
        "fixed_ip": {"type": ["string", "null"], "maxLength": 45},
    }
)
TAG: Definition = {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^,/]*$"}
_TAGGED_NIC: Definition = closed({**_NIC["properties"], "tag": TAG})


def _nics(one: Definition) -> Definition:
    return {"type": "array", "maxItems": 64, "items": one}


def _any_nics(one: Definition) -> Definition:
    return {"anyOf": [{"enum": ["auto", "none"]}, _nics(one)]}


_BASE: Definition = {
    "name": NAME,
    "imageRef": {"type": "string", "maxLength": 1024},
    "flavorRef": {"type": ["string", "integer"], "minLength": 1, "maxLength": 1024},
    "adminPass": {"type": "string", "maxLength": 255},
    "metadata": STRING_MAP,
    "networks": _nics(_NIC),
    "OS-DCF:diskConfig": {"enum": ["AUTO", "MANUAL"]},
    "accessIPv4": {"type": "string", "maxLength": 15},
    "accessIPv6": {"type": "string", "maxLength": 45},
    "personality": FILES,
    "availability_zone": {"type": "string", "minLength": 1, "maxLength": 255},
    "block_device_mapping": {"type": "array"},
    "block_device_mapping_v2": MAPPINGS,
    "config_drive": BOOLEAN,
    "key_name": NAME,
    "min_count": POSITIVE,
    "max_count": POSITIVE,
    "return_reservation_id": BOOLEAN,
    "security_groups": {"type": "array", "maxItems": 50, "items": closed({"name": NAME}, "name")},
    "user_data": {"type": "string", "maxLength": 65535},
}
TAGS: Definition = {"type": "array", "maxItems": 50, "items": TAG}
HOSTNAME = {"type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]$"}
FQDN = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9][a-zA-Z0-9.-]*[a-zA-Z0-9]$"}
# What each microversion added to the fields before it; None takes one away.
_CHANGES: tuple[tuple[int, Definition], ...] = (
    (1, {}),
    (19, {"description": TEXT}),
    (32, {"networks": _nics(_TAGGED_NIC)}),
    (37, {"networks": _any_nics(_NIC)}),  # Nova's mistake, until 2.42
    (42, {"networks": _any_nics(_TAGGED_NIC)}),
    (52, {"tags": TAGS}),
    (57, {"personality": None}),
    (63, {"trusted_image_certificates": {"type": ["array", "null"]}}),
    (74, {"host": NAME, "hypervisor_hostname": NAME}),
    (90, {"hostname": HOSTNAME}),
    (94, {"hostname": FQDN}),
)


def _schemas() -> dict[int, Schema]:
    found: dict[int, Schema] = {}
    fields = dict(_BASE)
    for since, changes in _CHANGES:
        fields = {name: schema for name, schema in {**fields, **changes}.items() if schema is not None}
        required = ("name", "flavorRef", *(("networks",) if since >= 37 else ()))
        hints = {"os:scheduler_hints": _HINTS, "OS-SCH-HNT:scheduler_hints": _HINTS}
        found[since] = Schema(closed({"server": closed(fields, *required), **hints}, "server"))
    return found


CREATE = _schemas()


def parse(call: Call) -> CreateServer:
    """Turns a checked body into the request; raises `BadInput` for an unknown flavor, network or zone."""
    given: dict[str, Any] = call.body["server"]
    hints = call.body.get("os:scheduler_hints") or call.body.get("OS-SCH-HNT:scheduler_hints") or {}
    _refuse_unsupported(given, hints)
    zone, pinned = _zone(call, given.get("availability_zone"))
    host = given.get("host") or given.get("hypervisor_hostname") or pinned
    if host is not None:
        authorize(call.caller, "os_compute_api:servers:create:forced_host" if pinned else _CHOOSE_HOST)
    least, most = _counts(given)
    try:
        flavor = flavors.get_flavor(call.control, call.caller, str(given["flavorRef"]).rpartition("/")[2])
    except NotFound as error:
        raise BadInput(error.brief, detail=error.detail, remedy=error.remedy, code=error.code) from error
    return CreateServer(
        name=given["name"],
        flavor=flavor,
        image_id=image_of(given),
        key_name=given.get("key_name"),
        user_data=check_user_data(given.get("user_data")),
        files=files_of(given),
        metadata=given.get("metadata", {}),
        config_drive=as_bool(given.get("config_drive", True), "config_drive"),
        availability_zone=zone,
        host=host,
        description=given.get("description"),
        hostname=given.get("hostname"),
        min_count=least,
        max_count=most,
        networks=_networks(call, given.get("networks")),
        makes_network=given.get("networks") == "auto",
        security_groups=tuple(group["name"] for group in given.get("security_groups") or ()),
        hints=hints,
        tags=tuple(dict.fromkeys(given.get("tags", ()))),
        access_ipv4=access_address(given, "accessIPv4", 4) or None,
        access_ipv6=access_address(given, "accessIPv6", 6) or None,
        disk_config=given.get("OS-DCF:diskConfig", "MANUAL"),
        admin_pass=given.get("adminPass") or secrets.token_urlsafe(9),
    )


def _refuse_unsupported(given: dict[str, Any], hints: Mapping[str, Any]) -> None:
    filters = [name for name in hints if name not in _READ and hints.get(name)]
    if filters:
        raise NotSupported(
            f"No filter of the scheduler reads the hint {filters[0][:64]}",
            remedy="Use group, same_host or different_host, or extra specs of the flavor.",
            code="create-option",
        )
    asked = [name for name in ("block_device_mapping", "trusted_image_certificates") if given.get(name)]
    if asked:
        raise NotSupported(
            f"Busway does not support {asked[0]}",
            remedy="Omit it.",
            code="create-option",
        )


def _counts(given: dict[str, Any]) -> tuple[int, int]:
    least = as_int(given.get("min_count", 1), "min_count", least=1)
    most = as_int(given.get("max_count", least), "max_count", least=1)
    if least > most:
        raise BadInput("min_count must be <= max_count", detail=f"They are {least} and {most}.", code="server-count")
    return least, most


def _zone(call: Call, text: str | None) -> tuple[str | None, str | None]:
    """Splits "zone:host[:node]"; an empty part is as if it were not there."""
    if text is None:
        return None, None
    zone, *rest = text.split(":")
    if len(rest) > 2:
        raise BadInput(f"Availability zone '{text}' is not zone[:host[:node]]", code="availability-zone")
    if zone:
        aggregates.check_zone(call.control, zone)
    return zone or None, next((part for part in rest if part), None)


def access_address(given: dict[str, Any], name: str, version: int) -> str | None:
    """An address that a user keeps with a server, None where none is given; raises `BadInput` for one of another form."""
    text = given.get(name)
    if not text:
        return text
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise BadInput(
            f"Invalid input for field/attribute {name}. '{text}' is no address", code="invalid-body"
        ) from error
    if address.version != version:
        raise BadInput(
            f"Invalid input for field/attribute {name}. '{text}' is an IPv{address.version} address",
            code="invalid-body",
        )
    return str(address)


def check_user_data(text: str | None) -> str | None:
    """The user data as given, None for none; raises `BadInput` unless it is base64."""
    if not text:
        return None
    decode_user_data(text)
    return text


def _networks(call: Call, given: Any) -> Literal["auto", "none"] | tuple[NetworkRef, ...]:
    if given is None or given == [] or given == "auto":
        return "auto"
    if given == "none":
        return "none"
    known = {network.id for network in networks.list_networks(call.control, call.caller)}
    return tuple(_nic(nic, known) for nic in given)


def _nic(nic: dict[str, Any], known: set[NetworkId]) -> NetworkRef:
    uuid, port, address = nic.get("uuid"), nic.get("port"), nic.get("fixed_ip")
    if not uuid and not port:
        raise BadInput("A network needs a uuid or a port", code="network-missing")
    if uuid and uuid not in known:
        raise BadInput(f"Network {uuid} could not be found", remedy="openstack network list", code="network-not-found")
    if address:
        try:
            ipaddress.IPv4Address(address)
        except ValueError as error:
            raise BadInput(f"Invalid fixed IP address ({address})", code="fixed-ip") from error
    tag = nic.get("tag", "")
    return NetworkRef(NetworkId(uuid) if uuid else None, PortId(port) if port else None, address or None, tag)
