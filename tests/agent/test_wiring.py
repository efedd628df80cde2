"""The real agent, wired as its command does: real HTTP, the real /sys read-only, a real libvirt's test driver."""

import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from busway.agent.render import DeclaredNodes
from busway.agent.wiring import AgentOptions, build_agent
from busway.cli.agent import agent as command
from busway.domain.documents import Desired
from busway.domain.errors import Conflict, InvalidConfig, NotFound
from busway.domain.ids import ServerId
from tests.agent.agent_peer import ControlPlane


@pytest.fixture
def options(plane: ControlPlane, tmp_path: Path) -> AgentOptions:
    credential = tmp_path / "agent.json"
    credential.write_text(json.dumps({"url": plane.url, "host": "host-1", "token": "s3cret"}))
    credential.chmod(0o600)
    return AgentOptions(credential, tmp_path / "state", libvirt_uri="test:///default")


def test_a_wired_agent_reports_this_machine(plane: ControlPlane, options: AgentOptions) -> None:
    plane.desired = Desired("host-1", 3, absent=(ServerId("gone"),))

    with closing(build_agent(options)) as agent:
        agent.round()

    report = plane.reports[-1]
    assert (report.host, report.generation, report.servers) == ("host-1", 3, ())
    assert (report.resources.hypervisor_type, report.resources.virt_type) == ("TEST", "qemu")
    assert report.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_a_qemu_that_can_t_draw_for_guests_is_told_with_the_declared_nodes(
    plane: ControlPlane, options: AgentOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for machine in ("x86_64", "aarch64"):
        emulator = tmp_path / f"qemu-system-{machine}"
        emulator.write_text("#!/bin/sh\necho nothing\n")
        emulator.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    with closing(build_agent(replace(options, render=DeclaredNodes({"software": 1})))) as agent:
        agent.round()

    [node] = plane.reports[-1].render_nodes
    assert "QEMU has no virtio-gpu-gl-device" in node.trouble


def test_a_folder_has_one_agent(options: AgentOptions) -> None:
    with closing(build_agent(options)), pytest.raises(Conflict, match="Another agent"):
        build_agent(options)


def test_an_unknown_virt_type_is_refused(options: AgentOptions) -> None:
    with pytest.raises(InvalidConfig, match="'xen' is not a virtualization type"):
        build_agent(AgentOptions(options.credential, options.state, virt_type="xen"))


def test_the_command_tells_of_all_its_options() -> None:
    text = CliRunner().invoke(command, ["--help"]).output

    for option in ("--credential", "--state", "--bridge", "--libvirt-uri", "--virt-type", "--interval", "--rom-bar"):
        assert option in text


def test_the_command_starts_without_any_option_but_its_credential(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--credential", str(tmp_path / "none.json"), "--once"])

    assert "Usage" not in done.output and done.exit_code != 2
    assert isinstance(done.exception, InvalidConfig | NotFound), "it has got as far as reading the credential"


def test_the_agent_loads_neither_database_nor_server_code() -> None:
    program = "import sys, busway.agent.wiring; print(*sorted({name.split('.')[0] for name in sys.modules}))"

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )

    assert not {"sqlalchemy", "starlette", "oslo_config", "pycdlib", "alembic"} & set(done.stdout.split())
