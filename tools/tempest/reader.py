"""Reads Tempest's subunit stream from standard input and prints one line of JSON per test; runs in .venv-tempest.

No part of the package: Tempest's environment has no Busway, and Busway's has no subunit.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from subunit.v2 import ByteStreamToStreamResult  # type: ignore[import-not-found]
from testtools import StreamResult  # type: ignore[import-not-found]

_FINAL = {
    "success": "passed",
    "xfail": "passed",
    "fail": "failed",
    "uxsuccess": "failed",
    "skip": "skipped",
}
_KEPT = ("traceback", "reason", "pythonlogging:''")


class _Lines(StreamResult):  # type: ignore[misc]
    """Keeps what tests attach until they end."""

    def __init__(self) -> None:
        super().__init__()
        self._attached: dict[str, dict[str, bytearray]] = {}
        self._began: dict[str, Any] = {}

    def status(
        self,
        test_id: str | None = None,
        test_status: str | None = None,
        file_name: str | None = None,
        file_bytes: bytes | None = None,
        timestamp: Any = None,
        **_rest: Any,
    ) -> None:
        """One packet of the stream."""
        if test_id is None:
            return
        if file_name is not None and file_bytes is not None:
            kept = self._attached.setdefault(test_id, {}).setdefault(file_name, bytearray())
            kept.extend(bytes(file_bytes))
        if test_status == "inprogress":
            self._began[test_id] = timestamp
        if test_status in _FINAL:
            self._print(test_id, _FINAL[test_status], timestamp)

    def _print(self, test_id: str, status: str, timestamp: Any) -> None:
        attached = self._attached.pop(test_id, {})
        began = self._began.pop(test_id, timestamp)
        line: dict[str, Any] = {"id": test_id, "status": status}
        line["seconds"] = (timestamp - began).total_seconds() if timestamp and began else 0.0
        if status in {"failed", "skipped"}:
            line |= {
                name.split(":")[0]: bytes(data).decode("utf-8", "replace")
                for name, data in attached.items()
                if name in _KEPT or name.startswith("traceback")
            }
        print(json.dumps(line), flush=True)


def main() -> None:
    """Read until the stream ends; what is no packet is the runner's own words."""
    result = _Lines()
    result.startTestRun()
    ByteStreamToStreamResult(sys.stdin.buffer, non_subunit_name="stdout").run(result)
    result.stopTestRun()


if __name__ == "__main__":
    main()
