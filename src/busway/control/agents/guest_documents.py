"""The OpenStack documents that a guest reads about itself. Pure: the same values give the same texts.

The forms are Nova's (https://docs.openstack.org/nova/latest/user/metadata.html); the configuration drive and the
metadata service have the same texts. `random_seed` is omitted: a stored text is not entropy, and each guest has
virtio-rng.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from busway.domain.dedicated_cpus import SHARED
from busway.domain.documents import ConfigDrive, DesiredServer, Nic
from busway.domain.guest_files import content_name
from busway.domain.guest_layout import GuestLayout, guest_layout
from busway.domain.guest_network import LOCAL, METADATA_ADDRESS, OVERLAY, HostNetwork
from busway.domain.ids import ClaimId, NetworkId
from busway.domain.keypair import key_type
from busway.domain.placement import ZONE
from busway.domain.units import NicFunction
from busway.store.servers import ServerRow

_ANY = "0.0.0.0"  # noqa: S104 - the default route, not an address to listen on


@dataclass(frozen=True, slots=True)
class DeviceWords:
    """What only the control plane knows of a granted device: by which alias it came, its ids and its node on the host."""

    alias: str | None
    vendor_id: str
    product_id: str
    node: int | None


def guest_documents(
    row: ServerRow,
    server: DesiredServer,
    networks: Iterable[HostNetwork],
    words: Mapping[ClaimId, DeviceWords],
    zone: str = ZONE,
) -> ConfigDrive:
    """Writes meta_data.json and network_data.json of a server whose cards and grants are known; `zone` is its host's."""
    known = {network.id: network for network in networks}
    layout = guest_layout(server)
    meta = {
        **_identity(row, zone),
        "devices": [*_cards(layout), *_granted(server, layout, words)],
        "dedicated_cpus": _dedicated_vcpus(server),
    }
    contents = tuple(file.contents for file in row.files)
    network_data = json.dumps(_network_data(server.nics, known))
    return ConfigDrive(json.dumps(meta), network_data, row.user_data or "", contents=contents)


def _identity(row: ServerRow, zone: str) -> dict[str, object]:
    meta: dict[str, object] = {
        "uuid": row.id,
        "name": row.name,
        "hostname": row.hostname,
        "project_id": row.project_id,
        "launch_index": row.launch_index,
        "availability_zone": zone,
        "meta": dict(row.metadata),
    }
    if row.admin_pass is not None:
        meta["admin_pass"] = row.admin_pass
    if row.key_name is not None and row.public_key is not None:
        meta["public_keys"] = {row.key_name: row.public_key}
        meta["keys"] = [{"name": row.key_name, "type": key_type(row.public_key), "data": row.public_key}]
    if row.files:
        meta["files"] = [
            {"content_path": f"/content/{content_name(number)}", "path": file.path}
            for number, file in enumerate(row.files)
        ]
    return meta


def _dedicated_vcpus(server: DesiredServer) -> list[int]:
    """The guest's numbers of the vCPUs that have a CPU of the host for themselves: with `hw:cpu_policy=mixed`, some of them."""
    pins = [pin for cell in server.cells for pin in cell.pins or (SHARED,) * cell.vcpus]
    return [vcpu for vcpu, pin in enumerate(pins) if pin != SHARED]


def _cards(layout: GuestLayout) -> Iterator[dict[str, object]]:
    for nic, port in layout.nics:
        yield {
            "type": "nic",
            "bus": "pci",
            "address": port.address(),
            "mac": nic.mac,
            "tags": [nic.tag] if nic.tag else [],
        }


def _granted(
    server: DesiredServer, layout: GuestLayout, words: Mapping[ClaimId, DeviceWords]
) -> Iterator[dict[str, object]]:
    """Nova lists network cards and disks only; a granted device has the same form, as type `hostdev`.

    Its tag is its alias; `numa_node` is the guest's own node that lies on the device's node of the host.
    """
    cells = {cell.node: number for number, cell in enumerate(server.cells)}
    for slot, port in layout.devices:
        known = words.get(slot.grant.claim_id)
        if known is None:
            continue
        device: dict[str, object] = {"type": "hostdev", "bus": "pci", "address": port.address(slot.function)}
        device |= {"vendor_id": known.vendor_id, "product_id": known.product_id}
        device["tags"] = [known.alias] if known.alias else []
        unit = slot.grant.unit
        if isinstance(unit, NicFunction):
            device |= {"type": "nic", "mac": unit.mac, "tags": []} | _vlan(server, unit)
        if known.node in cells:
            device["numa_node"] = cells[known.node]
        yield device


def _vlan(server: DesiredServer, unit: NicFunction) -> dict[str, object]:
    """The VLAN of a card, and whether its guest may change it: who has a whole card puts the tag on his frames himself."""
    vlan = next((nic.vlan for nic in server.nics if nic.mac == unit.mac and nic.vnic == unit.vnic), unit.vlan)
    fields: dict[str, object] = {"vlan": vlan} if vlan else {}
    return fields | ({"vf_trusted": False} if unit.is_virtual else {})


def _network_data(nics: Sequence[Nic], networks: Mapping[NetworkId, HostNetwork]) -> dict[str, object]:
    """OpenStack's network_data.json: links, networks and services."""
    leading = _leading_out(nics, networks)
    links: list[dict[str, object]] = []
    nets: list[dict[str, object]] = []
    services: dict[str, dict[str, object]] = {}
    for number, nic in enumerate(nics):
        network = networks.get(nic.network)
        link = f"tap{number}"
        links.append(
            {
                "id": link,
                "vif_id": nic.port,
                "type": "phy",
                "ethernet_mac_address": nic.mac,
                "mtu": network.mtu if network else 1500,
            }
        )
        for address, cidr, gateway, has_routes in _addresses(nic, network):
            subnet = ip_network(cidr, strict=False)
            nets.append(
                {
                    "id": f"network{len(nets)}",
                    "network_id": nic.network,
                    "type": f"ipv{subnet.version}",
                    "link": link,
                    "ip_address": address,
                    "netmask": str(subnet.netmask),
                    "routes": [
                        *_way_out(network, subnet.version, gateway, leads=nic is leading),
                        *(_routes(network, subnet.version) if has_routes else ()),
                    ],
                }
            )
        for server in _dns(network):
            services.setdefault(server, {"type": "dns", "address": server})
    return {"links": links, "networks": nets, "services": list(services.values())}


def _leading_out(nics: Sequence[Nic], networks: Mapping[NetworkId, HostNetwork]) -> Nic | None:
    """The first card with a gateway where no card has a way out yet: a router may come to its network while the guest runs."""
    known = [(nic, networks.get(nic.network)) for nic in nics if nic.address and nic.gateway]
    if any(network is None or network.driver != OVERLAY or network.routed for _nic, network in known):
        return None
    return next((nic for nic, _network in known), None)


def _way_out(network: HostNetwork | None, version: int, gateway: str, *, leads: bool) -> list[dict[str, object]]:
    """The way out; on an overlay network the way to the metadata address, and to a router if there is one or may be one."""
    if not gateway:
        return []
    any_ = "::" if version == 6 else _ANY
    out: list[dict[str, object]] = [{"network": any_, "netmask": any_, "gateway": gateway}]
    if network is None or network.driver != OVERLAY:
        return out
    services = network.gateway if version == 4 else ""
    metadata: dict[str, object] = {"network": METADATA_ADDRESS, "netmask": "255.255.255.255", "gateway": services}
    routed = network.routed6 if version == 6 else network.routed or leads
    return [*([metadata] if services else []), *(out if routed else [])]


def _routes(network: HostNetwork | None, version: int) -> Iterator[dict[str, object]]:
    for route in network.routes if network else ():
        to = ip_network(route.destination)
        if to.version == version:
            yield {"network": str(to.network_address), "netmask": str(to.netmask), "gateway": route.nexthop}


def _addresses(nic: Nic, network: HostNetwork | None) -> Iterator[tuple[str, str, str, bool]]:
    """Each address of a card with its subnet and gateway, and whether it has the routes of its subnet."""
    if nic.address:
        yield nic.address, f"{nic.address}/{nic.prefix}", nic.gateway, True
    for address in nic.further:  # the ways are those of the first
        yield address, f"{address}/{nic.prefix}", "", False
    if nic.address6 and network is not None:
        yield nic.address6, network.cidr6, network.gateway6, True


def _dns(network: HostNetwork | None) -> tuple[str, ...]:
    """The servers that a guest asks: on a local network the host itself, which knows the guests' names."""
    if network is None:
        return ()
    if network.driver == OVERLAY:
        return network.dns or ((network.gateway,) if network.gateway else ())
    if network.driver != LOCAL:
        return network.dns
    return (network.gateway,) if network.dhcp and network.gateway else ()
