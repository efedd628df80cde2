"""A device's way from one server to the next: cleaned, looked at, written down and signed, whatever is killed when."""

from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.documents import Observed
from busway.domain.handover import Handover, SignedHandover
from busway.pki.signature import is_signed
from busway.testing.stage import ONE, Stage, desired_server
from busway.wire.handover import decode_handover
from tests.agent.test_crashes import every_moment

PATTERN = b"the secrets of the first tenant"


def memory(stage: Stage, gpu: PciAddress) -> Path:
    return stage.root / "sys/bus/pci/devices" / str(gpu) / "memory"


def scrubbed(stage: Stage, text: str = 'printf "" > {memory}') -> PciAddress:
    """A GPU that a server has and has written into, and a program that cleans it."""
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    program = stage.path / "scrub"
    program.write_text(f"#!/bin/sh\n{text.format(memory=memory(stage, gpu))}\n")
    program.chmod(0o755)
    stage.scrubs["10de:20b5"] = program
    stage.desire(desired_server(ONE, gpu))
    stage.settle(stage.agent())
    memory(stage, gpu).write_bytes(PATTERN)
    return gpu


def records(stage: Stage) -> list[tuple[Handover, SignedHandover, str]]:
    """One record of each hand-over, the first as on the control plane; reports may bring it twice."""
    told = [(signed, report.handover_key) for report in reversed(stage.link.reports) for signed in report.handovers]
    read = [(decode_handover(signed.text), signed, key) for signed, key in told]
    return list({each[0].id: each for each in read}.values())


def test_a_device_that_comes_back_has_one_record_that_its_host_has_signed(stage: Stage) -> None:
    gpu = scrubbed(stage)
    stage.desire(absent=(ONE,))

    stage.settle(stage.agent())

    [(handover, signed, key)] = records(stage)
    assert is_signed(key, signed.text.encode(), signed.signature)
    assert not is_signed(key, signed.text.replace("true", "false").encode(), signed.signature)
    assert (handover.address, handover.server_id, handover.reset) == (gpu, ONE, True)
    assert handover.before == handover.after is not None
    assert handover.scrub is not None
    assert handover.taken < handover.returned
    assert stage.state.handovers.list() == ()


def test_the_record_comes_with_the_report_that_no_longer_holds_the_device_or_before(stage: Stage) -> None:
    scrubbed(stage)
    stage.desire(absent=(ONE,))
    stage.settle(stage.agent())

    first = next(n for n, report in enumerate(stage.link.reports) if report.generation == 2 and not report.held)
    assert any(report.handovers for report in stage.link.reports[: first + 1])


def test_a_record_that_the_control_plane_has_before_the_device_is_back_is_not_followed_by_another(stage: Stage) -> None:
    scrubbed(stage)
    stage.desire(absent=(ONE,))

    def taken(point: str) -> None:
        if point == "handover:after-record":
            stage.state.handovers.forget(stage.state.handovers.list())

    stage.settle(stage.agent(taken))

    assert records(stage) == []


def test_a_record_waits_until_the_control_plane_has_it(stage: Stage) -> None:
    scrubbed(stage)
    stage.desire(absent=(ONE,))
    agent = stage.agent()
    agent.round()
    stage.link.away = True
    stage.settle(agent)
    if not stage.state.handovers.list():  # the first round came so far
        return
    stage.link.away = False

    stage.settle(stage.agent())

    assert len(records(stage)) >= 1
    assert stage.state.handovers.list() == ()


def test_a_device_that_was_rewritten_shows_it(stage: Stage) -> None:
    gpu = scrubbed(stage)
    (memory(stage, gpu).parent / "rom").write_bytes(b"1 another ROM")
    stage.desire(absent=(ONE,))

    stage.settle(stage.agent())

    [(handover, _, _)] = records(stage)
    assert handover.before is not None and handover.after is not None
    assert handover.after.differences(handover.before)


def test_a_device_without_a_reset_is_told_so(stage: Stage) -> None:
    gpu = scrubbed(stage)
    (memory(stage, gpu).parent / "reset").unlink()
    stage.desire(absent=(ONE,))

    stage.settle(stage.agent())

    assert [handover.reset for handover, _, _ in records(stage)] == [False]


def test_what_could_not_be_cleaned_stays_out_of_everyones_reach_with_the_words_of_its_program(stage: Stage) -> None:
    gpu = scrubbed(stage, 'echo "page 7 is stuck"; exit 1')
    stage.desire(absent=(ONE,))

    stage.settle(stage.agent())

    [held] = stage.link.last.held
    assert held.fault is not None and held.fault.code == "scrub-failed"
    assert "page 7 is stuck" in held.fault.detail
    assert stage.driver(gpu) is None
    assert records(stage) == []


@pytest.mark.thorough
def test_no_one_gets_a_device_with_what_is_in_it_whenever_the_agent_dies(tmp_path: Path) -> None:
    def prepare(stage: Stage) -> None:
        gpu = scrubbed(stage)

        def watch(report: Observed) -> None:
            if not report.held and report.generation == 2:
                assert memory(stage, gpu).read_bytes() == b"", "the host says that a device is free that is not clean"

        stage.desire(absent=(ONE,))
        stage.link.on_report = watch

    def check(stage: Stage, moment: int) -> None:
        assert (stage.link.last.held, stage.link.last.servers) == ((), ()), moment
        gpu = PciAddress("0000:41:00.0")
        assert memory(stage, gpu).read_bytes() == b"", moment
        assert stage.driver(gpu) == "nouveau", moment

    assert every_moment(tmp_path, prepare, check) > 10
