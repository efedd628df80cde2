"""The NUMA cells of a server, from 2.78 on: its vCPUs and RAM, and for admins where on the host they lie."""

from __future__ import annotations

from busway.api.answer import NOTHING, NUMBER, array, mapping, optional, shape
from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.control.servers.topology import get_cells
from busway.domain.dedicated_cpus import SHARED

_RULE = "compute:server:topology:"


def _show(call: Call) -> Reply:
    """A server without NUMA cells has no nodes, as in Nova; guests' threads have no siblings, for a guest sees none."""
    sees_host = call.may(f"{_RULE}host:index")
    nodes: list[dict[str, object]] = []
    first = 0
    for cell in get_cells(call.control, call.caller, call.path["id"]):
        vcpus = range(first, first + cell.vcpus)
        first += cell.vcpus
        node: dict[str, object] = {"vcpu_set": list(vcpus), "siblings": [], "memory_mb": cell.ram_mb}
        if sees_host:
            pins = zip(vcpus, cell.pins, strict=False)
            node |= {"host_node": cell.cell, "cpu_pinning": {str(vcpu): pin for vcpu, pin in pins if pin != SHARED}}
        nodes.append(node)
    return Reply({"nodes": nodes, "pagesize_kb": None})


_NODE = shape(
    {
        "vcpu_set": array(NUMBER),
        "siblings": array(array(NUMBER)),
        "memory_mb": NUMBER,
        "host_node": optional(NUMBER),
        "cpu_pinning": optional(mapping(NUMBER)),
    },
    "numa-node",
)

OPERATIONS = (
    Operation(
        "GET",
        "/compute/v2.1/servers/{id}/topology",
        _show,
        since=78,
        rule=f"{_RULE}index",
        answer=shape({"nodes": array(_NODE), "pagesize_kb": NOTHING}),
    ),
)
