"""The units in a host's document, made from claims, by the kind of the claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from busway.domain.device_spec import DeviceSpecs
from busway.domain.fabric import fabric_of
from busway.domain.guest_network import DIRECT
from busway.domain.network import Port
from busway.domain.units import FabricPartition, Mdev, NicFunction, RenderShare, Unit, VgpuFunction, WholeFunction
from busway.domain.units.fabric import read_partition
from busway.domain.units.mdev import read_unit
from busway.store.claims import Claim
from busway.store.providers import Provider


def unit_of(claim: Claim, provider: Provider, specs: DeviceSpecs, port: Port | None = None) -> Unit:
    """The unit that a claim holds of the device that provides it; `port` is that of a network, for the kind `nic`."""
    return MAKERS[claim.kind](claim, provider, specs, port)


def _function(_claim: Claim, provider: Provider, specs: DeviceSpecs, _port: Port | None) -> Unit:
    """A whole function; one that travels with a card and that no spec offers is managed."""
    device = provider.device
    assert device is not None
    spec = specs.find(device)
    managed = spec is None or spec.tags.managed
    return WholeFunction(device.address, device.vendor_id, device.product_id, managed)


def _nic(_claim: Claim, provider: Provider, specs: DeviceSpecs, port: Port | None) -> Unit:
    """A network card's function with what it must be for its port."""
    device = provider.device
    assert device is not None
    spec = specs.find(device)
    managed = spec is None or spec.tags.managed
    known = (device.address, device.vendor_id, device.product_id, managed)
    if port is None:  # the port is gone, and the server goes with it
        return NicFunction(*known)
    vlan = port.network.vlan if port.vnic == DIRECT else 0
    return NicFunction(*known, port.vnic, port.guest_mac, vlan)


def _mdev(claim: Claim, provider: Provider, _specs: DeviceSpecs, _port: Port | None) -> Unit:
    """An instance whose UUID is the claim's id: unlike any other, and known before it is made."""
    instance = read_unit(claim.unit)
    return Mdev(provider.name, instance.type_id, claim.id, instance.vgpu.start if instance.vgpu else None)


def _vgpu(claim: Claim, provider: Provider, _specs: DeviceSpecs, _port: Port | None) -> Unit:
    """A virtual function, and what it must become."""
    device, instance = provider.device, read_unit(claim.unit)
    assert device is not None
    start = instance.vgpu.start if instance.vgpu else None
    return VgpuFunction(device.address, device.vendor_id, device.product_id, instance.type_id, start)


def _fabric(claim: Claim, provider: Provider, _specs: DeviceSpecs, _port: Port | None) -> Unit:
    """A partition with the GPUs that its host last reported for it; without GPUs, and so never activated, if it reports it no more."""
    number = read_partition(claim.unit)
    assert number is not None
    known = fabric_of(provider.parent).partitions if provider.parent is not None else ()
    return next((each for each in known if each.number == number), FabricPartition(number))


def _render(claim: Claim, provider: Provider, _specs: DeviceSpecs, _port: Port | None) -> Unit:
    """A share of a render node, called as its claim is."""
    return RenderShare(provider.name, claim.id)


MAKERS: Mapping[str, Callable[[Claim, Provider, DeviceSpecs, Port | None], Unit]] = {
    WholeFunction.kind: _function,
    Mdev.kind: _mdev,
    VgpuFunction.kind: _vgpu,
    FabricPartition.kind: _fabric,
    NicFunction.kind: _nic,
    RenderShare.kind: _render,
}
