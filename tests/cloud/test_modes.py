"""Needs the lab and the stock clients: virtual functions that are declared, and mediated devices of the kernel's samples."""

import json
import os
from collections.abc import Iterator

import pytest

from busway.lab import mdev_samples
from busway.lab.cache import Cache, default_cache
from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not os.environ.get("BUSWAY_SLOW_LAB"), reason="downloads 150 MB and builds modules; `make test-slow` runs it"
    ),
]
SAMPLES = ("mtty", "mdpy", "mbochs")


@pytest.fixture
def samples(user: User) -> Iterator[None]:
    """The sample drivers are loaded in the lab host."""
    load(user)
    yield
    for name in SAMPLES:
        user.host.exec(["rmmod", name], timeout=60)


def load(user: User) -> None:
    modules = mdev_samples.build(Cache(default_cache()))
    user.host.exec(["modprobe", "-a", "mdev", "vfio"], timeout=60).text()
    for name in SAMPLES:
        user.host.exec(["insmod", str(modules / f"{name}.ko")], timeout=60).text()


def instances(user: User) -> list[str]:
    return user.host.exec(["sh", "-c", "ls /sys/bus/mdev/devices 2>/dev/null"]).stdout.decode().split()


def test_one_guest_has_an_instance_of_each_sample_driver_and_its_host_removes_them(user: User, samples: None) -> None:
    wanted = [f"resources{name}:CUSTOM_{name.upper()}=1" for name in SAMPLES]
    properties = [word for each in wanted for word in ("--property", each)]
    user.run("openstack", "flavor", "create", "m1.parts", "--ram", "256", "--disk", "1", "--vcpus", "1", *properties)
    create = ["openstack", "server", "create", "--image", "new1", "--flavor", "m1.parts", "--key-name", "test"]
    plan = user.wait_for("the parents to be reported", lambda: _plan(user))

    user.run(*create, "--wait", "parts")
    listed = "".join(user.lspci("parts"))
    made = instances(user)
    user.run("openstack", "server", "delete", "--wait", "parts")

    assert {line.split()[0] for line in plan} == set(SAMPLES)
    assert len(made) == 3
    assert [ids for ids in ("4348:3253", "1b36:000f", "1234:1111") if f"[{ids}]" not in listed] == []
    assert instances(user) == []


def test_after_a_restart_of_its_host_a_guest_has_the_same_instances(user: User, samples: None) -> None:
    """The kernel has forgotten them; they are made with the same ids before the guest starts."""
    wanted = ["--property", "resources1:CUSTOM_MBOCHS=1", "--property", "resources2:CUSTOM_MDPY=1"]
    user.run("openstack", "flavor", "create", "m1.again", "--ram", "256", "--disk", "1", "--vcpus", "1", *wanted)
    create = ["openstack", "server", "create", "--image", "new1", "--flavor", "m1.again", "--key-name", "test"]
    user.run(*create, "--wait", "again")
    before = instances(user)

    user.host.power_cycle()
    load(user)
    forgotten = instances(user)
    user.cloud.start_agent(user.host)
    user.wait_for("the guest to be seen off", lambda: user.status("again") == "SHUTOFF")
    user.run("openstack", "server", "start", "again")
    user.wait_for("the guest to be started", lambda: user.status("again") == "ACTIVE")
    after = instances(user)
    seen = user.host.exec(["sh", "-c", "cat /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep sysfsdev"]).text()
    user.run("openstack", "server", "delete", "--wait", "again")

    assert (len(before), forgotten, sorted(after)) == (2, [], sorted(before))
    assert [uuid for uuid in before if uuid not in seen] == []
    assert instances(user) == []


def test_a_second_server_is_told_what_is_left_where_a_parent_gives_one(user: User, samples: None) -> None:
    wanted = ["--property", "resources:CUSTOM_MTTY=1"]
    user.run("openstack", "flavor", "create", "m1.serial", "--ram", "256", "--disk", "1", "--vcpus", "1", *wanted)
    create = ["openstack", "server", "create", "--image", "new1", "--flavor", "m1.serial", "--key-name", "test"]

    user.run(*create, "--wait", "first")
    user.run(*create, "--wait", "second", fails=True)
    fault = user.run("openstack", "server", "show", "second", "-f", "value", "-c", "fault")
    user.run("openstack", "server", "delete", "--wait", "first", "second")

    assert "mtty (mtty-2): 0 of 1 free" in fault


def test_declared_virtual_functions_are_there_for_servers(user: User) -> None:
    listed = user.host.exec(["sh", "-c", "lspci -D -d 1b36:0010 | cut -d' ' -f1 | head -1"]).text().strip()
    user.cloud.kill_agent(user.host)
    user.cloud.start_agent(user.host, options=("--vfs", f"{listed}=2"))
    user.wait_for("two virtual functions", lambda: len(_vfs(user)) == 2)
    user.run("openstack", "flavor", "create", "m1.vf", "--ram", "256", "--disk", "1", "--vcpus", "1")
    user.run("openstack", "flavor", "set", "m1.vf", "--property", "pci_passthrough:alias=vf:1")
    create = ["openstack", "server", "create", "--image", "new1", "--flavor", "m1.vf", "--key-name", "test"]

    user.run(*create, "--wait", "part")
    seen = "".join(user.lspci("part"))
    user.cloud.kill_agent(user.host)
    user.cloud.start_agent(user.host, options=("--vfs", f"{listed}=0"))
    user.wait_for("the refusal", lambda: "while it is in use" in user.cloud.agent_log(user.host))
    kept = len(_vfs(user))
    user.run("openstack", "server", "delete", "--wait", "part")
    user.wait_for("no virtual function", lambda: not _vfs(user))

    assert "[1b36:0010]" in seen
    assert kept == 2


def _plan(user: User) -> list[str]:
    told = json.loads(user.busway("plan", "--flavor", "m1.parts", "--json"))
    return [line for server in told.get("servers", []) for line in server["devices"]]


def _vfs(user: User) -> list[str]:
    return user.host.exec(["sh", "-c", "ls -d /sys/bus/pci/devices/*/physfn 2>/dev/null"]).stdout.decode().split()
