"""In shared mode the NVSwitches stay with the host."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.fabric import mode, switches
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs


def _find(host: Host) -> Iterator[Finding]:
    file, number = mode(host)
    taken = [one for one in switches(host) if one.driver != "nvidia-nvswitch"]
    if number != 1 or not taken:
        return
    who = ", ".join(f"{one.address} ({one.driver or 'no driver'})" for one in taken)
    yield CHECK.found(
        f"NVSwitches are not bound to their driver: {who}",
        cause="In shared mode (FABRIC_MODE=1) the host drives the switches for all guests.",
        remedy="Bind them to nvidia-nvswitch again, and remove them from ids= and from any device_spec.",
        evidence=(Evidence(file, "FABRIC_MODE=1"), Evidence(sysfs(taken[0].address, "driver"), str(taken[0].driver))),
        after="binding the NVSwitches to nvidia-nvswitch",
    )


CHECK = Check("nvswitch-driver", Stage.ISOLATION, Severity.BLOCKS, "NVSwitches stay with the host", host=_find)
