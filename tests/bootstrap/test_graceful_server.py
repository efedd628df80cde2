"""A server that stops answers those who wait, at once and without a word in the log."""

import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from busway.store import hosts
from tests.api.serving import make_template, start_api_server
from tests.api.test_agents import agent, eventually, report
from tests.web.console import logged_in

WAIT_SECONDS = 20


def test_what_waits_is_answered_when_the_server_stops(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").mkdir()
    server = start_api_server(tmp_path / "state", make_template(tmp_path / "template"))
    client = agent(server, "host1")
    report(client, "host1")
    with server.control.db.read() as tx:
        host = hosts.find_host(tx, "host1")
    assert host is not None
    answers: list[httpx.Response] = []
    console = logged_in(server)

    def ask(url: str, of: httpx.Client) -> None:
        answers.append(of.get(url, timeout=60))

    waiting: list[tuple[str, Any]] = [
        (f"/agent/v1/hosts/host1/desired?after={host.generation}&wait=50", client),
        ("/agent/v1/hosts/host1/consoles?wait=50", client),
        ("/ui/live", console.http),
    ]
    threads = [threading.Thread(target=ask, args=each, daemon=True) for each in waiting]
    for thread in threads:
        thread.start()
    assert eventually(lambda: server.server.closing.count() == len(waiting))

    began = time.monotonic()
    server.server.should_exit = True
    for thread in threads:
        thread.join(WAIT_SECONDS)
    server.thread.join(WAIT_SECONDS)
    server.stop()

    assert sorted(answer.status_code for answer in answers) == [200, 200, 204]
    assert time.monotonic() - began < WAIT_SECONDS / 2
    assert "Traceback" not in caplog.text and "Cancel" not in caplog.text
