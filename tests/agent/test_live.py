"""The agents' part of a live migration: who listens when, for whom, and what becomes of a guest when something goes wrong."""

import contextlib
import json
import socket
import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from busway.agent.live import listener
from busway.agent.live.listener import Guest, Listener
from busway.agent.live.protocol import LINE, Lines
from busway.domain.connection import ESTABLISHED, TCP, Connection
from busway.domain.documents import DesiredServer
from busway.domain.errors import HostError
from busway.domain.live_move import LiveOrder, LiveRole, LiveSeen, LiveStage
from busway.domain.server import PowerState
from busway.pki.ephemeral import ephemeral_client
from busway.testing.stage import ONE, Stage, desired_server


@pytest.fixture
def one(tmp_path: Path) -> Stage:
    """The source, on which the server runs."""
    stage = Stage(tmp_path / "one")
    stage.desire(desired_server(ONE))
    stage.settle(stage.agent(), 2)
    return stage


@pytest.fixture
def two(tmp_path: Path) -> Stage:
    """The target, which awaits it."""
    stage = Stage(tmp_path / "two")
    stage.desire(replace(desired_server(ONE), disks=(2,), live=LiveOrder("m1", LiveRole.INCOMING, "secret")))
    stage.settle(stage.agent(), 2)
    return stage


def told(stage: Stage) -> LiveSeen:
    [server] = stage.link.last.servers
    assert server.live is not None
    return server.live


def outgoing(two: Stage, **changes: object) -> DesiredServer:
    seen = told(two)
    order = LiveOrder("m1", LiveRole.OUTGOING, "secret", seen.address, seen.fingerprint)
    return replace(desired_server(ONE), live=replace(order, **changes))  # type: ignore[arg-type]


def send(one: Stage, wanted: DesiredServer) -> None:
    one.desire(wanted)
    agent = one.agent()
    one.settle(agent, 2)
    agent.finish()
    one.settle(agent, 1)


def power(stage: Stage) -> PowerState | None:
    return next((seen.power for seen in stage.hypervisor.domains() if seen.server_id == ONE), None)


def place(two: Stage) -> tuple[str, int]:
    host, _, port = told(two).address.rpartition(":")
    return host, int(port)


def test_a_guest_goes_over_and_its_source_says_how_long_it_stood_still(one: Stage, two: Stage) -> None:
    send(one, outgoing(two))

    assert (power(one), power(two)) == (PowerState.SHUTOFF, PowerState.RUNNING)
    seen = told(one)
    assert (seen.move, seen.stage) == ("m1", LiveStage.HANDED)
    assert seen.progress.downtime_ms >= 10


def test_the_connections_of_a_guest_go_along_and_those_of_others_do_not(one: Stage, two: Stage) -> None:
    [nic] = two.link.desired.servers[0].plugged if two.link.desired else ()
    mine = Connection(TCP, nic.address, 40000, "10.0.0.1", 80, 1000, ESTABLISHED, (7, 7))
    stale, others = replace(mine, source_port=5), replace(mine, source="10.0.0.99")
    one.networks.known[nic.address] = (mine, others)
    two.networks.known[nic.address] = (stale,)
    send(one, outgoing(two))

    assert two.networks.known[nic.address] == (mine,)


@pytest.mark.parametrize("layered", [False, True])
def test_all_of_the_disks_is_copied_where_the_ephemeral_one_reads_from_an_image(
    one: Stage, two: Stage, layered: bool
) -> None:
    """The target has no such image: its ephemeral disk is one file afterwards."""
    base = str(one.state.image(desired_server(ONE).image.sha256)).encode()
    opening = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 104, len(base), 16, 1 << 30).ljust(104, b"\0")
    one.state.files(ONE).disk.write_bytes(opening + base)
    wanted = outgoing(two)
    send(one, replace(wanted, ephemeral_image=wanted.image) if layered else wanted)

    copied = two.state.files(ONE, 2).disk.read_bytes()
    assert (copied == b"nothing in 1073741824 bytes") is layered


@pytest.mark.parametrize("broken", ["one", "two"])
def test_a_host_that_can_not_read_or_write_connections_holds_no_guest_up(one: Stage, two: Stage, broken: str) -> None:
    {"one": one, "two": two}[broken].networks.no_conntrack = HostError("no such memory", code="conntrack")
    send(one, outgoing(two))

    assert (power(one), power(two)) == (PowerState.SHUTOFF, PowerState.RUNNING)


def test_a_source_that_has_handed_its_guest_over_starts_it_no_more(one: Stage, two: Stage) -> None:
    send(one, outgoing(two))
    one.desire(replace(desired_server(ONE), starts=7))
    one.settle(one.agent(), 3)

    assert power(one) is PowerState.SHUTOFF


@pytest.mark.parametrize("secret", ["", "guessed"])
def test_who_does_not_know_the_secret_hears_nothing(two: Stage, secret: str) -> None:
    for channel in ("control", "driver", "memory", "storage"):
        with socket.create_connection(place(two), 10) as plain, ephemeral_client().wrap_socket(plain) as secure:
            secure.settimeout(10)
            secure.sendall(json.dumps({"move": "m1", "secret": secret, "channel": channel}).encode() + b"\n")
            with contextlib.suppress(OSError):  # closed, with or without TLS's own words
                assert secure.recv(100) == b""
    assert power(two) is None


def test_a_source_sends_nothing_to_a_server_with_another_certificate(one: Stage, two: Stage) -> None:
    send(one, outgoing(two, fingerprint="0" * 64))

    [server] = one.link.last.servers
    assert server.fault is not None
    assert server.fault.code == "live-peer"
    assert (power(one), power(two)) == (PowerState.RUNNING, None)


def test_a_stranger_that_sends_letter_by_letter_does_not_keep_its_place(
    two: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_HELLO_SECONDS", 0.5)
    with socket.create_connection(place(two), 10) as plain, ephemeral_client().wrap_socket(plain) as secure:
        secure.settimeout(0.1)
        deadline = time.monotonic() + 20
        closed = False
        while not closed and time.monotonic() < deadline:
            try:
                secure.sendall(b" ")
                closed = secure.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                closed = True
    assert closed


def test_a_source_that_reads_no_answers_holds_up_no_other_act_of_the_host() -> None:
    guest = Guest(ONE, LiveOrder("m1", LiveRole.INCOMING, "secret"), {}, lambda _: {"x": "y" * LINE}, lambda _: None)
    awaiting = Listener(("127.0.0.1", 0), structlog.get_logger("test"))
    awaiting.expect(guest)
    with (
        socket.create_connection(("127.0.0.1", awaiting.port), 10) as plain,
        ephemeral_client().wrap_socket(plain) as secure,
    ):
        lines = Lines(secure)
        lines.send(move="m1", secret="secret", channel="control")
        lines.receive()
        for _ in range(20):
            lines.send(definition="")
        time.sleep(0.5)  # what it is told fills the socket
        began = time.monotonic()
        awaiting.close()
        took = time.monotonic() - began

    assert took < 5


@pytest.mark.parametrize("line", [b"[" * 4000 + b"\n", b"x" * 5000])
def test_a_line_that_no_agent_writes_is_refused(line: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(line)
        with pytest.raises(ValueError, match=r"line|JSON|Expecting"):
            Lines(ours).receive(4096)


def test_a_host_listens_no_longer_than_it_awaits_a_guest(two: Stage) -> None:
    where = place(two)
    agent = two.latest
    assert agent is not None
    two.desire(absent=(ONE,))
    two.settle(agent, 2)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where, 10)


def test_a_target_with_other_cpus_refuses_before_anything_is_copied(one: Stage, two: Stage) -> None:
    two.hypervisor.cpu = "older"
    send(one, outgoing(two))

    [server] = one.link.last.servers
    assert server.fault is not None
    assert server.fault.code == "live-cpu"
    assert (power(one), power(two)) == (PowerState.RUNNING, None)


def test_a_migration_whose_answer_was_lost_is_not_taken_back(one: Stage, two: Stage) -> None:
    one.hypervisor.loses_answer = True
    send(one, outgoing(two))

    assert (power(one), power(two)) == (PowerState.SHUTOFF, PowerState.RUNNING)
    assert told(one).stage is LiveStage.HANDED


def test_a_migration_that_is_wanted_no_longer_leaves_the_guest_on_its_source(one: Stage, two: Stage) -> None:
    one.hypervisor.copies = 200
    one.desire(outgoing(two))
    agent = one.agent()
    agent.round()
    assert told(one).stage is LiveStage.COPYING
    one.desire(desired_server(ONE))
    agent.round()
    agent.finish()

    assert power(one) is PowerState.RUNNING
    assert [server.fault for server in one.link.last.servers] == [None]


def test_a_domain_that_breaks_off_while_it_arrives_is_not_taken_for_the_guest(one: Stage, two: Stage) -> None:
    two.hypervisor.define(one.hypervisor.describe_live(ONE).xml)
    two.hypervisor.start(ONE)  # libvirt shows one that shuts down as QEMU still has it: it counts as running
    agent = two.latest
    assert agent is not None
    two.settle(agent, 1)

    [server] = two.link.last.servers
    assert (server.power, server.arriving) == (PowerState.RUNNING, True)


def test_a_guest_that_may_run_is_reported_as_here(one: Stage, two: Stage) -> None:
    send(one, outgoing(two))
    agent = two.latest
    assert agent is not None
    two.settle(agent, 1)

    [server] = two.link.last.servers
    assert (server.power, server.arriving) == (PowerState.RUNNING, False)


def test_a_conversation_that_was_cut_while_the_guest_was_copied_is_begun_again(one: Stage, two: Stage) -> None:
    def cut(point: str) -> None:
        if point == "migrate:before-record":
            agent = two.latest
            assert agent is not None
            with agent.live.listener._guard:  # one that ends takes itself out
                connections = [each for mine in agent.live.listener._open.values() for each in mine]
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    one.desire(outgoing(two))
    agent = one.agent(cut)
    one.settle(agent, 2)
    agent.finish()
    one.settle(agent, 1)

    assert (power(one), power(two)) == (PowerState.SHUTOFF, PowerState.RUNNING)
    assert told(one).progress.downtime_ms >= 10
