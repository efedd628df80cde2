"""A running server is resized to more devices on a simulated host, while its agent or the control plane is killed: it is never started anew."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.cloud import ProcessCloud, wait_for
from tests.processes.test_live import gpus_in, slow

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]
HOST = "hot"


@pytest.fixture(scope="module")
def cloud(shared_cloud: ProcessCloud) -> Iterator[ProcessCloud]:
    shared_cloud.start_host(HOST, gpus=3)
    shared_cloud.wait_for_host(HOST)
    for name, count in (("one", 1), ("three", 3)):
        made = {"name": name, "ram": 512, "vcpus": 1, "disk": 1, "id": name}
        shared_cloud.call("POST", "/compute/v2.1/flavors", {"flavor": made})
        specs = {"pci_passthrough:alias": f"a1:{count}", "busway:hotplug_window": "262144"}
        specs |= {"busway:hot_resize": "true"} if name == "three" else {}
        shared_cloud.call("POST", f"/compute/v2.1/flavors/{name}/os-extra_specs", {"extra_specs": specs})
    yield shared_cloud


@pytest.fixture
def server_id(cloud: ProcessCloud) -> Iterator[str]:
    wish = cloud.wish("s")
    wish["server"]["flavorRef"] = "one"
    made = str(cloud.call("POST", "/compute/v2.1/servers", wish)["server"]["id"])
    wait_for("the server", lambda: cloud.status(made) == "ACTIVE")
    yield made
    cloud.delete(made)
    wait_for("its end", lambda: cloud.status(made) == "gone")
    wait_for("free devices", lambda: cloud.device_statuses() == ["available"] * 3)


def starts(cloud: ProcessCloud, server_id: str) -> int:
    """How often the host has started the guest."""
    record: dict[str, int] = json.loads(records(cloud, server_id).read_text())
    return record["starts"]


def records(cloud: ProcessCloud, server_id: str) -> Path:
    [found] = (cloud.folder / f"host-{HOST}").glob(f"**/servers/{server_id}/*.json")
    return found


def resize(cloud: ProcessCloud, server_id: str) -> None:
    cloud.act(server_id, resize={"flavorRef": "three"})


def has(cloud: ProcessCloud, server_id: str, count: int) -> bool:
    return len(gpus_in(cloud, HOST, server_id)) == count


def test_a_running_guest_gets_two_more_devices_and_loses_them_by_a_revert(cloud: ProcessCloud, server_id: str) -> None:
    before = starts(cloud, server_id)
    resize(cloud, server_id)
    wait_for("the size", lambda: cloud.status(server_id) == "VERIFY_RESIZE")
    assert has(cloud, server_id, 3)
    assert cloud.device_statuses() == ["allocated"] * 3
    cloud.act(server_id, revertResize=None)
    wait_for("the old size", lambda: cloud.status(server_id) == "ACTIVE")
    assert has(cloud, server_id, 1)
    wait_for("free devices", lambda: cloud.device_statuses() == ["allocated", "available", "available"])

    resize(cloud, server_id)
    wait_for("the size", lambda: cloud.status(server_id) == "VERIFY_RESIZE")
    cloud.act(server_id, confirmResize=None)
    wait_for("the end", lambda: cloud.status(server_id) == "ACTIVE")
    assert has(cloud, server_id, 3)
    assert starts(cloud, server_id) == before


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("before:TakeDevice", marks=slow),
        "after:TakeDevice",
        pytest.param("before:PlugDevice", marks=slow),
        "plug:after-plug",
    ],
)
def test_an_agent_that_is_killed_goes_on_when_it_is_back(cloud: ProcessCloud, server_id: str, point: str) -> None:
    before = starts(cloud, server_id)
    cloud.kill(HOST)
    cloud.start_host(HOST, crash_at=point)
    cloud.wait_for_host(HOST)
    resize(cloud, server_id)
    wait_for("its death", lambda: cloud.is_dead(HOST))
    cloud.start_host(HOST)

    wait_for("the size", lambda: cloud.status(server_id) == "VERIFY_RESIZE")
    assert has(cloud, server_id, 3)
    assert starts(cloud, server_id) == before
    cloud.act(server_id, confirmResize=None)
    wait_for("the end", lambda: cloud.status(server_id) == "ACTIVE")


def test_an_agent_that_is_killed_while_it_takes_devices_out_frees_them_when_it_is_back(
    cloud: ProcessCloud, server_id: str
) -> None:
    before = starts(cloud, server_id)
    resize(cloud, server_id)
    wait_for("the size", lambda: cloud.status(server_id) == "VERIFY_RESIZE")
    cloud.kill(HOST)
    cloud.act(server_id, revertResize=None)
    cloud.start_host(HOST, crash_at="before:GiveBackDevice")
    wait_for("its death", lambda: cloud.is_dead(HOST))
    cloud.start_host(HOST)

    wait_for("the old size", lambda: cloud.status(server_id) == "ACTIVE")
    wait_for("free devices", lambda: cloud.device_statuses() == ["allocated", "available", "available"])
    assert has(cloud, server_id, 1)
    assert starts(cloud, server_id) == before


def test_a_control_plane_that_is_killed_after_the_request_goes_on_with_it(cloud: ProcessCloud, server_id: str) -> None:
    before = starts(cloud, server_id)
    resize(cloud, server_id)
    cloud.kill("control")
    cloud.start_control()

    wait_for("the size", lambda: cloud.status(server_id) == "VERIFY_RESIZE")
    assert has(cloud, server_id, 3)
    assert starts(cloud, server_id) == before
