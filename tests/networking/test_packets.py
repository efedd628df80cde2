"""Needs nftables and a network namespace: what the kernel lets through is what the oracle says, frame by frame."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from busway.domain.documents import Desired, Nic
from busway.domain.guest_network import AddressPair, HostNetwork, NicGroup, NicRule, link_local
from busway.domain.ids import NetworkId, PortId, SecurityGroupId
from busway.networking.ruleset import ControlPlane, packet_filter
from busway.testing.golden import Golden
from tests.networking.conftest import SwitchProcess
from tests.networking.desired import desired_of
from tests.networking.frames import ARP, BROADCAST, IPV4, IPV6, RARP, Frame
from tests.networking.oracle import arrives

MACS = tuple(f"fa:16:3e:00:00:{n:02x}" for n in range(1, 5))
CONTROL = ControlPlane(("10.0.0.99", "fd00::99"), 8774)
NET = NetworkId("11111111-2222-3333-4444-555555555555")
MINE, OTHERS = SecurityGroupId("mine"), SecurityGroupId("others")


def card(number: int, group: SecurityGroupId, **changes: object) -> Nic:
    nic = Nic(
        MACS[number - 1], f"10.0.0.{number}", 24, "10.0.0.254", PortId(f"{number:08d}-0000-0000"), NET,
        address6=f"fd00::{number}", groups=(group,),
    )  # fmt: skip
    return replace(nic, **changes)  # type: ignore[arg-type]


SENDER, RECEIVER = card(1, MINE), card(2, OTHERS)
ALL_OUT = (NicRule("egress", "IPv4"), NicRule("egress", "IPv6"))
ALL_IN = (NicRule("ingress", "IPv4"), NicRule("ingress", "IPv6"))
OPEN = (NicGroup(MINE, ALL_OUT + ALL_IN), NicGroup(OTHERS, ALL_OUT + ALL_IN))
UDP = Frame(SENDER.mac, RECEIVER.mac, IPV4, SENDER.address, RECEIVER.address)
UDP6 = Frame(SENDER.mac, RECEIVER.mac, IPV6, SENDER.address6, RECEIVER.address6)
WHO_HAS = Frame(SENDER.mac, BROADCAST, ARP, SENDER.address, RECEIVER.address)
HAS_COME = Frame(SENDER.mac, BROADCAST, RARP, operation=3)
HERE_I_AM = replace(UDP6, protocol=58, sport=136, dport=0, target=SENDER.address6)

HONEST = {
    "an IPv4 packet": UDP,
    "an IPv6 packet": UDP6,
    "a question of ARP": WHO_HAS,
    "an answer of ARP": replace(WHO_HAS, operation=2),
    "a probe for its own address": replace(WHO_HAS, saddr="0.0.0.0"),
    "a neighbour advertisement": HERE_I_AM,
    "a neighbour solicitation": replace(HERE_I_AM, sport=135, target=RECEIVER.address6),
    "the test of its own new address": replace(HERE_I_AM, saddr="::", sport=135, target=SENDER.address6),
    "its link-local address": replace(UDP6, saddr=link_local(SENDER.mac)),
}
FORGED = {
    "another MAC": replace(UDP, src=MACS[3]),
    "another guest's IPv4 address": replace(UDP, saddr="10.0.0.3"),
    "the gateway's IPv4 address": replace(UDP, saddr="10.0.0.254"),
    "another guest's IPv6 address": replace(UDP6, saddr="fd00::3"),
    "another guest's link-local address": replace(UDP6, saddr=link_local(MACS[2])),
    "ARP with another's address": replace(WHO_HAS, operation=2, saddr="10.0.0.254"),
    "ARP with another's MAC": replace(WHO_HAS, operation=2, sender_mac=MACS[3]),
    "ARP of another operation": replace(WHO_HAS, operation=3),
    "RARP with another's MAC": replace(HAS_COME, sender_mac=MACS[3]),
    "RARP of another operation": replace(HAS_COME, operation=4),
    "an advertisement of another's address": replace(HERE_I_AM, target="fd00::3"),
    "the test of another's address": replace(HERE_I_AM, saddr="::", sport=135, target="fd00::3"),
    "a router advertisement": replace(HERE_I_AM, sport=134),
    "a redirect": replace(HERE_I_AM, sport=137),
    "an ICMP redirect": replace(UDP, protocol=1, sport=5, dport=1),
    "an answer of DHCP": replace(UDP, sport=67, dport=68),
    "an answer of DHCPv6": replace(UDP6, sport=547, dport=546),
    "a VLAN tag": replace(UDP, vlan=7),
    "another protocol than IP": replace(UDP, ethertype=0x88B5),
    "nobody's address": replace(UDP, saddr="0.0.0.0"),
    "a packet for the control plane": replace(UDP, protocol=6, daddr="10.0.0.99", dport=8774),
}


def document(*nics: Nic, groups: tuple[NicGroup, ...]) -> Desired:
    return desired_of(nics, groups)


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_frame_arrives(switch: SwitchProcess, name: str) -> None:
    assert switch.load(packet_filter(document(SENDER, RECEIVER, groups=OPEN), CONTROL)) == ""

    assert switch.reaches(HONEST[name], SENDER, RECEIVER)
    assert arrives(HONEST[name], SENDER, RECEIVER, {g.id: g for g in OPEN}, CONTROL)


def test_where_a_guest_has_come_to_is_told_to_bridges_and_to_no_guest(switch: SwitchProcess) -> None:
    assert switch.load(packet_filter(document(SENDER, RECEIVER, groups=OPEN), CONTROL)) == ""

    assert switch.reaches(HAS_COME, SENDER, "plain")
    assert not switch.reaches(HAS_COME, SENDER, RECEIVER)
    assert not arrives(HAS_COME, SENDER, RECEIVER, {g.id: g for g in OPEN}, CONTROL)


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_frame_does_not_arrive(switch: SwitchProcess, name: str) -> None:
    assert switch.load(packet_filter(document(SENDER, RECEIVER, groups=OPEN), CONTROL)) == ""

    assert not switch.reaches(FORGED[name], SENDER, RECEIVER)
    assert not switch.reaches(FORGED[name], SENDER, "plain"), "nor does it leave the host"
    assert not arrives(FORGED[name], SENDER, RECEIVER, {g.id: g for g in OPEN}, CONTROL)


def test_nothing_comes_in_but_what_a_rule_lets_through(switch: SwitchProcess) -> None:
    ssh = NicRule("ingress", "IPv4", 6, 22, 22, "10.0.0.0/24")
    groups = (NicGroup(MINE, ALL_OUT), NicGroup(OTHERS, (*ALL_OUT, ssh)))
    assert switch.load(packet_filter(document(SENDER, RECEIVER, groups=groups), CONTROL)) == ""

    assert switch.reaches(replace(UDP, protocol=6, dport=22), SENDER, RECEIVER)
    assert not switch.reaches(replace(UDP, protocol=6, dport=23), SENDER, RECEIVER)
    assert not switch.reaches(UDP, SENDER, RECEIVER)
    assert not switch.reaches(replace(UDP, saddr="192.0.2.1", protocol=6, dport=22), "plain", RECEIVER)
    assert switch.reaches(replace(UDP, saddr="10.0.0.77", protocol=6, dport=22), "plain", RECEIVER)


def test_a_card_that_no_document_names_is_shut(switch: SwitchProcess) -> None:
    stranger = card(3, MINE)
    assert switch.load(packet_filter(document(SENDER, groups=OPEN), CONTROL)) == ""

    assert not switch.reaches(replace(UDP, src=stranger.mac, saddr=stranger.address), stranger, "plain")
    assert not switch.reaches(replace(UDP, dst=stranger.mac), "plain", stranger)


def test_a_card_with_several_addresses_sends_from_each_of_them_and_from_no_other(switch: SwitchProcess) -> None:
    several = replace(SENDER, further=("10.0.0.7", "10.0.0.8"))
    assert switch.load(packet_filter(document(several, RECEIVER, groups=OPEN), CONTROL)) == ""

    for own in (several.address, "10.0.0.7", "10.0.0.8"):
        assert switch.reaches(replace(UDP, saddr=own), several, RECEIVER)
        assert switch.reaches(replace(WHO_HAS, saddr=own), several, RECEIVER)
    assert not switch.reaches(FORGED["another guest's IPv4 address"], several, RECEIVER)
    assert not switch.reaches(FORGED["ARP with another's address"], several, RECEIVER)


def test_a_card_without_port_security_sends_and_receives_anything_but_vlan_tags(switch: SwitchProcess) -> None:
    free = replace(SENDER, security=False, groups=())
    assert switch.load(packet_filter(document(free, RECEIVER, groups=OPEN), CONTROL)) == ""

    assert switch.reaches(FORGED["another MAC"], free, RECEIVER)
    assert not switch.reaches(FORGED["a VLAN tag"], free, "plain")
    assert not switch.reaches(FORGED["a packet for the control plane"], free, "plain")


@pytest.mark.parametrize("security", [True, False], ids=["filtered", "free"])
def test_a_card_that_is_switched_off_neither_sends_nor_receives(switch: SwitchProcess, security: bool) -> None:
    off = replace(SENDER, up=False, security=security, groups=(MINE,) if security else ())
    assert switch.load(packet_filter(document(off, RECEIVER, groups=OPEN), CONTROL)) == ""

    for name, frame in HONEST.items():
        assert not switch.reaches(frame, off, RECEIVER), name
        assert not switch.reaches(frame, off, "plain"), name
    assert not switch.reaches(replace(UDP, saddr="10.0.0.77", dst=off.mac, daddr=off.address), "plain", off)


METADATA = "169.254.169.254"


@pytest.mark.parametrize("security", [True, False], ids=["filtered", "free"])
def test_metadata_hears_each_card_from_its_own_address_alone(switch: SwitchProcess, security: bool) -> None:
    guest = replace(SENDER, security=security, pairs=(AddressPair(SENDER.mac, "10.0.0.0/24"),))
    assert switch.load(packet_filter(document(guest, RECEIVER, groups=OPEN), CONTROL)) == ""
    asks = replace(UDP, protocol=6, dst=RECEIVER.mac, daddr=METADATA, dport=80)

    assert switch.reaches(asks, guest, "plain")
    assert switch.reaches(replace(UDP, saddr="10.0.0.3"), guest, "plain"), "elsewhere it may speak from its pairs"
    assert not switch.reaches(replace(asks, saddr="10.0.0.3"), guest, "plain")
    assert not switch.reaches(replace(asks, src=MACS[3]), guest, "plain")


def test_an_answer_of_metadata_reaches_its_own_guest_alone(switch: SwitchProcess) -> None:
    free = replace(RECEIVER, security=False, groups=())
    assert switch.load(packet_filter(document(SENDER, free, groups=OPEN), CONTROL)) == ""
    answer = replace(UDP, src=MACS[3], saddr=METADATA, dst=free.mac, daddr=free.address)

    assert switch.reaches(answer, "plain", free)
    assert not switch.reaches(replace(answer, daddr=SENDER.address), "plain", free)
    assert not switch.reaches(answer, free, "plain"), "nor does it leave by another interface of the bridge"


ADDRESSES4 = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.99", "10.0.1.5", "192.0.2.1", "0.0.0.0")
ADDRESSES6 = ("fd00::1", "fd00::2", "fd00::99", "fd00:0:0:1::5", link_local(MACS[0]), link_local(MACS[1]), "::")
CIDRS = {
    "IPv4": ("", "10.0.0.0/24", "10.0.0.1/32", "192.0.2.0/25", "0.0.0.0/0"),
    "IPv6": ("", "fd00::/64", "fd00::1/128", "::/0"),
}
PORTS = (5, 22, 67, 68, 546, 547, 2000, 8774)


@st.composite
def rules(draw: st.DrawFn) -> NicRule:
    ethertype = draw(st.sampled_from(("IPv4", "IPv6")))
    protocol = draw(st.sampled_from((None, 6, 17, 1 if ethertype == "IPv4" else 58)))
    low = high = None
    if protocol in (6, 17) and draw(st.booleans()):
        low = draw(st.sampled_from(PORTS))
        high = max(low, draw(st.sampled_from(PORTS)))
    elif protocol in (1, 58) and draw(st.booleans()):
        low, high = draw(st.sampled_from((8, 128, 129))), draw(st.sampled_from((None, 0)))
    group = draw(st.sampled_from((None, MINE, OTHERS)))
    cidr = "" if group else draw(st.sampled_from(CIDRS[ethertype]))
    return NicRule(draw(st.sampled_from(("ingress", "egress"))), ethertype, protocol, low, high, cidr, group)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    ethertype = draw(st.sampled_from((IPV4, IPV4, IPV6, IPV6, ARP, RARP, 0x88B5)))
    pool = ADDRESSES6 if ethertype == IPV6 else ADDRESSES4
    protocol = draw(st.sampled_from((6, 17, 58 if ethertype == IPV6 else 1)))
    ports = st.sampled_from(PORTS)
    if protocol in (1, 58):
        ports = st.sampled_from((0, 8) if protocol == 1 else (128, 131, 133, 134, 135, 136, 137, 143))
    saddr = draw(st.sampled_from(pool))
    if ethertype == IPV6 and saddr == "::":
        protocol, ports = 58, st.sampled_from((131, 135, 143))
    return Frame(
        src=draw(st.sampled_from(MACS[:3])),
        dst=draw(st.sampled_from((RECEIVER.mac, BROADCAST))),
        ethertype=ethertype,
        saddr=saddr,
        daddr=draw(st.sampled_from((*pool[:-1], "255.255.255.255") if ethertype != IPV6 else pool[:-1])),
        protocol=protocol,
        sport=draw(ports),
        dport=draw(st.sampled_from((0, 1))) if protocol in (1, 58) else draw(ports),
        operation=draw(st.sampled_from((1, 2, 3))),
        sender_mac=draw(st.sampled_from(("", *MACS[:2]))),
        target=draw(st.sampled_from(ADDRESSES6[:-1])) if protocol == 58 else "",
        vlan=draw(st.sampled_from((0, 0, 0, 9))),
    )


@given(
    mine=st.lists(rules(), max_size=4),
    others=st.lists(rules(), max_size=4),
    pairs=st.lists(
        st.builds(
            AddressPair, st.sampled_from(MACS[:3]), st.sampled_from(("10.0.1.0/24", "fd00:0:0:1::/64", "10.0.0.3"))
        ),
        max_size=2,
    ),
    sent=st.lists(frames(), min_size=1, max_size=12),
    secure=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_kernel_and_the_oracle_agree(
    switch: SwitchProcess,
    mine: list[NicRule],
    others: list[NicRule],
    pairs: list[AddressPair],
    sent: list[Frame],
    secure: bool,
) -> None:
    sender = replace(SENDER, pairs=tuple(pairs))
    receiver = replace(RECEIVER, security=secure)
    groups = (
        NicGroup(MINE, tuple(mine), (sender.address, sender.address6)),
        NicGroup(OTHERS, tuple(others), (receiver.address, receiver.address6)),
    )
    by_id: dict[str, NicGroup] = {group.id: group for group in groups}
    assert switch.load(packet_filter(document(sender, receiver, groups=groups), CONTROL)) == ""

    for frame in sent:
        expected = arrives(frame, sender, receiver, by_id, CONTROL)
        assert switch.reaches(frame, sender, receiver) == expected, frame


def test_the_whole_filter_is_what_the_file_says(golden: Golden) -> None:
    member = replace(SENDER, groups=(MINE, OTHERS), pairs=(AddressPair(SENDER.mac, "10.0.1.0/24"),))
    free = replace(card(3, MINE), security=False, groups=())
    rules = (NicRule("ingress", "IPv4", 6, 22, 25, "192.0.2.0/24"), NicRule("ingress", "IPv6", remote_group=MINE))
    groups = (NicGroup(MINE, ALL_OUT, ("10.0.0.1", "fd00::1")), NicGroup(OTHERS, rules))
    network = HostNetwork(NET, "private", "local", cidr="10.0.0.0/24", gateway="10.0.0.254", cidr6="fd00::/64")

    golden.check("filter.nft", packet_filter(desired_of((member, free), groups, (network,)), CONTROL).text)
