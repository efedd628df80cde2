"""How close to a guest's NUMA cells its PCI devices must be, and who may say so.

A flavor (`hw:pci_numa_affinity_policy`) or an image (`hw_pci_numa_affinity_policy`) goes before the alias. Where both
say it, they must agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from busway.domain.errors import BadInput, Forbidden, InvalidExtraSpec

NUMA_POLICY_EXTRA_SPEC = "hw:pci_numa_affinity_policy"
NUMA_POLICY_PROPERTY = "hw_pci_numa_affinity_policy"


class NumaPolicy(StrEnum):
    """Which NUMA nodes a device may be on, for a guest that has NUMA cells.

    `required`: those of the guest's cells. `legacy`: the same, or a device whose node the host does not tell.
    `preferred`: any, near ones first. `socket`: any node of a socket that the guest has a cell on.
    """

    REQUIRED = "required"
    LEGACY = "legacy"
    PREFERRED = "preferred"
    SOCKET = "socket"


def numa_policy_of(extra_specs: Mapping[str, str], image_properties: Mapping[str, str]) -> NumaPolicy | None:
    """The policy that a flavor or an image asks for, None when both leave it to the alias.

    Errors: `Forbidden` when they disagree, `InvalidExtraSpec` or `BadInput` for a word that is not a policy. An empty
    value counts as none, as in Nova.
    """
    of_flavor = extra_specs.get(NUMA_POLICY_EXTRA_SPEC)
    of_image = image_properties.get(NUMA_POLICY_PROPERTY)
    if of_flavor and of_image and of_flavor != of_image:
        raise Forbidden(
            f"The image asks for the PCI NUMA policy {of_image} and the flavor for {of_flavor}",
            detail=f"{NUMA_POLICY_PROPERTY}={of_image} of the image, {NUMA_POLICY_EXTRA_SPEC}={of_flavor} of the "
            "flavor.",
            remedy="Choose an image without the property, or a flavor that agrees with it.",
            code="pci-numa-policy-conflict",
        )
    if of_flavor:
        return parse_numa_policy(of_flavor)
    return _of_image(of_image) if of_image else None


def parse_numa_policy(value: str) -> NumaPolicy:
    """Reads the extra spec's word; raises `InvalidExtraSpec`."""
    if value not in tuple(NumaPolicy):
        raise InvalidExtraSpec(
            f"{NUMA_POLICY_EXTRA_SPEC}={value} is not a PCI NUMA policy",
            detail=f"It may be {', '.join(NumaPolicy)}.",
            remedy=f"Set it like {NUMA_POLICY_EXTRA_SPEC}=preferred.",
        )
    return NumaPolicy(value)


def _of_image(value: str) -> NumaPolicy:
    if value not in tuple(NumaPolicy):
        raise BadInput(
            f"The image's {NUMA_POLICY_PROPERTY}={value} is not a PCI NUMA policy",
            detail=f"It may be {', '.join(NumaPolicy)}.",
            remedy=f"Change it: openstack image set --property {NUMA_POLICY_PROPERTY}=preferred IMAGE.",
            code="image-numa-policy",
        )
    return NumaPolicy(value)
