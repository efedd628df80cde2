"""Needs root (or user namespaces), iproute2, nftables and dnsmasq: the real drivers, in a network namespace of their own."""

import shutil
import subprocess
import sys

import pytest

from tests.networking.conftest import may_unshare, unshare
from tests.networking.ovn import has_ovn


@pytest.mark.timeout(180)
def test_the_drivers_make_find_again_and_remove_what_guests_are_plugged_into() -> None:
    _run("drivers")


@pytest.mark.timeout(180)
def test_connections_are_read_forgotten_and_remembered_again_with_their_answers() -> None:
    _run("connections")


@pytest.mark.thorough
@pytest.mark.timeout(180)
def test_each_guest_reads_its_own_metadata_and_nobody_elses() -> None:
    if shutil.which("busybox") is None or shutil.which("nsenter") is None:
        pytest.skip("needs busybox and nsenter")
    _run("metadata")


@pytest.mark.thorough
@pytest.mark.timeout(180)
def test_guests_of_two_hosts_are_on_their_projects_network_and_on_no_other() -> None:
    """Needs OVN and Open vSwitch, whose userspace datapath needs no kernel module."""
    if not has_ovn() or shutil.which("busybox") is None:
        pytest.skip("needs ovn-central, ovn-host, openvswitch-switch and busybox")
    _run("overlay")


@pytest.mark.thorough
@pytest.mark.timeout(180)
def test_routers_join_networks_and_lead_out_and_floating_addresses_lead_in() -> None:
    """Needs OVN and Open vSwitch."""
    if not has_ovn() or shutil.which("busybox") is None:
        pytest.skip("needs ovn-central, ovn-host, openvswitch-switch and busybox")
    _run("routers")


@pytest.mark.thorough
@pytest.mark.timeout(180)
def test_a_card_carries_a_port_of_another_network_with_a_vlan_id_and_nobody_elses() -> None:
    """Needs OVN and Open vSwitch."""
    if not has_ovn() or shutil.which("busybox") is None:
        pytest.skip("needs ovn-central, ovn-host, openvswitch-switch and busybox")
    _run("trunks")


def _run(name: str) -> None:
    if not all(map(shutil.which, ("nft", "ip", "dnsmasq"))) or not may_unshare():
        pytest.skip("needs nft, ip, dnsmasq and a network namespace of its own")
    module = [sys.executable, "-m", f"tests.networking.inside.{name}", "/run/busway"]

    # The kernel shows under /sys the interfaces of the namespace in which it was mounted.
    inside = ["sh", "-c", 'mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && exec "$@"', "sh", *module]
    command = [*unshare(), "--pid", "--fork", "--mount-proc", *inside]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "all is well"
