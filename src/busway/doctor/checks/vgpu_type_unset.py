"""A virtual function that carries vGPUs has a vGPU type."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.domain.text import some_of
from busway.hardware import Card

_NAMED = 6  # types that are listed


def _find(host: Host, card: Card) -> Iterator[Finding]:
    main = card.main
    vgpu = main.vendor_vgpu if main.is_vf and main.driver == "nvidia" else None
    if vgpu is None or vgpu.current != 0:
        return
    file = sysfs(main.address, "nvidia/current_vgpu_type")
    names = [f"{one.id} ({one.name})" for one in vgpu.creatable]
    spare = _has_typed_sibling(host, card)
    yield CHECK.found(
        f"{main.address} has no vGPU type",
        cause="A virtual function of the vGPU driver can't be given to a guest until a type is chosen."
        + (" Others of its GPU have theirs." if spare else ""),
        remedy=f"`echo ID > {file}` with one of {some_of(names, _NAMED)}."
        if names
        else f"Nothing more fits on this GPU: {file} accepts no type until another function releases its type.",
        evidence=(Evidence(file, "0"),),
        card=card,
        after="choosing a vGPU type for it",
        severity=Severity.INFORMS if spare else None,
        aside="spare: no vGPU type is chosen for it" if spare else "",
    )


def _has_typed_sibling(host: Host, card: Card) -> bool:
    parent = host.machine.find(card.main.parent) if card.main.parent else None
    others = [host.machine.find(address) for address in (parent.sriov.vfs if parent and parent.sriov else ())]
    return any(one is not None and (vgpu := one.vendor_vgpu) is not None and vgpu.current for one in others)


CHECK = Check("vgpu-type-unset", Stage.ISOLATION, Severity.BLOCKS, "A vGPU function has a type", card=_find)
