"""SR-IOV ports: functions of a host's network cards that are given to guests.

Their packets bypass the kernel of the host, so security groups can't filter them: such ports have none, and
requests for one are refused. The network card itself restricts a VF to the MAC and VLAN of its port.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from busway.control.context import Control
from busway.domain.errors import BadInput, Conflict
from busway.domain.guest_network import BRIDGE, DIRECT_PHYSICAL
from busway.domain.network import Network, Port
from busway.domain.numa_policy import NumaPolicy
from busway.store import ports
from busway.store.database import Tx


def made_direct(port: Port, vnic: str) -> Port:
    """Returns a new port as one of an SR-IOV type, without port security; raises `BadInput` unless its network is a bridged one."""
    network = port.network
    if network.driver != BRIDGE:
        raise BadInput(
            f"A {vnic} port can't be on network {network.name}",
            detail="It lies inside hosts or between them, and on no network card.",
            remedy="Use a network of type flat or vlan: openstack network create --provider-network-type vlan "
            "--provider-physical-network PHYSICAL --provider-segment VLAN NAME.",
            code="vnic-network",
        )
    if not network.up:
        raise _unstoppable(f"A {vnic} port can't be on network {network.name}, which is switched off")
    return replace(port, vnic=vnic, security=False, groups=())


def refuse_down(tx: Tx, network: Network) -> None:
    """Raises `Conflict` if a network is to be switched off that has SR-IOV ports."""
    if ports.has_direct(tx, network.id):
        raise _unstoppable(f"Network {network.name} can't be switched off: it has ports of another type than normal")


def _unstoppable(brief: str) -> Conflict:
    return Conflict(
        brief,
        detail="Their packets do not go through the host, which could stop them.",
        remedy="Use a network of its own for them, which is up.",
        code="vnic-no-security",
    )


def refuse_filters(port: Port, *, security: bool | None, groups: Sequence[str] | None, up: bool | None) -> None:
    """Raises `Conflict` if packet filters are requested for an SR-IOV port."""
    if port.is_sriov and up is False:
        raise Conflict(
            f"A {port.vnic} port can't be switched off",
            detail="Its packets do not go through the host, which could stop them.",
            remedy="Stop its server, or omit admin_state_up.",
            code="vnic-no-security",
        )
    if port.is_sriov and (security or groups):
        raise Conflict(
            f"A {port.vnic} port has no security groups",
            detail="Its packets do not go through the host, which could look at them.",
            remedy="Use --disable-port-security --no-security-group, or a port of type normal.",
            code="vnic-no-security",
        )


def type_is_fixed(port: Port) -> Conflict:
    """Returns the error for a change of a port's type."""
    return Conflict(
        f"The type of port {port.id} is {port.vnic} and can't be changed",
        remedy="Create another port: openstack port create --vnic-type TYPE.",
        code="vnic-fixed",
    )


def policy_of(port: Port, text: str) -> NumaPolicy | None:
    """Returns the NUMA policy of a port; raises `BadInput` for a port that is no SR-IOV function."""
    if not text:
        return None
    if not port.is_sriov:
        raise BadInput(
            "numa_affinity_policy is for ports of the types direct and direct-physical",
            detail="A card on a bridge of the host is on no NUMA node.",
            remedy="Omit it, or create the port with --vnic-type direct.",
            code="port-numa-policy",
        )
    return NumaPolicy(text)


def require_offered(control: Control, tx: Tx, port: Port) -> None:
    """Raises `BadInput` if no device spec names the physical network of an SR-IOV port: no host could provide it."""
    if not port.is_sriov:
        return
    physical = port.network.physical
    specs = control.pci_rules(tx).device_specs.specs
    offered = sorted({spec.tags.physical_network for spec in specs if spec.tags.physical_network is not None})
    if physical in offered:
        return
    what = "a whole network card" if port.vnic == DIRECT_PHYSICAL else "virtual functions"
    raise BadInput(
        f"No network cards are offered on physical network {physical}",
        detail=f"Port {port.id} is of type {port.vnic}. Device specs offer cards on: {', '.join(offered) or 'none'}.",
        remedy=f"Ask your operator to offer {what}: "
        f'device_spec = {{"devname": "INTERFACE", "physical_network": "{physical}"}}.',
        code="vnic-not-offered",
    )


def refuse_plug(port: Port) -> None:
    """Raises `Conflict` for attaching or detaching an SR-IOV port: its function is chosen when the server is placed."""
    if port.is_sriov:
        raise Conflict(
            f"Port {port.id} is of type {port.vnic} and can't be attached to a server that is there, or detached",
            detail="Its function of a network card is chosen together with the server's host and devices.",
            remedy="Name the port when you create the server: openstack server create --port PORT.",
            code="vnic-plug",
        )
