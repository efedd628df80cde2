"""Whatever is asked of servers in whatever order, and however late hosts are: no device leaks, and no guest runs twice.

Nor has a CPU two owners, or one that is gone.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from busway.control.devices import listing as devices
from busway.control.loops.sweeper import sweep
from busway.control.moves.advance import advance
from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.evacuate import evacuate_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.moves.kinds.unshelve import unshelve_server
from busway.control.moves.verify import confirm_resize, revert_resize
from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.rebuild import Rebuild, rebuild_server
from busway.control.servers.shelve import offload_server, shelve_server
from busway.domain.documents import HostResources
from busway.domain.errors import BuswayError
from busway.domain.host_facts import GuestAct, HostCell
from busway.domain.ids import FlavorId
from busway.domain.server import ServerStatus
from busway.store import cells
from busway.store.database import Database
from tests.control.clouds import ADMIN, Cloud, Host
from tests.databases import add_tables

MEMORY = Path("/dev/shm")
ON_A_HOST = {"ACTIVE", "SHUTOFF"}
SHELVED = {"SHELVED", "SHELVED_OFFLOADED"}
RESTING = {*ON_A_HOST, *SHELVED, "VERIFY_RESIZE", "ERROR", "DELETED"}
REFUSALS = {"server-state", "server-leaving", "server-not-found", "same-flavor", "no-valid-host", "host-is-up"}
Act = Callable[["Moving", str, int], None]


DEDICATED = {"hw:cpu_policy": "dedicated"}
# Two cores of two threads on each node; no server has more vCPUs than a node has threads.
CELLS = tuple(
    HostCell(n, f"{8 * n}-{8 * n + 3}", 4, 32768, n, ((n * 8 + 4, n * 8 + 6), (n * 8 + 5, n * 8 + 7))) for n in (0, 1)
)


def resize(moving: "Moving", server_id: str, gpus: int) -> None:
    """To a flavor with no device, with one and CPUs of its own, or with two, which are plugged in where that can be."""
    specs = {"pci_passthrough:alias": f"a1:{gpus}"} if gpus else {}
    specs |= DEDICATED if gpus == 1 else {}
    specs |= {"busway:hot_resize": "true"} if gpus == 2 else {}
    flavor = replace(moving.cloud.gpu_flavor, id=FlavorId(f"f{gpus}"), name=f"f{gpus}", extra_specs=specs)
    resize_server(moving.cloud.control, ADMIN, server_id, flavor, "req")


def evacuate(moving: "Moving", server_id: str, _gpus: int) -> None:
    """The host of a server is lost, the others report, and the server is brought elsewhere."""
    here = moving.cloud.server(server_id).host_name
    moving.cloud.wait(60)
    for host in moving.hosts:
        if host.name != here:
            moving.obey(host)
    evacuate_server(moving.cloud.control, ADMIN, server_id, "req")
    moving.cut_off.add(str(here))


def boot(moving: "Moving", _server_id: str, _gpus: int) -> None:
    if len(moving.ids) < 5:
        moving.boot()


def rebuild(moving: "Moving", server_id: str, _gpus: int) -> None:
    rebuild_server(moving.cloud.control, ADMIN, server_id, Rebuild(moving.cloud.image), "req")


def plain(use_case: Callable[..., object]) -> Act:
    def act(moving: "Moving", server_id: str, _gpus: int) -> None:
        use_case(moving.cloud.control, ADMIN, server_id, "req")

    return act


# Each act, and the statuses of the servers for which it is tried first.
ACTS: dict[str, tuple[Act, set[str]]] = {
    "migrate": (plain(migrate_server), ON_A_HOST),
    "resize": (resize, ON_A_HOST),
    "confirm": (plain(confirm_resize), {"VERIFY_RESIZE"}),
    "revert": (plain(revert_resize), {"VERIFY_RESIZE"}),
    "rebuild": (rebuild, ON_A_HOST),
    "shelve": (plain(shelve_server), ON_A_HOST),
    "offload": (plain(offload_server), {"SHELVED"}),
    "unshelve": (plain(unshelve_server), SHELVED),
    "stop": (plain(server_power.stop_server), {"ACTIVE"}),
    "start": (plain(server_power.start_server), {"SHUTOFF"}),
    "evacuate": (evacuate, ON_A_HOST),
    "delete": (plain(delete_server), {"RESIZE", "REVERT_RESIZE", "REBUILD", "VERIFY_RESIZE"}),
    "boot": (boot, set()),
}


class Moving:
    """Three hosts with two devices each; what runs on one changes only when it is its turn."""

    def __init__(self, folder: Path, offload_time: int) -> None:
        self.database = Database(f"sqlite:///{folder}/busway.db")
        add_tables(self.database)
        self.cloud = Cloud(self.database, folder)
        self.cloud.configure(shelved_offload_time=offload_time)
        self.hosts = [
            self.cloud.host(
                f"h{number}", count=2, resources=HostResources(8, 65536, 1000, cells=CELLS, acts=tuple(GuestAct))
            )
            for number in range(3)
        ]
        self.running: dict[str, set[str]] = {}
        self.cut_off: set[str] = set()
        self.ids: list[str] = []
        self.boot()
        self.boot()
        self.settle()

    def boot(self) -> None:
        specs = {"pci_passthrough:alias": "a1:1"} | (DEDICATED if len(self.ids) % 2 else {})
        self.cloud.gpu_flavor = replace(self.cloud.gpu_flavor, vcpus=2, extra_specs=specs)
        self.ids += [server.id for server in self.cloud.boot(f"s{len(self.ids)}")]

    def ask(self, name: str, which: int, gpus: int) -> None:
        act, statuses = ACTS[name]
        fit = [each for each in self.ids if self.cloud.server(each).status in statuses] or self.ids
        with refusable(name):
            act(self, fit[which % len(fit)], gpus)
        self.check()

    def obey(self, host: Host) -> None:
        wanted = host.desired()
        host.obey()
        self.running[host.name] = {server.id for server in wanted.servers if server.powered}
        self.cut_off.discard(host.name)
        self.check()

    def check(self) -> None:
        """No guest runs twice but on a host that is cut off; no two documents want it to, or name one device twice."""
        on = Counter(each for name, ids in self.running.items() if name not in self.cut_off for each in ids)
        documents = [host.desired() for host in self.hosts]
        wanted = Counter(server.id for document in documents for server in document.servers if server.powered)
        assert all(count == 1 for count in (*on.values(), *wanted.values()))
        for document in documents:
            named = Counter(device.unit.name for server in document.servers for device in server.devices)
            assert all(count == 1 for count in named.values())
        self.check_cpus()

    def check_cpus(self) -> None:
        """No CPU of a host is two servers', and no document has one that its server does not hold."""
        with self.cloud.control.db.read() as tx:
            lying = cells.list_cells(tx)
        for host in self.hosts:
            mine = {server_id: used for (server_id, host_id), used in lying.items() if host_id == host.id}
            held = Counter(cpu for used in mine.values() for cell in used for cpu in cell.held)
            assert all(count == 1 for count in held.values())
            for server in host.desired().servers:
                for number, told in enumerate(server.cells):
                    assert set(told.pins) <= set(mine[server.id][number].held)

    def held_by(self, server_id: str) -> int:
        """How many CPUs a server has for itself, on all hosts."""
        with self.cloud.control.db.read() as tx:
            lying = cells.list_cells(tx)
        return sum(len(cell.held) for (owner, _), used in lying.items() if owner == server_id for cell in used)

    def settle(self) -> None:
        """Once hosts do what they shall, each server rests, and has what its flavor asks for and nothing else."""
        for _ in range(6):
            for host in self.hosts:
                self.obey(host)
            sweep(self.cloud.control)
            advance(self.cloud.control)
        found = devices.list_devices(self.cloud.control, ADMIN)
        assert {device.status for device in found} <= {"available", "allocated"}
        owned = Counter(device.server_id for device in found if device.server_id)
        for server_id in self.ids:
            server = self.cloud.server(server_id)
            assert (server.status in RESTING, server.task_state) == (True, None), (server.status, server.task_state)
            if server.host_name is None or server.status is ServerStatus.DELETED:
                assert (owned[server.id], self.held_by(server_id)) == (0, 0)
            elif server.status is not ServerStatus.VERIFY_RESIZE:
                wanted = server.flavor.extra_specs.get("pci_passthrough:alias", "a1:0").rpartition(":")[2]
                assert owned[server.id] == int(wanted)
                own = server.flavor.extra_specs.get("hw:cpu_policy") == "dedicated"
                assert self.held_by(server_id) == (server.flavor.vcpus if own else 0)
        assert all(host.desired().absent == () for host in self.hosts)


@contextmanager
def refusable(act: str) -> Iterator[None]:
    """Lets an act be refused because of the server's state, or for want of a place; checks see what is left behind."""
    try:
        yield
        event(f"{act}: done")
    except BuswayError as error:
        assert error.code in REFUSALS, error
        event(f"{act}: {error.code}")


STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 3), st.integers(0, 2), st.lists(st.integers(0, 2))),
    min_size=8,
    max_size=14,
)


@pytest.mark.thorough
@pytest.mark.timeout(600)
@settings(max_examples=10)
@given(offload_time=st.sampled_from([0, -1]), steps=STEPS)
def test_nothing_leaks_and_no_guest_runs_twice_whatever_is_asked(
    offload_time: int, steps: list[tuple[str, int, int, list[int]]]
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        moving = Moving(Path(folder), offload_time)
        try:
            for name, which, gpus, turns in steps:
                moving.ask(name, which, gpus)
                for turn in turns:
                    moving.obey(moving.hosts[turn])
            moving.settle()
        finally:
            moving.database.close()
