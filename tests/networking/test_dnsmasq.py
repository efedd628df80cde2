from dataclasses import replace
from pathlib import Path

from busway.domain.dhcp_option import DhcpOption
from busway.domain.documents import Nic
from busway.domain.guest_network import HostNetwork, HostRoute
from busway.domain.ids import NetworkId
from busway.networking.dnsmasq import configuration, hosts, names, options
from busway.testing.golden import Golden

NETWORK = HostNetwork(
    NetworkId("99887766-5544-4000-8000-000000000000"),
    "private",
    "local",
    cidr="10.66.0.0/24",
    gateway="10.66.0.1",
    cidr6="fd66::/64",
    gateway6="fd66::1",
    ra=True,
    domain="busway.internal",
)
WEB = Nic("fa:16:3e:00:00:01", "10.66.0.10", 24, address6="fd66::10", name="web")
FOLDER = Path("/run/net")


def test_a_local_network_has_dhcp_dns_and_router_advertisements(golden: Golden) -> None:
    golden.check("local.conf", configuration(NETWORK, "bwb99887766554", FOLDER, dns=True))


def test_routes_of_a_subnet_stand_beside_that_to_the_metadata_and_the_gateways() -> None:
    routes = (HostRoute("10.8.0.0/16", "10.66.0.9"), HostRoute("fd08::/32", "fd66::9"))

    told = configuration(replace(NETWORK, routes=routes), "bwb99887766554", FOLDER, dns=True)

    [line] = [line for line in told.splitlines() if "classless-static-route" in line]
    assert line.endswith("route,169.254.169.254/32,0.0.0.0,10.8.0.0/16,10.66.0.9,0.0.0.0/0,10.66.0.1")


def test_on_the_operators_bridge_strangers_are_not_answered_and_there_is_no_dns(golden: Golden) -> None:
    site = replace(NETWORK, driver="bridge", cidr6="", ra=False, dns=("192.0.2.53", "192.0.2.54"))

    golden.check("bridge.conf", configuration(site, "br0", FOLDER, dns=False))


def test_the_first_of_two_guests_keeps_a_name(golden: Golden) -> None:
    second = replace(WEB, mac="fa:16:3e:00:00:02", address="10.66.0.11", address6="")

    assert hosts((WEB, second)) == "fa:16:3e:00:00:01,10.66.0.10,web\nfa:16:3e:00:00:02,10.66.0.11,web\n"
    assert names((WEB, second)) == "10.66.0.10 web\nfd66::10 web\n"


def test_only_the_card_of_a_port_with_options_is_told_them() -> None:
    booting = replace(WEB, dhcp_options=(DhcpOption("bootfile-name", "pxelinux.0"), DhcpOption("150", "10.66.0.2")))
    other = replace(WEB, mac="fa:16:3e:00:00:02", address="10.66.0.11", name="")

    assert hosts((booting, other)) == (
        f"fa:16:3e:00:00:01,set:{booting.tap},10.66.0.10,web\nfa:16:3e:00:00:02,10.66.0.11\n"
    )
    assert options((booting, other)) == (
        f"tag:{booting.tap},option:bootfile-name,pxelinux.0\ntag:{booting.tap},150,10.66.0.2\n"
    )
