"""Domain XML (pure) and the libvirt adapter; the only package that knows libvirt."""

from busway.hypervisor.guest import GuestFiles, GuestOptions
from busway.hypervisor.seam import DomainSeen, Hypervisor, HypervisorFacts
from busway.hypervisor.xml import domain_name, domain_xml

__all__ = [
    "DomainSeen",
    "GuestFiles",
    "GuestOptions",
    "Hypervisor",
    "HypervisorFacts",
    "domain_name",
    "domain_xml",
]
