"""Limits: what a project may have, and what of it it has; of a user with limits of their own, what they may have."""

from __future__ import annotations

from collections.abc import Callable

from busway.api.answer import EMPTY, NUMBER, shape, wrap
from busway.api.call import Call, Reply
from busway.api.compute.links import STRICT
from busway.api.fields import Field, fixed, render, shape_of
from busway.api.operation import Operation
from busway.api.schema import WORD
from busway.control import quotas, user_quotas
from busway.control.quotas import Quota
from busway.domain.quota import UNLIMITED

_ROOT = "/compute/v2.1"


def _limit(resource: str) -> Callable[[Quota, Call], int]:
    return lambda quota, _call: quota.limits.get(resource, UNLIMITED)


def _used(resource: str) -> Callable[[Quota, Call], int]:
    return lambda quota, _call: quota.used.get(resource, 0)


_NETWORKS_UNTIL = 35
_ABSOLUTE: tuple[Field[Quota], ...] = (
    Field("maxTotalInstances", _limit("instances"), NUMBER),
    Field("maxTotalCores", _limit("cores"), NUMBER),
    Field("maxTotalRAMSize", _limit("ram"), NUMBER),
    Field("maxTotalKeypairs", _limit("key_pairs"), NUMBER),
    Field("maxServerMeta", _limit("metadata_items"), NUMBER),
    Field("maxServerGroups", _limit("server_groups"), NUMBER),
    Field("maxServerGroupMembers", _limit("server_group_members"), NUMBER),
    Field("totalInstancesUsed", _used("instances"), NUMBER),
    Field("totalCoresUsed", _used("cores"), NUMBER),
    Field("totalRAMUsed", _used("ram"), NUMBER),
    Field("totalServerGroupsUsed", _used("server_groups"), NUMBER),
    Field("maxImageMeta", fixed(UNLIMITED), NUMBER, until=38),
    Field("maxPersonality", _limit("injected_files"), NUMBER, until=56),
    Field("maxPersonalitySize", _limit("injected_file_content_bytes"), NUMBER, until=56),
    Field("maxTotalFloatingIps", _limit("floatingip"), NUMBER, until=_NETWORKS_UNTIL),
    Field("maxSecurityGroups", _limit("security_group"), NUMBER, until=_NETWORKS_UNTIL),
    Field("maxSecurityGroupRules", _limit("security_group_rule"), NUMBER, until=_NETWORKS_UNTIL),
    Field("totalFloatingIpsUsed", _used("floatingip"), NUMBER, until=_NETWORKS_UNTIL),
    Field("totalSecurityGroupsUsed", _used("security_group"), NUMBER, until=_NETWORKS_UNTIL),
)


def _limits(call: Call) -> Reply:
    project = call.text("tenant_id") or call.caller.project_id
    other = project != call.caller.project_id
    rule = f"os_compute_api:limits{':other_project' if other else ''}"
    networks = call.version <= _NETWORKS_UNTIL
    if other:
        quota = quotas.get_quota(call.control, call.caller, project, rule, networks=networks, images=False)
    else:
        quota = user_quotas.get_callers_quota(call.control, call.caller, project, rule, networks=networks)
    return Reply({"limits": {"rate": [], "absolute": render(_ABSOLUTE, quota, call)}})


OPERATIONS = (
    Operation(
        "GET",
        f"{_ROOT}/limits",
        _limits,
        query={"tenant_id": WORD},
        strict=STRICT,
        rule="os_compute_api:limits",
        answer=wrap("limits", shape({"rate": EMPTY, "absolute": shape_of(_ABSOLUTE, "limits")})),
    ),
)
