"""The cloud that Tempest looks at: one control plane and two simulated hosts, as processes on loopback."""

from __future__ import annotations

from pathlib import Path

import yaml
from tests.processes.cloud import ProcessCloud

HOSTS = 2
_GPUS = 8
_CONFIG = """\
[DEFAULT]
cpu_allocation_ratio = 64
[quota]
instances = 100
cores = 200
ram = 512000
[pci]
alias = {"vendor_id": "10de", "product_id": "20b5", "name": "a1"}
device_spec = {"vendor_id": "10de", "product_id": "20b5"}
[database]
connection = %s
"""


class TempestCloud(ProcessCloud):
    """A cloud with two images, as Tempest wants them."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'busway.db'}"
        super().__init__(folder, url)
        self.config.write_text(_CONFIG % url)

    def start(self) -> None:
        """Start everything and wait until both hosts have reported."""
        self.start_control()
        names = [f"host{number}" for number in range(1, HOSTS + 1)]
        for name in names:
            self.start_host(name, gpus=_GPUS)
        for name in names:
            self.wait_for_host(name)

    def add_image(self, name: str) -> str:
        """Make a public image with data; return its id."""
        wanted = {"name": name, "disk_format": "raw", "container_format": "bare", "visibility": "public"}
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
