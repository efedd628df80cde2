"""What the compute API answers: the building blocks of its bodies, each at all microversions."""

from __future__ import annotations

from busway.api.answer import (
    EMPTY,
    EMPTY_OBJECT,
    NUMBER,
    REAL,
    TEXT,
    TRUTH,
    Part,
    array,
    mapping,
    nullable,
    optional,
    shape,
    words,
)
from busway.api.schema import Definition
from busway.domain.server import ServerStatus

LINKS = array(shape({"rel": words("self", "bookmark", "alternate"), "href": TEXT, "type": optional(TEXT)}, "link"))
NEXT = optional(array(shape({"rel": words("next"), "href": TEXT}, "next-link")))
TEXT_OR_NULL = nullable(TEXT)
METADATA = mapping(TEXT)
_REFERENCE = shape({"id": TEXT, "links": LINKS})

ADDRESSES = mapping(array(shape({"version": {"enum": [4, 6]}, "addr": TEXT})))
FULL_ADDRESSES = mapping(
    array(
        shape(
            {
                "version": {"enum": [4, 6]},
                "addr": TEXT,
                "OS-EXT-IPS:type": words("fixed", "floating"),
                "OS-EXT-IPS-MAC:mac_addr": TEXT,
            }
        )
    )
)
SERVER_STATUS = words(*ServerStatus)
SERVER_IMAGE: Definition = {
    "anyOf": [
        {"enum": [""]},
        shape({"id": TEXT, "links": LINKS, "properties": Part(mapping(TEXT), since=98)}),
    ]
}
SERVER_FLAVOR = shape(
    {
        "vcpus": NUMBER,
        "ram": NUMBER,
        "disk": NUMBER,
        "ephemeral": NUMBER,
        "swap": NUMBER,
        "original_name": TEXT,
        "extra_specs": mapping(TEXT),
    },
)
SERVER_FLAVOR_LINK = _REFERENCE
FAULT = shape({"code": NUMBER, "created": TEXT, "message": TEXT, "details": optional(TEXT)}, "fault")
HYPERVISOR_SERVICE = shape(
    {"id": (Part(NUMBER, until=52), Part(TEXT, since=53)), "host": TEXT, "disabled_reason": TEXT_OR_NULL}
)
NAMES = array(shape({"name": TEXT}))
BRIEF_SERVER = shape({"id": TEXT, "name": TEXT, "links": LINKS}, "brief-server")
NEW_SERVER = shape(
    {
        "id": TEXT,
        "links": LINKS,
        "OS-DCF:diskConfig": words("AUTO", "MANUAL"),
        "security_groups": NAMES,
        "adminPass": TEXT,
    },
    "new-server",
)
_RULE = shape(
    {
        "id": TEXT,
        "parent_group_id": TEXT,
        "ip_protocol": TEXT_OR_NULL,
        "from_port": nullable(NUMBER),
        "to_port": nullable(NUMBER),
        "ip_range": shape({"cidr": optional(TEXT)}),
        "group": {"anyOf": [EMPTY_OBJECT, shape({"tenant_id": TEXT, "name": TEXT})]},
    },
    "security-group-rule",
)
SECURITY_GROUP_RULE = _RULE
SECURITY_GROUP = shape(
    {"id": TEXT, "name": TEXT, "description": TEXT, "tenant_id": TEXT, "rules": array(_RULE)}, "security-group"
)
INTERFACE = shape(
    {
        "port_id": TEXT,
        "net_id": TEXT,
        "mac_addr": TEXT,
        "port_state": words("ACTIVE", "DOWN"),
        "fixed_ips": array(shape({"subnet_id": TEXT, "ip_address": TEXT})),
        "tag": Part(TEXT_OR_NULL, since=70),
    },
    "interface",
)
EXTENSION = shape(
    {"alias": TEXT, "name": TEXT, "description": TEXT, "links": EMPTY, "namespace": TEXT, "updated": TEXT}, "extension"
)
FLAVOR_ACCESS = shape({"flavor_id": TEXT, "tenant_id": TEXT}, "flavor-access")
_IMAGE_BRIEF: Definition = {"id": TEXT, "name": TEXT_OR_NULL, "links": LINKS}
BRIEF_IMAGE = shape(_IMAGE_BRIEF, "brief-image")
IMAGE = shape(
    {
        **_IMAGE_BRIEF,
        "status": words("ACTIVE", "SAVING"),
        "progress": NUMBER,
        "minDisk": NUMBER,
        "minRam": NUMBER,
        "metadata": METADATA,
        "created": TEXT,
        "updated": TEXT,
        "OS-EXT-IMG-SIZE:size": NUMBER,
        "OS-DCF:diskConfig": words("MANUAL"),
        "server": optional(_REFERENCE),
    },
    "image",
)
ZONE_STATE = shape({"available": TRUTH, "active": TRUTH, "updated_at": TEXT_OR_NULL})
HOST_RESOURCE = shape(
    {"resource": shape({"host": TEXT, "project": TEXT, "cpu": NUMBER, "memory_mb": NUMBER, "disk_gb": NUMBER})}
)
SERVER_USAGE = shape(
    {
        "instance_id": TEXT,
        "name": TEXT,
        "tenant_id": TEXT,
        "hours": REAL,
        "flavor": TEXT,
        "vcpus": NUMBER,
        "memory_mb": NUMBER,
        "local_gb": NUMBER,
        "started_at": TEXT,
        "ended_at": TEXT_OR_NULL,
        "state": TEXT,
        "uptime": NUMBER,
    },
    "server-usage",
)
USAGE = shape(
    {
        "tenant_id": TEXT,
        "start": TEXT,
        "stop": TEXT,
        "total_hours": REAL,
        "total_vcpus_usage": REAL,
        "total_memory_mb_usage": REAL,
        "total_local_gb_usage": REAL,
        "server_usages": optional(array(SERVER_USAGE)),
    },
    "usage",
)
_VERSION: Definition = {
    "id": TEXT,
    "status": words("CURRENT", "SUPPORTED"),
    "version": TEXT,
    "min_version": TEXT,
    "updated": TEXT,
    "links": array(shape({"rel": TEXT, "href": TEXT, "type": optional(TEXT)})),
}
VERSION = shape({**_VERSION, "media-types": array(shape({"base": TEXT, "type": TEXT}))}, "version")
VERSIONS = array(shape(_VERSION, "brief-version"))
