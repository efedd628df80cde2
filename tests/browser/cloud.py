"""A cloud for the browser's tests: a control plane as a process, simulated hosts with devices, and a few servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from busway.agent.join import join_host
from busway.wire.join import decode_token
from tests.processes.cloud import ProcessCloud, wait_for

SPECS = ({"vendor_id": "10de", "product_id": "2335"}, {"vendor_id": "10de", "product_id": "2231"})
ALIASES = (
    {"name": "h200", "vendor_id": "10de", "product_id": "2335"},
    {"name": "a5000", "vendor_id": "10de", "product_id": "2231"},
)


class BrowserCloud(ProcessCloud):
    """Hosts of several kinds, with device specs, aliases and flavors for them."""

    @property
    def password(self) -> str:
        """The admin's."""
        told = yaml.safe_load((self.folder / "control" / "clouds.yaml").read_text("utf-8"))
        return str(told["clouds"]["busway"]["auth"]["password"])

    def add_host(self, name: str, machine: str = "", gpus: int = 4) -> None:
        """Starts a host on an invented machine, and waits until it has reported."""
        credential = self.folder / f"{name}.json"
        join_host(decode_token(self.call("POST", "/busway/v1/hosts", {"name": name})["join_token"]), credential)
        command = ["-m", "busway.testing.simulated_host", "--credential", str(credential), "--interval", "0.5"]
        command += ["--state", str(self.folder / f"host-{name}"), "--gpus", str(gpus), "--machine", machine]
        self._start(name, command)
        self.wait_for_host(name)

    def furnish(self) -> None:
        """What the pages show: rules, flavors, an image, and hosts."""
        self.prepare()
        for spec in SPECS:
            self.call("POST", "/busway/v1/device-specs", {"definition": spec})
        for alias in ALIASES:
            self.call("POST", "/busway/v1/aliases", {"definitions": [alias]})
        self.h200 = self.flavor("h200x2", "h200:2")
        self.a100 = self.flavor("a100", "a1:1")
        self.add_host("gpu-01")
        self.add_host("hgx-02", "hgx_h200")
        self.add_host("ws-03", "a5000_four")

    def flavor(self, name: str, devices: str) -> str:
        """The id of a new flavor with devices."""
        wanted = {"name": name, "vcpus": 2, "ram": 2048, "disk": 1}
        made = str(self.call("POST", "/compute/v2.1/flavors", {"flavor": wanted})["flavor"]["id"])
        specs = {"extra_specs": {"pci_passthrough:alias": devices}}
        self.call("POST", f"/compute/v2.1/flavors/{made}/os-extra_specs", specs)
        return made

    def create_now(self, name: str, flavor: str, **fields: Any) -> str:
        """The id of a new server, which waits for its place."""
        body = {"name": name, "imageRef": self.image, "flavorRef": flavor, "networks": "auto", **fields}
        return str(self.call("POST", "/compute/v2.1/servers", {"server": body})["server"]["id"])

    def server(self, name: str, flavor: str, **fields: Any) -> str:
        """The id of a new server that runs."""
        made = self.create_now(name, flavor, **fields)
        wait_for(f"{name} to run", lambda: self.status(made) == "ACTIVE")
        return made

    def member(self, name: str, role: str = "member") -> None:
        """A user with a role in a project of the same name; their password is "pw"."""
        project = self.call("POST", "/identity/v3/projects", {"project": {"name": name}})["project"]["id"]
        user = self.call("POST", "/identity/v3/users", {"user": {"name": name, "password": "pw"}})["user"]["id"]
        found = self.call("GET", f"/identity/v3/roles?name={role}")["roles"][0]["id"]
        self.call("PUT", f"/identity/v3/projects/{project}/users/{user}/roles/{found}")


def start_cloud(folder: Path) -> BrowserCloud:
    """A furnished cloud; `down` ends it."""
    cloud = BrowserCloud(folder, f"sqlite:///{folder / 'busway.db'}")
    try:
        cloud.start_control()
        cloud.furnish()
    except BaseException:
        cloud.down()
        raise
    return cloud
