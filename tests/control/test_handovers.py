"""What the control plane makes of the records of hand-overs."""

import dataclasses

import pytest

from busway.control.agents import access as agents
from busway.control.devices import listing as devices
from busway.control.devices.handovers import list_handovers
from busway.control.devices.recycle import recycle_device
from busway.control.hosts import joining
from busway.control.servers.delete import delete_server
from busway.domain.device_spec import parse_device_specs
from busway.domain.documents import Observed
from busway.domain.handover import Handover, Identity, SignedHandover
from busway.pki.signature import make_signing_key, public_half, sign
from busway.wire.handover import encode_handover
from tests.control.clouds import ADMIN, Cloud, Host, gpu

SAME = Identity("1234:1111", config="aa" * 32, rom="bb" * 32)
OTHER = dataclasses.replace(SAME, rom="cc" * 32)
KEY = make_signing_key()


def signed(handover: Handover, key: str = KEY) -> SignedHandover:
    text = encode_handover(handover)
    return SignedHandover(text.decode(), sign(key, text))


def tell(host: Host, *records: SignedHandover, key: str = KEY) -> None:
    """A report of a host that has nothing."""
    observed = Observed(
        host=host.name,
        sequence=next(host.cloud.sequences),
        generation=host.desired().generation,
        boot_id=host.boot_id,
        resources=host.resources,
        inventory=host.inventory,
        iommu=True,
        handovers=records,
        handover_key=public_half(key),
    )
    agents.observe(host.cloud.control, host.id, observed)


def used(cloud: Cloud) -> tuple[Host, str]:
    """A host that signs, and a server that had its GPU and is deleted."""
    host = cloud.host("h1")
    tell(host)
    [server] = cloud.boot()
    host.obey()
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    return host, server.id


def record(server: str, *, reset: bool = True, before: Identity = SAME, after: Identity = SAME, n: int = 1) -> Handover:
    return Handover(f"id-{server}-{n}", gpu(0).address, server, 1, 2, reset, before, after)  # type: ignore[arg-type]


def status(cloud: Cloud) -> tuple[str | None, str]:
    [device] = devices.list_devices(cloud.control, ADMIN)
    return device.status, device.reason


def test_a_device_with_a_good_record_is_offered_again(cloud: Cloud) -> None:
    host, server = used(cloud)

    tell(host, signed(record(server)))

    assert status(cloud) == ("available", "")
    told = list_handovers(cloud.control, ADMIN, str(gpu(0).address))
    assert [(each.server_id, each.passed, each.verified) for each in told.handovers] == [(server, True, True)]


def test_a_device_without_a_record_waits_for_its_operator(cloud: Cloud) -> None:
    host, _ = used(cloud)

    tell(host)

    assert status(cloud) == ("quarantined", "its host has handed in no record of how it came back")
    recycle_device(cloud.control, ADMIN, str(gpu(0).address))
    assert status(cloud) == ("available", "")


def test_a_record_that_somebody_else_has_signed_proves_nothing(cloud: Cloud) -> None:
    host, server = used(cloud)

    tell(host, signed(record(server), make_signing_key()))

    assert status(cloud)[0] == "quarantined"


def test_a_record_that_was_changed_on_its_way_proves_nothing(cloud: Cloud) -> None:
    host, server = used(cloud)
    good = signed(record(server, reset=False))

    tell(host, SignedHandover(good.text.replace('"reset":false', '"reset":true'), good.signature))

    assert status(cloud)[0] == "quarantined"


def test_a_key_that_comes_later_is_not_believed_until_the_host_is_invited_anew(cloud: Cloud) -> None:
    host, server = used(cloud)
    another = make_signing_key()
    tell(host, signed(record(server), another), key=another)
    assert status(cloud)[0] == "quarantined"
    recycle_device(cloud.control, ADMIN, str(gpu(0).address))

    joining.create_host(cloud.control, ADMIN, "h1", rotate=True)
    [again] = cloud.boot("again")
    host.obey()
    delete_server(cloud.control, ADMIN, again.id, "req-3")
    tell(host, signed(record(again.id), another), key=another)

    assert status(cloud) == ("available", "")


@pytest.mark.parametrize("allowed", [False, True])
def test_a_device_without_a_reset_goes_on_only_where_its_spec_says_so(cloud: Cloud, allowed: bool) -> None:
    words = '{"vendor_id": "1234", "without_reset": "yes"}' if allowed else '{"vendor_id": "1234"}'
    cloud.configure(device_specs=parse_device_specs([words]))
    host, server = used(cloud)

    tell(host, signed(record(server, reset=False)))

    assert status(cloud)[0] == ("available" if allowed else "quarantined")


def test_a_device_that_was_rewritten_waits_with_its_evidence_and_is_accepted_as_it_is(cloud: Cloud) -> None:
    host, server = used(cloud)

    tell(host, signed(record(server, after=OTHER)))

    assert status(cloud)[0] == "quarantined"
    assert "rom was bbbbbbbbbbbbbbbb… and is cccccccccccccccc…" in status(cloud)[1]
    recycle_device(cloud.control, ADMIN, str(gpu(0).address))
    [second] = cloud.boot("second")
    host.obey()
    delete_server(cloud.control, ADMIN, second.id, "req-3")
    tell(host, signed(record(second.id, before=OTHER, after=OTHER)))
    assert status(cloud) == ("available", "")


def test_what_crept_in_between_two_servers_is_seen_as_well(cloud: Cloud) -> None:
    host, server = used(cloud)
    tell(host, signed(record(server)))
    [second] = cloud.boot("second")
    host.obey()
    delete_server(cloud.control, ADMIN, second.id, "req-3")

    tell(host, signed(record(second.id, before=OTHER, after=OTHER)))

    assert status(cloud)[0] == "quarantined"


def test_a_record_that_comes_twice_is_one(cloud: Cloud) -> None:
    host, server = used(cloud)
    tell(host, signed(record(server)))
    tell(host, signed(record(server)))

    assert len(list_handovers(cloud.control, ADMIN, str(gpu(0).address)).handovers) == 1


def test_a_device_that_no_guest_has_had_needs_no_record(cloud: Cloud) -> None:
    host = cloud.host("h1")
    tell(host)
    [server] = cloud.boot()
    delete_server(cloud.control, ADMIN, server.id, "req-2")

    tell(host)

    assert status(cloud) == ("available", "")


def test_a_host_whose_agent_does_not_sign_yet_goes_on_as_before(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    host.report()

    assert status(cloud) == ("available", "")
