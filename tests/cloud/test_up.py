"""Needs the lab: `busway up` on a machine with GPUs and an IOMMU of its own, which is the lab host."""

import json
import os
import signal
import sys
from functools import partial

import pytest

from busway.bootstrap.lab_cloud import CONFIG, process_environment
from tests.cloud.clients import User

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

STATE = "/var/lib/busway/up"
# Each start reads SQLAlchemy on an emulated processor: a second one, after a kill, is for `make test-slow`.
STARTS = 2 if os.environ.get("BUSWAY_SLOW_LAB") else 1


def test_one_command_makes_a_cloud_of_one_machine(user: User) -> None:
    host = user.host
    user.cloud.kill_agent(host)
    host.write("/var/lib/busway/up.conf", CONFIG.encode())
    python = [sys.executable, "-m", "busway"]
    command = [*python, "up", "--config", "/var/lib/busway/up.conf", "--state", STATE, "--bridge", "br0"]
    environment = process_environment(bare=True)

    def gpus() -> list[str]:
        words = [*python, "device", "list", "--clouds", f"{STATE}/clouds.yaml", "--json"]
        devices = json.loads(host.exec(words, 120, env=environment).text())
        return [device["status"] for device in devices if device["product_id"] == "1111"]

    log = host.share / "log" / "up.log"

    def reported(count: int) -> bool:
        return log.read_text().count("resource view") == count

    log.unlink(missing_ok=True)
    try:
        for starts in range(1, STARTS + 1):
            pid = host.spawn(command, "up.log", env=environment)
            # The log is looked at from outside: each command inside takes the emulated processor for seconds.
            user.wait_for("the agent's report", partial(reported, starts))
            user.wait_for("four free GPUs", lambda: gpus().count("available") == 4)
            host.kill(pid, signal.SIGKILL)
    finally:
        user.cloud.start_agent(host)
