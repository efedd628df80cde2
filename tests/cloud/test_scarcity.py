"""Needs the lab: ten requests at once for the lab host's four GPUs, with real guests.

Four guests on one emulated processor take minutes; the same with simulated guests is in tests/processes.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="boots four guests; `make test-slow` runs it"),
]


def test_four_of_ten_servers_run_each_with_a_gpu_of_its_own(user: User) -> None:
    user.run("openstack", "flavor", "create", "m1.ten", "--ram", "192", "--disk", "1", "--vcpus", "1")
    user.run("openstack", "flavor", "set", "m1.ten", "--property", "pci_passthrough:alias=a1:1")
    boot = ["nova", "boot", "--image", "new1", "--flavor", "m1.ten"]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda number: user.run(*boot, f"ten-{number}"), range(10)))

    def settled() -> dict[str, str]:
        found = user.statuses("ten-")
        return found if set(found.values()) == {"ACTIVE", "ERROR"} else {}

    statuses = user.wait_for("all ten to settle", settled, seconds=600)
    active = sorted(name for name, status in statuses.items() if status == "ACTIVE")
    assert (len(statuses), len(active)) == (10, 4)
    owned = {str(d["server_name"]): d["address"] for d in user.devices() if d["status"] == "allocated"}
    assert sorted(owned) == active
    assert len(set(owned.values())) == 4
    assert {user.driver(address) for address in owned.values()} == {"vfio-pci"}
    user.run("openstack", "server", "delete", "--wait", *statuses)
    assert {d["driver"] for d in user.devices() if d["product_id"] == "1111"} == {"bochs-drm"}
