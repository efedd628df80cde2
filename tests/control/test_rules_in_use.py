"""Rules change, servers stay: devices in use are never dropped, and what depends on an alias is told."""

from dataclasses import replace

import pytest

from busway.control import events, flavors
from busway.control.devices import listing as devices
from busway.control.devices.listing import DeviceView
from busway.control.placement.place import place_round
from busway.control.rules import aliases, device_specs
from busway.control.servers.delete import delete_server
from busway.control.settings import Settings
from busway.domain.address import PciAddress
from busway.domain.claim import ClaimState
from busway.domain.config_warning import ConfigWarning
from busway.domain.device import DeviceKind
from busway.domain.device_spec import DeviceSpecs
from busway.domain.errors import BuswayError, Conflict
from busway.domain.ids import FlavorId
from busway.domain.server import ServerStatus
from busway.store import claims
from busway.store.database import Database
from tests.control.clouds import ADMIN, ALIAS, SPEC, Cloud, gpu

T4 = '{"name": "t4", "vendor_id": "10de", "product_id": "1eb8"}'


@pytest.fixture
def bare(cloud: Cloud) -> Cloud:
    """A cloud whose file says nothing of devices."""
    settings = Settings(aliases={}, device_specs=DeviceSpecs())
    cloud.control = replace(cloud.control, settings=settings)
    return cloud


def offer(cloud: Cloud, text: str = SPEC) -> tuple[str, int]:
    made = device_specs.create_device_spec(cloud.control, ADMIN, text).device_spec
    assert made is not None and made.version is not None
    return made.id, made.version


def define(cloud: Cloud, text: str = ALIAS) -> int:
    made = aliases.create_alias(cloud.control, ADMIN, [text]).alias
    assert made is not None and made.version is not None
    return made.version


def only_device(cloud: Cloud) -> DeviceView:
    [device] = devices.list_devices(cloud.control, ADMIN)
    return device


def codes(warnings: tuple[ConfigWarning, ...] | list[ConfigWarning]) -> set[str]:
    return {warning.code for warning in warnings}


@pytest.mark.parametrize("how", ["deleted", "changed"])
def test_a_device_in_use_stays_with_its_server_and_leaves_when_it_is_given_back(bare: Cloud, how: str) -> None:
    spec, version = offer(bare)
    define(bare)
    host = bare.host("h1")
    [server] = bare.boot()
    host.report([server.id])

    if how == "deleted":
        device_specs.delete_device_spec(bare.control, ADMIN, spec, version)
    else:
        device_specs.change_device_spec(bare.control, ADMIN, spec, version, '{"vendor_id": "10de"}')
    host.report([server.id])
    in_use = only_device(bare)
    delete_server(bare.control, ADMIN, server.id, "req-2")
    host.report()
    after = only_device(bare)
    [late] = bare.boot("late")

    assert (in_use.status, in_use.server_id, in_use.offered) == ("allocated", server.id, False)
    assert "leaves when its server gives it back" in in_use.reason
    assert (after.status, after.offered, after.reason) == (None, False, "no device_spec offers it")
    assert late.status is ServerStatus.ERROR
    told = [(e.old, e.new) for e in events.list_events(bare.control, ADMIN, device=after.id)][-4:]
    assert told == [
        ("allocated", "allocated"),
        ("allocated", "releasing"),
        ("releasing", "available"),
        ("available", "not offered"),
    ]


def test_a_desired_document_keeps_a_device_that_is_offered_no_more(bare: Cloud) -> None:
    spec, version = offer(bare)
    define(bare)
    host = bare.host("h1")
    [server] = bare.boot()
    before = host.desired().servers

    device_specs.delete_device_spec(bare.control, ADMIN, spec, version)

    assert host.desired().servers == before and before[0].devices[0].unit.name == str(gpu(0).address)
    host.report([server.id])
    assert bare.server(server.id).status is ServerStatus.ACTIVE


def test_events_tell_which_devices_came_and_went(bare: Cloud) -> None:
    bare.host("h1")
    spec, version = offer(bare)
    device_specs.delete_device_spec(bare.control, ADMIN, spec, version)

    story = events.list_events(bare.control, ADMIN, device=only_device(bare).id)[-2:]

    assert [(e.old, e.new) for e in story] == [("not offered", "available"), ("available", "not offered")]
    assert "admin" in story[1].reason


def test_a_pf_in_use_that_is_offered_no_more_still_keeps_its_vfs_from_others(bare: Cloud) -> None:
    pf = gpu(0, kind=DeviceKind.PF)
    vf = gpu(1, kind=DeviceKind.VF, parent=pf.address, product_id="2222", address=PciAddress("0000:41:00.1"))
    spec, version = offer(bare)
    offer(bare, '{"vendor_id":"1234","product_id":"2222"}')
    define(bare, ALIAS.replace("}", ',"device_type":"type-PF"}'))
    define(bare, ALIAS.replace("1111", "2222").replace("a1", "v1"))
    bare.host("h1", inventory=(pf, vf))
    assert bare.boot()[0].status is ServerStatus.BUILD

    device_specs.delete_device_spec(bare.control, ADMIN, spec, version)
    bare.gpu_flavor = replace(bare.gpu_flavor, extra_specs={"pci_passthrough:alias": "v1:1"})
    [second] = bare.boot("second")

    assert second.status is ServerStatus.ERROR
    with bare.control.db.read() as tx:
        assert [claim.state for claim in claims.list_live_claims(tx)] == [ClaimState.CLAIMED]


def test_an_alias_that_is_asked_for_is_deleted_only_by_force(bare: Cloud) -> None:
    offer(bare)
    version = define(bare)
    host = bare.host("h1")
    flavors.create_flavor(bare.control, ADMIN, replace(bare.gpu_flavor, id=FlavorId("g"), name="gpu"))
    [server] = bare.boot("busy")
    host.report([server.id])

    with pytest.raises(Conflict) as refused:
        aliases.delete_alias(bare.control, ADMIN, "a1", version)
    aliases.delete_alias(bare.control, ADMIN, "a1", version, force=True)

    assert refused.value.code == "alias-in-use"
    assert "flavor gpu" in refused.value.brief and "server busy" in refused.value.brief
    assert bare.server(server.id).status is ServerStatus.ACTIVE
    assert only_device(bare).status == "allocated"
    with pytest.raises(BuswayError, match="a1 is not defined"):
        bare.boot("late")


def test_an_alias_is_deleted_without_a_word_where_nobody_asks_for_it(bare: Cloud) -> None:
    define(bare)
    version = define(bare, T4)
    flavors.create_flavor(bare.control, ADMIN, replace(bare.gpu_flavor, id=FlavorId("g"), name="gpu"))

    assert aliases.delete_alias(bare.control, ADMIN, "t4", version).alias is None


def test_an_alias_whose_name_the_file_has_too_is_deleted_though_it_is_asked_for(cloud: Cloud) -> None:
    version = define(cloud)
    flavors.create_flavor(cloud.control, ADMIN, replace(cloud.gpu_flavor, id=FlavorId("g"), name="gpu"))

    left = aliases.delete_alias(cloud.control, ADMIN, "a1", version).alias

    assert left is not None and left.source == "file"


def test_a_server_that_waits_for_an_alias_that_is_gone_says_so(bare: Cloud) -> None:
    offer(bare)
    version = define(bare)
    bare.host("h1")
    [server] = bare.create()
    aliases.delete_alias(bare.control, ADMIN, "a1", version, force=True)

    place_round(bare.control)

    fault = bare.server(server.id).fault
    assert fault is not None and "a1 is not defined" in fault.message


def test_warnings_are_those_of_config_check(bare: Cloud, database: Database) -> None:
    bare.host("h1")

    broad = device_specs.create_device_spec(bare.control, ADMIN, "{}").warnings
    narrow = device_specs.create_device_spec(bare.control, ADMIN, SPEC).warnings
    alias = aliases.create_alias(bare.control, ADMIN, [T4.replace("}", ', "traits": "X"}')]).warnings
    _, of_specs = device_specs.list_device_specs(bare.control, ADMIN)
    _, of_aliases = aliases.list_aliases(bare.control, ADMIN)

    assert codes(broad) == {"device-spec-matches-all"}
    assert codes(narrow) == {"device-spec-shadowed", "device-spec-catches-nothing"}
    assert codes(alias) == {"alias-class-unused", "alias-matches-nothing"}
    assert codes(of_specs) == codes(broad) | codes(narrow)
    assert codes(of_aliases) == codes(alias)


def test_a_change_warns_of_what_it_does_to_other_rules(cloud: Cloud) -> None:
    made = device_specs.create_device_spec(cloud.control, ADMIN, '{"vendor_id": "1234"}')

    [shadowed] = [each for each in made.warnings if each.code == "device-spec-shadowed"]
    assert (shadowed.line, shadowed.option) == (1, "[pci] device_spec")
