"""Which networks, ports and security groups a caller may see or change. What a caller may not see is `NotFound`."""

from __future__ import annotations

from collections.abc import Iterable

from busway.domain.caller import Caller
from busway.domain.errors import Forbidden, NotFound
from busway.domain.ids import ProjectId
from busway.domain.network import Network, Port, Subnet
from busway.domain.router import FloatingIp, Router
from busway.domain.security_group import SecurityGroup, SecurityRule
from busway.domain.trunk import Trunk
from busway.store import floating_ips, networks, ports, routers, security_groups, trunks
from busway.store.database import Tx


def scope(caller: Caller) -> ProjectId | None:
    """Returns the project whose resources the caller sees; None for an admin, who sees all."""
    return None if caller.is_admin else caller.project_id


def visible_network(tx: Tx, caller: Caller, network_id: str, *, lock: bool = False) -> Network:
    """Returns a network that the caller sees: of its project, shared, or external; raises `NotFound`."""
    found = networks.find_network(tx, network_id, lock=lock)
    if found is None or not (found.shared or found.external or caller.may_see(found.owner)):
        raise missing("network", network_id)
    return found


def usable_network(tx: Tx, caller: Caller, network_id: str, *, lock: bool = False) -> Network:
    """Returns a network on which the caller may have ports; raises `NotFound`, or `Forbidden` for an external one."""
    found = visible_network(tx, caller, network_id, lock=lock)
    require_usable(caller, found)
    return found


def require_usable(caller: Caller, network: Network) -> None:
    """Raises `Forbidden` for an external network that is not shared, unless the caller is an admin."""
    if network.external and not network.shared and not caller.is_admin:
        raise Forbidden(
            f"User {caller.user_name} may not have ports on the external network {network.name}",
            detail="Routers have their gateways there, and floating addresses come from it.",
            remedy="Use a network of your project with a router (openstack router set --external-gateway), or ask an admin "
            "for a port.",
            code="network-external",
        )


def own_network(tx: Tx, caller: Caller, network_id: str, doing: str) -> Network:
    """Returns a network that the caller may change; raises `NotFound`, or `Forbidden` for a shared one of others."""
    found = visible_network(tx, caller, network_id, lock=True)
    require_network_owner(caller, found, doing)
    return found


def own_subnet(tx: Tx, caller: Caller, subnet_id: str, doing: str) -> tuple[Network, Subnet]:
    """Returns a subnet that the caller may change, with its network, which is locked; raises as `own_network`.

    Of an external network everybody sees the network, but not its subnets.
    """
    found = networks.find_of_subnet(tx, subnet_id)
    if found is None or not (found.shared or caller.may_see(found.owner)):
        raise missing("subnet", subnet_id)
    network = own_network(tx, caller, found.id, doing)
    for subnet in network.subnets:
        if subnet.id == subnet_id:
            return network, subnet
    raise missing("subnet", subnet_id)  # somebody has deleted it meanwhile


def require_network_owner(caller: Caller, network: Network, doing: str) -> None:
    """Raises `Forbidden` unless the network belongs to the caller's project or the caller is an admin."""
    if not caller.may_see(network.owner):
        raise Forbidden(
            f"User {caller.user_name} may not {doing} network {network.name}",
            detail="It belongs to another project, which only shares it.",
            remedy="Ask an admin, or create your own network: openstack network create NAME.",
            code="network-owner-required",
        )


def require_choice(caller: Caller, network: Network, addresses: Iterable[str]) -> None:
    """Raises `Forbidden` for an address outside the pools, which the network's owner keeps; "" is any, and others are let through."""
    if network.v4 is not None and any(network.v4.holds(each) and not network.v4.offers(each) for each in addresses):
        require_network_owner(caller, network, "choose addresses outside the allocation pools of")


def visible_port(tx: Tx, caller: Caller, port_id: str, *, lock: bool = False) -> Port:
    """Returns a port of the caller's project; raises `NotFound`."""
    found = ports.find_port(tx, port_id, lock=lock)
    if found is None or not caller.may_see(found.project_id):
        raise missing("port", port_id)
    return found


def visible_group(tx: Tx, caller: Caller, group_id: str, *, lock: bool = False) -> SecurityGroup:
    """Returns a security group of the caller's project; raises `NotFound`."""
    found = security_groups.get_groups(tx, [group_id], lock=lock)
    if not found or not caller.may_see(found[0].project_id):
        raise missing("security group", group_id)
    return found[0]


def visible_rule(tx: Tx, caller: Caller, rule_id: str) -> tuple[ProjectId, SecurityRule]:
    """Returns a rule of a security group of the caller's project, with that project; raises `NotFound`."""
    found = security_groups.find_rule(tx, rule_id)
    if found is None or not caller.may_see(found[0]):
        raise missing("security group rule", rule_id)
    return found


def visible_router(tx: Tx, caller: Caller, router_id: str, *, lock: bool = False) -> Router:
    """Returns a router of the caller's project; raises `NotFound`."""
    found = routers.find_router(tx, router_id, lock=lock)
    if found is None or not caller.may_see(found.project_id):
        raise missing("router", router_id)
    return found


def visible_floating_ip(tx: Tx, caller: Caller, floating_id: str, *, lock: bool = False) -> FloatingIp:
    """Returns a floating address of the caller's project; raises `NotFound`."""
    found = floating_ips.find_floating_ip(tx, floating_id, lock=lock)
    if found is None or not caller.may_see(found.project_id):
        raise missing("floating ip", floating_id)
    return found


def visible_trunk(tx: Tx, caller: Caller, trunk_id: str, *, lock: bool = False) -> Trunk:
    """Returns a trunk of the caller's project; raises `NotFound`."""
    found = trunks.find_trunk(tx, trunk_id, lock=lock)
    if found is None or not caller.may_see(found.project_id):
        raise missing("trunk", trunk_id)
    return found


def missing(kind: str, identity: str) -> NotFound:
    """Returns the error for a resource that does not exist or that the caller may not see."""
    return NotFound(
        f"{kind.capitalize()} {identity} could not be found",
        remedy=f"List them: openstack {'network trunk' if kind == 'trunk' else kind} list",
        code=f"{kind.replace(' ', '-')}-not-found",
    )
