"""How the kernel command line is changed where the system's files are not edited by hand."""

from __future__ import annotations

from busway.doctor.platform import Immutable


def immutable_words(system: Immutable, add: str, remove: str) -> str:
    """Tells a person the exact change on an immutable system."""
    if system is Immutable.RPM_OSTREE:
        options = [f"--append-if-missing={word}" for word in add.split()]
        options += [f"--delete-if-present={word}" for word in remove.split()]
        return f"Run `rpm-ostree kargs {' '.join(options)}`, and reboot."
    what = " and ".join(filter(None, [f"add {add}" if add else "", f"remove {remove}" if remove else ""]))
    what = f"{what[:1].upper()}{what[1:]}"
    return f"{what} {_PLACES[system]}"


_PLACES = {
    Immutable.NIXOS: "in boot.kernelParams of configuration.nix, run `nixos-rebuild boot`, and reboot.",
    Immutable.TALOS: "in extraKernelArgs (of the image's schematic; of machine.install before Talos 1.10), and run "
    "`talosctl upgrade` with that image.",
    Immutable.TRANSACTIONAL: "in GRUB_CMDLINE_LINUX_DEFAULT of /etc/default/grub, run `transactional-update grub.cfg`, "
    "and reboot. On Harvester: in /oem/grubenv (extra_cmdline).",
    Immutable.FLATCAR: "in linux_append of /oem/grub.cfg, and reboot.",
}
