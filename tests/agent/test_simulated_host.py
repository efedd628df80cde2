"""The real agent as a process of its own, over real HTTP, on an invented machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.documents import Desired
from busway.domain.server import PowerState
from busway.testing.stage import IMAGE, ONE, desired_server
from tests.agent.agent_peer import ControlPlane

GPU = PciAddress("0000:41:00.0")
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(plane: ControlPlane, tmp_path: Path) -> Iterator[Start]:
    credential = tmp_path / "credential.json"
    credential.write_text(json.dumps({"url": plane.url, "host": "host-1", "token": "s3cret"}))
    credential.chmod(0o600)
    plane.images["img"] = IMAGE
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "busway.testing.simulated_host", "--credential", str(credential)]
        process = subprocess.Popen(
            [*command, "--state", str(tmp_path / "state"), "--gpus", "2", "--interval", "0.1", *options],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.thorough
def test_an_agent_that_is_killed_in_the_midst_of_a_bind_is_replaced(plane: ControlPlane, start: Start) -> None:
    plane.desired = Desired("host-1", 1, (desired_server(ONE, GPU),))
    died = start("--crash-at", "after:TakeDevice").wait(30)

    start()
    report = plane.wait_for_report(1, reached=lambda seen: any(server.starts for server in seen.servers))

    assert died == 9
    assert [(server.power, server.starts) for server in report.servers] == [(PowerState.RUNNING, 1)]
    assert [(held.unit.name, held.before) for held in report.held] == [(str(GPU), "nouveau")]


def test_an_agent_ends_in_good_order_when_it_is_asked_to(plane: ControlPlane, start: Start) -> None:
    plane.desired = Desired("host-1", 1)
    process = start()
    plane.wait_for_report(1)

    process.terminate()

    assert process.wait(30) == 0
    assert process.stderr is not None
    assert 'event="agent ends"' in process.stderr.read()
