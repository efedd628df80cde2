"""Files of /sys that hang or fail when they are read: the card alone suffers, its servers keep what they have, and the host says why."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.documents import DesiredServer
from busway.domain.grant import Grant
from busway.domain.ids import ClaimId, ServerId
from busway.domain.server import PowerState
from busway.domain.sriov_layout import SriovLayout
from busway.domain.units import Mdev, Unit, VgpuFunction
from busway.hardware import slow_read
from busway.hardware.slow_read import PROGRAM, SlowReader
from busway.testing.kernel_vgpu import vgpu_card
from busway.testing.stage import ONE, TWO, Stage, desired_server
from tests.sample import one_in

CARD, OTHER = "0000:26:00.0", PciAddress("0000:41:00.0")
VF = "0000:26:00.4"
UUID = "aaaaaaaa-0000-4000-8000-000000000001"
# A file hangs as long as there is one beside it whose name ends in .hangs.
HANGS = PROGRAM.replace(
    "def read(path, limit):",
    "def read(path, limit):\n    while os.path.exists(path + b'.hangs'): import time; time.sleep(0.05)",
)


@dataclass
class Case:
    """A server that has something of the card, the file of the card that will hang, and what is told of it meanwhile."""

    prepare: Callable[[Stage], None]
    units: tuple[Unit, ...]
    file: str
    told: str


def vgpus(stage: Stage) -> None:
    stage.machine.function(CARD, "10de:26b9", "030200", group=24, driver="nvidia", total_vfs=32)
    for number in range(2):
        stage.machine.vf(CARD, number, "10de:26b9", group=70 + number, driver="nvidia")
    vgpu_card(stage.machine, CARD, {1155: ("NVIDIA L40S-12Q", 12)}, capacity=48)


def mdevs(stage: Stage) -> None:
    stage.machine.gpu(CARD, group=30, driver="nvidia")
    stage.machine.mdev_type(CARD, "nvidia-35", 2, name="GRID M60-0Q")


def functions(stage: Stage) -> None:
    stage.machine.sriov("0000:26", vfs=0, group=30)
    stage.layouts = (SriovLayout(PciAddress(CARD), 2),)


def one_vf(stage: Stage) -> DesiredServer:
    return desired_server(ONE, PciAddress(VF), ids="10de:2236")


VGPU, MDEV = VgpuFunction(PciAddress(VF), "10de", "26b9", "nvidia-1155"), Mdev(CARD, "nvidia-35", UUID)
TYPE = f"{CARD}/mdev_supported_types/nvidia-35"
CASES = {
    "vgpu": Case(vgpus, (VGPU,), f"{VF}/nvidia/current_vgpu_type", "what it is can't be read"),
    "vgpu's list": Case(vgpus, (), f"{VF}/nvidia/creatable_vgpu_types", "can't be read"),
    "mdev": Case(mdevs, (MDEV,), f"{TYPE}/available_instances", "nvidia-35: None left"),
    "vf": Case(functions, (), f"{CARD}/sriov_numvfs", "How many VFs 0000:26:00.0 has can't be told"),
}


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The readers that hang: they end when the file answers, and not before, as the kernel lets none die."""
    hanging: list[subprocess.Popen[bytes]] = []
    reader = SlowReader(1.0, HANGS, hanging.append)
    monkeypatch.setattr(slow_read, "READER", reader)
    yield hanging
    reader.close()
    for child in hanging:
        child.wait(30)


@pytest.fixture
def stage(tmp_path: Path, left: list[subprocess.Popen[bytes]]) -> Stage:
    return Stage(tmp_path)


def server(server_id: ServerId, *units: Unit) -> DesiredServer:
    grants = tuple(Grant(each, ClaimId(f"c-{each.name}"), number) for number, each in enumerate(units, 1))
    return replace(desired_server(server_id), devices=grants)


def told(stage: Stage) -> str:
    report = stage.link.last
    left = [f"{kind.id}: {kind.available} left" for parent in report.mdev_parents for kind in parent.types]
    return "; ".join([*report.notes, *(each.trouble for each in report.vgpu_functions), *left])


def hang(path: Path) -> Callable[[], None]:
    mark = path.with_name(f"{path.name}.hangs")
    mark.touch()
    return mark.unlink


def fail(path: Path) -> Callable[[], None]:
    """Reading a folder is an error, whoever reads."""
    kept = path.with_name(f"{path.name}.kept")
    path.rename(kept)
    path.mkdir()

    def mend() -> None:
        path.rmdir()
        kept.rename(path)

    return mend


@pytest.mark.parametrize("ill", [hang, fail])
@pytest.mark.parametrize("kind", one_in(4, CASES))
def test_a_file_that_can_not_be_read_costs_no_guest_and_no_other_card(
    stage: Stage, left: list[subprocess.Popen[bytes]], kind: str, ill: Callable[[Path], Callable[[], None]]
) -> None:
    case = CASES[kind]
    stage.machine.gpu(str(OTHER), group=10)
    case.prepare(stage)
    mine = one_vf(stage) if kind == "vf" else server(ONE, *case.units)
    stage.desire(mine)
    stage.settle(stage.agent(), 2)
    before = stage.link.last.held

    mend = ill(stage.root / "sys/bus/pci/devices" / case.file)
    agent = stage.agent()
    stage.desire(mine, desired_server(TWO, OTHER))
    stage.settle(agent, 2)
    during, why = {seen.id: seen.power for seen in stage.link.last.servers}, told(stage)
    kept = {held.unit for held in stage.link.last.held}
    mend()
    for child in left:
        child.wait(30)
    stage.hands.now += 100
    stage.settle(agent, 3)

    assert during == {ONE: PowerState.RUNNING, TWO: PowerState.RUNNING}
    assert len(left) == (ill is hang), "what hangs is asked for once"
    assert kept > {held.unit for held in before}
    assert case.told in why
    assert case.told not in told(stage)
    assert [seen.fault for seen in stage.link.last.servers] == [None, None]
    if kind == "vf":
        assert stage.driver(PciAddress(VF)) == "vfio-pci"


def test_a_guest_is_not_started_on_what_can_not_be_read_and_is_once_it_can(
    stage: Stage, left: list[subprocess.Popen[bytes]]
) -> None:
    vgpus(stage)
    mend = hang(stage.root / "sys/bus/pci/devices" / VF / "nvidia/current_vgpu_type")
    stage.desire(server(ONE, VGPU))
    agent = stage.agent()
    stage.settle(agent, 2)
    [first] = stage.link.last.servers
    mend()
    left[0].wait(30)
    stage.desire(server(TWO, VGPU), absent=(ONE,))

    stage.settle(agent, 3)

    assert first.fault is not None
    assert (first.fault.code, first.power) == ("vgpu-unreadable", None)
    assert [(seen.id, seen.power) for seen in stage.link.last.servers] == [(TWO, PowerState.RUNNING)]
