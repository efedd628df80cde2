"""Needs the lab and the stock clients: a guest with a NUMA cell runs on the node of its GPU, as libvirt and the kernel say.

Its devices lie to each other in the guest as they do on the host. The lab's second node has no processor, so its guests have one cell.
"""

from itertools import combinations
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.hardware.function import Function
from busway.hardware.topology import Topology
from tests.cloud.clients import User

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

_PLACES = "for d in /sys/bus/pci/devices/*; do cd $d && echo $(pwd -P) $(cat vendor device numa_node); done"
_GPU, _CARD, _AUDIO = "1234:1111", "1002:5159", "8086:2668"


def places(said: str, root: Path) -> dict[str, Function]:
    """The functions of a machine by their ids, of several with one id the last: where each is."""
    found = {}
    for line in said.splitlines():
        path, vendor, product, node = line.split()
        host_bridge, *bridges, address = path.removeprefix("/sys/devices/").split("/")
        above = tuple(map(PciAddress, bridges))
        place = Function(root, PciAddress(address), numa_node=int(node), bridges=above, host_bridge=host_bridge)
        found[f"{vendor[2:]}:{product[2:]}"] = place
    return found


def distances(said: str, root: Path) -> dict[tuple[str, str], str]:
    """How far the devices are apart, as `nvidia-smi topo` says it: PIX, PXB, PHB, NODE or SYS."""
    (root / "sys/devices/system/node/node0").mkdir(parents=True)
    (root / "sys/devices/system/node/node0/cpulist").write_text("0\n")
    known = places(said, root)
    topology = Topology.of(root, tuple(known.values()))
    pairs = combinations((_GPU, _CARD, _AUDIO), 2)
    return {pair: str(topology.distance(known[pair[0]].address, known[pair[1]].address)) for pair in pairs}


def test_a_guest_lies_on_the_node_of_its_gpu_and_its_devices_as_on_the_host(user: User, tmp_path: Path) -> None:
    near = ["hw:numa_nodes=1", "hw:pci_numa_affinity_policy=required", "pci_passthrough:alias=a1:1,card:1"]
    near.append("busway:pci_topology=mirror")
    properties = [word for each in near for word in ("--property", each)]
    user.run("openstack", "flavor", "create", "m1.near", "--ram", "256", "--disk", "1", "--vcpus", "1", *properties)
    create = ["openstack", "server", "create", "--image", "new1", "--flavor", "m1.near", "--key-name", "test"]
    user.run(*create, "--wait", "near")

    held = {f"{d['vendor_id']}:{d['product_id']}": d for d in user.devices() if d["server_name"] == "near"}
    gpu = held[_GPU]
    node = user.host.exec(["cat", f"/sys/bus/pci/devices/{gpu['address']}/numa_node"]).stdout.decode().strip()
    domain = f"busway-{str(gpu['server_id'])[:8]}"
    definition = user.host.exec(["virsh", "dumpxml", domain]).stdout.decode()
    assert f"<memnode cellid='0' mode='strict' nodeset='{node}'/>" in definition
    assert _GPU in "".join(user.lspci("near"))

    on_host = user.host.exec(["sh", "-c", _PLACES]).stdout.decode().splitlines()
    others = [line for line in on_host if "0x1234 0x1111" in line and str(gpu["address"]) not in line]
    outside = distances("\n".join(line for line in on_host if line not in others), tmp_path / "host")
    inside = user.ssh("near", _PLACES)
    assert distances(inside, tmp_path / "guest") == outside
    assert outside == {(_GPU, _CARD): "PHB", (_GPU, _AUDIO): "PHB", (_CARD, _AUDIO): "PIX"}
    assert {each.numa_node for ids, each in places(inside, tmp_path).items() if ids in held} == {0}

    user.run("openstack", "server", "delete", "--wait", "near")
