"""The use cases of trunks: a port carries others, each with a VLAN id on its card.

Ports are locked after their trunk, in the order of their ids. The rules are those of Neutron with its driver for OVN, which lets
a trunk come and go while a server has the parent (source: neutron/services/trunk/rules.py and drivers/ovn/trunk_driver.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.access import missing, scope, visible_trunk
from busway.control.networks.overlay import TOPIC
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import PortId, ProjectId, TrunkId
from busway.domain.network import SUBPORT, Port
from busway.domain.trunk import MAX_SUBPORTS, VLANS, SubPort, Trunk
from busway.policy import authorize
from busway.store import ports, trunk_list
from busway.store import trunks as store
from busway.store.database import Tx
from busway.store.network_list import EVERY_NETWORK, NetworkFilter


@dataclass(frozen=True, slots=True)
class NewTrunk:
    """The fields of a trunk that is to be created, in the caller's project unless another is given."""

    port_id: str
    name: str = ""
    description: str = ""
    up: bool = True
    sub_ports: tuple[SubPort, ...] = ()
    project_id: ProjectId | None = None


def list_trunks(control: Control, caller: Caller, wanted: NetworkFilter = EVERY_NETWORK) -> list[Trunk]:
    """Lists the trunks of the caller's project that match a filter; for an admin, those of all projects."""
    with control.db.read() as tx:
        return trunk_list.list_trunk_page(tx, replace(wanted, project_id=scope(caller)))


def get_trunk(control: Control, caller: Caller, trunk_id: str) -> Trunk:
    """Returns one trunk; raises `NotFound`."""
    with control.db.read() as tx:
        return visible_trunk(tx, caller, trunk_id)


def trunks_of_ports(control: Control, several: Sequence[Port]) -> Mapping[PortId, Trunk]:
    """Returns the trunks whose parents these ports are; the caller has checked access to the ports."""
    with control.db.read() as tx:
        return store.trunks_of(tx, [port.id for port in several])


def create_trunk(control: Control, caller: Caller, wanted: NewTrunk) -> Trunk:
    """Creates a trunk. Its parent stays when a server that has it goes.

    Raises `Conflict` for a port that has another use, `BadInput` for one of another project or that OVN does not have.
    """
    owner = wanted.project_id or caller.project_id
    authorize(caller, "create_trunk", {"project_id": owner})
    with control.db.write() as tx:
        quota.check(control, tx, owner, "trunk")
        known = _lock(tx, caller, [wanted.port_id, *(sub.port_id for sub in wanted.sub_ports)])
        parent = known[wanted.port_id]
        _refuse_parent(tx, parent, owner)
        made = Trunk(
            TrunkId(control.new_id()), owner, wanted.name, parent.id, control.now(), wanted.description, wanted.up
        )
        _refuse_subports(tx, made, parent, wanted.sub_ports, known)
        store.add_trunk(tx, replace(made, sub_ports=wanted.sub_ports))
        ports.keep_port(tx, parent.id)
        made = _reread(tx, made)
    control.bell.ring(TOPIC)
    return made


def update_trunk(
    control: Control,
    caller: Caller,
    trunk_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    up: bool | None = None,
) -> Trunk:
    """Changes a trunk; None leaves a field as it is."""
    with control.db.write() as tx:
        trunk = visible_trunk(tx, caller, trunk_id, lock=True)
        changed = replace(
            trunk,
            name=trunk.name if name is None else name,
            description=trunk.description if description is None else description,
            up=trunk.up if up is None else up,
        )
        return store.save_trunk(tx, changed)


def delete_trunk(control: Control, caller: Caller, trunk_id: str) -> None:
    """Deletes a trunk: its ports are free. Raises `Conflict` for one that is switched off."""
    with control.db.write() as tx:
        trunk = _managed(tx, caller, trunk_id)
        ports.lock_ports(tx, [sub.port_id for sub in trunk.sub_ports])
        store.remove_trunk(tx, trunk)
    control.bell.ring(TOPIC)


def add_subports(control: Control, caller: Caller, trunk_id: str, wanted: Sequence[SubPort]) -> Trunk:
    """Adds sub-ports, all or none; raises as `create_trunk`, and `Conflict` for a trunk that is switched off."""
    with control.db.write() as tx:
        trunk = _managed(tx, caller, trunk_id)
        known = _lock(tx, caller, [trunk.port_id, *(sub.port_id for sub in wanted)])
        _refuse_subports(tx, trunk, known[trunk.port_id], wanted, known)
        if wanted:
            store.add_subports(tx, trunk.id, wanted)
        trunk = _reread(tx, trunk)
    control.bell.ring(TOPIC)
    return trunk


def remove_subports(control: Control, caller: Caller, trunk_id: str, wanted: Mapping[str, int | None]) -> Trunk:
    """Takes sub-ports from a trunk, all or none; with a VLAN id only one that has it.

    Raises `NotFound` for one that the trunk does not have, `Conflict` for a trunk that is switched off.
    """
    with control.db.write() as tx:
        trunk = _managed(tx, caller, trunk_id)
        held = {sub.port_id: sub.vlan for sub in trunk.sub_ports}
        for port_id, vlan in wanted.items():
            if held.get(PortId(port_id)) is None or vlan not in (None, held[PortId(port_id)]):
                raise NotFound(
                    f"SubPort on trunk {trunk.id} with parent port {port_id} could not be found",
                    remedy=f"List them: openstack network subport list --trunk {trunk.id}",
                    code="subport-not-found",
                )
        ports.lock_ports(tx, wanted)
        if wanted:
            store.remove_subports(tx, trunk.id, [PortId(each) for each in wanted])
        trunk = _reread(tx, trunk)
    control.bell.ring(TOPIC)
    return trunk


def refuse_parent_or_subport(tx: Tx, port: Port) -> None:
    """Raises `Conflict` for a port that a trunk needs: it is no port to be deleted or to be a router's."""
    refuse_subport(port)
    for trunk_id in store.parents_among(tx, [port.id]).values():
        raise Conflict(
            f"Port {port.id} is currently a parent port for trunk {trunk_id}",
            remedy=f"Delete the trunk first: openstack network trunk delete {trunk_id}",
            code="port-in-use",
        )


def refuse_subport(port: Port) -> None:
    """Raises `Conflict` for a port that a trunk carries: it has no card of its own."""
    if port.device_owner == SUBPORT:
        raise Conflict(
            f"Port {port.id} is currently a subport for trunk {port.device_id}",
            remedy=f"Take it from the trunk first: openstack network trunk unset --subport {port.id} {port.device_id}",
            code="port-in-use",
        )


def _managed(tx: Tx, caller: Caller, trunk_id: str) -> Trunk:
    """Returns a trunk, locked; raises `Conflict` for one that is switched off."""
    trunk = visible_trunk(tx, caller, trunk_id, lock=True)
    if not trunk.up:
        raise Conflict(
            f"Trunk {trunk.id} is currently disabled",
            remedy=f"Enable it: openstack network trunk set --enable {trunk.id}",
            code="trunk-disabled",
        )
    return trunk


def _reread(tx: Tx, trunk: Trunk) -> Trunk:
    """Returns a trunk that is there, as it is now."""
    found = store.find_trunk(tx, trunk.id)
    assert found is not None
    return found


def _lock(tx: Tx, caller: Caller, port_ids: Collection[str]) -> dict[str, Port]:
    """Returns ports that the caller sees, locked, by id; raises `NotFound`."""
    found: dict[str, Port] = {
        port.id: port for port in ports.lock_ports(tx, port_ids) if caller.may_see(port.project_id)
    }
    for port_id in port_ids:
        if port_id not in found:
            raise missing("port", port_id)
    return found


def _refuse_parent(tx: Tx, port: Port, owner: ProjectId) -> None:
    if port.device_owner == SUBPORT:
        raise _of_another(port)
    if port.is_internal or store.parents_among(tx, [port.id]):
        raise _no_parent(port)
    _refuse_unfit(port, owner)


def _refuse_subports(tx: Tx, trunk: Trunk, parent: Port, wanted: Sequence[SubPort], known: Mapping[str, Port]) -> None:
    if len(trunk.sub_ports) + len(wanted) > MAX_SUBPORTS:
        raise BadInput(
            f"A trunk can't have {len(trunk.sub_ports) + len(wanted)} subports",
            remedy=f"Give it at most {MAX_SUBPORTS}, and more trunks to the server.",
            code="trunk-subports",
        )
    _refuse_doubles(wanted)
    taken = {sub.vlan for sub in trunk.sub_ports}
    parents = store.parents_among(tx, [sub.port_id for sub in wanted])
    for sub in wanted:
        port = known[sub.port_id]
        if port.id == parent.id or port.id in parents:
            raise _no_parent(port)
        if port.device_owner == SUBPORT:
            raise _of_another(port)
        if port.server_id is not None or port.is_internal:
            raise Conflict(
                f"Unable to complete operation on port {port.id} for network {port.network.id}. Port already has an attached "
                f"device {port.server_id or port.device_id}",
                remedy="Create another port: openstack port create.",
                code="port-in-use",
            )
        _refuse_unfit(port, trunk.project_id)
        if port.network.mtu > parent.network.mtu:
            raise Conflict(
                f"MTU {port.network.mtu} of subport {port.id} cannot be greater than MTU {parent.network.mtu} of trunk {trunk.id}",
                remedy="Take a parent port on a network with a greater MTU.",
                code="trunk-mtu",
            )
        if sub.vlan in taken:
            raise Conflict(
                f"segmentation_type vlan and segmentation_id {sub.vlan} already in use on trunk {trunk.id}",
                remedy="Choose another segmentation_id.",
                code="trunk-vlan",
            )


def _refuse_doubles(wanted: Sequence[SubPort]) -> None:
    """Raises `BadInput` for a VLAN id that can't be, and for a port or an id that a request names twice."""
    for sub in wanted:
        if sub.vlan not in VLANS:
            raise _bad(f"Segmentation ID '{sub.vlan}' is not in range", f"Choose one from {VLANS[0]} to {VLANS[-1]}.")
    for what, named in (("port", [sub.port_id for sub in wanted]), ("segmentation_id", [sub.vlan for sub in wanted])):
        if len(set(named)) != len(named):
            raise _bad(f"A {what} of the subports is there twice", "Give each once.")


def _bad(brief: str, remedy: str) -> BadInput:
    return BadInput(brief, remedy=remedy, code="trunk-subports")


def _refuse_unfit(port: Port, owner: ProjectId) -> None:
    if port.project_id != owner:
        raise BadInput(
            f"Port {port.id} belongs to another project than the trunk",
            remedy="Give a trunk ports of its own project; an admin names the project of a new one: --project PROJECT.",
            code="port-foreign",
        )
    if port.network.driver != OVERLAY:
        raise BadInput(
            f"Port {port.id} can't be of a trunk: its network {port.network.name} is not of type geneve",
            detail="OVN carries the ports of trunks, and has networks of type geneve only.",
            remedy="Create one: openstack network create --provider-network-type geneve NAME",
            code="trunk-network",
        )


def _no_parent(port: Port) -> Conflict:
    return Conflict(
        f"Port {port.id} is currently in use and is not eligible for use as a parent port",
        remedy="Create another port: openstack port create.",
        code="port-in-use",
    )


def _of_another(port: Port) -> Conflict:
    return Conflict(
        f"Port {port.id} is in use by another trunk",
        remedy=f"Take it from there first: openstack network trunk unset --subport {port.id} {port.device_id}",
        code="port-in-use",
    )
