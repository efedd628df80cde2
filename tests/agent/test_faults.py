from dataclasses import replace

from structlog.testing import capture_logs

from busway.domain.errors import HostError
from busway.domain.grant import Fault
from busway.domain.server import PowerState
from busway.testing.machines import gpu_host
from busway.testing.stage import ONE, TWO, Stage, desired_server


def test_a_failed_bind_is_reported_and_leaves_no_trace_on_the_device(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.kernel.refuse("probe", gpu, "No such device", times=1)
    stage.desire(desired_server(ONE, gpu))

    stage.settle(stage.agent())

    fault = stage.link.last.servers[0].fault
    assert fault is not None
    assert (fault.step, fault.code) == ("TakeDevice", "bind-failed")
    assert "No such device" in fault.detail
    assert stage.link.last.held == ()
    assert (stage.driver(gpu), stage.override(gpu)) == ("nouveau", "(null)")


def test_a_fault_of_one_server_does_not_touch_another(stage: Stage) -> None:
    bad, good = gpu_host(stage.root, 2)
    stage.kernel.hang("unbind", bad)
    stage.desire(desired_server(ONE, bad), desired_server(TWO, good))

    stage.settle(stage.agent())

    one, two = stage.link.last.servers
    assert one.fault is not None and one.power is None
    assert two.fault is None and two.power is PowerState.RUNNING


def test_a_failed_server_is_not_tried_again_until_something_else_is_desired_of_it(stage: Stage) -> None:
    server = desired_server(ONE)
    stage.hypervisor.refusals["start"] = HostError("no", detail="out of memory", code="libvirt-refused")
    stage.desire(server)
    stage.settle(stage.agent())
    stage.hypervisor.refusals.clear()
    agent = stage.agent()  # the fault outlives the process

    stage.settle(agent)
    before = stage.link.last.servers[0]
    stage.desire(replace(server, starts=2))
    stage.settle(agent)
    after = stage.link.last.servers[0]

    assert (before.power, before.fault) == (
        PowerState.SHUTOFF,
        Fault("StartDomain", "no", "out of memory", "", "libvirt-refused"),
    )
    assert (after.power, after.fault, after.starts) == (PowerState.RUNNING, None, 2)


def test_an_error_server_that_becomes_absent_gives_everything_back(stage: Stage) -> None:
    first, second = gpu_host(stage.root, 2)
    stage.kernel.refuse("probe", second, "No such device", times=1)
    stage.desire(desired_server(ONE, first, second))
    agent = stage.agent()
    stage.settle(agent)
    held_in_error = [held.unit.name for held in stage.link.last.held]

    stage.desire(absent=(ONE,))
    stage.settle(agent)

    assert held_in_error == [str(first)]
    assert (stage.link.last.servers, stage.link.last.held) == ((), ())
    assert stage.driver(first) == "nouveau"


def test_a_release_that_fails_is_reported_with_the_device_and_tried_again(stage: Stage) -> None:
    first, second = gpu_host(stage.root, 2)
    stage.desire(desired_server(ONE, first, second))
    agent = stage.agent()
    stage.settle(agent)
    stage.kernel.refuse("reset", first, "Connection timed out", times=2)
    stage.desire(absent=(ONE,))

    agent.round()
    failed = stage.link.last
    stage.settle(agent, rounds=6)

    assert [(held.unit.name, held.fault.code if held.fault else "") for held in failed.held] == [
        (str(first), "reset-failed")
    ]
    assert [server.id for server in failed.servers] == [ONE]
    assert stage.driver(second) == "nouveau"
    assert (stage.link.last.servers, stage.link.last.held) == ((), ())


def test_a_release_whose_fault_can_not_be_written_down_pauses_all_the_same(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    agent = stage.agent()
    stage.settle(agent)
    stage.kernel.refuse("reset", gpu, "Connection timed out")
    (stage.path / f"state/held/.{gpu}.json.new").mkdir()  # as on a full disk
    stage.desire(absent=(ONE,))

    with capture_logs() as lines:
        for _ in range(5):  # within one moment
            agent.round()

    assert [line["event"] for line in lines if line.get("step") == "GiveBackDevice"] == [
        "step starts",
        "a fault could not be kept",
        "step failed",
    ]
    assert [held.unit.name for held in stage.link.last.held] == [str(gpu)]


def test_a_device_that_failed_its_reset_gets_no_host_driver(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    agent = stage.agent()
    stage.settle(agent)
    stage.kernel.refuse("reset", gpu, "Connection timed out")
    stage.desire(absent=(ONE,))

    stage.settle(agent)

    assert (stage.driver(gpu), stage.override(gpu)) == (None, "vfio-pci")


def test_a_damaged_image_is_refused_and_not_kept(stage: Stage) -> None:
    server = desired_server(ONE)
    stage.link.images[server.image.id] = b"x" * server.image.size
    stage.desire(server)

    stage.settle(stage.agent())

    fault = stage.link.last.servers[0].fault
    assert fault is not None and fault.code == "image-damaged"
    assert list(stage.state.images.iterdir()) == []


def test_a_missing_image_is_a_fault(stage: Stage) -> None:
    stage.link.images.clear()
    stage.desire(desired_server(ONE))

    stage.settle(stage.agent())

    fault = stage.link.last.servers[0].fault
    assert fault is not None and (fault.step, fault.code) == ("FetchImage", "image-not-found")


def test_a_second_server_waits_for_a_device_that_the_first_still_has(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    agent = stage.agent()
    stage.settle(agent)
    stage.kernel.refuse("reset", gpu, "Connection timed out", times=1)

    stage.desire(desired_server(TWO, gpu), absent=(ONE,))
    agent.round()
    waiting = stage.link.last
    stage.settle(agent)

    assert waiting.notes == (f"{TWO}: {gpu} is still held for server {ONE}",)
    assert [(held.unit.name, held.server_id) for held in waiting.held] == [(str(gpu), ONE)]
    assert [(server.id, server.power) for server in stage.link.last.servers] == [(TWO, PowerState.RUNNING)]


def test_after_a_reboot_of_the_host_the_devices_of_an_idle_server_are_taken_again(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    stage.settle(stage.agent())
    stage.hypervisor.power_off_from_inside(ONE)
    stage.kernel.reboot()

    stage.settle(stage.agent())

    assert stage.driver(gpu) == "vfio-pci"
    assert [held.before for held in stage.link.last.held] == ["nouveau"]
    assert stage.link.last.servers[0].power is PowerState.SHUTOFF


def test_a_device_that_can_not_be_taken_again_after_a_reboot_stays_the_servers_own(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    stage.settle(stage.agent())
    stage.hypervisor.power_off_from_inside(ONE)
    stage.kernel.reboot()
    stage.kernel.refuse("unbind", gpu, "Device or resource busy", times=1)

    stage.settle(stage.agent())

    assert stage.driver(gpu) == "nouveau"
    assert [(held.unit.name, held.before) for held in stage.link.last.held] == [(str(gpu), "nouveau")]


def test_no_report_of_a_newer_document_has_a_fault_of_an_older_one_that_has_passed(stage: Stage) -> None:
    server = desired_server(ONE)
    stage.hypervisor.refusals["start"] = HostError("no", detail="out of memory", code="libvirt-refused")
    stage.desire(server)
    agent = stage.agent()
    stage.settle(agent)
    del stage.hypervisor.refusals["start"]
    stage.desire(replace(server, starts=2))

    stage.settle(agent)

    assert stage.link.desired is not None
    newer = [report for report in stage.link.reports if report.generation == stage.link.desired.generation]
    assert newer and all(report.servers[0].fault is None for report in newer)
