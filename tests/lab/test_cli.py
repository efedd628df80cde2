from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from busway.cli.lab import lab
from busway.lab import LabDown, LabHost, LabRefused


def test_status_of_no_lab_says_how_to_bring_one_up(tmp_path: Path) -> None:
    done = CliRunner().invoke(lab, ["status", "--state", str(tmp_path / "none")])

    assert done.exit_code == 0
    assert "busway lab up" in done.output


def test_status_of_no_lab_as_json_is_an_empty_list(tmp_path: Path) -> None:
    done = CliRunner().invoke(lab, ["status", "--json", "--state", str(tmp_path / "none")])

    assert json.loads(done.output) == []


def test_exec_in_a_host_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(lab, ["exec", "--state", str(tmp_path), "--host", "gpu-host-9", "--", "true"])

    assert isinstance(done.exception, LabDown)
    assert "gpu-host-9" in done.exception.brief


def test_more_than_two_hosts_cannot_be_linked(tmp_path: Path) -> None:
    done = CliRunner().invoke(lab, ["up", "--state", str(tmp_path / "lab"), "--hosts", "3", "--linked"])

    assert isinstance(done.exception, LabRefused)
    assert "3 were asked for" in done.exception.brief
    assert not (tmp_path / "lab").exists()


@pytest.mark.lab
@pytest.mark.timeout(600)
def test_exec_ends_with_the_commands_code_and_says_what_it_said(lab_host: LabHost) -> None:
    state = ["--state", str(lab_host.folder.parent)]

    done = CliRunner().invoke(lab, ["exec", *state, "--", "sh", "-c", "hostname; echo -n --state >&2; exit 3"])

    assert (done.exit_code, done.stdout, done.stderr) == (3, "gpu-host-1\n", "--state")


@pytest.mark.lab
@pytest.mark.timeout(600)
def test_status_and_logs_tell_of_a_running_host(lab_host: LabHost) -> None:
    state = ["--state", str(lab_host.folder.parent)]

    (told,) = json.loads(CliRunner().invoke(lab, ["status", "--json", *state]).output)
    logs = CliRunner().invoke(lab, ["logs", *state]).output

    assert (told["name"], told["status"], told["gpus"]) == ("gpu-host-1", "running", 4)
    assert "busway-lab: booted" in logs
