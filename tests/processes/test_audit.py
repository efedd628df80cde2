"""`kill -9` of the control plane while servers come and go: the records of the audit are the effects, no more and no less."""

import contextlib

import httpx
import pytest

from tests.processes.cloud import ProcessCloud

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]


@pytest.mark.parametrize("point", ["create:after-commit", "delete:after-commit", ""])
def test_records_equal_effects_after_a_kill(cloud: ProcessCloud, point: str) -> None:
    kept = cloud.create("kept")
    cloud.kill("control")
    cloud.start_control(crash_at=point)
    with contextlib.suppress(httpx.HTTPError):
        cloud.create("second")
        cloud.delete(kept)
        if not point:
            cloud.kill("control")
            cloud.create("never")
    if point:
        cloud.wait_dead("control")
    cloud.start_control()

    records = cloud.call("GET", "/busway/v1/audit?limit=1000")["records"]

    made = _targets(records, "create")
    deleted = _targets(records, "delete")
    shown = set(cloud.servers())
    assert len(made) == len(set(made)) and len(deleted) == len(set(deleted))
    assert shown | set(deleted) == set(made)
    assert all(record["result"] == "success" and record["user_name"] == "admin" for record in records)


def _targets(records: list[dict[str, str]], act: str) -> list[str]:
    wanted = [record for record in records if record["operation"] == f"os_compute_api:servers:{act}"]
    return [record["target"].partition("/")[2] for record in wanted]
