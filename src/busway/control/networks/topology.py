"""The network that is made for a project that has none: with one subnet, and a router to the default external network.

Neutron's `auto-allocated-topology`. Both have ids that follow from the project's, so that each project has one, whoever asks at the
same time. Their subnet has the addresses of `[busway] auto_allocated_cidr` in each project: networks across hosts may overlap.
"""

from __future__ import annotations

import uuid

from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.access import missing
from busway.control.networks.changes import tell_hosts
from busway.control.networks.network import add_network, drop_network
from busway.control.networks.overlay import TOPIC
from busway.control.networks.router import Gateway, add_router, drop_router
from busway.control.networks.router_interface import join, part
from busway.control.networks.subnet import NewSubnet, add_subnet
from busway.domain.caller import Caller
from busway.domain.errors import Conflict, Forbidden
from busway.domain.guest_network import OVERLAY, OVERLAY_MTU
from busway.domain.ids import NetworkId, ProjectId, RouterId
from busway.domain.network import Network
from busway.domain.router import Router
from busway.policy import authorize
from busway.store import networks, projects, routers
from busway.store.database import Tx

_SPACE = uuid.UUID("3c7d1f0e-94a5-4a0b-9d0c-6f1f4f6a2b51")
_NEEDED = (
    "create_network",
    "create_subnet",
    "create_router",
    "create_router:external_gateway_info",
    "add_router_interface",
)


def check_topology(control: Control, caller: Caller, project_id: str) -> ProjectId:
    """Returns the project; raises `Conflict` if no network could be made for it."""
    with control.db.read() as tx:
        owner = _owner(tx, caller, project_id)
        if networks.find_network(tx, network_id_of(owner)) is None:
            _outer(tx)
    return owner


def get_topology(control: Control, caller: Caller, project_id: str) -> Network:
    """Returns the network that was made for a project, and makes it with its router if it is not there: all or nothing.

    Raises `Conflict` if there is no default external network, `Forbidden` if the caller may not make one of the parts, and
    `OverQuota`.
    """
    with control.db.read() as tx:
        owner = _owner(tx, caller, project_id)
        known = networks.find_network(tx, network_id_of(owner))
    if known is not None:
        return known
    for rule in _NEEDED:
        authorize(caller, rule, {"project_id": owner})
    with control.db.write() as tx:
        quota.take_projects(control, tx, [owner])
        known = networks.find_network(tx, network_id_of(owner))
        if known is not None:
            return known
        made = _make(control, tx, caller, owner)
    tell_hosts(control)
    control.bell.ring(TOPIC)
    return made


def delete_topology(control: Control, caller: Caller, project_id: str) -> None:
    """Deletes the network that was made for a project with its router; raises `Conflict`, and keeps both, while they are used."""
    with control.db.write() as tx:
        owner = _owner(tx, caller, project_id)
        network = networks.find_network(tx, network_id_of(owner), lock=True)
        router = routers.find_router(tx, _router_id_of(owner), lock=True)
        if router is not None:
            for port in router.interfaces if network is not None else ():
                if port.network.id == network_id_of(owner):
                    router = part(control, tx, router, port)
            drop_router(tx, router)
        if network is not None:
            drop_network(tx, caller, network.id)
    tell_hosts(control)
    control.bell.ring(TOPIC)


def network_id_of(project_id: ProjectId) -> NetworkId:
    """Returns the id of the network that is made for a project, the same for ever."""
    return NetworkId(str(uuid.uuid5(_SPACE, f"network/{project_id}")))


def _router_id_of(project_id: ProjectId) -> RouterId:
    return RouterId(str(uuid.uuid5(_SPACE, f"router/{project_id}")))


def _make(control: Control, tx: Tx, caller: Caller, owner: ProjectId) -> Network:
    outer = _outer(tx, lock=True)
    made = Network(
        network_id_of(owner), "auto_allocated_network", owner, control.now(), False, OVERLAY, mtu=OVERLAY_MTU,
    )  # fmt: skip
    add_network(control, tx, made)
    wanted = NewSubnet(made.id, "auto_allocated_subnet_v4", control.settings.auto_allocated_cidr)
    made, subnet = add_subnet(control, tx, caller, wanted)
    router = routers.find_router(tx, _router_id_of(owner), lock=True)  # of a network that was deleted alone
    if router is None:
        new = Router(_router_id_of(owner), owner, "auto_allocated_router", control.now())
        router = add_router(control, tx, new, Gateway(outer.id), outer)
    join(control, tx, router, made, subnet)
    return made


def _outer(tx: Tx, *, lock: bool = False) -> Network:
    found = networks.find_default(tx, lock=lock)
    if found is None or not found.subnets:
        raise Conflict(
            "Deployment error: No default router:external network."
            if found is None
            else f"Deployment error: the default external network {found.id} has no subnet.",
            detail="The router that is made for a project has its gateway there.",
            remedy="Make a network with a router yourself, or ask an admin: openstack network set --external --default NETWORK",
            code="no-topology",
        )
    return found


def _owner(tx: Tx, caller: Caller, project_id: str) -> ProjectId:
    """Returns the project that is meant, the caller's own for Neutron's word None; raises `NotFound` or `Forbidden`."""
    owner = caller.project_id if project_id == "None" else ProjectId(project_id)
    if not caller.may_see(owner):
        raise Forbidden(
            f"User {caller.user_name} may not have a network made for another project",
            remedy="Ask someone with the admin role.",
            code="admin-required",
        )
    if projects.find_project(tx, owner) is None:
        raise missing("project", owner)
    return owner
