"""Shares of render nodes: declared by the operator, reported, checked before a guest starts, and free when it is gone."""

from dataclasses import replace
from pathlib import Path

import pytest

from busway.agent.held import unit_called
from busway.agent.render import DeclaredNodes
from busway.domain.documents import DesiredServer
from busway.domain.grant import Grant
from busway.domain.ids import ClaimId, ServerId, UnitName
from busway.domain.mdev import MdevParentSeen, MdevTypeSeen
from busway.domain.server import PowerState
from busway.domain.units import RenderShare
from busway.testing.render_nodes import add_render_node, remove_render_node
from busway.testing.stage import ONE, TWO, Stage, desired_server

GPU = "0000:03:00.0"
CLAIMS = ("aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.machine.function(GPU, "8086:56c0", "038000", group=3, driver="i915", node=1)
    add_render_node(stage.root, GPU)
    stage.render = DeclaredNodes({GPU: 2, "software": 1}, limit=2)
    return stage


def server(server_id: ServerId = ONE, node: str = f"pci-{GPU}", claim: str = CLAIMS[0]) -> DesiredServer:
    return replace(desired_server(server_id), devices=(Grant(RenderShare(node, claim), ClaimId(claim)),))


def fault(stage: Stage) -> str:
    return next(seen.fault.code for seen in stage.link.last.servers if seen.fault)


def test_a_declared_node_is_reported_with_its_shares_and_one_that_is_not_there_with_the_reason(stage: Stage) -> None:
    stage.settle(stage.agent())

    gpu, software = stage.link.last.render_nodes

    kind = MdevTypeSeen("virgl", "", 2, most=2)
    assert gpu == MdevParentSeen(f"pci-{GPU}", (kind,), 1, card=GPU, kind="render")
    assert software.trouble.startswith("There is no render node for software. The module vgem")


def test_two_guests_share_a_node_and_a_share_is_free_when_its_guest_is_gone(stage: Stage) -> None:
    stage.desire(server(ONE), server(TWO, claim=CLAIMS[1]))
    agent = stage.agent()

    stage.settle(agent)
    both = {held.unit.name for held in stage.link.last.held}
    stage.desire(server(TWO, claim=CLAIMS[1]), absent=(ONE,))
    stage.settle(agent)
    left = {held.unit.name for held in stage.link.last.held}

    assert both == {f"render-{claim}" for claim in CLAIMS}
    assert left == {f"render-{CLAIMS[1]}"}
    assert [seen.power for seen in stage.link.last.servers if seen.id == TWO] == [PowerState.RUNNING]


@pytest.mark.parametrize(
    ("node", "code"), [("pci-0000:04:00.0", "render-node-undeclared"), ("platform-vgem", "render-node-absent")]
)
def test_a_node_that_is_not_the_operators_or_not_there_starts_no_guest(stage: Stage, node: str, code: str) -> None:
    stage.desire(server(node=node))

    stage.settle(stage.agent())

    assert fault(stage) == code
    assert stage.link.last.held == ()
    assert stage.hypervisor.domains() == ()


def test_a_node_without_udevs_link_is_told_by_its_file(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    add_render_node(stage.root, named=False)
    stage.render = DeclaredNodes({"software": 1})

    stage.settle(stage.agent())

    [node] = stage.link.last.render_nodes
    assert "/dev/dri/by-path/platform-vgem-render is not there. The node is /dev/dri/renderD128" in node.trouble


def test_a_hypervisor_that_can_t_draw_offers_no_share_and_starts_no_guest(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    add_render_node(stage.root)
    stage.render = DeclaredNodes({"software": 1}, lacking=lambda: "QEMU has no egl-headless")
    stage.desire(server(node="platform-vgem"))

    stage.settle(stage.agent())

    [node] = stage.link.last.render_nodes
    assert node.trouble == "The hypervisor can't draw for guests on this host. QEMU has no egl-headless."
    assert fault(stage) == "render-qemu"
    assert stage.hypervisor.domains() == ()


def test_a_guest_that_is_off_is_not_started_without_its_node(stage: Stage) -> None:
    stage.desire(server())
    agent = stage.agent()
    stage.settle(agent)
    stage.desire(replace(server(), powered=False))
    stage.settle(agent)

    remove_render_node(stage.root)
    stage.desire(server())
    stage.settle(agent)

    assert fault(stage) == "render-node-absent"
    assert [held.unit.name for held in stage.link.last.held] == [f"render-{CLAIMS[0]}"]


def test_the_name_of_a_record_tells_its_kind() -> None:
    assert unit_called(UnitName(f"render-{CLAIMS[0]}")) == RenderShare("", CLAIMS[0])
    assert unit_called(UnitName("render-..")) is None
