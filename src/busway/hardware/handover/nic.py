"""What a network card's function needs beside what every function needs: a PF above a VF, and nothing of its host's on it."""

from __future__ import annotations

import os
from pathlib import Path

from busway.domain.errors import HostError
from busway.domain.units import NicFunction
from busway.hardware.function_read import read_function
from busway.hardware.tree import link_name, read_text
from busway.hardware.verbs.obstacle import Obstacle, obstacle
from busway.hardware.verbs.seam import DeviceVerbs


def preflight(verbs: DeviceVerbs, unit: NicFunction) -> tuple[Obstacle, ...]:
    """Tells what would cut the host off, or make libvirt refuse a VF: it sets MAC and VLAN through the PF's interface.

    A function that a guest has shows no interface, and so is in use by nobody.
    """
    function = read_function(verbs.root, unit.address)
    if function is None:
        return ()
    found = []
    if function.netdev and (why := _used_as(verbs.root, function.netdev_folder, function.netdev)):
        found.append(obstacle(_in_use(unit, function.netdev, why)))
    if unit.is_virtual and function.parent is None:
        found.append(obstacle(_no_vf(unit)))
    elif unit.is_virtual and not function.uplink:
        found.append(obstacle(_no_uplink(unit, str(function.parent))))
    return tuple(found)


def _used_as(root: Path, folder: str, netdev: str) -> str:
    """What the host uses an interface for, "" for nothing: a bridge or bond that it is of, or a route."""
    master = link_name(f"{folder}/master")
    if master is not None:
        return f"It is a part of {os.path.basename(master)}."  # noqa: PTH119 - a name
    routes = read_text(f"{root}/proc/net/route").splitlines()[1:]
    return "A route of the host leads over it." if any(line.split()[:1] == [netdev] for line in routes) else ""


def _in_use(unit: NicFunction, netdev: str, why: str) -> HostError:
    return HostError(
        f"This host uses the network card {unit.address} itself, as {netdev}",
        detail=why,
        remedy=f"Take it out of use (ip link, ip address), or leave {netdev} out of device_spec.",
        code="nic-in-use",
    )


def _no_vf(unit: NicFunction) -> HostError:
    return HostError(
        f"{unit.address} is no virtual function any more",
        detail="Only a virtual function can have the MAC and the VLAN of a port.",
        remedy="Make its virtual functions again.",
        code="nic-not-virtual",
    )


def _no_uplink(unit: NicFunction, parent: str) -> HostError:
    return HostError(
        f"The network card {parent} has no interface on this host",
        detail=f"The MAC and the VLAN of {unit.address} are set through that interface.",
        remedy=f"Give {parent} back to its own driver.",
        code="nic-no-uplink",
    )
