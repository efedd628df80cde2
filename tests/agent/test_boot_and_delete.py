from dataclasses import replace

from structlog.testing import capture_logs

from busway.agent.record import Moment
from busway.domain.errors import HostError
from busway.domain.grant import Grant
from busway.domain.server import PowerState
from busway.domain.units import WholeFunction
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.stage import ONE, Stage, desired_server, with_audio


def test_a_server_with_a_gpu_boots_and_is_reported(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))

    stage.agent().round()

    report = stage.link.last
    assert report.generation == 1
    assert [(s.id, s.power, s.starts, s.devices, s.fault) for s in report.servers] == [
        (ONE, PowerState.RUNNING, 1, (str(gpu),), None)
    ]
    assert [(held.unit.name, held.server_id, held.before) for held in report.held] == [(str(gpu), ONE, "nouveau")]
    assert {device.address: device.driver for device in report.inventory} == {gpu: "vfio-pci"}
    assert report.iommu


def test_a_deleted_server_leaves_the_host_as_it_was(stage: Stage) -> None:
    gpu, audio = stage.machine.card_with_audio("0000:42:00", group=11)
    stage.desire(with_audio(desired_server(ONE, gpu, ids="10de:2204"), audio))
    agent = stage.agent()
    stage.settle(agent)
    stage.desire(absent=(ONE,))

    stage.settle(agent)

    assert stage.link.last.servers == ()
    assert stage.link.last.held == ()
    assert (stage.driver(gpu), stage.driver(audio)) == ("nouveau", "snd_hda_intel")
    assert (stage.override(gpu), stage.override(audio)) == ("(null)", "(null)")
    assert stage.state.server_ids() == ()


def test_a_device_that_is_not_managed_keeps_the_driver_that_its_operator_gave_it(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10, driver="vfio-pci")
    server = desired_server(ONE, gpu)
    stage.desire(replace(server, devices=(Grant(WholeFunction(gpu, "10de", "20b5", managed=False)),)))
    agent = stage.agent()
    stage.settle(agent)
    assert [(s.power, s.fault) for s in stage.link.last.servers] == [(PowerState.RUNNING, None)]
    assert (stage.driver(gpu), stage.override(gpu)) == ("vfio-pci", "(null)")

    stage.desire(absent=(ONE,))
    stage.settle(stage.agent())

    assert stage.link.last.held == ()
    assert (stage.driver(gpu), stage.override(gpu)) == ("vfio-pci", "(null)")


def test_a_device_that_is_not_managed_and_not_prepared_fails_the_build(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    server = desired_server(ONE, gpu)
    stage.desire(replace(server, devices=(Grant(WholeFunction(gpu, "10de", "20b5", managed=False)),)))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert seen.fault.code == "device-not-prepared"
    assert (stage.link.last.held, stage.driver(gpu)) == ((), "nouveau")


def test_a_guest_that_powers_itself_off_stays_off_until_a_start_is_asked_for(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    server = desired_server(ONE, gpu)
    stage.desire(server)
    agent = stage.agent()
    stage.settle(agent)

    stage.hypervisor.power_off_from_inside(ONE)
    stage.settle(agent)
    off = stage.link.last.servers[0]
    stage.desire(replace(server, starts=2))
    stage.settle(agent)

    assert (off.power, off.devices) == (PowerState.SHUTOFF, (str(gpu),))
    assert (stage.link.last.servers[0].power, stage.link.last.servers[0].starts) == (PowerState.RUNNING, 2)


def test_a_stopped_server_is_off_and_keeps_its_devices(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    server = desired_server(ONE, gpu)
    stage.desire(server)
    agent = stage.agent()
    stage.settle(agent)

    stage.desire(replace(server, powered=False))
    stage.settle(agent)

    assert stage.link.last.servers[0].power is PowerState.SHUTOFF
    assert stage.driver(gpu) == "vfio-pci"


def test_a_guest_that_ignores_the_power_button_is_ended_after_the_deadline(stage: Stage) -> None:
    server = desired_server(ONE)
    stage.desire(server)
    agent = stage.agent()
    stage.settle(agent)
    stage.hypervisor.obeys_acpi = False
    stage.desire(replace(server, powered=False))

    stage.settle(agent)
    patient = stage.link.last.servers[0].power
    stage.hands.now += 60
    stage.settle(agent)

    assert patient is PowerState.RUNNING
    assert stage.link.last.servers[0].power is PowerState.SHUTOFF


def test_a_guest_that_boots_and_hears_no_power_button_is_asked_again_as_soon_as_it_may_listen(stage: Stage) -> None:
    verbs: list[str] = []
    stage.hypervisor = FakeHypervisor(stage.root, on_verb=verbs.append)
    server = desired_server(ONE)
    stage.desire(server)
    agent = stage.agent()
    stage.settle(agent)
    stage.hypervisor.obeys_acpi = False  # it has become ACTIVE just now, and its system is not up
    stage.desire(replace(server, powered=False))
    stage.settle(agent, 9)
    asked = verbs.count("shutdown")

    stage.hypervisor.obeys_acpi = True
    stage.settle(agent, 5)

    assert verbs.count("shutdown") == asked + 1 == 2
    assert "destroy" not in verbs
    assert stage.link.last.servers[0].power is PowerState.SHUTOFF


def test_a_clock_that_is_set_does_not_end_a_guest_that_was_asked_to_stop(stage: Stage) -> None:
    server = desired_server(ONE)
    stage.desire(server)
    stage.settle(stage.agent())
    stage.hypervisor.obeys_acpi = False
    stage.desire(replace(server, powered=False))
    stage.settle(stage.agent())

    powers = []
    for step in (-7200.0, 7200.0, 7200.0):
        stage.hands.clock_error += step
        stage.settle(stage.agent())
        powers.append(stage.link.last.servers[0].power)

    assert powers == [PowerState.RUNNING] * 3


def test_a_shutdown_that_was_asked_for_before_the_host_was_restarted_is_over(stage: Stage) -> None:
    server = desired_server(ONE)
    stage.desire(server)
    stage.settle(stage.agent())
    stage.hypervisor.obeys_acpi = False
    stage.desire(replace(server, powered=False))
    stage.settle(stage.agent())
    asked = stage.state.record(ONE).stop_asked

    assert asked is not None
    assert asked.passed(Moment(asked.boot_id, asked.seconds + 5)) == 5
    assert asked.passed(Moment("another boot", asked.seconds)) == float("inf")


def test_a_reboot_is_carried_out_once(stage: Stage) -> None:
    server = desired_server(ONE)
    stage.desire(server)
    agent = stage.agent()
    stage.settle(agent)

    stage.desire(replace(server, reboots=1))
    stage.settle(agent)

    assert stage.link.last.servers[0].reboots == 1
    assert stage.link.consoles[ONE] == b"Guest busway-11111111 starts\nGuest busway-11111111 reboots\n"


def test_a_server_in_neither_list_is_reported_and_left_alone(stage: Stage) -> None:
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    stage.settle(agent)

    stage.desire()
    stage.settle(agent)

    assert stage.link.last.servers[0].power is PowerState.RUNNING


def test_no_guest_starts_where_the_packet_filter_is_not_in_place(stage: Stage) -> None:
    stage.networks.no_filter = HostError("nft is not there", code="no-packet-filter")
    stage.desire(desired_server(ONE))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None and seen.fault.code == "no-packet-filter"
    assert not any(domain.power is PowerState.RUNNING for domain in stage.hypervisor.domains())


def test_other_options_of_the_host_hold_from_a_guests_next_start_on(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    stage.settle(stage.agent())
    stage.options = replace(stage.options, rom_bar=False)
    agent = stage.agent()

    with capture_logs() as lines:
        stage.settle(agent)
        ran_on = [line["step"] for line in lines if line["event"] == "step done"]
        stage.desire(replace(desired_server(ONE, gpu), powered=False))
        stage.settle(agent)
        stage.desire(replace(desired_server(ONE, gpu), starts=2))
        stage.settle(agent)

    assert ran_on == []
    done = [(line["step"], line.get("reason")) for line in lines if line["event"] == "step starts"]
    assert ("DefineDomain", "its host's options for guests have changed") in done
    assert [step for step, _ in done].count("DefineDomain") == 1
    assert stage.link.last.servers[0].power is PowerState.RUNNING


def test_a_guest_that_an_older_agent_defined_is_not_defined_anew_for_options_that_nobody_knows(stage: Stage) -> None:
    stage.desire(replace(desired_server(ONE), powered=False))
    stage.settle(stage.agent())
    record = stage.state.record(ONE)
    stage.state.write_record(ONE, replace(record, options=""))

    with capture_logs() as lines:
        stage.settle(stage.agent())

    assert [line for line in lines if line["event"] == "step starts"] == []
