"""Whether QEMU can draw for guests, from its own words; and with the QEMU of this machine, where there is one."""

import shutil
import subprocess

import pytest

from busway.hypervisor.drawing import Drawing, ask_qemu, missing

# As QEMU 7.2 of Debian 12 prints it, shortened: with qemu-system-gui, and without it.
WHOLE = """Display devices:
name "virtio-gpu-device", bus virtio-bus
name "virtio-gpu-gl-device", bus virtio-bus
name "virtio-gpu-gl-pci", bus PCI, alias "virtio-gpu-gl"
name "virtio-vga", bus PCI
name "virtio-vga-gl", bus PCI
"""
HALF = WHOLE.replace('name "virtio-gpu-gl-device", bus virtio-bus\n', "")
DISPLAYS = "Available display backend types:\nnone\negl-headless\ncurses\n"


@pytest.mark.parametrize(
    ("devices", "displays", "why"),
    [
        (WHOLE, DISPLAYS, ""),
        (HALF, DISPLAYS, "QEMU has no virtio-gpu-gl-device: its OpenGL modules are not installed"),
        (
            WHOLE,
            DISPLAYS.replace("egl-headless\n", ""),
            "QEMU has no egl-headless: its OpenGL modules are not installed",
        ),
        ("", "", "QEMU has no virtio-gpu-gl-device, virtio-vga-gl, egl-headless: its OpenGL modules are not installed"),
    ],
    ids=["whole", "without qemu-system-gui", "without egl-headless", "says nothing"],
)
def test_what_qemu_lacks_is_named(devices: str, displays: str, why: str) -> None:
    assert missing({"-device": devices, "-display": displays}.__getitem__, "x86_64") == why


def test_it_is_asked_again_after_some_minutes_and_one_that_hangs_serves_nobody_meanwhile() -> None:
    answers = ["hangs", WHOLE, DISPLAYS]
    now = [0.0]

    def ask(_option: str) -> str:
        if (said := answers.pop(0)) == "hangs":
            raise subprocess.TimeoutExpired("qemu", 30)
        return said

    asked = Drawing(ask, lambda: now[0])

    hung = asked.why_not()
    now[0] = 299.0
    again = asked.why_not()
    now[0] = 301.0
    installed = asked.why_not()

    assert "did not say whether it can draw for guests: Command 'qemu' timed out after 30 seconds" in hung
    assert (again, installed, answers) == (hung, "", [])


@pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="needs QEMU for x86_64")
def test_this_machines_qemu_says_the_same_when_it_is_to_make_the_device() -> None:
    made = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-device", "virtio-vga-gl,help"]
    can = subprocess.run(made, capture_output=True, timeout=60, check=False).returncode == 0

    assert ("-gl" not in missing(ask_qemu)) == can
