"""Writes docs/reference/policy.md from the rules and the operations."""

from __future__ import annotations

from collections import defaultdict

from busway.policy import compute, identity, image, network, own, placement
from busway.policy.rule import BASE
from tests.api.rights import requests

_HEAD = """# Policy

This page lists every policy rule, its default, and the operations that check it. [Control who may do what](../how-to/rights.md) explains
how to change a rule. Names and defaults are OpenStack's; rules that start with `busway:` are additions of Busway.

A check is written in oslo.policy's language. `role:member` requires a role of the token, `project_id:%(project_id)s` requires that the
resource belongs to the token's project, `rule:` refers to another rule, `@` allows everybody with a token for a project, and `!` nobody. An
empty check allows everybody. Rules apply to tokens for a project, and if the column says `system`, also to tokens with a role on the whole
system. Tokens without a project only pass rules of identity.

A rule without an operation is checked inside another one: the tables explain its purpose.
"""


def page() -> str:
    asked = defaultdict(list)
    for request in requests():
        asked[request.rule].append(f"`{request.name}`")
    parts = [_HEAD]
    for title, rules in (
        ("Shared checks", BASE),
        ("Compute", compute.RULES),
        ("Identity", identity.RULES),
        ("Image", image.RULES),
        ("Network", network.RULES),
        ("Placement", placement.RULES),
        ("Busway's own", own.RULES),
    ):
        parts.append(f"\n## {title}\n\n| rule | default | scopes | purpose | checked by |\n|---|---|---|---|---|\n")
        for rule in rules:
            check = f"`{rule.check.replace('|', chr(92) + '|')}`" if rule.check else "(everybody)"
            operations = "<br>".join(asked[rule.name]) or ""
            scopes = ", ".join(rule.scopes)
            parts.append(f"| `{rule.name}` | {check} | {scopes} | {rule.description} | {operations} |\n")
    return "".join(parts)
