"""`busway server` against a real control plane whose host obeys."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from busway.cli.main import main
from busway.cli.server_words import reached_at
from busway.control.agents.access import put_console
from busway.control.identity.directory import clouds_yaml
from busway.control.placement.place import place_round
from busway.domain.ids import ServerId
from tests.api.serving import PASSWORD, ApiServer
from tests.api.test_keypairs import PUBLIC
from tests.control.clouds import Host

Run = Callable[..., Result]


@pytest.fixture
def run(api_server: ApiServer, tmp_path: Path) -> Run:
    return runner(api_server, tmp_path)


def runner(api_server: ApiServer, folder: Path) -> Run:
    """Runs `busway server ...` to its end and returns what it printed."""
    clouds = folder / "clouds.yaml"
    clouds.write_text(clouds_yaml(api_server.url, PASSWORD))

    def command(*arguments: str, code: int = 0) -> Result:
        name, *rest = arguments
        done = CliRunner().invoke(main, ["server", name, "--clouds", str(clouds), *rest])
        assert done.exit_code == code, done.output
        return done

    return command


@pytest.fixture
def host(api_server: ApiServer) -> Host:
    """A host with two GPUs; m1.small asks for one, and m1.medium for two."""
    client = api_server.client()
    for flavor, count in (("2", 1), ("3", 2)):
        specs = {"extra_specs": {"pci_passthrough:alias": f"a1:{count}"}}
        client.post(f"/compute/v2.1/flavors/{flavor}/os-extra_specs", json=specs).raise_for_status()
    api_server.image()
    return api_server.host(count=2)


@contextmanager
def obeying(api_server: ApiServer, obey: Callable[[], object]) -> Iterator[None]:
    """The loops of the control plane and the agent of a host, as threads, while the block runs."""
    over = threading.Event()

    def turn() -> None:
        while not over.wait(0.05):
            place_round(api_server.control)
            obey()

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_server_is_created_by_its_gpus_and_waited_for(api_server: ApiServer, host: Host, run: Run) -> None:
    with obeying(api_server, host.obey):
        made = run("create", "train", "--gpu", "A1:2", "--wait", "--timeout", "30")

    assert "Flavor m1.medium" in made.stderr and "Image new1, the only one." in made.stderr
    assert "s  server BUILD -> ACTIVE: its host reports that it runs" in made.stderr
    assert "status   ACTIVE" in made.stdout and "address  10.66.0.10" in made.stdout
    assert made.stdout.count("(allocated)") == 2


def test_a_fault_is_told_in_words(api_server: ApiServer, host: Host, run: Run) -> None:
    first = run("create", "one", "--gpu", "a1:2", "--json")
    with obeying(api_server, host.obey):
        refused = run("create", "two", "--gpu", "a1", "--wait", "--timeout", "30", code=1)

    assert json.loads(first.stdout)["status"] == "BUILD"
    assert "Error: two is in ERROR: No valid host" in refused.stderr
    assert "What to do:" in refused.stderr and "[server-in-error]" in refused.stderr


def test_what_is_waited_for_is_told_when_time_is_over(run: Run, host: Host) -> None:
    late = run("create", "one", "--gpu", "a1", "--wait", "--timeout", "0.1", code=1)

    assert "waits for a place on a host" in late.stderr and "[wait-timeout]" in late.stderr


@pytest.mark.thorough
def test_a_server_is_stopped_started_restarted_and_deleted_by_its_name(
    api_server: ApiServer, host: Host, run: Run
) -> None:
    wait = ("--wait", "--timeout", "30")
    with obeying(api_server, host.obey):
        run("create", "train", "--gpu", "a1", *wait)
        stopped = run("stop", "train", *wait)
        started = run("start", "train", *wait)
        again = run("reboot", "train", "--hard", *wait)
        gone = run("delete", "train", *wait)
    listed = run("list")

    assert stopped.stdout == "train is SHUTOFF.\n" and "ACTIVE -> SHUTOFF" in stopped.stderr
    assert (started.stdout, again.stdout, gone.stdout) == (
        "train is ACTIVE.\n",
        "train is ACTIVE.\n",
        "train is DELETED.\n",
    )
    assert "There is no server." in listed.stdout


@pytest.mark.thorough
def test_a_server_is_paused_and_goes_on_and_one_with_a_device_is_not_suspended(
    api_server: ApiServer, host: Host, run: Run
) -> None:
    wait = ("--wait", "--timeout", "30")
    with obeying(api_server, host.obey):
        run("create", "train", "--gpu", "a1", *wait)
        run("create", "plain", "--flavor", "m1.tiny", *wait)
        paused = run("pause", "train", *wait)
        on = run("unpause", "train", *wait)
        refused = run("suspend", "train", code=1)
        kept = run("suspend", "plain", *wait)
        back = run("resume", "plain", *wait)

        rescued = run("rescue", "train", "--password", "word", *wait)
        mended = run("unrescue", "train", *wait)

    assert (rescued.stdout, mended.stdout) == ("train is RESCUE.\n", "train is ACTIVE.\n")
    assert (paused.stdout, on.stdout) == ("train is PAUSED.\n", "train is ACTIVE.\n")
    assert "[suspend-devices]" in refused.stderr and "a1" in refused.stderr
    assert (kept.stdout, back.stdout) == ("plain is SUSPENDED.\n", "plain is ACTIVE.\n")


def test_a_name_that_several_servers_have_is_refused_with_their_ids(run: Run, host: Host) -> None:
    ids = [json.loads(run("create", "twin", "--gpu", "a1", "--json").stdout)["id"] for _ in range(2)]

    refused = run("delete", "twin", code=1)
    gone = run("delete", *ids)

    assert all(each in refused.stderr for each in ids) and "[name-ambiguous]" in refused.stderr
    assert gone.stdout == "twin is asked to go.\ntwin is asked to go.\n"
    assert "-not-found]" in run("delete", ids[0], code=1).stderr


def test_an_unknown_name_is_answered_with_the_nearest(run: Run, host: Host) -> None:
    run("create", "training.1", "--gpu", "a1")

    assert "Did you mean training.1?" in run("show", "training1", code=1).stderr
    assert "There are: m1.large" in run("create", "x", "--flavor", "zzz", code=1).stderr
    assert "training.1" in run("why", "training.1").stdout


def test_devices_that_no_flavor_has_are_answered_with_those_that_are_there(run: Run, host: Host) -> None:
    refused = run("create", "x", "--gpu", "a1:4", code=1)

    assert "No flavor has exactly a1:4" in refused.stderr
    assert "a1:1 (m1.small)" in refused.stderr and "a1:2 (m1.medium)" in refused.stderr
    assert "[gpu-word]" in run("create", "x", "--gpu", "a1:none", code=1).stderr
    assert "Say how large" in run("create", "x", code=2).stderr


def test_a_list_shows_addresses_devices_and_image(run: Run, host: Host) -> None:
    run("create", "train", "--gpu", "a1")
    shown = run("list")
    rows = json.loads(run("list", "--json").stdout)

    for word in ("train", "BUILD (scheduling)", "10.66.0.10", "m1.small", "a1:1", "new1"):
        assert word in shown.stdout
    assert [row["name"] for row in rows] == ["train"]
    assert json.loads(run("list", "--json", "--status", "ERROR").stdout) == []


def test_a_key_pair_is_made_of_a_file_once(run: Run, host: Host, tmp_path: Path, api_server: ApiServer) -> None:
    file = tmp_path / "id_ed25519.pub"
    file.write_text(PUBLIC)
    for name in ("one", "two"):
        run("create", name, "--gpu", "a1", "--key", str(file))
    keys = api_server.client().get("/compute/v2.1/os-keypairs").json()["keypairs"]
    private = tmp_path / "id_ed25519"
    private.write_text("-----BEGIN OPENSSH PRIVATE KEY-----")

    assert len(keys) == 1 and keys[0]["keypair"]["name"].startswith("id_ed25519-")
    assert "[key-private]" in run("create", "x", "--gpu", "a1", "--key", str(private), code=1).stderr
    assert "no key pair or file" in run("create", "x", "--gpu", "a1", "--key", "nokey", code=1).stderr


def test_what_is_asked_for_reaches_the_server(run: Run, host: Host, tmp_path: Path, api_server: ApiServer) -> None:
    data = tmp_path / "data"
    data.write_text("#cloud-config\n")
    more = ["--user-data", str(data), "--meta", "team=ml", "--zone", "nova", "--network", "private"]
    made = json.loads(run("create", "x", "--flavor", "m1.tiny", "--image", "new1", *more, "--json").stdout)

    assert made["metadata"] == {"team": "ml"} and made["OS-EXT-AZ:availability_zone"] == "nova"
    assert made["OS-EXT-SRV-ATTR:user_data"] == "I2Nsb3VkLWNvbmZpZwo=" and list(made["addresses"]) == ["private"]
    assert "not KEY=VALUE" in run("create", "x", "--flavor", "m1.tiny", "--meta", "team", code=2).stderr


@pytest.fixture
def ssh_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a program of the name ssh writes the words that it was called with; it ends with 7."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program, line = folder / "ssh", tmp_path / "line"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {line}\nexit 7\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return line


def test_ssh_goes_to_the_server_as_the_user_of_its_image(
    api_server: ApiServer, host: Host, run: Run, ssh_line: Path
) -> None:
    image = api_server.image("deb", os_distro="debian")
    made = json.loads(run("create", "train", "--gpu", "a1", "--image", image, "--json").stdout)
    early = run("ssh", "train", code=1)
    with obeying(api_server, host.obey):
        run("ssh", "train", "--wait", "--port", api_server.url.rpartition(":")[2], "--address", "::2", code=1)
    done = run("ssh", "train", "--", "nvidia-smi", "-L", code=7)

    assert "[server-not-running]" in early.stderr and done.exit_code == 7
    words = ssh_line.read_text().split("\n")[:-1]
    assert words[-5:] == ["-l", "debian", "10.66.0.10", "nvidia-smi", "-L"]
    assert f"HostKeyAlias=busway-{made['id']}" in words


def test_a_server_is_reached_at_its_floating_address_first() -> None:
    fixed, floating = {"addr": "10.0.0.5", "version": 4}, {"addr": "203.0.113.9", "version": 4}
    held = [{**fixed, "OS-EXT-IPS:type": "fixed"}, {**floating, "OS-EXT-IPS:type": "floating"}]

    assert reached_at({"addresses": {"mine": held}}) == ["203.0.113.9", "10.0.0.5"]
    assert reached_at({"addresses": {"mine": held[:1]}}) == ["10.0.0.5"]


def test_the_console_is_printed_as_far_as_it_is_kept(api_server: ApiServer, host: Host, run: Run) -> None:
    made = json.loads(run("create", "train", "--gpu", "a1", "--json").stdout)
    place_round(api_server.control)
    put_console(api_server.control, host.id, ServerId(made["id"]), "one\ntwo\nthree\n")

    assert run("console", "train").stdout == "one\ntwo\nthree\n"
    assert run("console", "train", "--lines", "2").stdout == "two\nthree\n"


def test_a_link_to_a_console_is_printed_for_a_server_that_runs(api_server: ApiServer, host: Host, run: Run) -> None:
    run("create", "train", "--gpu", "a1")
    early = run("console", "train", "--url", "novnc", code=1)
    place_round(api_server.control)
    host.obey()

    assert "[console-not-running]" in early.stderr
    assert f"{api_server.url}/consoles/vnc.html?path=" in run("console", "train", "--url", "novnc").stdout
    assert "/consoles/serial.html?path=" in run("console", "train", "--url", "serial").stdout
