"""What is read of QEMU's confinement, and what weak isolation of devices is told of."""

from collections.abc import Callable
from pathlib import Path

import pytest

from busway.doctor import examine
from busway.hardware.snapshot import capture, unpack
from busway.testing.machines import Machine
from tests.doctor.hosts import CONFINED, QEMU_CONF, healthy, remove

CODES = {"qemu-seccomp", "qemu-user", "qemu-profile", "interrupt-remapping"}
_APPARMOR = "sys/module/apparmor/parameters/enabled"


def _selinux(machine: Machine, enforce: str) -> None:
    machine.write(_APPARMOR, "N")
    machine.write("sys/fs/selinux/enforce", enforce)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda m: m.write(QEMU_CONF, CONFINED + "seccomp_sandbox = 1"), None),
        (lambda m: m.write(QEMU_CONF, CONFINED + "seccomp_sandbox = 0\nseccomp_sandbox = -1"), None),
        (lambda m: m.write(QEMU_CONF, CONFINED + 'user = "+0"'), "qemu-user"),
        (lambda m: m.write(QEMU_CONF, CONFINED + "user = qemu"), None),
        (lambda m: m.write(QEMU_CONF, CONFINED + "security_default_confined = 0"), "qemu-profile"),
        (lambda m: remove(m, "etc/apparmor.d/libvirt/TEMPLATE.qemu"), "qemu-profile"),
        (lambda m: m.write(_APPARMOR, "N"), None),
        (lambda m: _selinux(m, "1"), None),
        (lambda m: _selinux(m, "0"), "qemu-profile"),
        (lambda m: remove(m, QEMU_CONF), None),
        (lambda m: m.write("sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y"), "interrupt-remapping"),
        (lambda m: m.write("sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N"), None),
    ],
)  # fmt: skip
def test_each_form_of_it_is_understood(tmp_path: Path, change: Callable[[Machine], None], code: str | None) -> None:
    change(healthy(tmp_path))

    assert {found.code for found in examine(tmp_path).findings} & CODES == ({code} if code else set())


def test_a_snapshot_has_how_guests_are_confined_and_no_password(tmp_path: Path) -> None:
    machine = healthy(tmp_path / "machine")
    machine.write(QEMU_CONF, CONFINED + "seccomp_sandbox = 0\n")

    capture(tmp_path / "machine", tmp_path / "file", with_serials=True)
    kept = (unpack(tmp_path / "file", tmp_path / "copy") / QEMU_CONF).read_text()

    assert kept == 'user = "libvirt-qemu"\nseccomp_sandbox = 0\n'


@pytest.mark.parametrize(
    ("user", "found"), [("libvirt-qemu", True), ("root", False)], ids=["a user of its own", "root"]
)
def test_qemu_has_no_rights_on_a_render_node_without_mount_namespaces(tmp_path: Path, user: str, found: bool) -> None:
    machine = healthy(tmp_path)
    machine.write("dev/dri/by-path/platform-vgem-render", "")
    machine.write(QEMU_CONF, f'{CONFINED}user = "{user}"\nnamespaces = [ ]\n')

    told = [each.brief for each in examine(tmp_path).findings if each.code == "render-node"]

    assert told == (["libvirt gives QEMU no rights on render nodes"] if found else [])


@pytest.mark.parametrize("absent", ["hw-display-virtio-gpu-gl.so", "ui-egl-headless.so"])
def test_each_module_by_which_qemu_draws_for_guests_is_missed(tmp_path: Path, absent: str) -> None:
    machine = healthy(tmp_path)
    machine.write("dev/dri/by-path/platform-vgem-render", "")
    folder = "usr/lib/x86_64-linux-gnu/qemu"
    for name in {"hw-display-virtio-gpu.so", "hw-display-virtio-gpu-gl.so", "ui-egl-headless.so"} - {absent}:
        machine.write(f"{folder}/{name}", "")

    [told] = [each for each in examine(tmp_path).findings if each.code == "render-node"]

    assert told.brief == "QEMU can't draw for guests (virgl) on this host"
    assert [each.file for each in told.evidence] == [f"/{folder}/{absent}"]
