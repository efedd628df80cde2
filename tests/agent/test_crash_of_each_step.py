"""Stories in which each kind of step is cut before and after its act; the next agent comes to what is desired."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from busway.domain.documents import DesiredRescue, DesiredServer, Nic
from busway.domain.guest_machine import Machine
from busway.domain.ids import ImageId, PortId
from busway.domain.live_move import LiveOrder, LiveRole
from busway.domain.server import Hold
from busway.reconciler.plan import plan
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.stage import ONE, Stage, desired_server
from tests.sample import one_in

Change = Callable[[DesiredServer], DesiredServer | None]


@dataclass(frozen=True)
class Story:
    """What is desired of a server that runs, and the steps that follow; None: it is to go.

    `first` is what comes before, carried out and settled; without a `device` it can be saved.
    """

    change: Change
    steps: tuple[str, ...]
    obeys_acpi: bool = True
    first: Callable[[DesiredServer], DesiredServer] = lambda server: server
    device: bool = True


BOOT = ("FetchImage", "MakeDisk", "MakeConfigDrive", "TakeDevice", "DefineDomain", "StartDomain", "RecordCounters")
STORIES = {
    "reboot": Story(lambda server: replace(server, reboots=1), ("RebootDomain", "RecordCounters")),
    "stop": Story(lambda server: replace(server, powered=False), ("StopDomain",)),
    "stop by force": Story(lambda server: replace(server, powered=False), ("StopDomain", "DestroyDomain"), False),
    "rebuild": Story(
        lambda server: replace(server, disks=(2,), starts=2),
        ("DestroyDomain", "MakeDisk", "DefineDomain", "RemoveDisk", "StartDomain", "RecordCounters"),
    ),
    "pause": Story(lambda server: replace(server, hold=Hold.PAUSED), ("PauseDomain",)),
    "unpause": Story(lambda server: server, ("UnpauseDomain",), first=lambda one: replace(one, hold=Hold.PAUSED)),
    "stop while paused": Story(
        lambda server: replace(server, powered=False),
        ("UnpauseDomain", "StopDomain"),
        first=lambda server: replace(server, hold=Hold.PAUSED),
    ),
    "suspend": Story(lambda server: replace(server, hold=Hold.SUSPENDED), ("SaveDomain",), device=False),
    "resume": Story(
        lambda server: server,
        ("StartDomain",),
        first=lambda server: replace(server, hold=Hold.SUSPENDED),
        device=False,
    ),
    "hard reboot while suspended": Story(
        lambda server: replace(server, reboots=1, hard_reboot=True),
        ("ForgetSaved", "StartDomain", "RecordCounters"),
        first=lambda server: replace(server, hold=Hold.SUSPENDED),
        device=False,
    ),
    "more disks": Story(
        lambda server: replace(server, disks=(3,), starts=3, machine=Machine(ephemeral_gb=1)),
        (
            "DestroyDomain",
            "MakeDisk",
            "MakeExtraDisk",
            "DefineDomain",
            "RemoveDisk",
            "RemoveExtraDisk",
            "StartDomain",
            "RecordCounters",
        ),
        first=lambda server: replace(server, disks=(2,), starts=2, machine=Machine(swap_mb=64)),
    ),
    "rescue": Story(
        lambda server: rescued(server),
        (*("MakeDisk", "StopDomain"), *("DefineDomain", "StartDomain", "RecordCounters")),
    ),
    "unrescue": Story(
        lambda server: replace(server, starts=3),
        ("StopDomain", "DefineDomain", "RemoveDisk", "StartDomain", "RecordCounters"),
        first=lambda server: rescued(server),
    ),
    "arrive": Story(
        lambda server: replace(server, live=LiveOrder("m1", LiveRole.INCOMING, "s")),
        ("FetchImage", "MakeConfigDrive", "ReceiveDomain"),
        device=False,
    ),
    "go away": Story(lambda server: server, ("MigrateDomain",), device=False),
    "hand in": Story(lambda server: replace(server, powered=False, upload=ImageId("up")), ("StopDomain", "UploadDisk")),
    "hand in both": Story(
        lambda server: replace(scratch(server), powered=False, upload=ImageId("up"), upload_ephemeral=ImageId("extra")),
        ("StopDomain", "UploadDisk", "UploadDisk"),
        first=lambda server: scratch(server),
    ),
    "plug a card": Story(lambda server: with_card(roomy(server)), ("PlugCard",), first=lambda server: roomy(server)),
    "unplug a card": Story(lambda server: roomy(server), ("AskOut",), first=lambda server: with_card(roomy(server))),
    "plug a device": Story(
        lambda server: pinned(server),
        ("TakeDevice", "PlugDevice"),
        first=lambda server: replace(pinned(server), devices=()),
    ),
    "unplug a device": Story(
        lambda server: replace(pinned(server), devices=()),
        ("AskOut", "GiveBackDevice"),
        first=lambda server: pinned(server),
    ),
    "hand in while it runs": Story(lambda server: replace(server, upload=ImageId("up")), ("UploadDisk",)),
    "boot": Story(lambda server: server, BOOT),
    "delete": Story(lambda _server: None, ("DestroyDomain", "UndefineDomain", "GiveBackDevice", "RemoveFiles")),
}


def scratch(server: DesiredServer) -> DesiredServer:
    """The server started anew with an ephemeral disk."""
    return replace(server, machine=Machine(ephemeral_gb=1), disks=(2,), starts=2)


def roomy(server: DesiredServer) -> DesiredServer:
    """The server started anew with a spare root port."""
    return replace(server, spare_ports=1, disks=(2,), starts=2)


def pinned(server: DesiredServer) -> DesiredServer:
    """The same with its card at the first root port and its device at the second, which is spare."""
    devices = tuple(replace(grant, port=2) for grant in server.devices)
    return replace(roomy(server), devices=devices, nics=(replace(server.nics[0], root_port=1),), root_ports=1)


def with_card(server: DesiredServer) -> DesiredServer:
    return replace(server, nics=(*server.nics, Nic("52:54:00:00:00:02", "10.0.0.6", 24, port=PortId("7" * 36))))


def rescued(server: DesiredServer) -> DesiredServer:
    return replace(server, rescue=DesiredRescue(server.image, 2), starts=2)


def begin(stage: Stage, story: Story) -> None:
    """Makes the server run, but for its boot, and then desires the change."""
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    server = desired_server(ONE, *([gpu] if story.device else []))
    stage.hypervisor.obeys_acpi = story.obeys_acpi
    if story not in (STORIES["boot"], STORIES["arrive"]):
        stage.desire(server)
        stage.settle(stage.agent())
        stage.desire(story.first(server))
        stage.settle(stage.agent())
    wanted = story.change(server)
    if story is STORIES["go away"]:
        wanted = replace(server, live=target_of(stage, server))
    stage.desire(*([wanted] if wanted else []), absent=() if wanted else (ONE,))


def target_of(stage: Stage, server: DesiredServer) -> LiveOrder:
    """Another host, which awaits the server; it lives on in this process."""
    other = Stage(stage.path / "other")
    other.desire(replace(server, disks=(2,), live=LiveOrder("m1", LiveRole.INCOMING, "s")))
    other.settle(other.agent(), 2)
    [seen] = other.link.last.servers
    assert seen.live is not None
    return LiveOrder("m1", LiveRole.OUTGOING, "s", seen.live.address, seen.live.fingerprint)


def go_on(stage: Stage, crashpoint: Callable[[str], None] = lambda _point: None) -> None:
    agent = stage.agent(crashpoint)
    stage.settle(agent, 2)
    stage.hands.now += 61  # a guest that does not follow the power button is ended
    stage.settle(agent, 3)
    agent.finish()


def die_at(stage: Stage, point: str, obeys_acpi: bool) -> bool:
    """Lets an agent go in a process of its own that ends, as by kill -9, at a crash point."""
    pid = os.fork()
    if pid == 0:
        stage.hypervisor = FakeHypervisor(stage.root, obeys_acpi=obeys_acpi)
        go_on(stage, lambda reached: os._exit(9) if reached == point else None)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


@pytest.mark.parametrize("name", STORIES)
def test_a_story_has_its_steps(stage: Stage, name: str) -> None:
    begin(stage, STORIES[name])
    seen: list[str] = []

    go_on(stage, seen.append)

    assert tuple(point.partition(":")[2] for point in seen if point.startswith("before:")) == STORIES[name].steps


@pytest.mark.parametrize(
    ("name", "point"),
    one_in(
        7,  # both moments of steps of every story
        (
            (name, f"{moment}:{step}")
            for name, story in STORIES.items()
            for step in dict.fromkeys(story.steps)
            for moment in ("before", "after")
        ),
    ),
)
def test_a_step_that_is_cut_is_finished_by_the_next_agent(tmp_path: Path, name: str, point: str) -> None:
    story = STORIES[name]
    stage = Stage(tmp_path)
    begin(stage, story)

    assert die_at(stage, point, story.obeys_acpi)
    go_on(stage)

    local = stage.look().local
    assert stage.link.desired is not None
    assert plan(stage.link.desired, local) == []
    assert [server.fault for server in stage.link.last.servers if server.fault] == []
    assert len(local.held) == sum(len(server.devices) for server in stage.link.desired.servers)
