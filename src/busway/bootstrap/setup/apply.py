"""Makes what is proposed and not there yet, through whoever speaks for the cloud; run twice, it makes nothing new."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from busway.bootstrap.setup.propose import Proposal
from busway.control import flavors
from busway.control.context import Control
from busway.control.rules import aliases, device_specs
from busway.domain.caller import Caller
from busway.domain.flavor import Flavor
from busway.store import audit
from busway.store.audit import Act, Record


class Cloud(Protocol):
    """Lists existing objects and creates new ones: a control plane in this process, or its API."""

    def aliases(self) -> Collection[str]:
        """The names of all aliases."""

    def device_specs(self) -> Collection[str]:
        """The definitions of all device specs."""

    def flavors(self) -> Collection[str]:
        """The names of all flavors."""

    def create_alias(self, definition: str) -> None:
        """Makes an alias, as after `alias =`."""

    def create_device_spec(self, definition: str) -> None:
        """Makes a device spec, as after `device_spec =`."""

    def create_flavor(self, flavor: Flavor) -> None:
        """Makes a public flavor."""


def apply_proposal(proposal: Proposal, cloud: Cloud) -> Iterator[str]:
    """Makes device specs, aliases and flavors in this order; yields a line for each, also for what is there already."""
    known_specs, known_aliases, known_flavors = cloud.device_specs(), cloud.aliases(), cloud.flavors()
    for kind in proposal.kinds:
        for spec in kind.device_specs:
            if spec not in known_specs:
                cloud.create_device_spec(spec)
            yield _line(f"device spec {spec}", is_new=spec not in known_specs)
        if kind.name not in known_aliases:
            cloud.create_alias(kind.alias)
        yield _line(f"alias {kind.name}", is_new=kind.name not in known_aliases)
        for flavor in kind.flavors:
            if flavor.name not in known_flavors:
                cloud.create_flavor(flavor)
            yield _line(f"flavor {flavor.name}", is_new=flavor.name not in known_flavors)


def _line(what: str, *, is_new: bool) -> str:
    return f"{'made' if is_new else 'there already'}: {what}"


class OwnCloud:
    """The control plane of this process; each change is in the audit as done by `caller`."""

    def __init__(self, control: Control, caller: Caller) -> None:
        self._control = control
        self._caller = caller

    def aliases(self) -> Collection[str]:
        """The names of all aliases."""
        return {view.name for view in aliases.list_aliases(self._control, self._caller)[0]}

    def device_specs(self) -> Collection[str]:
        """The definitions of all device specs."""
        return {view.definition for view in device_specs.list_device_specs(self._control, self._caller)[0]}

    def flavors(self) -> Collection[str]:
        """The names of all flavors."""
        return {flavor.name for flavor in flavors.list_flavors(self._control, self._caller, None)}

    def create_alias(self, definition: str) -> None:
        """Makes an alias."""
        with audit.acting(self._act("busway:aliases:create", "aliases")):
            aliases.create_alias(self._control, self._caller, [definition])

    def create_device_spec(self, definition: str) -> None:
        """Makes a device spec."""
        with audit.acting(self._act("busway:device-specs:create", "device-specs")):
            device_specs.create_device_spec(self._control, self._caller, definition)

    def create_flavor(self, flavor: Flavor) -> None:
        """Makes a flavor."""
        with audit.acting(self._act("os_compute_api:os-flavor-manage:create", f"flavors/{flavor.id}")):
            flavors.create_flavor(self._control, self._caller, flavor)

    def _act(self, operation: str, target: str) -> Act:
        request_id = f"req-{self._control.new_id()}"
        name = self._caller.user_name
        return Act(Record(self._control.now(), request_id, operation, "SETUP", target, user_name=name))
