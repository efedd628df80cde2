"""Needs root, libvirt, QEMU, Open vSwitch and OVN: guests of libvirt on two hosts, each a namespace with a chassis of its own."""

import os
import sys
import tempfile

import pytest

from busway.lab.cache import default_cache
from busway.lab.image.build import build_guest_image
from tests.live.test_live import NEEDED, is_there, within
from tests.networking.conftest import may_unshare
from tests.networking.ovn import has_ovn

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="takes minutes; `make test-slow` runs it"),
]


def test_guests_of_libvirt_reach_each_other_through_ovn_and_nobody_else_reaches_them() -> None:
    if not all(map(is_there, NEEDED)) or not has_ovn() or not may_unshare():
        pytest.skip(f"needs root, OVN, Open vSwitch and {', '.join(NEEDED)}")
    image = build_guest_image(default_cache())
    script = 'mount -t sysfs sysfs /sys && "$@"; exit $?'
    with tempfile.TemporaryDirectory(prefix="ovn-", ignore_cleanup_errors=True) as folder:
        done = within([sys.executable, "-m", "tests.overlay.inside.run", folder, str(image)], script, 580)

    print(done.stdout)  # how long each story took
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "all is well"
