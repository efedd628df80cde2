"""Rules of security groups: what can't be is refused with a remedy, and what hosts get is in their words."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from busway.domain.errors import BadInput
from busway.domain.ids import SecurityGroupId
from busway.domain.security_group import (
    SecurityRule,
    check_rule,
    default_group_id,
    protocol_number,
    remote_network,
    rules_at_birth,
)

GROUP = SecurityGroupId("g1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULE = SecurityRule("r1", GROUP, "ingress", "IPv4", NOW)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"protocol": "tcp", "port_min": 22, "port_max": 22},
        {"protocol": "6", "port_min": 1, "port_max": 65535},
        {"protocol": "icmp", "port_min": 8, "port_max": 0},
        {"protocol": "icmp", "port_min": 8},
        {"protocol": "255"},
        {"remote_cidr": "10.0.0.0/8"},
    ],
)
def test_a_rule_that_can_be_is_answered_as_it_is(fields: dict[str, Any]) -> None:
    rule = replace(RULE, **fields)
    assert check_rule(rule) is rule


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"protocol": "teleport"}, "protocol"),
        ({"protocol": "256"}, "protocol"),
        ({"protocol": "1000"}, "protocol"),
        ({"remote_cidr": "10.0.0.0/8", "remote_group": GROUP}, "remote"),
        ({"port_min": 1, "port_max": 2}, "ports"),
        ({"protocol": "47", "port_min": 1, "port_max": 2}, "ports"),
        ({"protocol": "tcp", "port_min": 22}, "ports"),
        ({"protocol": "tcp", "port_max": 22}, "ports"),
        ({"protocol": "udp", "port_min": 23, "port_max": 22}, "ports"),
        ({"protocol": "tcp", "port_min": 0, "port_max": 22}, "ports"),
        ({"protocol": "tcp", "port_min": 1, "port_max": 65536}, "ports"),
        ({"protocol": "icmp", "port_max": 0}, "ports"),
        ({"protocol": "icmp", "port_min": 256}, "ports"),
        ({"protocol": "icmp", "port_min": 8, "port_max": 256}, "ports"),
    ],
)
def test_a_rule_that_can_not_be_is_refused(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_rule(replace(RULE, **fields))
    assert (refused.value.code, bool(refused.value.remedy)) == (f"security-rule-{code}", True)


def test_a_remote_prefix_has_its_length_and_is_of_the_rules_version() -> None:
    assert remote_network("10.0.0.1", "IPv4") == "10.0.0.1/32"
    assert remote_network("10.0.0.1/8", "IPv4") == "10.0.0.1/8"
    for cidr, ethertype in (("10.0.0.0/8", "IPv6"), ("nowhere", "IPv4"), ("::/0", "IPv4")):
        with pytest.raises(BadInput):
            remote_network(cidr, ethertype)


def test_hosts_get_the_number_of_the_protocol_and_the_network_of_the_prefix() -> None:
    words = replace(RULE, protocol="tcp", port_min=1, port_max=2, remote_cidr="10.1.2.3/8").words
    assert (words.protocol, words.port_min, words.port_max, words.remote_cidr) == (6, 1, 2, "10.0.0.0/8")
    assert replace(RULE, remote_group=GROUP).words.remote_cidr == ""


def test_icmp_in_a_rule_for_ipv6_is_icmpv6() -> None:
    assert [protocol_number("icmp", each) for each in ("IPv4", "IPv6")] == [1, 58]
    assert (protocol_number(None, "IPv4"), protocol_number("17", "IPv4")) == (None, 17)


def test_a_new_group_lets_all_out_and_a_default_one_lets_its_members_in() -> None:
    plain, default = (rules_at_birth(GROUP, NOW, default=each) for each in (False, True))
    assert [(rule.direction, rule.ethertype) for rule in plain] == [("egress", "IPv4"), ("egress", "IPv6")]
    assert [rule.remote_group for rule in default] == [None, GROUP, None, GROUP]
    assert {rule.id for rule in plain} < {rule.id for rule in default}
    assert default_group_id("p1") == default_group_id("p1") != default_group_id("p2")
