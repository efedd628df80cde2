"""What has to arrive, told without nftables: the words of Neutron's rules and of the RFCs, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from busway.domain.documents import Nic
from busway.domain.guest_network import NicGroup, NicRule, link_local
from busway.networking.ruleset import ControlPlane
from tests.networking.frames import ARP, IPV4, IPV6, RARP, Frame

Groups = Mapping[str, NicGroup]


def arrives(frame: Frame, sender: Nic, receiver: Nic, groups: Groups, control: ControlPlane) -> bool:
    """True when the first such frame of a conversation is to reach the receiver."""
    if frame.vlan:
        return False
    if not _may_send(frame, sender, groups, control):
        return False
    return _may_receive(frame, receiver, groups)


def _may_send(frame: Frame, nic: Nic, groups: Groups, control: ControlPlane) -> bool:
    if nic.security:
        if _says_who_it_is_not(frame, nic):
            return False
        if _is_housekeeping(frame):
            return True
    if (frame.protocol, frame.dport) == (6, control.port) and frame.daddr in control.addresses:
        return False
    return not nic.security or _let_through(frame, nic, groups, "egress")


def _says_who_it_is_not(frame: Frame, nic: Nic) -> bool:
    macs = {nic.mac, *(pair.mac for pair in nic.pairs)}
    if frame.src not in macs or frame.ethertype not in (ARP, RARP, IPV4, IPV6):
        return True
    if frame.ethertype == RARP:
        return frame.operation != 3 or (frame.sender_mac or frame.src) != frame.src
    if frame.ethertype == ARP:
        probe = frame.saddr == "0.0.0.0" and frame.operation == 1
        forged = (frame.sender_mac or frame.src) != frame.src or frame.operation not in (1, 2)
        return forged or not (probe or _owns(nic, frame.src, frame.saddr))
    udp, icmp, icmp6 = frame.protocol == 17, frame.protocol == 1, frame.protocol == 58
    if frame.ethertype == IPV4:
        asks_dhcp = udp and (frame.sport, frame.dport, frame.daddr) == (68, 67, "255.255.255.255")
        if frame.saddr == "0.0.0.0":
            return not asks_dhcp
        return (udp and frame.sport == 67) or (icmp and frame.sport == 5) or not _owns(nic, frame.src, frame.saddr)
    if (udp and frame.sport == 547) or (icmp6 and frame.sport in (134, 137)):
        return True
    if icmp6 and frame.saddr == "::":
        mine = any(_owns(nic, one, frame.target) for one in macs) if frame.target else False
        return not ((frame.sport == 135 and mine) or frame.sport in (131, 143))
    if icmp6 and frame.sport == 136 and not any(_owns(nic, one, frame.target) for one in macs):
        return True
    return not _owns(nic, frame.src, frame.saddr)


def _owns(nic: Nic, mac: str, address: str) -> bool:
    ranges = [pair.cidr for pair in nic.pairs if pair.mac == mac]
    if mac == nic.mac:
        ranges += [one for one in (*nic.addresses, nic.address6) if one]
    ranges.append(link_local(mac))
    return any(_within(address, one) for one in ranges)


def _within(address: str, cidr: str) -> bool:
    one, network = ip_address(address), ip_network(cidr, strict=False)
    return one.version == network.version and one in network


def _is_housekeeping(frame: Frame) -> bool:
    """What a card needs for being on a network at all."""
    if frame.ethertype in (ARP, RARP):
        return True
    if frame.ethertype == IPV4:
        return frame.protocol == 17 and (frame.sport, frame.dport) == (68, 67)
    return frame.protocol == 58 and frame.sport in (131, 132, 133, 135, 136, 143)


def _may_receive(frame: Frame, nic: Nic, groups: Groups) -> bool:
    if not nic.security:
        return True
    if frame.ethertype not in (ARP, IPV4, IPV6):
        return False
    if frame.ethertype == ARP:
        return True
    if frame.ethertype == IPV4 and frame.protocol == 17 and (frame.sport, frame.dport) == (67, 68):
        return True
    if frame.ethertype == IPV6 and frame.protocol == 58 and frame.sport in (130, 131, 132, 134, 135, 136, 143):
        return True
    return _let_through(frame, nic, groups, "ingress")


def _let_through(frame: Frame, nic: Nic, groups: Groups, direction: str) -> bool:
    rules = [rule for group in nic.groups for rule in groups[group].rules if rule.direction == direction]
    return any(_fits(frame, rule, groups) for rule in rules)


def _fits(frame: Frame, rule: NicRule, groups: Groups) -> bool:
    remote = frame.saddr if rule.direction == "ingress" else frame.daddr
    if {"IPv4": IPV4, "IPv6": IPV6}[rule.ethertype] != frame.ethertype:
        return False
    if rule.protocol is not None and rule.protocol != frame.protocol:
        return False
    if rule.protocol in (6, 17) and rule.port_min is not None:
        last = rule.port_min if rule.port_max is None else rule.port_max
        if not rule.port_min <= frame.dport <= last:
            return False
    if rule.protocol in (1, 58):
        if rule.port_min is not None and rule.port_min != frame.sport:
            return False
        if rule.port_max is not None and rule.port_max != frame.dport:
            return False
    if rule.remote_cidr and not _within(remote, rule.remote_cidr):
        return False
    return rule.remote_group is None or remote in groups[rule.remote_group].members
