"""The use cases of metadata definitions: namespaces with their properties, objects and tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from busway.control.context import Control
from busway.control.images.metadef_words import built_in_namespaces
from busway.domain.caller import Caller
from busway.domain.errors import Conflict, Forbidden, NotFound, TooLarge
from busway.domain.metadef import MOST_BYTES, MOST_NAMESPACES, MOST_PARTS, Namespace, PartKind
from busway.policy import allows, authorize
from busway.store import metadefs as store
from busway.store.database import Tx

Part = Mapping[str, Any]


def list_namespaces(control: Control, caller: Caller) -> list[Namespace]:
    """Lists the namespaces that the caller may see, by name, without their definitions."""
    authorize(caller, "get_metadef_namespaces")
    with control.db.read() as tx:
        stored = store.list_namespaces(tx)
    found = (*built_in_namespaces().values(), *stored)
    seen = [each for each in found if allows(caller, "get_metadef_namespace", _target(each))]
    return sorted(seen, key=lambda each: each.name)


def get_namespace(control: Control, caller: Caller, name: str, rule: str = "get_metadef_namespace") -> Namespace:
    """Returns a namespace with its definitions; raises `NotFound`, also for a private one of others."""
    with control.db.read() as tx:
        return _seen(tx, caller, name, rule)


def create_namespace(control: Control, caller: Caller, namespace: Namespace) -> Namespace:
    """Creates a namespace; raises `Conflict` for a name in use, `TooLarge` above the limits."""
    authorize(caller, "add_metadef_namespace", _target(namespace))
    _check_size(namespace)
    with control.db.write() as tx:
        _check_free(tx, namespace.name)
        if store.count_namespaces(tx) >= MOST_NAMESPACES:
            raise TooLarge(
                f"There are {MOST_NAMESPACES} namespaces of metadata definitions, the most that a cloud may have",
                remedy="Delete one that nobody needs.",
                code="metadef-limit",
            )
        store.add_namespace(tx, namespace)
    return namespace


def change_namespace(control: Control, caller: Caller, name: str, changes: Mapping[str, Any]) -> Namespace:
    """Changes the fields of a namespace, including its name."""
    with control.db.write() as tx:
        old = _own(tx, caller, name, "modify_metadef_namespace")
        changed = replace(old, **changes, updated=control.now())
        if changed.name != old.name:
            _check_free(tx, changed.name)
        store.save_namespace(tx, old.name, changed)
    return changed


def delete_namespace(control: Control, caller: Caller, name: str) -> None:
    """Deletes a namespace with its definitions; raises `Forbidden` for a protected one."""
    with control.db.write() as tx:
        found = _own(tx, caller, name, "delete_metadef_namespace")
        _check_unprotected(found)
        store.delete_namespace(tx, found.name)


def get_part(control: Control, caller: Caller, name: str, kind: PartKind, part: str, rule: str) -> Part:
    """Returns one definition; raises `NotFound`."""
    return _part(get_namespace(control, caller, name, rule), kind, part)


def add_part(control: Control, caller: Caller, name: str, kind: PartKind, part: str, made: Part, rule: str) -> Part:
    """Adds a definition; raises `Conflict` if its name is in use."""
    with control.db.write() as tx:
        namespace = _own(tx, caller, name, rule)
        _check_new(namespace, kind, part)
        _save(control, tx, namespace, kind, {**namespace.parts[kind], part: made})
    return made


def change_part(
    control: Control, caller: Caller, name: str, kind: PartKind, part: str, renamed: str, made: Part, rule: str
) -> Part:
    """Replaces a definition, and renames it if another name is given; its time of creation stays."""
    with control.db.write() as tx:
        namespace = _own(tx, caller, name, rule)
        old = _part(namespace, kind, part)
        if renamed != part:
            _check_new(namespace, kind, renamed)
        kept = {"created_at": old["created_at"]} if "created_at" in old else {}
        written = {**made, **kept}
        others = {each: value for each, value in namespace.parts[kind].items() if each != part}
        _save(control, tx, namespace, kind, {**others, renamed: written})
    return written


def delete_part(control: Control, caller: Caller, name: str, kind: PartKind, part: str, rule: str) -> None:
    """Deletes a definition; raises `Forbidden` if the namespace is protected."""
    with control.db.write() as tx:
        namespace = _own(tx, caller, name, rule)
        _part(namespace, kind, part)
        _check_unprotected(namespace)
        _save(
            control,
            tx,
            namespace,
            kind,
            {each: value for each, value in namespace.parts[kind].items() if each != part},
        )


def replace_parts(
    control: Control, caller: Caller, name: str, kind: PartKind, parts: Mapping[str, Part], rule: str, *, keep: bool
) -> None:
    """Replaces all definitions of a kind, or adds to them if the existing ones are kept."""
    with control.db.write() as tx:
        namespace = _own(tx, caller, name, rule)
        if not keep and namespace.parts[kind]:
            _check_unprotected(namespace)
        old = namespace.parts[kind] if keep else {}
        _save(control, tx, namespace, kind, {**old, **parts})


def _save(control: Control, tx: Tx, namespace: Namespace, kind: PartKind, parts: Mapping[str, Part]) -> None:
    changed = replace(namespace, parts={**namespace.parts, kind: parts}, updated=control.now())
    _check_size(changed)
    store.save_namespace(tx, namespace.name, changed)


def _target(namespace: Namespace) -> dict[str, str]:
    return {"project_id": namespace.owner, "owner": namespace.owner, "visibility": namespace.visibility}


def _find(tx: Tx, caller: Caller, name: str, *, lock: bool = False) -> Namespace:
    found = built_in_namespaces().get(name) or store.find_namespace(tx, name, lock=lock)
    if found is None or not allows(caller, "get_metadef_namespace", _target(found)):
        raise NotFound(
            f"Metadata definition namespace {name} was not found",
            remedy="List them: openstack image metadef namespace list",
            code="metadef-not-found",
        )
    return found


def _seen(tx: Tx, caller: Caller, name: str, rule: str) -> Namespace:
    found = _find(tx, caller, name)
    authorize(caller, rule, _target(found))
    return found


def _own(tx: Tx, caller: Caller, name: str, rule: str) -> Namespace:
    """Returns a namespace that the caller may change, locked."""
    found = _find(tx, caller, name, lock=True)
    authorize(caller, rule, _target(found))
    if found.is_built_in:
        raise Forbidden(
            f"Namespace {name} comes with Busway and can't be changed",
            detail="It says what this version serves.",
            remedy="Create a namespace of another name.",
            code="metadef-built-in",
        )
    return found


def _part(namespace: Namespace, kind: PartKind, part: str) -> Part:
    found = namespace.part(kind, part)
    if found is None:
        raise NotFound(f"Namespace {namespace.name} has no {kind.one} '{part}'", code="metadef-not-found")
    return found


def _check_free(tx: Tx, name: str) -> None:
    if name in built_in_namespaces() or store.find_namespace(tx, name) is not None:
        raise Conflict(f"Metadata definition namespace {name} already exists", code="metadef-exists")


def _check_new(namespace: Namespace, kind: PartKind, part: str) -> None:
    if namespace.part(kind, part) is not None:
        raise Conflict(f"Namespace {namespace.name} has a {kind.one} '{part}' already", code="metadef-exists")


def _check_unprotected(namespace: Namespace) -> None:
    if namespace.protected:
        raise Forbidden(
            f"Namespace {namespace.name} is protected: nothing of it can be deleted",
            remedy=f"openstack image metadef namespace set --unprotected {namespace.name}",
            code="metadef-protected",
        )


def _check_size(namespace: Namespace) -> None:
    for kind, parts in namespace.parts.items():
        if len(parts) > MOST_PARTS:
            raise TooLarge(
                f"Namespace {namespace.name} would have {len(parts)} {kind}; it may have {MOST_PARTS}",
                remedy="Use several namespaces.",
                code="metadef-limit",
            )
    size = len(json.dumps({kind.value: namespace.parts[kind] for kind in PartKind}))
    if size > MOST_BYTES:
        raise TooLarge(
            f"The definitions of namespace {namespace.name} would have {size} bytes; they may have {MOST_BYTES}",
            remedy="Use several namespaces.",
            code="metadef-limit",
        )
