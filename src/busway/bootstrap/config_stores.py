"""The stores of images out of a configuration: `[DEFAULT] enabled_backends` and a group for each, as in Glance.

The groups have the names of the stores, so they are read from the file's assignments and not as options.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from busway.bootstrap.config_language import Fault
from busway.bootstrap.config_source import Entry, Source
from busway.domain.errors import InvalidConfig
from busway.domain.image_store import TYPE, ImageStore, ImageStores

KEYS = ("filesystem_store_datadir", "store_description", "weight")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_RESERVED = "os_glance_"
_MOST_WEIGHT = 1_000_000
_OPTION = "[DEFAULT] enabled_backends"


def read_image_stores(
    source: Source, backends: Sequence[str], default: str | None, sections: Collection[str]
) -> tuple[ImageStores, tuple[Fault, ...]]:
    """The stores, and every mistake with its line; the built-in store alone when there is one."""
    if not backends:
        return _checked(source, (), default)
    faults: list[Fault] = []
    stores: list[ImageStore] = []
    for backend in backends:
        name, _, kind = (part.strip() for part in backend.partition(":"))
        if why := _unfit(name, kind, [store.name for store in stores], sections):
            faults.append(Fault(_line(source, "DEFAULT", "enabled_backends"), _OPTION, why))
            continue
        entries = [entry for entry in source.entries if entry.section == name.lower()]
        wrong = list(_mistakes(entries))
        faults += wrong
        if not wrong:
            values = {entry.key: entry.text.strip() for entry in entries}
            folder, description, weight = (values.get(key, "") for key in KEYS)
            stores.append(ImageStore(name, folder and str(Path(folder)), description, int(weight or 0)))
    if faults:
        return ImageStores(), tuple(faults)
    return _checked(source, tuple(stores), default)


def is_of_store(entry: Entry, stores: ImageStores) -> bool:
    """True for an assignment in a group of a store."""
    return entry.key in KEYS and entry.section in {name.lower() for name in stores.names}


def _checked(
    source: Source, stores: tuple[ImageStore, ...], default: str | None
) -> tuple[ImageStores, tuple[Fault, ...]]:
    usual = ImageStores()
    try:
        return ImageStores(stores or usual.stores, default or (stores or usual.stores)[0].name), ()
    except InvalidConfig as error:
        about = (
            ("glance_store", "default_backend") if "default_backend" in error.brief else ("DEFAULT", "enabled_backends")
        )
        return usual, (Fault(_line(source, *about), "[{}] {}".format(*about), error),)


def _unfit(name: str, kind: str, before: Sequence[str], sections: Collection[str]) -> InvalidConfig | None:
    why = ""
    if kind != TYPE:
        why = f"the type of {name or 'a store'} is {kind or 'missing'}, and there is only {TYPE}"
    elif not _NAME.fullmatch(name) or name.startswith(_RESERVED):
        why = f"{name or '(nothing)'} can't be the name of a store"
    elif name.lower() in {each.lower() for each in before}:
        why = f"there are two stores {name}"
    elif name.lower() in {each.lower() for each in sections}:
        why = f"[{name}] is a group of other options"
    if not why:
        return None
    return InvalidConfig(
        f"{_OPTION}: {why}",
        detail="Names are of letters, digits, dots, hyphens and underscores, up to 64; os_glance_ is Glance's own.",
        remedy="Write NAME:file for each store, separated by commas.",
        code="image-stores",
    )


def _mistakes(entries: Sequence[Entry]) -> Iterator[Fault]:
    for entry in entries:
        text, why, remedy = entry.text.strip(), "", ""
        if entry.key not in KEYS:
            why, remedy = "is not an option of a store", f"There are {', '.join(KEYS)}."
        elif entry.key == "weight" and not (re.fullmatch(r"-?[0-9]{1,7}", text) and abs(int(text)) <= _MOST_WEIGHT):
            why, remedy = f"is '{text}'", f"Write a whole number between -{_MOST_WEIGHT} and {_MOST_WEIGHT}."
        elif entry.key == "filesystem_store_datadir" and not Path(text).is_absolute():
            why, remedy = f"is '{text}'", "Write the whole path of a folder, from / on."
        if why:
            error = InvalidConfig(f"{entry.option} {why}", remedy=remedy, code="image-stores")
            yield Fault(entry.line, entry.option, error)


def _line(source: Source, section: str, key: str) -> int | None:
    return next((entry.line for entry in source.entries if (entry.section, entry.key) == (section, key)), None)
