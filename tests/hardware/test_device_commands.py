"""`busway device list --local`, `busway device topology` and `busway snapshot`, on any tree and with no server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from busway.cli.main import main
from busway.testing.machines import Machine
from busway.testing.machines_named import NAMED


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("command", [("list", "--local"), ("topology",)])
def test_each_machine_is_shown_to_people_and_programs(tmp_path: Path, name: str, command: tuple[str, ...]) -> None:
    NAMED[name](tmp_path)

    shown = run("device", *command, "--all", "--root", tmp_path).stdout
    read = json.loads(run("device", *command, "--all", "--json", "--root", tmp_path).stdout)

    assert "0000:" in shown
    assert read


def test_the_list_is_one_of_cards_with_what_is_wrong_with_them(tmp_path: Path) -> None:
    NAMED["apu-bad-group"](tmp_path)

    (card,) = json.loads(run("device", "list", "--local", "--json", "--root", tmp_path).stdout)

    assert (card["card"], len(card["functions"]), card["iommu_group"]) == ("0000:04:00", 5, 5)
    assert [one["address"] for one in card["unusual_in_slot"]] == ["0000:04:00.2", "0000:04:00.3", "0000:04:00.4"]


def test_remarks_name_strangers_holders_and_the_framebuffer(tmp_path: Path) -> None:
    machine = NAMED["framebuffer-in-bar"](tmp_path)
    machine.behind_bridge("0000:01", group=7)
    (machine.folder("0000:c3:00.0") / "drm/card0").mkdir(parents=True)
    machine.hold(812, "Xorg", "/dev/dri/card0")

    shown = " ".join(run("device", "list", "--local", "--root", tmp_path).stdout.split())

    assert "Xorg (812); boot framebuffer" in shown
    assert "group shared with 0000:01:02.0" in shown


def test_addresses_are_not_taken_for_pictures_or_styles(tmp_path: Path) -> None:
    Machine(tmp_path).function("0000:ab:00.0", "abcd:0001", "030200", group=1)

    shown = run("device", "list", "--local", "--root", tmp_path).stdout

    assert "0000:ab:00" in shown
    assert "[abcd:0001]" in shown


def test_the_topology_has_the_way_down_and_the_distances(tmp_path: Path) -> None:
    NAMED["hgx-h200"](tmp_path)

    read = json.loads(run("device", "topology", "--json", "--root", tmp_path).stdout)

    assert read["distances"]["0000:18:00.0"]["0000:19:00.0"] == "PIX"
    assert [socket["numa_nodes"][0]["cpus"] for socket in read["sockets"]] == ["0-55", "56-111"]
    bridge = read["sockets"][1]["numa_nodes"][0]["host_bridges"][0]
    assert bridge["children"][0]["children"][0]["children"][0]["children"][0]["address"] == "0000:9a:00.0"


def test_a_snapshot_is_listed_like_the_machine(tmp_path: Path) -> None:
    NAMED["gtx-1660"](tmp_path / "machine")

    said = run("snapshot", "--root", tmp_path / "machine", "--output", tmp_path / "file").stdout
    shown = run("device", "list", "--local", "--root", tmp_path / "file").stdout

    assert "files and links" in said
    assert shown == run("device", "list", "--local", "--root", tmp_path / "machine").stdout


def test_this_machine_can_be_listed_without_a_server() -> None:
    run("device", "list", "--local", "--all")
    assert "socket" in run("device", "topology").stdout
