"""Detached devices that guests have not released yet: they still count for the quota of their project."""

from __future__ import annotations

from sqlalchemy import and_, func, select

from busway.domain.claim import ClaimState
from busway.domain.ids import UserId
from busway.domain.server import ServerStatus
from busway.domain.units import WholeFunction
from busway.store.claims import claims
from busway.store.database import Tx
from busway.store.departures import departures
from busway.store.devices import devices
from busway.store.owners import Owners, owned_by
from busway.store.servers import servers


def count_kept(tx: Tx, of: Owners, user_id: UserId | None = None) -> dict[str, int]:
    """Returns how many there are by alias, of servers of one or several projects, or of one of their users.

    Quarantined devices are not counted.
    """
    # SELECT alias, count(*) FROM claims JOIN servers (on its host) JOIN devices LEFT JOIN departures … GROUP BY alias
    leaving = and_(departures.c.server_id == claims.c.server_id, departures.c.host_id == claims.c.host_id)
    statement = (
        select(claims.c.alias, func.count())
        .join(servers, and_(servers.c.id == claims.c.server_id, servers.c.host_id == claims.c.host_id))
        .join(devices, devices.c.id == claims.c.device_id)
        .outerjoin(departures, leaving)
        .where(
            owned_by(servers.c.project_id, of),
            servers.c.status != str(ServerStatus.DELETED),
            claims.c.state == str(ClaimState.RELEASING),
            claims.c.kind == WholeFunction.kind,
            claims.c.alias.is_not(None),
            devices.c.quarantined.is_(None),
            departures.c.server_id.is_(None),
        )
        .group_by(claims.c.alias)
    )
    if user_id is not None:
        statement = statement.where(servers.c.user_id == user_id)
    return {str(alias): count for alias, count in tx.execute(statement)}
