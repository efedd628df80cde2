"""The cloud whose guests are real: two hosts in namespaces, each with libvirt, QEMU, Open vSwitch and OVN, and Tempest's own card.

Tempest logs in to guests by ssh at the addresses that they have on a network of type geneve, where OVN enforces their security
groups. It must run in a network, mount and process namespace of its own, as `run_apart` does: whatever it starts ends with it.
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

NETWORK = "guests"
FLAVORS = ({"id": "small", "ram": 160, "disk": 1}, {"id": "larger", "ram": 224, "disk": 1})
_HOT_PLUGS = "4"  # a test attaches three cards to one guest
_CIDR = "10.66.0.0/22"
_CARD, _PLUG = "tempest0", "tempest-plug"
# Tests that log in to a guest, or that need one that has booted. Each test is in this part or in that of its service.
GUESTS = re.compile(
    r"^tempest\.("
    r"api\.compute\.servers\.test_create_server\.(ServersTestJSON|ServersTestManualDisk)\.test_(verify_created_server_vcpus|host_name_is)"
    r"|api\.compute\.servers\.test_create_server\.Servers(V294)?TestFqdnHostnames\."
    r"|api\.compute\.admin\.test_create_server\.ServersWithSpecificFlavorTestJSON\."
    r"|api\.compute\.servers\.test_attach_interfaces\."
    r"|api\.compute\.servers\.test_server_actions\.\w+\.test_(reboot_server_hard|rebuild_server|stop_start_server"
    r"|(suspend_resume|pause_unpause)_server|resize_server_(confirm|revert))(\[|$)"
    r"|api\.compute\.servers\.test_server_rescue\.(ServerRescueTestJSON|ServerStableDeviceRescueTest)\.test_\w+_(instance|virtio|scsi)(\[|$)"
    r"|api\.compute\.admin\.test_live_migration\.Live(Migration|AutoBlockMigrationV225)Test\.test_live_block_migration(_paused)?(\[|$)"
    r"|scenario\.test_(server_basic_ops|server_advanced_ops)\."
    r"|scenario\.(test_snapshot_pattern|test_shelve_instance)\.\w+\.test_(snapshot_pattern|shelve_instance|cold_migrate)"
    r")"
)
# These ask for a public network only to know that guests can be reached: they log in at the fixed address.
REACHES = re.compile(r"^tempest\.scenario\.(test_snapshot_pattern|test_shelve_instance)\.")


def guest_image() -> Path:
    """The image of the guests, made at the first call: it is root's own and has no sudo, lsblk and curl.

    Open vSwitch in user space passes packets on as they are, so guests compute their own checksums.
    """
    return build_guest_image(default_cache(), extra_words="virtio_net.csum=0")


def run_apart(arguments: Sequence[str]) -> int:
    """Make the image, then run `make tempest` with these arguments in namespaces of its own; return its exit code."""
    lacking = [name for name in (*NEEDED, *PROGRAMS) if shutil.which(name) is None]
    if os.geteuid() != 0 or lacking:
        raise SetupError(f"guests need root and {', '.join(lacking or NEEDED)}")
    guest_image()
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    # The kernel shows under /sys the interfaces of the namespace in which it was mounted; bash reaps what others leave.
    script = 'mount -t sysfs sysfs /sys && "$@"; exit $?'
    command = [*unshare, "bash", "-c", script, "bash", sys.executable, "-m", "tools.tempest", *arguments, "--inside"]
    return subprocess.run(command, check=False).returncode


class GuestCloud(OverlayCloud):
    """Its servers are guests of QEMU, and its one network is `NETWORK`, which Tempest is on."""

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
        self.network: dict[str, Any] = self.call("POST", "/network/v2.0/networks", {"network": asked})["network"]
        subnet = {"network_id": self.network["id"], "ip_version": 4, "cidr": _CIDR, "name": NETWORK}
        self.call("POST", "/network/v2.0/subnets", {"subnet": subnet})
        self._join()

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
        ip(f"address add {fixed['ip_address']}/{_CIDR.partition('/')[2]} dev {_CARD}")
        ip(f"link set {_CARD} up")
        subprocess.run([*PYTHON, CHECKSUMS, _CARD], check=True, timeout=60)
        plugged = ("set", "interface", _PLUG, f"external_ids:iface-id={port['id']}")
        self.chassis[first].vsctl("add-port", "br-int", _PLUG, "--", *plugged)
