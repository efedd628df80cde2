"""Which providers could serve a request for resources: Placement's allocation candidates, as a search that is bounded.

A request has groups. The one without a suffix may be served by several providers of a tree together; each other one by a
single provider, or by no more than its traits where it asks for no resources. All groups are served by one tree. Trees take
turns in giving candidates, so that a limit leaves as many hosts as it can; and a tree's search ends after so many steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from busway.domain.provider import ProviderTree, ResourceProvider

MOST = 1000  # candidates of one answer
_MOST_STEPS = (
    20_000  # of one tree from one candidate to the next: a search ends also where groups are in each other's way
)

Traits = tuple[frozenset[str], ...]
_Taken = Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RequestGroup:
    """Amounts by class, and what their provider must be like.

    Of each set in `required` it has one trait at least, of `forbidden` none; it is in one aggregate at least of each set in
    `member_of`, and in none of `outside`.
    """

    resources: Mapping[str, int] = field(default_factory=dict)
    required: Traits = ()
    forbidden: frozenset[str] = frozenset()
    member_of: tuple[frozenset[str], ...] = ()
    outside: frozenset[str] = frozenset()
    in_tree: str | None = None


@dataclass(frozen=True, slots=True)
class CandidateRequest:
    """The groups by suffix, "" for the one without; what the root must be like; and how groups stand to each other.

    With `isolate`, groups with a suffix are served by different providers. Of each set in `same_subtree`, one group's
    provider is above all others'.
    """

    groups: Mapping[str, RequestGroup]
    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()
    isolate: bool = False
    same_subtree: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Amounts by provider and class, and the providers that serve each group."""

    tree: ProviderTree
    amounts: Mapping[str, Mapping[str, int]]
    mappings: Mapping[str, tuple[str, ...]]


def candidates(trees: Sequence[ProviderTree], request: CandidateRequest, limit: int = MOST) -> list[Candidate]:
    """At most so many candidates, one of each tree after the other."""
    searches = [_search(tree, request) for tree in trees if _may_serve(tree, request)]
    return list(islice(_in_turn(searches), min(limit, MOST)))


def _in_turn(searches: list[Iterator[Candidate]]) -> Iterator[Candidate]:
    while searches:
        going = []
        for search in searches:
            found = next(search, None)
            if found is not None:
                yield found
                going.append(search)
        searches = going


def _may_serve(tree: ProviderTree, request: CandidateRequest) -> bool:
    """What can be said of a tree before any search: its root, the groups' trees, and enough of each class."""
    root = tree.root
    if not request.root_required <= root.traits or request.root_forbidden & root.traits:
        return False
    if any(group.in_tree and tree.find(group.in_tree) is None for group in request.groups.values()):
        return False
    wanted: Counter[str] = Counter()
    for group in request.groups.values():
        wanted.update(group.resources)
    return all(sum(each.free(name) for each in tree.providers) >= amount for name, amount in wanted.items())


@dataclass(slots=True)
class _Steps:
    left: int = _MOST_STEPS

    def another(self) -> bool:
        self.left -= 1
        return self.left >= 0


def _search(tree: ProviderTree, request: CandidateRequest) -> Iterator[Candidate]:
    """Groups with a suffix first, for they are the ones that can be in each other's way."""
    names = sorted((name for name in request.groups if name), key=lambda name: (_rarity(tree, request, name), name))
    steps = _Steps()
    for chosen, taken in _groups(tree, request, names, {}, Counter(), steps):
        if not all(_is_subtree(tree, chosen, suffixes) for suffixes in request.same_subtree):
            continue
        for shared in _unsuffixed(tree, request.groups.get(""), taken, steps):
            steps.left = _MOST_STEPS
            yield _candidate(tree, request, chosen, shared)


def _rarity(tree: ProviderTree, request: CandidateRequest, name: str) -> int:
    group = request.groups[name]
    return sum(_suits(each, group) for each in tree.providers)


def _groups(
    tree: ProviderTree,
    request: CandidateRequest,
    names: Sequence[str],
    chosen: dict[str, ResourceProvider],
    taken: _Taken,
    steps: _Steps,
) -> Iterator[tuple[dict[str, ResourceProvider], _Taken]]:
    """Every choice of one provider for each group that leaves room for the others."""
    if not names:
        yield dict(chosen), taken
        return
    name, group = names[0], request.groups[names[0]]
    for provider in tree.providers:
        if not steps.another():
            return
        if request.isolate and group.resources and provider.uuid in {each.uuid for each in chosen.values()}:
            continue
        if not _suits(provider, group) or not _has_room(provider, group, taken):
            continue
        more = Counter({(provider.uuid, key): amount for key, amount in group.resources.items()})
        yield from _groups(tree, request, names[1:], {**chosen, name: provider}, taken + more, steps)


def _suits(provider: ResourceProvider, group: RequestGroup) -> bool:
    return (
        all(provider.traits & any_of for any_of in group.required)
        and not group.forbidden & provider.traits
        and all(provider.aggregates & any_of for any_of in group.member_of)
        and not group.outside & provider.aggregates
        and all(key in provider.inventories for key in group.resources)
    )


def _has_room(provider: ResourceProvider, group: RequestGroup, taken: _Taken) -> bool:
    return all(provider.takes(key, amount, taken[provider.uuid, key]) for key, amount in group.resources.items())


def _unsuffixed(
    tree: ProviderTree, group: RequestGroup | None, taken: _Taken, steps: _Steps
) -> Iterator[dict[str, ResourceProvider]]:
    """A provider for each class of the group without a suffix, whose traits its providers have together."""
    if group is None:
        yield {}
        return
    if not all(tree.root.aggregates & any_of for any_of in group.member_of) or group.outside & tree.root.aggregates:
        return
    for chosen in _classes(tree, list(group.resources.items()), group.forbidden, taken, {}, steps):
        has = frozenset().union(*(each.traits for each in chosen.values()))
        if all(has & any_of for any_of in group.required):
            yield chosen


def _classes(
    tree: ProviderTree,
    wanted: Sequence[tuple[str, int]],
    forbidden: frozenset[str],
    taken: _Taken,
    chosen: dict[str, ResourceProvider],
    steps: _Steps,
) -> Iterator[dict[str, ResourceProvider]]:
    if not wanted:
        yield dict(chosen)
        return
    (name, amount), *rest = wanted
    for provider in tree.providers:
        if not steps.another():
            return
        if not forbidden & provider.traits and provider.takes(name, amount, taken[provider.uuid, name]):
            yield from _classes(tree, rest, forbidden, taken, {**chosen, name: provider}, steps)


def _is_subtree(tree: ProviderTree, chosen: Mapping[str, ResourceProvider], suffixes: frozenset[str]) -> bool:
    """True when one of the groups' providers is above all the others; a tree has a root and what is right below it."""
    serving = {chosen[suffix].uuid for suffix in suffixes if suffix in chosen}
    return len(serving) <= 1 or tree.root.uuid in serving


def _candidate(
    tree: ProviderTree,
    request: CandidateRequest,
    chosen: Mapping[str, ResourceProvider],
    shared: Mapping[str, ResourceProvider],
) -> Candidate:
    amounts: dict[str, Counter[str]] = {}
    for name, provider in chosen.items():
        if request.groups[name].resources:
            amounts.setdefault(provider.uuid, Counter()).update(request.groups[name].resources)
    for resource_class, provider in shared.items():
        amounts.setdefault(provider.uuid, Counter()).update(
            {resource_class: request.groups[""].resources[resource_class]}
        )
    mappings: dict[str, tuple[str, ...]] = {name: (provider.uuid,) for name, provider in chosen.items()}
    if shared:
        mappings[""] = tuple(sorted({provider.uuid for provider in shared.values()}))
    return Candidate(tree, amounts, mappings)
