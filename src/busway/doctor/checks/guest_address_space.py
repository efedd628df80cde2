"""A guest with the card has addresses enough for its memory and the card's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.sizes import size_words
from busway.hardware import Card
from busway.hardware.arithmetic import Fix, GuestWish, card_bars, judge


def _find(host: Host, card: Card) -> Iterator[Finding]:
    match = re.search(r"([0-9]{2}) bits physical", host.cpu_field("address sizes"))
    bars = card_bars(card)
    if match is None or not (bars.high or bars.low):
        return
    host_bits = int(match[1])
    bits, number = host.wish.address_bits or host_bits, host.wish.cards
    answer = judge(GuestWish(host.guest_memory, (bars,) * number, address_bits=bits, host_bits=host_bits))
    if answer.is_good:
        return
    fixes = [fix for fix in answer.fixes if fix.code != "address-bits" or fix.value <= host_bits]
    what = card.name if number == 1 else f"{answer.seen} of {number} cards like {card.name}"
    yield CHECK.found(
        f"A guest with {size_words(host.guest_memory)} of memory would {'not see' if number == 1 else 'see'} {what}",
        cause=f"The BARs of each ({', '.join(map(size_words, bars.high + bars.low))}) and the memory do not fit into "
        f"{bits} address bits ({size_words(1 << bits)}); {answer.needed_bits or 'no number of'} bits would do.",
        remedy=" Or: ".join(fix.words for fix in fixes)
        or "Make the card's BAR smaller (resource*_resize), or use a host whose CPU has more physical address bits.",
        evidence=(Evidence("/proc/cpuinfo", f"address sizes: {host.cpu_field('address sizes')}"),),
        card=card,
        after=_after(fixes),
    )


def _after(fixes: list[Fix]) -> str:
    """The first fix as a phrase; "" when there is none."""
    for fix in fixes:
        if fix.code == "address-bits":
            return f"giving the guest {fix.value} address bits"
        if fix.code == "memory":
            return f"giving the guest at most {size_words(fix.value)} of memory"
        if fix.code == "devices":
            return f"giving the guest {fix.value} of them"
    return ""


CHECK = Check("guest-address-space", Stage.GUEST, Severity.BLOCKS, "A guest sees the card's memory", card=_find)
