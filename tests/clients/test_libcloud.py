from pathlib import Path

import pytest
from tools.clients import TOOLS
from tools.tempest.cloud import TempestCloud

from tests.clients.tool import Tool

pytestmark = [pytest.mark.clients, pytest.mark.tools, pytest.mark.timeout(600)]
STORY = Path(__file__).parent / "libcloud_story.py"


def test_libcloud_leads_a_server_through_its_life(cloud: TempestCloud) -> None:
    told = Tool(TOOLS["libcloud"], cloud).run("python", STORY, cloud.url, cloud.password(), cloud.image, seconds=500)

    parts = ["look around", "keys and groups", "boot", "ports and networks", "change", "resize", "snapshot"]
    assert told.splitlines() == [*parts, "addresses" if cloud.routers else "no routers", "end"]
