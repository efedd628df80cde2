import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.datastructures import QueryParams

from busway.api.call import Call
from busway.api.compute.server_fields import View, listed, shown, updated
from busway.domain.caller import Caller
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId, HostId, ImageId, PortId, ProjectId, ServerId, UserId
from busway.domain.image import Image, ImageStatus
from busway.domain.server import PowerState, Server, ServerAddress, ServerFault, ServerStatus
from busway.testing.golden import Golden
from tests.api.serving import paper_control

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ADMIN = Caller(UserId("u1"), "admin", ProjectId("p1"), "admin", frozenset({"admin"}))
MEMBER = Caller(UserId("u2"), "ann", ProjectId("p1"), "lab", frozenset({"member"}))
SERVER = Server(
    id=ServerId("11111111-0000-4000-8000-000000000001"),
    number=10,
    name="s1",
    hostname="s1",
    description="a test",
    project_id=ProjectId("p1"),
    user_id=UserId("u1"),
    status=ServerStatus.ACTIVE,
    task_state=None,
    power=PowerState.RUNNING,
    flavor=Flavor(FlavorId("1"), "m1.tiny", 192, 1, 1, extra_specs={"pci_passthrough:alias": "a1:1"}),
    image_id=ImageId("22222222-0000-4000-8000-000000000002"),
    created=NOON,
    updated=NOON,
    host_id=HostId("h1"),
    host_name="host1",
    key_name="test",
    metadata={"k": "v"},
    tags=("a", "b"),
    addresses=(ServerAddress("private", "10.0.2.100", "fa:16:3e:00:00:01", PortId("p")),),
    launched=NOON,
    scheduler_hints={"hint": "x"},
    reservation_id="r-11111111",
)
IMAGE = Image(
    SERVER.image_id,
    "new1",
    ImageStatus.ACTIVE,
    ProjectId("p1"),
    NOON,
    NOON,
    disk_format="qcow2",
    properties={"os": "linux"},
)
FAULT = ServerFault(500, "No host", "all the facts", NOON)


@pytest.fixture
def golden() -> Golden:
    return Golden(Path(__file__).parent / "golden")


def call(version: int, caller: Caller, folder: Path) -> Call:
    return Call(paper_control(folder), "req-1", {}, QueryParams(""), {}, caller, version=version)


@pytest.mark.parametrize("version", [1, 47, 96, 100])
@pytest.mark.parametrize("caller", [ADMIN, MEMBER], ids=["admin", "member"])
def test_a_server_is_shown_as_it_was_looked_at(golden: Golden, tmp_path: Path, version: int, caller: Caller) -> None:
    body = shown(View(SERVER, IMAGE, "UP", security_groups=("default",)), call(version, caller, tmp_path))

    golden.check(f"server-2.{version}-{caller.user_name}.json", json.dumps(body, indent=1, sort_keys=True) + "\n")


def test_a_fault_is_shown_while_the_server_is_in_error(tmp_path: Path) -> None:
    broken = replace(SERVER, status=ServerStatus.ERROR, fault=FAULT)

    told = shown(View(broken), call(1, MEMBER, tmp_path))

    assert told["fault"] == {"code": 500, "created": "2026-01-31T12:00:00Z", "message": "No host"}
    assert "fault" not in shown(View(replace(SERVER, fault=FAULT)), call(1, MEMBER, tmp_path))


def test_lists_have_no_server_groups_and_changes_have_all_from_2_75(tmp_path: Path) -> None:
    view = View(SERVER, IMAGE)

    assert "server_groups" in shown(view, call(71, ADMIN, tmp_path))
    assert "server_groups" not in listed(view, call(71, ADMIN, tmp_path))
    assert "key_name" not in updated(view, call(74, ADMIN, tmp_path))
    assert updated(view, call(75, ADMIN, tmp_path)) == shown(view, call(75, ADMIN, tmp_path))
