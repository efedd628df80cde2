"""No host's document is too large to be told, whatever tenants write."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from busway.domain.dhcp_option import MAX_OPTIONS, DhcpOption
from busway.domain.document_room import SERVER_BYTES, TEXT_BYTES, check_texts, fair_groups, text_bytes
from busway.domain.documents import ConfigDrive, Desired, DesiredCell, DesiredServer, ImageRef, Nic
from busway.domain.errors import BadInput
from busway.domain.guest_network import AddressPair, HostNetwork, HostRoute, NicGroup, NicRule
from busway.domain.ids import ImageId, NetworkId, PortId, SecurityGroupId, ServerId
from busway.wire.documents import encode

UUID = "f" * 36
KEYS = st.text("kK09-_:. ", min_size=1, max_size=255)
VALUES = st.text(max_size=255)


def _cards() -> tuple[Nic, ...]:
    """The cards that take the most: 64, each with 50 groups, 10 pairs and all the DHCP options that a port may have."""
    pairs = tuple(AddressPair("fa:16:3e:ff:ff:ff", f"{'ffff:' * 7}ff{n:02}/128") for n in range(10))
    groups = tuple(SecurityGroupId(f"{UUID[:-2]}{n:02}") for n in range(50))
    long = {"gateway": "255.255.255.255", "address": "255.255.255.255", "address6": "ffff:" * 7 + "ffff"}
    told = tuple(DhcpOption("max-datagram-reassembly", "v" * 120) for _ in range(MAX_OPTIONS))
    common = {"physical": "p" * 64, "network": NetworkId(UUID), "name": "n" * 63}
    return tuple(
        Nic(
            "fa:16:3e:ff:ff:ff",
            prefix=24,
            port=PortId(UUID),
            vlan=4094,
            groups=groups,
            pairs=pairs,
            dhcp_options=told,
            **long,  # type: ignore[arg-type]
            **common,  # type: ignore[arg-type]
        )
        for _ in range(64)
    )


def _network(number: int) -> HostNetwork:
    address = "ffff:" * 7 + "ffff"
    return HostNetwork(
        NetworkId(f"{UUID[:-2]}{number:02}"),
        "ü" * 255,
        "bridge",
        physical="p" * 64,
        cidr=address,
        gateway=address,
        cidr6=address,
        gateway6=address,
        dns=(address,) * 10,
        domain="d" * 255,
        routes=(HostRoute(address + "/128", address),) * 10,
    )


def _server(metadata: dict[str, str], user_data: str) -> DesiredServer:
    """A server as its host is told of it, with all that a user can fill filled."""
    card = {"type": "nic", "bus": "pci", "address": "0000:ff:1f.7", "mac": "fa:16:3e:ff:ff:ff", "tags": []}
    route = {"network": "ffff:" * 8, "netmask": "ffff:" * 8, "gateway": "ffff:" * 8}
    net = {"id": "network127", "network_id": UUID, "type": "ipv6", "link": "tap63", "ip_address": "ffff:" * 8}
    link = {"id": "tap63", "vif_id": UUID, "type": "phy", "ethernet_mac_address": "fa:16:3e:ff:ff:ff", "mtu": 9000}
    texts = {"uuid": UUID, "name": "\U0001f600" * 255, "hostname": "h" * 255, "project_id": UUID, "launch_index": 0}
    meta = {**texts, "availability_zone": "z" * 255, "meta": metadata, "devices": [card] * 64}
    meta["dedicated_cpus"] = list(range(512))
    nets = {"links": [link] * 64, "networks": [{**net, "netmask": "ffff:" * 8, "routes": [route] * 6}] * 128}
    return DesiredServer(
        ServerId(UUID),
        "instance-ffffffff",
        512,
        2**31,
        2**31,
        ImageRef(ImageId(UUID), "f" * 64, 2**40, "qcow2"),
        (),
        _cards(),
        ConfigDrive(json.dumps(meta), json.dumps({**nets, "services": [{"type": "dns", "address": "f" * 39}] * 640})),
        cells=tuple(DesiredCell(8, 2**31, node, "0-7,16-23", pins=(8191,) * 8) for node in range(64)),
    )


@given(st.dictionaries(KEYS, VALUES, max_size=128), st.integers(0, 65_535))
@example({f"{n:03}" + "k" * 252: "\U0001f600" * 51 for n in range(128)}, 65_532)
@example({f"{n:03}" + "k" * 252: '"\\' * 127 for n in range(100)}, 65_532)
def test_what_is_accepted_of_a_server_is_within_its_part(metadata: dict[str, str], user_data: int) -> None:
    try:
        check_texts(metadata, "u" * user_data, None, None)
    except BadInput:
        assert text_bytes(metadata, "u" * user_data, None, None) > TEXT_BYTES
        return
    server = _server(metadata, "")
    whole = Desired("h", 1, (server,), networks=tuple(_network(n) for n in range(64)))

    assert len(encode(whole)) + user_data <= SERVER_BYTES


def test_all_that_nova_allows_in_ascii_is_accepted() -> None:
    metadata = {f"{number:03}" + "k" * 252: "v" * 120 for number in range(128)}

    check_texts(metadata, "u" * 65_535, "k" * 255, "ssh-rsa " + "A" * 8000)


def test_letters_that_take_much_room_are_counted_as_they_are_told() -> None:
    with pytest.raises(BadInput, match="too large together") as told:
        check_texts({f"{n}": "\U0001f600" * 255 for n in range(128)}, None, None, None)
    assert told.value.code == "server-texts"


def _group(name: str, members: int, rules: int = 1) -> NicGroup:
    rule = NicRule("ingress", "IPv6", 255, 65535, 65535, "ffff:" * 7 + "ffff/128", SecurityGroupId(UUID))
    addresses = tuple(f"{'ffff:' * 7}{number:04x}" for number in range(members))
    return NicGroup(SecurityGroupId(f"{name:>036}"), (rule,) * rules, addresses)


GROUPS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 60), st.integers(0, 30)), max_size=20)


@given(GROUPS)
def test_groups_never_take_more_than_their_room(wanted: list[tuple[str, int, int]]) -> None:
    room = 16 * 1024
    groups = [(project, _group(f"{number}", *sizes)) for number, (project, *sizes) in enumerate(wanted)]

    told, short = fair_groups(groups, room)

    assert len(encode(Desired("h", 1, groups=tuple(told)))) <= room + 256
    assert [group.id for group in told] == sorted(group.id for _, group in groups)
    assert {group.id for group in told if group not in [each for _, each in groups]} == {
        group.id for project, group in groups if project in short and group not in told
    }


def test_a_project_that_takes_too_much_costs_the_others_nothing() -> None:
    greedy = [("greedy", _group(f"a{number}", 1000)) for number in range(10)]
    modest = [("modest", _group("b", 20))]

    told, short = fair_groups([*greedy, *modest], room=128 * 1024)

    assert short == ["greedy"]
    assert modest[0][1] in told
    assert sum(group in told for _, group in greedy) == 1
