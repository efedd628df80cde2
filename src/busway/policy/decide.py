"""Decides on rules: oslo.policy over the built-in rules and the operator's `policy.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from oslo_config import cfg
from oslo_policy import policy as oslo

from busway.domain.caller import Caller
from busway.domain.errors import Forbidden, InvalidConfig
from busway.policy import compute, identity, image, network, own, placement
from busway.policy.rule import BASE, Rule

RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        *BASE,
        *compute.RULES,
        *identity.RULES,
        *image.RULES,
        *network.RULES,
        *placement.RULES,
        *own.RULES,
    )
}
Target = Mapping[str, Any]
# Where the thing itself is not known yet, it is taken for one of the domain that the token is for.
_IN_DOMAIN = ("target.domain_id", "target.project.domain_id", "target.user.domain_id", "target.group.domain_id")


_REMEMBERED = 1024  # decisions; a few KB each


class _Who(NamedTuple):
    """What checks look at of a caller."""

    user_id: str
    project_id: str
    roles: frozenset[str]
    is_system: bool
    domain_id: str
    project_domain_id: str

    @classmethod
    def of(cls, caller: Caller) -> _Who:
        return cls(
            caller.user_id,
            caller.project_id,
            caller.roles,
            caller.is_system,
            caller.domain_id,
            caller.project_domain_id,
        )


class Policy:
    """The rules in force; built once, then only asked, from any thread; what was asked lately is remembered.

    `file` is a `policy.yaml` of names and checks; one that can't be used raises `InvalidConfig`. Names of OpenStack
    rules that Busway has no operation for are left aside (`unused`), so that a file of Nova's can be taken as it is.
    """

    def __init__(self, file: Path | None = None) -> None:
        overrides = _read(file) if file is not None else {}
        self.unused = tuple(sorted(name for name in overrides if name not in RULES))
        conf = cfg.ConfigOpts()
        conf([], project="busway", default_config_files=[], default_config_dirs=[])
        self._enforcer = oslo.Enforcer(conf, use_conf=False)
        self._enforcer.register_defaults([_default(rule) for rule in RULES.values()])
        checks = {name: rule.check for name, rule in RULES.items()} | overrides
        self._enforcer.set_rules(oslo.Rules.from_dict(checks), overwrite=True, use_conf=False)
        self.checks: Mapping[str, str] = checks
        # A decision follows from rule, target and caller alone, unless a check asks a server of the operator's.
        asks_others = any(word in check for check in checks.values() for word in ("http:", "https:"))
        self._decided = self._decide if asks_others else lru_cache(_REMEMBERED)(self._decide)
        if not self._enforcer.check_rules():
            raise InvalidConfig(
                f"{file or 'The policy'} has a rule that can't be used",
                detail="A check refers to a rule that does not exist, or rules refer to each other in a circle.",
                remedy="See docs/reference/policy.md for the names of rules.",
                code="policy-file",
            )

    def allows(self, caller: Caller, rule: str, target: Target) -> bool:
        """True when the rule lets the caller act on the target; raises `KeyError` for a rule that does not exist."""
        known = RULES[rule]
        if known.scopes and caller.scope not in known.scopes and (caller.scope or not known.unscoped):
            return False
        key = tuple((name, value, type(value)) for name, value in target.items())  # for rules, True is not 1
        decide = self._decided if _is_hashable(key) else self._decide
        return decide(rule, key, _Who.of(caller))

    def _decide(self, rule: str, target: tuple[tuple[str, Any, type], ...], who: _Who) -> bool:
        return bool(self._enforcer.enforce(rule, {name: value for name, value, _ in target}, _credentials(who)))


def authorize(caller: Caller, rule: str, target: Target | None = None) -> None:
    """Raises `Forbidden` unless a rule lets the caller act on the target.

    The target's words are those of the rule's check: `project_id` and `user_id` of the resource, `target.user.id` and
    so on. Without a target it is whatever the caller's own project and user may do.
    """
    if not allows(caller, rule, target):
        raise Forbidden(
            f"Policy doesn't allow {rule} to be performed",
            detail=f"The rule decides who may: {_describe(rule).lower()}. {_who(caller)}",
            remedy=_remedy(caller, rule),
            code="not-permitted",
        )


def allows(caller: Caller, rule: str, target: Target | None = None) -> bool:
    """True when `authorize` would raise nothing."""
    policy = caller.policy or built_in()
    return policy.allows(caller, rule, own_target(caller) if target is None else target)


def own_target(caller: Caller) -> Target:
    """A resource of the caller: the target for a check before the actual resource is known."""
    return {
        "project_id": caller.project_id,
        "user_id": caller.user_id,
        "owner": caller.project_id,
        "member_id": caller.project_id,
        "target.user.id": caller.user_id,
        "target.project.id": caller.project_id,
        "target.token.user_id": caller.user_id,
        "target.credential.user_id": caller.user_id,
        "target.limit.project_id": caller.project_id,
        "target.limit.domain_id": caller.domain_id,
        "trust.trustor_user_id": caller.user_id,
        "target.trust.trustor_user_id": caller.user_id,
        "target.trust.trustee_user_id": caller.user_id,
        **dict.fromkeys(_IN_DOMAIN, caller.domain_id),
        "target.domain.id": caller.domain_id or caller.project_domain_id,
        "target.role.domain_id": None,
        "target.role.name": "member",
    }


@cache
def built_in() -> Policy:
    """The rules without a file."""
    return Policy()


def _default(rule: Rule) -> oslo.RuleDefault:
    return oslo.RuleDefault(rule.name, rule.check, description=rule.description)


def _credentials(who: _Who) -> dict[str, Any]:
    return {
        "user_id": who.user_id,
        "project_id": who.project_id or None,
        "roles": sorted(who.roles),
        "system_scope": "all" if who.is_system else None,
        "domain_id": who.domain_id or None,
        "token": {
            "domain": {"id": who.domain_id or None},
            "project": {"domain": {"id": who.project_domain_id or None}},
        },
    }


def _is_hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _read(file: Path) -> dict[str, str]:
    try:
        found = yaml.safe_load(file.read_text("utf-8")) or {}
        assert isinstance(found, dict)
        checks = {str(name): check for name, check in found.items()}
        assert all(isinstance(check, str) for check in checks.values())
        oslo.Rules.from_dict(checks)
    except (OSError, ValueError, yaml.YAMLError, AssertionError) as error:
        raise InvalidConfig(
            f"The policy file {file} can't be read",
            detail=str(error) or "It must be a YAML mapping of rule names to checks, which are text.",
            remedy="See docs/how-to/rights.md, or remove [oslo_policy] policy_file.",
            code="policy-file",
        ) from error
    return checks


def _describe(rule: str) -> str:
    return RULES[rule].description


def _who(caller: Caller) -> str:
    if caller.is_system:
        place = "on the system"
    elif caller.domain_id:
        place = f"on domain {caller.domain_name}"
    else:
        place = f"in project {caller.project_name or caller.project_id}" if caller.project_id else "in no project"
    return f"User {caller.user_name} has {place} the roles {', '.join(sorted(caller.roles)) or '(none)'}"


def _remedy(caller: Caller, rule: str) -> str:
    if not caller.scope:
        return "Take a token for a project: set OS_PROJECT_NAME."
    if RULES[rule].scopes and caller.scope not in RULES[rule].scopes:
        return (
            "Take a token for a project: set OS_PROJECT_NAME; unset OS_SYSTEM_SCOPE, OS_DOMAIN_ID and OS_DOMAIN_NAME."
        )
    return "Ask someone with the admin role, or see docs/reference/policy.md for who may."
