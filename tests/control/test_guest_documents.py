"""What a guest is told of itself, as the files say."""

import json
from dataclasses import replace
from pathlib import Path

from busway.control.agents.guest_documents import DeviceWords, guest_documents
from busway.domain.address import PciAddress
from busway.domain.dedicated_cpus import SHARED
from busway.domain.documents import ConfigDrive, DesiredCell, DesiredServer, ImageRef, Nic
from busway.domain.grant import Grant
from busway.domain.guest_network import HostNetwork, HostRoute
from busway.domain.ids import ClaimId, ImageId, NetworkId, PortId, ServerId
from busway.domain.units import WholeFunction
from busway.store import servers
from busway.store.database import Database
from busway.store.servers import ServerRow
from busway.testing.golden import Golden
from tests.store.rows import add_server

NETWORK = HostNetwork(
    NetworkId("n1"), "private", "local", mtu=9000, cidr="10.66.0.0/24", gateway="10.66.0.1", cidr6="fd66::/64",
    gateway6="fd66::1", ra=True,
)  # fmt: skip
SITE = HostNetwork(NetworkId("n2"), "site", "bridge", dns=("192.0.2.53",))
GPU = DeviceWords("h100", "10de", "2330", 1)
AUDIO = DeviceWords(None, "10de", "22bc", None)


def golden_of(drive: ConfigDrive) -> str:
    return json.dumps([json.loads(drive.meta_data), json.loads(drive.network_data)], indent=1) + "\n"


def row(database: Database) -> ServerRow:
    with database.write() as tx:
        server_id = add_server(
            tx, name="trainer", hostname="trainer", key_name="mine", public_key="ssh-ed25519 AAAA me"
        )
        found = servers.find_server(tx, server_id)
    assert found is not None
    return found


def server() -> DesiredServer:
    first = Nic(
        "fa:16:3e:00:00:01", "10.66.0.10", 24, "10.66.0.1", PortId("p1"), NETWORK.id, "local", address6="fd66::a"
    )
    second = Nic("fa:16:3e:00:00:02", "192.0.2.9", 24, "", PortId("p2"), SITE.id)
    grants = (
        Grant(WholeFunction(PciAddress("0000:41:00.0"), "10de", "2330"), ClaimId("c1"), 2),
        Grant(WholeFunction(PciAddress("0000:41:00.1"), "10de", "22bc"), ClaimId("c2"), 2),
    )
    return DesiredServer(
        ServerId("s1"), "instance-0000000a", 4, 4096, 20, ImageRef(ImageId("i"), "0" * 64, 1, "raw"), grants,
        (first, second), ConfigDrive("{}", "{}"), cells=(DesiredCell(2, 2048, 1, "4-7"), DesiredCell(2, 2048, 0, "0-3")),
    )  # fmt: skip


def test_a_guest_of_two_cells_with_a_card_and_two_networks(database: Database) -> None:
    words = {ClaimId("c1"): GPU, ClaimId("c2"): AUDIO}

    drive = guest_documents(row(database), server(), (NETWORK, SITE), words)

    Golden(Path(__file__).parent / "golden").check("guest_documents.json", golden_of(drive))


def test_a_guest_is_told_of_the_routes_of_each_of_its_subnets(database: Database) -> None:
    routes = (HostRoute("10.8.0.0/16", "10.66.0.9"), HostRoute("fd08::/32", "fd66::9"))

    drive = guest_documents(row(database), server(), (replace(NETWORK, routes=routes), SITE), {})

    v4, v6, site = (each["routes"] for each in json.loads(drive.network_data)["networks"])
    assert v4[1:] == [{"network": "10.8.0.0", "netmask": "255.255.0.0", "gateway": "10.66.0.9"}]
    assert v6[1:] == [{"network": "fd08::", "netmask": "ffff:ffff::", "gateway": "fd66::9"}]
    assert site == []


def ways_out(told: ServerRow, *nics: tuple[HostNetwork, str]) -> list[str]:
    """The gateways of the default routes of a guest's cards."""
    cards = [
        Nic(f"fa:16:3e:00:00:0{number}", gateway[:-1] + "9", 24, gateway, PortId(f"p{number}"), network.id)
        for number, (network, gateway) in enumerate(nics)
    ]
    networks = [network for network, _gateway in nics]
    known = replace(server(), nics=tuple(cards))
    drive = guest_documents(told, known, networks, {})
    routes = [route for net in json.loads(drive.network_data)["networks"] for route in net["routes"]]
    return [route["gateway"] for route in routes if route["network"] == "0.0.0.0"]


def test_a_guest_that_has_no_way_out_yet_uses_the_router_that_comes(database: Database) -> None:
    first = HostNetwork(NetworkId("o1"), "first", "overlay", gateway="10.1.0.1")
    second = replace(first, id=NetworkId("o2"), gateway="10.2.0.1")
    routed = replace(second, gateway="10.2.0.2", routed=True)
    web = row(database)

    assert ways_out(web, (first, "10.1.0.1"), (second, "10.2.0.1")) == ["10.1.0.1"]
    assert ways_out(web, (first, "10.1.0.1"), (routed, "10.2.0.1")) == ["10.2.0.1"]
    assert ways_out(web, (first, "10.1.0.1"), (NETWORK, "10.66.0.1")) == ["10.66.0.1"]


def test_a_device_that_is_near_no_cell_of_the_guest_has_no_node_there(database: Database) -> None:
    drive = guest_documents(row(database), replace(server(), cells=()), (), {ClaimId("c1"): GPU})

    [gpu] = [each for each in json.loads(drive.meta_data)["devices"] if each["type"] == "hostdev"]
    assert gpu["address"] == "0000:02:00.0"
    assert "numa_node" not in gpu


def test_a_guest_of_a_mixed_policy_is_told_which_of_its_vcpus_are_dedicated(database: Database) -> None:
    cells = (DesiredCell(3, 2048, 1, "4-7", pins=(SHARED, 5, 6)), DesiredCell(2, 2048, 0, "0-3", pins=(SHARED, 2)))

    drive = guest_documents(row(database), replace(server(), vcpus=5, cells=cells), (), {})

    assert json.loads(drive.meta_data)["dedicated_cpus"] == [1, 2, 4]


def test_vcpus_behind_a_cell_without_dedicated_ones_keep_their_numbers(database: Database) -> None:
    cells = (DesiredCell(2, 2048, 1, "4-7"), DesiredCell(2, 2048, 0, "0-3", pins=(1, 2)))

    drive = guest_documents(row(database), replace(server(), cells=cells), (), {})

    assert json.loads(drive.meta_data)["dedicated_cpus"] == [2, 3]
