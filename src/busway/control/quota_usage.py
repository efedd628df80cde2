"""What of the resources of quotas projects and their users have; networks count theirs themselves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from busway.domain.ids import UserId
from busway.domain.quota import CLASSES, DEVICES, OF_SERVERS, Usage, usage_of
from busway.store import groups, images, kept_devices, servers
from busway.store.database import Tx
from busway.store.owners import Owners

_OF_PROJECTS: Mapping[str, Callable[[Tx, Owners], int]] = {
    "image_count_total": images.count_images,
    "image_size_total": lambda tx, of: -(-images.sum_sizes(tx, of) // 1024**2),
    "image_stage_total": lambda tx, of: -(-images.sum_sizes(tx, of, is_staged=True) // 1024**2),
}


def used_of(tx: Tx, of: Owners, names: Collection[str], user_id: UserId | None = None) -> Usage:
    """Returns what projects have of these resources, or one of their users of those that are a user's; nothing else is read."""
    used = Usage({name: count(tx, of) for name, count in _OF_PROJECTS.items() if name in names})
    if "server_groups" in names:
        used += Usage({"server_groups": groups.count_groups(tx, of, user_id)})
    if any(name.startswith(DEVICES) for name in names):
        kept = kept_devices.count_kept(tx, of, user_id)
        used += Usage({f"{DEVICES}{alias}": count for alias, count in kept.items()})
    if any(name in OF_SERVERS or name.startswith((DEVICES, CLASSES)) for name in names):
        in_use = servers.list_flavors_in_use(tx, of, user_id)
        # A soft-deleted server is no instance, as in Nova; the rest is counted as long as it keeps it.
        gone = Usage({"instances": sum(each.is_kept for each in in_use)})
        used += usage_of(each.flavor for each in in_use) - gone
    return used
