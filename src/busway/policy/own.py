"""The rules of Busway's own API, in the same words."""

from __future__ import annotations

from busway.policy.rule import ADMIN, ANYONE, MEMBER, PROJECT_AND_SYSTEM, READER, SYSTEM_READER, Rule


def _seen(name: str, description: str) -> Rule:
    return Rule(f"busway:{name}", SYSTEM_READER, description, PROJECT_AND_SYSTEM)


def _done(name: str, description: str) -> Rule:
    return Rule(f"busway:{name}", ADMIN, description, PROJECT_AND_SYSTEM)


RULES = (
    _seen("devices:list", "List devices"),
    _seen("devices:show", "Show a device"),
    _seen("devices:handovers", "Read the hand-over records of a device"),
    _done("devices:recycle", "Offer a used device again"),
    _seen("hosts:list", "List hosts"),
    _done("hosts:create", "Add a host, or create a new token for its agent"),
    _done("hosts:update", "Enable or disable a host"),
    _done("hosts:delete", "Delete a host"),
    _seen("events:list", "Read the history of events"),
    _seen("audit:list", "Read who did what"),
    Rule(
        "busway:usage",
        f"{READER} or (role:reader and system_scope:all)",
        "Read the usage of a project",
        PROJECT_AND_SYSTEM,
    ),
    Rule("busway:usage:all-projects", SYSTEM_READER, "Read the usage of all projects", PROJECT_AND_SYSTEM),
    Rule("busway:servers:devices", READER, "List the devices of a server"),
    Rule("busway:servers:attach", MEMBER, "Attach a device to a server"),
    Rule("busway:servers:detach", MEMBER, "Detach a device from a server"),
    Rule("busway:servers:why", READER, "Read the explanation of a server"),
    Rule("busway:plan", READER, "Plan where servers would be placed"),
    Rule("busway:plan:host", ADMIN, "Plan for one host"),
    Rule("busway:placement:hosts", ADMIN, "See the hosts, addresses and other tenants behind a plan or a refusal"),
    _seen("aliases:list", "List aliases"),
    _seen("aliases:show", "Show an alias"),
    _done("aliases:create", "Create an alias"),
    _done("aliases:update", "Change an alias"),
    _done("aliases:delete", "Delete an alias"),
    _seen("device-specs:list", "List device specs"),
    _seen("device-specs:show", "Show a device spec"),
    _done("device-specs:create", "Create a device spec"),
    _done("device-specs:update", "Change a device spec"),
    _done("device-specs:delete", "Delete a device spec"),
    Rule("busway:image-catalogue:show", ANYONE, "See the catalogue of ready images"),
    Rule("busway:quota:show", READER, "Show a project's quota, devices included"),
    Rule("busway:quota:update", ADMIN, "Set a project's quota"),
    Rule("busway:quota:delete", ADMIN, "Remove a project's own quota"),
    Rule("busway:quota-defaults:show", ANYONE, "Show the quota of projects that have none of their own"),
    Rule("busway:quota-defaults:update", ADMIN, "Set the default quota"),
)
