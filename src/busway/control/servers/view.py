"""A stored server as its user sees it."""

from __future__ import annotations

from busway.domain.placement import ZONE
from busway.domain.server import Server, ServerAddress
from busway.store.servers import ServerRow


def server_view(
    row: ServerRow, addresses: tuple[ServerAddress, ...], host_name: str | None, zone: str | None = None
) -> Server:
    """Joins a server with its addresses, its host's name, and the zone of its host where that is not the default."""
    return Server(
        id=row.id,
        number=row.number,
        name=row.name,
        hostname=row.hostname,
        description=row.description,
        project_id=row.project_id,
        user_id=row.user_id,
        status=row.status,
        task_state=row.task_state,
        power=row.power,
        flavor=row.flavor,
        image_id=row.image_id,
        created=row.created,
        updated=row.updated,
        host_id=row.host_id,
        host_name=host_name,
        key_name=row.key_name,
        config_drive=row.config_drive,
        metadata=row.metadata,
        tags=tuple(row.tags),
        addresses=addresses,
        availability_zone=(zone or ZONE) if row.host_id is not None else row.availability_zone,
        pinned_zone=row.availability_zone or None,
        launched=row.launched,
        terminated=row.terminated,
        fault=row.fault,
        user_data=row.user_data,
        scheduler_hints=row.hints,
        locked=row.locked_by is not None,
        locked_reason=row.locked_reason,
        access_ipv4=row.access_ipv4 or "",
        access_ipv6=row.access_ipv6 or "",
        disk_config=row.disk_config,
        reservation_id=row.reservation_id,
        launch_index=row.launch_index,
    )
