"""Every step is carried out twice, as after a crash between the act and its record: the second time changes nothing."""

from dataclasses import replace
from pathlib import Path

import structlog

from busway.agent.execute import Executor
from busway.agent.faults import Faults
from busway.agent.observe import look
from busway.agent.tools import DiskMakers, Tools
from busway.agent.workers import Work
from busway.domain.documents import Desired
from busway.hardware.machine import Machine
from busway.hypervisor.guest import GuestOptions
from busway.reconciler.plan import plan
from busway.reconciler.steps import Step
from busway.testing.stage import ONE, Stage, copy_disk, copy_image, desired_server, with_audio, write_blank


def test_every_step_twice_changes_nothing(stage: Stage) -> None:
    gpu, audio = stage.machine.card_with_audio("0000:42:00", group=11)
    server = with_audio(desired_server(ONE, gpu, ids="10de:2204"), audio)
    boot = Desired("host-1", 1, (server,))
    reboot = Desired("host-1", 2, (replace(server, reboots=1, hard_reboot=True),))
    stop = Desired("host-1", 3, (replace(server, reboots=1, powered=False),))
    start = Desired("host-1", 4, (replace(server, reboots=1, starts=2),))
    delete = Desired("host-1", 5, absent=(ONE,))

    done = [name for desired in (boot, reboot, stop, start, delete) for name in carry_out_twice(stage, desired)]

    assert {"FetchImage", "MakeDisk", "TakeDevice", "DefineDomain", "StartDomain", "RebootDomain"} < set(done)
    assert {"StopDomain", "RecordCounters", "UndefineDomain", "GiveBackDevice", "RemoveFiles"} < set(done)


def carry_out_twice(stage: Stage, desired: Desired) -> list[str]:
    faults = Faults(stage.state, stage.hands.monotonic)
    faults.desire(desired)
    kernel, guests = stage.kernel, stage.hypervisor
    tools = Tools(
        stage.link,
        guests,
        kernel,
        stage.state,
        GuestOptions(bridges={"default": "br0"}),
        stage.networks,
        disks=DiskMakers(copy_image, copy_disk, write_blank),
        monotonic=stage.hands.monotonic,
        patience=0.2,
    )
    executor = Executor(tools, faults, structlog.wrap_logger(structlog.ReturnLogger()), lambda _point: None)
    steps = plan(desired, look(Machine.read(stage.root), guests, stage.state, desired, faults, tools.now(), 60).local)
    for step in steps:
        assert done(executor, step) == 1
        once = picture(stage)
        assert done(executor, step) == 1, f"{step.name} failed the second time"
        assert picture(stage) == once, f"{step.name} changed something the second time"
    assert (
        plan(desired, look(Machine.read(stage.root), guests, stage.state, desired, faults, tools.now(), 60).local) == []
    )
    return [step.name for step in steps]


def done(executor: Executor, step: Step) -> int:
    work = Work(step.server_id, "", [step])
    executor.carry_out(work)
    return work.done


def picture(stage: Stage) -> dict[str, object]:
    """All of the host and of the agent's folder, but for what guests say and when a drive was made."""
    files = [path for top in (stage.path / "state", stage.root) for path in sorted(top.rglob("*"))]
    return {str(path): content(path) for path in files if path.name != "console.log"}


def content(path: Path) -> object:
    if path.is_symlink():
        return path.readlink()
    return path.read_bytes() if path.is_file() and path.suffix != ".iso" else path.is_dir()
