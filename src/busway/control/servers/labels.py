"""Use cases of a server's user: its metadata and its tags, which a running guest's config drive has from its next start on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from busway.control import quotas
from busway.control.context import Control
from busway.control.servers.access import server_row
from busway.domain.caller import Caller
from busway.domain.document_room import check_texts
from busway.domain.errors import BadInput, NotFound
from busway.domain.quota import Usage
from busway.store import hosts, servers

MOST_TAGS = 50


def change_metadata(
    control: Control, caller: Caller, server_id: str, act: str, change: Callable[[dict[str, str]], Mapping[str, str]]
) -> dict[str, str]:
    """Replaces a server's metadata by what `change` makes of it; raises `OverQuota` for more items than it may have."""
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, act, lock=True)
        made = dict(change(dict(row.metadata)))
        if len(made) > len(row.metadata):
            items = Usage({"metadata_items": len(made)})
            quotas.check(control, tx, row.project_id, items, user_id=row.user_id, used=Usage())
        check_texts(made, row.user_data, row.key_name, row.public_key, row.files)
        values: dict[str, object] = {"metadata": made}
        if row.host_id is not None:
            hosts.bump_generation(tx, row.host_id)
        servers.update_server(tx, row.id, control.now(), **values)
    if row.host_id is not None:
        control.bell.ring(f"host:{row.host_id}")
    return made


def delete_metadata_item(control: Control, caller: Caller, server_id: str, key: str) -> None:
    """Takes one item away; raises `NotFound` where there is none."""

    def without(held: dict[str, str]) -> dict[str, str]:
        if key not in held:
            raise NotFound(f"Metadata item '{key}' was not found", code="metadata-not-found")
        return {name: value for name, value in held.items() if name != key}

    change_metadata(control, caller, server_id, "deleteMetadata", without)


def set_tags(control: Control, caller: Caller, server_id: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Replaces all tags of a server."""
    return _change_tags(control, caller, server_id, "setTags", lambda _held: tags)


def add_tag(control: Control, caller: Caller, server_id: str, tag: str) -> bool:
    """Adds one tag; True unless it was there."""
    was_there = False

    def with_it(held: Sequence[str]) -> Sequence[str]:
        nonlocal was_there
        was_there = tag in held
        return (*held, tag)

    _change_tags(control, caller, server_id, "addTag", with_it)
    return not was_there


def delete_tag(control: Control, caller: Caller, server_id: str, tag: str) -> None:
    """Takes one tag away; raises `NotFound` where there is none."""

    def without(held: Sequence[str]) -> Sequence[str]:
        if tag not in held:
            raise NotFound(f"Server {server_id} has no tag '{tag}'", code="tag-not-found")
        return [each for each in held if each != tag]

    _change_tags(control, caller, server_id, "deleteTag", without)


def delete_tags(control: Control, caller: Caller, server_id: str) -> None:
    """Takes all tags away."""
    _change_tags(control, caller, server_id, "deleteTags", lambda _held: ())


def _change_tags(
    control: Control,
    caller: Caller,
    server_id: str,
    act: str,
    change: Callable[[Collection[str]], Collection[str]] | Callable[[Sequence[str]], Sequence[str]],
) -> tuple[str, ...]:
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, act, lock=True)
        made = tuple(dict.fromkeys(change(tuple(row.tags))))
        if len(made) > MOST_TAGS:
            raise BadInput(
                f"The number of tags exceeded the per-server limit {MOST_TAGS}",
                remedy="Remove other tags first.",
                code="too-many-tags",
            )
        servers.update_server(tx, row.id, control.now(), tags=list(made))
    return made
