import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.bootstrap.lab_cloud import CONFIG, LabCloud
from busway.bootstrap.mode_cases import SAMPLE_CONFIG
from busway.lab import Lab, LabHost, PlainReport
from busway.lab.fixtures import *  # noqa: F403
from tests.cloud.clients import User

# One guest may ask for more RAM than the host has, to hear the hypervisor refuse it.
OVERCOMMIT = "[DEFAULT]\nram_allocation_ratio = 8\n\n"


@pytest.fixture(scope="session")
def user(lab_host: LabHost, guest_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """An admin with the workflow's image, key pair and flavors, on a cloud with one lab host."""
    folder = tmp_path_factory.mktemp("cloud")
    lab = Lab(lab_host.folder.parent)
    cloud = LabCloud(folder, lab, OVERCOMMIT + CONFIG + SAMPLE_CONFIG)
    key = folder / "test"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    try:
        cloud.start_control()
        with PlainReport(sys.stderr).step("Start the lab host's agent"):
            cloud.start_agent(lab_host)
            cloud.wait_for_host(lab_host.name)
        made = User(cloud, lab_host, key)
        image = ["openstack", "image", "create", "new1", "--disk-format", "qcow2", "--container-format", "bare"]
        made.run(*image, "--file", str(guest_image))
        let_in = [
            "openstack",
            "security",
            "group",
            "rule",
            "create",
            "--protocol",
            "tcp",
            "--dst-port",
            "22",
            "default",
        ]
        made.run(*let_in)
        made.run("openstack", "keypair", "create", "--public-key", f"{key}.pub", "test")
        yield made
    finally:
        if os.environ.get("BUSWAY_SHOW_LOGS"):
            print(cloud.agent_log(lab_host), file=sys.stderr)
        cloud.kill_agent(lab_host)
        cloud.kill_control()


@pytest.fixture(autouse=True)
def host_is_up(user: User) -> None:
    """A test that let the agent be silent for longer than its lease must not fail the next one."""
    user.cloud.wait_for_host(user.host.name)
