"""The cloud whose guests are real: two hosts in namespaces, each with libvirt, QEMU, Open vSwitch and OVN, and Tempest's own cards.

Tempest logs in to guests by ssh: at the addresses that they have on a network of type geneve, where it has a port, or at floating
addresses of an external network, where it is what is outside. OVN enforces their security groups. It must run in a network, mount
and process namespace of its own, as `run_apart` does: whatever it starts ends with it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from tests.live.test_live import NEEDED
from tests.networking.ovn import CHECKSUMS, PROGRAMS, PYTHON, ip
from tests.overlay.inside.cloud import OverlayCloud

from busway.lab.cache import default_cache
from busway.lab.image import build_guest_image
from tools.command import SetupError
from tools.tempest.cloud import PUBLIC

NETWORK = "guests"
FLAVORS = ({"id": "small", "ram": 160, "disk": 1}, {"id": "larger", "ram": 224, "disk": 1})
_HOT_PLUGS = "4"  # a test attaches three cards to one guest
_CIDR = "10.66.0.0/22"
_CARD, _PLUG = "tempest0", "tempest-plug"
_OUTER_CIDR, _OUTER_ADDRESS, _OUTER_CARD = "203.0.113.0/24", "203.0.113.1", "outside0"
_OUTER_POOL = {"start": "203.0.113.100", "end": "203.0.113.199"}
_CONFIG = """
[busway]
project_network_type = geneve
[spice]
enabled = true
"""
# Tests that log in to a guest, or that need one that has booted. Each test is in this part, in the next or in that of its service.
GUESTS = re.compile(
    r"^tempest\.("
    r"api\.compute\.servers\.test_create_server\.(ServersTestJSON|ServersTestManualDisk)\.test_(verify_created_server_vcpus|host_name_is)"
    r"|api\.compute\.servers\.test_create_server\.Servers(V294)?TestFqdnHostnames\."
    r"|api\.compute\.admin\.test_create_server\.ServersWithSpecificFlavorTestJSON\."
    r"|api\.compute\.servers\.test_attach_interfaces\."
    r"|api\.compute\.admin\.test_spice\."
    r"|api\.compute\.servers\.test_server_actions\.\w+\.test_(reboot_server_hard|rebuild_server|stop_start_server"
    r"|(suspend_resume|pause_unpause)_server|resize_server_(confirm|revert))(\[|$)"
    r"|api\.compute\.servers\.test_server_rescue\.(ServerRescueTestJSON|ServerStableDeviceRescueTest)\.test_\w+_(instance|virtio|scsi)(\[|$)"
    r"|api\.compute\.admin\.test_live_migration\.Live(Migration|AutoBlockMigrationV225)Test\.test_live_block_migration(_paused)?(\[|$)"
    r"|scenario\.test_(server_basic_ops|server_advanced_ops)\."
    r"|scenario\.(test_snapshot_pattern|test_shelve_instance)\.\w+\.test_(snapshot_pattern|shelve_instance|cold_migrate)"
    r")"
)
# These have networks and routers of their own projects, and reach their guests at floating addresses.
FLOATING = re.compile(
    r"^tempest\.scenario\.test_(network_basic_ops|network_advanced_server_ops|network_v6|security_groups_basic_ops)\."
)
# These give a card an address that they choose, which is for owners of a network: they are run as `FLOATING` is, among `GUESTS`.
OWNING = re.compile(
    r"\.test_attach_interfaces\.\w+\.test_(create_list_show_delete_interfaces_by_fixed_ip|add_remove_fixed_ip)(\[|$)"
)
# A hint of this one names a server of another project, and hints know those of their own: it is told that there are no such hints.
ACROSS = re.compile(r"\.test_cross_tenant_traffic(\[|$)")
# These ask for a public network only to know that guests can be reached: they log in at the fixed address.
REACHES = re.compile(r"^tempest\.scenario\.(test_snapshot_pattern|test_shelve_instance)\.")


def guest_image() -> Path:
    """The image of the guests, made at the first call: it is root's own and has no sudo, lsblk and curl.

    Open vSwitch in user space passes packets on as they are, so guests compute their own checksums.
    """
    return build_guest_image(default_cache(), extra_words="virtio_net.csum=0")


def run_apart(arguments: Sequence[str]) -> int:
    """Make the image, then run `make tempest` with these arguments in namespaces of its own; return its exit code."""
    lacking = [name for name in (*NEEDED, *PROGRAMS, "ping") if shutil.which(name) is None]
    if os.geteuid() != 0 or lacking:
        raise SetupError(f"guests need root and {', '.join(lacking or NEEDED)}")
    guest_image()
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    # The kernel shows under /sys the interfaces of the namespace in which it was mounted; bash reaps what others leave.
    script = 'mount -t sysfs sysfs /sys && "$@"; exit $?'
    command = [*unshare, "bash", "-c", script, "bash", sys.executable, "-m", "tools.tempest", *arguments, "--inside"]
    return subprocess.run(command, check=False).returncode


class GuestCloud(OverlayCloud):
    """Its servers are guests of QEMU; Tempest is on the network `NETWORK`, and outside, on the external network `PUBLIC`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.config.write_text(f"{self.config.read_text()}{_CONFIG}")
        self.network: dict[str, Any] = {}
        self.public: dict[str, Any] = {}

    def start(self) -> None:
        """Start everything and wait until both hosts have reported."""
        image = guest_image()
        self.up(image, without=())
        self.image, self.image_alt = self._add("guest", image), self._add("other", image)
        for flavor in FLAVORS:
            wanted = {"name": f"guest-{flavor['id']}", "vcpus": 1, **flavor}
            self.call("POST", "/compute/v2.1/flavors", {"flavor": wanted})
            specs = {"extra_specs": {"busway:hotplug_ports": _HOT_PLUGS}}
            self.call("POST", f"/compute/v2.1/flavors/{flavor['id']}/os-extra_specs", specs)
        for old in self.call("GET", "/network/v2.0/networks")["networks"]:
            self.call("DELETE", f"/network/v2.0/networks/{old['id']}")
        asked = {"name": NETWORK, "provider:network_type": "geneve", "shared": True}
        self.network = self._make_network(asked, {"cidr": _CIDR})
        self._join()
        self._go_outside()
        asked = {"name": PUBLIC, "provider:network_type": "flat", "provider:physical_network": PUBLIC}
        outer = {"cidr": _OUTER_CIDR, "gateway_ip": _OUTER_ADDRESS, "allocation_pools": [_OUTER_POOL]}
        self.public = self._make_network({**asked, "router:external": True}, {**outer, "enable_dhcp": False})

    def agent_words(self, name: str) -> tuple[str, ...]:
        """Guests have a SPICE screen at their host's address, where Tempest connects as a proxy would."""
        return ("--spice-listen", self.address(name))

    def password(self) -> str:
        """Return the first administrator's password."""
        found = yaml.safe_load((self.folder / "control" / "clouds.yaml").read_text())
        return str(found["clouds"]["busway"]["auth"]["password"])

    def extensions(self) -> list[str]:
        """Return what the network API announces: Tempest skips the tests of the others."""
        return sorted(each["alias"] for each in self.call("GET", "/network/v2.0/extensions")["extensions"])

    def _add(self, name: str, image: Path) -> str:
        wanted = {"name": name, "disk_format": "qcow2", "container_format": "bare", "visibility": "public"}
        made = self.call("POST", "/image/v2/images", wanted)["id"]
        self.upload(made, image.read_bytes())
        return str(made)

    def _make_network(self, network: dict[str, Any], subnet: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self.call("POST", "/network/v2.0/networks", {"network": network})["network"]
        wanted = {"network_id": made["id"], "ip_version": 4, "name": made["name"], **subnet}
        self.call("POST", "/network/v2.0/subnets", {"subnet": wanted})
        return made

    def _join(self) -> None:
        """Give this namespace a card on the guests' network: a port like any other, plugged in on the first host."""
        asked = {
            "network_id": self.network["id"],
            "name": "tempest",
            "port_security_enabled": False,
            "security_groups": [],
        }
        port = self.call("POST", "/network/v2.0/ports", {"port": asked})["port"]
        [fixed] = port["fixed_ips"]
        first = next(iter(self.chassis))
        ip(f"link add {_CARD} address {port['mac_address']} mtu {self.network['mtu']} type veth peer name {_PLUG}")
        ip(f"link set {_PLUG} netns {self.processes[f'host {first}'].pid}")
        self.chassis[first].do("ip", "link", "set", _PLUG, "up")
        _switch_on(_CARD, f"{fixed['ip_address']}/{_CIDR.partition('/')[2]}")
        plugged = ("set", "interface", _PLUG, f"external_ids:iface-id={port['id']}")
        self.chassis[first].vsctl("add-port", "br-int", _PLUG, "--", *plugged)

    def _go_outside(self) -> None:
        """Give both hosts a bridge on the physical network, and this namespace the gateway's address there."""
        ip(f"link add {PUBLIC} type bridge forward_delay 0")
        ip(f"link set {PUBLIC} up")
        # The bridge would answer for the address of the card, with a MAC of its own.
        Path("/proc/sys/net/ipv4/conf/all/arp_ignore").write_text("1\n")
        ip(f"link add {_OUTER_CARD} type veth peer name to-outside")
        ip(f"link set to-outside master {PUBLIC} up")
        _switch_on(_OUTER_CARD, f"{_OUTER_ADDRESS}/{_OUTER_CIDR.partition('/')[2]}")
        for chassis in self.chassis.values():
            chassis.provide(PUBLIC)
            # Open vSwitch 3.1 in user space goes on dropping by a flow that its tables no longer have, as long as packets come
            # within ten seconds. Tempest asks each second until somebody answers.
            chassis.vsctl("set", "Open_vSwitch", ".", "other_config:max-idle=500")


def _switch_on(card: str, address: str) -> None:
    """Give a card its address; the kernel computes its checksums, which nothing on the way does."""
    ip(f"address add {address} dev {card}")
    ip(f"link set {card} up")
    subprocess.run([*PYTHON, CHECKSUMS, card], check=True, timeout=60)
