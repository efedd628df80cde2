"""Neutron's rules for what Busway's network API does."""

from __future__ import annotations

from busway.policy.rule import ADMIN, ANYONE, MEMBER, READER, Rule

_READER_OR_SERVICE = f"{READER} or rule:service_api"
_MEMBER_OR_SERVICE = f"{MEMBER} or rule:service_api"


def _thing(name: str, read: str, write: str, words: str, plural: str) -> tuple[Rule, ...]:
    return (
        Rule(f"get_{name}", read, f"List and show {plural}"),
        Rule(f"create_{name}", write, f"Create {words}"),
        Rule(f"update_{name}", write, f"Change {words}"),
        Rule(f"delete_{name}", write, f"Delete {words}"),
    )


RULES = (
    *_thing("network", _READER_OR_SERVICE, MEMBER, "a network", "networks"),
    *_thing("subnet", _READER_OR_SERVICE, MEMBER, "a subnet", "subnets"),
    *_thing("port", _READER_OR_SERVICE, _MEMBER_OR_SERVICE, "a port", "ports"),
    *_thing("router", READER, MEMBER, "a router", "routers"),
    *_thing("floatingip", READER, MEMBER, "a floating IP address", "floating IP addresses"),
    *_thing("security_group", READER, MEMBER, "a security group", "security groups"),
    *_thing("security_group_rule", READER, MEMBER, "a rule of a security group", "rules of security groups"),
    *_thing("trunk", READER, MEMBER, "a trunk", "trunks"),
    Rule("get_subports", READER, "List the ports that a trunk carries"),
    Rule("add_subports", MEMBER, "Have a trunk carry ports"),
    Rule("remove_subports", MEMBER, "Take ports from a trunk"),
    Rule("create_network:shared", ADMIN, "Create a network that all projects share"),
    Rule("create_network:provider:network_type", ADMIN, "Create a network on a physical network of the hosts"),
    Rule("update_network:shared", ADMIN, "Share a network with all projects"),
    Rule("create_network:router:external", ADMIN, "Create an external network, for the gateways of routers"),
    Rule("update_network:router:external", ADMIN, "Make a network external, or no longer"),
    Rule("create_network:is_default", ADMIN, "Create the default external network"),
    Rule("update_network:is_default", ADMIN, "Make an external network the default, or no longer"),
    Rule("get_network_ip_availability", ADMIN, "See how many addresses of networks are used"),
    Rule("get_auto_allocated_topology", READER, "Have a network made for a project that has none, or see it"),
    Rule("delete_auto_allocated_topology", MEMBER, "Delete the network that was made for a project"),
    Rule("create_router:external_gateway_info", MEMBER, "Create a router with a gateway"),
    Rule("create_router:external_gateway_info:enable_snat", ADMIN, "Choose whether a new router translates addresses"),
    Rule(
        "create_router:external_gateway_info:external_fixed_ips", ADMIN, "Choose the address of a new router's gateway"
    ),
    Rule("update_router:external_gateway_info", MEMBER, "Give a router a gateway"),
    Rule("update_router:external_gateway_info:enable_snat", ADMIN, "Choose whether a router translates addresses"),
    Rule("update_router:external_gateway_info:external_fixed_ips", ADMIN, "Choose the address of a router's gateway"),
    Rule("add_extraroutes", MEMBER, "Add routes to a router's"),
    Rule("remove_extraroutes", MEMBER, "Remove routes of a router"),
    Rule("add_router_interface", MEMBER, "Join a subnet to a router"),
    Rule("remove_router_interface", MEMBER, "Take a subnet from a router"),
    Rule("create_floatingip:floating_ip_address", ADMIN, "Choose a floating IP address"),
    Rule("update_port:tags", MEMBER, "Change the tags of a port"),
    Rule("update_quota", ADMIN, "Set a project's network quota"),
    Rule("delete_quota", ADMIN, "Remove a project's own network quota"),
    Rule(
        "get_quota", READER, "See a project's network quota"
    ),  # Neutron asks no rule of one's own: extensions/quotasv2.py, show
    Rule("get_availability_zone", "role:reader", "List the availability zones of networks"),
    Rule("get_subnetpool", READER, "List subnet pools"),
    Rule("get_address_group", READER, "List address groups"),
    Rule("get_rbac_policy", READER, "List shared networks"),
    Rule("get_extensions", ANYONE, "List the extensions of the API"),
)
