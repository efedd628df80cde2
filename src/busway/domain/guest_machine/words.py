"""All words about a guest's machine: those that are served, and those of Nova that are refused or ignored, with why.

A word has a name for flavors (`hw:...`), one for images (`hw_...`), or both.
"""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.guest_machine.limits import LIMIT_WORDS, OTHERS

MOST_SERIAL_PORTS = 4  # an x86 machine's
MOST_HOTPLUG_PORTS = 16
VIDEO_MODELS = ("none", "virtio", "vga", "bochs", "cirrus", "qxl")
_BOOLEAN = "true or false"


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is served: what it may be (a tuple of values, or a form in words), and what it does."""

    flavor: str
    image: str
    values: tuple[str, ...] | str
    meaning: str

    @property
    def may_be(self) -> str:
        """Its values in words."""
        return self.values if isinstance(self.values, str) else ", ".join(self.values)


FIRMWARE = Word("", "hw_firmware_type", ("bios", "uefi"), "SeaBIOS, or OVMF")
SECURE_BOOT = Word(
    "os:secure_boot",
    "os_secure_boot",
    ("disabled", "optional", "required"),
    "secure boot by OVMF; `optional` is without",
)
MACHINE_TYPE = Word("", "hw_machine_type", "q35 or pc-q35-N.N", "the chipset, which must have PCI Express")
BOOT_MENU = Word("hw:boot_menu", "hw_boot_menu", _BOOLEAN, "the firmware's boot menu for 10 seconds")
ADDRESS_MODE = Word(
    "hw:maxphysaddr_mode", "hw_maxphysaddr_mode", ("passthrough", "emulate"), "the guest's physical address bits"
)
ADDRESS_BITS = Word("hw:maxphysaddr_bits", "hw_maxphysaddr_bits", "32 to 52", "how many, with the mode `emulate`")
SOCKETS = Word("hw:cpu_sockets", "hw_cpu_sockets", "a number", "the guest's sockets")
CORES = Word("hw:cpu_cores", "hw_cpu_cores", "a number", "the cores of each socket")
THREADS = Word("hw:cpu_threads", "hw_cpu_threads", "a number", "the threads of each core")
CPU_POLICY = Word(
    "hw:cpu_policy",
    "hw_cpu_policy",
    ("shared", "dedicated", "mixed"),
    "`shared`: vCPUs float over the host's CPUs; `dedicated`: each has one of the host's `cpu_dedicated_set` for itself; `mixed`: some have",
)
CPU_THREADS = Word(
    "hw:cpu_thread_policy",
    "hw_cpu_thread_policy",
    ("prefer", "isolate", "require"),
    "how dedicated CPUs lie on cores: whole cores first; one thread of each core, the others idle; whole cores only",
)
DEDICATED_MASK = Word(
    "hw:cpu_dedicated_mask",
    "",
    "a list of vCPUs",
    "those with CPUs of their own, with the policy `mixed`: `2-3`, or `^0-1` for all others",
)
EMULATOR = Word(
    "hw:emulator_threads_policy",
    "hw_emulator_threads_policy",
    ("share", "isolate"),
    "QEMU's own threads run on the host's `cpu_shared_set` instead of the guest's dedicated CPUs, or on one more dedicated CPU",
)
PAGE_SIZE = Word(
    "hw:mem_page_size",
    "hw_mem_page_size",
    "small, any, large or a size such as 2MB",
    "`small` and `any`: the host's choice of pages; `large`: a host whose guests lie in huge pages (`--hugepages`); a size: of its default huge page",
)
HIDE = Word("hw:hide_hypervisor_id", "img_hide_hypervisor_id", _BOOLEAN, "KVM's signature is hidden from the guest")
HIDE_OLD = Word("hide_hypervisor_id", "", _BOOLEAN, "the same, by Nova's older name")
PMU = Word("hw:pmu", "hw_pmu", _BOOLEAN, "whether the guest has performance counters")
HPET = Word("", "hw_time_hpet", _BOOLEAN, "the high precision event timer")
LOCKED = Word("hw:locked_memory", "hw_locked_memory", _BOOLEAN, "the guest's memory is never swapped out")
VIOMMU = Word(
    "hw:viommu_model",
    "hw_viommu_model",
    ("auto", "intel", "virtio"),
    "an IOMMU in the guest; `auto` is intel",
)
WATCHDOG = Word(
    "hw:watchdog_action",
    "hw_watchdog_action",
    ("disabled", "reset", "poweroff", "pause", "none"),
    "an i6300esb watchdog, and what follows when the guest does not feed it",
)
RNG_MODEL = Word("", "hw_rng_model", ("virtio",), "the random number generator, which each guest has")
RNG_ALLOWED = Word("hw_rng:allowed", "", _BOOLEAN, "false leaves it out")
RNG_BYTES = Word("hw_rng:rate_bytes", "", "1 to 2147483647", "how many bytes it gives in each period")
RNG_PERIOD = Word("hw_rng:rate_period", "", "1 to 2147483647", "that period in milliseconds, 1000 without")
DISK_BUS = Word("", "hw_disk_bus", ("virtio", "scsi", "sata"), "how disks are attached")
SCSI_MODEL = Word("", "hw_scsi_model", ("virtio-scsi",), "the controller of scsi disks")
NIC_MODEL = Word("", "hw_vif_model", ("virtio", "e1000e"), "the network cards")
MULTIQUEUE = Word(
    "hw:vif_multiqueue_enabled", "hw_vif_multiqueue_enabled", _BOOLEAN, "a queue for each vCPU, at most 8"
)
TPM = Word("hw:tpm_version", "hw_tpm_version", ("1.2", "2.0"), "a TPM by swtpm; its state stays on its host")
TPM_MODEL = Word("hw:tpm_model", "hw_tpm_model", ("tpm-tis", "tpm-crb"), "how the guest reaches it; crb is 2.0 only")
AGENT = Word("", "hw_qemu_guest_agent", "yes or no", "the channel of qemu-guest-agent")
QUIESCE = Word(
    "",
    "os_require_quiesce",
    "yes or no",
    "images of the running server are made only when its agent has frozen the guest's file systems for that moment",
)
VIDEO = Word("", "hw_video_model", VIDEO_MODELS, "the display, virtio without the word; none has no screen")
VIDEO_RAM = Word("", "hw_video_ram", "1 to the flavor's hw_video:ram_max_mb", "its memory in MB, of vga, cirrus, qxl")
VIDEO_MOST = Word("hw_video:ram_max_mb", "", "a number", "the most that an image may ask for; 0 without")
SERIAL = Word(
    "hw:serial_port_count",
    "hw_serial_port_count",
    f"1 to {MOST_SERIAL_PORTS}",
    "serial ports; the first is the console",
)
RESCUE_BUS = Word(
    "", "hw_rescue_bus", "virtio, scsi, sata, usb", "of an image that servers are rescued with: its disk's bus"
)
RESCUE_DEVICE = Word("", "hw_rescue_device", "disk or cdrom", "the same: what its disk is")
MIRROR = Word(
    "busway:pci_topology",
    "",
    ("flat", "mirror"),
    "`mirror`: a root complex for each NUMA cell of the guest that devices are near to, with them behind it",
)

HOTPLUG = Word(
    "busway:hotplug_ports",
    "busway_hotplug_ports",
    f"0 to {MOST_HOTPLUG_PORTS}",
    "root ports that are left for cards and devices that are plugged in while the guest runs; 2 without the word",
)
HOTPLUG_WINDOW = Word(
    "busway:hotplug_window",
    "",
    "0 to 1048576",
    "address space in MB, a power of 2, that is kept behind each of these ports for the BARs of a device; 0 is enough for cards",
)

LIVE_UNPLUG = Word(
    "busway:live_unplug",
    "",
    _BOOLEAN,
    "whether a live migration may take the devices out of the running guest and give it equal ones on the other host",
)

HOT_RESIZE = Word(
    "busway:hot_resize",
    "",
    _BOOLEAN,
    "whether a running server that is resized to the flavor, and only gets more devices by it, keeps running: they are plugged in",
)

SERVED = (
    FIRMWARE, SECURE_BOOT, MACHINE_TYPE, BOOT_MENU, ADDRESS_MODE, ADDRESS_BITS, SOCKETS, CORES, THREADS, CPU_POLICY,
    DEDICATED_MASK, CPU_THREADS, EMULATOR, PAGE_SIZE, HIDE, HIDE_OLD, PMU, HPET, LOCKED, VIOMMU, WATCHDOG, RNG_MODEL, RNG_ALLOWED, RNG_BYTES, RNG_PERIOD,
    DISK_BUS, SCSI_MODEL, NIC_MODEL, MULTIQUEUE, TPM, TPM_MODEL, AGENT, QUIESCE, VIDEO, VIDEO_RAM, VIDEO_MOST,
    SERIAL, RESCUE_BUS, RESCUE_DEVICE, MIRROR, HOTPLUG, HOTPLUG_WINDOW, LIVE_UNPLUG, HOT_RESIZE,
    *(Word(each.flavor, "", f"{each.least} to {each.most}", each.meaning) for each in LIMIT_WORDS),
)  # fmt: skip

_NO_REALTIME = "no host keeps CPUs for real-time guests"
_EXACT = "say the topology itself: cpu_sockets, cpu_cores and cpu_threads"
_NO_CONFIDENTIAL = "there are no confidential guests"
REFUSED = {
    **OTHERS,
    "hw:cpu_max_sockets": _EXACT, "hw:cpu_max_cores": _EXACT, "hw:cpu_max_threads": _EXACT,
    "hw_cpu_max_sockets": _EXACT, "hw_cpu_max_cores": _EXACT, "hw_cpu_max_threads": _EXACT,
    "hw:cpu_realtime": _NO_REALTIME, "hw:cpu_realtime_mask": _NO_REALTIME, "hw_cpu_realtime_mask": _NO_REALTIME,
    "hw:mem_encryption": _NO_CONFIDENTIAL, "hw_mem_encryption": _NO_CONFIDENTIAL,
    "hw:mem_encryption_model": _NO_CONFIDENTIAL, "hw_mem_encryption_model": _NO_CONFIDENTIAL,
    "hw:tpm_secret_security": "the state of a TPM is not encrypted, and stays on its host",
    "hw_tpm_secret_security": "the state of a TPM is not encrypted, and stays on its host",
    "hw:virtio_packed_ring": "queues are split, as QEMU makes them",
    "hw_virtio_packed_ring": "queues are split, as QEMU makes them",
    "hw:sound_model": "guests have no sound", "hw:input_bus": "guests have no USB", "hw_input_bus": "guests have no USB",
    "hw:redirected_usb_ports": "guests have no USB",
    "hw_pointer_model": "guests have no USB",
    "hw_firmware_stateless": "each UEFI guest keeps its variables",
    "hw_emulation_architecture": "guests have their host's architecture",
    "hw_disk_discard": "disks discard always", "hw_ephemeral_encryption": "ephemeral disks are not encrypted",
    "hw_ephemeral_encryption_format": "ephemeral disks are not encrypted",
}  # fmt: skip
IGNORED = {
    "hw_cdrom_bus": "the configuration drive is a disk on the bus of the others, and a CD drive only on SATA",
    "hw_vif_multiqueue": "an older name that Nova does not read", "hw_boot_from_volume": "a note of image builders",
    "hw_live_migration_permit_post_copy": "live migrations have no post-copy",
}  # fmt: skip
# Words about the guest that other parts of Busway read.
ELSEWHERE = (
    "hw:numa_", "hw_numa_", "hw:pci_numa_affinity_policy", "hw_pci_numa_affinity_policy", "hw_architecture", "hw_vm_mode",
)  # fmt: skip
