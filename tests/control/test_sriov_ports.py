"""Ports that are functions of network cards, in the whole control plane: asked for, claimed, told to the host, given back."""

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.networks import network as networks
from busway.control.networks import port as ports
from busway.control.networks import subnet as subnets
from busway.control.networks.port import PortFields
from busway.control.placement.place import place_round
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.interfaces import attach_interface, detach_interface
from busway.control.servers.why import why
from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_spec import parse_device_specs
from busway.domain.documents import HostResources
from busway.domain.errors import BadInput, BuswayError, Conflict
from busway.domain.guest_network import BRIDGE
from busway.domain.host_facts import GuestAct, HostCell
from busway.domain.ids import FlavorId
from busway.domain.network import Network, Port
from busway.domain.requests import CreateServer, NetworkRef
from busway.domain.server import Server, ServerStatus
from busway.domain.units import NicFunction
from tests.control.clouds import ADMIN, Cloud, Host, gpu

PF = PciAddress("0000:81:00.0")
SPECS = (
    '{"vendor_id":"1234","product_id":"1111"}',
    '{"devname":"enp129s0f0","physical_network":"physnet1"}',
    '{"address":"0000:a1:00.0","physical_network":"physnet2"}',
)
CELL = HostCell(0, "0-7", 8, 32768, 0)
ABLE = HostResources(16, 65536, 1000, kinds=("function", "nic"))


def card(pf: PciAddress = PF, *, node: int = 0, vfs: int = 2, netdev: str = "enp129s0f0") -> tuple[PciDevice, ...]:
    """A network card with its VFs, each in an IOMMU group of its own."""
    number = int(str(pf)[5:7], 16)
    whole = PciDevice(
        pf, "8086", "1572", "020000", DeviceKind.PF, driver="i40e", iommu_group=number, numa_node=node, netdev=netdev,
        mac=f"3c:fd:fe:00:00:{number:02x}",
    )  # fmt: skip
    functions = (
        replace(
            whole, address=PciAddress(f"{str(pf)[:8]}02.{n}"), product_id="154c", kind=DeviceKind.VF, parent=pf,
            driver="iavf", iommu_group=number * 2 + n, netdev=f"{netdev}v{n}", mac="", uplink=netdev,
        )
        for n in range(vfs)
    )  # fmt: skip
    return whole, *functions


PLAIN_CARD = PciDevice(
    PciAddress("0000:a1:00.0"), "8086", "10d3", "020000", driver="e1000e", iommu_group=161, numa_node=0,
    netdev="enp161s0", mac="52:54:00:00:00:a1",
)  # fmt: skip


@pytest.fixture
def there(cloud: Cloud) -> Cloud:
    cloud.configure(device_specs=parse_device_specs(SPECS))
    return cloud


def network(cloud: Cloud, physical: str = "physnet1", vlan: int = 100) -> Network:
    made = networks.create_network(
        cloud.control, ADMIN, networks.NewNetwork(f"net-{physical}-{vlan}", driver=BRIDGE, physical=physical, vlan=vlan)
    )
    subnets.create_subnet(cloud.control, ADMIN, subnets.NewSubnet(made.id, "", "192.0.2.0/24"))
    return made


def direct(cloud: Cloud, on: Network, vnic: str = "direct", policy: str | None = None) -> Port:
    return ports.create_port(cloud.control, ADMIN, on.id, PortFields(vnic=vnic, numa_policy=policy))


def boot(cloud: Cloud, *of: Port, extra_specs: dict[str, str] | None = None) -> Server:
    flavor = replace(cloud.plain, extra_specs=extra_specs or {})
    refs = tuple(NetworkRef(port_id=port.id) for port in of)
    [made] = create_servers(cloud.control, ADMIN, CreateServer("v", flavor, cloud.image, networks=refs), "req-v")
    place_round(cloud.control)
    return cloud.server(made.id)


def units(host: Host) -> list[NicFunction]:
    found = (grant.unit for server in host.desired().servers for grant in server.devices)
    return [unit for unit in found if isinstance(unit, NicFunction)]


def with_nics(cloud: Cloud, *functions: Iterable[PciDevice]) -> Host:
    return cloud.host("h1", inventory=tuple(each for some in functions for each in some), resources=ABLE)


def test_a_direct_port_is_a_vf_with_the_ports_mac_and_vlan(there: Cloud) -> None:
    host = with_nics(there, card())
    port = direct(there, network(there))

    server = boot(there, port)
    [claim] = there.live_claims()
    [unit] = units(host)
    told = host.desired()
    host.obey()

    assert (claim.kind, claim.unit, claim.alias) == ("nic", "whole", "direct port on physnet1")
    assert (str(unit.address), unit.mac, unit.vlan, unit.is_virtual) == ("0000:81:02.0", port.mac, 100, True)
    assert told.networks == ()  # no bridge is made for it
    assert [nic.vnic for nic in told.servers[0].nics] == ["direct"]
    assert there.server(server.id).status is ServerStatus.ACTIVE
    assert why(there.control, ADMIN, server.id).devices[0].startswith("0000:81:02.0 ")


def test_the_guest_reads_of_its_card_and_its_address(there: Cloud) -> None:
    host = with_nics(there, card())
    port = direct(there, network(there))

    boot(there, port)
    drive = host.desired().servers[0].config_drive

    [device] = json.loads(drive.meta_data)["devices"]
    assert device == {
        "type": "nic", "bus": "pci", "address": "0000:01:00.0", "vendor_id": "8086", "product_id": "154c", "tags": [],
        "mac": port.mac, "vlan": 100, "vf_trusted": False,
    }  # fmt: skip
    data = json.loads(drive.network_data)
    assert data["links"][0]["ethernet_mac_address"] == port.mac
    assert data["networks"][0]["ip_address"] == port.address


def test_ports_of_one_server_are_different_vfs_each_with_its_own_mac(there: Cloud) -> None:
    host = with_nics(there, card())
    mine = network(there)
    several = [direct(there, mine), direct(there, mine)]

    boot(there, *several)

    found = units(host)
    shown = [ports.get_port(there.control, ADMIN, port.id) for port in several]
    assert len({unit.address for unit in found}) == 2
    assert {unit.mac: unit.address for unit in found} == {each.mac: each.card and each.card.address for each in shown}


def test_a_port_shows_its_function_while_its_server_has_it_and_a_vf_goes_from_one_to_the_next(there: Cloud) -> None:
    host = with_nics(there, card(vfs=1))
    mine = network(there)
    first, second = direct(there, mine), direct(there, mine)
    server = boot(there, first)
    host.obey()

    late = boot(there, second)
    shown = ports.get_port(there.control, ADMIN, first.id)
    delete_server(there.control, ADMIN, server.id, "req-d")
    host.obey()
    freed = ports.get_port(there.control, ADMIN, first.id)
    again = boot(there, first)

    assert shown.card is not None and str(shown.card.address) == "0000:81:02.0"
    assert freed.card is None and freed.server_id is None
    assert late.fault is not None and "1 virtual function with physical_network physnet1 wanted, 0 free of 1" in str(
        late.fault
    )
    assert again.status is ServerStatus.BUILD
    assert [unit.mac for unit in units(host)] == [first.mac]


def test_a_whole_card_keeps_its_own_mac_which_its_port_shows(there: Cloud) -> None:
    host = with_nics(there, [PLAIN_CARD])
    port = direct(there, network(there, "physnet2", 0), "direct-physical")

    server = boot(there, port)
    [unit] = units(host)
    shown = ports.get_port(there.control, ADMIN, port.id)
    [nic] = host.desired().servers[0].nics

    assert (str(unit.address), unit.is_virtual, unit.vlan) == ("0000:a1:00.0", False, 0)
    assert nic.mac == unit.mac == shown.guest_mac == "52:54:00:00:00:a1" != shown.mac
    assert [each.mac for each in there.server(server.id).addresses] == ["52:54:00:00:00:a1"]


@pytest.mark.parametrize("first", ["direct", "direct-physical"])
def test_a_card_and_its_vfs_exclude_each_other(there: Cloud, first: str) -> None:
    with_nics(there, card())
    mine = network(there)
    second = "direct-physical" if first == "direct" else "direct"

    boot(there, direct(there, mine, first))
    late = boot(there, direct(there, mine, second))

    assert late.status is ServerStatus.ERROR
    assert late.fault is not None and "a PF, VF or group member of it belongs to a server" in str(late.fault)


def test_the_nic_lies_beside_the_gpu(there: Cloud) -> None:
    far, near = card(node=0), card(PciAddress("0000:c1:00.0"), node=1, netdev="enp193s0f0")
    there.configure(device_specs=parse_device_specs((*SPECS, '{"devname":"enp193s0f0","physical_network":"physnet1"}')))
    host = with_nics(there, far, near, [replace(gpu(0), numa_node=1)])

    boot(there, direct(there, network(there)), extra_specs={"pci_passthrough:alias": "a1:1"})

    [unit] = units(host)
    assert str(unit.address).startswith("0000:c1")


def test_the_policy_of_a_port_goes_before_that_of_its_flavor(there: Cloud) -> None:
    there.host("h1", inventory=card(node=1), resources=replace(ABLE, cells=(CELL,)))
    mine = network(there)
    cells = {"hw:numa_nodes": "1", "hw:pci_numa_affinity_policy": "preferred"}

    strict = boot(there, direct(there, mine, policy="required"), extra_specs=cells)
    loose = boot(there, direct(there, mine), extra_specs=cells)

    assert strict.fault is not None and "policy required" in str(strict.fault)
    assert loose.status is ServerStatus.BUILD


def test_the_policy_that_a_port_was_changed_to_is_placed_by(there: Cloud) -> None:
    there.host("h1", inventory=card(node=1), resources=replace(ABLE, cells=(CELL,)))
    mine = direct(there, network(there))

    ports.update_port(there.control, ADMIN, mine.id, PortFields(numa_policy="required"))

    strict = boot(there, mine, extra_specs={"hw:numa_nodes": "1", "hw:pci_numa_affinity_policy": "preferred"})
    assert strict.fault is not None and "policy required" in str(strict.fault)


def test_a_host_whose_agent_knows_no_ports_of_cards_gets_none(there: Cloud) -> None:
    there.host("h1", inventory=card(), resources=replace(ABLE, kinds=("function",)))

    late = boot(there, direct(there, network(there)))

    assert late.fault is not None and "can't serve resources of the kind nic" in str(late.fault)


def test_a_physical_network_that_no_spec_names_is_refused_at_once(there: Cloud) -> None:
    with_nics(there, card())
    port = direct(there, network(there, "physnet9", 7))

    with pytest.raises(BadInput) as refused:
        boot(there, port)

    assert refused.value.code == "vnic-not-offered"
    assert "physnet1, physnet2" in str(refused.value.detail)
    assert there.live_claims() == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (PortFields(vnic="direct", security=True), "vnic-no-security"),
        (PortFields(vnic="direct", groups=("00000000-0000-4000-8000-000000000001",)), "vnic-no-security"),
        (PortFields(numa_policy="required"), "port-numa-policy"),
    ],
)
def test_what_a_port_can_not_have_is_refused(there: Cloud, fields: PortFields, code: str) -> None:
    mine = network(there)

    with pytest.raises(BuswayError) as refused:
        ports.create_port(there.control, ADMIN, mine.id, fields)

    assert refused.value.code == code


def test_a_network_inside_hosts_is_on_no_card(there: Cloud) -> None:
    inside = networks.create_network(there.control, ADMIN, networks.NewNetwork("inside"))

    with pytest.raises(BadInput) as refused:
        direct(there, inside)

    assert refused.value.code == "vnic-network"


def test_a_port_keeps_its_type(there: Cloud) -> None:
    port = direct(there, network(there))

    with pytest.raises(Conflict) as refused:
        ports.update_port(there.control, ADMIN, port.id, PortFields(vnic="normal"))

    assert refused.value.code == "vnic-fixed"


@pytest.mark.parametrize("act", ["attach", "detach"])
def test_a_port_of_a_card_comes_and_goes_with_its_server_only(there: Cloud, act: str) -> None:
    host = there.host("h1", inventory=card(), resources=replace(ABLE, acts=tuple(GuestAct)))
    mine = network(there)
    port, other = direct(there, mine), direct(there, mine)
    server = boot(there, port)
    host.obey()

    with pytest.raises(Conflict) as refused:
        if act == "attach":
            attach_interface(there.control, ADMIN, server.id, NetworkRef(port_id=other.id), "", "req-a")
        else:
            detach_interface(there.control, ADMIN, server.id, port.id, "req-a")

    assert refused.value.code == "vnic-plug"
    assert len(there.live_claims()) == 1
    assert ports.get_port(there.control, ADMIN, other.id).server_id is None


def test_a_card_on_a_bridge_is_plugged_beside_one_that_is_a_device(there: Cloud) -> None:
    """The function keeps its root port, and only the other card is one that the host plugs in."""
    host = there.host("h1", inventory=card(), resources=replace(ABLE, acts=tuple(GuestAct)))
    server = boot(there, direct(there, network(there)))
    host.obey()
    before = host.desired().servers[0]

    attach_interface(there.control, ADMIN, server.id, NetworkRef(), "", "req-a")
    told = host.desired().servers[0]

    assert [grant.port for grant in told.devices] == [grant.port for grant in before.devices] == [1]
    assert (len(before.plugged), len(told.plugged), len(told.nics)) == (0, 1, 2)
    assert told.plugged[0].root_port not in (0, 1)


def test_a_server_takes_its_port_to_another_host_as_another_vf(there: Cloud) -> None:
    first = with_nics(there, card())
    port = direct(there, network(there))
    server = boot(there, port)
    first.obey()
    second = there.host("h2", inventory=card(PciAddress("0000:c1:00.0")), resources=ABLE)

    migrate_server(there.control, ADMIN, server.id, "req-m")
    for _ in range(3):
        first.obey()
        second.obey()

    [unit] = units(second)
    shown = ports.get_port(there.control, ADMIN, port.id)
    assert (str(unit.address), unit.mac, unit.vlan) == ("0000:c1:02.0", port.mac, 100)
    assert shown.card is not None and shown.card.address == unit.address
    assert there.server(server.id).status is ServerStatus.VERIFY_RESIZE


def test_a_card_that_a_guest_has_keeps_the_name_by_which_it_is_offered(there: Cloud) -> None:
    there.configure(device_specs=parse_device_specs(['{"devname":"enp161s0","physical_network":"physnet2"}']))
    host = with_nics(there, [PLAIN_CARD])
    port = direct(there, network(there, "physnet2", 0), "direct-physical")
    server = boot(there, port)
    host.obey()

    host.inventory = (replace(PLAIN_CARD, driver="vfio-pci", netdev="", mac=""),)
    host.obey()
    delete_server(there.control, ADMIN, server.id, "req-d")
    host.obey()
    again = boot(there, port)

    assert again.status is ServerStatus.BUILD
    assert units(host)[0].mac == "52:54:00:00:00:a1"


def test_a_function_of_a_card_can_t_be_limited_and_the_request_is_refused(there: Cloud) -> None:
    host = with_nics(there, card())
    mine = network(there)
    with pytest.raises(BadInput, match="a port of type direct can't be limited") as caught:
        boot(there, direct(there, mine), extra_specs={"quota:vif_outbound_average": "1000"})
    assert caught.value.code == "vnic-limits"

    server = boot(there, direct(there, mine))
    host.obey()
    limited = replace(there.plain, id=FlavorId("limited"), extra_specs={"quota:vif_inbound_average": "1000"})
    with pytest.raises(BadInput, match="a port of type direct can't be limited"):
        resize_server(there.control, ADMIN, server.id, limited, "req-r")
