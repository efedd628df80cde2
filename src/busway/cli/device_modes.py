"""The ways in which this machine's cards can be given to guests; needs no control plane."""

from __future__ import annotations

from pathlib import Path

import click

from busway.cli.output import print_json
from busway.cli.width import wrapped


def show_modes(tree: Path, address: str | None, everything: bool, as_json: bool) -> None:
    """Prints the ways of all cards with a GPU, of all cards, or of the card that has an address."""
    from busway.domain.address import PciAddress
    from busway.domain.errors import NotFound
    from busway.hardware.machine import Machine
    from busway.hardware.modes import modes_of
    from busway.hardware.snapshot import open_tree
    from busway.hypervisor.drawing import ask_qemu, missing

    with open_tree(tree) as root:
        machine = Machine.read(root)
        cards = machine.cards if everything else machine.gpu_cards
        if address is not None:
            found = machine.card(PciAddress(address))
            if found is None:
                raise NotFound(
                    f"This machine has no card with {address}",
                    remedy="See `busway device list --local --all`.",
                    code="device-not-found",
                )
            cards = (found,)
        here = root == Path("/")
        reported = [
            (card, modes_of(machine, card, lacking=lambda: missing(ask_qemu) if here else "")) for card in cards
        ]
        if as_json:
            print_json(
                [
                    {"card": card.name, "modes": [{"name": m.name, "serves": m.serves, "why": m.why} for m in ways]}
                    for card, ways in reported
                ]
            )
            return
        for card, ways in reported:
            click.echo(wrapped(f"{card.name}  ", card.main.description))
            for way in ways:
                click.echo(wrapped(f"    {'yes' if way.serves else 'no ':3}  {way.name}: ", way.why))
        if not reported:
            click.echo("This machine has no GPU that PCI shows. All cards: --all.")
