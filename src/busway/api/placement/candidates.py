"""Allocation candidates: which providers could serve a request for resources now."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.api.call import Call, Reply
from busway.api.placement import query
from busway.api.placement.answer import dated, operation
from busway.api.placement.answers import CANDIDATES
from busway.api.schema import COUNT, WORD
from busway.control.providers.read import list_candidates
from busway.domain.allocation_candidates import MOST, Candidate, CandidateRequest, RequestGroup
from busway.domain.errors import BadInput
from busway.domain.provider import ResourceProvider, is_uuid

_KNOWN = {
    "resources": 10,
    "limit": 16,
    "required": 17,
    "member_of": 21,
    "group_policy": 25,
    "in_tree": 31,
    "root_required": 35,
    "same_subtree": 36,
}
_NUMBERED = re.compile(r"(?P<word>resources|required|member_of|in_tree)(?P<suffix>[1-9][0-9]*)?", re.ASCII)
_NAMED = re.compile(r"(?P<word>resources|required|member_of|in_tree)(?P<suffix>[A-Za-z0-9_-]{1,64})?", re.ASCII)
_GRANULAR, _WORDS, _SUBTREE = 25, 33, 36
_AS_OBJECT, _WITH_TRAITS, _ALL_CLASSES, _NESTED, _MAPPED = 12, 17, 27, 29, 34


def _list(call: Call) -> Reply:
    pattern = _NAMED if call.version >= _WORDS else _NUMBERED
    query.refuse_unknown(call, _KNOWN, [(pattern, _GRANULAR)])
    request = _request(call, pattern)
    limit = call.number("limit")
    if limit == 0:
        raise BadInput("Invalid query string parameters: 'limit' must be 1 or more", code="query-unknown")
    found = list_candidates(call.control, request, MOST if limit is None else limit)
    if call.version < _NESTED:
        found = [each for each in found if set(each.amounts) == {each.tree.root.uuid}]
    asked = {name for group in request.groups.values() for name in group.resources}
    body = {
        "allocation_requests": [_allocation(call, each) for each in found],
        "provider_summaries": {provider.uuid: _summary(call, provider, asked) for provider in _providers(call, found)},
    }
    return dated(call, body)


def _request(call: Call, pattern: re.Pattern[str]) -> CandidateRequest:
    suffixes = sorted({match["suffix"] or "" for name in call.query if (match := pattern.fullmatch(name))})
    groups = {suffix: _group(call, suffix) for suffix in suffixes}
    subtrees = tuple(frozenset(each.split(",")) for each in call.query.getlist("same_subtree"))
    _check_groups(call, groups, subtrees)
    policy = call.text("group_policy")
    if policy not in (None, "none", "isolate"):
        raise BadInput(f"group_policy is none or isolate, not {policy[:40]}", code="query-unknown")
    if policy is None and sum(bool(suffix) for suffix in groups) > 1:
        raise BadInput(
            'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.',
            code="query-unknown",
        )
    required, forbidden = query.traits(call, "root_required")
    if any(len(each) > 1 for each in required):
        raise BadInput("root_required takes no in:", code="query-traits")
    return CandidateRequest(
        groups, frozenset().union(*required), forbidden, isolate=policy == "isolate", same_subtree=subtrees
    )


def _group(call: Call, suffix: str) -> RequestGroup:
    amounts, tree = call.text(f"resources{suffix}"), call.text(f"in_tree{suffix}")
    required, forbidden = query.traits(call, f"required{suffix}")
    inside, outside = query.member_of(call, f"member_of{suffix}")
    if tree is not None and not is_uuid(tree):
        raise BadInput(
            f"Expected 'in_tree{suffix}' parameter to be a format of uuid. Got: {tree[:80]}", code="query-uuid"
        )
    return RequestGroup(query.resources(amounts) if amounts else {}, required, forbidden, inside, outside, tree)


def _check_groups(call: Call, groups: dict[str, RequestGroup], subtrees: tuple[frozenset[str], ...]) -> None:
    named = frozenset().union(*subtrees)
    bare = sorted(suffix for suffix, group in groups.items() if not group.resources)
    if not groups or len(bare) == len(groups):
        raise BadInput("There must be at least one resources or resources[$S] parameter.", code="query-unknown")
    not_in_subtree = [suffix for suffix in bare if suffix not in named]
    if not_in_subtree and call.version < _SUBTREE:
        raise BadInput("All request groups must specify resources.", code="query-unknown")
    if not_in_subtree:
        raise BadInput(
            f"Resourceless suffixed group request should be specified in `same_subtree` query param: bad group(s) - {not_in_subtree}.",
            code="query-unknown",
        )
    if missing := sorted(named - set(groups)):
        raise BadInput(
            f"Real suffixes should be specified in `same_subtree`: {missing} not found in {sorted(groups)}.",
            code="query-unknown",
        )


def _allocation(call: Call, found: Candidate) -> dict[str, object]:
    if call.version < _AS_OBJECT:
        rows = [
            {"resource_provider": {"uuid": uuid}, "resources": dict(amounts)} for uuid, amounts in found.amounts.items()
        ]
        return {"allocations": rows}
    made: dict[str, object] = {
        "allocations": {uuid: {"resources": dict(amounts)} for uuid, amounts in found.amounts.items()}
    }
    if call.version >= _MAPPED:
        made["mappings"] = {suffix: list(providers) for suffix, providers in found.mappings.items()}
    return made


def _providers(call: Call, found: list[Candidate]) -> Iterator[ResourceProvider]:
    """All providers of the trees from 1.29 on; before, those that candidates name."""
    trees = {each.tree.root.uuid: each.tree for each in found}
    for tree in trees.values():
        yield from tree.providers if call.version >= _NESTED else (tree.root,)


def _summary(call: Call, provider: ResourceProvider, asked: set[str]) -> dict[str, object]:
    row: dict[str, object] = {
        "resources": {
            name: {"capacity": each.capacity, "used": provider.used[name]}
            for name, each in provider.inventories.items()
            if call.version >= _ALL_CLASSES or name in asked
        }
    }
    if call.version >= _WITH_TRAITS:
        row["traits"] = sorted(provider.traits)
    if call.version >= _NESTED:
        row |= {"parent_provider_uuid": provider.parent, "root_provider_uuid": provider.root}
    return row


_QUERY = {**dict.fromkeys(_KNOWN, WORD), "limit": COUNT}
OPERATIONS = (
    operation(
        "GET", "/allocation_candidates", _list, "allocation_candidates:list", since=10, query=_QUERY, answer=CANDIDATES
    ),
)
