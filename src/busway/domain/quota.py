"""Quotas of a project, and of a user in it: how much of what they may have, and the refusal when a request goes over.

Beside Nova's resources there is one for each alias of devices, `pci_passthrough:ALIAS`, and for each resource class
of parts of devices, `resources:CLASS`; -1 means no limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from busway.domain.alias import ALIAS_EXTRA_SPEC, parse_alias_counts
from busway.domain.errors import BadInput, InvalidExtraSpec, OverQuota
from busway.domain.flavor import Flavor
from busway.domain.requests import GivenFile
from busway.domain.resource_request import parse_resources
from busway.domain.user_data import decode_base64

UNLIMITED = -1
OF_SERVERS = ("instances", "cores", "ram", "disk")
OF_IMAGES = ("image_size_total", "image_stage_total", "image_count_total", "image_count_uploading")
# The limits of networks. Source: Neutron's defaults.
OF_NETWORKS: Mapping[str, int] = {
    "network": 100,
    "subnet": 100,
    "port": 500,
    "security_group": 10,
    "security_group_rule": 100,
    "router": 10,
    "floatingip": 50,
    "trunk": UNLIMITED,  # each needs a port of its own
}
# The limits of a new cloud: Nova's own; Glance has none unless Keystone is told some, so those of images are Busway's.
DEFAULTS: Mapping[str, int] = {
    "instances": 10,
    "cores": 20,
    "ram": 51_200,  # MiB
    "disk": UNLIMITED,  # GB: Nova limits it by unified limits alone
    "key_pairs": 100,
    "metadata_items": 128,
    "injected_files": 5,
    "injected_file_content_bytes": 10_240,
    "injected_file_path_bytes": 255,
    "server_groups": 10,
    "server_group_members": 10,
    "image_size_total": 102_400,  # MiB
    "image_stage_total": 102_400,  # MiB
    "image_count_total": 100,
    "image_count_uploading": 4,
}
RESOURCES = tuple(DEFAULTS)
DEVICES = "pci_passthrough:"
CLASSES = "resources:"
_SHARING = "The limits of a project's users are at most the project's: together where amounts add up, otherwise each."
_SUMS = frozenset(
    {*OF_SERVERS, *OF_NETWORKS, "server_groups", "image_size_total", "image_stage_total", "image_count_total"}
)


@dataclass(frozen=True, slots=True)
class Usage:
    """Amounts by resource."""

    amounts: Mapping[str, int] = field(default_factory=dict)

    def of(self, resource: str) -> int:
        """The amount of one resource, 0 where there is none."""
        return self.amounts.get(resource, 0)

    def __add__(self, other: Usage) -> Usage:
        total = Counter(self.amounts)
        total.update(other.amounts)
        return Usage(dict(total))

    def __sub__(self, other: Usage) -> Usage:
        total = Counter(self.amounts)
        total.subtract(other.amounts)
        return Usage(dict(total))


def adds_up(resource: str) -> bool:
    """True where what the projects of a domain have of a resource is a sum, so that a domain can have a limit of it.

    It is none for what one server, one user, one group or one moment has.
    """
    return resource in _SUMS or resource.startswith((DEVICES, CLASSES))


def usage_of(flavors: Iterable[Flavor]) -> Usage:
    """What servers of these flavors take up together."""
    total: Counter[str] = Counter()
    for flavor in flavors:
        total.update({"instances": 1, "cores": flavor.vcpus, "ram": flavor.ram_mb})
        if flavor.local_gb:
            total["disk"] += flavor.local_gb
        for alias, count in _devices(flavor):
            total[f"{DEVICES}{alias}"] += count
        for name, count in _resources(flavor):
            total[f"{CLASSES}{name}"] += count
    return Usage(dict(total))


def usage_of_files(files: Iterable[GivenFile]) -> Usage:
    """What the files of one request are counted as: their number, the longest path and the largest content, in bytes."""
    several = list(files)
    if not several:
        return Usage()
    sizes = {
        "injected_files": len(several),
        "injected_file_path_bytes": max(len(each.path.encode()) for each in several),
        "injected_file_content_bytes": max(len(decode_base64(each.contents, "personality")) for each in several),
    }
    return Usage(sizes)


def may_be_of_user(resource: str) -> bool:
    """True where a user can have a limit in a project: images and networks belong to the project as a whole.

    Source: Nova, which has none of addresses and networks (`PER_PROJECT_QUOTAS`).
    """
    return resource not in OF_IMAGES and resource not in OF_NETWORKS


def over_limits(limits: Mapping[str, int], used: Usage, wanted: Usage) -> list[str]:
    """Returns the resources of which there would be more than their limits."""
    return [
        name
        for name, amount in wanted.amounts.items()
        if amount > 0 and 0 <= limits.get(name, UNLIMITED) < used.of(name) + amount
    ]


def check_quota(limits: Mapping[str, int], used: Usage, wanted: Usage, domain: str = "", user: str = "") -> None:
    """Raises `OverQuota` with every resource of which there would be more than its limit; others do not matter.

    `domain` is the name of the domain whose limits these are, `user` that of the user; both are "" where they are a project's.
    Resources that are not requested are not checked: a limit below the current usage does not refuse a request for other resources.
    """
    over = over_limits(limits, used, wanted)
    if not over:
        return
    counts = [
        f"Requested {wanted.of(name)} {name}, but already used {used.of(name)} of {limits[name]}" for name in over
    ]
    if domain:
        raise OverQuota(
            f"Quota exceeded for {', '.join(over)} in domain {domain}",
            detail=f"The projects of a domain share its limits. {'. '.join(counts)}.",
            remedy="Request less, delete what is not needed in any of its projects, or ask an admin to raise the limit of "
            "the domain: PATCH /identity/v3/limits/ID.",
        )
    if user:
        raise OverQuota(
            f"Quota exceeded for {', '.join(over)} of user {user} in this project",
            detail=f"A user has limits of their own in this project. {'. '.join(counts)}.",
            remedy="Request less, delete what this user does not need, or ask an admin to raise the limit of the user: "
            f"`busway quota set --project PROJECT --user {user} {over[0]}={limits[over[0]] + 1}`.",
        )
    raise OverQuota(
        f"Quota exceeded for {', '.join(over)}",
        detail=". ".join(counts),
        remedy=f"Request less, delete what is not needed, or ask an admin to raise the quota: "
        f"{_how(over[0], limits[over[0]])}.",
    )


def check_limits_above_use(limits: Mapping[str, int], used: Usage) -> None:
    """Raises `BadInput` for a new limit below what is used already."""
    for name, limit in limits.items():
        if 0 <= limit < used.of(name):
            raise BadInput(
                f"Quota limit {limit} for {name} must be greater than or equal to already used {used.of(name)}",
                remedy="Use force: what there is stays, and nothing is added.",
                code="quota-below-use",
            )


def check_limits_above_users(limits: Mapping[str, int], given: Mapping[str, int]) -> None:
    """Raises `BadInput` for a new limit of a project below what its users are `given`: together, or the one with the most."""
    for name, limit in limits.items():
        if 0 <= limit < given.get(name, 0):
            raise BadInput(
                f"Quota limit {limit} for {name} must be greater than or equal to {given[name]}, which the project's users have",
                detail=_SHARING,
                remedy="Lower the limits of its users first, or use force: all limits are kept.",
                code="quota-below-users",
            )


def check_user_limits(limits: Mapping[str, int], project: Mapping[str, int], given: Mapping[str, int]) -> None:
    """Raises `BadInput` for a new limit of a user above what the `project` may have.

    `given` is what its other users have: of resources that add up, the project's limit without that is the most.
    """
    for name, limit in limits.items():
        whole = project.get(name, UNLIMITED)
        most = max(0, whole - given.get(name, 0)) if adds_up(name) else whole
        if whole != UNLIMITED and (limit == UNLIMITED or limit > most):
            raise BadInput(
                f"Quota limit {limit} for {name} must be less than or equal to {most}",
                detail=f"The project's own limit is {whole}. {_SHARING}",
                remedy="Raise the project's limit first, or use force: all limits are kept.",
                code="quota-above-project",
            )


def _how(name: str, limit: int) -> str:
    if name.startswith(DEVICES):
        return f"`busway quota set --project PROJECT {name}={limit + 1}`"
    if name in OF_IMAGES:
        return f"`busway quota set --project PROJECT {name}={limit + 1}`"
    option = "properties" if name == "metadata_items" else name.replace("_", "-")
    return f"`openstack quota set --{option} N PROJECT`"


def _resources(flavor: Flavor) -> list[tuple[str, int]]:
    try:
        return [(each.resource_class, each.count) for each in parse_resources(flavor.extra_specs).groups]
    except InvalidExtraSpec:  # as below
        return []


def _devices(flavor: Flavor) -> list[tuple[str, int]]:
    text = flavor.extra_specs.get(ALIAS_EXTRA_SPEC)
    if not text:
        return []
    try:
        return list(parse_alias_counts(text))
    except InvalidExtraSpec:  # of a server that was refused for it; it holds no device
        return []
