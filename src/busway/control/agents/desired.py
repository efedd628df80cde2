"""What an agent asks for: its own host's Desired document, as a long poll."""

from __future__ import annotations

import json
import time

from busway.control.agents.units import unit_of
from busway.control.context import Control
from busway.control.moves.stay import Stay, stay_of
from busway.control.placement.host_facts import desired_cells
from busway.domain.device_spec import DeviceSpecs
from busway.domain.documents import ConfigDrive, Desired, DesiredServer, Nic
from busway.domain.grant import Grant
from busway.domain.ids import DeviceId, HostId, ImageId
from busway.domain.placement import ZONE
from busway.domain.server import ServerAddress
from busway.store import departures, devices, disk_uploads, hosts, images, networks, servers
from busway.store.database import Tx
from busway.store.devices import DeviceRow
from busway.store.servers import Intent, ServerRow

POLL_SECONDS = 1.0
_ANY = "0.0.0.0"  # noqa: S104 - the default route, not an address to listen on


def desired(control: Control, host_id: HostId, after: int, wait: float) -> Desired | None:
    """The document as soon as its generation is over `after`; None when nothing is new within `wait` seconds."""
    deadline = time.monotonic() + wait
    topic = f"host:{host_id}"
    while True:
        seen = control.bell.count(topic)
        with control.db.read() as tx:
            host = hosts.find_host_by_id(tx, host_id)
            if host is not None and host.generation > after:
                return _document(tx, host, control.pci_rules(tx).device_specs)
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        control.bell.wait(topic, seen, min(left, POLL_SECONDS))


def _document(tx: Tx, host: hosts.HostRow, specs: DeviceSpecs) -> Desired:
    known = {device.id: device for device in devices.list_devices(tx, host.id)}
    absent = [departure.server_id for departure in departures.list_departures(tx, host_id=host.id)]
    uploads = {upload.server_id: upload.image_id for upload in disk_uploads.list_uploads(tx, host_id=host.id)}
    stays = [
        stay
        for row in servers.list_on_host(tx, host.id)
        if row.id not in absent and row.intent is Intent.PRESENT and (stay := stay_of(tx, row, host.id)) is not None
    ]
    addresses = networks.server_addresses(tx, [stay.row.id for stay in stays])
    return Desired(
        host=host.name,
        generation=host.generation,
        servers=tuple(
            _server(tx, stay, _devices(stay, known, specs), addresses.get(stay.row.id, ()), uploads.get(stay.row.id))
            for stay in stays
        ),
        absent=tuple(absent),
    )


def _server(
    tx: Tx,
    stay: Stay,
    devices: tuple[Grant, ...],
    addresses: tuple[ServerAddress, ...],
    upload: ImageId | None,
) -> DesiredServer:
    row, side = stay.row, stay.side
    return DesiredServer(
        id=row.id,
        name=f"instance-{row.number:08x}",
        vcpus=side.flavor.vcpus,
        ram_mb=side.flavor.ram_mb,
        disk_gb=side.flavor.disk_gb,
        image=images.get_image_ref(tx, side.image_id),
        devices=devices,
        nics=tuple(Nic(a.mac, a.address, a.prefix, a.gateway) for a in addresses),
        config_drive=_config_drive(row, addresses),
        powered=stay.powered,
        starts=row.starts,
        reboots=row.reboots,
        hard_reboot=row.hard_reboot,
        disks=side.disks,
        upload=upload,
        cells=desired_cells(tx, row.id, side.host_id),
    )


def _devices(stay: Stay, known: dict[DeviceId, DeviceRow], specs: DeviceSpecs) -> tuple[Grant, ...]:
    """What a stay holds claims on, each as its kind tells it to a host."""
    return tuple(
        Grant(unit_of(claim, known[claim.device_id].device, specs), claim.id, claim.port) for claim in stay.claims
    )


def _config_drive(row: ServerRow, addresses: tuple[ServerAddress, ...]) -> ConfigDrive:
    meta = {
        "uuid": row.id,
        "name": row.name,
        "hostname": row.hostname,
        "project_id": row.project_id,
        "launch_index": 0,
        "availability_zone": row.availability_zone or ZONE,
        "meta": dict(row.metadata),
    }
    if row.key_name is not None and row.public_key is not None:
        meta["public_keys"] = {row.key_name: row.public_key}
        meta["keys"] = [{"name": row.key_name, "type": "ssh", "data": row.public_key}]
    return ConfigDrive(json.dumps(meta), json.dumps(_network_data(addresses)), row.user_data or "")


def _network_data(addresses: tuple[ServerAddress, ...]) -> dict[str, object]:
    """OpenStack's network_data.json: links, networks and services."""
    links, nets = [], []
    for index, address in enumerate(addresses):
        links.append({"id": f"tap{index}", "type": "phy", "ethernet_mac_address": address.mac, "mtu": 1500})
        routes = [{"network": _ANY, "netmask": _ANY, "gateway": address.gateway}] if address.gateway else []
        nets.append(
            {
                "id": f"network{index}",
                "type": "ipv4",
                "link": f"tap{index}",
                "ip_address": address.address,
                "netmask": _netmask(address.prefix),
                "routes": routes,
            }
        )
    return {"links": links, "networks": nets, "services": []}


def _netmask(prefix: int) -> str:
    bits = (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
    return ".".join(str(bits >> shift & 0xFF) for shift in (24, 16, 8, 0))
