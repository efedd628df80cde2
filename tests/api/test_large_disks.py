"""Disks larger than every buffer and than the limit of other bodies are handed in: images of servers, and moves."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import httpx
import pytest

from busway.api.bounds import OBSERVED_BYTES
from tests.api.serving import ApiServer, as_agent
from tests.api.test_moves import Acting

MIB = 1024**2
SIZE = OBSERVED_BYTES + 16 * MIB


def disk() -> Iterator[bytes]:
    """A qcow2 by its header, larger than any body that is read into memory."""
    yield struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 1 << 30).ljust(104, b"\0")
    left = SIZE - 104
    while left:
        yield b"d" * min(MIB, left)
        left -= min(MIB, left)


@pytest.mark.parametrize("action", ["createImage", "shelve", "migrate"])
def test_a_disk_of_any_size_is_handed_in(api_server: ApiServer, action: str) -> None:
    acting = Acting(api_server, hosts=2)
    if action == "createImage":
        acting.act({"os-stop": None})
        acting.settle()
    acting.act({action: {"name": "snap"} if action == "createImage" else None}).raise_for_status()
    here = next(host for host in acting.hosts if host.desired().servers)
    if here.desired().servers[0].upload is None:
        here.obey_but_uploads()
    image = here.desired().servers[0].upload
    headers = as_agent(api_server, here.name, rotate=True)

    with httpx.Client(base_url=api_server.url, timeout=60) as agent:
        answer = agent.put(
            f"/agent/v1/hosts/{here.name}/servers/{acting.id}/disks/{image}",
            content=disk(),
            headers={**headers, "Content-Length": str(SIZE)},
        )

    assert answer.status_code == 204
    assert any(path.stat().st_size == SIZE for path in (api_server.control.state / "images").glob("*"))


def test_other_bodies_of_an_agent_keep_their_bound(api_server: ApiServer) -> None:
    acting = Acting(api_server)
    here = acting.hosts[0]
    headers = as_agent(api_server, here.name, rotate=True)

    with httpx.Client(base_url=api_server.url, headers=headers, timeout=60) as agent:
        report = agent.put(f"/agent/v1/hosts/{here.name}/observed", content=b" " * (OBSERVED_BYTES + 1))
        console = agent.put(
            f"/agent/v1/hosts/{here.name}/servers/{acting.id}/console", content=(b"x" * MIB for _ in range(3))
        )

    assert (report.status_code, str(OBSERVED_BYTES) in report.text) == (413, True)
    assert console.status_code == 413
