"""Nova's alias language: what is accepted, what is refused, and in which words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.domain.address import PciAddress
from busway.domain.alias import AliasSpec, parse_alias, parse_alias_counts, parse_aliases, parse_requests
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_tags import DeviceTags
from busway.domain.errors import BadInput, BuswayError, Forbidden, InvalidAlias, InvalidExtraSpec
from busway.domain.numa_policy import NumaPolicy

K2 = '{"vendor_id":"10de","product_id":"11bf","name":"a1"}'
FLAVOR_POLICY = "hw:pci_numa_affinity_policy"
IMAGE_POLICY = "hw_pci_numa_affinity_policy"


def device(kind: DeviceKind = DeviceKind.PCI, product: str = "11bf") -> PciDevice:
    return PciDevice(PciAddress("0000:85:00.0"), "10de", product, "030000", kind=kind)


def spec(placement: bool = False, **keys: object) -> AliasSpec:
    made = {"name": "a1", "vendor_id": "10de", "product_id": "11bf", **keys}
    [one] = parse_alias(json.dumps(made), placement=placement).specs
    return one


def test_an_alias_matches_its_ids_whatever_their_case() -> None:
    alias = parse_alias('{"vendor_id":"10DE","product_id":"11BF","name":" a1 "}')
    assert alias.name == "a1"
    assert alias.matches(device())
    assert not alias.matches(device(product="11c0"))


@pytest.mark.parametrize(
    ("asked", "gets"),
    [
        (None, {DeviceKind.PCI, DeviceKind.VF}),
        ("type-PCI", {DeviceKind.PCI}),
        ("type-PF", {DeviceKind.PF}),
        ("type-VF", {DeviceKind.VF}),
    ],
)
def test_a_pf_is_given_only_to_who_asks_for_one(asked: str | None, gets: set[DeviceKind]) -> None:
    wanted = spec(device_type=asked) if asked else spec()
    assert {kind for kind in DeviceKind if wanted.matches(device(kind))} == gets


@pytest.mark.parametrize(
    ("asked", "of_device", "fits"),
    [
        (None, None, True),
        (None, False, True),
        ("yes", True, True),
        ("On", None, False),
        ("1", False, False),
        ("no", False, True),
        ("no", None, False),
        ("f", True, False),
    ],
)
def test_a_device_that_says_nothing_is_not_one_that_says_no(
    asked: str | None, of_device: bool | None, fits: bool
) -> None:
    wanted = spec(live_migratable=asked) if asked else spec()
    assert wanted.matches(device(), DeviceTags(live_migratable=of_device)) is fits


def test_a_remote_managed_device_is_given_to_no_alias() -> None:
    assert not spec().matches(device(), DeviceTags(remote_managed=True))


@pytest.mark.parametrize(
    ("keys", "tags", "fits"),
    [
        ({}, DeviceTags(), True),
        ({}, DeviceTags(resource_class="CUSTOM_H100"), False),
        ({"resource_class": "h100"}, DeviceTags(resource_class="CUSTOM_H100"), True),
        ({"resource_class": "custom_pci_10de_11bf"}, DeviceTags(), True),
        ({"traits": "fast"}, DeviceTags(), False),
        ({"traits": "fast"}, DeviceTags(traits=frozenset({"CUSTOM_FAST", "CUSTOM_NVLINK"})), True),
        ({"traits": "fast, nvlink"}, DeviceTags(traits=frozenset({"CUSTOM_FAST"})), False),
        ({"traits": "COMPUTE_MANAGED_PCI_DEVICE"}, DeviceTags(), True),
        ({"traits": "HW_PCI_LIVE_MIGRATABLE"}, DeviceTags(live_migratable=True), True),
        ({"traits": "HW_PCI_ONE_TIME_USE"}, DeviceTags(), False),
        ({}, DeviceTags(physical_network="net1"), False),
        ({}, DeviceTags(tunnelled=True), True),
    ],
)
def test_class_and_traits_count_with_placement(keys: dict[str, str], tags: DeviceTags, fits: bool) -> None:
    assert spec(placement=True, **keys).matches(device(), tags) is fits


def test_class_and_traits_do_not_count_without_placement() -> None:
    wanted = spec(resource_class="h100", traits="fast")
    assert wanted.matches(device(), DeviceTags(resource_class="CUSTOM_OTHER", physical_network="net1"))


def test_a_class_stands_for_the_ids_with_placement_only() -> None:
    text = '{"name":"a1","resource_class":"h100"}'
    tags = DeviceTags(resource_class="CUSTOM_H100")
    assert parse_alias(text, placement=True).matches(device(product="2330"), tags)
    with pytest.raises(InvalidAlias, match="'vendor_id' and 'product_id' are required"):
        parse_alias(text)


def test_a_repeated_name_means_either() -> None:
    aliases = parse_aliases([K2, '{"vendor_id":"10de","product_id":"2330","name":"a1"}'])
    assert aliases["a1"].matches(device())
    assert aliases["a1"].matches(device(product="2330"))
    assert aliases["a1"].describe() == "a1 (10de:11bf or 10de:2330)"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("", "it is empty"),
        ("{'name': 'a'}", "double quotes"),
        ('{"name": "a",}', "no comma before a closing bracket"),
        ("'{\n}'", "quotes around a value"),
        ("[]", "one JSON object, not a list"),
        ('"x"', "one JSON object, not a string"),
        ('{"vendor_id":"10de","product_id":"11bf"}', "'name' is required"),
        ('{"vendor_id":"10de","product_id":"11bf","name":" "}', "'name' is required"),
        ('{"vendor_id":"0x10de","product_id":"11bf","name":"a"}', "exactly four hex digits"),
        ('{"vendor_id":"*","product_id":"11bf","name":"a"}', "exactly four hex digits"),
        ('{"vendor_id":null,"product_id":"11bf","name":"a"}', "exactly four hex digits"),
        ('{"vendor_id":"10de\\n","product_id":"11bf","name":"a"}', "exactly four hex digits"),
        ('{"vendor_id":"10de","name":"a"}', "'vendor_id' and 'product_id' are required"),
        ('{"traits":"x","name":"a"}', "'vendor_id' and 'product_id' are required"),
        ('{"vendor_id":"10de","product_id":"11bf","name":"a","devname":"x"}', "Unknown key devname"),
        ('{"vendor_id":"10de","product_id":"11bf","name":"a","device_type":"vdpa"}', "'device_type' must be one of"),
        ('{"vendor_id":"10de","product_id":"11bf","name":"a","numa_policy":"near"}', "'numa_policy' must be one of"),
        ('{"vendor_id":"10de","product_id":"11bf","name":"a","live_migratable":true}', "must be a string, one of"),
        ('{"vendor_id":"10de","product_id":"11bf","name":"a","live_migratable":"maybe"}', "must be a string, one of"),
        ('{"vendor_id":"10de","product_id":"11bf","name":"a","traits":["x"]}', "'traits' must be a string"),
        ('{"vendor_id":"10de","product_id":"11bf","name":"a","capability_type":"usb"}', "'capability_type' must be"),
    ],
)
def test_a_malformed_alias_is_refused_with_its_text_and_a_remedy(text: str, reason: str) -> None:
    with pytest.raises(InvalidAlias) as caught:
        parse_alias(text)
    assert reason in caught.value.brief
    assert text in caught.value.detail
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ('"device_type":"type-PF"', "Device type mismatch for alias a1: none and type-PF"),
        ('"numa_policy":"required"', "NUMA policy mismatch for alias a1: legacy and required"),
    ],
)
def test_repeated_names_must_agree(more: str, reason: str) -> None:
    with pytest.raises(InvalidAlias, match=reason):
        parse_aliases([K2, '{"vendor_id":"10de","product_id":"2330","name":"a1",' + more + "}"])


def test_a_flavor_asks_for_several_aliases() -> None:
    aliases = parse_aliases([K2, '{"vendor_id":"10de","product_id":"2330","name":"h100"}'])
    requests = parse_requests({"pci_passthrough:alias": "a1:2, h100:1,a1:1"}, aliases)
    assert [(request.alias.name, request.count) for request in requests] == [("a1", 2), ("h100", 1), ("a1", 1)]


@pytest.mark.parametrize(
    ("of_alias", "of_flavor", "of_image", "counts"),
    [
        (None, None, None, "legacy"),
        ("socket", None, None, "socket"),
        ("socket", "required", None, "required"),
        ("socket", None, "preferred", "preferred"),
        ("socket", "required", "required", "required"),
        ("socket", "", "", "socket"),
    ],
)
def test_flavor_and_image_go_before_the_alias(
    of_alias: str | None, of_flavor: str | None, of_image: str | None, counts: str
) -> None:
    more = f',"numa_policy":"{of_alias}"' if of_alias else ""
    aliases = parse_aliases([K2[:-1] + more + "}"])
    specs = {"pci_passthrough:alias": "a1:1"} | ({} if of_flavor is None else {FLAVOR_POLICY: of_flavor})
    [request] = parse_requests(specs, aliases, {} if of_image is None else {IMAGE_POLICY: of_image})
    assert request.numa_policy is NumaPolicy(counts)


def test_flavor_and_image_that_disagree_are_forbidden() -> None:
    specs = {"pci_passthrough:alias": "a1:1", FLAVOR_POLICY: "required"}
    with pytest.raises(Forbidden) as caught:
        parse_requests(specs, parse_aliases([K2]), {IMAGE_POLICY: "preferred"})
    assert caught.value.code == "pci-numa-policy-conflict"
    assert "preferred" in caught.value.brief
    assert "required" in caught.value.brief


@pytest.mark.parametrize(("specs", "image"), [({FLAVOR_POLICY: "near"}, {}), ({}, {IMAGE_POLICY: "near"})])
def test_a_word_that_is_no_policy_is_refused(specs: dict[str, str], image: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="is not a PCI NUMA policy"):
        parse_requests({"pci_passthrough:alias": "a1:1", **specs}, parse_aliases([K2]), image)


@pytest.mark.parametrize("value", ["a1", "a1:0", "a1:-1", "a1:x", "a1:1,", ":1", "", "a1:1.5", "a1:+1", "a1:1:2"])
def test_a_malformed_count_is_refused(value: str) -> None:
    with pytest.raises(InvalidExtraSpec, match=r"is not alias:count|at least 1"):
        parse_requests({"pci_passthrough:alias": value}, parse_aliases([K2]))


def test_an_unknown_alias_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="PCI alias b7 is not defined") as caught:
        parse_requests({"pci_passthrough:alias": "b7:1"}, parse_aliases([K2]))
    assert "a1" in caught.value.detail
    assert caught.value.code == "alias-not-defined"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
alias_like = st.dictionaries(
    st.sampled_from(("name", "vendor_id", "product_id", "device_type", "live_migratable", "traits", "numa_policy")),
    st.sampled_from(("a1", "10de", "2330", "type-PF", "yes", "legacy")) | json_values,
)


@given(st.text() | json_values.map(json.dumps) | alias_like.map(json.dumps), st.booleans())
def test_any_text_is_an_alias_or_a_refusal_in_four_fields(text: str, placement: bool) -> None:
    try:
        alias = parse_alias(text, placement=placement)
    except BuswayError as error:
        assert (error.code, bool(error.remedy), bool(error.detail)) == ("invalid-alias", True, True)
    else:
        assert alias.name == alias.name.strip() != ""
        assert (alias.specs[0].resource_class is not None) == placement


@given(st.lists(st.tuples(st.from_regex(r"[a-z0-9 ]*[a-z]", fullmatch=True), st.integers(1, 10**9 - 1)), min_size=1))
def test_counts_survive_their_own_text(pairs: list[tuple[str, int]]) -> None:
    text = ",".join(f"{name}:{count}" for name, count in pairs)
    assert parse_alias_counts(text) == [(name.strip(), count) for name, count in pairs]
