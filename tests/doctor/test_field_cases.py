"""Public cases that were once answered wrongly, each with the smallest machine that shows it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from busway.doctor import Severity, Wish, examine
from busway.testing.machines import Machine
from tests.doctor import hosts
from tests.doctor.hosts import AUDIO, BROKEN, GIB, GPU, healthy, move, set_file
from tests.sample import one_in


def codes(root: Path, wish: Wish | None = None) -> dict[str, Severity]:
    return {one.code: one.severity for one in examine(root, wish=wish).findings}


def test_b200_boards_are_ready_when_their_fabric_is_up_and_not_before(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    BROKEN["fabric-nvlink5"](machine)

    before = examine(tmp_path)
    for name in ("ib_umad", "mlx5_ib"):
        machine.write(f"sys/module/{name}/initstate", "live")
    machine.write("run/nvidia-fabricmanager/socket", "")
    machine.write("usr/share/nvidia/nvswitch/fabricmanager.cfg", "FABRIC_MODE=1")
    after = examine(tmp_path)

    wanted = "ready after starting the NVLink fabric (ib_umad, mlx5_ib, NVLSM, Fabric Manager)"
    assert [one.words for one in before.verdicts] == [wanted] * 2
    assert "FABRIC_MODE=1" in before.findings[0].remedy and "2 for vGPU" in before.findings[0].remedy
    assert [one.words for one in after.verdicts] == ["ready"] * 2


def test_one_such_gpu_is_of_an_hgx_board_when_a_connectx_manages_its_switches(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    hosts.change_ids(machine, "10de:2901")
    alone = codes(tmp_path)
    machine.function("0000:05:00.0", "15b3:1021", "020000", group=12, driver="mlx5_core")
    (machine.folder("0000:05:00.0") / "vpd").write_bytes(b"\x82..V2 SW_MNG..SN123")

    assert "fabric-nvlink5" not in alone
    assert "fabric-nvlink5" in codes(tmp_path)


def test_a_host_of_vgpus_is_green_when_a_function_has_its_type(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    hosts.typed_vgpu(machine)

    report = examine(tmp_path)

    assert {one.card: one.words for one in report.verdicts} == {
        "0000:41:00": "divided: its 2 virtual functions go out in its place",
        "0000:41:00.4": "spare: no vGPU type is chosen for it",
        "0000:41:00.5": "ready",
    }
    assert report.is_ready


def test_a_host_of_vgpus_without_a_type_is_not_ready(tmp_path: Path) -> None:
    BROKEN["vgpu-type-unset"](healthy(tmp_path))

    report = examine(tmp_path)

    assert not report.is_ready
    assert report.verdicts[1].words == "ready after choosing a vGPU type for it"
    assert "1145 (L40S-1B)" in next(one.remedy for one in report.findings if one.code == "vgpu-type-unset")


@pytest.mark.parametrize(("driver", "words"), [("vfio-pci", "ready after binding"), ("nvgrace-gpu-vfio-pci", "ready")])
def test_a_grace_gpu_needs_its_own_vfio_driver(tmp_path: Path, driver: str, words: str) -> None:
    machine = healthy(tmp_path)
    hosts.change_ids(machine, "10de:2941")
    for address in (GPU, AUDIO):
        move(machine, address, "vfio-pci")
    move(machine, GPU, driver)

    report = examine(tmp_path)

    assert [one.code for one in report.findings if one.code == "grace-driver"] == (
        ["grace-driver"] if words != "ready" else []
    )


@pytest.mark.parametrize("can", [False, True])
def test_intel_sriov_is_told_by_what_the_driver_can(tmp_path: Path, can: bool) -> None:
    machine = healthy(tmp_path)
    BROKEN["i915-sriov"](machine)
    set_file(machine, "sriov_totalvfs", "7")
    set_file(machine, "sriov_numvfs", "0")
    if can:
        machine.write("sys/module/i915/parameters/max_vfs", "0")

    (finding,) = [one for one in examine(tmp_path).findings if one.code == "i915-sriov"]

    assert ("`echo 7 >" in finding.remedy) is can
    assert ("ENOENT" in finding.cause) is not can


@pytest.mark.parametrize("sign", ["flag", "dmi", "hypervisor"])
def test_a_guest_is_told_to_ask_its_hypervisor_and_never_for_firmware(tmp_path: Path, sign: str) -> None:
    machine = healthy(tmp_path)
    BROKEN["iommu-firmware"](machine)
    if sign == "dmi":
        machine.write("proc/cpuinfo", "processor: 0")
        machine.write("sys/class/dmi/id/sys_vendor", "QEMU")
    else:
        machine.write("proc/cpuinfo", "vendor_id : GenuineIntel\nflags : fpu vmx hypervisor")
        machine.write("sys/hypervisor/type", "xen") if sign == "hypervisor" else None

    report = examine(tmp_path)

    assert "virtual IOMMU" in report.findings[0].remedy
    assert "VT-d" not in repr([one.remedy for one in report.findings])
    assert "itself a guest of" in report.system


def test_the_first_domain_of_xen_is_a_host(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    machine.write("sys/hypervisor/type", "xen")
    machine.write("proc/xen/capabilities", "control_d")

    assert "itself a guest" not in examine(tmp_path).system


def test_power_is_told_in_words_of_its_own(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("proc/cpuinfo", "processor : 0\ncpu : POWER9, altivec supported\nplatform : PowerNV")
    machine.function("0004:04:00.0", "10de:1db1", "030200", group=None)
    (tmp_path / "sys/kernel/iommu_groups").rmdir()

    (first, *_) = examine(tmp_path).findings

    assert first.code == "iommu-off"
    assert first.evidence[0].text == "absent"
    assert "spapr_tce" in first.remedy
    assert not any(word in first.cause + first.remedy for word in ("VT-d", "AMD-Vi", "intel_iommu"))


def test_arm_is_told_of_its_smmu(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("proc/cpuinfo", "processor : 0\nCPU implementer : 0x41")
    machine.function("0004:04:00.0", "10de:2342", "030200", group=None)

    assert "SMMU" in examine(tmp_path).findings[0].remedy


def test_a_device_without_ids_is_not_called_by_empty_ones(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    for name in ("modalias", "vendor", "device", "subsystem_vendor", "subsystem_device"):
        (machine.folder(GPU) / name).unlink()

    assert "[:]" not in examine(tmp_path, "41:00").verdicts[0].description


def test_a_card_in_a_wide_domain_is_not_ready(tmp_path: Path) -> None:
    BROKEN["domain-wide"](healthy(tmp_path))

    words = {one.card: one.words for one in examine(tmp_path).verdicts}

    assert words["10000:01:00"] == "ready after switching off VMD for its slot in the firmware"


def test_the_kernels_default_of_d3cold_informs_and_trouble_warns(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    BROKEN["d3cold"](machine)

    usual = codes(tmp_path)
    machine.write(
        "busway-answers/kernel-log", f"[  1.0] vfio-pci {GPU}: Refused to change power state, currently in D3"
    )
    trouble = codes(tmp_path)
    (tmp_path / "busway-answers/kernel-log").unlink()
    machine.write("sys/module/vfio_pci/parameters/disable_idle_d3", "Y")
    awake = codes(tmp_path)

    assert (usual["d3cold"], trouble["d3cold"], "d3cold" in awake) == ("informs", "warns", False)


def test_pages_that_are_promised_are_not_free(tmp_path: Path) -> None:
    BROKEN["hugepages-free"](healthy(tmp_path))

    few, enough = (codes(tmp_path, wish=Wish(size * GIB)) for size in (20, 12))

    assert few["hugepages-free"] == "blocks"
    assert "hugepages-free" not in enough


def test_a_guest_larger_than_what_is_available_is_not_ready(tmp_path: Path) -> None:
    BROKEN["memory-free"](healthy(tmp_path))

    large, small = (codes(tmp_path, wish=Wish(size * GIB)) for size in (100, 10))

    assert large["memory-free"] == "blocks"
    assert "memory-free" not in small


def test_a_dead_card_in_the_log_blocks_that_card_alone(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    machine.function("0000:51:00.0", "10de:2231", "030200", group=11, node=0, files={"d3cold_allowed": "0"})
    machine.write(
        "busway-answers/kernel-log", "[  9.0] NVRM: Xid (PCI:0000:51:00): 79, pid=1, GPU has fallen off the bus."
    )

    words = {one.card: one.words for one in examine(tmp_path).verdicts}

    assert words == {"0000:41:00": "ready", "0000:51:00": "ready after a power cycle of the host"}


IMMUTABLE = {
    "fedora-coreos": ("ID=fedora\nOSTREE_VERSION=41", "rpm-ostree kargs --append-if-missing=intel_iommu=on"),
    "nixos": ("ID=nixos", "boot.kernelParams"),
    "talos": ("ID=talos", "talosctl upgrade"),
    "microos": ('ID="opensuse-microos"', "transactional-update grub.cfg"),
    "flatcar": ("ID=flatcar", "/oem/grub.cfg"),
}


@pytest.mark.parametrize("name", IMMUTABLE)
def test_an_immutable_system_is_changed_in_its_own_way(tmp_path: Path, name: str) -> None:
    machine = healthy(tmp_path)
    release, words = IMMUTABLE[name]
    machine.write("etc/os-release", release)
    BROKEN["iommu-off"](machine)

    (finding,) = [one for one in examine(tmp_path).findings if one.code == "iommu-off"]

    assert words in finding.remedy
    assert "update-grub" not in finding.remedy


def test_proxmox_is_told_of_its_boot_tool(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    machine.write("etc/kernel/proxmox-boot-uuids", "AAAA-BBBB")
    machine.write("etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs")
    BROKEN["iommu-off"](machine)

    (finding,) = [one for one in examine(tmp_path).findings if one.code == "iommu-off"]

    assert "proxmox-boot-tool refresh" in finding.remedy


def _as_guest(machine: Machine) -> None:
    machine.write("sys/class/dmi/id/sys_vendor", "QEMU")
    text = (machine.root / "proc/cpuinfo").read_text()
    machine.write("proc/cpuinfo", text.rstrip() + " hypervisor")


def _as(name: str) -> Callable[[Machine], None]:
    return lambda machine: machine.write("etc/os-release", f"ID={name}")


def _as_chassis(number: str) -> Callable[[Machine], None]:
    return lambda machine: machine.write("sys/class/dmi/id/chassis_type", number)


def _as_board(machine: Machine) -> None:
    machine.function("0000:0f:00.0", "10de:22a3", "068000", group=99, node=0, driver="nvidia-nvswitch")


# What nobody can do there must not be told, whatever is wrong.
_FILES = ("/etc/modprobe.d", "/etc/modules-load.d", "/etc/udev", "update-initramfs")
FORBIDDEN: dict[str, tuple[Callable[[Machine], None], tuple[str, ...]]] = {
    "guest": (_as_guest, ("in the firmware", "VT-d", "Update the firmware")),
    "nixos": (_as("nixos"), _FILES),
    "talos": (_as("talos"), _FILES),
    "laptop": (_as_chassis("10"), ("eseat the", "eseat riser", "slot that")),
    "board": (_as_board, ("eseat the", "eseat riser", "slot that", "slot's")),
}


@pytest.mark.parametrize("kind", FORBIDDEN)
@pytest.mark.parametrize("code", one_in(5, sorted(set(BROKEN) - {"domain-wide", "no-group"})))
def test_no_remedy_is_told_that_can_not_be_done_there(tmp_path: Path, kind: str, code: str) -> None:
    machine = healthy(tmp_path)
    BROKEN[code](machine)
    make, words = FORBIDDEN[kind]
    make(machine)

    remedies = [one.remedy for one in examine(tmp_path, hosts.DEVICE.get(code)).findings]

    assert [remedy for remedy in remedies if any(word in remedy for word in words)] == []


def test_in_a_container_every_act_is_for_its_host_and_nothing_is_changed(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    BROKEN["iommu-off"](machine)
    BROKEN["host-is-container"](machine)

    findings = examine(tmp_path).findings

    assert all(one.remedy.startswith("On the host of this container") and not one.changes for one in findings)


@pytest.mark.parametrize(
    ("chassis", "words"),
    [
        ("3", "the slot that the CPU feeds"),
        ("23", "the server's manual"),
        ("10", "a laptop's link"),
        ("2", "the board's manual"),
    ],
)
def test_a_narrow_link_is_advised_by_what_stands_there(tmp_path: Path, chassis: str, words: str) -> None:
    machine = healthy(tmp_path)
    BROKEN["link-narrow"](machine)
    _as_chassis(chassis)(machine)

    (finding,) = [one for one in examine(tmp_path).findings if one.code == "link-narrow"]

    assert words in finding.remedy


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("GPU: 0\n    BDF: 0000:41:00.0\n    UUID: 6eff74a1", []),
        ("GPU[0]\t\t: PCI Bus: 0000:41:00.0", []),
        ("GPU: 0\n    BDF: 0000:05:00.0\n    UUID: 6eff74a1", ["amd-smi does not list 0000:41:00"]),
        ("", []),
    ],
)
def test_inside_a_guest_amds_tool_must_list_the_card(tmp_path: Path, answer: str, found: list[str]) -> None:
    machine = healthy(tmp_path)
    hosts.change_ids(machine, "1002:74a1")
    hosts.as_guest(machine, "amdgpu")
    if answer:
        machine.write("busway-answers/rocm-smi", answer)

    findings = [one.brief for one in examine(tmp_path, inside=True).findings if one.code == "guest-driver"]

    assert findings == found
