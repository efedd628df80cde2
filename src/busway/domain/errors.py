"""The tree of errors: one line, the facts, an act, and a code that never changes.

    BuswayError
    ├── BadInput              the caller can correct it (HTTP 400)
    │   ├── InvalidAlias, InvalidDeviceSpec, InvalidExtraSpec, InvalidConfig
    ├── NotAuthenticated      who are you (401)
    ├── Forbidden             not yours to do (403)
    │   ├── OverQuota
    ├── NotFound              no such thing (404)
    ├── Conflict              not in this state (409)
    │   ├── Raced
    ├── PreconditionFailed    not as the request says that it is (412)
    ├── TooLarge              over a limit (413)
    ├── BadRange              no such part of it (416)
    ├── TooSlow               it did not come in time (408)
    ├── StorageFull           no room for it (507)
    ├── NotSupported          Busway does not do this (501)
    ├── HostError             the host, its kernel or its hypervisor refused
    └── Unavailable           a part can't be reached right now (503)

Group by what the caller does about it. A subclass sets a default `code`; a raise may give a finer one.
"""

from __future__ import annotations

REMEDY = "What to do: "  # before the remedy, where an error is one text


class BuswayError(Exception):
    """An act that Busway refuses or could not do, described in four fields.

    `brief` is one line, `detail` the facts (address, group, driver, pid), `remedy` an act, `code` stable for ever.
    """

    code = "busway"

    def __init__(self, brief: str, *, detail: str = "", remedy: str = "", code: str = "") -> None:
        super().__init__(brief)
        self.brief = brief
        self.detail = detail
        self.remedy = remedy
        if code:
            self.code = code

    def __str__(self) -> str:
        parts = [self.brief]
        if self.detail:
            parts.append(self.detail)
        if self.remedy:
            parts.append(f"{REMEDY}{self.remedy}")
        return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts)


class BadInput(BuswayError):
    """The request can't be understood or breaks a rule; the caller can correct it."""

    code = "bad-input"


class InvalidAlias(BadInput):
    """A `[pci] alias` breaks Nova's rules."""

    code = "invalid-alias"


class InvalidDeviceSpec(BadInput):
    """A `[pci] device_spec` breaks Nova's rules."""

    code = "invalid-device-spec"


class InvalidExtraSpec(BadInput):
    """A flavor's extra spec can't be understood, such as `pci_passthrough:alias=a1:0`."""

    code = "invalid-extra-spec"


class InvalidConfig(BadInput):
    """A configuration file can't be used."""

    code = "invalid-config"


class BadMediaType(BadInput):
    """The body is of a media type that the operation does not take."""

    code = "bad-media-type"


class NotAuthenticated(BuswayError):
    """No credential, a wrong password, or an expired or foreign token."""

    code = "not-authenticated"


class Forbidden(BuswayError):
    """The credential is good and does not permit this."""

    code = "forbidden"


class OverQuota(Forbidden):
    """A project would have more of something than its quota."""

    code = "over-quota"


class NotFound(BuswayError):
    """It does not exist, or this project may not see it."""

    code = "not-found"


class Conflict(BuswayError):
    """The current state does not permit this."""

    code = "conflict"


class Raced(Conflict):
    """Something changed while it was being decided on; the same may be tried again at once."""

    code = "placement-raced"


class PreconditionFailed(BuswayError):
    """The request is to be done only under a condition (`If-Match` and the like), which does not hold."""

    code = "precondition-failed"


class TooLarge(BuswayError):
    """A request is over a limit."""

    code = "too-large"


class BadRange(BuswayError):
    """What is asked for lies outside of what there is."""

    code = "bad-range"


class TooSlow(BuswayError):
    """What a client had to send did not come in time."""

    code = "too-slow"


class StorageFull(BuswayError):
    """There is no room for what a request would store."""

    code = "storage-full"


class NotSupported(BuswayError):
    """Busway does not do this."""

    code = "not-supported"


class HostError(BuswayError):
    """A host, its kernel or its hypervisor refused; the words of the refusal are in `detail`."""

    code = "host-error"


class Unavailable(BuswayError):
    """A part of Busway can't be reached right now; trying again later is right."""

    code = "unavailable"
