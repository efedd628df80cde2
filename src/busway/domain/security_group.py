"""Security groups in Neutron's words: what comes in is refused unless a rule lets it through, and a new group lets all out."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_network

from busway.domain.errors import BadInput
from busway.domain.guest_network import PORTED, PROTOCOLS, NicRule
from busway.domain.ids import ProjectId, SecurityGroupId

DEFAULT = "default"
_SPACE = uuid.UUID("6f0f3a0e-6d5a-4a57-9b53-0f7b3a5f5d0c")
_ICMP = (1, 58)


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """One rule; None means any. `protocol` is as its user wrote it, a name or a number."""

    id: str
    group_id: SecurityGroupId
    direction: str
    ethertype: str
    created: datetime
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_cidr: str | None = None
    remote_group: SecurityGroupId | None = None
    description: str = ""
    revision: int = 1

    @property
    def normalized_cidr(self) -> str | None:
        """The network of its remote prefix, which its user may have named by a host's address."""
        return str(ip_network(self.remote_cidr, strict=False)) if self.remote_cidr else None

    @property
    def words(self) -> NicRule:
        """The rule as hosts have it."""
        return NicRule(
            self.direction, self.ethertype, protocol_number(self.protocol, self.ethertype),
            self.port_min, self.port_max, self.normalized_cidr or "", self.remote_group,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A group of a project with its rules."""

    id: SecurityGroupId
    project_id: ProjectId
    name: str
    created: datetime
    description: str = ""
    rules: tuple[SecurityRule, ...] = field(default=())
    revision: int = 1


def default_group_id(project_id: str) -> SecurityGroupId:
    """The id of a project's default group, the same for ever."""
    return SecurityGroupId(str(uuid.uuid5(_SPACE, project_id)))


def rules_at_birth(group_id: SecurityGroupId, created: datetime, *, default: bool) -> tuple[SecurityRule, ...]:
    """What a new group lets through: everything out; in a default group, also all that its other members send."""
    made = []
    for ethertype in ("IPv4", "IPv6"):
        for direction in ("egress", "ingress") if default else ("egress",):
            identity = str(uuid.uuid5(_SPACE, f"{group_id}/{direction}/{ethertype}"))
            remote = group_id if direction == "ingress" else None
            made.append(SecurityRule(identity, group_id, direction, ethertype, created, remote_group=remote))
    return tuple(made)


def protocol_number(protocol: str | None, ethertype: str) -> int | None:
    """The number of a protocol; `icmp` in a rule for IPv6 means ICMPv6, as in Neutron."""
    if protocol is None:
        return None
    if protocol.isascii() and protocol.isdigit():
        return int(protocol)
    number = PROTOCOLS[protocol]
    return 58 if number == 1 and ethertype == "IPv6" else number


def check_rule(rule: SecurityRule) -> SecurityRule:
    """Answers the rule with its prefix as a network; raises `BadInput` for one that can't be."""
    if rule.protocol is not None and not is_protocol(rule.protocol):
        raise _refused(f"Security group rule protocol {rule.protocol} not supported", "A name or 0 to 255.", "protocol")
    if rule.remote_cidr and rule.remote_group:
        raise _refused("Only remote_ip_prefix or remote_group_id may be provided", "Give one of them.", "remote")
    _check_ports(rule, protocol_number(rule.protocol, rule.ethertype))
    return rule


def remote_network(cidr: str, ethertype: str) -> str:
    """A remote prefix as Neutron keeps it, with its length; raises `BadInput` for one of the other version or none at all."""
    try:
        network = ip_network(cidr, strict=False)
    except ValueError as error:
        raise _refused(f"{cidr} is not a valid IP prefix", str(error), "remote") from error
    if f"IPv{network.version}" != ethertype:
        raise _refused(f"Conflicting value ethertype {ethertype} for CIDR {cidr}", "Use the other ethertype.", "remote")
    return cidr if "/" in cidr else str(network)


def is_protocol(protocol: str) -> bool:
    """True for a protocol that a rule may have: a name that Neutron knows, or a number up to 255."""
    if protocol.isascii() and protocol.isdigit() and len(protocol) <= 3:
        return int(protocol) <= 255
    return protocol in PROTOCOLS


def _check_ports(rule: SecurityRule, protocol: int | None) -> None:
    low, high = rule.port_min, rule.port_max
    if low is None and high is None:
        return
    if protocol in _ICMP:
        _check_icmp(low, high)
    elif protocol not in PORTED.values():
        raise _refused("Ports need a protocol that has some", f"They are: {', '.join(PORTED)}.", "ports")
    elif low is None or high is None or low > high:
        raise _refused("For TCP/UDP protocols, port_range_min must be <= port_range_max", "Give both ends.", "ports")
    elif not 1 <= low <= high <= 65535:
        raise _refused(f"Invalid value for port {low}", "Give both ends, from 1 to 65535.", "ports")


def _check_icmp(kind: int | None, code: int | None) -> None:
    if kind is None:
        raise _refused(
            f"ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing",
            "Give it.",
            "ports",
        )
    for word, value in (("type (port-range-min)", kind), ("code (port-range-max)", code)):
        if value is not None and value > 255:
            raise _refused(f"Invalid value for ICMP {word} {value}. It must be 0 to 255", "Correct it.", "ports")


def _refused(brief: str, remedy: str, what: str) -> BadInput:
    return BadInput(brief, remedy=remedy, code=f"security-rule-{what}")
