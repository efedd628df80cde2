"""A host whose power goes while it takes or gives back a device of any kind: it ends as desired, and nothing is lost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from busway.agent.render import DeclaredNodes
from busway.agent.workers import at_once
from busway.domain.address import PciAddress
from busway.domain.documents import DesiredServer
from busway.domain.grant import Grant
from busway.domain.ids import ClaimId
from busway.domain.server import PowerState
from busway.domain.sriov_layout import SriovLayout
from busway.domain.units import FabricPartition, Mdev, RenderShare, Unit, VgpuFunction, WholeFunction
from busway.testing.fabric import MODULES, PARTITIONS, FakeFabric, hgx
from busway.testing.kernel_vgpu import vgpu_card
from busway.testing.render_nodes import add_render_node
from busway.testing.stage import ONE, Stage, desired_server

CARD, VF = "0000:81:00.0", "0000:81:00.4"
UUID = "aaaaaaaa-0000-4000-8000-000000000001"


class PowerLoss(BaseException):
    """What nobody catches."""


@dataclass(frozen=True)
class Case:
    prepare: Callable[[Stage], None]
    units: tuple[Unit, ...]


def whole(stage: Stage) -> None:
    stage.machine.gpu(CARD, group=10)


def functions(stage: Stage) -> None:
    stage.machine.sriov("0000:81", vfs=0, group=30)
    stage.layouts = (SriovLayout(PciAddress(CARD), 2),)


def mdevs(stage: Stage) -> None:
    stage.machine.gpu(CARD, group=30, driver="nvidia")
    stage.machine.mdev_type(CARD, "nvidia-35", 2, name="GRID M60-0Q")


def vgpus(stage: Stage, instances: dict[int, int] | None = None) -> None:
    stage.machine.function(CARD, "10de:20b5", "030200", group=24, driver="nvidia", total_vfs=16)
    stage.machine.vf(CARD, 0, "10de:20b5", group=70, driver="nvidia")
    vgpu_card(stage.machine, CARD, {1055: ("NVIDIA A100D-3-40C", 40)}, capacity=80, gpu_instances=instances)


def nvlink(stage: Stage) -> None:
    hgx(stage.machine)
    stage.fabric = FakeFabric(stage.root)


def render(stage: Stage) -> None:
    add_render_node(stage.root)
    stage.render = DeclaredNodes({"software": 1})


JOINED = tuple(MODULES[module] for module in PARTITIONS[3])
GPUS = tuple(WholeFunction(PciAddress(gpu), "10de", "2330") for gpu in JOINED)
VGPU = VgpuFunction(PciAddress(VF), "10de", "20b5", "nvidia-1055")
CASES = {
    "whole card": Case(whole, (WholeFunction(PciAddress(CARD), "10de", "20b5"),)),
    "vf": Case(functions, (WholeFunction(PciAddress(VF), "10de", "2236"),)),
    "mdev": Case(mdevs, (Mdev(CARD, "nvidia-35", UUID),)),
    "vgpu": Case(vgpus, (VGPU,)),
    "mig": Case(lambda stage: vgpus(stage, {1055: 2}), (VGPU,)),
    "fabric": Case(nvlink, (*GPUS, FabricPartition(3, JOINED))),
    "render": Case(render, (RenderShare("platform-vgem", UUID),)),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def stage(tmp_path: Path, case: Case) -> Iterator[Stage]:
    stage = Stage(tmp_path, spawn=at_once)
    case.prepare(stage)
    yield stage


def server(case: Case, starts: int = 1) -> DesiredServer:
    grants = tuple(Grant(unit, ClaimId(f"c-{unit.name}"), number) for number, unit in enumerate(case.units, 1))
    return replace(desired_server(ONE), devices=grants, starts=starts)


def lose_power(stage: Stage, point: str) -> None:
    """The agent and the host end at a point of the agent's work; every guest is off afterwards, and the kernel knows nothing more."""

    def end(at: str) -> None:
        if at == point:
            raise PowerLoss

    with pytest.raises(PowerLoss):
        stage.settle(stage.agent(end), 4)
    for domain in stage.hypervisor.domains():
        if domain.is_active:
            stage.hypervisor.power_off_from_inside(domain.server_id)
    stage.kernel.reboot()


@pytest.mark.parametrize("point", ["before:TakeDevice", "after:TakeDevice", "before:StartDomain", "after:StartDomain"])
def test_a_host_that_restarts_while_it_takes_a_device_starts_the_guest_with_it(
    stage: Stage, case: Case, point: str
) -> None:
    stage.desire(server(case))
    lose_power(stage, point)
    stage.desire(server(case, 2 if point == "after:StartDomain" else 1))

    stage.settle(stage.agent(), 6)

    [seen] = stage.link.last.servers
    assert (seen.power, seen.fault) == (PowerState.RUNNING, None)
    assert {held.unit for held in stage.link.last.held} == {*case.units}
    assert {unit.name for unit in case.units} <= stage.look().local.ready | _joined(stage)


@pytest.mark.parametrize("point", ["before:GiveBackDevice", "after:GiveBackDevice"])
def test_a_host_that_restarts_while_it_gives_a_device_back_holds_nothing(stage: Stage, case: Case, point: str) -> None:
    stage.desire(server(case))
    stage.settle(stage.agent())
    stage.desire(absent=(ONE,))
    lose_power(stage, point)

    stage.settle(stage.agent(), 6)

    assert (stage.link.last.servers, stage.link.last.held) == ((), ())
    assert {unit.name for unit in case.units} & (stage.look().local.ready | _joined(stage)) == set()


@pytest.mark.parametrize("case", [CASES["mig"]], ids=["mig"])
def test_a_guest_whose_gpu_instances_a_restart_took_starts_once_they_are_made_again(stage: Stage, case: Case) -> None:
    types = stage.root / "sys/bus/pci/devices" / VF / "nvidia/creatable_vgpu_types"
    kept = types.read_text()
    stage.desire(server(case))
    stage.settle(stage.agent())
    stage.hypervisor.power_off_from_inside(ONE)
    stage.kernel.reboot()
    types.write_text("ID    : vGPU Name\n")
    stage.desire(server(case, 2))
    agent = stage.agent()
    stage.settle(agent)
    [off] = stage.link.last.servers
    held = {each.unit for each in stage.link.last.held}
    types.write_text(kept)
    stage.desire(server(case, 3))

    stage.settle(agent)

    assert off.fault is not None
    assert (off.fault.code, off.power, held) == ("no-vgpu-type", PowerState.SHUTOFF, {VGPU})
    assert stage.link.last.servers[0].power is PowerState.RUNNING


def _joined(stage: Stage) -> set[str]:
    """The partitions of the fabric that are active, which an agent asks its manager for."""
    return {FabricPartition(number).name for number in stage.fabric.active()} if stage.fabric else set()
