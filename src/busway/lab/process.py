"""One long-running process, known by its pid and start time, so that a recycled pid is never mistaken for it.

The record is written by the process itself before it becomes the program (`exec` keeps pid and start time): whoever
starts it may be killed at any moment, and the program never runs unrecorded.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path

_RECORD_SECONDS = 10.0
_RECORD_THEN_EXEC = """
[ -e "$1" ] || exit 1
echo $$ $(cut -d ' ' -f 22 /proc/$$/stat) > process.new && mv process.new process && shift && exec "$@"
"""


class Process:
    """The program recorded in `folder`; `folder` is its working directory and holds its output in `output.log`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def pid(self) -> int | None:
        """The pid of the program while it runs, else None; a zombie does not run."""
        try:
            pid, begun = (self.folder / "process").read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid) if _start_time(int(pid)) == begun else None

    def start(self, argv: list[str], unless_gone: Path) -> None:
        """Start the program in a session of its own; it does not start once the file `unless_gone` is gone."""
        (self.folder / "process").unlink(missing_ok=True)
        script = ["/bin/sh", "-c", _RECORD_THEN_EXEC, "record", str(unless_gone), *argv]
        detach = ["/bin/sh", "-c", 'setsid "$@" &', "detach", *script]
        with (self.folder / "output.log").open("ab") as out:
            subprocess.run(detach, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=True)
        deadline = time.monotonic() + _RECORD_SECONDS
        while not (self.folder / "process").exists() and unless_gone.exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def kill(self, timeout: float = 10.0) -> None:
        """End the program at once and wait until it is gone."""
        pid = self.pid
        if pid is None:
            return
        fd = _open(pid)
        if fd is None:
            return
        try:
            if self.pid == pid:  # still the same process now that the descriptor holds it
                signal.pidfd_send_signal(fd, signal.SIGKILL)
            # Readable once every thread is gone, and with them the program's locks and sockets.
            select.select([fd], [], [], timeout)
        except ProcessLookupError:
            return
        finally:
            os.close(fd)


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _start_time(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
