"""Claims as units: what the host is told of each, by the kind of the claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from busway.domain.device import PciDevice
from busway.domain.device_spec import DeviceSpecs
from busway.domain.units import Unit, WholeFunction
from busway.store.claims import Claim


def unit_of(claim: Claim, provider: PciDevice, specs: DeviceSpecs) -> Unit:
    """The unit that a claim holds of the device that provides it."""
    return MAKERS[claim.kind](claim, provider, specs)


def _function(_claim: Claim, device: PciDevice, specs: DeviceSpecs) -> Unit:
    """A whole function; one that travels with a card and that no spec offers is managed."""
    spec = specs.find(device)
    managed = spec is None or spec.tags.managed
    return WholeFunction(device.address, device.vendor_id, device.product_id, managed)


MAKERS: Mapping[str, Callable[[Claim, PciDevice, DeviceSpecs], Unit]] = {WholeFunction.kind: _function}
