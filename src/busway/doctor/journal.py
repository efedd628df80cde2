"""Makes changes so that they can be taken back byte for byte, also after a crash at any point.

Before each act one line is written and synced to the journal: what was there and what will be there. Undoing reads it
from the end; it accepts both states, because a crash may lie between line and act, and refuses a third, because then
somebody else has changed the file since and would lose that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from busway.doctor.act import Act, Run, SetValue, WriteFile
from busway.doctor.look import exists
from busway.doctor.programs import run_program
from busway.doctor.record import Record, missing_folders, read_records, remove_folders, restore, take
from busway.domain.errors import BuswayError, Conflict, HostError
from busway.hardware.durable import beside, write_durably
from busway.hardware.sysfs_write import write as write_value

JOURNAL = "var/lib/busway/doctor/undo.jsonl"
_PATIENCE = 15.0  # seconds for one value of the kernel's

Runner = Callable[[tuple[str, ...]], None]
Watch = Callable[[str], None]


class Journal:
    """The journal of the host under `root`; `watch` is called before each point where a crash would matter."""

    def __init__(
        self,
        root: Path,
        runner: Runner = run_program,
        watch: Watch = lambda _point: None,
        *,
        is_running: bool | None = None,
    ) -> None:
        self.root = root
        self._runner = runner
        self._watch = watch
        self._is_running = root.resolve() == Path("/") if is_running is None else is_running
        self._path = root / JOURNAL

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to undo."""
        return not read_records(self._path)

    def apply(self, acts: Sequence[Act]) -> tuple[Run, ...]:
        """Makes all changes, or none; returns the programs that were left out.

        Programs run on the running system only: elsewhere they would change the wrong machine. When an act fails, what
        this call has done is undone before the error is raised; if that fails as well, the journal is kept.
        """
        start = len(read_records(self._path))
        left_out = []
        try:
            for act in acts:
                if isinstance(act, Run) and not self._is_running:
                    left_out.append(act)
                else:
                    self._do(act)
        except (BuswayError, OSError) as error:
            try:
                self.undo(start)
            except (BuswayError, OSError) as second:
                error.add_note(f"Undoing failed as well: {second}")
            raise
        return tuple(left_out)

    def undo(self, start: int = 0) -> tuple[str, ...]:
        """Takes back every act from number `start` on, newest first; returns the names of what was restored.

        Raises `Conflict`, before anything is touched, when a file is neither as it was nor as it was left.
        """
        records = read_records(self._path)[start:]
        self._check(records)
        restored = []
        for record in reversed(records):
            self._watch(f"undo {record.path or 'program'}")
            if record.kind == "value" and exists(self.root / record.path.lstrip("/")):  # the card may be gone
                self._set(record.path, record.before_text)
            elif record.kind == "file":
                restore(self.root, record)
            restored += [record.path] if record.path else []
        for record in records:
            if record.kind == "run" and record.undo and self._is_running:
                self._runner(tuple(record.undo))
        self._forget(start)
        return tuple(restored)

    def _do(self, act: Act) -> None:
        record = take(self.root, act)
        self._watch("before the journal")
        self._write_down(record)
        self._watch("after the journal")
        match act:
            case WriteFile():
                record.write_after(self.root, self._watch)
            case SetValue():
                self._set(act.path, act.value)
            case Run():
                self._runner(act.command)
        self._watch("after the act")

    def _set(self, path: str, value: str) -> None:
        write_value(self.root / path.lstrip("/"), value, _PATIENCE)

    def _check(self, records: Sequence[Record]) -> None:
        """Walks the records back in thought: each file must be in one of its two states."""
        now: dict[str, bytes | None] = {}
        for record in reversed(records):
            if record.kind != "file":
                continue
            current = (
                now.get(record.path, record.content_now(self.root))
                if record.path in now
                else record.content_now(self.root)
            )
            if current not in (record.before, record.after):
                raise Conflict(
                    f"{record.path} was changed by somebody else in the meantime",
                    detail="Nothing was undone: restoring it would lose that change.",
                    remedy=f"Save the parts of {record.path} that you need, restore the doctor's version of it, and "
                    "undo again.",
                    code="changed-since",
                )
            now[record.path] = record.before

    def _write_down(self, record: Record) -> None:
        if not self._path.exists():
            self._begin()
        with self._path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)  # of a line that a crash cut short nothing was done
            file.seek(0, os.SEEK_END)
            file.write(json.dumps(record.as_json()).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _begin(self) -> None:
        """Makes the journal; its first line names the folders that were made for it."""
        made = missing_folders(self.root, self._path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        first = Record("journal", folders=made)
        write_durably(self._path, json.dumps(first.as_json()).encode() + b"\n", 0o644)

    def _forget(self, start: int) -> None:
        """Drops the records from number `start` on, and the journal with the last of them."""
        records = read_records(self._path)
        if start > 1:
            lines = self._path.read_text().splitlines(keepends=True)[:start]
            write_durably(self._path, "".join(lines).encode(), 0o644, watch=self._watch)
            return
        self._path.unlink(missing_ok=True)
        beside(self._path).unlink(missing_ok=True)
        remove_folders(self.root, records[0].folders if records else ())


def check_rights(root: Path) -> None:
    """Refuses early when this user can't change the host."""
    if root.resolve() == Path("/") and os.geteuid() != 0:
        raise HostError(
            "Changes to this host need root",
            detail="Nothing was changed.",
            remedy="Run the same command with sudo.",
            code="root-needed",
        )
