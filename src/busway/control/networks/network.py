"""The use cases of networks: the default network of the configuration, and the networks of projects."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Network

from busway.control.context import Control
from busway.control.networks import quota, sriov
from busway.control.networks.access import own_network, scope, visible_network
from busway.control.networks.changes import note_network, tell_hosts
from busway.control.networks.overlay import require_overlay
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotSupported
from busway.domain.guest_network import BRIDGE, DEFAULT_PHYSICAL, LOCAL, OVERLAY, OVERLAY_MTU
from busway.domain.ids import NetworkId, ProjectId
from busway.domain.network import NOBODY, ROUTER_INTERFACE, Network, Subnet
from busway.policy import authorize
from busway.store import floating_ips, network_list, ports, routers
from busway.store import networks as store
from busway.store.database import Tx, take_turn
from busway.store.network_list import EVERY_NETWORK, NetworkFilter


@dataclass(frozen=True, slots=True)
class NewNetwork:
    """The fields of a network that is to be created."""

    name: str
    description: str = ""
    shared: bool = False
    driver: str = LOCAL
    physical: str = ""
    vlan: int = 0
    mtu: int | None = None  # None or 0 is what the type has room for
    project_id: ProjectId | None = None
    external: bool = False
    is_default: bool = False
    up: bool = True
    security: bool = True


def bootstrap_network(control: Control, owner: ProjectId) -> Network:
    """Creates the configured network, or updates it to the configuration; idempotent."""
    with control.db.write() as tx:
        known = next((each for each in store.list_networks(tx) if is_configured(control, each)), None)
        wanted = _configured(control, known.id if known else NetworkId(control.new_id()), owner)
        if known is None:
            store.add_network(tx, wanted)
        else:
            wanted = _kept(known, wanted)
            if wanted != known:
                wanted = store.save_network(tx, wanted)
            note_network(tx, wanted, control.now())
    return wanted


def is_configured(control: Control, network: Network) -> bool:
    """True for the network that each start of the control plane brings to its configuration."""
    return network.shared and network.name == control.settings.network_name


def _configured(control: Control, network_id: NetworkId, owner: ProjectId) -> Network:
    settings = control.settings
    bridge = settings.network_driver == BRIDGE
    v4 = Subnet(
        control.new_id(), settings.network_name, settings.network_cidr, settings.network_gateway,
        ((settings.network_first, settings.network_last),), settings.network_dhcp, tuple(settings.network_dns),
    )  # fmt: skip
    v6 = None
    cidr6 = settings.network_cidr6 if settings.network_cidr6 != "auto" else "" if bridge else unique_local(network_id)
    if cidr6:
        gateway = str(IPv6Network(cidr6)[1]) if not bridge else ""
        v6 = Subnet(control.new_id(), f"{settings.network_name}-v6", cidr6, gateway, dhcp=not bridge)
    return Network(
        network_id, settings.network_name, owner, control.now(), driver=settings.network_driver,
        physical=settings.network_physical if bridge else "", vlan=settings.network_vlan if bridge else 0, v4=v4, v6=v6,
    )  # fmt: skip


def _kept(known: Network, wanted: Network) -> Network:
    """Returns the existing network with what the configuration says; what it does not say stays."""
    v4, v6 = wanted.v4, wanted.v6
    if v4 and known.v4:
        v4 = replace(
            known.v4, cidr=v4.cidr, gateway=v4.gateway, pools=v4.pools, dhcp=v4.dhcp, dns=v4.dns,
        )  # fmt: skip
    if v6 and known.v6:
        v6 = replace(known.v6, cidr=v6.cidr, gateway=v6.gateway, dhcp=v6.dhcp)
    return replace(known, driver=wanted.driver, physical=wanted.physical, vlan=wanted.vlan, v4=v4, v6=v6)


def unique_local(network_id: str) -> str:
    """Returns a /64 of unique local addresses (RFC 4193) derived from the network's id."""
    digits = hashlib.sha256(network_id.encode()).hexdigest()
    return str(IPv6Network(f"fd{digits[:2]}:{digits[2:6]}:{digits[6:10]}:{digits[10:14]}::/64"))


def list_networks(control: Control, caller: Caller, wanted: NetworkFilter = EVERY_NETWORK) -> list[Network]:
    """Lists the networks that the caller may use and that match a filter."""
    with control.db.read() as tx:
        return network_list.list_network_page(tx, replace(wanted, project_id=scope(caller)))


def get_network(control: Control, caller: Caller, network_id: str) -> Network:
    """Returns one network that the caller may use; raises `NotFound`."""
    with control.db.read() as tx:
        return visible_network(tx, caller, network_id)


def create_network(control: Control, caller: Caller, wanted: NewNetwork) -> Network:
    """Creates one network without subnets; see `create_networks`."""
    return create_networks(control, caller, [wanted])[0]


def create_networks(control: Control, caller: Caller, wanted: Sequence[NewNetwork]) -> list[Network]:
    """Creates networks without subnets, all or none.

    Networks with the driver `bridge`, shared ones, external ones, the default one and those of another project need an admin:
    raises `Forbidden`. Raises `Conflict` for a second default.
    """
    made = [_new(control, caller, each) for each in wanted]
    with control.db.write() as tx:
        quota.take_projects(control, tx, {network.owner for network in made})
        for network in made:
            add_network(control, tx, network)
    return made


def add_network(control: Control, tx: Tx, network: Network) -> None:
    """Stores a new network within its owner's quota; the caller has the owner's turn (`quota.take_projects`)."""
    quota.check(control, tx, network.owner, "network")
    _refuse_taken(tx, network)
    if network.is_default:
        _refuse_second_default(tx, network)
    store.add_network(tx, network)


def _new(control: Control, caller: Caller, wanted: NewNetwork) -> Network:
    owner = wanted.project_id or caller.project_id
    authorize(caller, "create_network", {"project_id": owner})
    if wanted.shared:
        authorize(caller, "create_network:shared")
    if wanted.external:
        authorize(caller, "create_network:router:external")
        _require_outer(control, wanted.driver)
    if wanted.is_default:
        authorize(caller, "create_network:is_default")
        _require_external(external=wanted.external)
    if wanted.driver == BRIDGE:
        authorize(caller, "create_network:provider:network_type")
    if wanted.driver == OVERLAY:
        require_overlay(control)
    if wanted.driver != BRIDGE and (wanted.physical or wanted.vlan):
        raise BadInput(
            f"A network of type {'local' if wanted.driver == LOCAL else 'geneve'} has neither a physical network nor a segment",
            remedy="Omit them, or choose the type flat or vlan.",
            code="network-provider",
        )
    return Network(
        NetworkId(control.new_id()), wanted.name, owner, control.now(), wanted.shared, wanted.driver,
        (wanted.physical or DEFAULT_PHYSICAL) if wanted.driver == BRIDGE else "", wanted.vlan,
        wanted.mtu or _room(wanted.driver),
        wanted.description, external=wanted.external, is_default=wanted.is_default, up=wanted.up, security=wanted.security,
    )  # fmt: skip


def _room(driver: str) -> int:
    """The MTU that networks of a driver have room for."""
    return OVERLAY_MTU if driver == OVERLAY else 1500


def _require_outer(control: Control, driver: str) -> None:
    """Raises `NotSupported` for a network that can't be external."""
    require_overlay(control, "external networks")
    if driver == LOCAL:
        raise NotSupported(
            "A network of type local can't be external",
            detail="It lies within each host, and routers are on several.",
            remedy="Choose the type flat or vlan, whose bridge the chassis of gateways have, or geneve.",
            code="network-field",
        )


def _refuse_taken(tx: Tx, network: Network) -> None:
    for other in store.list_networks(tx) if network.driver == BRIDGE else ():
        if _segment(other) == _segment(network):
            raise Conflict(
                f"Network {other.name} uses this segment already",
                detail=f"Physical network {network.physical}, VLAN {network.vlan or 'none'}.",
                remedy="Use that network, or choose another VLAN.",
                code="segment-taken",
            )


def update_network(
    control: Control,
    caller: Caller,
    network_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    shared: bool | None = None,
    external: bool | None = None,
    is_default: bool | None = None,
    up: bool | None = None,
    security: bool | None = None,
    mtu: int | None = None,
) -> Network:
    """Changes a network; None leaves a field unchanged. One that is no longer external is no default either.

    Hosts learn `up` and `mtu` at once; `security` is for ports that are made later.
    """
    if shared is not None:
        authorize(caller, "update_network:shared")
    if external is not None:
        authorize(caller, "update_network:router:external")
    if is_default is not None:
        authorize(caller, "update_network:is_default")
    with control.db.write() as tx:
        known = own_network(tx, caller, network_id, "change")
        if shared is False and known.shared:
            _refuse_strangers(known, ports.projects_on(tx, known.id))
        if external is not None and external != known.external:
            _check_external(control, tx, known, external=external)
        changed = replace(
            known,
            name=known.name if name is None else name,
            description=known.description if description is None else description,
            shared=known.shared if shared is None else shared,
            external=known.external if external is None else external,
            is_default=known.is_default and external is not False if is_default is None else is_default,
            up=known.up if up is None else up,
            security=known.security if security is None else security,
            mtu=known.mtu if mtu is None else mtu or _room(known.driver),
        )
        if changed.is_default and not (known.is_default and known.external):
            _require_external(external=changed.external)
            _refuse_second_default(tx, changed)
        if known.up and not changed.up:
            sriov.refuse_down(tx, known)
        if (known.up, known.mtu) != (changed.up, changed.mtu):
            note_network(tx, changed, control.now())
        changed = store.save_network(tx, changed)
    tell_hosts(control)
    control.bell.ring(OVERLAY)
    return changed


def _require_external(*, external: bool) -> None:
    if not external:
        raise BadInput(
            "Only an external network can be the default",
            detail="Routers that are made for projects have their gateways on it.",
            remedy="Make it external too: openstack network set --external --default NETWORK",
            code="network-default",
        )


def _refuse_second_default(tx: Tx, network: Network) -> None:
    take_turn(tx, "default-external-network")
    known = store.find_default(tx)
    if known is not None and known.id != network.id:
        raise Conflict(
            f"A default external network already exists: {known.id}",
            detail=f"It is {known.name}, and there is one.",
            remedy=f"Take that from it first: openstack network set --no-default {known.id}",
            code="network-default",
        )


def _check_external(control: Control, tx: Tx, network: Network, *, external: bool) -> None:
    """Raises `Conflict` if routers or floating addresses need a network as it is."""
    if external:
        _require_outer(control, network.driver)
        if ports.internal_ports(tx, [network.id], ROUTER_INTERFACE):
            raise Conflict(
                f"Network {network.name} can't be external: routers join it",
                remedy=f"Take it from them first: openstack port list --network {network.id}",
                code="network-in-use",
            )
    elif routers.has_gateway_on(tx, network.id) or floating_ips.has_floating_ips(tx, network.id):
        raise Conflict(
            f"External network {network.id} cannot be updated to be made non-external, since it has existing gateway ports",
            detail="Routers have their gateways there, or projects floating addresses.",
            remedy="Remove those first: openstack router list, openstack floating ip list --network NETWORK",
            code="network-in-use",
        )


def delete_network(control: Control, caller: Caller, network_id: str) -> None:
    """Deletes a network with its subnets and, as Neutron, the floating addresses of it that lead nowhere.

    Raises `Conflict` while it has other ports.
    """
    with control.db.write() as tx:
        network = drop_network(tx, caller, network_id)
    if network.external:
        control.bell.ring(OVERLAY)


def drop_network(tx: Tx, caller: Caller, network_id: str) -> Network:
    """Does the same as `delete_network`, within a transaction."""
    network = own_network(tx, caller, network_id, "delete")
    free = {each.own_port: each for each in floating_ips.unattached(tx, network.id)} if network.external else {}
    if held := [port for port in ports.list_ports(tx, network_id=network.id) if port.id not in free]:
        raise Conflict(
            f"Unable to complete operation on network {network.id}: it has {len(held)} ports in use",
            remedy=f"Delete them first: openstack port list --network {network.id}",
            code="network-in-use",
        )
    for own_port, floating in free.items():
        floating_ips.remove_floating_ip(tx, floating.id)
        ports.remove_port(tx, own_port)
    ports.forget_released(tx, network.id)
    store.remove_network(tx, network.id)
    return network


def _segment(network: Network) -> tuple[str, str, int]:
    return (network.driver, network.physical, network.vlan)


def _refuse_strangers(network: Network, projects: list[ProjectId]) -> None:
    others = {project for project in projects if project not in (network.owner, NOBODY)}
    if others:
        raise Conflict(
            f"Network {network.name} can't be unshared: {len(others)} other projects have ports on it",
            remedy="Delete their ports first.",
            code="network-in-use",
        )
