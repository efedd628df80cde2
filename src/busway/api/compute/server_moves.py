"""Actions that move a server or change its size: resize, migrate, confirm, revert, evacuate, shelve, unshelve."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from busway.api.answer import NOTHING, TEXT, Part, wrap
from busway.api.call import ACCEPTED, NO_CONTENT, Call, Reply
from busway.api.compute.action import Action
from busway.api.schema import BOOLEAN, NAME, closed
from busway.control import aggregates, flavors
from busway.control.moves import verify
from busway.control.moves.begin_live import live_migrate_server
from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.evacuate import evacuate_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.moves.kinds.unshelve import Where, unshelve_server
from busway.control.servers import shelve
from busway.domain.errors import BadInput, Conflict, NotFound, NotSupported

_LETTING_GO_SECONDS, _LOOK_SECONDS = 5.0, 0.1
_RESIZE = closed(
    {
        "flavorRef": {"type": ["string", "integer"], "minLength": 1, "maxLength": 1024},
        "OS-DCF:diskConfig": {"enum": ["AUTO", "MANUAL"]},
    },
    "flavorRef",
)
_HOST = {"type": ["string", "null"], "maxLength": 255}
_TO_HOST = {"anyOf": [{"type": "null"}, closed({"host": _HOST})]}
_EVACUATE = {"host": NAME, "adminPass": {"type": "string", "maxLength": 255}}
_LIVE = {"block_migration": {"anyOf": [BOOLEAN, {"enum": ["auto"]}]}, "host": _HOST}
_LIVE_ALL = ("block_migration", "host")
_ZONE = {"type": ["string", "null"], "maxLength": 255}


def _resize(call: Call, given: Any) -> Reply:
    name = str(given["flavorRef"]).rpartition("/")[2]
    try:
        flavor = flavors.get_flavor(call.control, call.caller, name)
    except NotFound as error:
        raise BadInput(error.brief, detail=error.detail, remedy=error.remedy, code=error.code) from error
    disk_config = given.get("OS-DCF:diskConfig")
    resize_server(call.control, call.caller, call.path["id"], flavor, call.request_id, disk_config=disk_config)
    return ACCEPTED


def _migrate(call: Call, given: Any) -> Reply:
    host = given.get("host") if call.version >= 56 and given else None
    _once_left(call, partial(migrate_server, call.control, call.caller, call.path["id"], call.request_id, host))
    return ACCEPTED


def _migrate_live(call: Call, given: Any) -> Reply:
    """Disks are local, so they always go along; without them nothing would arrive."""
    if as_truth(given["block_migration"]) is False:
        raise BadInput(
            "Disks are on their hosts here, and a live migration copies them",
            detail="block_migration is false, which is for disks that both hosts share.",
            remedy="Ask for it: openstack server migrate --live-migration --block-migration, or use microversion 2.25 or later.",
            code="live-block",
        )
    if as_truth(given.get("disk_over_commit", False)):
        raise NotSupported(
            "A live migration counts the disks of a server whole",
            detail="disk_over_commit is true, which would count what they take up now. A disk may grow to its size at any time.",
            remedy="Leave out --disk-overcommit, or use microversion 2.25 or later.",
            code="live-over-commit",
        )
    _refuse_force(given)
    _once_left(
        call, partial(live_migrate_server, call.control, call.caller, call.path["id"], call.request_id, given["host"])
    )
    return ACCEPTED


def _once_left(call: Call, begin: Callable[[], None]) -> None:
    """Begins a move, at the latest after some seconds for which the host that the server came from still lets go of it.

    A server is ACTIVE on its new host a moment before the old one has told that nothing is left there; in Nova the old one is first.
    Only admins wait: it holds a thread.
    """
    until = time.monotonic() + _LETTING_GO_SECONDS
    while True:
        try:
            return begin()
        except Conflict as error:
            if error.code != "server-leaving" or not call.caller.is_admin or time.monotonic() >= until:
                raise
        time.sleep(_LOOK_SECONDS)


def _refuse_force(given: Any) -> None:
    """Nova takes a server that is forced past its scheduler; below 2.68."""
    if not as_truth(given.get("force", False)):
        return
    if not given.get("host"):
        raise BadInput("Can't force to a non-provided destination", remedy="Name a host.", code="move-force")
    raise NotSupported(
        f"A server goes to host {given['host']} only if it fits there",
        detail="force is true, which would not ask the scheduler. Without it nobody would know whose the devices are.",
        remedy="Leave out --force: a host that is named is the only one that is asked.",
        code="move-force",
    )


def as_truth(given: object) -> bool | None:
    """What Nova's schemas take for a boolean; None for the word "auto"."""
    return None if given == "auto" else str(given).lower() in ("true", "1", "on", "yes")


def _confirm(call: Call, _given: Any) -> Reply:
    verify.confirm_resize(call.control, call.caller, call.path["id"], call.request_id)
    return NO_CONTENT


def _revert(call: Call, _given: Any) -> Reply:
    verify.revert_resize(call.control, call.caller, call.path["id"], call.request_id)
    return ACCEPTED


def _evacuate(call: Call, given: Any) -> Reply:
    stay_off = call.version >= 95
    host, password = given.get("host"), given.get("adminPass")
    if as_truth(given.get("onSharedStorage", False)):
        raise NotSupported(
            "Hosts share no storage: the disk of the server is not on another host",
            detail="onSharedStorage is true, which would keep the disk. An evacuated server gets a new one from its image.",
            remedy="Leave out onSharedStorage (--on-shared-storage) if the disk may be lost; or repair the host.",
            code="evacuate-shared",
        )
    _refuse_force(given)
    if call.version < 14:
        password = password or secrets.token_urlsafe(9)
    evacuate_server(
        call.control, call.caller, call.path["id"], call.request_id, host, stay_off=stay_off, admin_pass=password
    )
    return Reply() if call.version >= 14 else Reply({"adminPass": password})


def _shelve(call: Call, _given: Any) -> Reply:
    shelve.shelve_server(call.control, call.caller, call.path["id"], call.request_id)
    return ACCEPTED


def _offload(call: Call, _given: Any) -> Reply:
    shelve.offload_server(call.control, call.caller, call.path["id"], call.request_id)
    return ACCEPTED


def _unshelve(call: Call, given: Any) -> Reply:
    host = given.get("host") if isinstance(given, dict) else None
    zone = given.get("availability_zone") if isinstance(given, dict) else None
    pin = isinstance(given, dict) and "availability_zone" in given
    if zone is not None:
        aggregates.check_zone(call.control, zone)
    to = Where(host, zone, pin)
    unshelve_server(call.control, call.caller, call.path["id"], call.request_id, to)
    return ACCEPTED


ACTIONS = {
    "resize": Action(_resize, "os_compute_api:servers:resize", {1: _RESIZE}),
    "migrate": Action(_migrate, "os_compute_api:os-migrate-server:migrate", {1: {}, 56: _TO_HOST}),
    "os-migrateLive": Action(
        _migrate_live,
        "os_compute_api:os-migrate-server:migrate_live",
        {
            1: closed(
                {**_LIVE, "block_migration": BOOLEAN, "disk_over_commit": BOOLEAN}, *_LIVE_ALL, "disk_over_commit"
            ),
            25: closed(_LIVE, *_LIVE_ALL),
            30: closed({**_LIVE, "force": BOOLEAN}, *_LIVE_ALL),
            68: closed(_LIVE, *_LIVE_ALL),
        },
    ),
    "confirmResize": Action(_confirm, "os_compute_api:servers:confirm_resize"),
    "revertResize": Action(_revert, "os_compute_api:servers:revert_resize"),
    "evacuate": Action(
        _evacuate,
        "os_compute_api:os-evacuate",
        {
            1: closed({**_EVACUATE, "onSharedStorage": BOOLEAN}, "onSharedStorage"),
            14: closed(_EVACUATE),
            29: closed({**_EVACUATE, "force": BOOLEAN}),
            68: closed(_EVACUATE),
        },
        (Part(wrap("adminPass", TEXT), until=13), Part(NOTHING, since=14)),
    ),
    "shelve": Action(_shelve, "os_compute_api:os-shelve:shelve"),
    "shelveOffload": Action(_offload, "os_compute_api:os-shelve:shelve_offload"),
    "unshelve": Action(
        _unshelve,
        "os_compute_api:os-shelve:unshelve",
        {
            1: {},
            77: {"anyOf": [{"type": "null"}, closed({"availability_zone": NAME}, "availability_zone")]},
            91: {"anyOf": [{"type": "null"}, closed({"availability_zone": _ZONE, "host": NAME})]},
        },
    ),
}
