"""--apply and --undo: byte for byte, also after a crash at any point."""

from collections.abc import Callable
from pathlib import Path

import pytest

from busway.doctor.act import Act, Run, SetValue, WriteFile
from busway.doctor.examine import examine_host
from busway.doctor.host import Host
from busway.doctor.journal import JOURNAL, Journal
from busway.doctor.plan import plan
from busway.domain.errors import Conflict, HostError
from tests.doctor.hosts import BROKEN, GPU, healthy

Tree = Callable[[], dict[str, str]]
VALUE = f"/sys/bus/pci/devices/{GPU}/d3cold_allowed"


class Crash(BaseException):
    """The power goes out: nothing catches this."""


def acts(root: Path) -> tuple[Act, ...]:
    """Faults that need every kind of act: an edited file, new files in new folders, values."""
    machine = healthy(root)
    for code in ("early-bind-lost", "d3cold", "boot-framebuffer"):
        BROKEN[code](machine)
    host = Host(root)
    return plan(host, examine_host(host).findings)


def test_the_plan_has_every_kind_of_act(tmp_path: Path) -> None:
    planned = acts(tmp_path)

    files = {act.path for act in planned if isinstance(act, WriteFile)}
    assert "/etc/default/grub" in files
    assert "/etc/modprobe.d/busway-vfio.conf" in files
    assert "/etc/udev/rules.d/90-busway-power.rules" in files
    assert SetValue(VALUE, "0") in planned
    assert [act.command[0] for act in planned if isinstance(act, Run)] == ["update-grub", "update-initramfs"]


def test_what_is_applied_mends_the_host_and_undo_restores_it(tmp_path: Path, tree: Tree) -> None:
    planned = acts(tmp_path)
    before = tree()
    journal = Journal(tmp_path)

    left_out = journal.apply(planned)
    during = tree()
    codes = {finding.code for finding in examine_host(Host(tmp_path)).findings}
    journal.undo()

    assert [run.command[0] for run in left_out] == ["update-grub", "update-initramfs"]
    assert during != before
    assert "d3cold" not in codes
    assert (tmp_path / "etc/default/grub").read_text().count("sysfb_init") == 0
    assert tree() == before


def test_modes_of_files_are_kept(tmp_path: Path, tree: Tree) -> None:
    planned = acts(tmp_path)
    (tmp_path / "etc/default/grub").chmod(0o600)
    before = tree()

    Journal(tmp_path).apply(planned)
    mode = (tmp_path / "etc/default/grub").stat().st_mode & 0o777
    Journal(tmp_path).undo()

    assert mode == 0o600
    assert tree() == before


def points(tmp_path: Path) -> list[str]:
    seen: list[str] = []
    Journal(tmp_path, watch=seen.append).apply(acts(tmp_path))
    return seen


def test_a_crash_at_any_point_of_applying_can_be_undone(tmp_path_factory: pytest.TempPathFactory) -> None:
    count = len(points(tmp_path_factory.mktemp("count")))
    assert count > 15
    for number in range(count):
        root = tmp_path_factory.mktemp(f"crash{number}")
        planned = acts(root)
        before = _picture(root)

        with pytest.raises(Crash):
            Journal(root, watch=_crash_at(number)).apply(planned)
        Journal(root).undo()

        assert _picture(root) == before, f"crash at point {number}"


def test_a_crash_while_undoing_can_be_undone_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    for number in range(5):
        root = tmp_path_factory.mktemp(f"crash{number}")
        planned = acts(root)
        before = _picture(root)
        Journal(root).apply(planned)

        with pytest.raises(Crash):
            Journal(root, watch=_crash_at(number)).undo()
        Journal(root).undo()

        assert _picture(root) == before


def test_a_crash_while_a_failed_apply_is_taken_back_leaves_the_earlier_changes_undoable(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for number in range(80):
        root = tmp_path_factory.mktemp(f"crash{number}")
        first, *others = acts(root)
        before = _picture(root)
        Journal(root).apply([first])

        try:
            Journal(root, watch=_crash_at(number)).apply([*others, SetValue("/sys/no/such/file", "1")])
        except HostError:  # it came to its end: all points were tried
            assert number > 10
            return
        except Crash:
            pass
        Journal(root).undo()

        assert _picture(root) == before, f"crash at point {number}"
    pytest.fail("there are more points than expected")


def test_a_journal_line_that_was_cut_short_was_not_acted_on(tmp_path: Path, tree: Tree) -> None:
    planned = acts(tmp_path)
    before = tree()
    Journal(tmp_path).apply(planned)
    with (tmp_path / JOURNAL).open("a") as file:
        file.write('{"kind": "file", "pa')

    Journal(tmp_path).undo()

    assert tree() == before


def test_an_act_that_fails_takes_the_others_with_it(tmp_path: Path, tree: Tree) -> None:
    planned = (*acts(tmp_path), SetValue("/sys/no/such/file", "1"))
    before = tree()

    with pytest.raises(HostError) as caught:
        Journal(tmp_path).apply(planned)

    assert caught.value.code == "unsafe-change"
    assert tree() == before


def test_a_file_that_somebody_else_changed_is_not_overwritten(tmp_path: Path, tree: Tree) -> None:
    planned = acts(tmp_path)
    Journal(tmp_path).apply(planned)
    (tmp_path / "etc/default/grub").write_text("mine\n")
    before = tree()

    with pytest.raises(Conflict) as caught:
        Journal(tmp_path).undo()

    assert "/etc/default/grub" in caught.value.brief
    assert tree() == before


def test_applying_twice_is_one_undo(tmp_path: Path, tree: Tree) -> None:
    planned = acts(tmp_path)
    before = tree()

    Journal(tmp_path).apply(planned[:2])
    Journal(tmp_path).apply([*planned[2:], WriteFile("/etc/default/grub", b"again\n")])
    Journal(tmp_path).undo()

    assert tree() == before
    assert Journal(tmp_path).is_empty


def test_a_link_that_leaves_the_root_is_not_followed(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "etc").mkdir(parents=True)
    (root / "etc/default").symlink_to(elsewhere)

    with pytest.raises(HostError) as caught:
        Journal(root).apply([WriteFile("/etc/default/grub", b"x")])

    assert caught.value.code == "unsafe-change"
    assert list(elsewhere.iterdir()) == []


def _crash_at(number: int) -> Callable[[str], None]:
    left = [number]

    def watch(_point: str) -> None:
        if left[0] == 0:
            raise Crash
        left[0] -= 1

    return watch


def _picture(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_bytes().hex() if path.is_file() and not path.is_symlink() else ""
        for path in sorted(root.rglob("*"))
    }


def test_programs_run_after_the_files_and_again_after_they_are_restored(tmp_path: Path, tree: Tree) -> None:
    planned = acts(tmp_path)
    before = tree()
    seen: list[tuple[str, bool]] = []
    rules = tmp_path / "etc/udev/rules.d/90-busway-power.rules"

    def runner(command: tuple[str, ...]) -> None:
        seen.append((command[0], rules.exists()))

    Journal(tmp_path, runner, is_running=True).apply(planned)
    Journal(tmp_path, runner, is_running=True).undo()

    assert seen == [(name, there) for there in (True, False) for name in ("update-grub", "update-initramfs")]
    assert tree() == before


def test_a_program_that_fails_takes_the_files_with_it(tmp_path: Path, tree: Tree) -> None:
    planned = acts(tmp_path)
    before = tree()
    failures = [HostError("`update-grub` failed", code="program-failed")]

    def runner(_command: tuple[str, ...]) -> None:
        if failures:
            raise failures.pop()

    with pytest.raises(HostError):
        Journal(tmp_path, runner, is_running=True).apply(planned)

    assert tree() == before
