"""Needs the lab: what is true inside a lab host, and the ways into it."""

from __future__ import annotations

import concurrent.futures
import signal
import time
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from busway.lab import LabHost, LabRefused, LabTimeout

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

_SCAN = """
for device in /sys/bus/pci/devices/*; do
    driver=$(readlink $device/driver) group=$(readlink $device/iommu_group)
    echo ${device##*/} $(cat $device/vendor $device/device) ${group##*/} $(cat $device/numa_node) ${driver##*/}-
done
"""


@dataclass(frozen=True)
class Found:
    address: str
    ids: str
    group: str
    node: int
    driver: str


@pytest.fixture(scope="module")
def devices(lab_host: LabHost) -> list[Found]:
    lines = lab_host.exec(["sh", "-c", _SCAN]).text().splitlines()
    rows = [line.split() for line in lines]
    return [Found(r[0], f"{r[1][2:]}:{r[2][2:]}", r[3], int(r[4]), r[5].rstrip("-")) for r in rows]


def _gpus(devices: list[Found]) -> list[Found]:
    return [device for device in devices if device.ids == "1234:1111" and device.node >= 0]


def test_each_gpu_is_alone_in_its_iommu_group(devices: list[Found]) -> None:
    groups = [device.group for device in devices]

    assert len(_gpus(devices)) == 4
    assert [groups.count(gpu.group) for gpu in _gpus(devices)] == [1, 1, 1, 1]


def test_gpus_are_spread_over_two_numa_nodes(devices: list[Found]) -> None:
    assert sorted(gpu.node for gpu in _gpus(devices)) == [0, 0, 1, 1]


def test_the_hosts_own_drivers_hold_the_devices(devices: list[Found]) -> None:
    drivers = {device.ids: device.driver for device in devices}

    assert {gpu.driver for gpu in _gpus(devices)} == {"bochs-drm"}
    assert drivers["8086:2668"] == "snd_hda_intel"
    assert drivers["1b36:0010"] == "nvme"
    assert drivers["1af4:1050"] == "virtio-pci"


def test_the_card_is_two_functions_of_one_group(devices: list[Found]) -> None:
    picture = next(device for device in devices if device.ids == "1002:5159")
    sound = next(device for device in devices if device.ids == "8086:2668")

    assert picture.group == sound.group
    assert picture.address.partition(".")[0] == sound.address.partition(".")[0]


def test_devices_behind_the_conventional_bridge_share_a_group(devices: list[Found]) -> None:
    edu = next(device for device in devices if device.ids == "1234:11e8")

    assert {d.ids for d in devices if d.group == edu.group} == {"1234:11e8", "1234:1111", "1b36:000e"}


def test_virtual_functions_come_and_go_each_in_its_own_group(lab_host: LabHost, devices: list[Found]) -> None:
    physical = next(device.address for device in devices if device.ids == "1b36:0010")
    count = f"/sys/bus/pci/devices/{physical}/sriov_numvfs"

    lab_host.write(count, b"4")
    groups = lab_host.exec(["sh", "-c", f"readlink /sys/bus/pci/devices/{physical}/virtfn*/iommu_group"]).text()
    lab_host.write(count, b"0")

    assert len(set(groups.splitlines())) == 4


def test_the_host_runs_guests_with_kvm(lab_host: LabHost) -> None:
    assert lab_host.exec(["test", "-c", "/dev/kvm"]).returncode == 0


def test_a_command_gives_its_output_and_its_code(lab_host: LabHost) -> None:
    done = lab_host.exec(["sh", "-c", "cat; echo $WORD >&2; exit 7"], stdin=b"\0in", env={"WORD": "err"})

    assert (done.returncode, done.stdout, done.stderr) == (7, b"\0in", b"err\n")


def test_a_short_command_is_quick(lab_host: LabHost) -> None:
    lab_host.exec(["true"])
    begun = time.monotonic()
    for _ in range(5):
        lab_host.exec(["true"])

    assert (time.monotonic() - begun) / 5 < 1.0  # 0.1 s on a machine that does nothing else


def test_much_output_comes_whole(lab_host: LabHost) -> None:
    assert len(lab_host.exec(["head", "-c", "5000000", "/dev/zero"]).stdout) == 5_000_000


def test_many_at_once_each_get_their_own_answer(lab_host: LabHost) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: lab_host.exec(["echo", str(n)]).text(), range(16)))

    assert said == [f"{n}\n" for n in range(16)]


def test_a_command_over_its_time_is_ended(lab_host: LabHost) -> None:
    with pytest.raises(LabTimeout):
        lab_host.exec(["sleep", "4321"], timeout=2)

    gone = "for i in 1 2 3 4 5 6 7 8 9; do pgrep -f 'sleep 432[1]' || exit 0; sleep 0.5; done; exit 1"
    assert lab_host.exec(["sh", "-c", gone]).returncode == 0


def test_a_program_that_is_not_there_is_named(lab_host: LabHost) -> None:
    with pytest.raises(LabRefused, match="can't run no-such-program"):
        lab_host.exec(["no-such-program"])


def test_files_go_both_ways(lab_host: LabHost) -> None:
    lab_host.write("/var/lib/busway/deep/file", b"\0\xff", mode=0o600)

    assert lab_host.read("/var/lib/busway/deep/file") == b"\0\xff"
    with pytest.raises(LabRefused, match="No such file"):
        lab_host.read("/no/such")


def test_a_spawned_process_outlives_the_request_and_is_killed_by_name(lab_host: LabHost) -> None:
    pid = lab_host.spawn(["sh", "-c", "echo $0 begins; exec sleep 600", "it"], log="spawned.log")
    log = lab_host.share / "log" / "spawned.log"
    deadline = time.monotonic() + 30
    while log.read_text() != "it begins\n":
        assert time.monotonic() < deadline
        time.sleep(0.1)

    assert lab_host.kill(pid, signal.Signals.SIGTERM)
    while lab_host.kill(pid, signal.Signals.SIGKILL):
        assert time.monotonic() < deadline
        time.sleep(0.1)


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from outside")

    def log_message(self, *args: object) -> None:
        pass


def test_the_host_reaches_a_server_on_the_outer_machines_loopback(lab_host: LabHost) -> None:
    with HTTPServer(("127.0.0.1", 0), _Hello) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://10.0.2.2:{server.server_port}/"
        said = lab_host.exec(["busybox", "wget", "-q", "-O", "-", url], timeout=30).text()
        server.shutdown()

    assert said == "from outside"


def test_a_port_is_forwarded_to_an_inner_address(lab_host: LabHost) -> None:
    served = lab_host.spawn(["busybox", "httpd", "-f", "-p", "10.0.2.15:8080", "-h", "/mnt/lab/log"], log="httpd.log")
    lab_host.write("/mnt/lab/log/page", b"from inside")

    port = lab_host.forward("10.0.2.15", 8080)
    said = urllib.request.urlopen(f"http://127.0.0.1:{port}/page", timeout=20).read()
    again = lab_host.forward("10.0.2.15", 8080)
    lab_host.forward_remove("10.0.2.15", 8080)
    lab_host.kill(served, signal.Signals.SIGKILL)

    assert said == b"from inside"
    assert again == port


def test_a_file_changed_outside_is_seen_after_refresh(
    lab_host: LabHost, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("outer") / "file"
    file.write_text("old")
    assert lab_host.read(str(file)) == b"old"

    file.write_text("new and longer")
    lab_host.refresh()

    assert lab_host.read(str(file)) == b"new and longer"
