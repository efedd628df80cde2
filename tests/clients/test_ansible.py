"""Ansible's collection openstack.cloud: a playbook makes things, and run again it changes nothing."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tools.clients import TOOLS
from tools.tempest.cloud import PUBLIC as EXTERNAL
from tools.tempest.cloud import TempestCloud

from tests.api.test_keypairs import PUBLIC
from tests.clients.tool import Tool

pytestmark = [pytest.mark.clients, pytest.mark.tools, pytest.mark.timeout(900)]
HERE = Path(__file__).parent


def test_a_playbook_run_again_changes_nothing(cloud: TempestCloud, tmp_path: Path) -> None:
    image = tmp_path / "image.raw"
    image.write_bytes(b"\0" * 4096)
    told = {"public_key": PUBLIC, "image_file": str(image), "external": EXTERNAL if cloud.routers else ""}

    first = _play(cloud, "playbook.yml", tmp_path, told)
    second = _play(cloud, "playbook.yml", tmp_path, told)
    last = _play(cloud, "playbook_end.yml", tmp_path, told)

    assert first["changed"] > 15
    assert (second["changed"], second["ok"]) == (0, first["ok"]), second["what"]
    assert last["changed"] > 15


def _play(cloud: TempestCloud, name: str, folder: Path, told: dict[str, str]) -> dict[str, Any]:
    """Runs a playbook to its end: how many tasks were all right, how many changed something, and which."""
    extra = {**told, "ansible_python_interpreter": str(TOOLS["ansible"].python)}
    settings = {"ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}
    settings |= {"LC_ALL": "C.UTF-8"}
    printed = Tool(TOOLS["ansible"], cloud, **settings).run(
        "ansible-playbook", HERE / name, "--inventory", "localhost,", "--extra-vars", json.dumps(extra), seconds=400
    )
    counts = re.search(r"ok=(\d+)\s+changed=(\d+)\s+unreachable=0\s+failed=0", printed)
    assert counts, printed
    return {"ok": int(counts[1]), "changed": int(counts[2]), "what": printed}
