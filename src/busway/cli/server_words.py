"""A server in words: its state, addresses, devices and fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from busway.cli.output import print_fields


def state_of(server: dict[str, Any]) -> str:
    """A server's status, with what is being done to it: "BUILD (scheduling)"."""
    task = server.get("OS-EXT-STS:task_state")
    return f"{server['status']} ({task})" if task else str(server["status"])


def addresses_of(server: dict[str, Any]) -> list[str]:
    """A server's addresses on all networks, IPv4 first."""
    found = [each for held in server["addresses"].values() for each in held]
    return [str(each["addr"]) for each in sorted(found, key=lambda each: int(each["version"]))]


def reached_at(server: dict[str, Any]) -> list[str]:
    """Its addresses as somebody outside tries them: floating ones first, for a network behind a router is not reached."""
    floating = [
        str(each["addr"])
        for held in server["addresses"].values()
        for each in held
        if each.get("OS-EXT-IPS:type") == "floating"
    ]
    return [*floating, *(address for address in addresses_of(server) if address not in floating)]


def devices_of(server: dict[str, Any]) -> str:
    """What its flavor asks for, as the flavor has it: "h100:2"."""
    return str(server["flavor"].get("extra_specs", {}).get("pci_passthrough:alias", ""))


def fault_of(server: dict[str, Any]) -> list[tuple[str, str]]:
    """A server's fault as fields to print; none where it has none."""
    fault = server.get("fault")
    if not fault:
        return []
    message, _, remedy = str(fault["message"]).partition(" What to do: ")
    fields = (("fault", message), ("details", str(fault.get("details") or "")), ("what to do", remedy))
    return [(name, text) for name, text in fields if text]


def print_server(server: dict[str, Any], devices: Sequence[str]) -> None:
    """Prints one server for a person."""
    flavor = server["flavor"]
    print_fields(
        [
            ("name", server["name"]),
            ("id", server["id"]),
            ("status", state_of(server)),
            *fault_of(server),
            *(("address", address) for address in addresses_of(server)),
            ("flavor", f"{flavor['original_name']}: {flavor['vcpus']} vCPU, {flavor['ram']} MB, {flavor['disk']} GB"),
            *(("device", line) for line in devices),
            ("key", server["key_name"]),
            ("zone", server["OS-EXT-AZ:availability_zone"]),
            ("created", server["created"]),
        ]
    )
