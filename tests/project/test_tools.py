from pathlib import Path

import pytest
from tools.cache import cache_folder
from tools.clients import TOOLS
from tools.command import ROOT, SetupError
from tools.environment import Environment, lock_stanzas
from tools.packages import is_debian_12, list_packages, missing_packages, parse_packages
from tools.stages import Stage, check_stages, clients_stages, run_stages
from tools.stages import test_stages as every_stage


def test_a_package_line_has_a_name_and_a_reason() -> None:
    packages = parse_packages("# heading\n\ngcc  # builds libvirt-python\n")

    assert [(package.name, package.why) for package in packages] == [("gcc", "builds libvirt-python")]


@pytest.mark.parametrize("line", ["gcc", "gcc make  # two in one line", "gcc  #"])
def test_a_package_line_without_one_name_and_one_reason_is_refused(line: str) -> None:
    with pytest.raises(SetupError, match="line 1"):
        parse_packages(line)


def test_the_package_list_of_the_project_can_be_read() -> None:
    names = [package.name for package in list_packages()]

    assert "libvirt-dev" in names
    assert len(names) == len(set(names))


def test_only_packages_that_dpkg_lacks_are_missing() -> None:
    assert missing_packages(["dpkg", "no-such-package-of-busway"]) == ["no-such-package-of-busway"]


def test_debian_12_is_told_from_others() -> None:
    assert is_debian_12('PRETTY_NAME="Debian"\nID=debian\nVERSION_ID="12"\n')
    assert not is_debian_12('ID=debian\nVERSION_ID="13"\n')
    assert not is_debian_12('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="12"\n')


def test_the_cache_of_root_can_be_read_by_others() -> None:
    assert cache_folder({"HOME": "/root"}, uid=0) == Path("/var/cache/busway")


def test_the_cache_of_a_user_is_at_home() -> None:
    assert cache_folder({"HOME": "/home/ada"}, uid=1000) == Path("/home/ada/.cache/busway")
    assert cache_folder({"HOME": "/home/ada", "XDG_CACHE_HOME": "/x"}, uid=1000) == Path("/x/busway")


def test_the_cache_can_be_chosen() -> None:
    assert cache_folder({"HOME": "/root", "BUSWAY_CACHE": "/big/cache"}, uid=0) == Path("/big/cache")


def test_a_lock_is_split_into_packages() -> None:
    stanzas = lock_stanzas(
        "one==1 \\\n    --hash=sha256:aa\ntwo-b==2 ; sys_platform == 'win32' \\\n    --hash=sha256:bb\n"
    )

    assert stanzas["one"] == "one==1 \\\n    --hash=sha256:aa\n"
    assert list(stanzas) == ["one", "two-b"]


def test_an_environment_that_was_never_made_is_not_current(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("")

    assert not Environment(tmp_path / "venv", lock, editable=False).is_current()


def test_an_environment_is_remade_when_its_lock_changes(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("")
    environment = Environment(tmp_path / "venv", lock, editable=False)
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    environment.record()
    assert environment.is_current()

    lock.write_text("# changed\n")

    assert not environment.is_current()


def test_stages_stop_at_the_first_failure(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    after = tmp_path / "after"
    stages = [Stage("good", ("true",)), Stage("bad", ("sh", "-c", "exit 3")), Stage("after", ("touch", str(after)))]

    code = run_stages(stages)

    assert code == 3
    assert not after.exists()
    assert "bad: FAILED" in capfd.readouterr().out


def test_lanes_run_at_the_same_time_and_each_to_its_end(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one, two, after, third = (tmp_path / name for name in ("one", "two", "after", "third"))
    meet = "touch {}; for n in $(seq 100); do test -e {} && echo met && exit {}; sleep 0.1; done; exit 9"
    stages = [
        Stage("first", ("sh", "-c", meet.format(one, two, 4)), lane="a"),
        Stage("unreached", ("touch", str(after)), lane="a"),
        Stage("second", ("sh", "-c", meet.format(two, one, 0)), lane="b"),
        Stage("third", ("sh", "-c", f"touch {third}"), lane="b"),
        Stage("after", ("touch", str(after))),
    ]

    code = run_stages(stages)

    told = capfd.readouterr().out
    assert (code, after.exists(), third.exists()) == (4, False, True)
    assert "[first] met" in told and "[second] met" in told
    assert "first: FAILED" in told and "second: passed" in told


def test_a_run_tells_how_long_each_stage_took(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_stages([Stage("one", ("true",)), Stage("two", ("true",))]) == 0

    assert "all 2 stages passed" in capfd.readouterr().out


def test_checks_leave_out_what_takes_long_and_tests_do_not() -> None:
    [fast] = [stage for stage in check_stages() if stage.name == "tests"]
    [whole] = [stage for stage in every_stage() if stage.name == "tests"]

    marks = "not lab and not clients and not processes and not browser"
    assert f"{marks} and not postgres and not thorough" in fast.command
    assert f"{marks} and not again" in whole.command


def test_tests_leave_to_make_clients_what_needs_more_environments() -> None:
    [clients] = [stage for stage in every_stage() if stage.name == "clients"]

    assert "clients and not tools" in clients.command
    assert [stage.name for stage in clients_stages()] == ["clients", "clients of Debian 12", "tools"]
    assert {environment.lock.name for environment in TOOLS.values()} == {
        path.name for path in (ROOT / "requirements").glob("client-*.txt")
    }


def test_everything_ends_with_the_clients_and_with_two_labs_side_by_side() -> None:
    assert [stage.name for stage in every_stage()][-4:] == ["clients", "cloud", "lab", "fuzz"]
