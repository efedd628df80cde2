"""Use case: a server gets another flavor, on its own host if it can."""

from __future__ import annotations

from busway.control import quotas
from busway.control.context import Control
from busway.control.moves.begin import FROM, begin, ring
from busway.control.moves.hot_resize import begin_hot
from busway.control.moves.target import place_now, without_ephemeral
from busway.control.servers.access import note_action, placed_server
from busway.domain.caller import Caller
from busway.domain.errors import BadInput
from busway.domain.flavor import Flavor
from busway.domain.move import MoveKind
from busway.domain.quota import usage_of
from busway.store import images, servers
from busway.store.database import Tx, take_turn
from busway.store.servers import ServerRow


def resize_server(
    control: Control, caller: Caller, server_id: str, flavor: Flavor, request_id: str, *, disk_config: str | None = None
) -> None:
    """Asks for another flavor; raises `BadInput` that says why no host can take it. `disk_config` is kept, as in Nova."""
    with control.db.write() as tx:
        take_turn(tx, "place")
        row = placed_server(tx, caller, server_id, "resize", FROM)
        _check_flavor(tx, row, flavor)
        quotas.check(control, tx, row.project_id, usage_of([flavor]) - usage_of([row.flavor]), user_id=row.user_id)
        if begin_hot(control, tx, caller, row, flavor):
            target = row.host_id
        else:
            placement = place_now(control, tx, row, flavor, in_place=True, unfit=without_ephemeral(tx, row))
            target = begin(control, tx, caller, row, MoveKind.RESIZE, flavor, placement)
        assert target is not None
        if disk_config is not None:
            servers.update_server(tx, row.id, control.now(), disk_config=disk_config)
        note_action(tx, caller, row.id, "resize", request_id, control.now())
    control.crashpoint("move:after-commit")
    ring(control, row, target)


def _check_flavor(tx: Tx, row: ServerRow, flavor: Flavor) -> None:
    if flavor.id == row.flavor.id and flavor == row.flavor:
        raise BadInput(
            "When resizing, instances must change flavor!",
            detail=f"Server {row.id} has flavor {flavor.name} already.",
            remedy="Choose another one: openstack flavor list",
            code="same-flavor",
        )
    if flavor.disk_gb < row.flavor.disk_gb:
        raise BadInput(
            "A disk can't shrink",
            detail=f"It has {row.flavor.disk_gb} GB, flavor {flavor.name} gives {flavor.disk_gb} GB.",
            remedy="Choose a flavor whose disk is at least as large.",
            code="disk-shrinks",
        )
    if flavor.ephemeral_gb < row.flavor.ephemeral_gb:
        raise BadInput(
            "An ephemeral disk can't be made smaller",
            detail=f"It has {row.flavor.ephemeral_gb} GB, flavor {flavor.name} gives {flavor.ephemeral_gb} GB.",
            remedy="Choose a flavor whose ephemeral disk is at least as large.",
            code="disk-shrinks",
        )
    if row.image_words is None and (flavor.ephemeral_gb or flavor.swap_mb):
        raise BadInput(
            f"Server {row.id} was made by an earlier release, which knew no ephemeral and no swap disks",
            remedy="Rebuild it first, or choose a flavor without them.",
            code="machine-older",
        )
    image = images.find_image(tx, row.image_id)
    if image is not None and image.min_ram > flavor.ram_mb:
        raise BadInput(
            f"Flavor {flavor.name} is too small for image {image.name or image.id}",
            detail=f"The image needs {image.min_ram} MB of RAM.",
            remedy="Choose a larger flavor.",
            code="flavor-too-small",
        )
