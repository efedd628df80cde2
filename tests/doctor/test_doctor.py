"""The examination as a whole, the verdicts, the command, and nonsense in the tree."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import fastjsonschema
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from busway.cli.doctor import doctor
from busway.cli.main import main
from busway.doctor import examine
from busway.domain.errors import NotFound
from busway.hardware import Bar
from busway.testing.machines import Machine
from busway.testing.machines_named import NAMED
from tests.doctor.hosts import BROKEN, GPU, change_ids, healthy, typed_vgpu

ROOT = Path(__file__).parents[2]
Tree = Callable[[], dict[str, str]]


def run(*arguments: str, code: int) -> str:
    done = CliRunner().invoke(doctor, list(arguments))
    assert done.exit_code == code, done.output
    return done.output


def flat(text: str) -> str:
    """The text without the breaks of its lines."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("name", "card", "words"),
    [
        ("grid-k2", "0000:04:00", "ready"),
        ("gtx-1660", "0000:01:00", "ready"),
        ("a5000-four", "0000:31:00", "ready"),
        ("hgx-h200", "0000:18:00", "ready"),
        ("a10-vfs", "0000:41:00", "divided: its 32 virtual functions go out in its place"),
        ("a10-vfs", "0000:41:00.4", "ready after installing the vGPU host driver"),
        ("mi300x-switches", "0000:0c:00", "ready"),
        ("framebuffer-in-bar", "0000:c3:00", "ready after adding initcall_blacklist=sysfb_init and a reboot"),
    ],
)
def test_a_named_machine_gets_its_verdict(tmp_path: Path, name: str, card: str, words: str) -> None:
    NAMED[name](tmp_path)

    verdicts = {one.card: one.words for one in examine(tmp_path).verdicts}

    assert verdicts[card] == words


FINDINGS = {
    "grid-k2": set(),
    "gtx-1660": set(),
    "a5000-four": set(),
    "hgx-h200": {"fabric-manager"},
    "a10-vfs": {"vfs-enabled", "vgpu-driver"},
    "l40s-vendor-vfio": {"vfs-enabled", "vgpu-type-unset"},
    "a2-and-a16": {"vfs-enabled"},
    "mi300x-switches": set(),
    "gvt-g": {"rom-shadowed"},
    "apu-bad-group": {"group-shared", "rom-shadowed"},
    "no-iommu": {"iommu-off", "rom-shadowed"},
    "framebuffer-in-bar": {"boot-framebuffer"},
}


@pytest.mark.parametrize("name", NAMED)
def test_a_named_machine_gets_its_findings(tmp_path: Path, name: str) -> None:
    """Beside them: a kernel without iommu=pt, and cards that may sleep, which all of them have."""
    NAMED[name](tmp_path)

    codes = {finding.code for finding in examine(tmp_path).findings}

    assert codes - {"iommu-domain", "d3cold"} == FINDINGS[name]


def test_an_apus_bad_group_can_not_and_names_the_members(tmp_path: Path) -> None:
    NAMED["apu-bad-group"](tmp_path)

    (verdict,) = examine(tmp_path).verdicts

    assert verdict.words.startswith("cannot, because 0000:04:00 shares IOMMU group 5 with 0000:04:00.2")


def test_without_an_iommu_the_first_finding_is_the_iommu(tmp_path: Path) -> None:
    NAMED["no-iommu"](tmp_path)

    report = examine(tmp_path)

    assert report.findings[0].code == "iommu-off"
    assert report.verdicts[0].words.startswith("ready after switching on the IOMMU")


def test_the_change_is_told_for_this_boot_loader_and_then_the_card_is_ready(tmp_path: Path) -> None:
    BROKEN["iommu-off"](healthy(tmp_path))

    text = run("--root", str(tmp_path), code=1)

    assert "in GRUB_CMDLINE_LINUX_DEFAULT of /etc/default/grub, run `update-grub`, and reboot" in flat(text)
    assert "read   /proc/cmdline: BOOT_IMAGE=/vmlinuz ro quiet" in text
    assert "\n0000:41:00  ready after adding intel_iommu=on to the kernel command line and a reboot" in text


def test_graphics_that_the_kernel_was_told_to_leave_out_come_back_by_its_argument(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    BROKEN["no-group"](machine)
    change_ids(machine, "8086:4c8a")
    machine.write("proc/cmdline", "quiet iommu=pt intel_iommu=on,igfx_off")

    (finding,) = [one for one in examine(tmp_path).findings if one.code == "no-group"]

    assert "remove intel_iommu=on,igfx_off" in finding.remedy
    assert [type(change).__name__ for change in finding.changes] == ["KernelArgument"] * 2


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a device file, which needs root")
def test_a_vfio_file_that_qemus_user_can_not_open_is_a_warning(tmp_path: Path) -> None:
    healthy(tmp_path)
    node = tmp_path / "dev/vfio/vfio"
    node.unlink()
    os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(10, 196))

    (narrow,) = examine(tmp_path).findings
    node.chmod(0o666)

    assert (narrow.code, narrow.severity, narrow.evidence[0].text) == ("vfio-node", "warns", "mode 0600")
    assert examine(tmp_path).findings == ()


SCHEMA = fastjsonschema.compile(json.loads((ROOT / "docs/reference/doctor.schema.json").read_text()))


@pytest.mark.parametrize("code", BROKEN)
def test_the_json_is_as_its_schema_says_and_no_line_is_over_100_columns(tmp_path: Path, code: str) -> None:
    BROKEN[code](healthy(tmp_path))
    options = ["--root", str(tmp_path), "--memory", "20", *(["--guest"] if code.startswith("guest-d") else [])]

    text, data = CliRunner().invoke(doctor, options), CliRunner().invoke(doctor, [*options, "--json"])

    SCHEMA(json.loads(data.output))
    assert text.exit_code == data.exit_code
    assert max(map(len, text.output.splitlines())) <= 100


@pytest.mark.parametrize("name", NAMED)
def test_a_list_in_a_pipe_is_of_bearable_width(tmp_path: Path, name: str) -> None:
    NAMED[name](tmp_path)

    shown = CliRunner().invoke(main, ["device", "list", "--local", "--all", "--root", str(tmp_path)]).output

    assert max(map(len, shown.splitlines())) <= 100


def test_equal_cards_are_one_line_and_a_vgpu_says_its_type(tmp_path: Path) -> None:
    typed_vgpu(healthy(tmp_path))

    listed = CliRunner().invoke(main, ["device", "list", "--local", "--root", str(tmp_path)]).output
    judged = run("--root", str(tmp_path), code=0)

    assert "vGPU type L40S-1B" in flat(listed)
    assert "vGPU type not set" in flat(listed)
    assert "0000:41:00.5" in judged


def test_what_several_cards_share_is_said_once(tmp_path: Path) -> None:
    NAMED["hgx-h200"](tmp_path)

    lines = run("--root", str(tmp_path), code=0).splitlines()

    assert len([line for line in lines if line.endswith("[d3cold]")]) == 1
    assert "    also   the same of 0000:2a:00, 0000:3a:00" in "\n".join(lines)
    assert (
        len([line for line in lines if line.startswith("8 cards, 0000:18:00 to 0000:db:00  ready  (3D controller")])
        == 1
    )


def test_a_host_without_a_card_is_not_ready_while_something_blocks_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("sys/firmware/acpi/tables/APIC", "")

    without = run("--root", str(tmp_path), code=1)
    machine.function("0000:00:02.0", "8086:1533", "020000", group=1)

    assert "The firmware reports no IOMMU" in without
    assert "has no GPU that PCI shows" in run("--root", str(tmp_path), code=0)


def test_a_device_is_named_as_people_do(tmp_path: Path) -> None:
    healthy(tmp_path)

    names = [examine(tmp_path, name).verdicts[0].card for name in (GPU, "41:00.1", "41:00", "0000:41:00")]

    assert names == ["0000:41:00"] * 4


def test_a_device_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    healthy(tmp_path)

    with pytest.raises(NotFound) as caught:
        examine(tmp_path, "99:00")

    assert "0000:41:00" in caught.value.detail


def test_the_json_holds_findings_and_cards(tmp_path: Path) -> None:
    BROKEN["d3cold"](healthy(tmp_path))

    found = json.loads(run("--root", str(tmp_path), "--json", code=0))

    assert found["cards"] == [
        {
            "card": "0000:41:00",
            "description": found["cards"][0]["description"],
            "words": "ready",
            "ready": True,
            "aside": False,
        }
    ]
    assert found["findings"][0]["code"] == "d3cold"
    assert found["findings"][0]["changes"][0]["kind"] == "Attribute"


def test_apply_shows_and_makes_the_changes_and_undo_takes_them_back(tmp_path: Path, tree: Tree) -> None:
    BROKEN["iommu-off"](healthy(tmp_path))
    before = tree()

    applied = run("--root", str(tmp_path), "--apply", "--yes", code=0)
    line = (tmp_path / "etc/default/grub").read_text().splitlines()[1]
    undone = run("--root", str(tmp_path), "--undo", code=0)

    assert '+GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on"' in applied
    assert "Not run, because this is not the running system's root: `update-grub`" in applied
    assert line == 'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on"'
    assert "restored  /etc/default/grub" in undone
    assert tree() == before
    assert "nothing to undo" in run("--root", str(tmp_path), "--undo", code=0)


def test_without_a_yes_nothing_is_changed(tmp_path: Path, tree: Tree) -> None:
    BROKEN["iommu-off"](healthy(tmp_path))
    before = tree()

    run("--root", str(tmp_path), "--apply", code=1)

    assert tree() == before


def test_a_guests_memory_is_reckoned_with(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    machine.write("proc/cpuinfo", "vendor_id\t: GenuineIntel\naddress sizes\t: 39 bits physical\nflags\t: vmx")

    small, large = (
        run("--root", str(tmp_path), "--memory", "64", code=0),
        run("--root", str(tmp_path), "--memory", "480", code=1),
    )

    assert "\n0000:41:00  ready  (" in small
    assert "address bits" in flat(large) or "can't be pinned" in large


def test_several_cards_and_few_address_bits_are_reckoned_with(tmp_path: Path) -> None:
    NAMED["hgx-h200"](tmp_path)
    (tmp_path / "proc/cpuinfo").write_text(
        "vendor_id\t: GenuineIntel\naddress sizes\t: 52 bits physical\nflags\t: vmx\n"
    )
    (tmp_path / "proc/meminfo").write_text("MemTotal: 2113929216 kB\n")
    (tmp_path / "run/nvidia-fabricmanager").mkdir(parents=True)
    (tmp_path / "run/nvidia-fabricmanager/socket").write_text("")
    wish = ("--memory", "256", "--cards", "4")

    with_few = run("--root", str(tmp_path), "18:00", *wish, "--address-bits", "40", code=1)
    with_all = run("--root", str(tmp_path), "18:00", *wish, code=0)

    assert "would see 1 of 4 cards like 0000:18:00" in flat(with_few)
    assert "giving the guest 42 address bits" in flat(with_few)
    assert "guest-address-space" not in with_all


@pytest.mark.parametrize(("memory", "seen"), [(256, 3), (512, 2), (768, 1)])
def test_four_h100_nvl_with_qemus_default_addresses_are_seen_as_published(
    tmp_path: Path, memory: int, seen: int
) -> None:
    machine = healthy(tmp_path)
    sizes = ((0, 16 << 20), (2, 128 << 30), (4, 32 << 20))
    bars = [Bar(number, size, 0x80_0000_0000 + size, is_64bit=True, is_prefetchable=True) for number, size in sizes]
    machine.function("0000:51:00.0", "10de:2321", "030200", group=11, bars=bars, files={"d3cold_allowed": "0"})
    machine.write("proc/cpuinfo", "vendor_id\t: GenuineIntel\naddress sizes\t: 52 bits physical\nflags\t: vmx\n")
    machine.write("proc/meminfo", "MemTotal: 2113929216 kB")
    wish = ("--memory", str(memory), "--cards", "4")

    few = run("--root", str(tmp_path), "51:00", *wish, "--address-bits", "40", code=1)
    enough = run("--root", str(tmp_path), "51:00", *wish, "--address-bits", "41", code=0)

    assert f"would see {seen} of 4 cards like 0000:51:00" in flat(few)
    assert "ready after giving the guest 41 address bits" in flat(few)
    assert "[guest-address-space]" not in enough


def test_changes_that_wait_for_a_reboot_are_said_to(tmp_path: Path) -> None:
    BROKEN["iommu-off"](healthy(tmp_path))

    run("--root", str(tmp_path), "--apply", "--yes", code=0)

    assert "takes effect after a reboot" in run("--root", str(tmp_path), "--apply", "--yes", code=0)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which needs root")
def test_what_only_root_may_read_is_named(tmp_path: Path) -> None:
    healthy(tmp_path)
    secret = tmp_path / "proc/interrupts"
    secret.chmod(0)
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        report = examine(tmp_path)
    finally:
        os.seteuid(0)

    assert report.not_read == ("/proc/interrupts",)
    assert report.verdicts[0].words == "ready"


@pytest.mark.thorough
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_nonsense_anywhere_gives_findings_and_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("nonsense")
    machine = healthy(root)
    BROKEN[data.draw(st.sampled_from(sorted(BROKEN)))](machine)
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    for path in data.draw(st.lists(st.sampled_from(files), min_size=1, max_size=6, unique=True)):
        content = data.draw(st.sampled_from([b"", b"\0\xff\xfe", b"-1\n", b"9" * 5000, b"0x\n", b"a b c\n" * 40, None]))
        path.unlink()
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)

    report = examine(root)

    assert all(verdict.words for verdict in report.verdicts)
    json.dumps(report.as_json())
    for command in (["doctor"], ["device", "list", "--local", "--all"], ["device", "topology", "--json"]):
        done = CliRunner().invoke(main, [*command, "--root", str(root)])
        assert done.exit_code in (0, 1), done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
