"""How much of its host's Desired document one server and one project can take: no document is ever too large to be told.

A server's part is bounded by its texts, which are counted when they are accepted, and by Nova's and Neutron's own numbers of
cards, groups, pairs and options; a host has a bounded number of servers. The security groups of a document share what is theirs: a
project whose groups would take more than its even part has the last of them told without rules and members, which lets less
through and costs nobody else anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from busway.domain.errors import BadInput
from busway.domain.guest_network import NicGroup
from busway.domain.ids import SecurityGroupId
from busway.domain.requests import GivenFile

# What Nova lets a user write: 128 items of metadata and 65,535 characters of user data, and a key pair.
TEXT_BYTES = 192 * 1024
# All of a server: its texts, 64 cards of 50 groups, 10 pairs, 8 DHCP options and 10 routes each, 64 NUMA cells, 512 vCPUs with pins; its devices aside.
SERVER_BYTES = 904 * 1024
GROUPS_BYTES = 96 * 1024**2
SERVERS_PER_HOST = 200
_GROUP, _RULE, _MEMBER = 96, 240, 48  # bytes of JSON, at most


def text_bytes(
    metadata: Mapping[str, str],
    user_data: str | None,
    key_name: str | None,
    public_key: str | None,
    files: Sequence[GivenFile] = (),
) -> int:
    """The bytes that a server's texts take in its host's document; a key pair stands there twice."""
    fitting = {"meta": dict(metadata), "keys": [[key_name, public_key]] * 2 if public_key else []}
    listed = [{"path": file.path, "content_path": "/content/0000"} for file in files]
    # meta_data.json is a text within the document.
    size = len(json.dumps(json.dumps(fitting | {"files": listed} if listed else fitting)))
    return size + len(user_data or "") + sum(len(file.contents) for file in files)


def check_texts(
    metadata: Mapping[str, str],
    user_data: str | None,
    key_name: str | None,
    public_key: str | None,
    files: Sequence[GivenFile] = (),
) -> None:
    """Raises `BadInput` for texts that take more of a host's document than one server may."""
    size = text_bytes(metadata, user_data, key_name, public_key, files)
    if size > TEXT_BYTES:
        raise BadInput(
            "The metadata, the user data, the files and the key of the server are too large together",
            detail=f"They take {size} bytes of the document that its host reads; at most {TEXT_BYTES} are allowed.",
            remedy="Write less metadata (letters beyond ASCII take up to 14 bytes), or let the guest fetch its data itself.",
            code="server-texts",
        )


def fair_groups(groups: Iterable[tuple[str, NicGroup]], room: int = GROUPS_BYTES) -> tuple[list[NicGroup], list[str]]:
    """The groups as they are told, each with its project before, and the projects whose groups are not told in full."""
    held: dict[str, list[NicGroup]] = {}
    for project, group in groups:
        held.setdefault(project, []).append(group)
    fitting: list[NicGroup] = []
    short = []
    for project, of_project in held.items():
        kept = _within(of_project, room // len(held))
        fitting += kept
        if kept != of_project:
            short.append(project)
    return sorted(fitting, key=lambda group: group.id), short


def _within(groups: Sequence[NicGroup], room: int) -> list[NicGroup]:
    left = room - _GROUP * len(groups)
    kept = []
    for group in groups:
        size = _RULE * len(group.rules) + _MEMBER * len(group.members)
        kept.append(group if size <= left else NicGroup(SecurityGroupId(group.id)))
        left -= size if size <= left else 0
    return kept
