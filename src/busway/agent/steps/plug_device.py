"""PlugDevice: plugs a unit that is taken for a server into its guest, and reads back that the guest has it."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.steps.define_domain import hand_over, remember
from busway.agent.tools import Tools
from busway.domain.documents import DesiredServer
from busway.domain.errors import HostError
from busway.domain.units import Unit, WholeFunction
from busway.hardware.bar import read_bars
from busway.hypervisor.xml import device_xml
from busway.hypervisor.xml.windows import LOW_MB
from busway.reconciler.steps import PlugDevice

_USUAL_MB = 2  # of what firmware gives an empty root port


def execute(step: PlugDevice, tools: Tools) -> None:
    """Plugs what is held for this server, where its BARs have room; then the next start of the guest has it too."""
    server, name = step.server, step.grant.unit.name
    known = tools.state.held.find(name)
    if known is None or known.held.server_id != server.id:
        raise HostError(
            f"{name} is not taken for server {server.id}",
            detail="A device is plugged into the guest of the server that holds it, and into no other.",
            code="device-held",
        )
    record = tools.state.record(server.id)
    if name in record.asked_out:
        left = {thing: asked for thing, asked in record.asked_out.items() if thing != name}
        tools.state.write_record(server.id, replace(record, asked_out=left))
    seen = tools.find_domain(server.id)
    if seen is None or all(each.name != name for each in seen.attached):
        check_room(step.grant.unit, server, tools)
        tools.hypervisor.plug(server.id, device_xml(server, step.grant, tools.options))
        tools.crashpoint("plug:after-plug")
        seen = tools.find_domain(server.id)
    if seen is None or all(each.name != name for each in seen.attached):
        raise HostError(
            f"The guest of server {server.id} does not have {name}",
            detail="libvirt plugged it in, and does not list it.",
            remedy="Read the domain's log under /var/log/libvirt/qemu.",
            code="plug-failed",
        )
    hand_over(server, tools)
    remember(server, tools)


def check_room(unit: Unit, server: DesiredServer, tools: Tools) -> None:
    """Raises `HostError` for a device whose BARs would have no room in the guest: it would be there and of no use."""
    if not isinstance(unit, WholeFunction):
        return
    bars = read_bars(str(tools.kernel.root / "sys/bus/pci/devices" / str(unit.address)))
    high = [bar.size for bar in bars.memory if bar.is_prefetchable and bar.is_64bit] if bars else []
    low = [bar.size for bar in bars.memory if not (bar.is_prefetchable and bar.is_64bit)] if bars else []
    window, below = server.hotplug_window_mb or _USUAL_MB, LOW_MB if server.hotplug_window_mb else _USUAL_MB
    if sum(high) > window << 20 or sum(low) > below << 20:
        raise HostError(
            f"{unit.address} can't be plugged into the guest of server {server.id}: its BARs have no room there",
            detail=f"They need {_mb(high)} MB of 64-bit and {_mb(low)} MB of other address space; behind each spare root port of the "
            f"guest are {window} MB and {below} MB.",
            remedy="Stop the server, attach the device and start it; or use a flavor with a larger busway:hotplug_window.",
            code="no-bar-room",
        )


def _mb(sizes: list[int]) -> int:
    return -(-sum(sizes) >> 20)
