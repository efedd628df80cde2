from pathlib import Path

import pytest
from tools.environment import CLIENTS
from tools.tempest.cloud import TempestCloud

from tests.clients.tool import Tool

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]
STORY = Path(__file__).parent / "sdk_story.py"


def test_programs_of_the_sdk_do_what_they_do_elsewhere(cloud: TempestCloud) -> None:
    told = Tool(CLIENTS, cloud).run("python", STORY, cloud.image, seconds=500)

    parts = ["look around", "identity", "quotas", "flavors and keys", "images", "networks", "aggregates", "servers"]
    assert told.splitlines() == [*parts, "placement"]
