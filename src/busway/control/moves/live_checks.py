"""What speaks against a live migration before anything is touched: said with the reason, and what to do instead."""

from __future__ import annotations

from collections.abc import Sequence

from busway.control.moves.live_devices import COLD, check_unplug
from busway.control.placement.host_facts import desired_cells
from busway.domain.documents import HostResources
from busway.domain.errors import BuswayError, Conflict
from busway.domain.guest_machine import machine_of
from busway.domain.host_facts import GuestAct
from busway.domain.ids import HostId
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


def without_unfit(tx: Tx, source: HostRow, needed: GuestAct) -> frozenset[HostId]:
    """The hosts that could not let the guest continue: other CPUs, another kind of guests, or an agent that can't do what is `needed`.

    The target's libvirt compares the CPUs once more, with all that they have, before anything is copied.
    """
    assert source.resources is not None
    return frozenset(host.id for host in hosts.list_hosts(tx) if not _fits(source.resources, host.resources, needed))


def _fits(source: HostResources, target: HostResources | None, needed: GuestAct) -> bool:
    if target is None or needed not in target.acts:
        return False
    if (target.virt_type, target.architecture) != (source.virt_type, source.architecture):
        return False
    return source.virt_type != "qemu" or target.hypervisor_version // 1000 == source.hypervisor_version // 1000


def _refused(row: ServerRow, why: str, detail: str) -> Conflict:
    return Conflict(f"Server {row.id} can't be migrated live: {why}", detail=detail, remedy=COLD, code="live-unfit")
