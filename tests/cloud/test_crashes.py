"""Needs the lab: the agent is killed at steps of a real boot and a real delete, and the next one finishes.

Each restart of an agent takes some 20 s of emulation, so that here it dies with a guest that nobody has recorded, and
with a device that is given back and still on record; `make test-slow` takes all steps. With a simulated host every step is tried each time (tests/processes).
"""

import os

import pytest

from busway.bootstrap.crashpoint import VARIABLE
from tests.cloud.clients import User
from tests.processes.test_crashes import BOOT, DELETE

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

ALL = bool(os.environ.get("BUSWAY_SLOW_LAB"))
# The image is in the host's cache by now, so that the first step is the disk.
BOOT_STEPS = BOOT[1:] if ALL else ["StartDomain"]
DELETE_STEPS = DELETE if ALL else ["GiveBackDevice"]


def test_one_boot_and_one_delete_survive_kills_between_their_steps(user: User) -> None:
    user.run("openstack", "flavor", "create", "m1.crash", "--ram", "192", "--disk", "1", "--vcpus", "1")
    user.run("openstack", "flavor", "set", "m1.crash", "--property", "pci_passthrough:alias=a1:1")
    user.cloud.kill_agent(user.host)
    user.run("openstack", "server", "create", "--image", "new1", "--flavor", "m1.crash", "crash")
    for step in BOOT_STEPS:
        die_at(user, f"after:{step}")
    user.cloud.start_agent(user.host)
    user.wait_for("the server to run", lambda: user.status("crash") == "ACTIVE")
    running = user.host.exec(["pgrep", "-c", "-f", "qemu-system.*guest="]).stdout.decode().strip()
    assert running == "1", "one guest, not two"
    device = user.device_of("crash")
    assert (device["status"], user.driver(device["address"])) == ("allocated", "vfio-pci")

    user.cloud.kill_control()
    user.cloud.start_control()
    user.cloud.kill_agent(user.host)
    user.run("openstack", "server", "delete", "crash")
    for step in DELETE_STEPS:
        die_at(user, f"after:{step}")
    user.cloud.start_agent(user.host)
    # A user is rid of a server sooner than its host is, when the host was silent for a while: the device is what counts.
    user.wait_for("the device to be free", lambda: "allocated" not in {found["status"] for found in user.devices()})
    assert user.status("crash") == "gone"
    assert user.driver(device["address"]) == "bochs-drm"
    assert user.host.exec(["virsh", "-q", "list", "--all", "--name"]).text().strip() == ""


def die_at(user: User, point: str) -> None:
    """Starts an agent that kills itself at a point, and waits until it has."""
    user.cloud.start_agent(user.host, env={VARIABLE: point})
    user.wait_for(f"the agent to die at {point}", lambda: not user.cloud.agent_alive(user.host), seconds=120)
    assert f"crash point {point}: killed" in user.cloud.agent_log(user.host)
