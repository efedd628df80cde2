"""What hosts are told of networks: cards, rules and members, and that they hear of each change."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from busway.control.networks import changes, list_networks, network, port, security_group, subnet
from busway.control.networks.port import PortFields
from busway.control.networks.security_group import NewRule
from busway.control.placement import place
from busway.control.servers.create import create_servers
from busway.control.servers.interfaces import attach_interface
from busway.domain.caller import Caller
from busway.domain.documents import Nic
from busway.domain.errors import Conflict, Forbidden, NotFound
from busway.domain.guest_network import NicRule
from busway.domain.ids import SecurityGroupId
from busway.domain.network import FixedIp
from busway.domain.requests import CreateServer, NetworkRef
from busway.domain.security_group import default_group_id
from busway.store import security_groups
from tests.control.clouds import ADMIN, USER, Cloud, Host


@pytest.fixture
def host(cloud: Cloud) -> Host:
    return cloud.host("h1", 2)


def nic_of(host: Host, name: str) -> Nic:
    [nic] = [nic for server in host.desired().servers for nic in server.nics if nic.name == name]
    return nic


def test_a_hosts_document_names_cards_networks_and_rules(cloud: Cloud, host: Host) -> None:
    cloud.boot("web")

    told, nic, group = host.desired(), nic_of(host, "web"), default_group_id(ADMIN.project_id)

    [known] = list_networks(cloud.control, ADMIN)
    assert known.v4 is not None and known.v6 is not None
    assert (nic.address, nic.gateway, nic.driver, nic.security) == ("10.66.0.10", "10.66.0.1", "local", True)
    assert (nic.groups, nic.network) == ((group,), known.id)
    [told_network] = told.networks
    assert (told_network.cidr, told_network.cidr6, told_network.ra) == (known.v4.cidr, known.v6.cidr, True)
    [told_group] = told.groups
    assert set(told_group.rules) == {
        NicRule("egress", "IPv4"),
        NicRule("egress", "IPv6"),
        NicRule("ingress", "IPv4", remote_group=group),
        NicRule("ingress", "IPv6", remote_group=group),
    }
    assert told_group.members == (nic.address, nic.address6)


def test_a_change_of_rules_is_a_new_generation_of_the_hosts_that_it_concerns(cloud: Cloud, host: Host) -> None:
    cloud.boot("web")
    before = host.desired().generation
    group = default_group_id(ADMIN.project_id)

    _group, rule = security_group.create_rule(
        cloud.control, ADMIN, NewRule(group, "ingress", protocol="tcp", port_min=22, port_max=22)
    )
    with_rule = host.desired()
    security_group.delete_rule(cloud.control, ADMIN, rule.id)

    assert before < with_rule.generation < host.desired().generation
    assert NicRule("ingress", "IPv4", 6, 22, 22) in with_rule.groups[0].rules
    assert NicRule("ingress", "IPv4", 6, 22, 22) not in host.desired().groups[0].rules


def test_a_change_that_nobody_told_is_told_by_the_next_sweep(cloud: Cloud, host: Host) -> None:
    cloud.boot("web")
    before = host.desired().generation
    with cloud.control.db.write() as tx:
        security_groups.note_change(tx, ADMIN.project_id, cloud.control.now())

    changes.tell_hosts(cloud.control)
    changes.tell_hosts(cloud.control)

    assert host.desired().generation == before + 1


def test_another_projects_changes_do_not_concern_a_host(cloud: Cloud, host: Host) -> None:
    cloud.boot("web")
    before = host.desired().generation
    security_group.list_groups(cloud.control, USER)

    security_group.create_rule(
        cloud.control, USER, NewRule(default_group_id(USER.project_id), "ingress", protocol="icmp")
    )

    assert host.desired().generation == before


def test_members_of_a_group_are_known_to_hosts_that_have_none_of_them(cloud: Cloud, host: Host) -> None:
    cloud.boot("web")
    [known] = list_networks(cloud.control, ADMIN)

    made = port.create_port(cloud.control, ADMIN, known.id, PortFields(name="elsewhere"))

    assert made.address in host.desired().groups[0].members
    port.delete_port(cloud.control, ADMIN, made.id)
    assert made.address not in host.desired().groups[0].members


def test_port_security_off_reaches_the_host(cloud: Cloud, host: Host) -> None:
    cloud.boot("web")
    [held] = port.list_ports(cloud.control, ADMIN)

    port.update_port(cloud.control, ADMIN, held.id, PortFields(security=False))

    nic = nic_of(host, "web")
    assert (nic.security, nic.groups) == (False, ())
    with pytest.raises(Conflict, match="Port Security must be enabled"):
        port.update_port(cloud.control, ADMIN, held.id, PortFields(groups=(str(default_group_id(ADMIN.project_id)),)))


def test_a_server_is_on_the_network_of_its_project_when_it_asks(cloud: Cloud, host: Host) -> None:
    mine = network.create_network(cloud.control, ADMIN, network.NewNetwork("mine"))
    subnet.create_subnet(cloud.control, ADMIN, subnet.NewSubnet(mine.id, "mine", "10.67.1.0/24"))
    request = CreateServer("web", cloud.plain, cloud.image, networks=(NetworkRef(mine.id, fixed_ip="10.67.1.77"),))

    [server] = create_servers(cloud.control, ADMIN, request, "req-1")

    assert [(each.network, each.address) for each in cloud.server(server.id).addresses] == [("mine", "10.67.1.77")]
    with pytest.raises(NotFound):
        create_servers(cloud.control, replace(USER), replace(request, name="other"), "req-2")


def test_addresses_outside_the_pools_of_a_shared_network_are_its_owners(cloud: Cloud, host: Host) -> None:
    net = network.create_network(cloud.control, ADMIN, network.NewNetwork("all", shared=True)).id
    pools = (("10.67.1.100", "10.67.1.200"),)
    subnet.create_subnet(cloud.control, ADMIN, subnet.NewSubnet(net, "all", "10.67.1.0/24", pools=pools))

    def ask(caller: Caller, address: str) -> list[Callable[[], object]]:
        fields, ref = PortFields(fixed_ips=(FixedIp(address=address),)), NetworkRef(net, fixed_ip=address)
        held = port.create_port(cloud.control, caller, net, PortFields())
        [server] = create_servers(cloud.control, caller, CreateServer("web", cloud.plain, cloud.image), "req-1")
        place.place_round(cloud.control)
        host.report([server.id])
        return [
            partial(port.create_port, cloud.control, caller, net, fields),
            partial(port.update_port, cloud.control, caller, held.id, fields),
            partial(attach_interface, cloud.control, caller, server.id, ref, "", "req-2"),
            partial(
                create_servers, cloud.control, caller, CreateServer("w", cloud.plain, cloud.image, networks=(ref,)), "r"
            ),
        ]

    for wish in ask(USER, "10.67.1.5"):
        with pytest.raises(Forbidden, match="outside the allocation pools"):
            wish()
    assert ask(USER, "10.67.1.150")[0]() and ask(ADMIN, "10.67.1.5")[0]()


def test_a_group_goes_with_the_rules_that_name_it_and_not_while_a_port_is_in_it(cloud: Cloud) -> None:
    web = security_group.create_group(cloud.control, ADMIN, "web")
    default = default_group_id(ADMIN.project_id)
    security_group.create_rule(cloud.control, ADMIN, NewRule(default, "ingress", remote_group=web.id))
    [known] = list_networks(cloud.control, ADMIN)
    held = port.create_port(cloud.control, ADMIN, known.id, PortFields(groups=(web.id,)))

    with pytest.raises(Conflict, match="in use by 1 ports"):
        security_group.delete_group(cloud.control, ADMIN, web.id)
    port.delete_port(cloud.control, ADMIN, held.id)
    security_group.delete_group(cloud.control, ADMIN, web.id)

    rules = [rule for _group, rule in security_group.list_rules(cloud.control, ADMIN)]
    assert all(rule.remote_group in (None, SecurityGroupId(default)) for rule in rules)
