"""What is handed out changes in two control processes on one PostgreSQL at once; a server keeps what it has."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.processes.cloud import ProcessCloud, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]
ALIAS = {"vendor_id": "10de", "product_id": "20b5", "name": "b1"}
SPEC = {"vendor_id": "10de", "product_id": "20b5"}


@pytest.fixture
def two(postgres_url: str, tmp_path: Path) -> Iterator[ProcessCloud]:
    """Two control processes whose file says nothing of devices; requests go to the first."""
    made = ProcessCloud(tmp_path, postgres_url)
    made.config.write_text(f"[DEFAULT]\ncpu_allocation_ratio = 16\n[database]\nconnection = {postgres_url}\n")
    try:
        made.start_control()
        made.prepare()
        made.start_control(name="second", port=made.second_port)
        yield made
    finally:
        made.down()


def test_a_change_through_one_process_is_the_law_of_the_other(two: ProcessCloud) -> None:
    two.call("POST", "/compute/v2.1/flavors/2/os-extra_specs", {"extra_specs": {"pci_passthrough:alias": "b1:1"}})
    two.start_host("h1")
    two.wait_for_host("h1")
    second = httpx.Client(base_url=f"http://127.0.0.1:{two.second_port}", headers={"X-Auth-Token": two.token()})

    spec = second.post("/busway/v1/device-specs", json={"definition": SPEC}).json()["device_spec"]
    made = second.post("/busway/v1/aliases", json={"definitions": [ALIAS]})
    busy = two.create("busy")
    wait_for("the server to run", lambda: two.status(busy) == "ACTIVE")
    gone = two.call("DELETE", f"/busway/v1/device-specs/{spec['id']}?version={spec['version']}")
    [device] = second.get("/busway/v1/devices").json()["devices"]
    late = two.create("late")
    wait_for("the next one to be refused", lambda: two.status(late) == "ERROR")
    two.delete(busy)
    wait_for("the device to leave", lambda: two.devices() == [])

    second.close()
    assert (made.status_code, gone["device_spec"]) == (201, None)
    assert (device["status"], device["server_id"]) == ("allocated", busy)
    assert "leaves when its server gives it back" in device["reason"]
