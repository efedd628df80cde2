"""Needs the lab and the stock clients: a guest with a NUMA cell runs on the node of its GPU, as libvirt and the kernel say."""

import pytest

from tests.cloud.clients import User

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def test_a_guest_lies_on_the_node_of_its_gpu(user: User) -> None:
    near = ["hw:numa_nodes=1", "hw:pci_numa_affinity_policy=required", "pci_passthrough:alias=a1:1"]
    properties = [word for each in near for word in ("--property", each)]
    user.run("openstack", "flavor", "create", "m1.near", "--ram", "256", "--disk", "1", "--vcpus", "1", *properties)
    create = ["openstack", "server", "create", "--image", "new1", "--flavor", "m1.near", "--key-name", "test"]
    user.run(*create, "--wait", "near")

    device = user.device_of("near")
    node = user.host.exec(["cat", f"/sys/bus/pci/devices/{device['address']}/numa_node"]).stdout.decode().strip()
    domain = f"busway-{str(device['server_id'])[:8]}"
    definition = user.host.exec(["virsh", "dumpxml", domain]).stdout.decode()
    assert f"<memnode cellid='0' mode='strict' nodeset='{node}'/>" in definition
    assert "1234:1111" in "".join(user.lspci("near"))

    user.run("openstack", "server", "delete", "--wait", "near")
