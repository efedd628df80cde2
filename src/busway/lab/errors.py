"""What can go wrong with a lab.

BuswayError
├── HostError
│   ├── LabDied        the machine's QEMU is gone
│   ├── LabHung        the machine makes no progress
│   └── LabRefused     the machine or its QEMU refused a request
├── Unavailable
│   ├── LabDown        no such machine is up
│   ├── LabTimeout     the machine is well, the command took too long
│   └── LabUnprepared  a program, a package or a download is missing
└── Conflict
    └── LabBusy        a lab of another shape is up in this state folder
"""

from __future__ import annotations

from busway.domain.errors import Conflict, HostError, Unavailable


class LabDied(HostError):
    """The machine's QEMU process ended."""

    code = "lab-died"


class LabHung(HostError):
    """The machine's QEMU runs and the machine inside makes no progress."""

    code = "lab-hung"


class LabRefused(HostError):
    """The machine, or the QEMU around it, refused a request."""

    code = "lab-refused"


class LabDown(Unavailable):
    """No such machine is up."""

    code = "lab-down"


class LabTimeout(Unavailable):
    """A command in a healthy machine took longer than it may."""

    code = "lab-timeout"


class LabUnprepared(Unavailable):
    """A program, a package or a download that the lab needs is missing."""

    code = "lab-unprepared"


class LabBusy(Conflict):
    """A lab of another shape is up in this state folder."""

    code = "lab-busy"
