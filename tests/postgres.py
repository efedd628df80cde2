"""A private PostgreSQL server for tests, on a Unix socket, run by another user when root runs the tests."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.postgres import find_bin

_NOBODY = 65534


@contextlib.contextmanager
def private_server(*, durable: bool = False) -> Iterator[Path]:
    """Starts a server and gives the folder of its socket; user busway, no password; `durable` waits for the disk."""
    programs = find_bin()
    assert programs is not None, "PostgreSQL 15 programs are needed: run `make setup`"
    # Not below pytest's own folder: that one is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="busway-pg-"))
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
    data = folder / "data"
    options = f"-k {folder} -c listen_addresses= -c fsync={'on' if durable else 'off'} -c max_connections=300"
    try:
        run(programs / "initdb", "-D", data, "-U", "busway", "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync")
        run(programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "-t", 60, "start")
        try:
            yield folder
        finally:
            run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def run(*command: object) -> None:
    """Runs one of PostgreSQL's programs to its end; its words are in the assertion when it fails."""
    user: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    words = [str(word) for word in command]
    # Output goes to a file: the server inherits it, and a pipe would stay open as long as the server.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(words, cwd="/", stdout=output, stderr=output, timeout=90, check=False, **user)
        output.seek(0)
        assert done.returncode == 0, output.read().decode()
