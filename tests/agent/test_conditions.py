"""How a host does is told once for each change; whatever the doctor does, the agent goes on."""

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from busway.agent.agent import Agent
from busway.agent.guest_gpus import GuestGpus
from busway.agent.render import DeclaredNodes
from busway.bootstrap.findings import examine
from busway.domain.address import PciAddress
from busway.domain.condition import Conditions, HostFinding
from busway.domain.errors import NotFound
from busway.metrics.family import Figure
from busway.testing.fabric import MODULES, FakeFabric, hgx
from busway.testing.machines_server import hgx_h200
from busway.testing.render_nodes import add_render_node
from busway.testing.stage import ONE, Stage, desired_server

FINDING = HostFinding("link-narrow", "informs", "The link has 4 of 16 lanes", "Reseat the card.", "0000:41:00.0")


def link(stage: Stage, gpu: PciAddress, width: int) -> None:
    folder = stage.machine.folder(str(gpu))
    for name, text in {"current_link_speed": "2.5 GT/s PCIe", "max_link_speed": "16.0 GT/s PCIe"}.items():
        (folder / name).write_text(text)
    (folder / "current_link_width").write_text(str(width))
    (folder / "max_link_width").write_text("16")


def later(stage: Stage, agent: Agent, seconds: float = 16) -> None:
    stage.hands.now += seconds
    agent.round()


@pytest.fixture
def gpu(stage: Stage) -> PciAddress:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    link(stage, gpu, 16)
    return gpu


def test_a_change_is_told_and_nothing_twice(stage: Stage, gpu: PciAddress) -> None:
    agent = stage.agent()
    for _ in range(3):
        later(stage, agent)
    link(stage, gpu, 4)
    agent.round()  # not yet
    assert len(stage.link.conditions) == 1
    later(stage, agent)

    first, second = (told.devices[0] for told in stage.link.conditions)
    assert (first.link_speed, first.link_max_speed, first.is_narrow) == (2.5, 16.0, False)
    assert (second.link_width, second.link_max_width, second.is_narrow) == (4, 16, True)


def test_a_link_that_changes_its_speed_makes_no_new_report(stage: Stage, gpu: PciAddress) -> None:
    agent = stage.agent()
    agent.round()
    (stage.machine.folder(str(gpu)) / "current_link_speed").write_text("16.0 GT/s PCIe")
    stage.hands.now += 5
    agent.round()

    assert len(stage.link.reports) == 1


def test_a_host_tells_in_which_ways_each_of_its_cards_can_be_given(stage: Stage, gpu: PciAddress) -> None:
    stage.machine.sriov("0000:51", vfs=2, group=30)
    stage.agent().round()

    told = {each.device: {way.name: way.serves for way in each.ways} for each in stage.link.conditions[-1].modes}

    assert set(told) == {str(gpu), "0000:51:00.0"}
    assert (told[str(gpu)]["whole"], told[str(gpu)]["virtual functions"]) == (True, False)
    assert (told["0000:51:00.0"]["whole"], told["0000:51:00.0"]["virtual functions"]) == (False, True)


def test_a_gpu_of_a_fabric_tells_its_partitions_and_a_render_node_what_qemu_lacks(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    hgx(stage.machine)
    stage.fabric = FakeFabric(stage.root)
    add_render_node(stage.root, MODULES[1])
    stage.render = DeclaredNodes(lacking=lambda: "QEMU has no egl-headless")
    stage.agent().round()

    [ways] = [each.ways for each in stage.link.conditions[-1].modes if each.device == MODULES[1]]
    why = {way.name: way.why for way in ways}

    assert "it is in partitions of 1, 2" in why["NVLink partition"]
    assert "QEMU has no egl-headless" in why["render shares"]


def test_ports_above_gpus_tell_their_links_too(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    hgx_h200(stage.root)
    stage.agent().round()

    told = {each.device: each for each in stage.link.conditions[-1].devices}
    assert told["0000:18:00.0"].link_max_speed == 32.0
    assert "0000:15:01.0" in told  # the root port above it


def test_what_a_guest_tells_of_its_gpu_is_told_in_steps_of_five_percent(stage: Stage, gpu: PciAddress) -> None:
    class Guests(GuestGpus):
        def figures(self):  # type: ignore[no-untyped-def]
            return iter([Figure("busway_guest_gpu_utilization_ratio", 0.87, (str(gpu), "", "", "", ""))])

    stage.guest_gpus = Guests(lambda *_: "", ("true",), stage.hands.monotonic)
    stage.agent().round()

    assert stage.link.conditions[-1].devices[0].utilization == 85


def test_findings_are_told_as_soon_as_the_doctor_has_looked(stage: Stage, gpu: PciAddress) -> None:
    stage.examine = lambda _root, _held: (FINDING,)
    agent = stage.agent()
    agent.round()
    agent.conditions.wait(10)
    agent.round()

    assert stage.link.conditions[-1].findings == (FINDING,)
    assert stage.link.conditions[-1].examined


def test_a_doctor_that_fails_costs_its_findings_only(stage: Stage, gpu: PciAddress) -> None:
    def broken(_root: Path, _held: Collection[str]) -> tuple[HostFinding, ...]:
        raise RuntimeError("broken")

    stage.examine = broken
    agent = stage.agent()
    agent.round()
    agent.conditions.wait(10)
    later(stage, agent)

    assert [reported.examined for reported in stage.link.conditions] == [False]
    assert stage.link.reports[-1].notes == ()


def test_a_control_plane_that_knows_no_conditions_is_left_alone(stage: Stage, gpu: PciAddress) -> None:
    asked = []

    def put(reported: Conditions) -> None:
        asked.append(reported)
        raise NotFound("The URL does not exist")

    stage.link.put_conditions = put  # type: ignore[method-assign]
    agent = stage.agent()
    for _ in range(5):
        later(stage, agent)

    assert len(asked) == 1
    assert stage.link.reports[-1].notes == ()


def _held_by(stage: Stage, held: Callable[[], Collection[str]]) -> list[str]:
    return [each.code for each in examine(stage.root, held())]


def test_the_user_of_a_card_is_no_finding_where_it_is_the_guest_that_was_given_it(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10, driver="vfio-pci")
    stage.machine.hold(4711, "qemu-system-x86", "/dev/vfio/10")

    assert "device-held" in _held_by(stage, tuple)
    assert "device-held" not in _held_by(stage, lambda: {str(gpu)})


def test_a_device_that_a_server_has_is_told_though_it_is_no_gpu(stage: Stage) -> None:
    other = stage.machine.function("0000:42:00.0", "8086:1234", "010802", group=11)
    link(stage, other, 8)
    stage.desire(desired_server(ONE, other, ids="8086:1234"))
    agent = stage.agent()
    stage.settle(agent)
    later(stage, agent)

    assert [each.device for each in stage.link.conditions[-1].devices] == [str(other)]
