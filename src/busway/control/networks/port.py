"""The use cases of ports: a MAC and addresses on a network, created by a user or together with a server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.networks import fixed_ips, quota, sriov
from busway.control.networks.access import (
    missing,
    require_choice,
    require_network_owner,
    scope,
    usable_network,
    visible_port,
)
from busway.control.networks.changes import tell_hosts
from busway.control.networks.security_group import default_group
from busway.control.networks.trunk import refuse_parent_or_subport
from busway.domain.caller import Caller
from busway.domain.dhcp_option import DhcpOption, check_options
from busway.domain.errors import BadInput, Conflict, NotSupported
from busway.domain.guest_network import NORMAL, OVERLAY, AddressPair, plain_network
from busway.domain.ids import PortId, ProjectId, SecurityGroupId, ServerId
from busway.domain.network import FLOATING_IP, ROUTER_GATEWAY, ROUTER_INTERFACE, SERVICES, FixedIp, Network, Port
from busway.policy import authorize
from busway.store import networks, port_addresses, port_list, security_groups, server_places
from busway.store import ports as store
from busway.store.address_lookup import AddressLookup
from busway.store.database import Tx
from busway.store.port_list import PortFilter

EVERY_PORT = PortFilter()
MAX_PAIRS = 10
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class PortFields:
    """The fields of a port that a request sets; None leaves a field as it is, or at its default for a new port.

    An address pair without a MAC has the MAC of the port.
    """

    name: str | None = None
    description: str | None = None
    security: bool | None = None
    groups: tuple[str, ...] | None = None
    pairs: tuple[AddressPair, ...] | None = None
    mac: str | None = None
    fixed_ips: tuple[FixedIp, ...] | None = None  # all that the port has from then on
    up: bool | None = None
    vnic: str | None = None
    numa_policy: str | None = None  # "" for none
    dhcp_options: tuple[DhcpOption, ...] | None = None  # a value "" takes the option of this name away


@dataclass(frozen=True, slots=True)
class NewPort:
    """The fields of a port that is to be created, in the caller's project unless another is given."""

    network_id: str
    fields: PortFields
    project_id: ProjectId | None = None


def list_ports(control: Control, caller: Caller, wanted: PortFilter = EVERY_PORT) -> list[Port]:
    """Lists the ports of the caller's project that match a filter; for an admin, those of all projects."""
    with control.db.read() as tx:
        return port_list.list_page(tx, replace(wanted, project_id=scope(caller)))


def hosts_of_ports(control: Control, ports: Sequence[Port]) -> dict[ServerId, str]:
    """Returns the name of the host of each port's guest, by server."""
    with control.db.read() as tx:
        return server_places.host_names(tx, [port.guest for port in ports if port.guest is not None])


def ports_of_server(control: Control, server_id: ServerId) -> list[Port]:
    """Lists the ports of a server, oldest first; the caller has checked access to the server."""
    with control.db.read() as tx:
        return store.server_ports(tx, [server_id]).get(server_id, [])


def get_port(control: Control, caller: Caller, port_id: str) -> Port:
    """Returns one port; raises `NotFound`."""
    with control.db.read() as tx:
        return visible_port(tx, caller, port_id)


def create_port(
    control: Control, caller: Caller, network_id: str, fields: PortFields, project_id: ProjectId | None = None
) -> Port:
    """Creates one port; see `create_ports`."""
    return create_ports(control, caller, [NewPort(network_id, fields, project_id)])[0]


def create_ports(control: Control, caller: Caller, wanted: Sequence[NewPort]) -> list[Port]:
    """Creates ports, all or none. They stay when a server that they are given to is deleted."""
    for each in wanted:
        authorize(caller, "create_port", {"project_id": each.project_id or caller.project_id})
    with control.db.write() as tx:
        quota.take_projects(control, tx, {each.project_id or caller.project_id for each in wanted})
        for network_id in sorted({each.network_id for each in wanted}):
            usable_network(tx, caller, network_id, lock=True)
        made = [_create(control, tx, caller, each) for each in wanted]
    tell_hosts(control)
    return made


def _create(control: Control, tx: Tx, caller: Caller, wanted: NewPort) -> Port:
    owner, fields = wanted.project_id or caller.project_id, wanted.fields
    network = usable_network(tx, caller, wanted.network_id, lock=True)
    wanted_ips = fixed_ips.wanted_addresses(network, fields.fixed_ips)
    require_choice(caller, network, wanted_ips)
    quota.check(control, tx, owner, "port")
    if fields.mac is not None:
        require_network_owner(caller, network, "choose MAC addresses on")
    port_id = PortId(control.new_id())
    port = allocate_port(control, tx, port_id, owner, network, wanted_ips, _mac(fields.mac))
    own = default_group(control, tx, owner).id
    wants_security = port.security if fields.security is None else fields.security
    fresh = replace(port, own=True, groups=(own,) if wants_security else ())
    if fields.vnic not in (None, NORMAL):
        fresh = sriov.made_direct(fresh, str(fields.vnic))
    made = _changed(tx, caller, fresh, fields)
    store.add_port(tx, made)
    security_groups.note_change(tx, made.project_id, control.now())
    return made


def update_port(control: Control, caller: Caller, port_id: str, fields: PortFields) -> Port:
    """Changes a port; its host applies new rules to a running guest at once."""
    with control.db.write() as tx:
        port = visible_port(tx, caller, port_id)
        if fields.fixed_ips is not None:
            networks.find_network(tx, port.network.id, lock=True)  # before the port, as all who lock both
        port = visible_port(tx, caller, port_id, lock=True)
        if port.is_internal and replace(fields, name=None, description=None, fixed_ips=None) != PortFields():
            raise internal_port(port)
        if fields.mac not in (None, port.mac):
            raise Conflict(
                f"The MAC address of port {port.id} can't be changed",
                detail="The guest's card has it.",
                remedy="Create another port with the MAC address that you want.",
                code="port-addresses-fixed",
            )
        if fields.fixed_ips is not None:
            moved = fixed_ips.with_addresses(tx, port, fields.fixed_ips)
            if moved != port and port.is_internal:
                raise internal_port(port)
            require_choice(caller, port.network, set(moved.addresses).difference(port.addresses))
            port = store.save_addresses(tx, moved) if moved != port else port
        if fields.vnic not in (None, port.vnic):
            raise sriov.type_is_fixed(port)
        made = store.save_port(tx, _changed(tx, caller, port, fields))
        security_groups.note_change(tx, made.project_id, control.now())
    tell_hosts(control)
    return made


def delete_port(control: Control, caller: Caller, port_id: str) -> None:
    """Deletes a port; raises `Conflict` while a server has it or a trunk needs it."""
    with control.db.write() as tx:
        port = visible_port(tx, caller, port_id, lock=True)
        if port.is_internal:
            raise internal_port(port)
        if port.server_id is not None:
            raise Conflict(
                f"Port {port.id} is in use by server {port.server_id}",
                remedy="Delete the server first.",
                code="port-in-use",
            )
        refuse_parent_or_subport(tx, port)
        store.remove_port(tx, port.id)
        security_groups.note_change(tx, port.project_id, control.now())
    tell_hosts(control)


def internal_port(port: Port) -> Conflict:
    """Returns the error for what can't be done with a port that no server can have."""
    remedy = {
        ROUTER_INTERFACE: f"Take it from its router: openstack router remove port {port.device_id} {port.id}",
        ROUTER_GATEWAY: f"Remove the gateway of its router: openstack router unset --external-gateway {port.device_id}",
        FLOATING_IP: f"Delete its floating address: openstack floating ip delete {port.device_id}",
        SERVICES: "It goes with the last router of its network.",
    }
    return Conflict(
        f"Port {port.id} cannot be deleted or changed directly via the port API: has device owner {port.device_owner}",
        remedy=remedy.get(port.device_owner, ""),
        code="port-in-use",
    )


def _changed(tx: Tx, caller: Caller, port: Port, fields: PortFields) -> Port:
    """Returns the port with its new fields; without port security it has neither groups nor address pairs."""
    sriov.refuse_filters(port, security=fields.security, groups=fields.groups, up=fields.up)
    security = port.security if fields.security is None else fields.security
    groups = port.groups if fields.groups is None else _groups(tx, port, fields.groups)
    if fields.security is False and fields.groups is None:
        groups = ()
    pairs = port.pairs if fields.pairs is None else _pairs(port, fields.pairs)
    if fields.security is False and fields.pairs is None:
        pairs = ()
    if fields.security is not None and fields.security != port.security:
        require_network_owner(caller, port.network, "set the port security of ports on")
    if pairs and pairs != port.pairs:
        require_network_owner(caller, port.network, "allow address pairs on")
    if not security and (groups or pairs):
        raise Conflict(
            "Port Security must be enabled in order to have security groups and allowed address pairs on a port",
            remedy="Enable it, or remove them: --no-security-group --no-allowed-address.",
            code="port-security-off",
        )
    return replace(
        port,
        name=port.name if fields.name is None else fields.name,
        description=port.description if fields.description is None else fields.description,
        security=security,
        groups=groups,
        pairs=pairs,
        up=port.up if fields.up is None else fields.up,
        numa_policy=port.numa_policy if fields.numa_policy is None else sriov.policy_of(port, fields.numa_policy),
        dhcp_options=port.dhcp_options if fields.dhcp_options is None else _options(port, fields.dhcp_options),
    )


def _options(port: Port, wanted: Sequence[DhcpOption]) -> tuple[DhcpOption, ...]:
    """As Neutron: those that the port has stay, with new values or without those whose value is taken away."""
    if wanted and (port.is_sriov or port.network.driver == OVERLAY):
        raise NotSupported(
            f"Port {port.id} can't have extra DHCP options",
            detail="Its host answers no DHCP of it: it is a network card, or on a network of type geneve.",
            remedy="Omit extra_dhcp_opts, or use a network of another type.",
            code="port-field",
        )
    known = {each.name: each for each in port.dhcp_options} | {each.name: each for each in wanted}
    return check_options([each for each in known.values() if each.value])


def _groups(tx: Tx, port: Port, wanted: Sequence[str]) -> tuple[SecurityGroupId, ...]:
    known = {group.id: group for group in security_groups.get_groups(tx, wanted)}
    for group_id in wanted:
        group = known.get(SecurityGroupId(group_id))
        if group is None or group.project_id != port.project_id:
            raise missing("security group", group_id)
    return tuple(dict.fromkeys(SecurityGroupId(group_id) for group_id in wanted))


def _pairs(port: Port, wanted: Sequence[AddressPair]) -> tuple[AddressPair, ...]:
    if len(wanted) > MAX_PAIRS:
        raise BadInput(
            f"{len(wanted)} allowed address pairs", remedy=f"Give at most {MAX_PAIRS}.", code="address-pairs"
        )
    try:
        found = [
            AddressPair(_mac(pair.mac) or port.mac, str(plain_network(pair.cidr, strict=False))) for pair in wanted
        ]
    except ValueError as error:
        raise BadInput(
            "An allowed address pair needs an IP address", detail=f"{error}.", code="address-pairs"
        ) from error
    return tuple(dict.fromkeys(found))


def _mac(text: str | None) -> str | None:
    """Returns a unicast MAC address in lower case; raises `BadInput` for anything else."""
    if not text:
        return None
    mac = text.lower().replace("-", ":")
    if not _MAC.fullmatch(mac) or int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise BadInput(f"{text} is not the MAC address of a network card", code="mac-address")
    return mac


def allocate_port(
    control: Control,
    tx: Tx,
    port_id: PortId,
    project_id: ProjectId,
    network: Network,
    fixed_ips: Sequence[str] = ("",),
    mac: str | None = None,
) -> Port:
    """Returns a new port with an address, not stored yet; the caller has locked the network's row."""
    return allocate_ports(control, tx, [port_id], project_id, network, fixed_ips, mac)[0]


def allocate_ports(
    control: Control,
    tx: Tx,
    port_ids: Sequence[PortId],
    project_id: ProjectId,
    network: Network,
    fixed_ips: Sequence[str] = ("",),
    mac: str | None = None,
    lookup: AddressLookup | None = None,
) -> list[Port]:
    """Returns several new ports on one network, each with as many addresses as `fixed_ips` has: these, or any for "".

    `lookup` is what the transaction knows of addresses in use.
    """
    cards, now = port_addresses.take_cards(tx, network, port_ids, fixed_ips, mac, lookup), control.now()
    return [
        Port(
            port_id, network, project_id, None, "".join(given[:1]), own, now, security=network.security,
            further=given[1:],
        )
        for port_id, (given, own) in zip(port_ids, cards, strict=True)
    ]  # fmt: skip
