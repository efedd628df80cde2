"""One rule of rights, and the checks that most rules share.

A check is written in oslo.policy's language: `role:member and project_id:%(project_id)s` compares what the caller has with
what the target has. Source of names and defaults: the policies of Nova 34, Keystone 30, Glance 33 and Neutron 29.
"""

from __future__ import annotations

from dataclasses import dataclass

ADMIN = "rule:context_is_admin"
MANAGER = "rule:project_manager_or_admin"
MEMBER = "rule:project_member_or_admin"
READER = "rule:project_reader_or_admin"
ANYONE = "@"
# Keystone's and Busway's own: a reader of the whole system sees everything and changes nothing.
SYSTEM_READER = "rule:admin_or_system_reader"

PROJECT = ("project",)
PROJECT_AND_SYSTEM = ("project", "system")
EVERY_SCOPE = ("project", "domain", "system")


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rule: who passes, in one line what it opens, and the scopes of tokens for which it holds.

    `unscoped` rules take tokens of no project too; they are Keystone's only.
    """

    name: str
    check: str
    description: str
    scopes: tuple[str, ...] = PROJECT
    unscoped: bool = False


def rules(prefix: str, check: str, **described: str) -> tuple[Rule, ...]:
    """Rules with one check: names are `prefix` and the keyword, in which `__` stands for a colon."""
    return tuple(Rule(prefix + name.replace("__", ":"), check, text) for name, text in described.items())


BASE = (
    Rule("context_is_admin", "role:admin", "Who counts as an admin of the whole cloud", ()),
    Rule("admin_or_system_reader", f"{ADMIN} or (role:reader and system_scope:all)", "Who sees the whole cloud", ()),
    Rule("project_manager_api", "role:manager and project_id:%(project_id)s", "A manager of the target's project", ()),
    Rule("project_member_api", "role:member and project_id:%(project_id)s", "A member of the target's project", ()),
    Rule("project_reader_api", "role:reader and project_id:%(project_id)s", "A reader of the target's project", ()),
    Rule("service_api", "role:service", "Another service of the cloud", ()),
    Rule(
        "project_manager_or_admin",
        f"rule:project_manager_api or {ADMIN}",
        "A manager of the target's project, or an admin",
        (),
    ),
    Rule(
        "project_member_or_admin",
        f"rule:project_member_api or {ADMIN}",
        "A member of the target's project, or an admin",
        (),
    ),
    Rule(
        "project_reader_or_admin",
        f"rule:project_reader_api or {ADMIN}",
        "A reader of the target's project, or an admin",
        (),
    ),
    Rule("service_or_admin", f"rule:service_api or {ADMIN}", "Another service, or an admin", ()),
)
