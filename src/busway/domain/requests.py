"""What a user asks of the control plane, parsed at the edge into values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from busway.domain.flavor import Flavor
from busway.domain.ids import ImageId, NetworkId, PortId, ProjectId
from busway.domain.server import ServerStatus


@dataclass(frozen=True, slots=True)
class NetworkRef:
    """One network card that a user asked for: on a network (any free address, or `fixed_ip`), or an existing port.

    Its guest finds the card by `tag` in its metadata; "" for none.
    """

    network_id: NetworkId | None = None
    port_id: PortId | None = None
    fixed_ip: str | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that a user puts into a guest: where it goes there, and what is in it in base64."""

    path: str
    contents: str


@dataclass(frozen=True, slots=True)
class CreateServer:
    """A request for one or several equal servers.

    With `max_count` above one, the servers are named name-1, name-2 and so on, as Nova does. `host` pins the host;
    `availability_zone` is the zone alone (the edge has split "zone:host"). `user_data` is base64.
    """

    name: str
    flavor: Flavor
    image_id: ImageId
    key_name: str | None = None
    user_data: str | None = None
    files: tuple[GivenFile, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    config_drive: bool = True
    availability_zone: str | None = None
    host: str | None = None
    description: str | None = None
    hostname: str | None = None
    min_count: int = 1
    max_count: int = 1
    networks: Literal["auto", "none"] | tuple[NetworkRef, ...] = "auto"
    makes_network: bool = False  # with networks "auto": one is made for a project that has none
    security_groups: tuple[str, ...] = ()  # names or ids; none means the project's default group
    hints: Mapping[str, object] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    access_ipv4: str | None = None
    access_ipv6: str | None = None
    disk_config: str = "MANUAL"
    admin_pass: str | None = field(default=None, repr=False)  # the guest gets it in its metadata, once

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the servers to make, in order."""
        if self.max_count == 1:
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.max_count + 1))


@dataclass(frozen=True, slots=True)
class ServerFilter:
    """Which servers a listing holds, and in which order; what is None or empty lets every server through.

    `patterns` are regular expressions that may match anywhere, as in Nova: of "name", "hostname", "description", "ip" and
    "ip6". `equal` has values of fields of a stored server by their names; `within` has times of one second. `tags` must all
    be there, of `any_tags` one; of `not_tags` one must be missing, of `not_any_tags` all. `host` is a host's name, `zone` where
    a server is, or waits to be. `changes_since` also brings deleted and soft-deleted servers, `soft_deleted` these beside those that are there or, with `deleted`, the deleted ones. `nothing` is set where a constant was asked for
    that no server has. `sort` has pairs of a name of `SERVER_SORT_KEYS` and whether it descends; without any, the newest come
    first. `limit` None means no limit; `marker` is the last server already seen. `all_projects` and `deleted` are for admins.
    """

    patterns: Mapping[str, str] = field(default_factory=dict)
    equal: Mapping[str, object] = field(default_factory=dict)
    within: Mapping[str, datetime] = field(default_factory=dict)
    statuses: frozenset[ServerStatus] | None = None
    locked: bool | None = None
    host: str | None = None
    zone: str | None = None
    reservation: str | None = None
    tags: tuple[str, ...] = ()
    any_tags: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    not_any_tags: tuple[str, ...] = ()
    project_id: ProjectId | None = None
    all_projects: bool = False
    deleted: bool = False
    soft_deleted: bool = False
    changes_since: datetime | None = None
    changes_before: datetime | None = None
    nothing: bool = False
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    marker: str | None = None
