"""What a flavor asks for by resource class: `resources:VGPU=1`, `resources1:VGPU=1`, `group_policy=isolate`, as in Nova.

Only classes of devices are read here: VGPU and those that begin with CUSTOM_. What a flavor says of the others (VCPU,
MEMORY_MB, DISK_GB ...) is Nova's way to leave those out of Placement, and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from busway.domain.errors import InvalidExtraSpec
from busway.domain.numa_policy import NUMA_POLICY_EXTRA_SPEC, NumaPolicy
from busway.domain.units.mdev import Mdev
from busway.domain.units.render import RenderShare
from busway.domain.virgl import VIRGL_CLASS

MAX_COUNT, MAX_GROUPS = 64, 16
GROUP_POLICY = "group_policy"
_KEY = re.compile(r"resources(?P<suffix>[A-Za-z0-9_-]{0,64}):(?P<name>.*)")
_TRAIT = re.compile(r"trait[A-Za-z0-9_-]{1,64}:.*")
_CLASS = re.compile(r"VGPU|CUSTOM_[A-Z0-9_]+")


class GroupRule(StrEnum):
    """Whether groups of a request may come from one parent."""

    NONE = "none"
    ISOLATE = "isolate"


@dataclass(frozen=True, slots=True)
class ResourceRequest:
    """`count` of a class from one parent; groups with a `suffix` may be asked to come from parents of their own."""

    resource_class: str
    count: int
    suffix: str = ""
    kind: str = Mdev.kind

    def __str__(self) -> str:
        return f"{self.count} {self.resource_class}"


@dataclass(frozen=True, slots=True)
class ResourceRequests:
    """All that a flavor asks for by class."""

    groups: tuple[ResourceRequest, ...] = ()
    rule: GroupRule = GroupRule.NONE


NO_RESOURCES = ResourceRequests()


def parse_resources(specs: Mapping[str, str]) -> ResourceRequests:
    """Reads a flavor's extra specs; raises `InvalidExtraSpec`."""
    groups = tuple(sorted(_groups(specs), key=lambda each: (each.suffix, each.resource_class)))
    if len(groups) > MAX_GROUPS:
        raise InvalidExtraSpec(f"{len(groups)} groups of resources", remedy=f"Request at most {MAX_GROUPS}.")
    _check_shares(groups)
    suffixes = [each.suffix for each in groups if each.suffix]
    twice = next((suffix for suffix in suffixes if suffixes.count(suffix) > 1), None)
    if twice is not None:
        raise InvalidExtraSpec(
            f"The group '{twice}' requests two resource classes of devices",
            detail="A group comes from one device, and a device provides one class.",
            remedy="Use a separate group for each class: resources1:..., resources2:...",
        )
    return ResourceRequests(groups, _rule(specs))


def check_resources(specs: Mapping[str, str], policy: str | None = None) -> ResourceRequests:
    """Reads the requests of resources, and refuses any that asks for more of an instance than its class.

    `policy` is the NUMA policy of an image; the flavor's is among its specs.
    """
    found = parse_resources(specs)
    if found.groups:
        _refuse_unserved(specs, specs.get(NUMA_POLICY_EXTRA_SPEC) or policy)
    return found


def _refuse_unserved(specs: Mapping[str, str], policy: str | None) -> None:
    trait = next((key for key in specs if _TRAIT.fullmatch(key)), None)
    if trait is not None:
        raise InvalidExtraSpec(
            f"{trait} is asked of mediated devices, which have no traits here",
            detail="Devices of one class are alike for the placer.",
            remedy="Give the type a class of its own (mdev_class = CUSTOM_...) and ask for that.",
        )
    if policy in (NumaPolicy.REQUIRED, NumaPolicy.SOCKET):
        raise InvalidExtraSpec(
            f"The PCI NUMA policy {policy} can't be promised of mediated devices",
            detail="One near to the guest's NUMA cells is chosen where there is one; a host without one is not refused.",
            remedy=f"Set {NUMA_POLICY_EXTRA_SPEC}=preferred on the flavor, or leave it out.",
        )


def _groups(specs: Mapping[str, str]) -> Iterator[ResourceRequest]:
    for key, value in specs.items():
        match = _KEY.fullmatch(key)
        if match is None or not _CLASS.fullmatch(match["name"]):
            continue
        if not re.fullmatch(r"[0-9]{1,9}", value, re.ASCII) or not 1 <= int(value) <= MAX_COUNT:
            raise InvalidExtraSpec(f"{key} is '{value}'", remedy=f"Write a number from 1 to {MAX_COUNT}.")
        kind = RenderShare.kind if match["name"] == VIRGL_CLASS else Mdev.kind
        yield ResourceRequest(match["name"], int(value), match["suffix"], kind)


def _check_shares(groups: tuple[ResourceRequest, ...]) -> None:
    count = sum(each.count for each in groups if each.kind == RenderShare.kind)
    if count > 1:
        raise InvalidExtraSpec(
            f"{count} of {VIRGL_CLASS} are requested",
            detail="A guest has one virtio GPU, and that takes one share of a render node.",
            remedy=f"Request one: resources:{VIRGL_CLASS}=1",
        )


def _rule(specs: Mapping[str, str]) -> GroupRule:
    value = specs.get(GROUP_POLICY, GroupRule.NONE.value)
    if value not in set(GroupRule):
        raise InvalidExtraSpec(f"{GROUP_POLICY} is '{value}'", remedy=f"Write {' or '.join(GroupRule)}.")
    return GroupRule(value)
