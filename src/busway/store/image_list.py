"""Lists of images: visibility, filters, order and page are in the statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, cast, func, not_, or_, select, true
from sqlalchemy import String as Text

from busway.domain.ids import ProjectId
from busway.domain.image import NOT_YET, Image
from busway.domain.image_member import MemberStatus
from busway.store.database import Tx
from busway.store.image_members import image_members
from busway.store.images import image_of, images
from busway.store.json_list import holds
from busway.store.paging import SortKey, in_seconds, page_of, second_after

_NEWEST = (SortKey(images.c.created, descending=True), SortKey(images.c.id, descending=True))
# Fields that lists are filtered by, with their columns; any other name is that of a property.
IMAGE_FIELDS: dict[str, ColumnElement[object]] = {
    **{name: images.c[name] for name in ("id", "name", "status", "visibility", "owner", "disk_format")},
    **{name: images.c[name] for name in ("container_format", "min_ram", "min_disk", "size", "virtual_size")},
}
# What no user sees before the image is imported.
_DIGESTS = {"checksum": images.c.md5, "os_hash_algo": images.c.hash_algo, "os_hash_value": images.c.hash_value}
_IS_IMPORTED = images.c.status.not_in(list(map(str, NOT_YET)))
IMAGE_DIGESTS: dict[str, ColumnElement[object]] = {
    name: case((_IS_IMPORTED, column), else_=None) for name, column in _DIGESTS.items()
}
IMAGE_SORT_KEYS = {
    "created_at": SortKey(images.c.created),
    "updated_at": SortKey(images.c.updated),
    **{name: SortKey(column, nullable=True) for name, column in IMAGE_FIELDS.items()},
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter on a field or property: its value `is_in` the values, or is not."""

    name: str
    values: tuple[str, ...]
    is_in: bool = True


@dataclass(frozen=True, slots=True)
class TimeCondition:
    """One filter of `IMAGE_TIMES`, by an operator of `TIME_OPERATORS`; a time is as it is shown, without fractions of its second."""

    name: str
    operator: str
    moment: datetime


IMAGE_TIMES: dict[str, ColumnElement[datetime]] = {"created_at": images.c.created, "updated_at": images.c.updated}
TIME_OPERATORS: dict[str, Callable[[ColumnElement[datetime], datetime], ColumnElement[bool]]] = {
    "eq": lambda column, moment: in_seconds(column, [moment]),
    "neq": lambda column, moment: not_(in_seconds(column, [moment])),
    "gt": lambda column, moment: column >= second_after(moment),
    "gte": lambda column, moment: column >= moment,
    "lt": lambda column, moment: column < moment,
    "lte": lambda column, moment: column < second_after(moment),
}


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """A filter for images, newest first unless `sort` says otherwise.

    `project_id` is the project that sees them: its own images, public ones, and those shared with it and with
    `member_status` ("all" for any); None sees all. `visibility` is one of them, or "all"; "all" and "community"
    include community images of other projects. `sort` has pairs of a name of `IMAGE_SORT_KEYS` and whether it
    descends. `marker` is the id of the last image already seen.
    """

    project_id: ProjectId | None = None
    visibility: str | None = None
    member_status: str = MemberStatus.ACCEPTED
    conditions: tuple[Condition, ...] = ()
    times: tuple[TimeCondition, ...] = ()
    tags: tuple[str, ...] = ()
    size_min: int | None = None
    size_max: int | None = None
    changes_since: datetime | None = None
    hidden: bool = False
    protected: bool | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    marker: str | None = None


def list_page(tx: Tx, wanted: ImageFilter) -> list[Image]:
    """Lists the images that match a filter; raises `BadInput` for an unknown marker."""
    conditions = [images.c.deleted.is_(None), images.c.hidden.is_(wanted.hidden), _seen(wanted)]
    if wanted.visibility not in (None, "all"):
        conditions.append(images.c.visibility == wanted.visibility)
    conditions += [_condition(each) for each in wanted.conditions]
    conditions += [TIME_OPERATORS[each.operator](IMAGE_TIMES[each.name], each.moment) for each in wanted.times]
    conditions += [holds(tx, images.c.tags, tag) for tag in wanted.tags]
    size = func.coalesce(images.c.size, 0)
    if wanted.size_min is not None:
        conditions.append(size >= wanted.size_min)
    if wanted.size_max is not None:
        conditions.append(size <= wanted.size_max)
    if wanted.changes_since is not None:
        conditions.append(images.c.updated >= wanted.changes_since)
    if wanted.protected is not None:
        conditions.append(images.c.protected.is_(wanted.protected))
    marker = None
    if wanted.marker is not None:
        marker = and_(images.c.id == wanted.marker, images.c.deleted.is_(None), _seen(wanted))
    page = page_of(tx, select(images).where(*conditions), _keys(wanted.sort), marker=marker, limit=wanted.limit)
    return [image_of(row) for row in tx.execute(page)]


def _keys(sort: Sequence[tuple[str, bool]]) -> list[SortKey]:
    named = [SortKey(key.column, down, key.nullable) for name, down in sort for key in [IMAGE_SORT_KEYS[name]]]
    return [*named, *_NEWEST]


def _seen(wanted: ImageFilter) -> ColumnElement[bool]:
    if wanted.project_id is None:
        return true()
    seen = [images.c.visibility == "public", images.c.owner == wanted.project_id]
    if wanted.visibility in ("all", "community"):
        seen.append(images.c.visibility == "community")
    shared = select(image_members.c.image_id).where(image_members.c.project_id == wanted.project_id)
    if wanted.member_status != "all":
        shared = shared.where(image_members.c.status == wanted.member_status)
    return or_(*seen, and_(images.c.visibility == "shared", images.c.id.in_(shared)))


def _condition(each: Condition) -> ColumnElement[bool]:
    column = (IMAGE_FIELDS | IMAGE_DIGESTS).get(each.name)
    if column is None:
        column = images.c.properties[each.name].as_string()
    if each.name in _DIGESTS and each.is_in:
        return and_(_DIGESTS[each.name].in_(each.values), _IS_IMPORTED)  # an index may be of use
    if isinstance(column.type, Text) and each.is_in:
        return column.in_(each.values)  # an index may be of use
    text = func.coalesce(cast(column, Text), "")
    return text.in_(each.values) if each.is_in else text.not_in(each.values)
