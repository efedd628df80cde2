"""Reports of which the control plane does not understand a part: that part is left alone, and the rest goes on."""

import json

from busway.control.servers.delete import delete_server
from busway.domain.documents import Observed, Unreadable
from busway.domain.grant import Held
from busway.domain.ids import ServerId
from busway.domain.server import ServerStatus
from busway.wire.documents import decode_observed, encode
from tests.control.clouds import ADMIN, Cloud


def unclear(server_id: str) -> Unreadable:
    return Unreadable(ServerId(server_id), "Invalid enum value 'hibernating' - at `$.power`")


def test_a_server_of_which_a_report_is_unclear_keeps_what_it_has(cloud: Cloud) -> None:
    host = cloud.host("h1", 2)
    one, two = cloud.boot(count=2)
    host.report([one.id, two.id])
    delete_server(cloud.control, ADMIN, one.id, "req-1")
    delete_server(cloud.control, ADMIN, two.id, "req-2")

    host.report(unreadable=[unclear(one.id)])
    kept = cloud.device_statuses()
    host.report()

    assert sorted(map(str, kept)) == ["allocated", "available"]
    assert cloud.device_statuses() == ["available", "available"]


def test_a_build_of_which_a_report_is_unclear_fails_alone_and_says_why(cloud: Cloud) -> None:
    host = cloud.host("h1", 2)
    one, two = cloud.boot(count=2)

    host.report([two.id], unreadable=[unclear(one.id)])

    assert (cloud.server(one.id).status, cloud.server(two.id).status) == (ServerStatus.ERROR, ServerStatus.ACTIVE)
    fault = cloud.server(one.id).fault
    assert fault is not None and "hibernating" in fault.details


def test_a_running_server_stays_active_while_its_report_is_unclear(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.report([server.id])

    host.report(unreadable=[unclear(server.id)])

    assert (cloud.server(server.id).status, cloud.device_statuses()) == (ServerStatus.ACTIVE, ["allocated"])


def test_an_agent_of_version_1_serves_a_server_through_its_whole_life(cloud: Cloud) -> None:
    """It says neither claims nor kinds: its devices are known by their addresses."""
    host = cloud.host("h1", as_of=_version_1)
    [server] = cloud.boot()
    [granted] = host.desired().servers[0].devices
    host.report([server.id], held=[Held(server.id, granted.unit, "bochs-drm", claim_id=granted.claim_id)])
    seen = cloud.device_statuses()
    delete_server(cloud.control, ADMIN, server.id, "req-1")
    host.report(held=[Held(server.id, granted.unit, "bochs-drm", claim_id=granted.claim_id)])
    seen += cloud.device_statuses()
    host.report()

    assert [*seen, *cloud.device_statuses()] == ["allocated", "allocated", "available"]


def _version_1(observed: Observed) -> Observed:
    """The report as an agent of version 1 would have sent it."""
    document = json.loads(encode(observed))
    del document["wire"], document["resources"]["kinds"]
    for held in document["held"]:
        for key in ("kind", "claim_id", "vendor_id", "product_id"):
            del held[key]
    return decode_observed(json.dumps(document).encode())
