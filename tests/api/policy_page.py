"""Writes docs/reference/policy.md from the rules and the operations."""

from __future__ import annotations

from collections import defaultdict

from busway.policy import compute, identity, image, network, own
from busway.policy.rule import BASE
from tests.api.rights import requests

_HEAD = """# Policy

Every rule of rights, who passes it by default, and which operations ask for it. [Say who may do what](../how-to/rights.md) tells how to
change one. Names and defaults are those of OpenStack; rules that begin with `busway:` are Busway's own.

A check is written in oslo.policy's language: `role:member` is a role that the token has, `project_id:%(project_id)s` says that the token's
project is the one of the thing, `rule:` names another rule, `@` is everybody with a token of a project, `!` nobody. An empty check is
everybody. Rules hold for tokens of a project; where the column says `system`, for tokens with a role on the whole system too. Tokens of
no project pass rules of identity only.

A rule without an operation is asked inside another one: the tables say for what.
"""


def page() -> str:
    asked = defaultdict(list)
    for request in requests():
        asked[request.rule].append(f"`{request.name}`")
    parts = [_HEAD]
    for title, rules in (
        ("What rules share", BASE),
        ("Compute", compute.RULES),
        ("Identity", identity.RULES),
        ("Image", image.RULES),
        ("Network", network.RULES),
        ("Busway's own", own.RULES),
    ):
        parts.append(f"\n## {title}\n\n| rule | default | scopes | what for | asked by |\n|---|---|---|---|---|\n")
        for rule in rules:
            check = f"`{rule.check.replace('|', chr(92) + '|')}`" if rule.check else "(everybody)"
            operations = "<br>".join(asked[rule.name]) or ""
            scopes = ", ".join(rule.scopes)
            parts.append(f"| `{rule.name}` | {check} | {scopes} | {rule.description} | {operations} |\n")
    return "".join(parts)
