"""What a person or an agent may do to a card: each verb is preflight, act, read back with a deadline, undo.

    verbs = SysfsKernel()
    preflight_bind(verbs, address, Mode.VFIO)      what would be refused, and why; changes nothing
    bound = bind_card(verbs, address, Mode.VFIO)   the whole card, or nothing
    release_card(verbs, bound)

A verb that is refused or fails leaves the host as it was. Modes and reset methods that are not known are refused.
"""

from busway.hardware.verbs.bind import Bound, bind_card, preflight_bind
from busway.hardware.verbs.mdev import create_mdev, preflight_mdev, remove_mdev
from busway.hardware.verbs.mode import Mode, ResetMethod, parse_mode, parse_reset_method
from busway.hardware.verbs.obstacle import Obstacle, refuse
from busway.hardware.verbs.release import preflight_release, release_card
from busway.hardware.verbs.reset import preflight_reset, reset_function, reset_scope
from busway.hardware.verbs.seam import DeviceVerbs
from busway.hardware.verbs.stub import reserve_card, reserved
from busway.hardware.verbs.vfs import create_vfs, preflight_vfs, remove_vfs

__all__ = [
    "Bound",
    "DeviceVerbs",
    "Mode",
    "Obstacle",
    "ResetMethod",
    "bind_card",
    "create_mdev",
    "create_vfs",
    "parse_mode",
    "parse_reset_method",
    "preflight_bind",
    "preflight_mdev",
    "preflight_release",
    "preflight_reset",
    "preflight_vfs",
    "refuse",
    "release_card",
    "remove_mdev",
    "remove_vfs",
    "reserve_card",
    "reserved",
    "reset_function",
    "reset_scope",
]
