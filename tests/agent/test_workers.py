"""Servers do not wait for each other: not for a download, not for a guest that starts slowly, not for a call that hangs."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from busway.agent.agent import Agent
from busway.agent.timing import Timing
from busway.domain.errors import Forbidden, NotAuthenticated, Unavailable
from busway.domain.ids import ImageId
from busway.domain.server import PowerState
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.machines import gpu_host
from busway.testing.stage import IMAGE, ONE, TWO, Stage, desired_server

QUICK = Timing(together=0.05, libvirt=0.2, slow=0.0)


@pytest.fixture
def gate(stage: Stage) -> Iterator[threading.Event]:
    """Holds up every download until it is set, and after the test in any case."""
    gate = threading.Event()
    stage.link.on_download = gate.wait
    yield gate
    gate.set()


def rounds_until(stage: Stage, agent: Agent, reached: Callable[[], bool]) -> None:
    for _ in range(600):
        stage.hands.now += 0.1
        agent.round()
        if reached():
            return
    pytest.fail("it was not reached")


def power(stage: Stage, server_id: str) -> PowerState | None:
    return next((server.power for server in stage.link.last.servers if server.id == server_id), None)


def test_a_download_of_hours_holds_up_neither_another_servers_stop_nor_its_delete_nor_the_reports(
    stage: Stage, gate: threading.Event
) -> None:
    first, second = gpu_host(stage.root, 2)
    stage.timing = QUICK
    gate.set()
    other = desired_server(TWO, second)
    stage.desire(other)
    agent = stage.agent()
    rounds_until(stage, agent, lambda: power(stage, TWO) is PowerState.RUNNING)
    gate.clear()
    stage.link.images[ImageId("big")] = IMAGE
    slow = desired_server(ONE, first)
    slow = replace(slow, image=replace(slow.image, id=ImageId("big"), sha256="0" * 64))
    stage.desire(slow, other)
    agent.round()

    stage.desire(slow, replace(other, powered=False))
    rounds_until(stage, agent, lambda: power(stage, TWO) is PowerState.SHUTOFF)
    stopped = stage.link.last
    stage.desire(slow, absent=(TWO,))
    rounds_until(stage, agent, lambda: not stage.link.last.held and stage.link.last.generation == 4)

    assert stopped.generation == 3
    assert f"{ONE}: FetchImage is still under way" in stopped.notes
    assert stage.driver(second) == "nouveau"
    assert len(stage.link.downloads) == 2


def test_a_download_that_is_no_longer_wanted_is_cancelled_before_the_newer_document_counts_as_tried(
    stage: Stage, gate: threading.Event
) -> None:
    stage.timing = QUICK
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    rounds_until(stage, agent, lambda: stage.link.reports != [])
    stage.desire(absent=(ONE,))
    for _ in range(20):
        agent.round()
    meanwhile = stage.link.last.generation

    gate.set()
    rounds_until(stage, agent, lambda: stage.link.last.generation == 2)

    assert meanwhile < 2
    assert list(stage.state.images.iterdir()) == []
    assert stage.link.last.servers == ()


def test_two_servers_fetch_one_image_once(stage: Stage) -> None:
    stage.desire(desired_server(ONE), desired_server(TWO))

    stage.settle(stage.agent(), 2)

    assert len(stage.link.downloads) == 1
    assert {server.power for server in stage.link.last.servers} == {PowerState.RUNNING}


def test_a_guest_whose_start_hangs_holds_up_neither_the_others_nor_the_lease(stage: Stage) -> None:
    stage.timing = QUICK
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    rounds_until(stage, agent, lambda: power(stage, ONE) is PowerState.RUNNING)
    release = stage.hypervisor.hang("start")
    stage.desire(desired_server(ONE), desired_server(TWO))
    rounds_until(stage, agent, lambda: f"{TWO}: StartDomain is still under way" in stage.link.last.notes)

    stage.desire(replace(desired_server(ONE), powered=False), desired_server(TWO))
    rounds_until(stage, agent, lambda: power(stage, ONE) is PowerState.SHUTOFF)
    before = stage.link.last.sequence
    rounds_until(stage, agent, lambda: stage.link.last.sequence > before)
    hanging = power(stage, TWO)
    release.set()
    rounds_until(stage, agent, lambda: power(stage, TWO) is PowerState.RUNNING)

    assert hanging is PowerState.SHUTOFF


def test_a_libvirt_that_does_not_answer_does_not_cost_the_lease(stage: Stage) -> None:
    stage.timing = QUICK
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    rounds_until(stage, agent, lambda: power(stage, ONE) is PowerState.RUNNING)
    last = stage.link.last
    release = stage.hypervisor.hang("domains")
    agent.round()
    stage.hands.now += 15

    agent.round()
    repeated = stage.link.last
    stage.hands.now += 3600
    for _ in range(3):
        agent.round()
    silent = stage.link.last
    release.set()
    rounds_until(stage, agent, lambda: "hypervisor: libvirt-slow" not in stage.link.last.notes)

    assert repeated.notes == ("hypervisor: libvirt-slow",)
    assert replace(repeated, sequence=last.sequence, notes=last.notes) == last
    assert silent == repeated  # what was seen an hour ago is not told any more


@pytest.mark.parametrize("error", [NotAuthenticated("who"), Forbidden("not you"), Unavailable("later")])
def test_a_control_plane_that_refuses_the_agent_is_not_the_servers_fault(stage: Stage, error: Exception) -> None:
    def refuse() -> None:
        raise error

    stage.link.on_download = refuse
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    stage.settle(agent)
    refused = stage.link.last.servers
    stage.link.on_download = lambda: None

    stage.settle(agent)

    assert all(server.fault is None for server in refused)
    assert power(stage, ONE) is PowerState.RUNNING


def test_a_defect_in_a_step_is_the_fault_of_its_server_and_of_no_other(stage: Stage) -> None:
    def defect(verb: str) -> None:
        if verb == "define" and ONE in threading.current_thread().name:
            raise ZeroDivisionError

    stage.hypervisor = FakeHypervisor(stage.root, on_verb=defect)
    stage.desire(desired_server(ONE), desired_server(TWO))

    with capture_logs():
        stage.settle(stage.agent())

    one, two = stage.link.last.servers
    assert one.fault is not None and (one.fault.step, one.fault.code) == ("DefineDomain", "agent-error")
    assert two.fault is None and two.power is PowerState.RUNNING


def test_a_fault_that_the_disk_does_not_take_is_reported_all_the_same(stage: Stage) -> None:
    (stage.state.make_folder(ONE) / ".server.json.new").mkdir()  # no record of this server can be written any more
    stage.desire(desired_server(ONE), desired_server(TWO))

    with capture_logs() as lines:
        stage.settle(stage.agent())

    one, two = stage.link.last.servers
    assert one.fault is not None and (one.fault.step, one.fault.code) == ("MakeConfigDrive", "host-io")
    assert two.fault is None and two.power is PowerState.RUNNING
    assert len([line for line in lines if line["event"] == "step failed"]) == 1
