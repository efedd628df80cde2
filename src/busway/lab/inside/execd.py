"""The lab host's ear: runs commands, reads and writes files for the outer machine, one TCP connection per request.

A connection: this side says `busway-lab`, the other sends one JSON line (with the secret) and the bytes it announces,
this side answers with frames of one letter, a four-byte length and that many bytes: `o` and `e` for output, then one
`x` with a JSON result. When the other side goes away, the command it asked for is killed with its whole session.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

SHARE = Path("/mnt/lab")
BEAT_SECONDS = 2.0
DRAIN_SECONDS = 1.0
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}


class Asked:
    """One request: what was asked for, the bytes that came with it, and the way to answer."""

    def __init__(self, facts: dict[str, Any], body: bytes, connection: socket.socket) -> None:
        self.facts = facts
        self.body = body
        self.connection = connection

    def frame(self, kind: str, data: bytes) -> None:
        """Send one frame."""
        self.connection.sendall(kind.encode() + struct.pack(">I", len(data)) + data)

    def result(self, **facts: object) -> None:
        """Send the frame that ends the answer."""
        self.frame("x", json.dumps(facts).encode())

    def start(self, **streams: Any) -> subprocess.Popen[bytes]:
        """Start the command that was asked for, in a session of its own."""
        env = ENVIRONMENT | self.facts["env"]
        return subprocess.Popen(self.facts["argv"], env=env, cwd=self.facts["cwd"], start_new_session=True, **streams)


def ping(asked: Asked) -> None:
    """Answer."""
    asked.result()


def read(asked: Asked) -> None:
    """Send a file."""
    asked.frame("o", Path(asked.facts["path"]).read_bytes())
    asked.result()


def write(asked: Asked) -> None:
    """Write a file whole; a file of the kernel's own is written in place, for it can't be replaced."""
    path = Path(asked.facts["path"])
    if str(path).startswith(("/proc/", "/sys/", "/dev/")):
        path.write_bytes(asked.body)
        return asked.result()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{threading.get_ident()}")
    new.write_bytes(asked.body)
    new.chmod(asked.facts["mode"])
    new.replace(path)
    return asked.result()


def spawn(asked: Asked) -> None:
    """Start a command that outlives the connection."""
    log = Path(asked.facts["log"])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = asked.start(stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    begun = start_time(process.pid)
    threading.Thread(target=process.wait, daemon=True).start()
    asked.result(pid=process.pid, started=begun)


def kill(asked: Asked) -> None:
    """Signal a process, unless its number now belongs to another."""
    pid = asked.facts["pid"]
    same = start_time(pid) == asked.facts["started"]
    if same:
        os.kill(pid, asked.facts["signal"])
    asked.result(alive=same)


def execute(asked: Asked) -> None:
    """Run a command and send its output as it comes."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = asked.start(**pipes)
    assert process.stdin and process.stdout and process.stderr
    threading.Thread(target=feed, args=(process.stdin, asked.body), daemon=True).start()
    with process.stdout, process.stderr:
        try:
            heard = pump(asked, process)
        except ConnectionError:
            heard = False
    if heard:
        return asked.result(returncode=process.wait())
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return None


def feed(pipe: IO[bytes], body: bytes) -> None:
    """Give a command its input and close it; it is not an error if the command reads none."""
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(body)


def pump(asked: Asked, process: subprocess.Popen[bytes]) -> bool:
    """Send output until the command ends; False when the other side went away first.

    A command that leaves a child with its output open has still ended: the output so far is sent, and no more.
    """
    kinds = {process.stdout: "o", process.stderr: "e"}
    pidfd = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as ready:
            for source in (asked.connection, pidfd, *kinds):
                ready.register(source, selectors.EVENT_READ)  # type: ignore[arg-type]
            return drain(asked, ready, kinds, pidfd)
    finally:
        os.close(pidfd)


def drain(asked: Asked, ready: selectors.BaseSelector, kinds: dict[Any, str], pidfd: int) -> bool:
    """Send what `ready` has; see `pump`."""
    ended: float | None = None
    while True:
        events = ready.select(None if ended is None else 0)
        if ended is not None and (not events or time.monotonic() > ended + DRAIN_SECONDS):
            return True
        for key, _ in events:
            if key.fileobj is asked.connection:
                return False
            if key.fileobj == pidfd:
                ended = time.monotonic()
                ready.unregister(pidfd)
            elif data := os.read(key.fd, 65536):
                asked.frame(kinds[key.fileobj], data)
            else:
                ready.unregister(key.fileobj)


def start_time(pid: int) -> str:
    """When a process started, in ticks since boot: with the pid, its identity; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return ""


VERBS: dict[str, Callable[[Asked], None]] = {
    "ping": ping, "read": read, "write": write, "spawn": spawn, "kill": kill, "exec": execute,
}  # fmt: skip


class Connection(socketserver.StreamRequestHandler):
    """One connection: one request."""

    def handle(self) -> None:
        """Say who we are, hear the request, answer it."""
        self.wfile.write(b"busway-lab\n")
        line = self.rfile.readline()
        if line:
            facts = json.loads(line)
            self._answer(Asked(facts, self.rfile.read(facts["size"]), self.connection))

    def _answer(self, asked: Asked) -> None:
        if asked.facts["secret"] != (SHARE / "secret").read_text():
            return asked.result(error="wrong secret")
        try:
            return VERBS[asked.facts["verb"]](asked)
        except ConnectionError:
            raise
        except OSError as error:
            return asked.result(error=str(error))


class Server(socketserver.ThreadingTCPServer):
    """Listens on the card that only the outer machine reaches."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Say on the console what went wrong, unless the other side only went away."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            sys.stdout.write(f"execd: {type(error).__name__}: {error}\n")
            sys.stdout.flush()


def beat() -> None:
    """Write the uptime into the shared folder for ever, so that the outer machine sees progress."""
    while True:
        with contextlib.suppress(OSError):
            (SHARE / "heartbeat").write_text(Path("/proc/uptime").read_text().split()[0])
        time.sleep(BEAT_SECONDS)


def main() -> None:
    """Listen where the command line says."""
    threading.Thread(target=beat, daemon=True).start()
    with Server((sys.argv[1], int(sys.argv[2])), Connection) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
