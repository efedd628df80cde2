"""A kernel that reacts: the honest fake of `KernelVerbs` on a tree of `busway.testing.machines`.

It moves driver links as the real one does, keeps everything in the tree (so it survives the process), and can be told
to refuse, to hang (which the real side reports after its deadline), or to lose a device.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.kernel import VFIO, Holder, find_holders
from busway.testing.machines import attach, detach


class FakeKernel:
    """Acts on the machine under `root`; `on_verb` is called with the verb and the address before each act."""

    def __init__(self, root: Path, on_verb: Callable[[str, str], None] = lambda _verb, _address: None) -> None:
        self.root = root
        self._on_verb = on_verb
        self._refusals: dict[tuple[str, str], tuple[HostError, int]] = {}

    def refuse(self, verb: str, address: PciAddress, words: str, *, times: int = 1_000_000) -> None:
        """Makes a verb on a device fail with these words, `times` times."""
        error = HostError(f"The kernel refused to {verb} {address}", detail=words, code="kernel-refused")
        self._refusals[verb, str(address)] = error, times

    def hang(self, verb: str, address: PciAddress, *, times: int = 1_000_000) -> None:
        """Makes a verb on a device end as a blocked write does: with an error after the deadline."""
        error = HostError(f"The kernel did not finish to {verb} {address}", code="kernel-blocked")
        self._refusals[verb, str(address)] = error, times

    def lose(self, address: PciAddress) -> None:
        """Takes a device out of the machine, as a card that fell off its bus."""
        folder = self._folder(address)
        group = (folder / "iommu_group").resolve()
        (group / "devices" / str(address)).unlink(missing_ok=True)
        detach(self.root, str(address))
        shutil.rmtree(folder.resolve())
        folder.unlink()

    def reboot(self) -> None:
        """Does to the devices what a reboot of the host does: overrides are gone, host drivers have their devices."""
        for folder in sorted((self.root / "sys/bus/pci/devices").iterdir()):
            (folder / "driver_override").write_text("(null)\n")
            detach(self.root, folder.name)
            self._attach(folder, self._native(folder))

    def load_vfio(self) -> None:
        """Makes the driver's folder."""
        self._before("load_vfio", "")
        (self.root / "sys/bus/pci/drivers" / VFIO).mkdir(parents=True, exist_ok=True)

    def override(self, address: PciAddress, driver: str) -> None:
        """Writes driver_override as the kernel would show it."""
        self._before("override", str(address))
        (self._folder(address) / "driver_override").write_text(f"{driver or '(null)'}\n")

    def unbind(self, address: PciAddress) -> None:
        """Removes the driver link."""
        self._before("unbind", str(address))
        self._folder(address)
        detach(self.root, str(address))

    def probe(self, address: PciAddress) -> None:
        """Attaches the driver that the override names, else the one that wants the device."""
        self._before("probe", str(address))
        folder = self._folder(address)
        if (folder / "driver").is_symlink():
            return
        override = (folder / "driver_override").read_text().strip()
        self._attach(folder, self._native(folder) if override == "(null)" else override)

    def reset(self, address: PciAddress) -> bool:
        """Succeeds for a device with a `reset` file."""
        self._before("reset", str(address))
        return (self._folder(address) / "reset").exists()

    def holders(self, group: int) -> tuple[Holder, ...]:
        """Looks through the tree's own /proc, as the real side does."""
        return find_holders(self.root, group)

    def _before(self, verb: str, address: str) -> None:
        self._on_verb(verb, address)
        error, times = self._refusals.get((verb, address), (None, 0))
        if error is not None and times > 0:
            self._refusals[verb, address] = error, times - 1
            raise error

    def _folder(self, address: PciAddress) -> Path:
        folder = self.root / "sys/bus/pci/devices" / str(address)
        if not folder.exists():
            raise HostError(f"There is no {address}", detail="No such file or directory", code="kernel-refused")
        return folder

    def _native(self, folder: Path) -> str:
        path = self.root / "fake/native" / folder.name
        return path.read_text().strip() if path.exists() else ""

    def _attach(self, folder: Path, driver: str) -> None:
        if driver and (self.root / "sys/bus/pci/drivers" / driver).is_dir():
            attach(self.root, folder.name, driver)
