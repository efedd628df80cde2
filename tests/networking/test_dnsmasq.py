import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from busway.domain.dhcp_option import ADDRESSES, NAMES, DhcpOption, check_options
from busway.domain.documents import Nic
from busway.domain.errors import BadInput
from busway.domain.guest_network import HostNetwork, HostRoute
from busway.domain.ids import NetworkId
from busway.networking.dnsmasq import configuration, hosts, names, options
from busway.testing.golden import Golden
from tests.networking.conftest import may_unshare, unshare

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


@pytest.mark.skipif(
    shutil.which("dnsmasq") is None or not may_unshare(), reason="needs dnsmasq and a network namespace"
)
@pytest.mark.parametrize(("value", "refused"), [("abc", ADDRESSES), ("192.0.2.1", frozenset())])
def test_dnsmasq_itself_refuses_what_is_refused_of_a_port_s_options(
    tmp_path: Path, value: str, refused: frozenset[str]
) -> None:
    named = sorted(NAMES)
    (tmp_path / "options").write_text("".join(f"option:{name},{value}\n" for name in named))
    words = (
        f"--port=0 --interface=lo --bind-interfaces --dhcp-range=127.0.0.0,static --dhcp-optsfile={tmp_path}/options"
    )
    command = f"ip link set lo up; exec dnsmasq --keep-in-foreground --log-facility=- --conf-file=/dev/null --leasefile-ro --user=root {words}"
    left_out = set()
    with subprocess.Popen([*unshare(), "sh", "-c", command], stderr=subprocess.PIPE, text=True) as dnsmasq:
        assert dnsmasq.stderr is not None
        for line in dnsmasq.stderr:
            if found := re.search(r"at line (\d+) of ", line):
                left_out.add(named[int(found[1]) - 1])
            if "read " in line:
                break
        dnsmasq.terminate()
    assert left_out == refused


@pytest.mark.parametrize("value", ["abc", "::1", "192.0.2.1,", "192.0.2.300", "300"])
def test_what_dnsmasq_would_leave_out_is_refused(value: str) -> None:
    with pytest.raises(BadInput, match="is no value of DHCP option router"):
        check_options([DhcpOption("router", value)])
    good = DhcpOption("router", "192.0.2.1,192.0.2.2")
    assert check_options([DhcpOption("mtu", "1400"), good]) == (DhcpOption("mtu", "1400"), good)
