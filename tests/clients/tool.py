"""The programs of one environment, run as the admin of a cloud of processes."""

import json
import os
import subprocess
from typing import Any

import pytest
from tools.environment import Environment

from tests.processes.cloud import ProcessCloud


class Tool:
    """Runs the unmodified programs of an environment; nothing of Busway's own is on their path."""

    def __init__(self, environment: Environment, cloud: ProcessCloud, **settings: str) -> None:
        if not environment.python.exists():
            pytest.skip(f"needs {environment.folder.name}: `make clients` makes it")
        self.python = environment.python
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTHON"))}
        clouds = cloud.folder / "control" / "clouds.yaml"
        self._environ = {**plain, "OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "busway", **settings}

    def run(self, program: str, *words: object, seconds: float = 120) -> str:
        """Runs a program of the environment to its end; its output, for it succeeds."""
        done = self._start(program, words, seconds)
        assert done.returncode == 0, f"{program} {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def read(self, *words: object) -> Any:
        """What `openstack` says, as JSON."""
        return json.loads(self.run("openstack", *words, "-f", "json"))

    def refused(self, program: str, *words: object) -> str:
        """What a program says of an error."""
        done = self._start(program, words, 120)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def _start(self, program: str, words: tuple[object, ...], seconds: float) -> "subprocess.CompletedProcess[str]":
        command = [str(self.python.parent / program), *map(str, words)]
        return subprocess.run(command, env=self._environ, capture_output=True, text=True, timeout=seconds, check=False)
