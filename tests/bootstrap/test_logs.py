"""Control plane and agents write their logs in one form."""

import json
from collections.abc import Callable, Iterator

import pytest
import structlog

from busway.agent.log import log_to_stderr
from busway.bootstrap.logs import set_up_logs


@pytest.fixture(params=[lambda: set_up_logs(), lambda: log_to_stderr()], ids=["control plane", "agent"])
def set_up(request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    before = structlog.get_config()
    yield request.param
    structlog.configure(**before)


def _write() -> None:
    structlog.get_logger("busway").info("a server runs", server="s1", host="a host", up=True)


def test_a_line_is_an_event_with_its_values(
    set_up: Callable[[], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BUSWAY_LOG_FORMAT", raising=False)
    set_up()

    _write()

    first, rest = capsys.readouterr().err.split(" ", 1)
    assert first.startswith("timestamp=2") and first.endswith("Z")
    assert rest == 'level=info event="a server runs" server=s1 host="a host" up=true\n'


def test_lines_are_json_where_that_is_asked_for(
    set_up: Callable[[], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUSWAY_LOG_FORMAT", "json")
    set_up()

    _write()

    found = json.loads(capsys.readouterr().err)
    assert found.pop("timestamp").endswith("Z")
    assert found == {"level": "info", "event": "a server runs", "server": "s1", "host": "a host", "up": True}
