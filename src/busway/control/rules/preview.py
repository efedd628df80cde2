"""What a device spec or an alias would catch among the devices that are there, before it is made; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass

from busway.control.context import Control
from busway.domain.alias import parse_alias
from busway.domain.caller import Caller
from busway.domain.device_spec import parse_device_spec
from busway.domain.device_tags import NO_TAGS
from busway.domain.ids import DeviceId
from busway.policy import authorize
from busway.store import devices, hosts


@dataclass(frozen=True, slots=True)
class Caught:
    """A device that would be caught; `is_offered` tells whether a device spec in force offers it already."""

    id: DeviceId
    host: str
    address: str
    description: str
    is_offered: bool


def preview_device_spec(control: Control, caller: Caller, definition: str) -> list[Caught]:
    """The present devices that a device spec fits; raises `InvalidDeviceSpec` as its creation would."""
    authorize(caller, "busway:device-specs:create")
    specs = parse_device_spec(definition)
    with control.db.read() as tx:
        names = {host.id: host.name for host in hosts.list_hosts(tx)}
        known = control.pci_rules(tx).device_specs
        return [
            Caught(
                row.id,
                names[row.host_id],
                str(row.device.address),
                row.device.description,
                known.find(row.device) is not None,
            )
            for row in devices.list_devices(tx)
            if row.present and any(spec.matches(row.device) for spec in specs)
        ]


def preview_alias(control: Control, caller: Caller, definition: str) -> list[Caught]:
    """The present devices that an alias means; servers get only those that are offered too."""
    authorize(caller, "busway:aliases:create")
    with control.db.read() as tx:
        names = {host.id: host.name for host in hosts.list_hosts(tx)}
        rules = control.pci_rules(tx)
        alias = parse_alias(definition, placement=rules.placement)
        found = []
        for row in devices.list_devices(tx):
            spec = rules.device_specs.find(row.device)
            if row.present and alias.matches(row.device, spec.tags if spec else NO_TAGS):
                address = str(row.device.address)
                found.append(Caught(row.id, names[row.host_id], address, row.device.description, spec is not None))
        return found
