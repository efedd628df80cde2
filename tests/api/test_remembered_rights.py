"""What a rule has decided is remembered by rule, target and caller; not where a server of the operator's is asked."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from busway.domain.caller import Caller
from busway.domain.ids import ProjectId, UserId
from busway.policy.decide import Policy, own_target

MEMBER = Caller(UserId("u"), "u", ProjectId("p"), roles=frozenset({"member"}))
READER = Caller(UserId("u"), "u", ProjectId("p"), roles=frozenset({"reader"}))
CREATE = "os_compute_api:servers:create"


class _Operator(HTTPServer):
    answer = b"True"


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, _Operator)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_given: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def operator() -> Iterator[_Operator]:
    with _Operator(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _calls(policy: Policy, caller: Caller) -> int:
    count = 0

    def note(_frame: object, event: str, _given: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        policy.allows(caller, CREATE, own_target(caller))
    finally:
        sys.setprofile(None)
    return count


def test_a_decision_that_was_asked_for_before_costs_little() -> None:
    policy = Policy()

    first, again = _calls(policy, MEMBER), _calls(policy, MEMBER)

    assert first > 100 > 60 > again


def test_a_decision_is_of_its_rule_caller_and_target() -> None:
    policy = Policy()
    assert [policy.allows(each, CREATE, own_target(each)) for each in (MEMBER, READER, MEMBER)] == [True, False, True]
    assert [policy.allows(MEMBER, CREATE, {"project_id": each}) for each in ("p", "other", "p")] == [True, False, True]


def test_a_value_of_another_type_is_another_target(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f'"{CREATE}": "True:%(shared)s"\n')
    policy = Policy(file)

    assert [policy.allows(MEMBER, CREATE, {"shared": each}) for each in (1, True, [1], 1)] == [
        False,
        True,
        False,
        False,
    ]


def test_a_server_of_the_operator_is_asked_each_time(operator: _Operator, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f'"{CREATE}": "http://127.0.0.1:{operator.server_port}/allowed"\n')
    policy = Policy(file)
    before = policy.allows(MEMBER, CREATE, own_target(MEMBER))

    operator.answer = b"False"

    assert before and not policy.allows(MEMBER, CREATE, own_target(MEMBER))
