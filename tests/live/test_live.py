"""Needs root, libvirt, QEMU and iproute2: guests that run go from one host to another, each a namespace with a libvirt of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from busway.lab.cache import default_cache
from busway.lab.image.build import build_guest_image
from tests.networking.conftest import may_unshare

NEEDED = ("libvirtd", "virsh", "qemu-system-x86_64", "qemu-img", "ip", "ss", "nft", "dnsmasq", "nsenter", "bash")

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


def run(
    *stories: object, module: str = "tests.live.inside.run", needed: tuple[str, ...] = (), seconds: float = 580
) -> None:
    """Runs stories in namespaces that end with it; bash is their first process, because it reaps what others leave.

    The folder has a short name: the path of a Unix socket, and a host has some in its state, has at most 107 bytes.
    """
    needed = (*NEEDED, *needed)
    if not all(map(is_there, needed)) or not may_unshare():
        pytest.skip(f"needs root and {', '.join(needed)}")
    # The kernel shows under /sys the interfaces of the namespace in which it was mounted.
    script = 'mount -t sysfs sysfs /sys && "$@"; exit $?'
    with tempfile.TemporaryDirectory(prefix="live-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", module, folder, *map(str, stories)]
        done = within(command, script, seconds)

    print(done.stdout)  # how long each story took
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "all is well"


def is_there(what: str) -> bool:
    return Path(what).exists() if what.startswith("/") else shutil.which(what) is not None


def within(command: list[str], script: str, seconds: float) -> "subprocess.CompletedProcess[str]":
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.run(
        [*unshare, "bash", "-c", script, "bash", *command], capture_output=True, text=True, timeout=seconds
    )


def test_a_guest_goes_over_with_memory_disk_and_clock_and_comes_back() -> None:
    run("goes_over")


@pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="takes minutes; `make test-slow` runs it")
@pytest.mark.parametrize("story", ["refuses_strangers", "agents_die", "libvirts_die"])
def test_one_guest_is_left_whatever_dies_and_strangers_are_refused(story: str) -> None:
    run(story)


@pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="takes minutes; `make test-slow` runs it")
def test_connections_and_the_clock_of_a_guest_go_over_and_back() -> None:
    """Needs the lab's guest image, a system with a network."""
    run(build_guest_image(default_cache()), module="tests.live.inside.connections")


def test_limits_of_a_flavor_are_those_of_the_guest_and_go_over_with_it() -> None:
    run(module="tests.live.inside.limits")
