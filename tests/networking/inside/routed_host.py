"""Run within a host's namespace: what the agent makes there for a network that a router joins, until its input ends."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from busway.domain.documents import ConfigDrive, Nic
from busway.domain.guest_network import OVERLAY, HostNetwork
from busway.domain.ids import NetworkId, PortId
from busway.networking.links import Links
from busway.networking.networks import HostNetworks
from busway.networking.ruleset import ControlPlane
from tests.networking.desired import desired_of


def main(database: str, folder: Path, told: str) -> None:
    """`told` is JSON: the network's id, cidr and services address, and the id, MAC and address of the guest's port."""
    given = json.loads(told)
    network = HostNetwork(
        NetworkId(given["network"]), "routed", OVERLAY, 1442, dhcp=False, cidr=given["cidr"], gateway=given["services"],
        routed=True,
    )  # fmt: skip
    card = Nic(given["mac"], given["address"], 24, given["gateway"], PortId(given["port"]), network.id, driver=OVERLAY)
    found = desired_of([card], networks=(network,))
    named = [replace(each, config_drive=ConfigDrive(json.dumps({"name": "routed"}), "{}")) for each in found.servers]
    networks = HostNetworks(folder, {}, lambda: ControlPlane((), 1), Links(), switch=database)
    faults = networks.converge(replace(found, servers=tuple(named)))
    assert not faults, [(fault.brief, fault.detail) for fault in faults]
    print("listening", flush=True)
    sys.stdin.readline()
    networks.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
