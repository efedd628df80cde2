"""Needs root, libvirt, QEMU, OVMF and swtpm: guests boot on this machine, each story in a namespace with a libvirt of its own."""

import os

import pytest

from busway.lab.cache import default_cache
from busway.lab.image import build_guest_image
from tests.guests.debian_image import build_debian_image
from tests.live.test_live import is_there, run
from tests.networking.conftest import may_unshare

pytestmark = [pytest.mark.processes]
_MODULE = "tests.guests.inside.run"
_NEEDED = ("swtpm", "swtpm_setup", "/usr/share/OVMF/OVMF_CODE_4M.ms.fd")
slow = pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="takes minutes; `make test-slow` runs it")


@pytest.fixture(scope="module")
def generic_image() -> None:
    """The image of these guests is made before they are cut off from the network, where its packages come from."""
    if may_unshare():
        build_guest_image(default_cache(), flavour="generic")


@pytest.fixture(scope="module")
def debian_image() -> None:
    """The same for the cloud image."""
    if may_unshare() and is_there("mmdebstrap"):
        build_debian_image()


@pytest.mark.usefixtures("generic_image")
@pytest.mark.timeout(900)
def test_a_guest_has_secure_boot_a_tpm_a_watchdog_and_the_disks_of_its_flavor() -> None:
    run("trusted", module=_MODULE, needed=_NEEDED)


@pytest.mark.timeout(900)
def test_each_thread_of_a_guest_runs_on_the_cpus_that_were_chosen_for_it() -> None:
    run("dedicated", module=_MODULE)


@slow
@pytest.mark.timeout(900)
def test_the_emulator_and_a_mixed_guest_have_the_cpus_that_were_chosen_for_them() -> None:
    run("parted", module=_MODULE)


@slow
@pytest.mark.usefixtures("generic_image")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", ["keeps", "travels", "untrusted", "huge", "bites"])
def test_a_guest_has_the_machine_that_is_asked_for(story: str) -> None:
    run(story, module=_MODULE, needed=_NEEDED)


@slow
@pytest.mark.usefixtures("debian_image")
@pytest.mark.timeout(3700)
@pytest.mark.parametrize("story", ["comes_up", "installs_a_driver"])
def test_a_cloud_image_of_debian_is_what_its_user_asked_for(story: str) -> None:
    run(story, module=_MODULE, needed=("mmdebstrap", "ssh"), seconds=3600)
