"""gophercloud itself, unmodified: Debian's, in a program that is built of Debian's packages and asks for no other."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from busway.control.placement.place import place_round
from tests.clients.player import Player

LIBRARIES = Path("/usr/share/gocode")
PROGRAM = Path(__file__).with_name("gophercloud") / "main.go"

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        shutil.which("go") is None or not (LIBRARIES / "src/github.com/gophercloud").is_dir(),
        reason="needs Debian's golang-go and golang-github-gophercloud-gophercloud-dev",
    ),
]


@contextmanager
def obeyed(player: Player) -> Iterator[None]:
    """A cloud whose servers are placed, and whose hosts obey, again and again until the block ends."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            place_round(player.api.control)
            for host in player.hosts:
                host.obey()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_go_program_boots_a_server_and_deletes_it(player: Player, tmp_path: Path) -> None:
    plain = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GOCACHE": str(tmp_path / "built")}
    built = {**plain, "GO111MODULE": "off", "GOPATH": str(LIBRARIES), "GOPROXY": "off", "CGO_ENABLED": "0"}
    program = tmp_path / "program"
    subprocess.run(["go", "build", "-o", program, PROGRAM], env=built, check=True, timeout=240)
    cloud = {"OS_AUTH_URL": f"{player.api.url}/identity/v3", "OS_DOMAIN_NAME": "Default", "OS_REGION_NAME": "RegionOne"}
    caller = {"OS_USERNAME": "ann", "OS_PASSWORD": "pw", "OS_PROJECT_NAME": "ann"}

    with obeyed(player):
        done = subprocess.run([program], env={**cloud, **caller}, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["4 flavors, 2 images", "ACTIVE 1 address", "gone"]
