"""The clients of Debian 12: openstackclient 6.0, novaclient 18.1, and openstacksdk 0.101 under them."""

from pathlib import Path

import pytest
from tools.clients import TOOLS
from tools.tempest.cloud import TempestCloud

from tests.api.test_keypairs import PUBLIC
from tests.clients.tool import Tool

pytestmark = [pytest.mark.clients, pytest.mark.tools, pytest.mark.timeout(600)]


@pytest.fixture
def debian(cloud: TempestCloud, tmp_path: Path) -> Tool:
    whose = {"OS_USERNAME": "admin", "OS_PASSWORD": cloud.password(), "OS_PROJECT_NAME": "admin"}
    whose |= {"OS_USER_DOMAIN_ID": "default", "OS_PROJECT_DOMAIN_ID": "default"}
    return Tool(TOOLS["debian"], cloud, OS_AUTH_URL=f"{cloud.url}/identity", **whose)


def test_a_server_with_a_gpu_lives_by_debians_clients(debian: Tool, tmp_path: Path) -> None:
    assert debian.run("openstack", "--version").split() == ["openstack", "6.0.0"]
    _prepare(debian, tmp_path)

    create = ("--flavor", "deb.gpu", "--image", "deb-image", "--key-name", "deb-key", "--network", "private")
    made = debian.read("server", "create", *create, "--security-group", "deb-web", "--wait", "deb1")

    assert made["status"] == "ACTIVE"
    assert made["flavor"].startswith("deb.gpu")
    assert "10.66.0." in str(debian.read("server", "list")[0]["Networks"])
    assert debian.read("server", "show", "deb1")["key_name"] == "deb-key"
    assert debian.read("console", "url", "show", "--novnc", "deb1")["url"].startswith("http")
    assert debian.run("openstack", "console", "log", "show", "deb1")
    for words in ("stop", "start", "pause", "unpause", "lock", "unlock", "set --property a=b"):
        verb, *options = words.split()
        debian.run("openstack", "server", verb, *options, "deb1")
        _settle(debian, {"stop": "SHUTOFF", "pause": "PAUSED"}.get(verb, "ACTIVE"))
    assert "has devices of its host" in debian.refused("openstack", "server", "suspend", "deb1")
    debian.run("openstack", "server", "reboot", "--hard", "--wait", "deb1")
    debian.run("openstack", "server", "image", "create", "--name", "deb-snap", "--wait", "deb1")
    assert debian.read("image", "show", "deb-snap")["status"] == "active"
    assert "deb1" in debian.run("nova", "list")
    assert "create" in debian.run("nova", "instance-action-list", "deb1")
    assert "deb.gpu" in debian.run("nova", "flavor-list")
    debian.run("openstack", "server", "delete", "--wait", "deb1")
    assert [row["Name"] for row in debian.read("server", "list")] == []
    _clean(debian)


def _prepare(debian: Tool, folder: Path) -> None:
    flavor = ("--ram", 512, "--vcpus", 1, "--disk", 1, "--property", "pci_passthrough:alias=a1:1")
    assert "a1:1" in str(debian.read("flavor", "create", *flavor, "deb.gpu")["properties"])
    (folder / "key.pub").write_text(PUBLIC)
    debian.run("openstack", "keypair", "create", "--public-key", folder / "key.pub", "deb-key")
    (folder / "image.raw").write_bytes(b"\0" * 4096)
    data = ("--file", folder / "image.raw", "--disk-format", "raw", "--container-format", "bare")
    debian.run("openstack", "image", "create", *data, "deb-image")
    assert debian.read("image", "show", "deb-image")["status"] == "active"  # `create` tells what was before the upload
    assert "private" in [row["Name"] for row in debian.read("network", "list")]
    assert "private-v6" in [row["Name"] for row in debian.read("subnet", "list")]
    debian.run("openstack", "security", "group", "create", "deb-web")
    debian.run("openstack", "security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "443", "deb-web")
    assert len(debian.read("hypervisor", "list")) == 2
    assert debian.read("hypervisor", "show", "host1")["hypervisor_hostname"] == "host1"
    debian.run("openstack", "project", "create", "deb-project")
    debian.run("openstack", "quota", "set", "--instances", 7, "deb-project")
    assert debian.read("quota", "show", "deb-project")["instances"] == 7
    assert {row["Binary"] for row in debian.read("compute", "service", "list")} >= {"nova-compute"}
    assert len(debian.read("resource", "provider", "list")) > 2


def _settle(debian: Tool, status: str) -> None:
    """Waits until the server has a status: commands that only ask for it end before."""
    shown: dict[str, object] = {}
    for _attempt in range(60):
        shown = debian.read("server", "show", "deb1")
        if shown["status"] == status and shown["OS-EXT-STS:task_state"] is None:
            return
    pytest.fail(f"not {status}: {shown}")


def _clean(debian: Tool) -> None:
    for words in (
        "image delete deb-snap deb-image",
        "flavor delete deb.gpu",
        "keypair delete deb-key",
        "security group delete deb-web",
        "project delete deb-project",
    ):
        debian.run("openstack", *words.split())
