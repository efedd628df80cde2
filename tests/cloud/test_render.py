"""Needs the lab and the stock clients: a guest whose drawing is done by its host (virgl), told by a GL client in the guest."""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from busway.lab import graphics
from busway.lab.cache import Cache, default_cache
from busway.lab.image import build_guest_image
from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not os.environ.get("BUSWAY_SLOW_LAB"), reason="unpacks 200 MB of Mesa for the guest; `make test-slow` runs it"
    ),
]
DRAWING_SECONDS = 480  # a compiler of 117 MB is loaded by a machine that is emulated twice


@pytest.fixture
def shares(user: User) -> Iterator[None]:
    """The lab host offers one share of a render node that Mesa draws for, and there is a flavor and an image for it."""
    image = build_guest_image(default_cache(), flavour="graphics")
    graphics.prepare(user.host, Cache(default_cache()))
    user.cloud.kill_agent(user.host)
    user.cloud.start_agent(user.host, options=("--render-node", "software=1"))
    create = ["openstack", "image", "create", "drawing", "--disk-format", "qcow2", "--container-format", "bare"]
    user.run(*create, "--file", str(image))
    sizes = ["--ram", "512", "--disk", "1", "--vcpus", "1"]
    user.run("openstack", "flavor", "create", "m1.drawing", *sizes, "--property", "resources:CUSTOM_VIRGL=1")
    yield
    user.cloud.kill_agent(user.host)
    user.cloud.start_agent(user.host)


def test_a_gl_client_in_the_guest_is_drawn_for_by_its_host(user: User, shares: None) -> None:
    create = ["openstack", "server", "create", "--image", "drawing", "--flavor", "m1.drawing", "--key-name", "test"]
    user.wait_for("the render node to be reported", lambda: "platform-vgem" in _plan(user))

    user.run(*create, "first")
    user.wait_for("the guest to run", lambda: user.status("first") in ("ACTIVE", "ERROR"))
    said = user.wait_for("the GL client to end", lambda: _drawn(user), DRAWING_SECONDS)
    print(said.partition("busway-guest ready")[2])
    definition = user.host.exec(["sh", "-c", "virsh -q dumpxml $(virsh -q list --name)"]).text()
    listening = user.host.exec(["sh", "-c", "cat /proc/$(pgrep -f qemu-system | head -1)/net/tcp"]).text()
    user.run(*create, "--wait", "second", fails=True)
    fault = user.run("openstack", "server", "show", "second", "-f", "value", "-c", "fault")
    user.run("openstack", "server", "delete", "--wait", "first", "second")

    assert "+virgl" in said
    assert re.search(r"gl: renderer: virgl", said)
    assert "gl: drawn: 51 102 153, error 0" in said
    assert "<gl rendernode='/dev/dri/by-path/platform-vgem-render'/>" in definition
    assert not re.search(r":170C ", listening)  # 5900, VNC's first port
    assert "platform-vgem (virgl): 0 of 1 free" in fault


def _plan(user: User) -> str:
    try:
        return user.busway("plan", "--flavor", "m1.drawing")
    except subprocess.CalledProcessError:  # a refusal, until the agent has reported
        return ""


def _drawn(user: User) -> str:
    said = user.run("openstack", "console", "log", "show", "first").replace("\r", "")
    return said if "busway-guest drew" in said else ""
