"""Finds probable mistakes in a device spec: accepted, as in Nova, but with a warning.

Each rule looks at one spec, or at one spec and those before it; none needs to know any host.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence

from busway.domain.address_match import MAXIMA, AddressRegex, digits_of, matched_values
from busway.domain.boolean import parse_boolean
from busway.domain.config_warning import ConfigWarning, Located
from busway.domain.device_spec import PLACE_KEYS, TAG_KEYS, DeviceSpec
from busway.domain.json_text import load_json, repeated_keys
from busway.domain.text import some_of

LocatedSpecs = Located[tuple[DeviceSpec, ...]]
_EXAMPLES = 3

_COUNTED_NAME = re.compile(r"(eth|ib|wlan|usb)[0-9]+", re.ASCII)


def check_device_specs(values: Sequence[LocatedSpecs]) -> list[ConfigWarning]:
    """Looks at all values of `[pci] device_spec` in their order."""
    found: list[ConfigWarning] = []
    before: list[tuple[LocatedSpecs, DeviceSpec]] = []
    for value in values:
        found.extend(_of_text(value))
        for spec in value.value:
            found.extend(_of_spec(value, spec))
            found.extend(_of_order(value, spec, before))
            before.append((value, spec))
    return found


def _of_text(value: LocatedSpecs) -> Iterator[ConfigWarning]:
    if not value.value:
        yield value.warn(
            "The list is empty: it offers no device", "Remove the line, or add an object.", code="device-spec-empty"
        )
    for key in repeated_keys(value.text):
        yield value.warn(f"'{key}' occurs twice in one object; the last one applies", "Keep one.", code="repeated-key")
    data = load_json(value.text)
    for entry in data if isinstance(data, list) else [data]:
        if isinstance(entry, dict):
            yield from _of_entry(value, entry)


def _of_entry(value: LocatedSpecs, entry: dict[str, object]) -> Iterator[ConfigWarning]:
    known = (*PLACE_KEYS, *TAG_KEYS)
    for key in sorted(set(entry) - set(known)):
        near = difflib.get_close_matches(key.lower(), known, n=1)
        yield value.warn(
            f"'{key}' is not a key of a device spec: it is kept as a tag and does not restrict the match",
            f"Did you mean '{near[0]}'?" if near else "Remove it unless you use the tag.",
            code="device-spec-unknown-key",
        )
    for key in ("trusted", "remote_managed"):
        if entry.get(key) is not None and parse_boolean(entry[key]) is None:
            yield value.warn(
                f"'{key}': {json.dumps(entry[key])} is not a boolean, and counts as no",
                f'Write "{key}": "true" or "false".',
                code="device-spec-boolean",
            )
    address = entry.get("address")
    if isinstance(address, dict):
        for key in sorted(set(address) - set(MAXIMA)):
            near = difflib.get_close_matches(key.lower(), MAXIMA, n=1)
            yield value.warn(
                f"'{key}' is not a field of an address: it is ignored, and any {near[0] if near else 'address'} "
                "matches",
                f"Did you mean '{near[0]}'?" if near else f"The fields are {', '.join(MAXIMA)}.",
                code="device-spec-address-key",
            )


def _of_spec(value: LocatedSpecs, spec: DeviceSpec) -> Iterator[ConfigWarning]:
    if spec.devname is not None and _COUNTED_NAME.fullmatch(spec.devname):
        yield value.warn(
            f"'devname': {spec.devname} is a name that the kernel may give to another card at the next start",
            "Write the card's address, or a name that tells its place, such as enp129s0f0.",
            code="device-spec-devname",
        )
    elif (
        spec.devname is None
        and spec.address.is_any
        and (spec.vendor_id, spec.product_id, spec.device_type) == (None, None, None)
    ):
        yield value.warn(
            "It offers every PCI device of every host, disk and network controllers included",
            'Restrict it by "vendor_id" and "product_id", or by "address".',
            code="device-spec-matches-all",
        )
    if isinstance(spec.address, AddressRegex):
        yield from _of_regex(value, spec.address)


def _of_regex(value: LocatedSpecs, address: AddressRegex) -> Iterator[ConfigWarning]:
    for field in MAXIMA:
        pattern = getattr(address, field)
        matched = [digits_of(field, number) for number in sorted(matched_values(field, pattern))]
        loose = [digits for digits in matched if not pattern.fullmatch(digits)]
        if not matched:
            yield value.warn(
                f"No {field} matches '{pattern.pattern}', so the spec offers nothing",
                f"A {field} is written like {digits_of(field, MAXIMA[field])}: lower case, all digits.",
                code="device-spec-regex-never",
            )
        elif loose:
            yield value.warn(
                f"The {field} '{pattern.pattern}' matches from the start only: also {some_of(loose, _EXAMPLES)}",
                f"End it with $ to mean exactly that: '{pattern.pattern}$'.",
                code="device-spec-regex-loose",
            )


def _of_order(
    value: LocatedSpecs, spec: DeviceSpec, before: Sequence[tuple[LocatedSpecs, DeviceSpec]]
) -> Iterator[ConfigWarning]:
    for other, earlier in before:
        if not covers(earlier, spec):
            continue
        lesser = spec.address.is_concrete and not (earlier.address.is_any or earlier.address == spec.address)
        taker = f"{other.place}" if other is not value else "an earlier object of the same value"
        what = f"{spec.address} (not its VFs at other addresses)" if lesser else "every device that it names"
        lost = "; its tags never count" if spec.tags != earlier.tags else ""
        yield value.warn(
            f"The first match applies, and {taker} takes {what}{lost}",
            "Put the narrower spec first, or remove one of the two.",
            code="device-spec-shadowed",
        )
        return


def covers(earlier: DeviceSpec, later: DeviceSpec) -> bool:
    """True when every device that `later` names, VFs of a named PF aside, is one that `earlier` names."""
    if earlier.devname is not None or later.devname is not None:
        return False
    if not all(later.address.values(field) for field in MAXIMA):
        return False
    pairs = (
        (earlier.vendor_id, later.vendor_id),
        (earlier.product_id, later.product_id),
        (earlier.device_type, later.device_type),
    )
    if any(one is not None and one != other for one, other in pairs):
        return False
    if earlier.address.is_any or earlier.address == later.address:
        return True
    return all(later.address.values(field) <= earlier.address.values(field) for field in MAXIMA)
