"""Live migrations of simulated hosts in processes of their own, one of which is killed in the midst: one guest, on one host."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.cloud import ProcessCloud, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]
HOSTS = ("h1", "h2")
slow = pytest.mark.skipif(
    not os.environ.get("BUSWAY_SLOW_LAB"), reason="one of many points; `make test-slow` kills at all of them"
)


@pytest.fixture(scope="module")
def cloud(shared_cloud: ProcessCloud) -> Iterator[ProcessCloud]:
    for name in HOSTS:
        shared_cloud.start_host(name)
    for name in HOSTS:
        shared_cloud.wait_for_host(name)
    yield shared_cloud


def guests(cloud: ProcessCloud, server_id: str) -> dict[str, str]:
    """The power of a server's domain on each host that knows it."""
    found = {}
    for name in HOSTS:
        file = cloud.folder / f"host-{name}/machine/fake/domains.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        if server_id in known:
            found[name] = known[server_id]["power"]
    return found


def boot(cloud: ProcessCloud, flavor: str = "1") -> tuple[str, str, str]:
    """A server, by default one without devices, its host, and the other one."""
    wish = cloud.wish("s")
    wish["server"]["flavorRef"] = flavor
    server_id = str(cloud.call("POST", "/compute/v2.1/servers", wish)["server"]["id"])
    wait_for("the server", lambda: cloud.status(server_id) == "ACTIVE")
    here = cloud.host_of(server_id)
    [other] = [name for name in HOSTS if name != here]
    return server_id, here, other


def migrate(cloud: ProcessCloud, server_id: str) -> None:
    cloud.act(server_id, **{"os-migrateLive": {"host": None, "block_migration": "auto"}})


def settle(cloud: ProcessCloud, server_id: str) -> str:
    """Waits until nothing is under way and one guest is left; returns its host."""
    wait_for("the end of the migration", lambda: cloud.status(server_id) == "ACTIVE")
    host = cloud.host_of(server_id)
    wait_for("one guest", lambda: guests(cloud, server_id) == {host: "running"})
    return host


def test_a_server_goes_to_the_other_host_and_back_and_is_aborted_in_between(cloud: ProcessCloud) -> None:
    server_id, here, other = boot(cloud)
    migrate(cloud, server_id)
    assert settle(cloud, server_id) == other
    migrate(cloud, server_id)
    assert settle(cloud, server_id) == here
    cloud.delete(server_id)
    wait_for("its end", lambda: cloud.status(server_id) == "gone")


@pytest.mark.parametrize(
    ("who", "point"),
    [
        pytest.param("source", "before:MigrateDomain", marks=slow),
        ("source", "migrate:before-copy"),
        pytest.param("source", "migrate:before-record", marks=slow),
        ("source", "migrate:after-record"),
        pytest.param("source", "migrate:after-go", marks=slow),
        pytest.param("target", "after:ReceiveDomain", marks=slow),
        ("target", "receive:prepared"),
        ("target", "receive:before-go"),
        pytest.param("target", "receive:after-go", marks=slow),
    ],
)
def test_an_agent_that_is_killed_leaves_one_guest_on_one_host(cloud: ProcessCloud, who: str, point: str) -> None:
    server_id, here, other = boot(cloud)
    victim = here if who == "source" else other
    cloud.kill(victim)
    cloud.start_host(victim, crash_at=point)
    cloud.wait_for_host(victim)

    migrate(cloud, server_id)
    wait_for(f"the death of {victim}", lambda: cloud.is_dead(victim))
    assert list(guests(cloud, server_id).values()).count("running") <= 1
    cloud.start_host(victim)

    settle(cloud, server_id)
    cloud.delete(server_id)
    wait_for("its end", lambda: cloud.status(server_id) == "gone")
    wait_for("nothing left", lambda: guests(cloud, server_id) == {})


def test_a_control_plane_that_is_killed_finds_the_guest_where_it_is(cloud: ProcessCloud) -> None:
    server_id, _, other = boot(cloud)
    migrate(cloud, server_id)
    cloud.kill("control")
    cloud.start_control()

    assert settle(cloud, server_id) == other
    cloud.delete(server_id)
    wait_for("its end", lambda: cloud.status(server_id) == "gone")


@pytest.fixture(scope="module")
def flavor(cloud: ProcessCloud) -> str:
    """A flavor whose servers have a GPU that may be unplugged."""
    made = {"name": "unplugs", "ram": 512, "vcpus": 1, "disk": 1, "id": "unplugs"}
    cloud.call("POST", "/compute/v2.1/flavors", {"flavor": made})
    specs = {"pci_passthrough:alias": "a1:1", "busway:live_unplug": "true", "busway:hotplug_window": "262144"}
    cloud.call("POST", "/compute/v2.1/flavors/unplugs/os-extra_specs", {"extra_specs": specs})
    return "unplugs"


def settle_with_gpu(cloud: ProcessCloud, server_id: str) -> str:
    """Waits for one guest on one host, with the one GPU that is claimed for it, and for all other GPUs to be free."""
    host = settle(cloud, server_id)
    mine = wait_for("one claim", lambda: claimed(cloud, server_id))
    assert mine["host"] == host
    wait_for("its GPU in the guest", lambda: str(mine["address"]) in gpus_in(cloud, host, server_id))
    assert sorted(cloud.device_statuses()) == ["allocated", "available"]
    return host


def claimed(cloud: ProcessCloud, server_id: str) -> dict[str, object]:
    """The one device that a server has; {} while it has two, the one that it leaves and its own."""
    found = [each for each in cloud.devices() if each["server_id"] == server_id]
    return found[0] if len(found) == 1 and found[0]["status"] == "allocated" else {}


def gpus_in(cloud: ProcessCloud, host: str, server_id: str) -> list[str]:
    """The addresses of the host's devices that a guest has as it runs."""
    known = json.loads((cloud.folder / f"host-{host}/machine/fake/domains.json").read_text())[server_id]
    running = ET.fromstring(known["live"])
    places = (each.find("source/address") for each in running.iter("hostdev"))
    parts = ("domain", "bus", "slot", "function")
    words = [[int(place.get(part, "0"), 0) for part in parts] for place in places if place is not None]
    return ["{:04x}:{:02x}:{:02x}.{:x}".format(*each) for each in words]


def test_a_server_with_a_gpu_gets_an_equal_one_on_the_other_host(cloud: ProcessCloud, flavor: str) -> None:
    server_id, here, other = boot(cloud, flavor)
    migrate(cloud, server_id)
    assert settle_with_gpu(cloud, server_id) == other
    migrate(cloud, server_id)
    assert settle_with_gpu(cloud, server_id) == here
    end(cloud, server_id)


@pytest.mark.parametrize(
    ("who", "point"),
    [
        ("target", "after:TakeDevice"),
        pytest.param("target", "after:ReceiveDomain", marks=slow),
        pytest.param("source", "unplug:before-ask", marks=slow),
        ("source", "after:AskOut"),
        pytest.param("source", "after:GiveBackDevice", marks=slow),
        pytest.param("source", "migrate:before-copy", marks=slow),
        pytest.param("source", "migrate:before-record", marks=slow),
        ("source", "migrate:after-record"),
        pytest.param("target", "receive:prepared", marks=slow),
        pytest.param("target", "receive:before-go", marks=slow),
        ("target", "before:PlugDevice"),
        pytest.param("target", "plug:after-plug", marks=slow),
    ],
)
def test_a_kill_while_a_gpu_is_on_its_way_loses_neither_guest_nor_claim(
    cloud: ProcessCloud, flavor: str, who: str, point: str
) -> None:
    server_id, here, other = boot(cloud, flavor)
    victim = here if who == "source" else other
    cloud.kill(victim)
    cloud.start_host(victim, crash_at=point)
    cloud.wait_for_host(victim)

    migrate(cloud, server_id)
    wait_for(f"the death of {victim}", lambda: cloud.is_dead(victim))
    assert list(guests(cloud, server_id).values()).count("running") <= 1
    assert any(each["server_id"] == server_id for each in cloud.devices())
    cloud.start_host(victim)

    settle_with_gpu(cloud, server_id)
    end(cloud, server_id)


def test_a_host_is_drained_of_what_can_leave_and_the_others_are_told_why_they_stay(cloud: ProcessCloud) -> None:
    leaves, here, other = boot(cloud)
    wish = cloud.wish("held")
    wish["server"]["availability_zone"] = f"nova:{here}"
    stays = str(cloud.call("POST", "/compute/v2.1/servers", wish)["server"]["id"])
    wait_for("the server", lambda: cloud.status(stays) == "ACTIVE")

    done = drain(cloud, here)

    assert done.returncode == 1, done.stderr
    assert f"{leaves}) is on {other}." in done.stdout
    assert f"{stays}) stays: Server {stays} can't be migrated live: it has devices of its host" in done.stdout
    assert "busway:live_unplug=true" in done.stdout
    assert "1 server has left, 1 stays." in done.stdout
    assert [host["enabled"] for host in cloud.hosts() if host["name"] == here] == [False]
    end(cloud, stays)
    assert drain(cloud, here).returncode == 0
    cloud.call("PATCH", f"/busway/v1/hosts/{here}", {"enabled": True})
    end(cloud, leaves)


def drain(cloud: ProcessCloud, host: str) -> "subprocess.CompletedProcess[str]":
    words = ["-m", "busway", "host", "drain", host, "--clouds", str(cloud.folder / "control/clouds.yaml")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=200, check=False, env=environment
    )


def end(cloud: ProcessCloud, server_id: str) -> None:
    cloud.delete(server_id)
    wait_for("its end", lambda: cloud.status(server_id) == "gone")
    wait_for("nothing left", lambda: guests(cloud, server_id) == {} and {*cloud.device_statuses()} == {"available"})
