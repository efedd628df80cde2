"""What an agent asks for: its own host's Desired document, as a long poll."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace

from busway.control.agents.guest_documents import DeviceWords, guest_documents
from busway.control.agents.units import unit_of
from busway.control.context import Control
from busway.control.drivers.recipe import vendor_data
from busway.control.moves.presence import Presence, presence_of
from busway.control.networks.document import HostNetworking, host_networking
from busway.control.placement.host_facts import desired_cells
from busway.control.traces import asked_of
from busway.domain.device_spec import DeviceSpecs
from busway.domain.documents import ConfigDrive, Desired, DesiredRescue, DesiredServer
from busway.domain.errors import BuswayError
from busway.domain.flavor import Flavor
from busway.domain.grant import Grant
from busway.domain.guest_machine import LIMIT_PREFIX, PLAIN, Machine, machine_of
from busway.domain.ids import ClaimId, DeviceId, HostId, ImageId, ServerId
from busway.domain.network import Port
from busway.domain.placement import ZONE
from busway.domain.units import WHOLE_KINDS
from busway.store import aggregates, departures, disk_uploads, hosts, images, server_places
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.disk_uploads import UploadPurpose
from busway.store.providers import Provider, list_providers
from busway.store.servers import Intent, ServerRow

POLL_SECONDS = 1.0
NO_DOCUMENTS = ConfigDrive("{}", "{}")


def desired(control: Control, host_id: HostId, after: int, wait: float) -> Desired | None:
    """The document as soon as its generation is above `after`; None if there is no newer one within `wait` seconds."""
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
    uploads: dict[ServerId, dict[bool, ImageId]] = {}
    for upload in disk_uploads.list_uploads(tx, host_id=host.id):
        uploads.setdefault(upload.server_id, {})[upload.purpose is UploadPurpose.EPHEMERAL] = upload.image_id
    presences = [
        presence
        for row in server_places.list_on_host(tx, host.id)
        if row.id not in absent
        and row.intent is Intent.PRESENT
        and (presence := presence_of(tx, row, host.id)) is not None
    ]
    networking = host_networking(control, tx, presences, known)
    zone = aggregates.zones_of_hosts(tx, {host.id}).get(host.id, ZONE)
    return Desired(
        host=host.name,
        generation=host.generation,
        servers=tuple(
            _with_documents(
                _server(
                    tx, presence, _devices(presence, known, specs, networking.cards), uploads.get(presence.row.id, {})
                ),
                presence,
                known,
                networking,
                zone,
            )
            for presence in presences
        ),
        absent=tuple(absent),
        networks=networking.plugged,
        groups=networking.groups,
        asked=tuple(asked_of(control, tx, [*absent, *(presence.row.id for presence in presences)]).values()),
    )


def desired_server(control: Control, tx: Tx, row: ServerRow) -> DesiredServer | None:
    """A placed server as the document of its host has it now, without the documents for its guest."""
    presence = presence_of(tx, row, row.host_id) if row.host_id is not None else None
    if presence is None:
        return None
    known = list_providers(tx, presence.side.host_id)
    networking = host_networking(control, tx, [presence], known)
    server = _server(tx, presence, _devices(presence, known, control.pci_rules(tx).device_specs, networking.cards), {})
    return replace(server, nics=networking.nics[row.id])


def _with_documents(
    server: DesiredServer,
    presence: Presence,
    known: dict[DeviceId, Provider],
    networking: HostNetworking,
    zone: str,
) -> DesiredServer:
    """The server with its cards, and with the documents from which the guest learns its name, keys and networks."""
    whole = replace(server, nics=networking.nics[server.id])
    words = {claim.id: _words(claim, known[claim.device_id]) for claim in presence.claims}
    documents = guest_documents(presence.row, whole, networking.networks, words, zone)
    vendor = vendor_data(presence.side.flavor.extra_specs, presence.row.image_words or {})
    return replace(whole, config_drive=replace(documents, vendor_data=vendor))


def _words(claim: Claim, provider: Provider) -> DeviceWords:
    """Alias, ids and node of a granted device. The ids of a mediated device are unknown: the guest sees others than its parent has."""
    device = provider.device
    if device is None or claim.kind not in WHOLE_KINDS:
        return DeviceWords(claim.alias, "", "", None if device is None else device.numa_node)
    return DeviceWords(claim.alias, device.vendor_id, device.product_id, device.numa_node)


def _server(tx: Tx, presence: Presence, devices: tuple[Grant, ...], uploads: Mapping[bool, ImageId]) -> DesiredServer:
    """`uploads` has the image as which the root disk is asked for at False, that of the ephemeral disk at True."""
    row, side = presence.row, presence.side
    machine = _machine(side.flavor, row)
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
        powered=presence.powered,
        starts=row.starts,
        reboots=row.reboots,
        hard_reboot=row.hard_reboot,
        disks=side.disks,
        upload=uploads.get(False),
        cells=desired_cells(tx, row.id, side.host_id),
        machine=replace(machine, hotplug_ports=None, hotplug_window_mb=0),
        hold=row.hold,
        rescue=_rescue(tx, row),
        spare_ports=0 if machine.mirror or machine.watchdog else _first(machine.hotplug_ports, row.spare_ports),
        root_ports=row.root_ports or 0,
        live=presence.live,
        hotplug_window_mb=machine.hotplug_window_mb,
        ephemeral_image=images.get_image_ref(tx, side.ephemeral_image_id) if side.ephemeral_image_id else None,
        upload_ephemeral=uploads.get(True),
        has_drive=row.config_drive,
    )


def _first(*numbers: int | None) -> int:
    return next((number for number in numbers if number is not None), 0)


def _rescue(tx: Tx, row: ServerRow) -> DesiredRescue | None:
    if row.rescue is None or row.rescue.over or row.rescue_image_id is None:
        return None
    image = images.get_image_ref(tx, row.rescue_image_id)
    return DesiredRescue(image, row.rescue.number, row.rescue.bus, row.rescue.device)


def _machine(flavor: Flavor, row: ServerRow) -> Machine:
    """The guest machine of a server; without limits, or else a plain one, for words that an earlier release accepted and this one does not."""
    if row.image_words is None:
        return PLAIN
    specs = flavor.extra_specs
    for read in (specs, {key: value for key, value in specs.items() if not key.startswith(LIMIT_PREFIX)}):
        with contextlib.suppress(BuswayError):
            return machine_of(replace(flavor, extra_specs=read), row.image_words)
    return PLAIN


def _devices(
    presence: Presence, known: dict[DeviceId, Provider], specs: DeviceSpecs, cards: Mapping[ClaimId, Port]
) -> tuple[Grant, ...]:
    """The claims of a server as grants, each with the unit of its kind."""
    return tuple(
        Grant(unit_of(claim, provider, specs, cards.get(claim.id)), claim.id, claim.port, provider.numa_node)
        for claim, provider in ((claim, known[claim.device_id]) for claim in presence.claims)
    )
