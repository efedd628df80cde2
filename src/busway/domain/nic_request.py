"""What ports ask of the scheduler: SR-IOV ones a function of a card that is reserved for their physical network, those of type geneve OVN."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from busway.domain.alias import Alias, AliasSpec, PciRequest
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_tags import NO_TAGS, DeviceTags
from busway.domain.errors import BadInput
from busway.domain.flavor import Flavor
from busway.domain.guest_machine.limits import has_card_limits
from busway.domain.guest_network import DIRECT, DIRECT_PHYSICAL, NORMAL
from busway.domain.ids import ClaimId, PortId
from busway.domain.numa_policy import NumaPolicy
from busway.domain.units import NicFunction

_KINDS = {DIRECT: frozenset({DeviceKind.VF}), DIRECT_PHYSICAL: frozenset({DeviceKind.PF, DeviceKind.PCI})}
_WORDS = {DIRECT: "virtual function", DIRECT_PHYSICAL: "whole network card"}


@dataclass(frozen=True, slots=True)
class NicSpec(AliasSpec):
    """A network card's function of a kind, tagged with a physical network."""

    physical: str = ""
    vnic: str = DIRECT

    def matches(self, device: PciDevice, tags: DeviceTags = NO_TAGS) -> bool:
        """True for a VF (direct) or for a whole card (direct-physical) that is reserved for the physical network."""
        if not device.is_nic or tags.remote_managed or tags.physical_network != self.physical:
            return False
        return device.kind in _KINDS[self.vnic]

    @property
    def example_class(self) -> str:
        """The class code of a device that it could mean."""
        return "020000"

    @property
    def example_tags(self) -> DeviceTags:
        """The tags of a device that it means."""
        return DeviceTags(physical_network=self.physical)

    def describe(self) -> str:
        """The spec in words."""
        return f"{_WORDS[self.vnic]} with physical_network {self.physical}"


@lru_cache(maxsize=1024)
def nic_alias(vnic: str, physical: str) -> Alias:
    """What ports of one type on one physical network ask for; the same object for equal ones, as the scheduler keeps them."""
    kind = DeviceKind.VF if vnic == DIRECT else DeviceKind.PF
    spec = NicSpec(None, None, kind, physical=physical, vnic=vnic)
    return Alias(f"{vnic} port on {physical}", (spec,), NumaPolicy.LEGACY, kind=NicFunction.kind)


def nic_requests(ports: tuple[NicWish, ...], server_policy: NumaPolicy | None) -> tuple[PciRequest, ...]:
    """One request for each SR-IOV port; a port's own NUMA policy goes before that of flavor and image."""
    return tuple(
        PciRequest(nic_alias(wish.vnic, wish.physical), 1, wish.policy or server_policy)
        for wish in ports
        if wish.vnic != NORMAL
    )


def needs_overlay(ports: tuple[NicWish, ...]) -> bool:
    """True when one of the ports is on a network of type geneve."""
    return OVERLAY_WISH in ports


@dataclass(frozen=True, slots=True)
class NicWish:
    """What a placement must know of an SR-IOV port; one of a network of type geneve is `OVERLAY_WISH`."""

    vnic: str
    physical: str
    policy: NumaPolicy | None = None


OVERLAY_WISH = NicWish(NORMAL, "")


def refuse_limited(flavor: Flavor, vnics: Iterable[str]) -> None:
    """Raises `BadInput` for a flavor that limits network cards, and a port that is a function of a card: nothing on the host sees its traffic."""
    direct = next((vnic for vnic in vnics if vnic != NORMAL), None)
    if direct is not None and has_card_limits(flavor.extra_specs):
        raise BadInput(
            f"Flavor {flavor.name} limits network cards (quota:vif_...), and a port of type {direct} can't be limited",
            detail="Its function of a network card belongs to the guest alone: the host sees nothing of its traffic.",
            remedy="Choose a flavor without quota:vif_ extra specs, or ports of type normal.",
            code="vnic-limits",
        )


def pair_ports(ports: Iterable[tuple[PortId, str]], claims: Iterable[tuple[ClaimId, str]]) -> dict[ClaimId, PortId]:
    """Which port each claim serves: those of one alias are alike, so the first port gets the claim with the least id.

    Ports come in their order, with the alias that each asks for; a server's ports and its claims on a host stay the same for
    as long as it is there, and so do the pairs.
    """
    left: dict[str, list[ClaimId]] = {}
    for claim_id, alias in sorted(claims):
        left.setdefault(alias, []).append(claim_id)
    return {left[alias].pop(0): port_id for port_id, alias in ports if left.get(alias)}
