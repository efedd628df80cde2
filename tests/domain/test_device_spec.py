"""Nova's device_spec language: first match wins, wildcards, expressions, tags, loud refusals."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.domain.address import PciAddress
from busway.domain.address_match import parse_address_glob, parse_address_regex
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_spec import parse_device_spec, parse_device_specs
from busway.domain.device_tags import DeviceTags
from busway.domain.errors import BuswayError, InvalidDeviceSpec

addresses = st.builds(
    lambda d, b, s, f: PciAddress(f"{d:04x}:{b:02x}:{s:02x}.{f}"),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFF),
    st.integers(0, 0x1F),
    st.integers(0, 7),
)


def gpu(address: str = "0000:8a:00.0", **changes: object) -> PciDevice:
    return PciDevice(PciAddress(address), "10de", "2330", "030200", **changes)  # type: ignore[arg-type]


def tags(**keys: object) -> DeviceTags:
    [spec] = parse_device_spec(json.dumps(keys))
    return replace(spec.tags, count=0)


@pytest.mark.parametrize(
    "text",
    [
        '{"vendor_id":"10de"}',
        '{"vendor_id":"10DE","product_id":"2330"}',
        '{"vendor_id":"0x10de"}',
        '{"vendor_id":" 10de "}',
        '{"product_id":"*"}',
        '{"address":"0000:8a:00.0"}',
        '{"address":"0:8A:0.0"}',
        '{"address":":8a:00."}',
        '{"address":"8a:00"}',
        '{"address":"*:8a:00.*"}',
        '{"address":" 8a : 00 "}',
        '{"address":".0"}',
        '{"address":null}',
        '{"address":{}}',
        '{"address":{"bus":"8a"}}',
        '{"address":{"bus":"8"}}',
        '{"address":{"bus":"8[ab]","function":"[0-3]"}}',
        '{"address":{"domain":"0000","slot":"0"}}',
        '{"address":{"func":"7"}}',
        '{"devname":""}',
        '[{"vendor_id":"8086"},{"vendor_id":"10de"}]',
        "{}",
    ],
)
def test_a_spec_covers_the_gpu(text: str) -> None:
    assert parse_device_specs([text]).find(gpu()) is not None


@pytest.mark.parametrize(
    "text",
    [
        '{"vendor_id":"8086"}',
        '{"address":"8b:00"}',
        '{"address":".1"}',
        '{"address":{"bus":"8A"}}',
        '{"address":{"bus":"a"}}',
        '{"address":{"bus":"8$"}}',
        '{"devname":"eth0"}',
        "[]",
        '{"device_type":"type-VF"}',
    ],
)
def test_a_spec_does_not_cover_the_gpu(text: str) -> None:
    assert parse_device_specs([text]).find(gpu()) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ('{\n"vendor_id": 1\n"x"}', "at line 3 of the value"),
        ('"x"', "JSON object or a list of objects, not a string"),
        ("[[]]", "JSON object or a list of objects, not a list"),
        ('{"vendor_id":10}', "must be a string, not 10"),
        ('{"vendor_id":null}', "must be a string, not null"),
        ('{"vendor_id":"nvidia"}', "not a hexadecimal number"),
        ('{"vendor_id":""}', "not a hexadecimal number"),
        ('{"vendor_id":"-1"}', "not a hexadecimal number"),
        ('{"vendor_id":"12345"}', "greater than FFFF"),
        ('{"address":"8*:00.0"}', "a wildcard is a whole field"),
        ('{"address":"0:0:0:0.0"}', "more than domain:bus:slot.function"),
        ('{"address":"10000:00:00.0"}', "greater than FFFF"),
        ('{"address":"100:00.0"}', "greater than FF"),
        ('{"address":"00:20.0"}', "greater than 1F"),
        ('{"address":"00:00.8"}', "greater than 7"),
        ('{"address":5}', "'address' must be a string or an object"),
        ('{"address":{"bus":"["}}', "is not a regular expression"),
        ('{"address":{"bus":8}}', "must be a regular expression in a string"),
        ('{"address":"8a:00.0","devname":"eth0"}', "'devname' or 'address', but not both"),
        ('{"device_type":"gpu"}', "'device_type' must be one of"),
        ('{"managed":"maybe"}', "'managed' must be one of true"),
        ('{"live_migratable":""}', "'live_migratable' must be one of true"),
        ('{"one_time_use":2}', "'one_time_use' must be one of true"),
        ('{"physical_network":5}', "'physical_network' must be a string"),
        ('{"rack":[1]}', "The tag 'rack' must be a string, not a list"),
        ('{"traits":"' + "x" * 300 + '"}', "longer than the 255 characters"),
    ],
)
def test_a_malformed_spec_is_refused_with_its_text_and_a_remedy(text: str, reason: str) -> None:
    with pytest.raises(InvalidDeviceSpec) as caught:
        parse_device_spec(text)
    assert reason in caught.value.brief
    assert text in caught.value.detail
    assert caught.value.remedy


def test_the_first_matching_spec_wins() -> None:
    specs = parse_device_specs(['{"vendor_id":"10de","live_migratable":"yes"}', '{"product_id":"2330"}'])
    found = specs.find(gpu())
    assert found is not None
    assert found.tags.live_migratable is True


@pytest.mark.parametrize(
    ("keys", "meant"),
    [
        ({}, DeviceTags()),
        ({"physical_network": "net1"}, DeviceTags(physical_network="net1")),
        ({"physical_network": None}, DeviceTags(tunnelled=True)),
        ({"trusted": "true"}, DeviceTags(trusted=True)),
        ({"trusted": "perhaps"}, DeviceTags(trusted=False)),
        ({"remote_managed": "Yes"}, DeviceTags(remote_managed=True)),
        ({"remote_managed": "perhaps"}, DeviceTags(remote_managed=False)),
        ({"managed": "no"}, DeviceTags(managed=False)),
        ({"managed": None}, DeviceTags(managed=True)),
        ({"live_migratable": False}, DeviceTags(live_migratable=False)),
        ({"live_migratable": None}, DeviceTags(live_migratable=None)),
        ({"one_time_use": " ON "}, DeviceTags(one_time_use=True)),
        ({"resource_class": "h100 nvl"}, DeviceTags(resource_class="CUSTOM_H100_NVL")),
        ({"resource_class": "pgpu"}, DeviceTags(resource_class="PGPU")),
        ({"resource_class": "Custom_x"}, DeviceTags(resource_class="CUSTOM_X")),
        ({"resource_class": ""}, DeviceTags(resource_class=None)),
        ({"traits": "a-b, HW_X,,c"}, DeviceTags(traits=frozenset({"CUSTOM_A_B", "HW_X", "CUSTOM_C"}))),
        ({"rack": "7", "vendorid": 5}, DeviceTags(other=(("rack", "7"), ("vendorid", "5")))),
    ],
)
def test_tags_are_read(keys: dict[str, object], meant: DeviceTags) -> None:
    assert tags(**keys) == meant


def test_tags_are_counted_without_class_and_traits() -> None:
    [spec] = parse_device_spec('{"vendor_id":"10de","managed":"yes","rack":"7","resource_class":"x","traits":"y"}')
    assert spec.tags.count == 2


@pytest.mark.parametrize(
    "address",
    ["0000:83:00.0", {"domain": "0000", "bus": "83", "slot": "00", "function": "0"}],
)
def test_the_address_of_a_pf_covers_its_vfs(address: object) -> None:
    specs = parse_device_specs([json.dumps({"address": address})])
    vf = gpu("0000:83:00.4", kind=DeviceKind.VF, parent=PciAddress("0000:83:00.0"))
    assert specs.find(vf) is not None
    assert specs.find(gpu("0000:83:00.4")) is None


@pytest.mark.parametrize("address", ["83:00.0", {"bus": "83", "slot": "00", "function": "0"}])
def test_an_address_with_a_wildcard_does_not_cover_the_vfs_of_what_it_matches(address: object) -> None:
    vf = gpu("0000:83:00.4", kind=DeviceKind.VF, parent=PciAddress("0000:83:00.0"))
    assert parse_device_specs([json.dumps({"address": address})]).find(vf) is None


def test_the_ids_of_a_spec_narrow_what_the_address_of_a_pf_covers() -> None:
    specs = parse_device_specs(['{"address":"0000:83:00.0","product_id":"2331"}'])
    vf = gpu("0000:83:00.4", kind=DeviceKind.VF, parent=PciAddress("0000:83:00.0"))
    assert specs.find(vf) is None
    assert specs.find(replace(vf, product_id="2331")) is not None


@pytest.mark.parametrize(
    "device", [PciDevice(PciAddress("0000:00:01.0"), "8086", "1901", "060400"), gpu("10000:01:00.0")]
)
def test_bridges_and_devices_of_wide_domains_are_never_offered(device: PciDevice) -> None:
    assert parse_device_specs(["{}"]).find(device) is None


@given(addresses)
def test_an_address_matches_its_own_text_and_survives_it(address: PciAddress) -> None:
    fields = dict(zip(("domain", "bus", "slot", "function"), str(address).replace(".", ":").split(":"), strict=True))
    assert PciAddress(str(address)) == address
    assert str(parse_address_glob(str(address))) == str(address)
    assert parse_address_glob(str(address)).matches(address)
    assert parse_address_glob("").matches(address)
    assert parse_address_glob(address.slot_name).matches(address)
    assert parse_address_regex(dict(fields)).matches(address)
    assert parse_address_regex(dict(fields)).is_concrete


@given(addresses, addresses)
def test_a_concrete_address_matches_no_other(one: PciAddress, other: PciAddress) -> None:
    assert parse_address_glob(str(one)).matches(other) == (one == other)


spec_like = st.dictionaries(
    st.sampled_from(("vendor_id", "product_id", "address", "devname", "managed", "traits", "physical_network", "x")),
    st.sampled_from(("10de", "*", "8a:00.0", "yes", "")) | st.none() | st.integers() | st.text(max_size=6),
)


@given(st.text() | spec_like.map(json.dumps) | st.lists(spec_like, max_size=3).map(json.dumps))
def test_any_text_is_specs_or_a_refusal_in_four_fields(text: str) -> None:
    try:
        specs = parse_device_spec(text)
    except BuswayError as error:
        assert (error.code, bool(error.remedy), bool(error.detail)) == ("invalid-device-spec", True, True)
    else:
        assert all(spec.devname is None or not spec.matches(gpu()) for spec in specs)
