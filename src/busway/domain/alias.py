"""`[pci] alias`: the operator's name for a kind of device, and the flavor's request that uses it.

The language is Nova's: each alias is one JSON object; repeating a name ORs its specs. A flavor asks with
`pci_passthrough:alias = name:count[,name:count…]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from busway.domain.boolean import BOOLEAN_WORDS, parse_boolean
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_tags import NO_TAGS, DeviceTags
from busway.domain.errors import BadInput, InvalidAlias, InvalidExtraSpec
from busway.domain.json_text import NotJson, json_word, load_json
from busway.domain.numa_policy import NumaPolicy, numa_policy_of
from busway.domain.resource_class import default_resource_class, resource_class_name, too_long, trait_names
from busway.domain.units import WholeFunction
from busway.domain.within import WITHIN_EXTRA_SPEC, Within, parse_within

ALIAS_EXTRA_SPEC = "pci_passthrough:alias"
ALIAS_KEYS = (
    "name",
    "vendor_id",
    "product_id",
    "device_type",
    "numa_policy",
    "live_migratable",
    "resource_class",
    "traits",
    "capability_type",
    "link",
)

NVLINK = "nvlink"
_HEX4 = re.compile(r"[0-9a-fA-F]{4}")
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class AliasSpec:
    """One JSON object of an alias: what a device and its device spec must say.

    `None` asks for nothing. `resource_class` is set only where classes and traits count, which Nova decides with
    `[filter_scheduler] pci_in_placement`; then a device of another class, or one that a device spec reserves for a
    physical network, does not match.
    """

    vendor_id: str | None
    product_id: str | None
    device_type: DeviceKind | None = None
    live_migratable: bool | None = None
    resource_class: str | None = None
    traits: frozenset[str] = frozenset()

    def matches(self, device: PciDevice, tags: DeviceTags = NO_TAGS) -> bool:
        """True when a device is what the spec asks for; `tags` are those of the device spec that offers it.

        Without a device_type Nova gives anything but a PF: an SR-IOV capable GPU needs `type-PF` said.
        """
        if self.vendor_id not in (None, device.vendor_id) or self.product_id not in (None, device.product_id):
            return False
        if device.kind is not self.device_type and (self.device_type or device.kind is DeviceKind.PF):
            return False
        if tags.remote_managed or self.live_migratable not in (None, tags.live_migratable):
            return False
        return self.resource_class is None or self._matches_class(device, tags)

    def _matches_class(self, device: PciDevice, tags: DeviceTags) -> bool:
        if tags.physical_network is not None or tags.class_of(device) != self.resource_class:
            return False
        return self.traits <= tags.traits_of(device)

    @property
    def example_class(self) -> str:
        """The class code of a device that it could mean."""
        return "038000"

    @property
    def example_tags(self) -> DeviceTags:
        """The tags of a device that it means."""
        return DeviceTags(resource_class=self.resource_class, traits=self.traits, live_migratable=self.live_migratable)

    def describe(self) -> str:
        """The spec in words: "10de:2330 type-PF"."""
        ids = f"{self.vendor_id}:{self.product_id}" if self.vendor_id and self.product_id else self.resource_class
        words = [str(ids), *([self.device_type] if self.device_type else [])]
        if self.live_migratable is not None:
            words.append("live migratable" if self.live_migratable else "not live migratable")
        return " ".join([*words, *sorted(self.traits)])


@dataclass(frozen=True, slots=True)
class Alias:
    """A named kind of device; a device matches when any of its specs does.

    With a `link`, which is Busway's own key, the devices of a request must be joined by it: exactly those of a partition.
    """

    name: str
    specs: tuple[AliasSpec, ...]
    numa_policy: NumaPolicy = NumaPolicy.LEGACY
    link: str | None = None
    kind: str = WholeFunction.kind

    def matches(self, device: PciDevice, tags: DeviceTags = NO_TAGS) -> bool:
        """True when any spec of the alias matches the device with the tags of its device spec."""
        return any(spec.matches(device, tags) for spec in self.specs)

    def describe(self) -> str:
        """The alias in words for messages: "a1 (1234:1111)"."""
        return f"{self.name} ({' or '.join(spec.describe() for spec in self.specs)})"


Aliases = Mapping[str, Alias]


@dataclass(frozen=True, slots=True)
class PciRequest:
    """A user's need: `count` devices of one alias, all on one host; each is a unit of the alias's kind.

    `server_policy` is the NUMA policy that the server's flavor or image asks for; it goes before the alias's.
    `within` is the part of a host that must hold the devices of all requests of the server.
    """

    alias: Alias
    count: int
    server_policy: NumaPolicy | None = None
    within: Within | None = None

    @property
    def kind(self) -> str:
        """The kind of resource that it is."""
        return self.alias.kind

    def describe(self) -> str:
        """The request in words: "2 of alias a1 (10de:2330)"; one of a port has no alias that its user knows."""
        if self.kind != WholeFunction.kind:
            return f"{self.count} {self.alias.specs[0].describe()}"
        return f"{self.count} of alias {self.alias.describe()}"

    @property
    def numa_policy(self) -> NumaPolicy:
        """The policy that counts."""
        return self.server_policy or self.alias.numa_policy


def parse_aliases(texts: Iterable[str], *, placement: bool = False) -> dict[str, Alias]:
    """Reads all occurrences of `[pci] alias`; raises `InvalidAlias` naming the text and the rule that it breaks."""
    aliases: dict[str, Alias] = {}
    for text in texts:
        add_alias(aliases, text, placement=placement)
    return aliases


def add_alias(aliases: dict[str, Alias], text: str, *, placement: bool = False) -> Alias:
    """Reads one more occurrence into `aliases`, which stay as they are when it is invalid; returns it alone."""
    alias = parse_alias(text, placement=placement)
    known = aliases.get(alias.name)
    aliases[alias.name] = alias if known is None else _merged(known, alias, text)
    return alias


def parse_alias(text: str, *, placement: bool = False) -> Alias:
    """Reads one JSON object of `[pci] alias`; with `placement`, resource class and traits count."""
    data = _object(text)
    return Alias(
        name=_name(text, data),
        specs=(_alias_spec(text, data, placement),),
        numa_policy=NumaPolicy(_one_of(text, data, "numa_policy", tuple(NumaPolicy)) or NumaPolicy.LEGACY),
        link=_one_of(text, data, "link", (NVLINK,)),
    )


def parse_requests(
    extra_specs: Mapping[str, str], aliases: Aliases, image_properties: Mapping[str, str] | None = None
) -> tuple[PciRequest, ...]:
    """Turns a flavor's `pci_passthrough:alias` into requests, with the NUMA policy of flavor or image.

    Errors: `InvalidExtraSpec`, `BadInput` for a name or the image's word, `Forbidden` when flavor and image disagree.
    """
    policy = numa_policy_of(extra_specs, image_properties or {})
    value = extra_specs.get(ALIAS_EXTRA_SPEC)
    within = parse_within(extra_specs[WITHIN_EXTRA_SPEC]) if WITHIN_EXTRA_SPEC in extra_specs else None
    if value is None:
        if within is not None:
            raise InvalidExtraSpec(
                f"{WITHIN_EXTRA_SPEC}={within} is set, and {ALIAS_EXTRA_SPEC} is not",
                remedy=f"Set {ALIAS_EXTRA_SPEC} too, or remove {WITHIN_EXTRA_SPEC}.",
            )
        return ()
    found = tuple(PciRequest(_find(name, aliases), count, policy, within) for name, count in parse_alias_counts(value))
    linked = [request.alias.name for request in found if request.alias.link is not None]
    if len(linked) > 1:
        raise InvalidExtraSpec(
            f"{ALIAS_EXTRA_SPEC}={value} asks for GPUs of several partitions: {', '.join(linked)}",
            detail="A guest has one partition of its host's NVLink fabric.",
            remedy="Ask for all of its GPUs by one alias with link=nvlink.",
        )
    return found


def parse_alias_counts(value: str) -> list[tuple[str, int]]:
    """Reads "a1:1,b2:2"; raises `InvalidExtraSpec` for anything else, a count below one included."""
    pairs = []
    for part in value.split(","):
        name, colon, count = (piece.strip() for piece in part.partition(":"))
        if not colon or not name or not _COUNT.fullmatch(count) or int(count) < 1:
            raise InvalidExtraSpec(
                f"'{part.strip()}' in {ALIAS_EXTRA_SPEC}={value} is not alias:count",
                detail="The count must be a whole number of at least 1.",
                remedy=f"Set it like {ALIAS_EXTRA_SPEC}=a1:1, or a1:2,b1:1 for several.",
            )
        pairs.append((name, int(count)))
    return pairs


def _find(name: str, aliases: Aliases) -> Alias:
    alias = aliases.get(name)
    if alias is None:
        known = ", ".join(sorted(aliases)) or "none"
        raise BadInput(
            f"PCI alias {name} is not defined",
            detail=f"Defined aliases: {known}.",
            remedy="Ask your operator to define it (`busway alias create`, or `alias = …` under [pci]), or use one "
            "of the defined names.",
            code="alias-not-defined",
        )
    return alias


def _object(text: str) -> dict[str, object]:
    try:
        data = load_json(text)
    except NotJson as error:
        raise _invalid(text, str(error)) from error
    if not isinstance(data, dict):
        raise _invalid(text, f"It must be one JSON object, not a {json_word(data)}; repeat the option for more")
    unknown = sorted(set(data) - set(ALIAS_KEYS))
    if unknown:
        raise _invalid(text, f"Unknown key {', '.join(unknown)}; it may have {', '.join(ALIAS_KEYS)}")
    return data


def _name(text: str, data: Mapping[str, object]) -> str:
    name = data.get("name")
    if not isinstance(name, str) or len(name) > 256 or not name.strip():
        raise _invalid(text, "'name' is required: a string of 1 to 256 characters")
    return name.strip()


def _alias_spec(text: str, data: Mapping[str, object], placement: bool) -> AliasSpec:
    vendor_id, product_id = _hex4(text, data, "vendor_id"), _hex4(text, data, "product_id")
    device_type = _one_of(text, data, "device_type", tuple(DeviceKind))
    _one_of(text, data, "capability_type", ("pci",))
    named = _text(text, data, "resource_class")
    resource_class, traits = None, trait_names(_text(text, data, "traits") or "")
    if placement and named:
        resource_class = resource_class_name(named)
    elif vendor_id is None or product_id is None:
        either = ", or 'resource_class'" if placement else ""
        raise _invalid(text, f"'vendor_id' and 'product_id' are required{either}")
    elif placement:
        resource_class = default_resource_class(vendor_id, product_id)
    if (long := too_long([*traits, resource_class or ""])) is not None:
        raise _invalid(text, f"'{long[:40]}…' is longer than the 255 characters of a class or trait")
    return AliasSpec(
        vendor_id,
        product_id,
        DeviceKind(device_type) if device_type else None,
        _boolean(text, data, "live_migratable"),
        resource_class,
        traits if placement else frozenset(),
    )


def _merged(known: Alias, more: Alias, text: str) -> Alias:
    if known.numa_policy != more.numa_policy:
        raise _invalid(text, f"NUMA policy mismatch for alias {more.name}: {known.numa_policy} and {more.numa_policy}")
    if known.link != more.link:
        raise _invalid(text, f"Link mismatch for alias {more.name}: {known.link or 'none'} and {more.link or 'none'}")
    types = [alias.specs[0].device_type or "none" for alias in (known, more)]
    if types[0] != types[1]:
        raise _invalid(text, f"Device type mismatch for alias {more.name}: {types[0]} and {types[1]}")
    return Alias(known.name, known.specs + more.specs, known.numa_policy, known.link)


def _hex4(text: str, data: Mapping[str, object], key: str) -> str | None:
    value = data.get(key)
    if key not in data:
        return None
    if not isinstance(value, str) or not _HEX4.fullmatch(value):
        raise _invalid(text, f"'{key}' must be exactly four hex digits such as 10de, without 0x")
    return value.lower()


def _text(text: str, data: Mapping[str, object], key: str) -> str | None:
    value = data.get(key)
    if key in data and not isinstance(value, str):
        raise _invalid(text, f"'{key}' must be a string, not {json.dumps(value)}")
    return str(value) if key in data else None


def _boolean(text: str, data: Mapping[str, object], key: str) -> bool | None:
    if key not in data:
        return None
    value = data[key]
    answer = parse_boolean(value) if isinstance(value, str) else None
    if answer is None:
        raise _invalid(text, f"'{key}' must be a string, one of {BOOLEAN_WORDS}, not {json.dumps(value)}")
    return answer


def _one_of(text: str, data: Mapping[str, object], key: str, choices: tuple[str, ...]) -> str | None:
    value = data.get(key)
    if key not in data:
        return None
    if value not in choices:
        raise _invalid(text, f"'{key}' must be one of {', '.join(choices)}, not {json.dumps(value)}")
    return str(value)


def _invalid(text: str, reason: str) -> InvalidAlias:
    return InvalidAlias(
        f"Invalid PCI alias definition: {reason}",
        detail=f"In: alias = {text}",
        remedy='Write it like alias = {"vendor_id": "10de", "product_id": "2330", "device_type": "type-PF", "name": "h100"}.',
    )
