"""Use cases of device specs. Those in the database come first, in their own order; those of the file follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.rules.change import RuleTurn, changing_rules, check_version, review_change
from busway.control.rules.in_force import PciRules, spec_place
from busway.control.rules.view import OF_FILE, RuleView, created_at_run_time
from busway.domain.caller import Caller
from busway.domain.config_warning import ConfigWarning
from busway.domain.device import PciDevice
from busway.domain.device_spec import DeviceSpec, parse_device_spec
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.ids import DeviceSpecId
from busway.policy import authorize
from busway.store import devices
from busway.store import pci_rules as store
from busway.store.database import Tx
from busway.store.pci_rules import DEVICE_SPEC, DeviceSpecRow, RuleChange

LAST = "last"


@dataclass(frozen=True, slots=True)
class DeviceSpecView(RuleView):
    """A device spec as an operator sees it; `order` is its place among all, and the first match wins.

    `devices` counts the present devices that it offers. One of the file is called "file-1", and so on.
    """

    id: str
    order: int
    definition: str
    devices: int


@dataclass(frozen=True, slots=True)
class DeviceSpecChange:
    """What a change made, and what of it its maker may not have meant; `device_spec` is None after a deletion."""

    device_spec: DeviceSpecView | None
    warnings: tuple[ConfigWarning, ...]


@dataclass(frozen=True, slots=True)
class DeviceSpecStory:
    """One device spec, None when it is gone, with its history."""

    device_spec: DeviceSpecView | None
    history: tuple[RuleChange, ...]
    warnings: tuple[ConfigWarning, ...]


def list_device_specs(control: Control, caller: Caller) -> tuple[list[DeviceSpecView], list[ConfigWarning]]:
    """All device specs in their order, and the warnings of `busway config check` about them."""
    authorize(caller, "busway:device-specs:list")
    with control.db.read() as tx:
        rules, known = control.pci_rules(tx), _present(tx)
        warnings = [each for each in rules.warnings(known) if not each.code.startswith("alias")]
        return _views(tx, rules, known), warnings


def get_device_spec(control: Control, caller: Caller, spec_id: str) -> DeviceSpecStory:
    """One device spec with its history; raises `NotFound` for one that never was."""
    views, warnings = list_device_specs(control, caller)
    with control.db.read() as tx:
        history = tuple(store.list_changes(tx, DEVICE_SPEC, spec_id))
    view = next((view for view in views if view.id == spec_id), None)
    if view is None and not history:
        raise _unknown(spec_id)
    about = tuple(each for each in warnings if each.option == spec_place(spec_id))
    return DeviceSpecStory(view, history, about)


def create_device_spec(
    control: Control, caller: Caller, definition: str, before: str | None = None
) -> DeviceSpecChange:
    """Offers more devices to servers; the text is as after `device_spec =` in a file.

    It goes before the one named `before`, otherwise after all others in the database. Errors: `InvalidDeviceSpec` as
    for a file, `NotFound` for an unknown `before`.
    """
    with changing_rules(control, caller, "busway:device-specs:create") as turn:
        touched = parse_device_spec(definition)
        spec_id = DeviceSpecId(control.new_id())
        version = turn.record(DEVICE_SPEC, spec_id, "created", [definition])
        row = DeviceSpecRow(spec_id, 0, definition, version)
        store.put_device_specs(turn.tx, _placed(turn.before, row, before or LAST))
        turn.add_device_events(*touched)
    return _answer(control, turn, spec_id)


def change_device_spec(
    control: Control,
    caller: Caller,
    spec_id: str,
    version: int | None,
    definition: str | None = None,
    before: str | None = None,
) -> DeviceSpecChange:
    """Changes the text of a device spec in the database, or moves it: before another one, or to the end ("last").

    Devices that servers have stay with them, whether it still offers them or not.
    """
    if definition is None and before is None:
        raise BadInput("Nothing to change", remedy="Send a definition, or `before`.", code="rule-unchanged")
    with changing_rules(control, caller, "busway:device-specs:update") as turn:
        row = _get_row(turn.before, spec_id)
        check_version(turn, DEVICE_SPEC, spec_id, row.version, version)
        text = row.definition if definition is None else definition
        touched = (*parse_device_spec(text), *_readable(turn.before, row))
        version = turn.record(DEVICE_SPEC, spec_id, "moved" if definition is None else "changed", [text])
        made = replace(row, definition=text, version=version)
        store.put_device_specs(turn.tx, _placed(turn.before, made, before))
        turn.add_device_events(*touched)
    return _answer(control, turn, spec_id)


def delete_device_spec(control: Control, caller: Caller, spec_id: str, version: int | None) -> DeviceSpecChange:
    """Removes a device spec from the database; devices in use that no other spec offers are removed when they are released."""
    with changing_rules(control, caller, "busway:device-specs:delete") as turn:
        row = _get_row(turn.before, spec_id)
        check_version(turn, DEVICE_SPEC, spec_id, row.version, version)
        turn.record(DEVICE_SPEC, spec_id, "deleted", ())
        store.put_device_specs(turn.tx, [each for each in turn.before.spec_rows if each.id != spec_id])
        turn.add_device_events(*_readable(turn.before, row))
    return _answer(control, turn, spec_id)


def _answer(control: Control, turn: RuleTurn, spec_id: str) -> DeviceSpecChange:
    with control.db.read() as tx:
        rules, known, warnings = review_change(control, tx, turn.before, spec_place(spec_id))
        view = next((view for view in _views(tx, rules, known) if view.id == spec_id), None)
        return DeviceSpecChange(view, warnings)


def _readable(rules: PciRules, row: DeviceSpecRow) -> tuple[DeviceSpec, ...]:
    """What a row says; nothing where this Busway can't read it."""
    return () if row.id in dict(rules.unread) else parse_device_spec(row.definition)


def _placed(rules: PciRules, row: DeviceSpecRow, before: str | None) -> list[DeviceSpecRow]:
    """All device specs of the database with one more, or with another version of one; without `before` it keeps its place."""
    if before is None:
        return [row if each.id == row.id else each for each in rules.spec_rows]
    others = [each for each in rules.spec_rows if each.id != row.id]
    if before == LAST:
        return [*others, row]
    place = next((number for number, each in enumerate(others) if each.id == before), None)
    if place is None:
        if before in _file_ids(rules):
            return [*others, row]  # all of run time come before those of the file
        raise _unknown(before)
    return [*others[:place], row, *others[place:]]


def _get_row(rules: PciRules, spec_id: str) -> DeviceSpecRow:
    row = next((row for row in rules.spec_rows if row.id == spec_id), None)
    if row is not None:
        return row
    if spec_id in _file_ids(rules):
        raise Conflict(
            f"Device spec {spec_id} comes from the configuration file",
            remedy="Change the file and restart; or create a device spec, which comes before those of the file.",
            code="rule-of-the-file",
        )
    raise _unknown(spec_id)


def _file_ids(rules: PciRules) -> list[str]:
    return [f"file-{number}" for number in range(1, len(rules.written_specs) - len(_read(rules)) + 1)]


def _read(rules: PciRules) -> list[DeviceSpecRow]:
    unread = dict(rules.unread)
    return [row for row in rules.spec_rows if row.id not in unread]


def _unknown(spec_id: str) -> NotFound:
    return NotFound(
        f"There is no device spec {spec_id}", remedy="See `busway device-spec list`.", code="device-spec-not-found"
    )


def _present(tx: Tx) -> list[PciDevice]:
    return [row.device for row in devices.list_devices(tx) if row.present]


def _views(tx: Tx, rules: PciRules, known: Sequence[PciDevice]) -> list[DeviceSpecView]:
    """All device specs in order: those of the database, including unreadable ones, then those of the file."""
    offered = [id(rules.device_specs.find(device)) for device in known]
    changes, unread = store.last_changes(tx), dict(rules.unread)
    written = iter(rules.written_specs)
    views = []
    for order, row in enumerate(rules.spec_rows, start=1):
        error = unread.get(row.id)
        count = 0 if error else sum(offered.count(id(spec)) for spec in next(written).value)
        common = created_at_run_time(changes[row.version], error)
        views.append(DeviceSpecView(row.id, order, row.definition, count, **common))
    for number, each in enumerate(written, start=1):
        count = sum(offered.count(id(spec)) for spec in each.value)
        views.append(DeviceSpecView(f"file-{number}", len(views) + 1, each.text, count, source=OF_FILE))
    return views
