"""A host that needs no hardware: the real agent on an invented machine with a fake kernel and hypervisor.

    python -m busway.testing.simulated_host --credential FILE --state DIR [--gpus 8 | --machine hgx_h200] [--slow
    0.01] [--crash-at POINT]

The machine and its guests live in the state folder, so they survive a kill -9 of this process as a real kernel and
real guests survive their agent. For tests with many hosts, and for those that end an agent at a chosen moment.
"""

from __future__ import annotations

import os
import shutil
import signal
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import click

from busway import __version__
from busway.agent.agent import Agent
from busway.agent.credential import read_credential
from busway.agent.link import HttpLink
from busway.agent.live.moves import LiveOptions
from busway.agent.log import log_to_stderr
from busway.agent.state import StateFolder
from busway.agent.timing import Timing
from busway.agent.tools import DiskMakers
from busway.bootstrap.findings import examine
from busway.domain.console import ConsoleKind
from busway.domain.disk_role import DiskRole
from busway.domain.ids import ServerId
from busway.hypervisor.guest import GuestOptions
from busway.testing.guest_sockets import GuestSockets
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine, gpu_host
from busway.testing.machines_server import a10_vfs, a5000_four, hgx_h200, mi300x_switches
from busway.testing.networks import FakeNetworks
from busway.testing.stage import live_folder, write_empty
from busway.tracing.otlp import make_tracer

MACHINES: Mapping[str, Callable[[Path], Machine]] = {
    machine.__name__: machine for machine in (a5000_four, a10_vfs, hgx_h200, mi300x_switches)
}


class _WithScreens(FakeHypervisor):
    """A hypervisor whose guests print more at their start, and whose sockets answer, from when somebody asks for them."""

    boots = "starts\nBooting from its disk\nStarted everything"

    def __init__(self, root: Path, on_verb: Callable[[str], None]) -> None:
        super().__init__(root, on_verb=on_verb)
        self._answering: dict[ServerId, GuestSockets] = {}

    def consoles(self, server_id: ServerId) -> Mapping[ConsoleKind, Path]:
        """Has them answer where they do not yet."""
        found = super().consoles(server_id)
        if found and server_id not in self._answering:
            self._answering[server_id] = GuestSockets(found)
        if not found and server_id in self._answering:
            self._answering.pop(server_id).close()
        return found


def simulated_agent(
    credential: Path,
    state: Path,
    *,
    gpus: int = 8,
    machine: str = "",
    slow: float = 0.0,
    interval: float = 1.0,
    crashpoint: Callable[[str], None] = lambda _point: None,
    traces: str = "",
) -> Agent:
    """Builds the machine under `state`/machine unless it is there, and the agent on it.

    `machine` is one of `MACHINES`, "" for one with `gpus` GPUs.
    `slow` seconds pass in each verb of kernel and hypervisor.
    """
    root = state / "machine"
    if not (root / "sys").exists():
        _build(root, machine, gpus)
    folder = StateFolder(state / "agent")
    folder.lock()
    issued = read_credential(credential)
    return Agent(
        issued.host,
        link=HttpLink(issued),
        url=issued.url,
        hypervisor=_WithScreens(root, lambda _verb: time.sleep(slow)),
        kernel=FakeKernel(root, lambda _verb, _address: time.sleep(slow)),
        state=folder,
        networks=FakeNetworks(),
        options=GuestOptions(bridges={"default": "br0"}),
        timing=Timing(interval=interval, conditions=interval, doctor=10 * interval),
        disks=DiskMakers(_paper_disk, _paper_flat, _paper_blank, write_empty),
        live=LiveOptions(folder=live_folder(state)),
        crashpoint=crashpoint,
        examine=examine,
        tracer=make_tracer(traces, "busway-agent", __version__, **{"host.name": issued.host}),
    )


def _build(root: Path, machine: str, gpus: int) -> None:
    if machine:
        MACHINES[machine](root)
    else:
        gpu_host(root, gpus)
    stat = root / "proc" / "stat"
    stat.parent.mkdir(exist_ok=True)
    stat.write_text(f"btime {int(time.time())}\n")


def crash_at(wanted: str) -> Callable[[str], None]:
    """Makes a crashpoint that ends the process, as kill -9 does, at one point such as "before:TakeDevice"."""

    def crashpoint(point: str) -> None:
        if point == wanted:
            os._exit(9)

    return crashpoint


def _paper_disk(image: Path, _format: str, disk: Path, size_gb: int) -> None:
    """A qcow2 header and the data that the disk was made from: enough to upload it, and to recognise its origin."""
    opening = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, size_gb << 30).ljust(104, b"\0")
    below = image.read_bytes()
    disk.write_bytes(opening + (below[104:] if below.startswith(b"QFI") else b"") + b"layer\n")


def _paper_blank(role: DiskRole, disk: Path, size_mb: int) -> None:
    opening = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, size_mb << 20).ljust(104, b"\0")
    disk.write_bytes(opening + f"{role} of {size_mb} MB\n".encode())


def _paper_flat(disk: Path, target: Path, _pulse: Callable[[], None]) -> None:
    shutil.copyfile(disk, target)


@click.command()
@click.option("--credential", type=click.Path(path_type=Path), required=True, help="The credential file of this host.")
@click.option("--state", type=click.Path(path_type=Path), required=True, help="Where the machine and its guests live.")
@click.option("--gpus", default=8, show_default=True, help="How many GPUs a new machine has.")
@click.option("--machine", type=click.Choice(["", *sorted(MACHINES)]), default="", help="One after a real machine.")
@click.option("--slow", default=0.0, show_default=True, help="Seconds that each verb takes.")
@click.option("--interval", default=1.0, show_default=True, help="The agent's interval in seconds.")
@click.option("--traces", default="", help="Where traces are sent.")
@click.option("--crash-at", "point", default="", help='Ends the process at a point such as "after:TakeDevice".')
def main(
    credential: Path, state: Path, gpus: int, machine: str, slow: float, interval: float, traces: str, point: str
) -> None:
    """Run a simulated host until SIGTERM."""
    log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    started = simulated_agent(
        credential,
        state,
        gpus=gpus,
        machine=machine,
        slow=slow,
        interval=interval,
        crashpoint=crash_at(point),
        traces=traces,
    )
    with closing(started) as agent:
        agent.run(stop)


if __name__ == "__main__":
    main()
