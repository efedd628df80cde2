"""A host with OVN installed is a chassis, so that servers on networks of type geneve can go there."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.answers import CHASSIS, OVN
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host


def _find(host: Host) -> Iterator[Finding]:
    lacks = host.answer(OVN)  # "" where ovn-controller is not installed
    if lacks in ("", CHASSIS):
        return
    yield CHECK.found(
        "OVN is installed, and this host is no chassis",
        cause=f"{lacks}. Servers on networks of type geneve do not go to this host.",
        remedy="Start openvswitch-switch and ovn-host (`systemctl enable --now openvswitch-switch ovn-host`), and set system-id, "
        "ovn-remote, ovn-encap-type and ovn-encap-ip: `ovs-vsctl set open . external-ids:ovn-remote=ssl:CENTRAL:6642 "
        "external-ids:ovn-encap-type=geneve external-ids:ovn-encap-ip=ADDRESS`. Without such networks, remove ovn-host.",
        evidence=(Evidence("/usr/bin/ovn-controller", "installed"),),
        after="making the host a chassis of OVN",
    )


CHECK = Check("ovn-chassis", Stage.GUEST, Severity.WARNS, "A host with OVN is a chassis", host=_find)
