"""Live migration in the control plane: the guest is the source's until that has given it away, whoever fails at what."""

from dataclasses import replace

import pytest

from busway.control.hosts import registry as hosts
from busway.control.moves import listing as move_list
from busway.control.moves.begin_live import live_migrate_server
from busway.control.moves.kinds.evacuate import evacuate_server
from busway.control.moves.live_requests import abort_live, force_live, list_live, show_live
from busway.control.servers.delete import delete_server
from busway.control.servers.hold import pause_server
from busway.control.servers.read import list_actions
from busway.control.servers.why import why
from busway.domain.documents import HostResources, ObservedServer
from busway.domain.errors import BadInput, BuswayError, Conflict, NotFound
from busway.domain.grant import Fault
from busway.domain.host_facts import GuestAct
from busway.domain.ids import ServerId
from busway.domain.live_move import LiveProgress, LiveRole, LiveSeen, LiveStage
from busway.domain.move import MoveState
from busway.domain.server import Hold, PowerState, ServerStatus, TaskState
from tests.control.clouds import ADMIN, Cloud, Host
from tests.control.live_pair import PRINT, LivePair
from tests.control.test_isolation import forbid


class Pair(LivePair):
    """A server that runs on h1 and is to go to h2, both driven by hand."""

    def __init__(
        self, cloud: Cloud, hosts: tuple[Host, ...] = (), server_id: str = "", *, paused: bool = False
    ) -> None:
        self.cloud = cloud
        self.one, self.two = hosts or (cloud.host("h1"), cloud.host("h2"))
        server = cloud.server(ServerId(server_id)) if server_id else cloud.boot(gpu=False)[0]
        self.one, self.two = (self.one, self.two) if cloud.server(server.id).host_name == "h1" else (self.two, self.one)
        self.id = ServerId(server.id)
        self.one.obey()
        if paused:
            pause_server(cloud.control, ADMIN, self.id, "req-p")
            self.tell(self.one, PowerState.PAUSED)
        live_migrate_server(cloud.control, ADMIN, self.id, "req-l")

    @property
    def number(self) -> int:
        return move_list.list_moves(self.cloud.control, ADMIN).moves[0].id

    def tell(self, host: Host, power: PowerState | None, stage: LiveStage | None = None, **more: object) -> None:
        """Reports the server as a host sees it."""
        seen = LiveSeen(self.move, stage, "h2:1", PRINT) if stage is not None else None
        if stage is not None and "progress" in more:
            assert seen is not None
            seen = replace(seen, progress=more.pop("progress"))  # type: ignore[arg-type]
        self.report(host, ObservedServer(self.id, power, 1, live=seen, **more))  # type: ignore[arg-type]

    def listens(self) -> None:
        self.tell(self.two, None, LiveStage.LISTENING)

    def runs_on(self) -> list[str]:
        """The hosts whose documents let the guest run."""
        return [
            host.name
            for host in (self.one, self.two)
            for server in host.desired().servers
            if server.powered and (server.live is None or server.live.role is LiveRole.OUTGOING)
        ]


@pytest.fixture
def pair(cloud: Cloud) -> Pair:
    return Pair(cloud)


def test_a_guest_goes_over_by_what_its_hosts_report(pair: Pair) -> None:
    assert pair.status == [ServerStatus.MIGRATING, TaskState.MIGRATING]
    [awaited] = pair.two.desired().servers
    assert awaited.live is not None
    assert (awaited.live.role, awaited.disks, bool(awaited.live.secret)) == (LiveRole.INCOMING, (2,), True)
    assert pair.one.desired().servers[0].live is None  # there is nobody to send it to yet
    pair.listens()
    [sent] = pair.one.desired().servers
    assert sent.live is not None
    assert (sent.live.role, sent.live.peer, sent.live.fingerprint) == (LiveRole.OUTGOING, "h2:1", PRINT)
    assert sent.live.secret == awaited.live.secret
    pair.tell(pair.one, PowerState.RUNNING, LiveStage.COPYING, progress=LiveProgress(100, 40, 60))
    [told] = list_live(pair.cloud.control, ADMIN, pair.id)
    assert (told.live.progress.memory_processed, pair.runs_on()) == (40, [pair.one.name])
    pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.HANDED)
    assert (pair.runs_on(), pair.one.desired().absent) == ([pair.two.name], (pair.id,))
    assert pair.two.desired().servers[0].live is None
    pair.tell(pair.two, PowerState.RUNNING)
    assert pair.status == [ServerStatus.ACTIVE, None]
    pair.one.report()
    assert (pair.cloud.server(pair.id).host_name, pair.state) == (pair.two.name, MoveState.DONE)
    used = {host.name: host.used_ram_mb for host in hosts.list_hosts(pair.cloud.control, ADMIN)}
    assert used[pair.one.name] == 0 < used[pair.two.name]


def test_a_paused_guest_goes_over_and_stays_paused(cloud: Cloud) -> None:
    pair = Pair(cloud, paused=True)
    pair.listens()
    pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.HANDED)
    [there] = pair.two.desired().servers
    assert there.hold is Hold.PAUSED
    pair.tell(pair.two, PowerState.PAUSED)
    assert pair.status == [ServerStatus.PAUSED, None]


def test_a_paused_guest_that_could_not_go_stays_paused(cloud: Cloud) -> None:
    pair = Pair(cloud, paused=True)
    pair.listens()
    abort_live(pair.cloud.control, ADMIN, pair.id, pair.number, "req-a")
    pair.listens()
    pair.tell(pair.one, PowerState.PAUSED)
    assert pair.status == [ServerStatus.PAUSED, None]


def test_how_long_the_guest_stood_still_is_written_down_once(pair: Pair) -> None:
    pair.listens()
    pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.HANDED)
    for _ in range(2):
        pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.HANDED, progress=LiveProgress(100, 100, downtime_ms=143))
    said = [event.reason for event in why(pair.cloud.control, ADMIN, pair.id).events if "stood still" in event.reason]
    assert said == ["its guest stood still for 143 ms while it went to another host"]


def test_a_pause_that_can_not_be_written_down_ends_its_server_only(pair: Pair) -> None:
    [other] = pair.cloud.boot(gpu=False)
    pair.listens()
    pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.HANDED)
    forbid(pair.cloud, "moves", "uuid", pair.move)
    pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.HANDED, progress=LiveProgress(100, 100, downtime_ms=143))
    assert pair.status == [ServerStatus.ERROR, None]
    assert pair.cloud.server(other.id).status is not ServerStatus.ERROR


def test_a_guest_that_runs_on_the_target_is_the_targets_though_its_source_says_nothing_any_more(pair: Pair) -> None:
    pair.listens()
    pair.tell(pair.two, PowerState.RUNNING)
    assert (pair.runs_on(), pair.one.desired().absent) == ([pair.two.name], (pair.id,))


@pytest.mark.parametrize("arriving", [True, False])
def test_a_guest_that_stands_still_on_the_target_is_not_its_own_before_the_source_says_so(
    pair: Pair, arriving: bool
) -> None:
    pair.listens()
    pair.tell(pair.two, PowerState.PAUSED, arriving=arriving)
    assert pair.runs_on() == [pair.one.name]
    pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.COPYING)  # between libvirt's end and the agent's record
    assert pair.runs_on() == [pair.one.name]
    assert pair.state is MoveState.MIGRATING


@pytest.mark.parametrize("who", ["source", "target"])
def test_a_failure_leaves_the_guest_where_it_is(pair: Pair, who: str) -> None:
    pair.listens()
    fault = Fault("MigrateDomain", "The target host can't be reached", "timed out", "Look at it.", "live-unreachable")
    if who == "source":
        pair.tell(pair.one, PowerState.RUNNING, fault=fault)
    else:
        pair.tell(pair.two, None, fault=fault)
    assert pair.state is MoveState.REVERTING
    assert pair.one.desired().servers[0].live is None
    assert pair.two.desired().absent == ()  # the source may have given it away at the last moment
    pair.tell(pair.one, PowerState.RUNNING)
    assert pair.status == [ServerStatus.ACTIVE, None]
    assert (pair.state, pair.two.desired().absent) == (MoveState.ERROR, (pair.id,))
    assert "can't be reached" in str(list_actions(pair.cloud.control, ADMIN, pair.id)[0].message)
    pair.two.report()
    assert pair.two.desired().absent == ()


def test_an_abort_leaves_the_guest_where_it_is_once_its_source_has_heard_of_it(pair: Pair) -> None:
    pair.listens()
    stale = pair.one.desired()
    abort_live(pair.cloud.control, ADMIN, pair.id, pair.number, "req-a")
    pair.listens()
    assert pair.state is MoveState.REVERTING
    pair.tell(pair.one, PowerState.RUNNING, LiveStage.COPYING)
    assert pair.two.desired().absent == ()
    pair.one.report([pair.id], of=stale)  # a report of before
    assert pair.two.desired().absent == ()
    pair.tell(pair.one, PowerState.RUNNING)
    assert (pair.status, pair.state) == ([ServerStatus.ACTIVE, None], MoveState.CANCELLED)


def test_an_abort_that_comes_too_late_does_not_lose_the_guest(pair: Pair) -> None:
    pair.listens()
    abort_live(pair.cloud.control, ADMIN, pair.id, pair.number, "req-a")
    pair.listens()
    pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.HANDED)
    assert (pair.runs_on(), pair.one.desired().absent) == ([pair.two.name], (pair.id,))
    pair.tell(pair.two, PowerState.RUNNING)
    assert (pair.status, pair.state) == ([ServerStatus.ACTIVE, None], MoveState.DONE)


def test_a_guest_that_powers_itself_off_meanwhile_is_off_where_it_was(pair: Pair) -> None:
    pair.listens()
    for _ in range(2):
        pair.tell(pair.one, PowerState.SHUTOFF)
    assert (pair.status, pair.state) == ([ServerStatus.SHUTOFF, None], MoveState.ERROR)
    assert pair.two.desired().absent == (pair.id,)


def test_a_target_that_was_restarted_is_told_to_the_source_anew(pair: Pair) -> None:
    pair.listens()
    pair.tell(pair.two, None, LiveStage.LISTENING)
    before = pair.one.desired()
    server = ObservedServer(pair.id, None, live=LiveSeen(pair.move, LiveStage.LISTENING, "h2:2", "e" * 64))
    pair.two.as_of = lambda observed: replace(observed, servers=(server,))
    pair.two.report()
    after = pair.one.desired()
    assert after.generation > before.generation
    assert after.servers[0].live is not None
    assert after.servers[0].live.peer == "h2:2"


def test_an_address_without_end_is_not_kept_whole_and_told_once(pair: Pair) -> None:
    pair.listens()
    server = ObservedServer(pair.id, None, live=LiveSeen(pair.move, LiveStage.LISTENING, "h" * 100_000, "e" * 100_000))
    pair.report(pair.two, server)
    first = pair.one.desired()
    pair.report(pair.two, server)

    assert first.servers[0].live is not None
    assert len(first.servers[0].live.peer) == 300
    assert pair.one.desired().generation == first.generation


def test_a_guest_that_is_to_stand_still_keeps_its_order_otherwise(pair: Pair) -> None:
    with pytest.raises(BadInput, match="Nothing is copied yet"):
        force_live(pair.cloud.control, ADMIN, pair.id, pair.number, "req-f")
    pair.listens()
    before = pair.one.desired().servers[0]
    force_live(pair.cloud.control, ADMIN, pair.id, pair.number, "req-f")
    after = pair.one.desired().servers[0]
    assert after.live is not None
    assert (after.live.force, repr(after)) == (True, repr(before))  # work that is under way is not another wish


@pytest.mark.parametrize("told", [False, True])
def test_deleting_a_server_on_its_way_leaves_both_hosts(pair: Pair, told: bool) -> None:
    if told:
        pair.listens()
    delete_server(pair.cloud.control, ADMIN, pair.id, "req-d")
    assert pair.one.desired().absent == pair.two.desired().absent == (pair.id,)
    pair.one.report()
    pair.two.report()
    assert (pair.status[0], pair.state) == (ServerStatus.DELETED, MoveState.CANCELLED)


def test_a_host_that_could_not_let_the_guest_go_on_is_not_chosen(cloud: Cloud) -> None:
    one = cloud.host("h1")
    [server] = cloud.boot(gpu=False)
    one.obey()
    acts = tuple(act for act in GuestAct if act is not GuestAct.LIVE)
    cloud.host("old", resources=HostResources(16, 65536, 1000, acts=acts))
    cloud.host("other", resources=HostResources(16, 65536, 1000, acts=tuple(GuestAct), virt_type="qemu"))
    with pytest.raises(BadInput, match="No valid host") as caught:
        live_migrate_server(cloud.control, ADMIN, server.id, "req-l")
    assert "old (AgentVersion): its agent" in caught.value.detail
    assert "is too old to take part in a live migration" in caught.value.detail
    assert "other (GuestKind): its guests run by qemu" in caught.value.detail
    assert "pgrade the agents" in caught.value.remedy and "busway host list" in caught.value.remedy
    for name, words in (("old", "can't let the guest"), ("h1", "current host"), ("none", "could not be found")):
        with pytest.raises(BadInput, match=words):
            live_migrate_server(cloud.control, ADMIN, server.id, "req-l", host=name)


def test_a_migration_that_is_over_is_not_under_way(pair: Pair) -> None:
    number = pair.number
    assert show_live(pair.cloud.control, ADMIN, pair.id, number).move.uuid == pair.move
    pair.listens()
    pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.HANDED)
    with pytest.raises(BadInput, match="not under way"):
        abort_live(pair.cloud.control, ADMIN, pair.id, number, "req-a")
    pair.tell(pair.two, PowerState.RUNNING)
    assert list_live(pair.cloud.control, ADMIN, pair.id) == []
    for act in (abort_live, force_live):
        with pytest.raises(NotFound):
            act(pair.cloud.control, ADMIN, pair.id, number, "req-a")


def test_no_host_is_told_the_secret_of_another_move(pair: Pair) -> None:
    pair.listens()
    secret = pair.one.desired().servers[0].live
    assert secret is not None
    assert secret.secret not in repr(pair.one.desired())
    with pytest.raises(BuswayError):
        live_migrate_server(pair.cloud.control, ADMIN, pair.id, "req-again")


@pytest.mark.parametrize("arrived", ["awaited", "paused", "runs"])
def test_a_dead_sources_server_is_evacuated_to_the_target_which_ends_what_it_has_of_the_guest(
    pair: Pair, arrived: str
) -> None:
    pair.listens()
    pair.cloud.wait(60)
    if arrived != "awaited":
        pair.tell(pair.two, PowerState.PAUSED, arriving=arrived == "paused")
    else:
        pair.listens()
    with pytest.raises(Conflict, match="migrated live to host h2"):
        evacuate_server(pair.cloud.control, ADMIN, pair.id, "req-e", host="h1")
    evacuate_server(pair.cloud.control, ADMIN, pair.id, "req-e")
    [server] = pair.two.desired().servers
    assert (server.live, server.disks, server.powered, server.starts) == (None, (3,), True, 2)
    assert pair.status == [ServerStatus.REBUILD, TaskState.REBUILDING]
    pair.two.obey()
    assert pair.status == [ServerStatus.ACTIVE, None]
    assert pair.one.desired().absent == (pair.id,)
    pair.one.report()
    kinds = [(str(move.kind), str(move.state)) for move in move_list.list_moves(pair.cloud.control, ADMIN).moves]
    assert kinds == [("evacuation", "done"), ("live-migration", "cancelled")]
    assert pair.runs_on() == ["h2"]


def test_a_server_of_two_dead_hosts_is_evacuated_to_a_third(pair: Pair) -> None:
    pair.listens()
    pair.cloud.wait(60)
    third = pair.cloud.host("h3")
    evacuate_server(pair.cloud.control, ADMIN, pair.id, "req-e")
    third.obey()
    assert pair.cloud.server(pair.id).host_name == "h3"
    for host in (pair.one, pair.two):
        assert host.desired().absent == (pair.id,)
        host.report()
    assert pair.runs_on() == []


def test_a_source_that_reports_is_not_evacuated_in_the_midst(pair: Pair) -> None:
    pair.listens()
    with pytest.raises(BadInput, match="still in use"):
        evacuate_server(pair.cloud.control, ADMIN, pair.id, "req-e")
