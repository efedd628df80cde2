"""More servers than devices: who gets one, what the others are told, and that no device is given twice."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from busway.control.placement.place import place_round
from busway.control.servers.delete import delete_server
from busway.domain.documents import HostResources
from busway.domain.errors import Raced
from busway.domain.host_facts import ACS_OVERRIDE, ISOLATION, UNSAFE_INTERRUPTS
from busway.domain.server import ServerStatus
from busway.store import claims
from tests.control.clouds import ADMIN, Cloud


def test_the_second_server_for_one_device_is_told_why_and_succeeds_after_the_first_is_deleted(cloud: Cloud) -> None:
    host = cloud.host("h1", 1)
    [first] = cloud.boot("first")
    host.report([first.id])
    [second] = cloud.boot("second")
    assert second.status is ServerStatus.ERROR
    assert second.fault is not None
    assert second.fault.message.startswith(
        "No valid host was found: 1 host and 1 device were looked at; PciPassthroughFilter excluded 1."
    )
    assert "0 free of 1; 1 belongs to another server" in second.fault.message
    assert "What to do: Delete a server that holds such a device" in second.fault.message
    delete_server(cloud.control, ADMIN, first.id, "req-2")
    host.report()
    [third] = cloud.boot("third")
    assert third.status is ServerStatus.BUILD
    assert third.host_name == "h1"


def test_ten_requests_at_once_for_four_devices_give_exactly_four(cloud: Cloud) -> None:
    cloud.host("h1", 2)
    cloud.host("h2", 2)

    def ask(number: int) -> str:
        [made] = cloud.create(f"s{number}")
        with suppress(Raced):  # a host was told something new meanwhile: the placer's loop has its next turn at once
            place_round(cloud.control)
        return made.id

    with ThreadPoolExecutor(10) as pool:
        ids = list(pool.map(ask, range(10)))
    while place_round(cloud.control):
        pass
    made = [cloud.server(each) for each in ids]
    assert sorted(str(server.status) for server in made) == ["BUILD"] * 4 + ["ERROR"] * 6
    with cloud.control.db.read() as tx:
        live = claims.list_live_claims(tx)
    assert len({claim.device_id for claim in live}) == len(live) == 4
    assert {claim.server_id for claim in live} == {server.id for server in made if server.host_id}


def test_ram_is_counted_too(cloud: Cloud) -> None:
    from busway.domain.documents import HostResources

    host = cloud.host("h1", 0)
    host.resources = HostResources(16, 512 + cloud.plain.ram_mb, 1000)
    host.report()
    first, second = (cloud.boot(name, gpu=False)[0] for name in ("first", "second"))
    assert first.status is ServerStatus.BUILD
    assert second.fault is not None
    assert "RamFilter excluded 1" in second.fault.message
    assert "Choose a smaller flavor" in second.fault.message


def test_a_host_that_reports_weak_isolation_hands_out_no_device_until_its_operator_accepts_that(cloud: Cloud) -> None:
    weak = replace(HostResources(16, 65536, 1000), unsafe=(ACS_OVERRIDE, UNSAFE_INTERRUPTS))
    cloud.host("h1", 1, resources=weak)
    [refused], [plain] = cloud.boot("first"), cloud.boot("plain", gpu=False)
    cloud.configure(accept_weak_isolation=[ACS_OVERRIDE])
    [half] = cloud.boot("second")
    cloud.configure(accept_weak_isolation=[ACS_OVERRIDE, UNSAFE_INTERRUPTS])
    [accepted] = cloud.boot("third")

    assert refused.fault is not None and half.fault is not None
    assert "DeviceIsolationFilter" in refused.fault.message
    assert ISOLATION[ACS_OVERRIDE][0] in refused.fault.message
    assert f"[busway] accept_weak_isolation = {ACS_OVERRIDE}, {UNSAFE_INTERRUPTS}" in refused.fault.message
    assert ISOLATION[ACS_OVERRIDE][0] not in half.fault.message
    assert (plain.host_name, accepted.host_name) == ("h1", "h1")
