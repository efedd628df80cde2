"""GPUs in guests: what their agents tell is joined with the host's words; who lies, hangs or floods loses its own figures."""

import base64
import json
import socket
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from busway.agent.guest_gpus import INTERVAL, NVIDIA_SMI, GuestGpus, read_gpus
from busway.agent.guest_program import MOST_OUTPUT, run_in_guest
from busway.domain.documents import ConfigDrive, Desired, DesiredServer
from busway.domain.errors import HostError
from busway.domain.ids import ServerId
from busway.hypervisor.guest import GuestFiles, GuestOptions
from busway.hypervisor.xml import domain_xml
from busway.testing.stage import ONE, TWO, Stage, desired_server

LINE = "GPU-0a1b, 00000000:01:00.0, 50, 1024, 81920, 41, 250.5"
Answer = Callable[[dict[str, Any]], bytes]


class GuestAgent:
    """A guest's agent on a Unix socket, as QEMU's channel has it: a line of JSON each way."""

    def __init__(self, path: Path, printed: str = LINE, answer: Answer | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self._printed, self._answer = printed, answer
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client, client.makefile("rb") as lines:
                command = json.loads(lines.readline())
                self.asked.append(command)
                answer = (self._answer or self._usual)(command)
                if answer == b"hang":
                    lines.readline()  # until the other side has had enough
                    continue
                try:
                    client.sendall(answer + b"\n")
                except OSError:
                    continue

    def _usual(self, command: dict[str, Any]) -> bytes:
        if command["execute"] == "guest-exec":
            return json.dumps({"return": {"pid": 7}}).encode()
        out = base64.b64encode(self._printed.encode()).decode()
        return json.dumps({"return": {"exited": True, "exitcode": 0, "out-data": out}}).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def asking(folder: Path) -> Callable[[ServerId, str, int], str]:
    """Asks the agent whose socket is named like the server, as libvirt does: with a time limit."""

    def ask(server_id: ServerId, command: str, seconds: int) -> str:
        try:
            with closing(socket.socket(socket.AF_UNIX)) as channel:
                channel.settimeout(min(seconds, 1))
                channel.connect(str(folder / server_id[:8]))
                channel.sendall(command.encode() + b"\n")
                with channel.makefile("rb") as lines:
                    return lines.readline(4 << 20).decode("utf-8", errors="replace")
        except OSError as error:
            raise HostError("The guest's agent does not answer", detail=str(error)) from error

    return ask


def server(stage: Stage, server_id: ServerId = ONE, address: str = "0000:41:00.0") -> DesiredServer:
    made = desired_server(server_id, stage.machine.gpu(address, group=int(address[5:7], 16)))
    drive = ConfigDrive(json.dumps({"project_id": "lab"}), "{}")
    return replace(made, machine=replace(made.machine, guest_agent=True), config_drive=drive)


def figures(gpus: GuestGpus) -> dict[tuple[str, ...], float]:
    return {(figure.name.removeprefix("busway_guest_gpu_"), *figure.labels): figure.value for figure in gpus.figures()}


def ask_all(gpus: GuestGpus, *servers: DesiredServer) -> dict[tuple[str, ...], float]:
    """One turn: waits until each guest has answered or was given up."""
    gpus.look(Desired("host", 1, tuple(servers)))
    deadline = time.monotonic() + 60
    while len([key for key in figures(gpus) if key[0] == "answers"]) < len(servers):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return figures(gpus)


def test_a_guest_tells_of_its_gpu_with_the_labels_of_the_host(stage: Stage, folder: Path) -> None:
    with closing(GuestAgent(folder / ONE[:8])) as agent:
        found = ask_all(GuestGpus(asking(folder), NVIDIA_SMI, time.monotonic), server(stage))

    labels = ("0000:41:00.0", "0000:01:00.0", "GPU-0a1b", ONE, "lab")
    assert found == {
        ("answers", ONE): 1,
        ("utilization_ratio", *labels): 0.5,
        ("memory_used_bytes", *labels): 2**30,
        ("memory_total_bytes", *labels): 80 * 2**30,
        ("temperature_celsius", *labels): 41,
        ("power_watts", *labels): 250.5,
    }
    assert agent.asked[0]["arguments"] == {
        "path": "nvidia-smi",
        "arg": list(NVIDIA_SMI[1:]),
        "capture-output": True,
    }


def test_addresses_in_the_guest_are_those_of_the_domain(stage: Stage) -> None:
    one = server(stage)
    two = server(stage, ONE, "0000:42:00.0")
    both = replace(one, devices=(*one.devices, *two.devices), nics=())
    text = "\n".join(f"U{n}, 00000000:{n:02X}:00.0, {n}" for n in (1, 2))

    told = {figure.labels[0]: figure.labels[1] for figure in read_gpus(both, text)}

    assert told == _addresses(both)


def _addresses(server: DesiredServer) -> dict[str, str]:
    """Host address and guest address of each device, as the definition for libvirt has them."""
    files = GuestFiles(Path("/v/disk.qcow2"), Path("/v/config.iso"), Path("/v/console.log"))
    root = ET.fromstring(domain_xml(server, files, GuestOptions(virt_type="kvm")))
    found = {}
    for device in root.iter("hostdev"):
        at, inside = device.find("source/address"), device.find("address")
        assert at is not None and inside is not None
        found[_address(at)] = _address(inside)
    return found


def _address(element: ET.Element) -> str:
    domain, bus, slot, function = (int(element.get(key, "0"), 0) for key in ("domain", "bus", "slot", "function"))
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"


def _never_ends(command: dict[str, Any]) -> bytes:
    return b'{"return": {"pid": 1}}' if command["execute"] == "guest-exec" else b'{"return": {"exited": false}}'


def _prints(data: bytes, code: int = 0) -> Answer:
    def answer(command: dict[str, Any]) -> bytes:
        if command["execute"] == "guest-exec":
            return b'{"return": {"pid": 1}}'
        out = base64.b64encode(data).decode()
        return json.dumps({"return": {"exited": True, "exitcode": code, "out-data": out}}).encode()

    return answer


BAD: dict[str, Answer] = {
    "hangs": lambda _command: b"hang",
    "never ends": _never_ends,
    "floods": lambda _command: b"x" * (2 << 20),
    "floods by its program": _prints(b"x" * (MOST_OUTPUT + 1)),
    "talks nonsense": lambda _command: b"\xff[[[[",
    "nests without end": lambda _command: b"[" * 100_000,
    "answers nothing": lambda _command: b'{"return": 5}',
    "refuses": lambda _command: b'{"error": {"class": "CommandNotFound"}}',
    "fails": _prints(b"no driver", code=9),
    "speaks of another's device": _prints(b"GPU-1, 00000000:09:00.0, 1, 1, 1, 1, 1\nGPU-2, 0000:42:00.0, 1"),
    "tells figures that nobody believes": _prints(
        LINE.encode().replace(b"50, 1024, 81920, 41, 250.5", b"nan, -1, 1e99, inf, [N/A]")
    ),
    "prints columns without end": _prints(b"," * MOST_OUTPUT),
}


@pytest.mark.parametrize("way", BAD)
def test_a_bad_guest_loses_its_own_figures_only(stage: Stage, folder: Path, way: str) -> None:
    bad, good = server(stage), server(stage, TWO, "0000:42:00.0")
    with closing(GuestAgent(folder / ONE[:8], answer=BAD[way])), closing(GuestAgent(folder / TWO[:8])):
        found = ask_all(GuestGpus(asking(folder), NVIDIA_SMI, time.monotonic, seconds=2), bad, good)

    assert found["answers", ONE] == 0
    assert {key[4] for key in found if len(key) == 6} == {TWO}
    assert len([key for key in found if len(key) == 6]) == 5


def test_a_guest_is_asked_once_an_interval_and_old_figures_go(stage: Stage, folder: Path) -> None:
    now = [1000.0]
    one = server(stage)
    gpus = GuestGpus(asking(folder), NVIDIA_SMI, lambda: now[0])
    with closing(GuestAgent(folder / ONE[:8])) as agent:
        ask_all(gpus, one)
        for _ in range(5):
            ask_all(gpus, one)
        asked = len(agent.asked)
        now[0] += 3 * INTERVAL + 1

        assert asked == 2
        assert figures(gpus) == {("answers", ONE): 0}
    gpus.look(Desired("host", 2, ()))
    assert figures(gpus) == {}


def test_guests_without_a_channel_or_a_device_are_not_asked(stage: Stage) -> None:
    def never(*_asked: object) -> str:
        raise AssertionError("it was asked")

    one = server(stage)
    gpus = GuestGpus(never, NVIDIA_SMI, time.monotonic)
    gpus.look(
        Desired("host", 1, (replace(one, machine=replace(one.machine, guest_agent=False)), replace(one, devices=())))
    )
    gpus.look(Desired("host", 1, (replace(one, powered=False),)))

    assert figures(gpus) == {}


def test_a_program_that_takes_its_time_is_waited_for() -> None:
    answers: Iterator[dict[str, object]] = iter(
        [{"pid": 3}, {"exited": False}, {"exited": True, "exitcode": 0, "out-data": base64.b64encode(b"ok").decode()}]
    )
    slept: list[float] = []

    told = run_in_guest(lambda *_asked: json.dumps({"return": next(answers)}), ONE, ["x"], 5, lambda: 0.0, slept.append)

    assert told == "ok" and len(slept) == 1
