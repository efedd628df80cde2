"""`kill -9` in the midst of moves: whoever dies, the server arrives, or goes back, and nothing leaks."""

import contextlib
import json
import os
from pathlib import Path

import httpx
import pytest

from tests.processes.cloud import ProcessCloud, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

ON_THE_WAY = ["move:after-commit", "advance:before-commit", "advance:after-commit"]
AT_THE_END = {"confirm:after-commit": "confirmResize", "revert:after-commit": "revertResize"}


def two_hosts(cloud: ProcessCloud, crash_at: str = "") -> str:
    """A running server with one of two GPUs, each on a host of its own."""
    for name in ("h1", "h2"):
        cloud.start_host(name, crash_at=crash_at)
        cloud.wait_for_host(name)
    server_id = cloud.create("s1")
    wait_for("the server to run", lambda: cloud.status(server_id) == "ACTIVE")
    return server_id


def wait_status(cloud: ProcessCloud, server_id: str, status: str) -> None:
    def reached() -> bool:
        server = cloud.servers()[server_id]
        return server["status"] == status and server["OS-EXT-STS:task_state"] is None

    wait_for(f"the server to be {status}", reached)


def delete_and_look(cloud: ProcessCloud, server_id: str) -> None:
    cloud.delete(server_id)
    wait_for("the server to go", lambda: cloud.status(server_id) == "gone")
    wait_for("both devices to be free", lambda: cloud.device_statuses() == ["available", "available"])
    assert {device["driver"] for device in cloud.devices()} == {"nouveau"}


def disks(cloud: ProcessCloud, host: str, server_id: str) -> dict[str, bytes]:
    folder = cloud.folder / f"host-{host}" / "agent" / "servers" / server_id
    return {path.name: path.read_bytes() for path in folder.glob("disk*")}


@pytest.mark.parametrize("point", ON_THE_WAY)
def test_a_move_goes_on_when_the_control_plane_is_killed(cloud: ProcessCloud, point: str) -> None:
    server_id = two_hosts(cloud)
    first = cloud.host_of(server_id)
    cloud.kill("control")
    cloud.start_control(crash_at=point)
    with contextlib.suppress(httpx.HTTPError):
        cloud.act(server_id, migrate=None)
    cloud.wait_dead("control")
    cloud.start_control()
    wait_status(cloud, server_id, "VERIFY_RESIZE")
    second = cloud.host_of(server_id)
    assert second != first
    assert list(disks(cloud, second, server_id)) == ["disk-2.qcow2"]
    assert disks(cloud, second, server_id)["disk-2.qcow2"].endswith(b"layer\nlayer\n")
    assert cloud.device_statuses() == ["allocated", "allocated"]
    cloud.act(server_id, confirmResize=None)
    wait_for("the old device to be free", lambda: cloud.device_statuses() == ["allocated", "available"])
    assert disks(cloud, first, server_id) == {}
    delete_and_look(cloud, server_id)


@pytest.mark.parametrize("point", AT_THE_END)
def test_a_move_ends_when_the_control_plane_is_killed(cloud: ProcessCloud, point: str) -> None:
    server_id = two_hosts(cloud)
    first = cloud.host_of(server_id)
    cloud.act(server_id, migrate=None)
    wait_status(cloud, server_id, "VERIFY_RESIZE")
    cloud.kill("control")
    cloud.start_control(crash_at=point)
    with contextlib.suppress(httpx.HTTPError):
        cloud.act(server_id, **{AT_THE_END[point]: None})
    cloud.wait_dead("control")
    cloud.start_control()
    wait_status(cloud, server_id, "ACTIVE")
    assert (cloud.host_of(server_id) == first) == point.startswith("revert")
    wait_for("the other device to be free", lambda: cloud.device_statuses() == ["allocated", "available"])
    delete_and_look(cloud, server_id)


@pytest.mark.parametrize("point", ["before:UploadDisk", "after:UploadDisk"])
def test_a_disk_is_handed_in_though_the_agent_is_killed(cloud: ProcessCloud, point: str) -> None:
    server_id = two_hosts(cloud, crash_at=point)
    first = cloud.host_of(server_id)
    cloud.act(server_id, migrate=None)
    wait_for("the agent to be killed", lambda: cloud.is_dead(first))
    cloud.start_host(first)
    wait_status(cloud, server_id, "VERIFY_RESIZE")
    cloud.act(server_id, revertResize=None)
    wait_status(cloud, server_id, "ACTIVE")
    assert cloud.host_of(server_id) == first
    delete_and_look(cloud, server_id)


# What happens first on the host that the server leaves, and on the one that it goes to.
RARE = pytest.mark.skipif(
    not os.environ.get("BUSWAY_SLOW_LAB"), reason="two of four points are enough; `make test-slow` kills at all of them"
)
EXTRA = ["after:UploadDisk", "before:MakeExtraDisk"]
EXTRA_RARE = [pytest.param(point, marks=RARE) for point in ("before:UploadDisk", "after:MakeExtraDisk")]


@pytest.mark.parametrize("point", [*EXTRA, *EXTRA_RARE])
def test_an_ephemeral_disk_arrives_with_what_is_on_it_though_an_agent_is_killed(
    cloud: ProcessCloud, point: str
) -> None:
    """Its source dies at its first upload, or its target at its first extra disk."""
    flavor = {"name": "extra", "ram": 256, "vcpus": 1, "disk": 1, "swap": 64, "OS-FLV-EXT-DATA:ephemeral": 2}
    made = cloud.call("POST", "/compute/v2.1/flavors", {"flavor": flavor})["flavor"]["id"]
    leaves, arrives = (point, "") if "Upload" in point else ("", point)
    cloud.start_host("h1", crash_at=leaves)
    cloud.wait_for_host("h1")
    wish = cloud.wish("s1")
    wish["server"]["flavorRef"] = made
    server_id = cloud.call("POST", "/compute/v2.1/servers", wish)["server"]["id"]
    wait_for("the server to run", lambda: cloud.status(server_id) == "ACTIVE")
    disk = extra_disks(cloud, "h1", server_id)["ephemeral.qcow2"]
    disk.write_bytes(disk.read_bytes() + b"written by the guest\n")
    cloud.start_host("h2", crash_at=arrives)
    cloud.wait_for_host("h2")

    cloud.act(server_id, migrate=None)
    dies = "h1" if leaves else "h2"
    wait_for("the agent to be killed", lambda: cloud.is_dead(dies))
    cloud.start_host(dies)
    wait_status(cloud, server_id, "VERIFY_RESIZE")

    there = extra_disks(cloud, "h2", server_id)
    assert sorted(there) == ["ephemeral-2.qcow2", "swap-2.qcow2"]
    assert b"written by the guest\n" in there["ephemeral-2.qcow2"].read_bytes()
    cloud.act(server_id, confirmResize=None)
    wait_for("the old disks to go", lambda: not extra_disks(cloud, "h1", server_id))
    cloud.delete(server_id)
    wait_for("the server to go", lambda: cloud.status(server_id) == "gone")


def extra_disks(cloud: ProcessCloud, host: str, server_id: str) -> dict[str, Path]:
    folder = cloud.folder / f"host-{host}" / "agent" / "servers" / server_id
    return {path.name: path for path in (*folder.glob("ephemeral*.qcow2"), *folder.glob("swap*.qcow2"))}


@pytest.mark.parametrize("point", ["before:RemoveDisk", "after:RemoveDisk"])
def test_a_rebuild_is_done_once_though_the_agent_is_killed(cloud: ProcessCloud, point: str) -> None:
    server_id = two_hosts(cloud, crash_at=point)
    host = cloud.host_of(server_id)
    cloud.act(server_id, rebuild={"imageRef": cloud.image})
    wait_for("the agent to be killed", lambda: cloud.is_dead(host))
    cloud.start_host(host)
    wait_status(cloud, server_id, "ACTIVE")
    wait_for("the old disk to be removed", lambda: list(disks(cloud, host, server_id)) == ["disk-2.qcow2"])
    delete_and_look(cloud, server_id)


def test_a_host_that_was_cut_off_ends_the_guest_that_was_evacuated_from_it(cloud: ProcessCloud) -> None:
    server_id = two_hosts(cloud)
    first = cloud.host_of(server_id)
    cloud.kill(first)
    wait_for("the host to count as down", lambda: not all(host["up"] for host in cloud.hosts()))
    cloud.kill("control")
    cloud.start_control(crash_at="evacuate:after-commit")
    cloud.wait_for_host("h2" if first == "h1" else "h1")
    wait_for("the control plane to know that the host is down", lambda: is_evacuated(cloud, server_id))
    cloud.wait_dead("control")
    cloud.start_control()
    wait_status(cloud, server_id, "SHUTOFF")
    assert cloud.host_of(server_id) != first
    assert cloud.device_statuses() == ["allocated", "allocated"]
    assert guests(cloud, first) == {server_id}
    cloud.start_host(first)
    wait_for("the old device to be free", lambda: cloud.device_statuses() == ["allocated", "available"])
    assert guests(cloud, first) == set()
    delete_and_look(cloud, server_id)


def is_evacuated(cloud: ProcessCloud, server_id: str) -> bool:
    """Asks for it; one that dies has taken it, and one that was just started says that it can't know yet."""
    try:
        cloud.act(server_id, evacuate={})
    except httpx.HTTPError:
        return True
    except AssertionError as error:
        assert "It is not known yet whether host" in str(error)
        return False
    return True


def guests(cloud: ProcessCloud, host: str) -> set[str]:
    path: Path = cloud.folder / f"host-{host}" / "machine" / "fake" / "domains.json"
    return set(json.loads(path.read_text()))


def test_a_shelved_server_comes_back_with_its_disk(cloud: ProcessCloud) -> None:
    server_id = two_hosts(cloud)
    cloud.act(server_id, shelve=None)
    wait_status(cloud, server_id, "SHELVED_OFFLOADED")
    wait_for("its device to be free", lambda: cloud.device_statuses() == ["available", "available"])
    cloud.act(server_id, unshelve=None)
    wait_status(cloud, server_id, "ACTIVE")
    [disk] = disks(cloud, cloud.host_of(server_id), server_id).values()
    assert disk.endswith(b"layer\nlayer\n")
    delete_and_look(cloud, server_id)
