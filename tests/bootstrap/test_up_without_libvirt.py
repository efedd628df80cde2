"""`busway up` on a machine whose libvirt does not answer: the API works, and the agent starts later."""

import threading
from pathlib import Path

import pytest

from busway.bootstrap.up import await_libvirt
from busway.testing.hypervisor import FakeHypervisor


class Stop(threading.Event):
    """A stop that does not wait: after some pauses something happens."""

    def __init__(self, hypervisor: FakeHypervisor, *, after: int, end: bool) -> None:
        super().__init__()
        self._hypervisor, self._left, self._end = hypervisor, after, end

    def wait(self, timeout: float | None = None) -> bool:
        self._left -= 1
        if not self._left and self._end:
            self.set()
        elif not self._left:
            self._hypervisor.away = False
        return self.is_set()


@pytest.mark.parametrize("end", [False, True])
def test_what_is_missing_is_told_once_and_the_agent_starts_when_it_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, end: bool
) -> None:
    hypervisor = FakeHypervisor(tmp_path)
    hypervisor.away = True

    is_there = await_libvirt(hypervisor, "http://127.0.0.1:8774", Stop(hypervisor, after=3, end=end))

    told = capsys.readouterr().out
    assert is_there is not end
    assert told.count("libvirt can't be reached") == 1
    assert "busway doctor" in told and "http://127.0.0.1:8774" in told


def test_nothing_is_told_where_libvirt_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hypervisor = FakeHypervisor(tmp_path)

    assert await_libvirt(hypervisor, "http://127.0.0.1:8774", threading.Event())
    assert capsys.readouterr().out == ""
