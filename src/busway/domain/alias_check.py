"""Finds probable mistakes in an alias: accepted, as in Nova, but with a warning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from busway.domain.alias import Alias, AliasSpec
from busway.domain.config_warning import ConfigWarning, Located
from busway.domain.device import DeviceKind
from busway.domain.device_spec import DeviceSpec
from busway.domain.device_tags import DeviceTags
from busway.domain.json_text import load_json, repeated_keys

LocatedAlias = Located[Alias]
_DEFAULT_CLASS = "CUSTOM_PCI_"


def check_aliases(
    values: Sequence[LocatedAlias], specs: Sequence[DeviceSpec], *, placement: bool = False
) -> list[ConfigWarning]:
    """Looks at all occurrences of `[pci] alias` and whether any device spec could offer what they ask for."""
    found: list[ConfigWarning] = []
    for number, value in enumerate(values):
        found.extend(_of_text(value, placement))
        for earlier in values[:number]:
            if earlier.value == value.value:
                meaning = f"Alias {value.value.name} says the same as {earlier.place}"
                found.append(value.warn(meaning, "Remove one of the two.", code="alias-repeated"))
                break
        if specs and not any(could_offer(spec, value.value.specs[0]) for spec in specs):
            found.append(
                value.warn(
                    f"No device_spec offers what alias {value.value.describe()} asks for",
                    "Add a device_spec with these ids, or correct the ids.",
                    code="alias-unoffered",
                )
            )
    return found


def could_offer(spec: DeviceSpec, wanted: AliasSpec) -> bool:
    """True unless no device can both be named by a device spec and be what an alias asks for."""
    if spec.tags.remote_managed:
        return False
    ids = ((spec.vendor_id, wanted.vendor_id), (spec.product_id, wanted.product_id))
    if any(None not in pair and pair[0] != pair[1] for pair in ids):
        return False
    if wanted.device_type is None and spec.device_type is DeviceKind.PF:
        return False
    if None not in (wanted.device_type, spec.device_type) and wanted.device_type is not spec.device_type:
        return False
    if wanted.live_migratable not in (None, spec.tags.live_migratable):
        return False
    return wanted.resource_class is None or _could_be_of_class(spec.tags, wanted, wanted.resource_class)


def _could_be_of_class(tags: DeviceTags, wanted: AliasSpec, wanted_class: str) -> bool:
    if tags.physical_network is not None:
        return False
    same = tags.resource_class == wanted_class if tags.resource_class else wanted_class.startswith(_DEFAULT_CLASS)
    customs = {trait for trait in wanted.traits if trait.startswith("CUSTOM_")}
    return same and customs <= tags.traits


def _of_text(value: LocatedAlias, placement: bool) -> Iterator[ConfigWarning]:
    name = value.value.name
    for key in repeated_keys(value.text):
        yield value.warn(f"'{key}' occurs twice in one object; the last one applies", "Keep one.", code="repeated-key")
    if ":" in name or "," in name:
        yield value.warn(
            f"No flavor can request alias {name}: ':' and ',' separate names and counts",
            "Choose a name without them.",
            code="alias-name-unusable",
        )
    data = load_json(value.text)
    keys = data if isinstance(data, dict) else {}
    if "capability_type" in keys:
        yield value.warn(
            f"'capability_type' of alias {name} is ignored; in Nova an alias that has it matches no device",
            "Remove it.",
            code="alias-capability-type",
        )
    unused = [key for key in ("resource_class", "traits") if key in keys]
    if unused and not placement:
        yield value.warn(
            f"{' and '.join(unused)} of alias {name} apply only with [filter_scheduler] pci_in_placement = true",
            f"Set that option, or remove {' and '.join(unused)}.",
            code="alias-class-unused",
        )
