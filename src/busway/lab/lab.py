"""The lab: lab hosts brought up, found again and taken down, by one state folder."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from busway.lab import accel, clock, host, initramfs, kernel, package
from busway.lab.cache import Cache, default_cache
from busway.lab.errors import LabBusy, LabDied, LabDown, LabRefused
from busway.lab.host import LabHost
from busway.lab.machine import Machine
from busway.lab.process import Process
from busway.lab.report import Report

_DOWN_SECONDS = 60.0


class Lab:
    """The lab hosts of one state folder; built files are kept in the cache, which `down` leaves alone."""

    def __init__(self, state: Path, cache: Path | None = None) -> None:
        self.state = state.resolve()
        self.cache = Cache(cache or default_cache())

    def prepare(self, report: Report | None = None) -> None:
        """Check what must be installed and make what boots: the kernel and the initramfs. Nothing is started."""
        report = report or Report()
        package.check_installed()
        with report.step("Prepare the lab host's kernel"):
            linux = kernel.generic(self.cache)
            initramfs.build(self.cache, linux)

    def up(
        self,
        gpus: int = 4,
        hosts: int = 1,
        *,
        iommu: bool = True,
        kernel_arguments: str = "intel_iommu=on",
        memory_mib: int = 4096,
        nic: bool = False,
        linked: bool = False,
        report: Report | None = None,
    ) -> list[LabHost]:
        """Answer the lab's hosts, ready; those that run stay as they are, those that don't are started.

        Without `iommu` they have none; with it, the words `intel_iommu=off` make hosts that do not use theirs. With `nic`
        each has a network card that can be given to a guest. `linked` wires the cards `eth2` of two hosts to each other.
        """
        if linked and hosts != 2:
            raise LabRefused(f"Only two lab hosts can be linked, and {hosts} were asked for")
        report = report or Report()
        shape: dict[str, int | bool | str] = {"gpus": gpus, "hosts": hosts, "iommu": iommu, "memory_mib": memory_mib}
        shape["kernel_arguments"] = kernel_arguments
        shape |= {"nic": True} if nic else {}
        shape |= {"linked": True} if linked else {}
        generation = self._claim(shape)
        self.prepare(report)
        accelerator = accel.choose(self.cache, report)
        with self._turn():
            self._still(generation)
            machines = [
                replace(
                    self._machine(index, gpus, iommu, memory_mib, accelerator),
                    kernel_arguments=kernel_arguments,
                    nic=nic,
                    peer=3 - index if linked else 0,
                )
                for index in range(1, hosts + 1)
            ]
            made = [host.create(self.state / machine.name, machine) for machine in machines]
            for one in made:
                one.start()
            for one in made:
                with report.step(f"Boot {one.name} ({accelerator}, {gpus} GPUs)"):
                    one.wait_ready()
            return made

    def hosts(self) -> list[LabHost]:
        """List the lab's hosts, running or not; none when no lab is up."""
        return [LabHost(path.parent) for path in sorted(self.state.glob("gpu-host-*/machine.json"))]

    def host(self, name: str = "") -> LabHost:
        """Answer the host of that name, or the first."""
        known = self.hosts()
        for one in known:
            if name in ("", one.name):
                return one
        names = ", ".join(one.name for one in known) or "none"
        raise LabDown(
            f"No lab host {name or 'is up'} in {self.state}", detail=f"Hosts: {names}", remedy="busway lab up"
        )

    def down(self) -> None:
        """End every machine and remove all files but the cache; an `up` that is under way ends with an error."""
        if not self.state.is_dir():
            return
        (self.state / "lab.json").unlink(missing_ok=True)  # from here on an `up` starts nothing more
        deadline = time.monotonic() + _DOWN_SECONDS
        while True:
            self._kill_all()
            with self._turn(wait=False) as acquired:
                if acquired or time.monotonic() > deadline:
                    self._kill_all()
                    self._remove()
                    return
            time.sleep(0.1)

    def _claim(self, shape: dict[str, int | bool | str]) -> str:
        """Write down the lab that is wanted; answer its generation, which `down` ends."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.state / "lab.json"
        record = json.loads(path.read_text()) if path.exists() else {}
        if record and record["shape"] == shape:
            return str(record["generation"])
        if record and self.hosts():
            raise LabBusy(
                f"A lab of another shape is up in {self.state}",
                detail=f"Up: {record['shape']}; asked for: {shape}",
                remedy="Run busway lab down, then try again",
            )
        generation = secrets.token_hex(8)
        new = path.with_name(f".lab.json.{os.getpid()}")
        new.write_text(json.dumps({"shape": shape, "generation": generation}))
        new.replace(path)
        return generation

    def _still(self, generation: str) -> None:
        try:
            same = json.loads((self.state / "lab.json").read_text())["generation"] == generation
        except FileNotFoundError:
            same = False
        if not same:
            raise LabDied("The lab was taken down while it came up")

    def _machine(self, index: int, gpus: int, iommu: bool, memory_mib: int, accelerator: str) -> Machine:
        linux = kernel.generic(self.cache)
        image = initramfs.build(self.cache, linux)
        made = Machine(index, gpus, iommu, accelerator, memory_mib, str(linux.image), str(image), str(linux.modules))
        return replace(made, tsc_khz=clock.tsc_khz()) if accelerator == "tcg" else made

    @contextmanager
    def _turn(self, *, wait: bool = True) -> Iterator[bool]:
        """Hold the right to start machines in this state folder; the kernel takes it from whoever dies."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.state / "turn").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def _kill_all(self) -> None:
        for folder in self.state.glob("gpu-host-*"):
            (folder / "machine.json").unlink(missing_ok=True)  # a start under way finds it gone and gives up
            Process(folder).kill()

    def _remove(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)
        if self.state.parent.name == ".busway" and not any(self.state.parent.iterdir()):
            self.state.parent.rmdir()
