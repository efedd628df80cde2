"""The revisions of what the network API has, by the words of its paths: read under a lock, and increased from elsewhere."""

from __future__ import annotations

from sqlalchemy import Connection, case, or_, select

from busway.domain.errors import PreconditionFailed
from busway.store.database import Tx
from busway.store.floating_ips import floating_ips
from busway.store.networks import networks, revise_subnet
from busway.store.ports import ports
from busway.store.precondition import Precondition
from busway.store.revision import revise
from busway.store.routers import routers
from busway.store.security_groups import security_group_rules, security_groups
from busway.store.trunks import trunks

SUBNETS = "subnets"
_TABLES = {
    "networks": networks,
    "ports": ports,
    "routers": routers,
    "floatingips": floating_ips,
    "trunks": trunks,
    "security-groups": security_groups,
    "security-group-rules": security_group_rules,
}
REVISED = frozenset({SUBNETS, *_TABLES})


def has_revision(collection: str, resource_id: str, expected: int) -> Precondition:
    """The precondition that a resource has a revision, or is not there, which is for the request itself to find."""

    def look(tx: Connection) -> PreconditionFailed | None:
        present = _locked(tx, collection, resource_id)
        if present in (None, expected):
            return None
        return PreconditionFailed(
            f"Constrained to {expected}, but current revision is {present}",
            detail="It has been changed since it was read.",
            remedy="Read it again.",
        )

    return Precondition(look)


def _locked(tx: Connection, collection: str, resource_id: str) -> int | None:
    """Returns the revision of a resource, which nobody else changes until the transaction ends; None if there is none."""
    if collection == SUBNETS:
        n = networks.c
        statement = select(case((n.subnet_id == resource_id, n.subnet_revision), else_=n.subnet6_revision)).where(
            or_(n.subnet_id == resource_id, n.subnet6_id == resource_id)
        )
    else:
        table = _TABLES[collection]
        statement = select(table.c.revision).where(table.c.id == resource_id)
    found = tx.execute(statement.with_for_update()).scalar()
    return None if found is None else int(found)


def revise_resource(tx: Tx, collection: str, resource_id: str) -> None:
    """Increases the revision of a resource, because its tags have changed."""
    if collection == SUBNETS:
        revise_subnet(tx, resource_id)
    else:
        revise(tx, _TABLES[collection], resource_id)
