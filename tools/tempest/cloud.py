"""The cloud that Tempest looks at: two control processes and two simulated hosts on loopback, and a web server with an image.

For the tests of networks it has OVN's northbound database too, so that there are routers. For those of servers' floating addresses
each project has networks of its own only, and the simulated hosts say that they are chassis of OVN.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tests.networking.ovn import kill, start_database
from tests.processes.cloud import ProcessCloud

from tools.command import run
from tools.tempest.formats import write_images
from tools.tempest.web import ImageServer

HOSTS = 2
_GPUS = 8
_CONFIG = """\
[DEFAULT]
cpu_allocation_ratio = 64
enabled_backends = fast:file, large:file
[fast]
weight = 100
[large]
filesystem_store_datadir = %s
[quota]
instances = 100
cores = 200
ram = 512000
[security_compliance]
unique_last_password_count = 2
[pci]
alias = {"vendor_id": "10de", "product_id": "20b5", "name": "a1"}
device_spec = {"vendor_id": "10de", "product_id": "20b5"}
[import_filtering_opts]
allowed_hosts = 127.0.0.1
allowed_ports = %d
[database]
connection = %s
"""
# Networks of projects are of type geneve, which routers can join. A real northbound database takes what Busway writes; the tests
# of the API need neither northd nor chassis.
_OF_ROUTERS = """\
[busway]
project_network_type = geneve
[ovn]
ovn_nb_connection = unix:%s
"""
PUBLIC = "public"
# The type in the catalog of the image service of the second control process.
SECOND_IMAGES = "image_remote"


class TempestCloud(ProcessCloud):
    """A cloud with images, as Tempest wants them."""

    def __init__(self, folder: Path, *, routers: bool = False, isolated: bool = False) -> None:
        url = f"sqlite:///{folder / 'busway.db'}"
        self.routers, self.isolated = routers, isolated
        self.public: dict[str, Any] = {}
        self._databases: list[Path] = []
        super().__init__(folder, url)
        self.manifest = write_images(folder / "images")
        self.web = ImageServer(self.manifest.parent)
        self.config.write_text(_CONFIG % (folder / "large", self.web.port, url))
        if routers:
            self._databases.append(folder)
            north = start_database(folder, "nb")
            self.config.write_text(f"{self.config.read_text()}{_OF_ROUTERS % north}")

    def start(self) -> None:
        """Start everything and wait until both hosts have reported."""
        self.web.start()
        self.start_control()
        self.start_control(name="second", port=self.second_port)
        self._announce_second()
        names = [f"host{number}" for number in range(1, HOSTS + 1)]
        for name in names:
            self.start_host(name, gpus=_GPUS)
        for name in names:
            self.wait_for_host(name)
        if self.routers:
            self.public = self._make_public()
        if self.isolated:
            for number, name in enumerate(names, 1):
                self._make_chassis(name, f"192.0.2.{number}")
            for shared in self.call("GET", "/network/v2.0/networks?shared=true")["networks"]:
                self.call("DELETE", f"/network/v2.0/networks/{shared['id']}")

    def down(self) -> None:
        """End everything."""
        super().down()
        self.web.stop()
        for folder in self._databases:
            for database in folder.glob("*.pid"):
                kill(folder, database.stem)

    def _make_public(self) -> dict[str, Any]:
        """Make the external network, whose physical network no simulated host has."""
        wanted = {"name": PUBLIC, "router:external": True, "is_default": True, "provider:network_type": "flat"}
        wanted["provider:physical_network"] = PUBLIC
        made: dict[str, Any] = self.call("POST", "/network/v2.0/networks", {"network": wanted})["network"]
        subnet = {"network_id": made["id"], "ip_version": 4, "cidr": "203.0.113.0/24", "enable_dhcp": False}
        self.call("POST", "/network/v2.0/subnets", {"subnet": subnet})
        return made

    def _make_chassis(self, name: str, address: str) -> None:
        """Give a simulated host a database of Open vSwitch, which answers for switch and controller too: no packet is sent."""
        folder = self.folder / f"switch-{name}"
        folder.mkdir()
        self._databases.append(folder)
        database = f"--db=unix:{start_database(folder, 'conf')}"
        ids = {"system-id": name, "ovn-remote": "unix:-", "ovn-encap-type": "geneve", "ovn-encap-ip": address}
        run(["ovs-vsctl", database, "--no-wait", "init"])
        told = [f"external_ids:{key}={value}" for key, value in ids.items()]
        run(["ovs-vsctl", database, "--no-wait", "add-br", "br-int", "--", "set", "Open_vSwitch", ".", *told])
        machine = self.folder / f"host-{name}" / "machine"
        for where, what in (
            ("openvswitch/db.sock", "conf.sock"),
            ("openvswitch/ovs-vswitchd.1.ctl", "conf.ctl"),
            ("ovn/ovn-controller.1.ctl", "conf.ctl"),
        ):
            path = machine / "run" / where
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(folder / what)

    def _announce_second(self) -> None:
        """Put the second process's image API into the catalog: what is staged at one may be imported at the other."""
        service = self.call("POST", "/identity/v3/services", {"service": {"type": SECOND_IMAGES, "name": "second"}})
        url = f"http://127.0.0.1:{self.second_port}/image"
        endpoint = {"service_id": service["service"]["id"], "interface": "public", "region": "RegionOne", "url": url}
        self.call("POST", "/identity/v3/endpoints", {"endpoint": endpoint})

    def add_image(self, name: str) -> str:
        """Make a public image with data; return its id."""
        wanted = {"name": name, "disk_format": "raw", "container_format": "bare", "visibility": "public"}
        wanted["hw_qemu_guest_agent"] = "yes"  # simulated guests have an agent that sets passwords
        made = self.call("POST", "/image/v2/images", wanted)["id"]
        self.upload(made, b"\0" * 512)
        return str(made)

    def password(self) -> str:
        """Return the first administrator's password."""
        found = yaml.safe_load((self.folder / "control" / "clouds.yaml").read_text())
        return str(found["clouds"]["busway"]["auth"]["password"])

    def extensions(self) -> list[str]:
        """Return what the network API announces: Tempest skips the tests of the others."""
        return sorted(each["alias"] for each in self.call("GET", "/network/v2.0/extensions")["extensions"])
