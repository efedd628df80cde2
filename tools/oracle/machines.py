"""Generated machines with a server that is asked for: devices on NUMA nodes, aliases, counts, a policy, guest cells."""

from __future__ import annotations

import json
import random
from typing import Any

Json = dict[str, Any]

_POLICIES = ("required", "legacy", "preferred", "socket")
_PRODUCTS = ("2330", "2331")


def make_machine(chance: random.Random) -> Json:
    """Make one case of the kind "fit"."""
    nodes = chance.choice((1, 2, 4))
    cells = [{"id": node, "socket": node * 2 // nodes} for node in range(nodes)]
    machine = _plain(chance, nodes) + _cards(chance, nodes)
    aliases = _aliases(chance)
    names = sorted({alias["name"] for alias in aliases})
    asked = [
        f"{chance.choice(names)}:{chance.choice((1, 1, 1, 1, 2, 2, 3, 6))}"
        for _ in range(chance.choice((1, 1, 1, 2, 3)))
    ]
    extra_specs = {"pci_passthrough:alias": ",".join(asked)}
    if chance.random() < 0.5:
        extra_specs["hw:pci_numa_affinity_policy"] = chance.choice(_POLICIES)
    return {
        "kind": "fit",
        "aliases": [json.dumps(alias) for alias in aliases],
        "specs": _specs(chance),
        "placement": False,
        "report": False,
        "machine": machine,
        "cells": cells,
        "extra_specs": extra_specs,
        "guest_cells": chance.choice((0, 0, 1, 1, 2)),
    }


def _plain(chance: random.Random, nodes: int) -> list[Json]:
    return [
        _device(f"0000:{16 + number:02x}:00.0", chance.choice(_PRODUCTS), "type-PCI", _node(chance, nodes))
        for number in range(chance.choice((1, 2, 4, 8)))
    ]


def _cards(chance: random.Random, nodes: int) -> list[Json]:
    """None, one or two PFs, each with up to three VFs on its own node."""
    found = []
    for number in range(chance.choice((0, 0, 1, 2))):
        node = _node(chance, nodes)
        card = _device(f"0000:{64 + number:02x}:00.0", "2335", "type-PF", node)
        found.append(card)
        for function in range(1, chance.choice((1, 2, 4))):
            vf = _device(f"0000:{64 + number:02x}:00.{function}", "2336", "type-VF", node)
            found.append({**vf, "parent": card["address"]})
    return found


def _device(address: str, product_id: str, kind: str, node: int | None) -> Json:
    known = {"address": address, "vendor_id": "10de", "product_id": product_id}
    return {**known, "kind": kind, "numa_node": node, "parent": None}


def _node(chance: random.Random, nodes: int) -> int | None:
    return None if chance.random() < 0.1 else chance.randrange(nodes)


def _aliases(chance: random.Random) -> list[Json]:
    """Some of: one product, either of two, PFs, VFs, and the VFs' product without a type."""
    known = [
        [{"name": "a1", "product_id": "2330"}],
        [{"name": "b2", "product_id": "2331"}],
        [{"name": "either", "product_id": product, "device_type": "type-PCI"} for product in _PRODUCTS],
        [{"name": "pf", "product_id": "2335", "device_type": "type-PF"}],
        [{"name": "vf", "product_id": "2336", "device_type": "type-VF"}],
        [{"name": "untyped", "product_id": "2336"}],
        [{"name": "never", "product_id": "2335"}],
    ]
    chosen = chance.sample(known, chance.choice((1, 2, 3)))
    policy = {"numa_policy": chance.choice(_POLICIES)} if chance.random() < 0.4 else {}
    return [{"vendor_id": "10de", **spec, **policy} for specs in chosen for spec in specs]


def _specs(chance: random.Random) -> list[str]:
    """What offers all, all but one product, or all with some of them tagged."""
    everything = {"vendor_id": "10de"}
    some: list[Json] = [{**everything, "product_id": product} for product in (*_PRODUCTS, "2335", "2336")]
    return [
        json.dumps(spec)
        for spec in chance.choice(([everything], some[1:], [{**some[0], "rack": "r1"}, everything], some))
    ]
