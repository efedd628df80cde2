"""The units in a host's document, made from claims, by the kind of the claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from busway.domain.device_spec import DeviceSpecs
from busway.domain.fabric import fabric_of
from busway.domain.units import FabricPartition, Mdev, Unit, VgpuFunction, WholeFunction
from busway.domain.units.fabric import read_partition
from busway.domain.units.mdev import read_unit
from busway.store.claims import Claim
from busway.store.providers import Provider


def unit_of(claim: Claim, provider: Provider, specs: DeviceSpecs) -> Unit:
    """The unit that a claim holds of the device that provides it."""
    return MAKERS[claim.kind](claim, provider, specs)


def _function(_claim: Claim, provider: Provider, specs: DeviceSpecs) -> Unit:
    """A whole function; one that travels with a card and that no spec offers is managed."""
    device = provider.device
    assert device is not None
    spec = specs.find(device)
    managed = spec is None or spec.tags.managed
    return WholeFunction(device.address, device.vendor_id, device.product_id, managed)


def _mdev(claim: Claim, provider: Provider, _specs: DeviceSpecs) -> Unit:
    """An instance whose UUID is the claim's id: unlike any other, and known before it is made."""
    instance = read_unit(claim.unit)
    return Mdev(provider.name, instance.type_id, claim.id, instance.vgpu.start if instance.vgpu else None)


def _vgpu(claim: Claim, provider: Provider, _specs: DeviceSpecs) -> Unit:
    """A virtual function, and what it must become."""
    device, instance = provider.device, read_unit(claim.unit)
    assert device is not None
    start = instance.vgpu.start if instance.vgpu else None
    return VgpuFunction(device.address, device.vendor_id, device.product_id, instance.type_id, start)


def _fabric(claim: Claim, provider: Provider, _specs: DeviceSpecs) -> Unit:
    """A partition with the GPUs that it joins, as its host told of it; none, and so never activated, if it does so no more."""
    number = read_partition(claim.unit)
    assert number is not None
    known = fabric_of(provider.parent).partitions if provider.parent is not None else ()
    return next((each for each in known if each.number == number), FabricPartition(number))


MAKERS: Mapping[str, Callable[[Claim, Provider, DeviceSpecs], Unit]] = {
    WholeFunction.kind: _function,
    Mdev.kind: _mdev,
    VgpuFunction.kind: _vgpu,
    FabricPartition.kind: _fabric,
}
