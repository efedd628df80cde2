from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from busway.domain.documents import Nic
from busway.networking.ruleset import Filter
from busway.testing.golden import Golden
from tests.networking.frames import Frame


@pytest.fixture
def golden() -> Golden:
    return Golden(Path(__file__).parent / "golden")


class SwitchProcess:
    """The switch of `tests.networking.switch`, in a namespace of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def load(self, filter_: Filter) -> str:
        """Loads a filter and answers what nft said; answers of a conversation need conntrack, which is the lab's."""
        lines = filter_.text.splitlines(keepends=True)
        return str(self._ask(nft="".join(line for line in lines if not line.startswith("ct "))))

    def reaches(self, frame: Frame, sender: Nic | str, receiver: Nic | str) -> bool:
        ends = [end if isinstance(end, str) else end.tap for end in (sender, receiver)]
        return bool(self._ask(**{"from": ends[0], "to": ends[1]}, frame=base64.b64encode(frame.pack()).decode()))

    def _ask(self, **request: str) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="module")
def switch() -> Iterator[SwitchProcess]:
    """Needs nftables, iproute2 and the right to make a network namespace."""
    if shutil.which("nft") is None or not may_unshare():
        pytest.skip("needs nftables and root (or user namespaces) for a network namespace of its own")
    command = [*unshare(), sys.executable, "-m", "tests.networking.switch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield SwitchProcess(process)
        assert process.stdin is not None
        process.stdin.close()


def unshare() -> list[str]:
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]


def may_unshare() -> bool:
    return subprocess.run([*unshare(), "true"], capture_output=True).returncode == 0
