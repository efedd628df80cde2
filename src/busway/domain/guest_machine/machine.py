"""`Machine`: the properties of a guest's machine that flavors and images may choose, as the host's agent gets them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from busway.domain.guest_machine.limits import NO_LIMITS, Limits


class MachineWord(StrEnum):
    """What a host must be able to do for some machine; a host reports the words that it can serve.

    `machine` stands for an agent that supports machine settings at all. Video models, TPM versions and sizes of huge pages
    (in kB) have words of their own, made of a name and a value: `video-virtio`, `tpm-2.0`, `pages-2048`.
    """

    MACHINE = "machine"
    UEFI = "uefi"
    SECURE_BOOT = "secure-boot"
    VIOMMU_INTEL = "viommu-intel"
    VIOMMU_VIRTIO = "viommu-virtio"
    MIRROR = "pci-mirror"
    EXTRA_DISKS = "extra-disks"
    HUGE_PAGES = "huge-pages"
    LIMITS = "limits"
    CPU_LIMITS = "cpu-limits"


@dataclass(frozen=True, slots=True)
class Machine:
    """The defaults are the machine of a flavor and an image that say nothing.

    `topology` is sockets, cores and threads. `rng_bytes` of entropy may be had each `rng_period` milliseconds, 0 for
    any. `address_mode` is "passthrough" or "emulate", "" for QEMU's own number of address bits. `hotplug_ports` is None where
    nobody says how many there must be; a host gets their number as `DesiredServer.spare_ports`, and of their window there.
    """

    machine_type: str = ""  # "" is the host's
    firmware: str = "bios"
    secure_boot: bool = False
    boot_menu: bool = False
    address_mode: str = ""
    address_bits: int = 0
    topology: tuple[int, int, int] | None = None
    hide_hypervisor: bool = False
    pmu: bool | None = None
    hpet: bool = False
    locked_memory: bool = False
    viommu: str = ""
    watchdog: str = ""
    rng: bool = True
    rng_bytes: int = 0
    rng_period: int = 0
    disk_bus: str = "virtio"
    nic_model: str = "virtio"
    multiqueue: bool = False
    tpm: str = ""
    tpm_model: str = ""
    guest_agent: bool = False
    quiesce: bool = False  # no copy of its disk without the agent's freeze
    video: str = ""
    video_ram_mb: int = 0
    serial_ports: int = 1
    mirror: bool = False
    ephemeral_gb: int = 0
    swap_mb: int = 0
    hotplug_ports: int | None = None
    hotplug_window_mb: int = 0
    pages: str = ""  # that its memory must lie in: "large", or the kB of one; "" for any
    share_emulator: bool = False  # QEMU's own threads stay off the guest's dedicated CPUs
    limits: Limits = NO_LIMITS

    @property
    def needs(self) -> tuple[str, ...]:
        """The words that a host must have for it, none for the machine that any agent makes."""
        return tuple(self._needs()) if replace(self, hotplug_ports=None, hotplug_window_mb=0) != PLAIN else ()

    def _needs(self) -> Iterator[str]:
        yield MachineWord.MACHINE
        if self.firmware == "uefi":
            yield MachineWord.UEFI
        if self.secure_boot:
            yield MachineWord.SECURE_BOOT
        if self.viommu:
            yield f"viommu-{self.viommu}"
        if self.mirror:
            yield MachineWord.MIRROR
        if self.ephemeral_gb or self.swap_mb:
            yield MachineWord.EXTRA_DISKS
        if self.pages:
            yield MachineWord.HUGE_PAGES if self.pages == "large" else f"pages-{self.pages}"
        if self.limits != NO_LIMITS:
            yield MachineWord.LIMITS
        if self.limits.of_cpus:
            yield MachineWord.CPU_LIMITS
        if self.tpm:
            yield f"tpm-{self.tpm}"
        if self.video not in ("", "none"):
            yield f"video-{self.video}"


PLAIN = Machine()
