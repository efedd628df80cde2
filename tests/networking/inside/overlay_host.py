"""Run within a host's namespace: what the agent makes there for overlay networks, until its input ends."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from busway.domain.documents import ConfigDrive, Nic
from busway.domain.guest_network import OVERLAY, HostNetwork
from busway.domain.network import Network, Port
from busway.networking.links import Links
from busway.networking.networks import HostNetworks
from busway.networking.ruleset import ControlPlane
from tests.networking.desired import desired_of
from tests.networking.inside.overlay import MINE, THEIRS, TWIN, WEB


def main(database: str, folder: Path) -> None:
    networks = HostNetworks(folder, {}, lambda: ControlPlane((), 1), Links(), switch=database)
    found = desired_of([nic(WEB), nic(TWIN)], networks=(told(MINE), told(THEIRS)))
    named = [replace(each, config_drive=ConfigDrive(json.dumps({"name": each.id}), "{}")) for each in found.servers]
    for _ in range(2):
        faults = networks.converge(replace(found, servers=tuple(named)))
        assert not faults, [(fault.brief, fault.detail) for fault in faults]
    print("listening", flush=True)
    if sys.stdin.readline() == "leave\n":
        networks.converge(replace(found, servers=(), networks=()))
    networks.close()


def nic(port: Port) -> Nic:
    return Nic(port.mac, port.address, 24, "10.0.0.1", port.id, port.network.id, driver=OVERLAY)


def told(network: Network) -> HostNetwork:
    assert network.v4 is not None
    return HostNetwork(
        network.id, network.name, OVERLAY, network.mtu, dhcp=False, cidr=network.v4.cidr, gateway=network.v4.gateway,
        domain="busway.internal",
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
