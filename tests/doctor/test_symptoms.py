"""The dictionary of `why`: each example gets its entry, and the unknown stays unknown."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from busway.cli.why import why
from busway.doctor.checks import CHECKS
from busway.doctor.symptom import explain, explain_line, symptoms

EXAMPLES = [(symptom.name, example) for symptom in symptoms() for example in symptom.examples]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_each_example_is_answered_by_its_entry(name: str, example: str) -> None:
    answer = explain_line(f"[   12.3456] host kernel: {example}")

    assert answer is not None
    assert answer.symptom.name == name
    assert "{" not in answer.cause + answer.fix


# As users quote them in reports: cut short, in other programs' frames, with other numbers.
QUOTED = {
    "group 7 is not viable": "group-shared",
    "no iommu_group found": "iommu-off",
    "host doesn't support passthrough of host PCI devices": "iommu-off",
    "BAR 1: can't reserve [mem 0xd0000000-0xdfffffff 64bit pref]": "boot-framebuffer",
    "failed to open /dev/vfio/12: Device or resource busy": "device-held",
    "write /sys/bus/pci/drivers/vfio-pci/bind: invalid argument": "vgpu-vf-on-vfio",
    "write /sys/bus/pci/drivers/vfio-pci/bind: no such device": "vgpu-vf-on-vfio",
    "not ready 1023ms after FLR; waiting": "device-gone",
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


def test_every_entry_has_examples_and_names_a_check_that_exists() -> None:
    codes = {check.code for check in CHECKS}

    assert [one.name for one in symptoms() if not one.examples] == []
    assert [one.name for one in symptoms() if one.finding and one.finding not in codes] == []
    assert len({one.name for one in symptoms()}) == len(symptoms())


def test_the_answer_names_what_the_line_names() -> None:
    answer = explain_line("vfio: Cannot reset device 0000:03:00.0, depends on group 14 which is not owned.")

    assert answer is not None
    assert "0000:03:00.0" in answer.cause
    assert "group 14" in answer.cause


@pytest.mark.parametrize(
    "line", ["", "Hello, world", "usb 1-1: new high-speed USB device", "systemd[1]: Started Journal Service.", "\0\xff"]
)
def test_other_lines_are_unknown(line: str) -> None:
    assert explain_line(line) is None


def test_lines_that_say_the_same_are_counted() -> None:
    line = "vfio-pci 0000:c3:00.0: BAR 0: can't reserve [mem 0x2800000000-0x2fffffffff 64bit pref]"

    (answer,) = explain(["noise", line, line])

    assert (answer.number, answer.count) == (2, 2)


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


def test_the_command_says_unknown() -> None:
    done = CliRunner().invoke(why, ["all is well"])

    assert done.exit_code == 1
    assert done.output.startswith("Unknown: none of 1 lines")
