"""The Debian package's files, without building it: units, scripts, man pages, completion."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools.deb.build import CONFFILES, SCRIPTS, SOURCE, UNITS, completion
from tools.deb.libraries import closure, require_locked
from tools.deb.manual import pages

from busway.bootstrap.config_check import check_config
from busway.cli.main import main
from tests.project.checkout import ROOT, pyproject

# What `systemd-analyze security` may say at most, of 10: the agent has to write /sys and make networks as root.
EXPOSURE = {"busway.service": 1.5, "busway-agent.service": 5.3, "busway-up.service": 5.3}


def test_every_unit_has_its_bound_of_exposure() -> None:
    assert set(EXPOSURE) == set(UNITS)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_hardened(unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(SOURCE / unit)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

    [exposure] = re.findall(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert float(exposure) <= EXPOSURE[unit]


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_runs_a_command_that_there_is(unit: str) -> None:
    [line] = re.findall(r"^ExecStart=/usr/bin/busway (.*)$", (SOURCE / unit).read_text("utf-8"), re.MULTILINE)
    name, *options = [word for word in line.split() if not word.startswith("$")]
    known = {option for parameter in main.commands[name].params for option in parameter.opts}

    assert [word for word in options if word.startswith("--") and word not in known] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_maintainer_script_is_plain_shell_and_stops_at_an_error(script: str) -> None:
    shell = shutil.which("dash") or "sh"

    done = subprocess.run([shell, "-n", str(SOURCE / script)], capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert (SOURCE / script).read_text("utf-8").startswith("#!/bin/sh\nset -e\n")
    assert [unit for unit in UNITS if unit not in (SOURCE / script).read_text("utf-8")] == []


def test_the_configuration_of_the_package_says_nothing_wrong(tmp_path: Path) -> None:
    report = check_config(SOURCE / CONFFILES["etc/busway/busway.conf"])

    assert (report.errors, report.warnings, report.ignored) == ((), (), ())


def test_every_command_has_a_man_page() -> None:
    found = pages(main, "1")

    wanted = {"busway.1", *(f"busway-{name}.1" for name, each in main.commands.items() if not each.hidden)}
    assert set(found) == wanted
    assert r"\-\-images" in found["busway-backup.1"]
    assert ".SS server create" in found["busway-server.1"]


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_groff_finds_nothing_wrong_with_the_man_pages() -> None:
    text = "".join(pages(main, "1").values())

    done = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tutf8"], input=text, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_package_holds_what_busway_needs_as_it_is_locked_and_no_more() -> None:
    found = closure(pyproject()["project"]["dependencies"])

    require_locked(found, (ROOT / "requirements/dev.txt").read_text("utf-8"))
    assert {"psycopg-binary", "mako", "oslo-config", "click"} <= set(found)
    assert not {"pytest", "mypy", "hypothesis", "pip", "editables"} & set(found)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_command_prints_the_completion_that_the_package_installs(shell: str) -> None:
    done = _busway("completion", shell)

    assert done.strip() == completion(shell).strip()
    assert "_BUSWAY_COMPLETE" in done


def test_bash_completes_commands_and_options() -> None:
    script = completion("bash") + (
        "\nCOMP_WORDS=(busway server cre); COMP_CWORD=2; _busway_completion busway; echo ${COMPREPLY[@]}"
        "\nCOMPREPLY=(); COMP_WORDS=(busway backup --im); COMP_CWORD=2; _busway_completion busway; echo ${COMPREPLY[@]}"
    )
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}

    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stdout.split() == ["create", "--images"], done.stderr


def _busway(*arguments: str) -> str:
    command = [sys.executable, "-m", "busway", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
