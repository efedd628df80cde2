"""What the network API answers: the building blocks of its bodies."""

from __future__ import annotations

from collections.abc import Mapping

from busway.api.answer import (
    EMPTY,
    FALSE,
    NOTHING,
    NUMBER,
    TEXT,
    TRUE,
    TRUTH,
    Property,
    array,
    choice,
    nullable,
    optional,
    shape,
    words,
    wrap,
    wrap_list,
)
from busway.api.schema import Definition

_TEXT_OR_NULL = nullable(TEXT)
_NUMBER_OR_NULL = nullable(NUMBER)
_PAGE = optional(array(shape({"rel": words("next", "previous"), "href": TEXT}, "page-link")))
_COMMON: Mapping[str, Property] = {
    "id": TEXT,
    "tenant_id": TEXT,
    "project_id": TEXT,
    "tags": array(TEXT),
    "revision_number": NUMBER,
    "created_at": TEXT,
    "updated_at": TEXT,
}


def _row(title: str, fields: Mapping[str, Property]) -> Definition:
    """A row with these fields and those of all rows."""
    return shape({**_COMMON, **fields}, title)


def listed(key: str, row: Definition) -> Definition:
    """{key: a list of rows}, with a link to the next page where this one is full."""
    return wrap_list(key, _asked(row), **{f"{key}_links": _PAGE})


def made(key: str, row: Definition) -> Definition:
    """{key: a row}, or {plural of the key: a list of rows} for a body that wished for many."""
    return choice(wrap(key, row), wrap_list(f"{key}s", row))


def shown(key: str, row: Definition) -> Definition:
    """{key: a row}."""
    return wrap(key, _asked(row))


def _asked(row: Definition) -> Definition:
    """The schema of a row of which a query may have asked for some `fields` only."""
    some = {name: optional(held[0].schema) for name, held in row["properties"].items()}
    return shape(some, f"asked-{row['title']}")


NETWORK = _row(
    "network",
    {
        "name": TEXT,
        "description": TEXT,
        "status": words("ACTIVE"),
        "admin_state_up": TRUTH,
        "shared": TRUTH,
        "router:external": TRUTH,
        "is_default": TRUTH,
        "mtu": NUMBER,
        "subnets": array(TEXT),
        "availability_zones": EMPTY,
        "availability_zone_hints": EMPTY,
        "port_security_enabled": TRUTH,
        "provider:network_type": optional(words("local", "flat", "vlan", "geneve")),
        "provider:physical_network": optional(_TEXT_OR_NULL),
        "provider:segmentation_id": optional(_NUMBER_OR_NULL),
    },
)
_MODE = nullable(words("slaac"))
SUBNET = _row(
    "subnet",
    {
        "name": TEXT,
        "description": TEXT,
        "network_id": TEXT,
        "cidr": TEXT,
        "gateway_ip": _TEXT_OR_NULL,
        "ip_version": {"enum": [4, 6]},
        "enable_dhcp": TRUTH,
        "allocation_pools": array(shape({"start": TEXT, "end": TEXT})),
        "dns_nameservers": array(TEXT),
        "host_routes": array(shape({"destination": TEXT, "nexthop": TEXT})),
        "ipv6_address_mode": _MODE,
        "ipv6_ra_mode": _MODE,
        "subnetpool_id": NOTHING,
        "service_types": EMPTY,
        "segment_id": NOTHING,
    },
)
_SUBPORT = {"port_id": TEXT, "segmentation_type": words("vlan"), "segmentation_id": NUMBER}
SUBPORT = shape(_SUBPORT, "subport")
_CARRIED = shape({**_SUBPORT, "mac_address": TEXT}, "carried-subport")
PORT = _row(
    "port",
    {
        "name": TEXT,
        "description": TEXT,
        "network_id": TEXT,
        "device_id": TEXT,
        "device_owner": TEXT,
        "mac_address": TEXT,
        "fixed_ips": array(shape({"subnet_id": TEXT, "ip_address": TEXT})),
        "status": words("ACTIVE", "DOWN", "N/A"),
        "admin_state_up": TRUTH,
        "allowed_address_pairs": array(shape({"mac_address": TEXT, "ip_address": TEXT})),
        "extra_dhcp_opts": array(shape({"opt_name": TEXT, "opt_value": TEXT, "ip_version": {"enum": [4]}})),
        "security_groups": array(TEXT),
        "port_security_enabled": TRUTH,
        "binding:vnic_type": words("normal", "direct", "direct-physical"),
        "numa_affinity_policy": nullable(words("required", "legacy", "preferred", "socket")),
        "binding:host_id": optional(TEXT),
        "binding:vif_type": optional(words("bridge", "hw_veb", "hostdev_physical", "unbound")),
        "binding:vif_details": optional(shape({"port_filter": optional(TRUTH), "vlan": optional(TEXT)})),
        "binding:profile": optional(
            shape(
                {
                    "pci_slot": optional(TEXT),
                    "pci_vendor_info": optional(TEXT),
                    "physical_network": optional(TEXT),
                    "device_mac_address": optional(TEXT),
                    "parent_name": optional(TEXT),
                    "tag": optional(NUMBER),
                }
            )
        ),
        "trunk_details": optional(shape({"trunk_id": TEXT, "sub_ports": array(_CARRIED)}, "trunk-details")),
        "dns_assignment": EMPTY,
    },
)
_GATEWAY = shape(
    {
        "network_id": TEXT,
        "enable_snat": TRUTH,
        "external_fixed_ips": array(shape({"subnet_id": TEXT, "ip_address": TEXT})),
    },
    "external-gateway",
)
ROUTER = _row(
    "router",
    {
        "name": TEXT,
        "description": TEXT,
        "status": words("ACTIVE"),
        "admin_state_up": TRUTH,
        "external_gateway_info": nullable(_GATEWAY),
        "routes": array(shape({"destination": TEXT, "nexthop": TEXT})),
    },
)
INTERFACE = shape(
    {
        **dict.fromkeys(("id", "tenant_id", "project_id", "port_id", "network_id", "subnet_id"), TEXT),
        "subnet_ids": array(TEXT),
        "tags": EMPTY,
    },
    "router-interface",
)
FLOATING_IP = _row(
    "floating-ip",
    {
        "description": TEXT,
        "floating_network_id": TEXT,
        "floating_ip_address": TEXT,
        "port_id": _TEXT_OR_NULL,
        "fixed_ip_address": _TEXT_OR_NULL,
        "router_id": _TEXT_OR_NULL,
        "status": words("ACTIVE", "DOWN"),
    },
)
TRUNK = _row(
    "trunk",
    {
        "name": TEXT,
        "description": TEXT,
        "status": words("ACTIVE", "DOWN"),
        "admin_state_up": TRUTH,
        "port_id": TEXT,
        "sub_ports": array(SUBPORT),
    },
)
RULE = _row(
    "security-group-rule",
    {
        "security_group_id": TEXT,
        "direction": words("ingress", "egress"),
        "ethertype": words("IPv4", "IPv6"),
        "protocol": _TEXT_OR_NULL,
        "port_range_min": _NUMBER_OR_NULL,
        "port_range_max": _NUMBER_OR_NULL,
        "remote_ip_prefix": _TEXT_OR_NULL,
        "remote_group_id": _TEXT_OR_NULL,
        "remote_address_group_id": NOTHING,
        "normalized_cidr": _TEXT_OR_NULL,
        "description": TEXT,
    },
)
GROUP = _row(
    "security-group",
    {
        "name": TEXT,
        "description": TEXT,
        "stateful": TRUE,
        "shared": FALSE,
        "security_group_rules": array(RULE),
    },
)
EXTENSION = shape(
    {
        **dict.fromkeys(("alias", "name", "description", "updated"), optional(TEXT)),
        "links": optional(EMPTY),
    },
    "extension",
)
_LINKS = array(shape({"rel": TEXT, "href": TEXT}))
RESOURCES = wrap_list("resources", shape({"name": TEXT, "collection": TEXT, "links": _LINKS}))
VERSIONS = wrap_list(
    "versions",
    shape({"id": TEXT, "status": words("CURRENT"), "links": _LINKS}),
)
