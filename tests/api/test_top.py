"""`busway top` in a terminal of its own, and lists that fit a terminal and never wrap in a pipe."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from busway.cli.main import main
from busway.cli.top_frame import frame
from busway.cli.top_look import Look
from busway.control.identity.directory import clouds_yaml
from busway.control.placement.place import place_round
from tests.api.serving import PASSWORD, ApiServer
from tests.project.checkout import ROOT
from tests.sample import one_in

_SECONDS = 60.0


@dataclass
class Terminal:
    """A program in a terminal of 80 columns and 24 lines."""

    process: subprocess.Popen[bytes]
    handle: int
    told: str = ""

    def read(self, seconds: float) -> bool:
        """Takes in what comes within a time; False when the program has ended."""
        if not select.select([self.handle], [], [], seconds)[0]:
            return True
        data = b""
        with suppress(OSError):  # the other end is closed
            data = os.read(self.handle, 65536)
        self.told += data.decode("utf-8", errors="replace")
        return bool(data)

    @property
    def plain(self) -> str:
        """What was printed, without colours and other commands to the terminal."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.told)

    def until(self, pattern: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while not re.search(pattern, self.plain):
            assert time.monotonic() < deadline and self.read(0.2), self.plain[-3000:]

    def end(self) -> int:
        deadline = time.monotonic() + _SECONDS
        while self.read(0.2) and time.monotonic() < deadline:
            pass
        return self.process.wait(_SECONDS)


@contextmanager
def terminal(server: ApiServer, folder: Path, *arguments: str) -> Iterator[Terminal]:
    clouds = folder / "clouds.yaml"
    clouds.write_text(clouds_yaml(server.url, PASSWORD))
    handle, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environment.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-m", "busway", *arguments, "--clouds", str(clouds)],
        env=environment,
        stdin=inside,
        stdout=inside,
        stderr=inside,
    )
    os.close(inside)
    try:
        yield Terminal(process, handle)
    finally:
        process.kill()
        process.wait()
        os.close(handle)


def boot(server: ApiServer, name: str) -> None:
    client, image = server.client(), server.image()
    specs = {"extra_specs": {"pci_passthrough:alias": "a1:1"}}
    client.post("/compute/v2.1/flavors/2/os-extra_specs", json=specs).raise_for_status()
    body = {"server": {"name": name, "flavorRef": "2", "imageRef": image}}
    client.post("/compute/v2.1/servers", json=body).raise_for_status()


@pytest.mark.thorough
def test_top_is_live_and_ends_with_q(api_server: ApiServer, tmp_path: Path) -> None:
    host = api_server.host("gpu-01", 3)
    with terminal(api_server, tmp_path, "top", "--interval", "0.5") as screen:
        screen.until(r"hosts \d/1 up")
        host.report()  # its lease may have ended meanwhile
        screen.until(r"gpu-01[\s\S]*\.\.\.")
        boot(api_server, "trainer")
        screen.until(r"trainer[\s\S]*BUILD \(scheduling\)")
        place_round(api_server.control)
        screen.until(r"c\S*\.\.")
        os.write(screen.handle, b"q")

        assert screen.end() == 0
    assert "\x1b[?1049l" in screen.told  # the screen of before is back


def test_top_in_a_pipe_is_one_look(api_server: ApiServer, tmp_path: Path) -> None:
    api_server.host("gpu-01", 2)
    boot(api_server, "[red]x")
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(clouds_yaml(api_server.url, PASSWORD))

    done = CliRunner().invoke(main, ["top", "--clouds", str(clouds)])

    assert done.exit_code == 0, done.output
    assert "hosts 1/1 up   devices 2: 2 available   servers 1" in done.output
    assert "[red]x" in done.output and "\x1b" not in done.output


def _host(name: str, up: bool = True) -> dict[str, object]:
    return {"name": name, "up": up, "enabled": True, "servers": 0}


def test_a_small_screen_has_what_is_in_trouble_first_and_counts_the_rest() -> None:
    hosts = [_host(f"h{number:03}", up=number != 77) for number in range(100)]
    device = {"host": "h050", "vendor_id": "10de", "product_id": "2330", "address": "a", "status": "quarantined"}
    events = [{"at": "2026-01-01T12:00:00", "subject": "server", "new": "\x1b]0;x\x07", "reason": "r" * 500}] * 30
    console = Console(width=80, height=24, force_terminal=True, markup=False, color_system=None)

    with console.capture() as taken:
        console.print(frame(Look(hosts, [device], [], events), 80, 24))

    lines = taken.get().splitlines()
    names = re.findall(r"h\d{3}", taken.get())
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert names[:2] == ["h050", "h077"] and "more" in taken.get()
    assert "\x1b" not in taken.get() and "\x07" not in taken.get()


LISTS: list[tuple[str, ...]] = [
    ("host", "list"),
    ("device", "list"),
    ("event", "list"),
    ("audit", "list"),
    ("server", "list"),
]
LISTS += [("alias", "list"), ("device-spec", "list"), ("usage",)]


@pytest.mark.parametrize("words", one_in(4, ((words,) for words in LISTS)), ids=" ".join)
def test_lists_fit_a_terminal_and_never_wrap_in_a_pipe(
    api_server: ApiServer, tmp_path: Path, words: tuple[str, ...]
) -> None:
    api_server.host("a-host-with-quite-a-long-name.example.com", 2)
    boot(api_server, "a-server-with-a-name-that-is-as-long-as-names-of-servers-in-real-clouds-are")
    place_round(api_server.control)
    api_server.clock.ahead += api_server.clock.ahead.resolution * 5_000_000

    with terminal(api_server, tmp_path, *words) as screen:
        assert screen.end() == 0, screen.told
    piped = CliRunner().invoke(main, [*words, "--clouds", str(tmp_path / "clouds.yaml")])
    rows = CliRunner().invoke(main, [*words, "--json", "--clouds", str(tmp_path / "clouds.yaml")])

    assert max(map(len, screen.plain.splitlines())) <= 80
    assert "a-host-with-quite-a-long-name.example.com" in piped.output or words[0] not in ("host", "device")
    found = json.loads(rows.output)
    count = len(found if isinstance(found, list) else next(each for each in found.values() if isinstance(each, list)))
    lines = [line for line in piped.output.splitlines() if line.strip()]
    count -= words[0] == "audit"  # the log-in of the second time is a record too
    # Some rows have several lines of their own: two addresses of a server, or a warning behind the list.
    assert len(lines) == count + 1 > 1 or (words[0] in ("server", "alias", "device-spec") and len(lines) > count + 1)


def _commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*words, name))
        else:
            yield (*words, name), command


def test_every_list_has_json_columns_and_sort() -> None:
    """A command is a list by its name or by the first word of its help; the lab's few hosts are told in one form."""
    lists = {
        words: {option for parameter in command.params for option in parameter.opts}
        for words, command in _commands(main)
        if words[0] != "lab" and (words[-1] == "list" or (command.help or "").startswith("List "))
    }

    assert {("host", "list"), ("device", "handovers"), ("image", "list")} <= lists.keys()
    assert {words for words in lists if not {"--json", "--columns", "--sort"} <= lists[words]} == set()


def test_columns_are_chosen_and_rows_sorted(api_server: ApiServer, tmp_path: Path) -> None:
    for name in ("gpu-10", "gpu-9"):
        api_server.host(name, 1)
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(clouds_yaml(api_server.url, PASSWORD))

    def run(*arguments: str) -> str:
        return CliRunner().invoke(main, [*arguments, "--clouds", str(clouds)]).output

    shown = run("host", "list", "--columns", "state,Host", "--sort", "host")
    chosen = json.loads(run("device", "list", "--columns", "host,status", "--sort", "-host", "--json"))
    assert [line.split() for line in shown.splitlines()] == [  # in a pipe there are no lines for people
        ["STATE", "HOST"],
        ["up", "gpu-9"],
        ["up", "gpu-10"],
    ]
    assert chosen == [{"host": "gpu-10", "status": "available"}, {"host": "gpu-9", "status": "available"}]
    assert "One of: host, state" in run("host", "list", "--sort", "moon")
