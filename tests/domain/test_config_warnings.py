"""What is accepted although its writer may regret it: each warning, and the silence around it."""

import json

import pytest

from busway.domain.address import PciAddress
from busway.domain.alias import Alias, parse_alias
from busway.domain.alias_check import check_aliases
from busway.domain.config_warning import ConfigWarning, Located
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_spec import DeviceSpec, parse_device_spec
from busway.domain.device_spec_check import check_device_specs
from busway.domain.inventory_check import check_against_devices

H100 = '{"vendor_id":"10de","product_id":"2330"}'


def specs(*texts: str) -> list[Located[tuple[DeviceSpec, ...]]]:
    return [Located(line, "[pci] device_spec", text, parse_device_spec(text)) for line, text in enumerate(texts, 1)]


def aliases(*texts: str, placement: bool = False) -> list[Located[Alias]]:
    return [
        Located(line, "[pci] alias", text, parse_alias(text, placement=placement)) for line, text in enumerate(texts, 1)
    ]


def alias(**keys: str) -> str:
    return json.dumps({"name": "h100", "vendor_id": "10de", "product_id": "2330", **keys})


def of_specs(*texts: str) -> list[tuple[int | None, str]]:
    return [(warning.line, warning.code) for warning in check_device_specs(specs(*texts))]


def only(warnings: list[ConfigWarning]) -> ConfigWarning:
    [warning] = warnings
    return warning


@pytest.mark.parametrize(
    "text",
    [
        H100,
        '{"address":"0000:81:00.0"}',
        '{"address":{"bus":"8[ab]$"}}',
        '{"address":{"bus":"8a","function":"[0-3]"}}',
        '{"device_type":"type-VF"}',
        '{"vendor_id":"10de","trusted":"no","remote_managed":"yes","managed":"no","physical_network":null}',
        '[{"vendor_id":"10de"},{"vendor_id":"8086"}]',
    ],
)
def test_a_clear_spec_is_accepted_in_silence(text: str) -> None:
    assert of_specs(text) == []


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("{}", "device-spec-matches-all", "every PCI device"),
        ('{"address":"*"}', "device-spec-matches-all", "every PCI device"),
        ('{"address":{"func":"0"},"vendor_id":"10de"}', "device-spec-address-key", "any function matches"),
        ("[]", "device-spec-empty", "no device"),
        ('{"vendor_id":"10de","vendor_id":"8086"}', "repeated-key", "'vendor_id' occurs twice"),
        ('{"vendor_id":"10de","productid":"2330"}', "device-spec-unknown-key", "'productid'"),
        ('{"vendor_id":"10de","trusted":"perhaps"}', "device-spec-boolean", '"perhaps"'),
        ('{"devname":"eth0"}', "device-spec-devname", "eth0"),
        ('{"address":{"bus":"8"}}', "device-spec-regex-loose", "also 80, 81, 82 and 13 more"),
        ('{"address":{"bus":"8A"}}', "device-spec-regex-never", "offers nothing"),
    ],
)
def test_a_spec_that_may_be_regretted_is_told(text: str, code: str, words: str) -> None:
    warning = only(check_device_specs(specs(text)))
    assert (warning.line, warning.option, warning.code) == (1, "[pci] device_spec", code)
    assert words in warning.meaning
    assert warning.remedy


def test_an_unknown_key_is_told_with_the_nearest_known_one() -> None:
    assert "'product_id'" in only(check_device_specs(specs('{"vendor_id":"10de","productid":"2330"}'))).remedy
    assert "Did you mean" not in only(check_device_specs(specs('{"vendor_id":"10de","rack":"7"}'))).remedy


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{"vendor_id":"10de"}', H100),
        (H100, H100),
        ('{"address":"8a:00"}', '{"address":"0000:8a:00.0","vendor_id":"10de"}'),
        ('{"address":{"bus":"8[ab]$"}}', '{"address":{"bus":"8a"}}'),
        ('{"vendor_id":"10de"}', '{"vendor_id":"10de","device_type":"type-VF"}'),
    ],
)
def test_a_shadowed_spec_is_told_with_the_line_that_shadows_it(first: str, second: str) -> None:
    warning = only(check_device_specs(specs(first, second)))
    assert (warning.line, warning.code) == (2, "device-spec-shadowed")
    assert "line 1" in warning.meaning


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (H100, '{"vendor_id":"10de"}'),
        (H100, '{"vendor_id":"10de","product_id":"2331"}'),
        ('{"address":"0000:8a:00.0"}', '{"address":"8a:00"}'),
        ('{"vendor_id":"10de","device_type":"type-VF"}', '{"vendor_id":"10de"}'),
        ('{"address":{"bus":"8a"}}', '{"address":{"bus":"8[ab]$"}}'),
    ],
)
def test_a_narrower_spec_before_a_wider_one_is_as_it_should_be(first: str, second: str) -> None:
    assert of_specs(first, second) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (alias(capability_type="pci"), "alias-capability-type"),
        (alias(resource_class="x"), "alias-class-unused"),
        (alias(traits="x"), "alias-class-unused"),
        (alias(name="a:b"), "alias-name-unusable"),
        (alias(name="a,b"), "alias-name-unusable"),
        (alias(product_id="2331"), "alias-unoffered"),
        (alias(live_migratable="yes"), "alias-unoffered"),
        (alias()[:-1] + ',"name":"b"}', "repeated-key"),
    ],
)
def test_an_alias_that_may_be_regretted_is_told(text: str, code: str) -> None:
    warning = only(check_aliases(aliases(text), parse_device_spec(H100)))
    assert (warning.line, warning.code) == (1, code)
    assert warning.remedy


def test_an_alias_said_twice_is_told_and_one_that_means_either_is_not() -> None:
    values = aliases(alias(), alias(product_id="2331"), alias())
    warning = only(check_aliases(values, []))
    assert (warning.line, warning.code) == (3, "alias-repeated")


@pytest.mark.parametrize(
    ("text", "spec", "offered"),
    [
        (alias(), H100, True),
        (alias(device_type="type-PF"), '{"vendor_id":"10de","device_type":"type-VF"}', False),
        (alias(), '{"vendor_id":"10de","device_type":"type-PF"}', False),
        (alias(), '{"vendor_id":"10de","remote_managed":"yes"}', False),
        (alias(), '{"vendor_id":"10de","physical_network":"net1"}', False),
        (alias(resource_class="x"), '{"vendor_id":"10de","resource_class":"X"}', True),
        (alias(), '{"vendor_id":"10de","resource_class":"X"}', False),
        (alias(traits="fast"), H100, False),
        (alias(traits="HW_PCI_LIVE_MIGRATABLE"), H100, True),
    ],
)
def test_what_no_spec_can_offer_is_known_without_a_host(text: str, spec: str, offered: bool) -> None:
    found = check_aliases(aliases(text, placement=True), parse_device_spec(spec), placement=True)
    assert [warning.code for warning in found] == ([] if offered else ["alias-unoffered"])


def card(address: str = "0000:81:00.0", kind: DeviceKind = DeviceKind.PF) -> PciDevice:
    return PciDevice(PciAddress(address), "10de", "2330", "030200", kind=kind)


@pytest.mark.parametrize(
    ("text", "spec", "codes"),
    [
        (alias(device_type="type-PF"), H100, []),
        (alias(), H100, ["alias-needs-type-pf"]),
        (alias(device_type="type-PCI"), H100, ["alias-other-type"]),
        (alias(device_type="type-VF"), H100, ["alias-matches-nothing"]),
        (
            alias(device_type="type-PF"),
            '{"address":"0000:82:00.0"}',
            ["device-spec-catches-nothing", "alias-matches-nothing"],
        ),
        (
            alias(device_type="type-PF"),
            '{"vendor_id":"10de","remote_managed":"yes"}',
            ["device-spec-remote-managed-pf", "alias-matches-nothing"],
        ),
    ],
)
def test_aliases_and_specs_are_held_against_real_devices(text: str, spec: str, codes: list[str]) -> None:
    found = check_against_devices(aliases(text), specs(spec), [card()])
    assert [warning.code for warning in found] == codes


def test_one_time_use_of_a_vf_is_told() -> None:
    vf = card("0000:81:00.4", DeviceKind.VF)
    found = check_against_devices([], specs('{"vendor_id":"10de","one_time_use":"yes"}'), [vf])
    assert "0000:81:00.4" in only(found).meaning
    assert only(found).code == "device-spec-one-time-use-vf"
