"""Whether aliases and device specs catch anything among real devices; the other checks need no host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from busway.domain.alias import Alias
from busway.domain.config_warning import ConfigWarning, Located
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_spec import DeviceSpec, DeviceSpecs
from busway.domain.text import some_of

_EXAMPLES = 3


def check_against_devices(
    aliases: Sequence[Located[Alias]],
    specs: Sequence[Located[tuple[DeviceSpec, ...]]],
    devices: Sequence[PciDevice],
) -> list[ConfigWarning]:
    """Looks for specs that offer nothing and aliases that match nothing that is offered."""
    rules = DeviceSpecs(tuple(spec for value in specs for spec in value.value))
    offers = [(device, rules.find(device)) for device in devices]
    found = [warning for value in specs for warning in _of_specs(value, offers)]
    offered = [(device, spec) for device, spec in offers if spec is not None]
    for value in aliases:
        found.extend(_of_alias(value, offered))
    return found


def _of_specs(
    value: Located[tuple[DeviceSpec, ...]], offers: Sequence[tuple[PciDevice, DeviceSpec | None]]
) -> Iterator[ConfigWarning]:
    for spec in value.value:
        caught = [device for device, found in offers if found is spec]
        if not caught:
            yield value.warn(
                f"It matches none of {len(offers)} devices",
                "Compare it with `busway device list --all`.",
                code="device-spec-catches-nothing",
            )
        wrong = [device for device in caught if device.kind is DeviceKind.VF]
        if wrong and spec.tags.one_time_use:
            yield value.warn(
                f"'one_time_use' is for whole cards; {_names(wrong)} are VFs, for which it has no effect",
                'Restrict the spec with "device_type": "type-PF".',
                code="device-spec-one-time-use-vf",
            )
        cards = [device for device in caught if device.kind is DeviceKind.PF]
        if cards and spec.tags.remote_managed:
            yield value.warn(
                f"'remote_managed' is for VFs; {_names(cards)} are PFs, which no server can get with this key",
                'Restrict the spec to the VFs with "product_id" or "device_type": "type-VF".',
                code="device-spec-remote-managed-pf",
            )


def _of_alias(value: Located[Alias], offered: Sequence[tuple[PciDevice, DeviceSpec]]) -> Iterator[ConfigWarning]:
    alias = value.value
    if any(alias.matches(device, spec.tags) for device, spec in offered):
        return
    [wanted] = alias.specs[:1]
    same = [
        device
        for device, _ in offered
        if (device.vendor_id, device.product_id) == (wanted.vendor_id, wanted.product_id)
    ]
    cards = [device for device in same if device.kind is DeviceKind.PF]
    if wanted.device_type is None and cards:
        yield value.warn(
            f"Alias {alias.describe()} never matches {_names(cards)}: they are PFs, and without a device_type it "
            "matches VFs and plain devices only",
            'Add "device_type": "type-PF" to the alias.',
            code="alias-needs-type-pf",
        )
        return
    others = sorted({device.kind.value for device in same if device.kind is not wanted.device_type})
    if wanted.device_type not in (None, DeviceKind.VF) and others:
        yield value.warn(
            f"Alias {alias.describe()} asks for {wanted.device_type.value}, and {_names(same)} are {' and '.join(others)}: "
            "a card with SR-IOV is type-PF, even with no virtual function enabled",
            f'{others[-1]} would match: write "device_type": "{others[-1]}" in the alias.',
            code="alias-other-type",
        )
        return
    yield value.warn(
        f"Alias {alias.describe()} matches none of {len(offered)} offered devices",
        "Compare its ids and device_type with `busway device list --all`.",
        code="alias-matches-nothing",
    )


def _names(devices: Sequence[PciDevice]) -> str:
    return some_of((device.address for device in devices), _EXAMPLES)
