"""`kill -9` of the control plane and of the agent at each step of boot and delete: nothing leaks, nothing is doubled.

The steps are enumerated from the code: every step that the agent knows, and every crash point of the control plane.
"""

import contextlib
import re
from pathlib import Path

import httpx
import pytest

from busway.reconciler import steps
from tests.processes.cloud import SOURCE, ProcessCloud, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

CONTROL_POINTS = sorted(
    set(
        re.findall(
            r'crashpoint\("([a-z]+:[a-z-]+)"\)',
            "".join(p.read_text() for p in Path(SOURCE, "busway/control").rglob("*.py")),
        )
    )
)
BOOT = ["FetchImage", "MakeDisk", "MakeConfigDrive", "TakeDevice", "DefineDomain", "StartDomain", "RecordCounters"]
DELETE = ["DestroyDomain", "UndefineDomain", "GiveBackDevice", "RemoveFiles"]
# Neither booting nor deleting the plain server needs these; tests/agent/test_crash_of_each_step.py kills them all.
OTHER = ["StopDomain", "RebootDomain", "UploadDisk", "RemoveDisk", "MakeExtraDisk", "RemoveExtraDisk"]
OTHER += ["PauseDomain", "UnpauseDomain", "SaveDomain", "ForgetSaved", "PlugCard", "PlugDevice", "AskOut"]
OTHER += ["ReceiveDomain", "MigrateDomain"]
BOOT_POINTS = ["create", "place", "observe", "delete"]
MOVE_POINTS = ["move", "advance", "confirm", "revert", "evacuate"]  # in test_moves
AGENT_POINTS = [f"{when}:{step}" for step in BOOT + DELETE for when in ("before", "after")]


def test_every_step_and_crash_point_is_enumerated() -> None:
    known = {kind.__name__ for kind in vars(steps).values() if isinstance(kind, type) and issubclass(kind, steps.Step)}
    assert {name for name in known - {"Step", "ServerStep"} if not name.startswith("_")} == {*BOOT, *DELETE, *OTHER}
    assert {point.partition(":")[0] for point in CONTROL_POINTS} == {*BOOT_POINTS, "image", *MOVE_POINTS}


@pytest.mark.parametrize("point", [point for point in CONTROL_POINTS if point.partition(":")[0] in BOOT_POINTS])
def test_a_control_plane_killed_at_any_point_loses_nothing(cloud: ProcessCloud, point: str) -> None:
    cloud.start_host("h1", gpus=2)
    cloud.wait_for_host("h1")
    kept = cloud.create("kept")
    wait_for("the first server to run", lambda: cloud.status(kept) == "ACTIVE")
    cloud.kill("control")
    cloud.start_control(crash_at=point)
    with contextlib.suppress(httpx.HTTPError):
        cloud.create("second")
        cloud.delete(kept)
    cloud.wait_dead("control")
    assert f"crash point {point}: killed" in cloud.log("control")
    cloud.start_control()

    def settled() -> bool:
        servers = cloud.servers().values()
        return all(s["status"] in ("ACTIVE", "ERROR") and s["OS-EXT-STS:task_state"] is None for s in servers)

    wait_for("all servers to settle", settled)
    for server_id in cloud.servers():
        cloud.delete(server_id)
    wait_for("all servers to go", lambda: not cloud.servers())
    # On a busy machine a host may be silent for a whole lease. A server there is deleted without waiting for the host, and its
    # device stays claimed until the host reports that nobody holds it.
    wait_for("both devices to be free", lambda: cloud.device_statuses() == ["available", "available"])


def test_an_upload_cut_off_by_a_crash_leaves_an_image_that_can_be_uploaded_again(cloud: ProcessCloud) -> None:
    cloud.kill("control")
    cloud.start_control(crash_at="image:before-rename")
    body = {"name": "cut", "disk_format": "raw", "container_format": "bare"}
    image = cloud.call("POST", "/image/v2/images", body)["id"]
    with pytest.raises(httpx.HTTPError):
        cloud.upload(image, b"\x01" * 512)
    cloud.wait_dead("control")
    cloud.start_control()
    assert cloud.call("GET", f"/image/v2/images/{image}")["status"] == "queued"
    cloud.upload(image, b"\x01" * 512)
    assert cloud.call("GET", f"/image/v2/images/{image}")["status"] == "active"


@pytest.mark.parametrize("point", ["image:before-rename", "image:after-rename"])
def test_a_copy_cut_off_by_a_crash_is_made_whole_by_the_next_start(cloud: ProcessCloud, point: str) -> None:
    large = cloud.folder / "large"
    stores = f"enabled_backends = file:file, large:file\n[large]\nfilesystem_store_datadir = {large}\n"
    cloud.config.write_text(cloud.config.read_text().replace("[DEFAULT]\n", f"[DEFAULT]\n{stores}[DEFAULT]\n", 1))
    cloud.kill("control")
    cloud.start_control()
    image = cloud.call("POST", "/image/v2/images", {"name": "x", "disk_format": "raw", "container_format": "bare"})[
        "id"
    ]
    cloud.upload(image, b"\x01" * 512)
    cloud.kill("control")
    cloud.start_control(crash_at=point)
    copy = {"method": {"name": "copy-image"}, "stores": ["large"]}
    with contextlib.suppress(httpx.HTTPError):  # the answer may be lost with the process
        cloud.call("POST", f"/image/v2/images/{image}/import", copy)
    cloud.wait_dead("control")

    cloud.start_control()

    wait_for("the copy", lambda: cloud.call("GET", f"/image/v2/images/{image}")["stores"] == "file,large")
    [file] = [path for path in large.rglob("*") if path.is_file()]
    assert file.read_bytes() == b"\x01" * 512


@pytest.mark.parametrize("point", AGENT_POINTS)
def test_an_agent_killed_at_any_step_is_finished_by_the_next_one(shared_cloud: ProcessCloud, point: str) -> None:
    cloud = shared_cloud
    name = "h-" + point.replace(":", "-").lower()
    cloud.start_host(name, crash_at=point)
    cloud.wait_for_host(name)
    server_id = cloud.create(name)
    if point.partition(":")[2] in DELETE:
        wait_for("the server to run", lambda: cloud.status(server_id) == "ACTIVE")
        cloud.delete(server_id)
    wait_for("the agent to be killed", lambda: cloud.is_dead(name))
    cloud.start_host(name)
    if point.partition(":")[2] in DELETE:
        wait_for("the server to go", lambda: cloud.status(server_id) == "gone")
    else:
        wait_for("the server to run", lambda: cloud.status(server_id) == "ACTIVE")
        [device] = [d for d in cloud.devices() if d["host"] == name]
        assert (device["status"], device["server_id"], device["driver"]) == ("allocated", server_id, "vfio-pci")
        cloud.delete(server_id)
        wait_for("the server to go", lambda: cloud.status(server_id) == "gone")
    [device] = [d for d in cloud.devices() if d["host"] == name]
    assert (device["status"], device["server_id"], device["driver"]) == ("available", None, "nouveau")
    cloud.kill(name)
    cloud.call("PATCH", f"/busway/v1/hosts/{name}", {"enabled": False})
