"""Devices that come to a guest that runs and go again: guests that do not follow, paused ones, and BARs without room."""

from dataclasses import replace

from busway.domain.address import PciAddress
from busway.domain.documents import DesiredServer, ObservedServer
from busway.domain.server import Hold, PowerState
from busway.testing.stage import ONE, Stage, desired_server

GPU = "0000:41:00.0"


def bare(stage: Stage) -> DesiredServer:
    """A server that runs without its device, with a spare root port for it, and how it is with it."""
    gpu = stage.machine.gpu(GPU, group=10)
    server = desired_server(ONE, gpu)
    nics, devices = (replace(server.nics[0], root_port=1),), (replace(server.devices[0], port=2),)
    return replace(server, nics=nics, devices=devices, spare_ports=1, root_ports=1)


def seen(stage: Stage) -> ObservedServer:
    [server] = stage.link.last.servers
    return server


def running(stage: Stage, with_device: DesiredServer) -> None:
    stage.desire(replace(with_device, devices=()))
    stage.settle(stage.agent())
    stage.desire(with_device)
    stage.settle(stage.agent())
    assert [str(name) for name in seen(stage).attached or ()] == [GPU]


def test_a_guest_that_does_not_let_go_is_named_asked_again_and_may_follow_late(stage: Stage) -> None:
    wanted = bare(stage)
    running(stage, wanted)
    stage.hypervisor.lets_go = False
    stage.desire(replace(wanted, devices=()))
    agent = stage.agent()
    stage.settle(agent)
    early = seen(stage)
    stage.hands.now += 60
    stage.settle(agent)
    late = seen(stage)
    held = [each.unit.name for each in stage.link.last.held]
    stage.hypervisor.lets_go = True
    stage.hands.now += 60
    stage.settle(stage.agent())

    assert (early.ignored, early.fault) == ((), None)
    assert [str(each) for each in late.ignored] == [str(each) for each in held] == [GPU]
    assert (seen(stage).ignored, seen(stage).attached, stage.link.last.held) == ((), (), ())
    assert stage.driver(PciAddress(GPU)) == "nouveau"


def test_a_paused_guest_is_asked_when_it_goes_on(stage: Stage) -> None:
    wanted = bare(stage)
    running(stage, wanted)
    agent = stage.agent()
    stage.desire(replace(wanted, devices=(), hold=Hold.PAUSED))
    stage.settle(agent)
    paused = seen(stage)
    stage.desire(replace(wanted, devices=()))
    stage.settle(agent)

    assert (paused.power, [str(each) for each in paused.attached or ()]) == (PowerState.PAUSED, [GPU])
    assert (seen(stage).power, seen(stage).attached) == (PowerState.RUNNING, ())


def test_a_device_that_a_guest_keeps_is_gone_when_the_guest_is_off(stage: Stage) -> None:
    wanted = bare(stage)
    running(stage, wanted)
    stage.hypervisor.lets_go = False
    stage.desire(replace(wanted, devices=(), powered=False))
    stage.settle(stage.agent())

    assert (seen(stage).power, seen(stage).attached, stage.link.last.held) == (PowerState.SHUTOFF, (), ())


def test_a_device_whose_bars_have_no_room_is_not_plugged_in(stage: Stage) -> None:
    wanted = bare(stage)
    low, high = (0xF0000000, 0xF0FFFFFF, 0x40200), (0x38000000000, 0x383FFFFFFFF, 0x14220C)  # 16 MiB, and 16 GiB
    lines = [low, high, *[(0, 0, 0)] * 5]
    text = "".join(f"0x{a:016x} 0x{b:016x} 0x{c:016x}\n" for a, b, c in lines)
    (stage.root / "sys/bus/pci/devices" / GPU / "resource").write_text(text)
    stage.desire(replace(wanted, devices=()))
    stage.settle(stage.agent())
    stage.desire(wanted)
    stage.settle(stage.agent())
    refused = seen(stage)
    roomy = replace(wanted, hotplug_window_mb=16_384, disks=(2,), starts=2)
    stage.desire(replace(roomy, devices=()))
    stage.settle(stage.agent())
    stage.desire(roomy)
    stage.settle(stage.agent())

    assert refused.fault is not None
    assert (refused.fault.code, refused.attached) == ("no-bar-room", ())
    assert "16384 MB of 64-bit and 16 MB" in refused.fault.detail
    assert ([str(each) for each in seen(stage).attached or ()], seen(stage).fault) == ([GPU], None)
