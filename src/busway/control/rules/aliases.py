"""Use cases of aliases.

Aliases of the file and of the database are listed together; those of the database can be changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from busway.control.context import Control
from busway.control.rules.change import RuleTurn, changing_rules, check_version, review_change
from busway.control.rules.in_force import PciRules, alias_place
from busway.control.rules.view import OF_FILE, RuleView, created_at_run_time
from busway.domain.alias import ALIAS_EXTRA_SPEC, Alias, parse_alias_counts, parse_aliases
from busway.domain.caller import Caller
from busway.domain.config_warning import ConfigWarning
from busway.domain.errors import BadInput, Conflict, InvalidExtraSpec, NotFound
from busway.domain.flavor import Flavor
from busway.domain.text import some_of
from busway.policy import authorize
from busway.store import devices, flavors, servers
from busway.store import pci_rules as store
from busway.store.database import Tx
from busway.store.pci_rules import ALIAS, AliasRow, RuleChange

_NAMED = 5


@dataclass(frozen=True, slots=True)
class AliasView(RuleView):
    """An alias as an operator sees it."""

    name: str
    definitions: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class AliasChange:
    """What a change made, and what of it its maker may not have meant; `alias` is None where none is left."""

    alias: AliasView | None
    warnings: tuple[ConfigWarning, ...]


@dataclass(frozen=True, slots=True)
class AliasStory:
    """Everything about a name: the alias in the database, the one in the file, and the history of the former."""

    aliases: tuple[AliasView, ...]
    history: tuple[RuleChange, ...]
    warnings: tuple[ConfigWarning, ...]


def list_aliases(control: Control, caller: Caller) -> tuple[list[AliasView], list[ConfigWarning]]:
    """All aliases by name, and the warnings of `busway config check` about them."""
    authorize(caller, "busway:aliases:list")
    with control.db.read() as tx:
        rules = control.pci_rules(tx)
        known = [row.device for row in devices.list_devices(tx) if row.present]
        warnings = [each for each in rules.warnings(known) if not each.code.startswith("device-spec")]
        return _views(control, tx, rules), warnings


def get_alias(control: Control, caller: Caller, name: str) -> AliasStory:
    """One name with its history; raises `NotFound` for one that never was."""
    authorize(caller, "busway:aliases:show")
    views, warnings = list_aliases(control, caller)
    with control.db.read() as tx:
        history = tuple(store.list_changes(tx, ALIAS, name))
    found = tuple(view for view in views if view.name == name)
    if not found and not history:
        raise _unknown(name, [view.name for view in views])
    own = {definition for view in found for definition in view.definitions}
    lines = {each.line for each in control.settings.written_aliases if each.text in own}
    about = [each for each in warnings if each.option == alias_place(name) or (each.line and each.line in lines)]
    return AliasStory(found, history, tuple(about))


def create_alias(control: Control, caller: Caller, definitions: Sequence[str]) -> AliasChange:
    """Defines an alias; each definition is a text as after `alias =` in a file, all of one name.

    It counts at once, in place of one of the file. Errors: `InvalidAlias` as for a file, `Conflict` for a name in use.
    """
    with changing_rules(control, caller, "busway:aliases:create") as turn:
        alias = _parse(control, definitions)
        if any(row.name == alias.name for row in turn.before.alias_rows):
            raise Conflict(
                f"Alias {alias.name} was already created at run time",
                remedy=f"Change it: busway alias change {alias.name} …",
                code="alias-exists",
            )
        _write(turn, alias.name, "created", definitions)
    return _answer(control, turn, alias.name)


def change_alias(
    control: Control, caller: Caller, name: str, definitions: Sequence[str], version: int | None
) -> AliasChange:
    """Changes an alias in the database; servers keep their devices."""
    with changing_rules(control, caller, "busway:aliases:update") as turn:
        row = _get_row(turn.before, name)
        check_version(turn, ALIAS, name, row.version, version)
        alias = _parse(control, definitions)
        if alias.name != name:
            raise BadInput(
                f"The definition names alias {alias.name}, not {name}",
                remedy="The name can't be changed: create another alias, and delete this one.",
                code="alias-name-differs",
            )
        _write(turn, name, "changed", definitions)
    return _answer(control, turn, name)


def delete_alias(
    control: Control, caller: Caller, name: str, version: int | None, *, force: bool = False
) -> AliasChange:
    """Removes an alias from the database; an alias of the file with the same name applies again.

    Where none is left and a flavor or a server asks for it, `Conflict` names them unless `force`: they could not be
    placed any more. What runs keeps its devices either way.
    """
    with changing_rules(control, caller, "busway:aliases:delete") as turn:
        row = _get_row(turn.before, name)
        check_version(turn, ALIAS, name, row.version, version)
        if name not in control.settings.aliases and not force:
            _require_unused(turn.tx, name)
        store.delete_alias(turn.tx, name)
        turn.record(ALIAS, name, "deleted", ())
    return _answer(control, turn, name)


def _write(turn: RuleTurn, name: str, act: str, definitions: Sequence[str]) -> None:
    version = turn.record(ALIAS, name, act, definitions)
    store.put_alias(turn.tx, AliasRow(name, tuple(definitions), version))


def _answer(control: Control, turn: RuleTurn, name: str) -> AliasChange:
    """The new alias, or the remaining one of the file, and the warnings."""
    with control.db.read() as tx:
        rules, _, warnings = review_change(control, tx, turn.before, alias_place(name))
        found = [view for view in _views(control, tx, rules) if view.name == name]
        return AliasChange(max(found, key=lambda view: view.version or 0, default=None), warnings)


def _parse(control: Control, definitions: Sequence[str]) -> Alias:
    found = parse_aliases(definitions, placement=control.settings.pci_in_placement)
    if len(found) != 1:
        raise BadInput(
            f"The definitions of one alias must have the same name; these have {len(found)}: "
            f"{', '.join(sorted(found)) or 'none'}",
            detail="With several definitions, a device that matches any one of them is accepted.",
            remedy="Create each alias separately.",
            code="alias-names-differ",
        )
    [alias] = found.values()
    return alias


def _get_row(rules: PciRules, name: str) -> AliasRow:
    row = next((row for row in rules.alias_rows if row.name == name), None)
    if row is not None:
        return row
    if name in rules.aliases:
        raise Conflict(
            f"Alias {name} comes from the configuration file",
            remedy=f"Change the file and restart; or create an alias {name}, which then applies instead.",
            code="rule-of-the-file",
        )
    raise _unknown(name, list(rules.aliases))


def _require_unused(tx: Tx, name: str) -> None:
    users = [f"flavor {flavor.name}" for flavor in flavors.list_flavors(tx) if _asks(flavor, name)]
    users += [f"server {row.name} ({row.id})" for row in servers.list_servers(tx) if _asks(row.flavor, name)]
    if users:
        raise Conflict(
            f"Alias {name} is in use: {some_of(users, _NAMED)}",
            detail="Without it they can't be placed or moved to another host. Running servers keep their devices.",
            remedy="First remove it from the flavors and delete the servers, or use --force (?force=true).",
            code="alias-in-use",
        )


def _asks(flavor: Flavor, name: str) -> bool:
    try:
        pairs = parse_alias_counts(flavor.extra_specs.get(ALIAS_EXTRA_SPEC, f"{name}-not:1"))
    except InvalidExtraSpec:
        return False
    return any(asked == name for asked, _ in pairs)


def _unknown(name: str, known: Sequence[str]) -> NotFound:
    return NotFound(
        f"There is no alias {name}",
        detail=f"Aliases: {', '.join(sorted(set(known))) or 'none'}.",
        remedy="See `busway alias list`.",
        code="alias-not-found",
    )


def _views(control: Control, tx: Tx, rules: PciRules) -> list[AliasView]:
    changes, unread = store.last_changes(tx), dict(rules.unread)
    made = [
        AliasView(
            row.name,
            row.definitions,
            rules.aliases[row.name].describe() if row.name not in unread else "",
            **created_at_run_time(changes[row.version], unread.get(row.name)),
        )
        for row in rules.alias_rows
    ]
    replaced = {view.name for view in made if view.in_force}
    return sorted([*made, *_of_file(control, replaced)], key=lambda view: (view.name, view.source))


def _of_file(control: Control, replaced: set[str]) -> list[AliasView]:
    texts: dict[str, tuple[str, ...]] = dict.fromkeys(control.settings.aliases, ())
    for each in control.settings.written_aliases:
        texts[each.value.name] += (each.text,)
    note = "the one made at run time counts in its place"
    return [
        AliasView(
            name,
            texts[name],
            alias.describe(),
            source=OF_FILE,
            in_force=name not in replaced,
            note=note if name in replaced else "",
        )
        for name, alias in control.settings.aliases.items()
    ]
