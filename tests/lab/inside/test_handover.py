"""A GPU with memory goes from tenant A to tenant B on a real kernel, and B never reads what A wrote, whatever is killed when.

The lab's GPU keeps its memory through a reset, so that the scrub program has to clean it: the first test shows that.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from busway.agent.state import StateFolder
from busway.agent.steps import give_back_device, take_device
from busway.agent.tools import DiskMakers, Tools
from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.grant import Grant
from busway.domain.ids import ServerId, UnitName
from busway.domain.units import WholeFunction
from busway.hardware import Machine, SysfsKernel
from busway.hypervisor.guest import GuestOptions
from busway.reconciler.steps import GiveBackDevice, TakeDevice
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.link import FakeLink
from busway.testing.networks import FakeNetworks
from busway.testing.stage import copy_disk, copy_image, write_blank
from busway.wire.handover import decode_handover
from tests.lab.inside.tenant import finds, write_everywhere

A, B = ServerId("aaaaaaaa-0000-4000-8000-000000000001"), ServerId("bbbbbbbb-0000-4000-8000-000000000002")
PATTERN = b"the secrets of tenant A"
CLEAN = Path(__file__).with_name("clean_memory")
IDS = "1234:1111"


class _Watched(SysfsKernel):
    """The real kernel, which tells of each verb before it and after it."""

    def __init__(self, tick: Callable[[str], None]) -> None:
        super().__init__()
        self._tick = tick

    def override(self, address: PciAddress, driver: str) -> None:
        super().override(address, driver)
        self._tick("override")

    def unbind(self, address: PciAddress) -> None:
        super().unbind(address)
        self._tick("unbind")

    def probe(self, address: PciAddress) -> None:
        super().probe(address)
        self._tick("probe")

    def reset(self, address: PciAddress) -> bool:
        done = super().reset(address)
        self._tick("reset")
        return done


@pytest.fixture
def tools(tmp_path: Path, gpu: PciAddress) -> Iterator[Tools]:
    """The tools of an agent of this host whose operator has a program for the GPU; it goes back whatever a test did."""
    program = tmp_path / "clean"
    program.write_text(CLEAN.read_text().replace("$BUSWAY_PYTHON", sys.executable))
    program.chmod(0o755)
    made = Tools(
        link=FakeLink(),
        hypervisor=FakeHypervisor(tmp_path),
        kernel=SysfsKernel(),
        state=StateFolder(tmp_path / "state"),
        options=GuestOptions(),
        networks=FakeNetworks(),
        disks=DiskMakers(copy_image, copy_disk, write_blank),
        monotonic=lambda: 0.0,
        scrubs={IDS: program},
    )
    yield made
    for server in (A, B):
        give_back(made, server, gpu)


def take(tools: Tools, server: ServerId, gpu: PciAddress) -> None:
    vendor, product = IDS.split(":")
    unit = WholeFunction(gpu, vendor, product)
    take_device.execute(TakeDevice(server, "for a test", Grant(unit), (unit,)), tools)


def give_back(tools: Tools, server: ServerId, gpu: PciAddress) -> None:
    record = tools.state.held.find(UnitName(str(gpu)))
    if record is not None and record.held.server_id == server:
        give_back_device.execute(GiveBackDevice(server, "for a test", record.held), tools)


def killed_at(moment: int, tools: Tools, gpu: PciAddress) -> str:
    """Gives A's device back in a process that gets a SIGKILL at the n-th moment; "" when it outlived them all."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        count = itertools.count()

        def tick(what: str) -> None:
            if next(count) == moment:
                os.write(writing, what.encode())
                os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            give_back(replace(tools, kernel=_Watched(tick), crashpoint=tick), A, gpu)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code == (-signal.SIGKILL if told else 0)
    return told


def test_the_gpus_memory_outlives_a_reset_so_that_only_the_program_cleans_it(tools: Tools, gpu: PciAddress) -> None:
    hoping = replace(tools, scrubs={})
    take(hoping, A, gpu)
    write_everywhere(gpu, PATTERN)
    give_back(hoping, A, gpu)
    take(hoping, B, gpu)
    leaked = finds(gpu, PATTERN)
    give_back(tools, B, gpu)
    take(tools, B, gpu)
    cleaned = not finds(gpu, PATTERN)
    give_back(tools, B, gpu)

    assert (leaked, cleaned) == (True, True)


def test_tenant_b_never_reads_what_tenant_a_wrote_whenever_the_agent_is_killed(tools: Tools, gpu: PciAddress) -> None:
    moments: list[str] = []
    for moment in range(40):
        take(tools, A, gpu)
        write_everywhere(gpu, PATTERN)
        where = killed_at(moment, tools, gpu)
        if tools.state.held.find(UnitName(str(gpu))) is not None:  # then nobody else is given it
            with pytest.raises(HostError, match="still held"):
                take(tools, B, gpu)
        give_back(tools, A, gpu)  # the next agent
        record = decode_handover(tools.state.handovers.list()[0].text)
        tools.state.handovers.forget(tools.state.handovers.list())
        take(tools, B, gpu)
        leaked = finds(gpu, PATTERN)
        give_back(replace(tools, scrubs={}), B, gpu)  # B has written nothing
        tools.state.handovers.forget(tools.state.handovers.list())

        assert not leaked, where
        assert (record.server_id, record.reset, record.before) == (A, True, record.after), where
        assert record.scrub is not None, where
        if not where:
            break
        moments.append(where)

    assert {"unbind", "reset", "handover:after-reset", "handover:after-scrub", "handover:after-record"} <= set(moments)
    assert Machine.read().functions[gpu].driver == "bochs-drm"
