"""Models of devices that hosts have: what one of each is, found by indexes without reading the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, tuple_, union_all

from busway.domain.device import ClassCode
from busway.domain.mdev import MdevParentSeen
from busway.store.database import Tx
from busway.store.devices import devices
from busway.store.providers import seen_parent

_AT_ONCE = 100  # models asked for in one statement
_MOST_PARENTS = 64  # models of parents that are looked through

_IDS = (devices.c.vendor_id, devices.c.product_id)
_IS_PARENT = devices.c.mdev.is_not(None)
_READ = (*_IDS, devices.c.product_name, devices.c.class_code)


@dataclass(frozen=True, slots=True)
class Model(ClassCode):
    """What devices with these ids are, by one of them; `parent` is what it can be cut into, if it was asked for."""

    vendor_id: str
    product_id: str
    product_name: str
    class_code: str
    parent: MdevParentSeen | None = None


def list_models(tx: Tx, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Model]:
    """Returns what devices with these pairs of vendor and product are; pairs that no host has are left out."""
    found = {}
    for start in range(0, len(ids), _AT_ONCE):
        ones = [_one_of(*pair).subquery() for pair in ids[start : start + _AT_ONCE]]
        for row in tx.execute(union_all(*(select(one) for one in ones))):
            found[row.vendor_id, row.product_id] = Model(*row)
    return found


def list_parent_models(tx: Tx) -> list[Model]:
    """Returns one parent of mediated devices of each model that hosts have, at most 64."""
    found: list[Model] = []
    statement = select(*_READ, devices.c.mdev).where(_IS_PARENT).order_by(*_IDS).limit(1)
    row = tx.execute(statement).first()
    while row is not None and len(found) < _MOST_PARENTS:
        names = row.vendor_id, row.product_id, row.product_name, row.class_code
        found.append(Model(*names, parent=seen_parent(row.mdev)))
        row = tx.execute(statement.where(tuple_(*_IDS) > (row.vendor_id, row.product_id))).first()
    return found


def _one_of(vendor_id: str, product_id: str) -> Select[Any]:
    return select(*_READ).where(devices.c.vendor_id == vendor_id, devices.c.product_id == product_id).limit(1)
