"""The libvirt domain XML of a server: pure, the same answer for the same values.

The form is libvirt's (https://libvirt.org/formatdomain.html). One module per part of a domain; `device` has one per kind
of resource. `domain` puts them together and reads what a domain says of itself.
"""

from busway.hypervisor.xml.backup import backup_xml
from busway.hypervisor.xml.consoles import read_consoles
from busway.hypervisor.xml.device import read_attachments
from busway.hypervisor.xml.domain import domain_name, domain_xml, read_server_id
from busway.hypervisor.xml.nics import read_cards
from busway.hypervisor.xml.plug import card_xml, device_xml, find_device
from busway.hypervisor.xml.spice import read_spice

__all__ = [
    "backup_xml",
    "card_xml",
    "device_xml",
    "domain_name",
    "domain_xml",
    "find_device",
    "read_attachments",
    "read_cards",
    "read_consoles",
    "read_server_id",
    "read_spice",
]
