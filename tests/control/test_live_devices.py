"""Live migration of a server with a device: claimed and taken on the target first, let go by the guest, and given back if anything fails."""

from dataclasses import replace

import pytest

from busway.control.devices import listing
from busway.control.moves import listing as move_list
from busway.control.moves.begin_live import live_migrate_server
from busway.control.moves.live_requests import abort_live
from busway.control.servers.devices import list_devices
from busway.control.servers.hold import pause_server
from busway.control.servers.read import list_actions
from busway.control.servers.why import why
from busway.domain.alias import parse_aliases
from busway.domain.device_spec import parse_device_specs
from busway.domain.documents import HostResources, ObservedServer
from busway.domain.errors import BadInput, Conflict
from busway.domain.grant import Fault
from busway.domain.host_facts import GuestAct
from busway.domain.ids import ServerId, UnitName
from busway.domain.live_move import LiveRole, LiveSeen, LiveStage
from busway.domain.move import MoveState
from busway.domain.server import PowerState, ServerStatus, TaskState
from tests.control.clouds import ADMIN, Cloud, Host, gpu
from tests.control.live_pair import PRINT, LivePair

HERE, THERE = UnitName("0000:41:00.0"), UnitName("0000:61:00.0")
FAULT = Fault("PlugDevice", "libvirt could not plug it in", "no room", "Look.", "libvirt-refused")


class Pair(LivePair):
    """A server with a GPU that runs on h1 and is to go to h2, both driven by hand."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.one = cloud.host("h1", 1)
        specs = {**cloud.gpu_flavor.extra_specs, "busway:live_unplug": "true"}
        cloud.gpu_flavor = replace(cloud.gpu_flavor, extra_specs=specs)
        [server] = cloud.boot()
        self.id = ServerId(server.id)
        self.one.obey()
        self.two = cloud.host("h2", inventory=(gpu(0x20),))
        live_migrate_server(cloud.control, ADMIN, self.id, "req-l")

    @property
    def claims(self) -> list[str]:
        return sorted(each.state for each in list_devices(self.cloud.control, ADMIN, self.id))

    def devices_of(self, host: Host) -> list[str]:
        [server] = host.desired().servers
        return [grant.unit.name for grant in server.devices]

    def tell(self, host: Host, power: PowerState | None, has: tuple[UnitName, ...] = (), **more: object) -> None:
        """Reports the server as a host sees it, with the devices that the guest has there."""
        stage = more.pop("stage", None)
        seen = LiveSeen(self.move, stage, "h2:1", PRINT) if isinstance(stage, LiveStage) else None
        report = ObservedServer(self.id, power, 1, devices=has, attached=has, live=seen, **more)  # type: ignore[arg-type]
        self.report(host, report)

    def listens(self) -> None:
        self.tell(self.two, None, stage=LiveStage.LISTENING)

    def parts(self) -> None:
        self.listens()
        self.tell(self.one, PowerState.RUNNING)

    def goes_over(self) -> None:
        self.parts()
        self.tell(self.one, PowerState.SHUTOFF, stage=LiveStage.HANDED)


@pytest.fixture
def pair(cloud: Cloud) -> Pair:
    return Pair(cloud)


def test_nothing_is_touched_before_the_target_has_a_device_and_awaits_the_guest(pair: Pair) -> None:
    assert pair.claims == ["allocated", "claimed"]
    assert pair.devices_of(pair.one) == [HERE]
    assert pair.devices_of(pair.two) == [THERE]
    pair.tell(pair.one, PowerState.RUNNING, (HERE,))
    assert pair.devices_of(pair.one) == [HERE]
    pair.listens()
    assert pair.devices_of(pair.one) == []
    assert pair.one.desired().servers[0].live is None  # it is sent when the guest has let go


def test_a_guest_that_has_let_go_is_sent_and_is_active_when_it_has_its_new_device(pair: Pair) -> None:
    pair.listens()
    pair.tell(pair.one, PowerState.RUNNING, (HERE,))
    assert pair.one.desired().servers[0].live is None
    pair.tell(pair.one, PowerState.RUNNING)
    order = pair.one.desired().servers[0].live
    assert order is not None
    assert order.role is LiveRole.OUTGOING
    assert pair.claims == ["allocated", "claimed"]
    pair.tell(pair.one, PowerState.SHUTOFF, stage=LiveStage.HANDED)
    assert pair.devices_of(pair.two) == [THERE]
    pair.tell(pair.two, PowerState.RUNNING)
    assert pair.status == [ServerStatus.MIGRATING, TaskState.MIGRATING]
    pair.tell(pair.two, PowerState.RUNNING, (THERE,))
    assert (pair.status, pair.state) == ([ServerStatus.ACTIVE, None], MoveState.DONE)
    pair.one.report()
    assert pair.claims == ["allocated"]
    free = [d.address for d in listing.list_devices(pair.cloud.control, ADMIN) if d.status == "available"]
    assert [str(each) for each in free] == [HERE]


def test_the_new_device_has_the_old_ones_place_in_the_guest(pair: Pair) -> None:
    pair.listens()
    [new] = pair.two.desired().servers[0].devices
    assert new.port == 1
    assert pair.one.desired().servers[0].root_ports == pair.two.desired().servers[0].root_ports != 0


def test_an_unwilling_guest_keeps_its_device_and_stays(pair: Pair) -> None:
    pair.listens()
    pair.tell(pair.one, PowerState.RUNNING, (HERE,), ignored=(HERE,))
    assert pair.state is MoveState.REVERTING
    assert pair.devices_of(pair.one) == [HERE]
    pair.tell(pair.one, PowerState.RUNNING, (HERE,))
    assert (pair.status, pair.state) == ([ServerStatus.ACTIVE, None], MoveState.ERROR)
    assert "does not let go of 0000:41:00.0" in str(list_actions(pair.cloud.control, ADMIN, pair.id)[0].message)
    pair.two.report()
    assert pair.claims == ["allocated"]


def test_what_fails_after_the_guest_has_let_go_gives_it_its_own_device_back(pair: Pair) -> None:
    pair.parts()
    pair.tell(pair.one, PowerState.RUNNING, fault=replace(FAULT, step="MigrateDomain"))
    assert pair.devices_of(pair.one) == [HERE]
    pair.tell(pair.one, PowerState.RUNNING)
    assert pair.state is MoveState.REVERTING  # it has not got it back yet
    pair.tell(pair.one, PowerState.RUNNING, (HERE,))
    assert (pair.status, pair.state) == ([ServerStatus.ACTIVE, None], MoveState.ERROR)
    pair.two.report()
    assert pair.claims == ["allocated"]


def test_an_abort_while_the_guest_lets_go_gives_it_its_own_device_back(pair: Pair) -> None:
    pair.parts()
    number = move_list.list_moves(pair.cloud.control, ADMIN).moves[0].id
    abort_live(pair.cloud.control, ADMIN, pair.id, number, "req-a")
    pair.listens()
    assert pair.devices_of(pair.one) == [HERE]
    pair.tell(pair.one, PowerState.RUNNING, (HERE,))
    assert (pair.status, pair.state) == ([ServerStatus.ACTIVE, None], MoveState.CANCELLED)


def test_a_target_that_can_not_take_its_device_ends_it_before_anything_is_touched(pair: Pair) -> None:
    pair.tell(pair.two, None, fault=replace(FAULT, step="TakeDevice"))
    assert (pair.state, pair.devices_of(pair.one)) == (MoveState.REVERTING, [HERE])
    pair.tell(pair.one, PowerState.RUNNING, (HERE,))
    assert pair.status == [ServerStatus.ACTIVE, None]


@pytest.mark.parametrize("waits", [False, True])
def test_a_guest_that_does_not_get_its_new_device_runs_without_it_and_keeps_the_claim(pair: Pair, waits: bool) -> None:
    pair.goes_over()
    if waits:
        pair.cloud.wait(300)
        pair.tell(pair.two, PowerState.RUNNING)
    else:
        pair.tell(pair.two, PowerState.RUNNING, fault=FAULT)
    assert pair.status == [ServerStatus.ACTIVE, None]
    pair.tell(pair.two, PowerState.RUNNING, fault=None if waits else FAULT)
    pair.one.report()
    assert len(pair.claims) == 1
    assert pair.devices_of(pair.two) == [THERE]
    said = [event.reason for event in why(pair.cloud.control, ADMIN, pair.id).events]
    assert any(f"runs without {THERE}" in each for each in said)


def test_a_source_that_does_not_get_its_device_back_is_waited_for_no_longer_than_two_minutes(pair: Pair) -> None:
    pair.parts()
    pair.tell(pair.one, PowerState.RUNNING, fault=replace(FAULT, step="MigrateDomain"))
    pair.tell(pair.one, PowerState.RUNNING)
    pair.cloud.wait(121)
    pair.tell(pair.one, PowerState.RUNNING)
    assert (pair.status, pair.state) == ([ServerStatus.ACTIVE, None], MoveState.ERROR)
    assert "allocated" in pair.claims


def test_only_an_equal_device_will_do(cloud: Cloud) -> None:
    either = [f'{{"vendor_id":"1234","product_id":"{product}","name":"a1"}}' for product in ("1111", "2222")]
    cloud.configure(aliases=parse_aliases(either), device_specs=parse_device_specs(['{"vendor_id":"1234"}']))
    one = cloud.host("h1", 1)
    specs = {**cloud.gpu_flavor.extra_specs, "busway:live_unplug": "true"}
    cloud.gpu_flavor = replace(cloud.gpu_flavor, extra_specs=specs)
    [server] = cloud.boot()
    one.obey()
    cloud.host("h2", inventory=(gpu(0x20, product_id="2222"),))
    with pytest.raises(BadInput, match="No valid host"):
        live_migrate_server(cloud.control, ADMIN, server.id, "req-l")


def test_an_equal_device_that_shares_its_iommu_group_with_another_kind_is_no_choice(cloud: Cloud) -> None:
    one = cloud.host("h1", 1)
    specs = {**cloud.gpu_flavor.extra_specs, "busway:live_unplug": "true"}
    cloud.gpu_flavor = replace(cloud.gpu_flavor, extra_specs=specs)
    [server] = cloud.boot()
    one.obey()
    beside = gpu(0x21, product_id="11e8", iommu_group=77)
    cloud.host("h2", inventory=(gpu(0x20, iommu_group=77), beside))
    with pytest.raises(BadInput) as caught:
        live_migrate_server(cloud.control, ADMIN, server.id, "req-l")
    assert "shares its IOMMU group with another device" in caught.value.detail


def test_a_flavor_that_does_not_permit_it_is_refused_with_the_word_that_would(cloud: Cloud) -> None:
    one = cloud.host("h1")
    cloud.host("h2")
    [server] = cloud.boot()
    one.obey()
    with pytest.raises(Conflict, match="it has devices of its host") as caught:
        live_migrate_server(cloud.control, ADMIN, server.id, "req-l")
    assert "busway:live_unplug=true" in caught.value.remedy
    assert "openstack server migrate" in caught.value.remedy


def test_hosts_with_an_agent_that_can_not_do_it_are_left_out(cloud: Cloud) -> None:
    acts = tuple(act for act in GuestAct if act is not GuestAct.LIVE_UNPLUG)
    one = cloud.host("h1", 1)
    specs = {**cloud.gpu_flavor.extra_specs, "busway:live_unplug": "true"}
    cloud.gpu_flavor = replace(cloud.gpu_flavor, extra_specs=specs)
    [server] = cloud.boot()
    one.obey()
    cloud.host("old", inventory=(gpu(0x20),), resources=HostResources(16, 65536, 1000, acts=acts))
    with pytest.raises(BadInput, match="can't let the guest"):
        live_migrate_server(cloud.control, ADMIN, server.id, "req-l", host="old")


def test_a_paused_guest_can_not_let_go_and_is_refused(pair: Pair) -> None:
    number = move_list.list_moves(pair.cloud.control, ADMIN).moves[0].id
    abort_live(pair.cloud.control, ADMIN, pair.id, number, "req-a")
    pair.listens()
    pair.tell(pair.one, PowerState.RUNNING, (HERE,))
    pair.two.report()
    pause_server(pair.cloud.control, ADMIN, pair.id, "req-p")
    pair.one.obey()
    with pytest.raises(Conflict, match="it is paused"):
        live_migrate_server(pair.cloud.control, ADMIN, pair.id, "req-l")
