import threading
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from busway.agent.own_address import own_address
from busway.domain.documents import Desired
from busway.domain.errors import Unavailable
from busway.domain.host_facts import ACS_OVERRIDE, GuestKind, HostCell
from busway.domain.server import PowerState
from busway.hypervisor.seam import DomainSeen
from busway.testing.machines import gpu_host
from busway.testing.stage import ONE, TWO, Stage, desired_server


class PatientStop(threading.Event):
    """A stop that does not wait, remembers how long it should have, and comes after some rounds."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._rounds = rounds

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0.0)
        if len(self.pauses) == self._rounds:
            self.set()
        return self.is_set()


def test_a_report_has_the_hosts_address_towards_the_control_plane(stage: Stage) -> None:
    stage.settle(stage.agent())

    assert stage.link.last.resources.address == "127.0.0.1"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://127.0.0.2:8774", "127.0.0.1"),
        ("http://[::1]:1/x", "::1"),
        ("http://nobody.invalid", ""),
        ("http://[", ""),
    ],
)
def test_an_address_that_cannot_be_told_is_empty(url: str, address: str) -> None:
    assert own_address(url) == address


def test_a_quiet_host_reports_every_ten_seconds(stage: Stage) -> None:
    agent = stage.agent()

    stage.settle(agent, rounds=31)

    assert len(stage.link.reports) == 4


def test_a_change_is_reported_at_once(stage: Stage) -> None:
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    stage.settle(agent)
    count = len(stage.link.reports)

    stage.hypervisor.power_off_from_inside(ONE)
    agent.round()

    assert len(stage.link.reports) == count + 1


def test_each_report_has_a_greater_sequence_even_if_the_clock_goes_back(stage: Stage) -> None:
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    stage.settle(agent)
    stage.hands.now -= 1000

    stage.hypervisor.power_off_from_inside(ONE)
    agent.round()

    assert stage.link.last.servers[0].power is PowerState.SHUTOFF


def test_the_next_agent_goes_on_above_the_reports_of_a_clock_that_was_ahead(stage: Stage) -> None:
    stage.hands.now += 1e9
    stage.settle(stage.agent(), 1)
    stage.hands.now -= 1e9

    stage.settle(stage.agent(), 2)

    assert len(stage.link.reports) > 1
    assert stage.link.last.sequence > stage.link.reports[0].sequence


def test_a_host_whose_disk_is_full_goes_on_reporting(stage: Stage) -> None:
    (stage.state.path / ".sequence.new").mkdir()  # the number of a report can't be written down any more

    stage.settle(stage.agent(), 31)

    assert len(stage.link.reports) == 4


def test_a_host_without_its_control_plane_goes_on_with_what_it_knows(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    agent = stage.agent()
    stage.settle(agent)

    stage.link.away = True
    stage.kernel.reboot()
    stage.hypervisor.power_off_from_inside(ONE)
    with capture_logs() as lines:
        stage.settle(agent)
    stage.link.away = False
    stage.settle(agent)

    assert stage.driver(gpu) == "vfio-pci"
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
        "control plane: trouble",
        "reports: trouble",
    ]
    assert stage.link.last.servers[0].power is PowerState.SHUTOFF


def test_a_hypervisor_that_is_away_is_never_reported_as_an_empty_host(stage: Stage) -> None:
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    stage.settle(agent)
    count = len(stage.link.reports)

    stage.hypervisor.away = True
    stage.settle(agent, rounds=30)

    assert len(stage.link.reports) == count


def test_the_log_tells_of_the_hosts_resources_as_a_resource_tracker_does(stage: Stage) -> None:
    first, *_ = gpu_host(stage.root, 4)
    stage.desire(desired_server(ONE, first))

    with capture_logs() as lines:
        stage.settle(stage.agent())

    views = [line["event"] for line in lines if line["event"].startswith("Final resource view: ")]
    assert len(views) == 1
    assert "name=host-1 phys_ram=65536MB used_ram=2048MB" in views[0]
    assert "total_vcpus=64 used_vcpus=2" in views[0]
    assert (
        "PciPool(vendor_id=10de, product_id=20b5, numa_node=0, dev_type=type-PCI, count=1), "
        "PciPool(vendor_id=10de, product_id=20b5, numa_node=1, dev_type=type-PCI, count=2)]"
    ) in views[0]


def test_every_step_is_logged_with_its_reason(stage: Stage) -> None:
    stage.desire(desired_server(ONE))

    with capture_logs() as lines:
        stage.settle(stage.agent())

    assert [(line["step"], line["reason"]) for line in lines if line["event"] == "step starts"] == [
        ("FetchImage", "image img is not in the cache"),
        ("MakeDisk", "there is no root disk 1"),
        ("MakeConfigDrive", "there is no config drive"),
        ("DefineDomain", "libvirt does not know it"),
        ("StartDomain", "start 1 is asked for"),
        ("RecordCounters", "counters follow the act"),
    ]


def test_an_agent_runs_until_it_is_told_to_stop(stage: Stage) -> None:
    stage.desire(desired_server(ONE))
    stop = threading.Event()
    stage.link.on_report = lambda observed: stop.set() if observed.generation == 1 else None

    worker = threading.Thread(target=stage.agent().run, args=(stop,))
    worker.start()
    worker.join(30)

    assert not worker.is_alive()
    assert stage.link.last.servers[0].power is PowerState.RUNNING


def test_consoles_are_handed_in_only_when_they_change(stage: Stage) -> None:
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    stage.settle(agent)
    stage.link.consoles.clear()

    stage.settle(agent)
    quiet = dict(stage.link.consoles)
    stage.state.files(ONE).console.write_bytes(b"a" * 200_000 + b"end")
    stage.settle(agent)

    assert quiet == {}
    assert len(stage.link.consoles[ONE]) == 128 * 1024
    assert stage.link.consoles[ONE].endswith(b"end")


def test_a_chatty_guest_does_not_fill_the_disk(stage: Stage) -> None:
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    stage.settle(agent)
    path = stage.state.files(ONE).console

    with path.open("wb") as console:  # as QEMU does: it keeps its file open and its offset
        console.write(b"x" * (9 << 20))
        console.flush()
        stage.settle(agent)
        console.write(b"the end")
        console.flush()
        stage.settle(agent)

    assert stage.link.consoles[ONE] == b"x" * (128 * 1024 - 7) + b"the end"
    assert path.stat().st_blocks * 512 < 1 << 20
    assert path.with_name("console.log.0").stat().st_size == 1 << 20


def test_a_new_agent_goes_on_with_a_console_and_with_what_was_before_it_was_cut(stage: Stage) -> None:
    stage.desire(desired_server(ONE))
    stage.settle(stage.agent())
    path = stage.state.files(ONE).console
    path.with_name("console.log.0").write_bytes(b"before\n")  # as virtlogd rotates it
    path.write_bytes(b"\0" * 5000 + b"after\n")
    stage.link.consoles.clear()

    stage.settle(stage.agent())

    assert stage.link.consoles[ONE] == b"before\nafter\n"


def test_an_unavailable_hypervisor_in_the_midst_of_a_plan_is_no_fault(stage: Stage) -> None:
    stage.hypervisor.refusals["define"] = Unavailable("libvirt restarts", code="libvirt-away")
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    stage.settle(agent)
    fault = stage.link.last.servers[0].fault
    stage.hypervisor.refusals.clear()

    stage.settle(agent)

    assert fault is None
    assert stage.link.last.servers[0].power is PowerState.RUNNING


def test_what_is_desired_of_another_host_is_not_done_here(stage: Stage) -> None:
    stage.link.desired = Desired("host-2", 1, (desired_server(ONE),))

    stage.settle(stage.agent())

    assert stage.link.last.servers == ()
    assert "control plane: foreign-document" in stage.link.last.notes


def test_a_control_plane_that_does_not_hold_the_long_poll_is_asked_once_a_second(stage: Stage) -> None:
    stop = PatientStop(rounds=5)

    stage.agent().run(stop)

    assert stop.pauses == [0.0, 1.0, 1.0, 1.0, 1.0]


def test_pauses_grow_while_the_control_plane_is_away_and_have_a_bound(stage: Stage) -> None:
    stage.link.away = True
    stop = PatientStop(rounds=9)

    stage.agent().run(stop)

    assert stop.pauses == sorted(stop.pauses)
    assert 0.3 < stop.pauses[0] < 0.7
    assert 7 < stop.pauses[-1] <= 10


def test_a_report_tells_the_numa_cells_and_what_guests_the_host_runs(stage: Stage) -> None:
    stage.machine.numa(["0-3", "4-7"], ram_mb=2048)

    stage.agent().round()

    told = stage.link.last.resources
    assert told.cells == (HostCell(0, "0-3", 4, 2048, 0), HostCell(1, "4-7", 4, 2048, 1))
    assert (told.architecture, told.cpu_features) == ("x86_64", ("avx2", "topoext"))
    assert GuestKind("x86_64", "kvm", "hvm") in told.guests


def test_a_host_whose_guests_lie_in_huge_pages_reports_these_as_its_ram(stage: Stage) -> None:
    stage.machine.numa(["0-3"], ram_mb=2048)
    stage.machine.write("proc/meminfo", "HugePages_Total:    100\nHugepagesize:   2048 kB\n")
    stage.machine.write("sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "100")

    stage.options = replace(stage.options, hugepages=True)
    stage.agent().round()

    told = stage.link.last.resources
    assert (told.ram_mb, told.cells, told.paged) == (200, (HostCell(0, "0-3", 4, 200, 0),), True)
    assert {"huge-pages", "pages-2048"} <= set(told.machine)


def test_a_report_tells_what_weakens_the_isolation_of_devices(stage: Stage) -> None:
    stage.machine.write("proc/cmdline", "quiet pcie_acs_override=downstream")

    stage.agent().round()

    assert stage.link.last.resources.unsafe == (ACS_OVERRIDE,)


def test_a_report_tells_each_time_what_the_host_lacks_to_be_a_chassis(stage: Stage) -> None:
    agent = stage.agent()

    agent.round()
    without = stage.link.last.resources.chassis
    stage.machine.write("run/openvswitch/db.sock", "")
    agent.round()
    broken = stage.link.last.resources.chassis

    assert without is not None and broken is not None
    assert without.lacks.startswith("Open vSwitch does not answer at /run/openvswitch/db.sock")
    assert "Connection refused" in broken.lacks


def test_a_console_that_can_not_be_cut_holds_up_no_other(stage: Stage) -> None:
    stage.desire(desired_server(ONE), desired_server(TWO))
    agent = stage.agent()
    stage.settle(agent)
    path = stage.state.files(ONE).console
    path.with_name(f"{path.name}.new").mkdir()  # as on a full disk
    path.write_bytes(b"x" * (9 << 20))
    stage.state.files(TWO).console.write_bytes(b"of the other")

    stage.settle(agent, rounds=1)

    assert stage.link.consoles[TWO] == b"of the other"


def test_a_guest_that_is_started_while_it_is_looked_at_has_not_run_and_gone_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker starts the guest and counts it after the list of domains was made, and before the records are read."""
    stage = Stage(tmp_path)
    stage.desire(desired_server())
    stage.settle(stage.agent())
    record = stage.state.record(ONE)
    off = tuple(replace(domain, power=PowerState.SHUTOFF) for domain in stage.hypervisor.domains())
    stage.state.write_record(ONE, replace(record, starts=0, reboots=0))

    def listed() -> tuple[DomainSeen, ...]:
        stage.state.write_record(ONE, replace(record, starts=1, reboots=1))
        return off

    monkeypatch.setattr(stage.hypervisor, "domains", listed)
    [seen] = stage.look().servers

    assert (seen.power, seen.starts, seen.reboots) == (PowerState.SHUTOFF, 0, 0)
