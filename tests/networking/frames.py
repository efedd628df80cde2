"""Frames as values, and as the bytes of the wire."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

ARP, RARP, IPV4, IPV6, VLAN = 0x0806, 0x8035, 0x0800, 0x86DD, 0x8100
BROADCAST = "ff:ff:ff:ff:ff:ff"


@dataclass(frozen=True, slots=True)
class Frame:
    """One Ethernet frame; for ARP `saddr` and `daddr` are sender and target, for ICMP the ports are type and code.

    `target` is that of a neighbour solicitation or advertisement, `sender_mac` what ARP says of the sender.
    """

    src: str
    dst: str
    ethertype: int = IPV4
    saddr: str = ""
    daddr: str = ""
    protocol: int = 17
    sport: int = 1000
    dport: int = 2000
    operation: int = 1
    sender_mac: str = ""
    target: str = ""
    vlan: int = 0

    def pack(self) -> bytes:
        tag = struct.pack("!HH", VLAN, self.vlan) if self.vlan else b""
        body = {ARP: self._arp, RARP: self._rarp, IPV4: self._ipv4, IPV6: self._ipv6}.get(
            self.ethertype, lambda: b"\0" * 46
        )()
        return (mac(self.dst) + mac(self.src) + tag + struct.pack("!H", self.ethertype) + body).ljust(60, b"\0")

    def _arp(self) -> bytes:
        head = struct.pack("!HHBBH", 1, IPV4, 6, 4, self.operation)
        sender = mac(self.sender_mac or self.src) + IPv4Address(self.saddr).packed
        return head + sender + bytes(6) + IPv4Address(self.daddr).packed

    def _rarp(self) -> bytes:
        """As QEMU sends it for a guest that has come from another host: no addresses, and the same MAC twice."""
        whose = mac(self.sender_mac or self.src)
        return struct.pack("!HHBBH", 1, IPV4, 6, 4, self.operation) + (whose + bytes(4)) * 2

    def _ipv4(self) -> bytes:
        body = self._transport()
        words = [0x45, 0, 20 + len(body), 0, 0, 64, self.protocol, 0]
        addresses = IPv4Address(self.saddr).packed + IPv4Address(self.daddr).packed
        words[-1] = _checksum(struct.pack("!BBHHHBBH", *words) + addresses)
        return struct.pack("!BBHHHBBH", *words) + addresses + body

    def _ipv6(self) -> bytes:
        addresses = IPv6Address(self.saddr).packed + IPv6Address(self.daddr).packed
        body = self._transport(addresses)
        return struct.pack("!IHBB", 6 << 28, len(body), self.protocol, 255) + addresses + body

    def _transport(self, pseudo: bytes = b"") -> bytes:
        if self.protocol == 17:
            return struct.pack("!HHHH", self.sport, self.dport, 8, 0)
        if self.protocol == 6:
            return struct.pack("!HHIIBBHHH", self.sport, self.dport, 1, 0, 0x50, 2, 1000, 0, 0)
        if self.protocol in (1, 58):
            head = struct.pack("!BBHI", self.sport, self.dport, 0, 0)
            body = head + (ip_address(self.target).packed if self.target else b"")
            whole = pseudo + struct.pack("!II", len(body), 58) + body if pseudo else body
            return body[:2] + struct.pack("!H", _checksum(whole)) + body[4:]
        return bytes(8)


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
