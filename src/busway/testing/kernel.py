"""A kernel that reacts: the honest fake of `DeviceVerbs` on a tree of `busway.testing.machines`.

It moves driver links, makes VFs and mediated devices and chooses reset methods as the real one does, keeps everything
in the tree (so it survives the process), and can be made to refuse, to ignore, to block, or to lose a device.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.mediated import MdevParent, mdev_folder
from busway.testing.kernel_devices import create_mdev, drop_mdevs, forget_made, remove_mdev, set_vfs
from busway.testing.kernel_vgpu import drop_vgpu, forget_vgpus, write_vgpu
from busway.testing.machines import Machine, attach, detach

Device = PciAddress | MdevParent


class FakeKernel:
    """Acts on the machine under `root`; `on_verb` is called with the verb and the device before each act.

    A `set` is identified by its attribute: `refuse("set sriov_numvfs", pf, "...")`.
    """

    def __init__(self, root: Path, on_verb: Callable[[str, str], None] = lambda _verb, _device: None) -> None:
        self.root = root
        self._on_verb = on_verb
        self._refusals: dict[tuple[str, str], tuple[HostError, int]] = {}
        self._hangs: dict[tuple[str, str], int] = {}
        self._blocked: dict[str, list[Callable[[], object]]] = {}
        self._ignored: dict[tuple[str, str], int] = {}
        self._methods: dict[str, str] = {}

    def watch(self, on_verb: Callable[[str, str], None]) -> None:
        """Has this called before each act from now on."""
        self._on_verb = on_verb

    def refuse(self, verb: str, device: Device, words: str, *, times: int = 1_000_000) -> None:
        """Makes a verb on a device fail with these words, `times` times."""
        error = HostError(f"The kernel refused to {verb} {device}", detail=words, code="kernel-refused")
        self._refusals[verb, str(device)] = error, times

    def hang(self, verb: str, device: Device, *, times: int = 1_000_000) -> None:
        """Makes a verb on a device block: it ends with an error, and the kernel does it when `finish` is called."""
        self._hangs[verb, str(device)] = times

    def finish(self, device: Device) -> None:
        """Lets the kernel do what it was blocked from."""
        for act in self._blocked.pop(str(device), []):
            act()

    def ignore(self, verb: str, device: Device, *, times: int = 1_000_000) -> None:
        """Makes a verb on a device succeed without any effect, which only a read-back can see."""
        self._ignored[verb, str(device)] = times

    def lose(self, address: PciAddress) -> None:
        """Takes a device out of the machine, as a card that fell off its bus."""
        folder = self._folder(address)
        self._blocked.pop(str(address), None)
        drop_mdevs(self.root, address)
        drop_vgpu(self.root, address)
        (self.root / "sys/class/mdev_bus" / str(address)).unlink(missing_ok=True)
        group = (folder / "iommu_group").resolve()
        (group / "devices" / str(address)).unlink(missing_ok=True)
        detach(self.root, str(address))
        shutil.rmtree(folder.resolve())
        folder.unlink()

    def reboot(self) -> None:
        """Does what a reboot of the host does: overrides and blocked acts are gone, host drivers have their devices.

        The VFs that it was asked to create are gone, and all mdevs; other VFs come back, as if a systemd unit created
        them.
        """
        self._blocked.clear()
        forget_made(Machine(self.root), self.lose)
        forget_vgpus(self.root)
        for folder in sorted((self.root / "sys/bus/pci/devices").iterdir()):
            (folder / "driver_override").write_text("(null)\n")
            detach(self.root, folder.name)
            self._attach(folder, self._native(folder))
        boot_id = self.root / "proc/sys/kernel/random/boot_id"
        boot_id.write_text(f"{uuid.uuid5(uuid.NAMESPACE_OID, boot_id.read_text())}\n")

    def load(self, driver: str) -> None:
        """Makes the driver's folder."""
        self._on_verb("load", driver)
        (self.root / "sys/bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)

    def override(self, address: PciAddress, driver: str) -> None:
        """Writes driver_override as the kernel would show it."""
        file = self._folder(address) / "driver_override"
        self._do("override", address, lambda: file.write_text(f"{driver or '(null)'}\n"))

    def unbind(self, address: PciAddress) -> None:
        """Removes the driver link."""
        self._folder(address)
        self._do("unbind", address, lambda: detach(self.root, str(address)))

    def probe(self, address: PciAddress) -> None:
        """Attaches the driver that the override names, else the one that wants the device."""
        folder = self._folder(address)
        self._do("probe", address, lambda: self._probe(folder))

    def reset(self, address: PciAddress) -> bool:
        """Succeeds for a device with a `reset` file."""
        folder = self._folder(address)
        self._do("reset", address, lambda: None)
        return (folder / "reset").exists()

    def set(self, device: Device, attribute: str, value: str) -> None:
        """Reacts as the kernel does to the attributes it knows; others are kept as written."""
        folder = self._folder(device) if isinstance(device, PciAddress) else Path(mdev_folder(self.root, device))
        self._do(f"set {attribute}", device, lambda: self._set(device, folder, attribute, value))

    def unfinished(self, device: Device) -> tuple[int, ...]:
        """One process for each act that is blocked."""
        return tuple(range(1, 1 + len(self._blocked.get(str(device), []))))

    def _do(self, verb: str, device: Device, act: Callable[[], object]) -> None:
        """Acts, unless configured otherwise; acts after a blocked act are blocked as well."""
        key = verb, str(device)
        self._on_verb(*key)
        error, times = self._refusals.get(key, (None, 0))
        if error is not None and times > 0:
            self._refusals[key] = error, times - 1
            raise error
        if self._hangs.get(key, 0) > 0 or self._blocked.get(key[1]):
            self._hangs[key] = self._hangs.get(key, 0) - 1
            self._blocked.setdefault(key[1], []).append(act)
            raise HostError(f"The kernel did not finish to {verb} {device}", code="kernel-blocked")
        if self._ignored.get(key, 0) > 0:
            self._ignored[key] -= 1
            return
        act()

    def _folder(self, address: PciAddress) -> Path:
        folder = self.root / "sys/bus/pci/devices" / str(address)
        if not folder.exists():
            raise HostError(f"There is no {address}", detail="No such file or directory", code="kernel-refused")
        return folder

    def _native(self, folder: Path) -> str:
        path = self.root / "fake/native" / folder.name
        return path.read_text().strip() if path.exists() else ""

    def _probe(self, folder: Path) -> None:
        if not (folder / "driver").is_symlink():
            override = (folder / "driver_override").read_text().strip()
            self._attach(folder, self._native(folder) if override == "(null)" else override)

    def _attach(self, folder: Path, driver: str) -> None:
        if driver and (self.root / "sys/bus/pci/drivers" / driver).is_dir():
            attach(self.root, folder.name, driver)

    def _set(self, device: Device, folder: Path, attribute: str, value: str) -> None:
        if attribute.endswith("/create"):
            create_mdev(self.root, folder.resolve(), attribute.split("/")[1], value)
        elif attribute.endswith("/remove"):
            remove_mdev(self.root, folder.resolve(), attribute.removesuffix("/remove"))
        elif attribute == "sriov_numvfs" and isinstance(device, PciAddress):
            set_vfs(Machine(self.root), device, int(value), self.lose)
        elif attribute.startswith("nvidia/") and (self.root / "fake/vgpu").is_dir() and isinstance(device, PciAddress):
            write_vgpu(self.root, device, attribute.removeprefix("nvidia/"), value)
        elif attribute == "reset_method":
            self._set_method(folder / attribute, value)
        else:
            (folder / attribute).write_text(f"{value}\n")

    def _set_method(self, path: Path, value: str) -> None:
        known = self._methods.setdefault(str(path), path.read_text().strip())
        if value != "default" and not set(value.split()) <= set(known.split()):
            raise HostError("The kernel refused", detail="Invalid argument", code="kernel-refused")
        path.write_text(f"{known if value == 'default' else value}\n")
