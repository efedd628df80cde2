"""What speaks against a live migration before anything is touched: said with the reason, and what to do instead."""

from __future__ import annotations

from collections.abc import Sequence

from busway.control.moves.left_out import LeftOut, Unfit, other_kind, too_old
from busway.control.moves.live_devices import COLD, check_unplug
from busway.control.placement.host_facts import desired_cells
from busway.domain.documents import HostResources
from busway.domain.errors import BuswayError, Conflict
from busway.domain.guest_machine import machine_of
from busway.domain.host_facts import GuestAct
from busway.store import hosts
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.hosts import HostRow
from busway.store.servers import ServerRow


def check_live(tx: Tx, row: ServerRow, held: Sequence[Claim]) -> HostRow:
    """Returns the server's host; raises `Conflict` for a server that can't go while it runs. `held` are its claims."""
    assert row.host_id is not None
    host = hosts.find_host_by_id(tx, row.host_id)
    if host is None or host.resources is None or GuestAct.LIVE not in host.resources.acts:
        raise Conflict(
            f"Cannot 'os-migrateLive' server {row.id}: the agent of its host is too old",
            detail=f"Host {host.name if host else row.host_id} does not report that it can.",
            remedy="Upgrade Busway on that host; its guests keep running meanwhile.",
            code="guest-act",
        )
    if held:
        check_unplug(row, host, held)
    if desired_cells(tx, row.id, row.host_id):
        raise _refused(row, "it lies on NUMA nodes of its host", "Its CPUs and memory are bound to those nodes.")
    try:
        machine = machine_of(row.flavor, row.image_words) if row.image_words is not None else None
    except BuswayError:
        machine = None
    if machine is None:
        raise _refused(row, "it was made by an earlier release", "What its machine has is not known.")
    if machine.tpm:
        raise _refused(row, "it has a virtual TPM", "Its state is with the other files of its host's libvirt.")
    return host


def without_unfit(tx: Tx, source: HostRow, needed: GuestAct) -> Unfit:
    """The hosts that could not let the guest continue: other CPUs, another kind of guests, or an agent that can't do what is `needed`.

    The target's libvirt compares the CPUs once more, with all that they have, before anything is copied.
    """
    assert source.resources is not None
    found = {host.id: _lacks(source.resources, host, needed) for host in hosts.list_hosts(tx)}
    return {host_id: why for host_id, why in found.items() if why is not None}


def _lacks(source: HostResources, host: HostRow, needed: GuestAct) -> LeftOut | None:
    target = host.resources
    if target is None or needed not in target.acts:
        with_devices = " of a guest with devices" if needed is GuestAct.LIVE_UNPLUG else ""
        return too_old(host, f"take part in a live migration{with_devices}")
    here, there = (f"{each.virt_type} on {each.architecture}" for each in (source, target))
    if there != here:
        return other_kind(f"its guests run by {there}, this one by {here}")
    if source.virt_type == "qemu" and target.hypervisor_version // 1000 != source.hypervisor_version // 1000:
        return other_kind("its QEMU has another version, and emulates another CPU")
    return None


def _refused(row: ServerRow, why: str, detail: str) -> Conflict:
    return Conflict(f"Server {row.id} can't be migrated live: {why}", detail=detail, remedy=COLD, code="live-unfit")
