"""The boot framebuffer does not lie in the memory of the card."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.change import KernelArgument
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware import Card
from busway.hardware.framebuffer import framebuffer_in

_WORD = "initcall_blacklist=sysfb_init"


def _find(host: Host, card: Card) -> Iterator[Finding]:
    for function in card.functions:
        framebuffer = framebuffer_in(host.framebuffers, function.address)
        if framebuffer is None:
            continue
        tried = _WORD in host.arguments
        other = "In the firmware, make another card the primary display"
        yield CHECK.found(
            f"The boot framebuffer lies in the memory of {function.address}",
            cause='The kernel still draws to it, so nobody else gets the memory: vfio-pci says "BAR n: can\'t reserve".',
            remedy=f"{other}."
            if tried
            else f"{host.boot.words(add=_WORD)} Where simpledrm is built in that is not enough: "
            f"{other[0].lower()}{other[1:]}.",
            evidence=(Evidence("/proc/iomem", f"{function.address} > {' > '.join(framebuffer.names)}"),),
            card=card,
            after="making another card the firmware's display" if tried else f"adding {_WORD} and a reboot",
            changes=() if tried else (KernelArgument(_WORD),),
        )


CHECK = Check("boot-framebuffer", Stage.ISOLATION, Severity.BLOCKS, "No boot framebuffer is on the card", card=_find)
