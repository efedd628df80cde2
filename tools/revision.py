"""Writes a revision of the database's tables out of what the code has changed: `make revision NAME=add_quotas`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext

from busway.store.database import Database
from busway.store.metadata import UtcTime
from busway.store.schema import VERSION_TABLE, load_tables, newest_revision, upgrade
from tools.command import ROOT

_VERSIONS = ROOT / "src" / "busway" / "store" / "migrations" / "versions"
_PAGE = '''"""What changed and why, in one sentence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = "{before}"


def upgrade() -> None:
    """Changes what the line above says."""
{body}
'''


def write_revision(name: str, folder: Path = _VERSIONS) -> Path:
    """Writes the file; its author says what changed, and looks through each line: Alembic sees no renames."""
    path = folder / f"{name}.py"
    path.write_text(_PAGE.format(name=name, before=newest_revision(), body=_changes()), "utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", path], cwd=ROOT, check=True)
    return path


def _changes() -> str:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/newest.db")
        upgrade(database)
        with database.read() as tx:
            context = MigrationContext.configure(tx, opts={"compare_type": True, "version_table": VERSION_TABLE})
            script = produce_migrations(context, load_tables())
        database.close()
    assert script.upgrade_ops is not None
    return render_python_code(script.upgrade_ops, render_as_batch=True, render_item=_item)


def _item(kind: str, thing: Any, _context: Any) -> Any:
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(thing, UtcTime) else False


if __name__ == "__main__":
    if len(sys.argv) != 2 or not re.fullmatch(r"[a-z][a-z0-9_]{2,31}", sys.argv[1]):
        sys.exit("Name the revision in 3 to 32 small letters, digits and _: make revision NAME=add_quotas")
    print(f"{write_revision(sys.argv[1])}: say what changed, and read every line.")
