"""`busway import`: what another cloud's files say, in Busway's language."""

from __future__ import annotations

from pathlib import Path

import click

from busway.cli.output import json_option, print_json

_KINDS = ("nova.conf", "pve-mapping", "harvester", "kubevirt")


@click.command("import")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def import_(kind: str, file: Path, as_json: bool) -> None:
    """Print the device rules of another cloud.

    Prints the device specs, aliases and flavors that are equivalent to FILE, and the settings that can't be
    converted. nova.conf: Nova's configuration. pve-mapping: Proxmox's /etc/pve/mapping/pci.cfg. harvester: `kubectl
    get pcidevices,pcideviceclaims -o yaml`. kubevirt: the KubeVirt resource, or its permittedHostDevices. Changes
    nothing.
    """
    from busway.bootstrap.imports import read_foreign

    found = read_foreign(kind, file)
    if as_json:
        flavors = [{"name": name, "extra_spec": spec} for name, spec in found.flavors]
        rules = {"device_specs": found.device_specs, "aliases": found.aliases}
        print_json({**rules, "flavors": flavors, "not_carried_over": found.left})
        return
    for line in found.lines():
        click.echo(line)
