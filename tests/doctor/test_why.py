"""The dictionary of `why`: each example gets its entry, stories hang together, ordinary lines stay unanswered."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from busway.cli.why import why
from busway.doctor.checks import CHECKS
from busway.doctor.why import Symptom, explain, explain_line, symptoms
from busway.doctor.why.entries import read_table

EXAMPLES = [(symptom, example) for symptom in symptoms() for example in symptom.examples]
FRAMES = {
    "kernel": ("[   12.3456] {}", "Nov 27 12:00:00 host kernel: {}", "<6>[   12.345678][ T4321] {}"),
    "qemu": ("2026-11-27T12:00:00.123456Z qemu-system-x86_64: {}",),
    "libvirt": ("2026-11-27 12:00:00.123+0000: 4321: error : virFunction:512 : {}",),
    "fabric": ("Nov 27 12:00:00 host nv-fabricmanager[812]: {}",),
    "vgpu": ("Nov 27 12:00:00 host nvidia-vgpu-mgr[812]: {}",),
}


def ids(value: object) -> str:
    return getattr(value, "name", str(value))[:40]


@pytest.mark.parametrize(("symptom", "example"), EXAMPLES, ids=ids)
def test_each_example_is_answered_by_its_entry_with_and_without_a_frame(symptom: Symptom, example: str) -> None:
    frames = [frame for origin in symptom.emitter.origins for frame in FRAMES[origin]]

    for frame in ("{}", "> {} ...", *frames):
        if frame == "> {} ..." and symptom.name in ("pcie-error-bit", "tool-dead-device", "windows-code-43"):
            continue  # these hold on to the end of a line
        answer = explain_line(frame.format(example))
        assert answer is not None, frame
        assert answer.symptom.name == symptom.name
        assert "{" not in answer.means + answer.do


def test_every_entry_has_source_and_example_and_names_a_check_and_causes_that_exist() -> None:
    codes = {check.code for check in CHECKS}
    names = {one.name for one in symptoms()}

    assert len(names) == len(symptoms()) >= 150
    assert [one.name for one in symptoms() if not one.examples or not one.source] == []
    assert [one.name for one in symptoms() if one.finding and one.finding not in codes] == []
    assert [(one.name, cause) for one in symptoms() for cause in one.follows if cause not in names] == []


def test_every_spelling_has_an_example() -> None:
    """Where an entry names versions, each of those spellings is tried."""
    missing = [
        (symptom.name, spelling.of)
        for symptom in symptoms()
        for spelling in symptom.spellings
        if spelling.of and not any(spelling.pattern.search(example) for example in symptom.examples)
    ]

    assert missing == [("rmrr", "Xen")]


# Public reports that were once answered wrongly: the line, the entry, and words of the answer.
REPORTED = [
    ("qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX.sgx not supported", "cpu-feature-absent", "Nothing to do"),
    ("kvm_amd: SEV not supported by this KVM", "sev-absent", "only they are affected"),
    ("nvidia: module verification failed: signature and/or required key missing - tainting kernel", "module-tainted", "was loaded"),
    ("vfio-pci 0000:01:00.0: not ready 1023ms after FLR; waiting", "reset-waits", "still waiting"),
    ("vfio_dma_map(0x55d0, 0x40000000, ...) = -14 (Bad address)", "map-bad-address", "guest RAM at 1 GiB"),
    ("vfio_container_dma_map(0x55d0, 0x0, 0xa0000, 0x7f00) = -12 (Cannot allocate memory)", "map-no-memory", "vIOMMU"),
    ("VFIO_MAP_DMA failed: No space left on device", "map-too-many", "65535"),
    ("vfio: Unable to power on device, stuck in D3", "stuck-in-d3", "disable_idle_d3=1"),
    ("NVRM: RmInitAdapter: Cannot initialize GSP firmware RM", "gsp-boot", "cold"),
    ("NVRM: GPU 0000:01:00.0: failed to wait for GFW_BOOT", "gsp-boot", "did not boot"),
    ("NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:2b85) requires use of the NVIDIA open kernel modules", "open-driver-needed", "Blackwell"),
    ("i915 0000:00:02.0: driver does not support SR-IOV configuration via sysfs", "sriov-not-by-i915", "xe"),
    ("i915: unknown parameter 'max_vfs' ignored", "i915-no-max-vfs", "no SR-IOV"),
    (".../vfio-pci/new_id: no such file", "vfio-driver-absent", "not loaded"),
    ("nvidia-fabricmanager-start.sh: precheck: ib_umad not loaded", "fm-ib-umad", "mlx5_ib"),
    ('vfio-dev: failed to load ".../vfio-dev/vfio0/dev"', "vfio-cdev-missing", "CONFIG_VFIO_DEVICE_CDEV"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "name", "words"), REPORTED)
def test_a_line_of_a_public_report_is_answered_with_what_it_says(line: str, name: str, words: str) -> None:
    answer = explain_line(line)

    assert answer is not None
    assert answer.symptom.name == name
    assert words in answer.means + answer.do


# As users quote them in reports: cut short, in other programs' frames, with other numbers.
QUOTED = {
    "group 7 is not viable": "group-shared",
    "no iommu_group found": "iommu-off",
    "host doesn't support passthrough of host PCI devices": "iommu-off",
    "BAR 1: can't reserve [mem 0xd0000000-0xdfffffff 64bit pref]": "boot-framebuffer",
    "failed to open /dev/vfio/12: Device or resource busy": "device-held",
    "write /sys/bus/pci/drivers/vfio-pci/bind: invalid argument": "vgpu-vf-on-vfio",
    "not ready 65535ms after FLR; giving up": "device-gone",
    "Unable to change power state from D3cold to D0, device inaccessible": "d3cold",
    "sh: /sys/bus/pci/devices/0000:01:00.0/reset: Inappropriate ioctl for device": "no-reset",
    "This PCI I/O region assigned to your NVIDIA device is invalid": "guest-address-space",
    "BAR1 is 0M": "guest-address-space",
    "VFIO_MAP_DMA failed: Cannot allocate memory": "guest-memory",
    "RLIMIT_MEMLOCK exceeded": "guest-memory",
    "CUDA 802 system not yet initialized": "fabric-manager",
    "Windows Code 43": "",
    "vfio_ecap_init: hiding ecap": "",
    "No more image in the PCI ROM": "rom-shadowed",
    "Unsupported reset method 'device_specific'": "vendor-reset",
}


@pytest.mark.parametrize("line", QUOTED)
def test_a_line_as_users_quote_it_is_known(line: str) -> None:
    answer = explain_line(f"> {line} ...")

    assert answer is not None
    assert answer.symptom.finding == QUOTED[line]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vfio_dma_map(0x55d0, 0xc0000, 0x7ff40000, 0x7f00) = -22 (Invalid argument)", "guest RAM at 768 KiB"),
        ("vfio_dma_map(0x55d0, 0xfd000000, 0x1000000, 0x7f00) = -22 (Invalid argument)", "a device's memory (BAR) below 4 GiB"),
        ("vfio_dma_map(0x55d0, 0x382000000000, 0x10000, 0x7f00) = -22 (Invalid argument)", "which needs 46 bits"),
        ("DMAR: [DMA Read NO_PASID] Request device [01:00.0] fault addr 0x0 [fault reason 0x02] x", "no context for the device"),
        ("AMD-Vi: Event logged [IO_PAGE_FAULT device=01:00.0 domain=0x1 address=0xf0 flags=0x0020]", "a write at 0xf0: nothing is mapped"),
        ("arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:", "nothing is mapped at that address"),
        ("pcieport 0000:40:01.1:    [14] CmpltTO                (First)", "an answer did not come"),
        ("vfio-pci 0000:01:00.0: probe with driver vfio-pci failed with error -16", "EBUSY (Device or resource busy)"),
        ("vfio: Cannot reset device 0000:03:00.0, depends on group 14 which is not owned.", "group 14"),
        ("fabric manager NVIDIA GPU driver interface version 550.54.15 don't match with driver version 550.90.07.", "550.90.07"),
        ("NVRM: Xid (PCI:0000:81:00): 31, pid=4211, name=python, Ch 00000008", "Restart the program"),
        ("NVRM: Xid (PCI:0000:81:00): 64, pid=4211, Row Remapper: failed", "return it"),
        ("NVRM: Xid (PCI:0000:81:00): 119, pid=812, Timeout waiting for RPC from GSP!", "reset it"),
        ("NVRM: Xid (PCI:0000:81:00): 154, pid=1, name=x, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)", "GPU Reset Required"),
        ("NVRM: Xid (PCI:0000:81:00): 999, pid=1, unheard of", "not in NVIDIA's table"),
    ],
)  # fmt: skip
def test_the_parts_of_a_line_are_read(line: str, words: str) -> None:
    answer = explain_line(line)

    assert answer is not None
    assert words in answer.means + answer.do


def test_every_xid_has_an_act_that_is_told() -> None:
    table = read_table("xids")

    assert len(table["xid"]) > 100
    assert {one["act"] for one in table["xid"].values()} <= set(table["act"])


def test_the_words_of_one_emitter_from_another_are_not_answered() -> None:
    words = "Xid (PCI:0000:81:00): 79, GPU has fallen off the bus."

    assert explain_line(f"Nov 27 12:00:00 host kernel: NVRM: {words}") is not None
    assert explain_line(f"[   12.345678] usb 1-1: {words}") is None
    assert explain_line(f"2026-11-27T12:00:00.123456Z qemu-system-x86_64: {words}") is None


STORY = """\
vfio-pci 0000:04:00.0: vfio_ecap_init: hiding ecap 0x19@0x900
vfio-pci 0000:03:00.0: not ready 1023ms after FLR; waiting
vfio-pci 0000:03:00.0: not ready 65535ms after FLR; giving up
vfio-pci 0000:03:00.0: Unable to change power state from D3cold to D0, device inaccessible
qemu-system-x86_64: vfio: Unable to power on device, stuck in D3
error: internal error: qemu unexpectedly closed the monitor
NVRM: Xid (PCI:0000:81:00): 79, pid=1234, GPU has fallen off the bus.
NVRM: Xid (PCI:0000:81:00): 154, pid=1234, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)
NVRM: GPU 0000:81:00.0: RmInitAdapter failed! (0x62:0xffff:2477)
"""


def test_lines_of_one_fault_are_one_story_with_its_root_first_and_notes_last() -> None:
    stories = explain(STORY.splitlines())

    assert [(one.root.symptom.name, len(one.others), one.is_note) for one in stories] == [
        ("reset-gave-up", 4, False),
        ("fallen-off-the-bus", 2, False),
        ("capability-hidden", 0, True),
    ]


def test_a_fault_of_another_card_is_another_story() -> None:
    lines = [
        "vfio-pci 0000:03:00.0: not ready 65535ms after FLR; giving up",
        "vfio-pci 0000:04:00.0: Unable to change power state from D3cold to D0, device inaccessible",
    ]

    assert [one.root.slot for one in explain(lines)] == ["0000:03:00", "0000:04:00"]


def test_lines_that_say_the_same_are_counted() -> None:
    line = "vfio-pci 0000:c3:00.0: BAR 0: can't reserve [mem 0x2800000000-0x2fffffffff 64bit pref]"

    (story,) = explain(["noise", line, line])

    assert (story.root.number, story.root.count) == (2, 2)


@pytest.mark.parametrize(
    "line",
    [
        "", "Hello, world", "usb 1-1: new high-speed USB device", "systemd[1]: Started Journal Service.", "\0\xff",
        "vfio-pci 0000:01:00.0: enabling device (0000 -> 0003)", "VFIO - User Level meta-driver version: 0.3",
        "vfio_pci: add [10de:2231[ffffffff:ffffffff]] class 0x000000/00000000", "nvidia-nvlink: Nvlink Core is being initialized",
        "nvidia: loading out-of-tree module taints kernel.", "nvidia: module license 'NVIDIA' taints kernel.",
        "NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  570.86.15", "DMAR: IOMMU enabled",
        "AMD-Vi: Interrupt remapping enabled", "pci 0000:01:00.0: Adding to iommu group 12", "kvm_amd: Nested Virtualization enabled",
        "pci 0000:01:00.0: reg 0x10: [mem 0xfb000000-0xfbffffff]", "pci 0000:02:00.0: BAR 13: failed to assign [io  size 0x1000]",
        "pci 0000:00:1c.0: bridge window [mem size 0x00200000 64bit pref]: can't assign; no space", "kvm_amd: SEV enabled (ASIDs 1 - 509)",
        "qemu-system-x86_64: warning: TCG doesn't support requested feature: CPUID.01H:EDX.vme [bit 1]",
        "pcieport 0000:00:01.0: AER: enabled with IRQ 24", "[drm] Initialized amdgpu 3.59.0 for 0000:03:00.0 on minor 1",
        "i915 0000:00:02.0: [drm] VT-d active for gfx access", "usb 2-3: device descriptor read/64, error -71",
    ],
)  # fmt: skip
def test_other_lines_are_unknown(line: str) -> None:
    assert explain_line(line) is None


def test_the_command_reads_a_file_a_line_and_standard_input(tmp_path: Path) -> None:
    log = tmp_path / "qemu.log"
    log.write_bytes(b"\xff\xfe noise\nvfio 0000:01:00.0: group 1 is not viable\n")
    line = "CUDA error 802: system not yet initialized"
    runner = CliRunner()

    of_file, of_line = runner.invoke(why, [str(log)]), runner.invoke(why, [line])
    of_input = runner.invoke(why, ["--json"], input=line)

    assert (of_file.exit_code, of_line.exit_code, of_input.exit_code) == (0, 0, 0)
    assert "line 2: vfio" in of_file.output and "group-shared" in of_file.output
    assert "Fabric Manager" in of_line.output
    assert json.loads(of_input.output)[0]["finding"] == "fabric-manager"


def test_the_command_tells_a_story_in_lines_of_bearable_width() -> None:
    done = CliRunner().invoke(why, input=STORY)

    lines = done.output.splitlines()
    assert lines[0].startswith("line 3: ")
    assert len([line for line in lines if line.startswith("  then   line ")]) == 6
    assert max(map(len, lines)) <= 100


def test_the_command_says_unknown() -> None:
    done = CliRunner().invoke(why, ["all is well"])

    assert done.exit_code == 1
    assert done.output.startswith("Unknown: none of 1 lines")
