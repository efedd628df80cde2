"""An agent may die at any moment: these kill a real process at each crash point and each kernel or libvirt verb."""

from collections.abc import Callable
from pathlib import Path

import pytest

from busway.agent.held import HeldRecord
from busway.domain.grant import Held
from busway.domain.ids import UnitName
from busway.domain.server import PowerState
from busway.domain.units import WholeFunction
from busway.hardware.handover import Before
from busway.testing.kernel import FakeKernel
from busway.testing.stage import ONE, Stage, desired_server, with_audio
from tests.agent.death import die_at

MOMENTS = range(80)


def every_moment(tmp_path: Path, prepare: Callable[[Stage], None], check: Callable[[Stage, int], None]) -> int:
    for moment in MOMENTS:
        stage = Stage(tmp_path / str(moment))
        prepare(stage)
        died = die_at(stage, moment)
        stage.settle(stage.agent())
        check(stage, moment)
        if not died:
            return moment
    pytest.fail("there are more moments than expected")


def boot(stage: Stage) -> None:
    gpu, audio = stage.machine.card_with_audio("0000:42:00", group=11)
    stage.desire(with_audio(desired_server(ONE, gpu, ids="10de:2204"), audio))


def boot_and_delete(stage: Stage) -> None:
    boot(stage)
    stage.settle(stage.agent())
    stage.desire(absent=(ONE,))


@pytest.mark.thorough
def test_a_boot_that_is_cut_at_any_moment_is_finished_by_the_next_agent(tmp_path: Path) -> None:
    def check(stage: Stage, moment: int) -> None:
        report = stage.link.last
        assert [(s.power, s.starts, s.fault) for s in report.servers] == [(PowerState.RUNNING, 1, None)], moment
        assert [(held.server_id, held.before) for held in report.held] == [
            (ONE, "nouveau"),
            (ONE, "snd_hda_intel"),
        ], moment

    moments = every_moment(tmp_path, boot, check)

    assert moments > 20


@pytest.mark.thorough
def test_a_delete_that_is_cut_at_any_moment_is_finished_by_the_next_agent(tmp_path: Path) -> None:
    def check(stage: Stage, moment: int) -> None:
        report = stage.link.last
        assert (report.servers, report.held) == ((), ()), moment
        assert [device.driver for device in report.inventory] == ["nouveau", "snd_hda_intel"], moment
        assert [stage.override(device.address) for device in report.inventory] == ["(null)"] * 2, moment

    moments = every_moment(tmp_path, boot_and_delete, check)

    assert moments > 12


@pytest.mark.thorough
def test_a_boot_that_is_cut_at_any_moment_and_then_deleted_leaves_the_host_as_it_was(tmp_path: Path) -> None:
    def check(stage: Stage, moment: int) -> None:
        stage.desire(absent=(ONE,))
        stage.settle(stage.agent())
        report = stage.link.last
        assert (report.servers, report.held) == ((), ()), moment
        assert [device.driver for device in report.inventory] == ["nouveau", "snd_hda_intel"], moment

    for moment in range(40):
        stage = Stage(tmp_path / str(moment))
        boot(stage)
        if not die_at(stage, moment):
            break
        check(stage, moment)


def test_the_record_of_a_device_is_on_the_disk_before_the_device_is_touched(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    seen: list[HeldRecord | None] = []
    name = UnitName(str(gpu))
    stage.kernel = FakeKernel(stage.root, lambda verb, _address: seen.append(stage.state.held.find(name)))

    stage.agent().round()

    held = Held(ONE, WholeFunction(gpu, "10de", "20b5"), "nouveau")
    told = {(record.held, record.before) for record in seen if record is not None}
    assert None not in seen and told == {(held, Before("nouveau", "", stage.link.last.boot_id))}
