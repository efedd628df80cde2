"""What an agent asks for: its own host's Desired document, as a long poll."""

from __future__ import annotations

import time
from dataclasses import replace

from busway.control.agents.guest_documents import DeviceWords, guest_documents
from busway.control.agents.units import unit_of
from busway.control.context import Control
from busway.control.drivers.recipe import vendor_data
from busway.control.moves.stay import Stay, stay_of
from busway.control.networks.document import HostNetworking, host_networking
from busway.control.placement.host_facts import desired_cells
from busway.control.traces import asked_of
from busway.domain.device_spec import DeviceSpecs
from busway.domain.documents import ConfigDrive, Desired, DesiredRescue, DesiredServer
from busway.domain.errors import BuswayError
from busway.domain.flavor import Flavor
from busway.domain.grant import Grant
from busway.domain.guest_machine import PLAIN, Machine, machine_of
from busway.domain.ids import DeviceId, HostId, ImageId
from busway.domain.units import WholeFunction
from busway.store import departures, disk_uploads, hosts, images, servers
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.providers import Provider, list_providers
from busway.store.servers import Intent, ServerRow

POLL_SECONDS = 1.0
NO_DOCUMENTS = ConfigDrive("{}", "{}")


def desired(control: Control, host_id: HostId, after: int, wait: float) -> Desired | None:
    """The document as soon as its generation is over `after`; None when nothing is new within `wait` seconds."""
    deadline = time.monotonic() + wait
    topic = f"host:{host_id}"
    while True:
        seen = control.bell.count(topic)
        with control.db.read() as tx:
            host = hosts.find_host_by_id(tx, host_id)
            if host is not None and host.generation > after:
                return _document(control, tx, host, control.pci_rules(tx).device_specs)
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        control.bell.wait(topic, seen, min(left, POLL_SECONDS))


def _document(control: Control, tx: Tx, host: hosts.HostRow, specs: DeviceSpecs) -> Desired:
    known = list_providers(tx, host.id)
    absent = [departure.server_id for departure in departures.list_departures(tx, host_ids=[host.id])]
    uploads = {upload.server_id: upload.image_id for upload in disk_uploads.list_uploads(tx, host_id=host.id)}
    stays = [
        stay
        for row in servers.list_on_host(tx, host.id)
        if row.id not in absent and row.intent is Intent.PRESENT and (stay := stay_of(tx, row, host.id)) is not None
    ]
    networking = host_networking(control, tx, [stay.row for stay in stays])
    return Desired(
        host=host.name,
        generation=host.generation,
        servers=tuple(
            _told(_server(tx, stay, _devices(stay, known, specs), uploads.get(stay.row.id)), stay, known, networking)
            for stay in stays
        ),
        absent=tuple(absent),
        networks=networking.networks,
        groups=networking.groups,
        asked=tuple(asked_of(control, tx, [*absent, *(stay.row.id for stay in stays)]).values()),
    )


def _told(
    server: DesiredServer, stay: Stay, known: dict[DeviceId, Provider], networking: HostNetworking
) -> DesiredServer:
    """The server with its cards, and with the documents that tell the guest of itself."""
    whole = replace(server, nics=networking.nics[server.id])
    words = {claim.id: _words(claim, known[claim.device_id]) for claim in stay.claims}
    documents = guest_documents(stay.row, whole, networking.networks, words)
    vendor = vendor_data(stay.side.flavor.extra_specs, stay.row.image_words or {})
    return replace(whole, config_drive=replace(documents, vendor_data=vendor))


def _words(claim: Claim, provider: Provider) -> DeviceWords:
    """A guest sees other ids on a mediated device than its parent has."""
    device = provider.device
    if device is None or claim.kind != WholeFunction.kind:
        return DeviceWords(claim.alias, "", "", None if device is None else device.numa_node)
    return DeviceWords(claim.alias, device.vendor_id, device.product_id, device.numa_node)


def _server(tx: Tx, stay: Stay, devices: tuple[Grant, ...], upload: ImageId | None) -> DesiredServer:
    row, side = stay.row, stay.side
    return DesiredServer(
        id=row.id,
        name=f"instance-{row.number:08x}",
        vcpus=side.flavor.vcpus,
        ram_mb=side.flavor.ram_mb,
        disk_gb=side.flavor.disk_gb,
        image=images.get_image_ref(tx, side.image_id),
        devices=devices,
        nics=(),
        config_drive=NO_DOCUMENTS,
        powered=stay.powered,
        starts=row.starts,
        reboots=row.reboots,
        hard_reboot=row.hard_reboot,
        disks=side.disks,
        upload=upload,
        cells=desired_cells(tx, row.id, side.host_id),
        machine=_machine(side.flavor, row),
        hold=row.hold,
        rescue=_rescue(tx, row),
    )


def _rescue(tx: Tx, row: ServerRow) -> DesiredRescue | None:
    if row.rescue is None or row.rescue.over or row.rescue_image_id is None:
        return None
    image = images.get_image_ref(tx, row.rescue_image_id)
    return DesiredRescue(image, row.rescue.number, row.rescue.bus, row.rescue.device)


def _machine(flavor: Flavor, row: ServerRow) -> Machine:
    """What a server of an earlier release was given in spite of its words stays as it is."""
    try:
        return machine_of(flavor, row.image_words) if row.image_words is not None else PLAIN
    except BuswayError:
        return PLAIN


def _devices(stay: Stay, known: dict[DeviceId, Provider], specs: DeviceSpecs) -> tuple[Grant, ...]:
    """What a stay holds claims on, each as its kind tells it to a host."""
    return tuple(
        Grant(unit_of(claim, provider, specs), claim.id, claim.port, provider.numa_node)
        for claim, provider in ((claim, known[claim.device_id]) for claim in stay.claims)
    )
