"""`busway backup`, `busway restore`, `busway migrate-database`: on the control plane's own machine."""

from __future__ import annotations

from pathlib import Path

import click

_config = click.option("--config", type=click.Path(path_type=Path), help="The busway.conf of the control plane.")
_state = click.option(
    "--state", type=click.Path(path_type=Path), help="The state folder. Default: /var/lib/busway for root."
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@_config
@_state
@click.option(
    "--images/--no-images", default=False, show_default=True, help="Include the data of images, or only their names."
)
def backup(file: Path, config: Path | None, state: Path | None, images: bool) -> None:
    """Write a backup of the control plane to one new file.

    It contains the database, keys and certificates, passwords and the configuration. Busway may run meanwhile.
    """
    from busway.bootstrap.backup.write import back_up
    from busway.bootstrap.config import read_config

    manifest = back_up(read_config(config, state_path=state), config, file, with_images=images)
    click.echo(f"{file}: {sum(manifest.rows.values())} rows of {manifest.kind}, {len(manifest.members) - 1} files.")
    apart = [image for image in manifest.images if not image.included]
    if apart:
        total = sum({image.sha256: image.size for image in apart}.values()) / 2**20
        click.echo(f"Not in it: the data of {len(apart)} images ({total:.0f} MiB): --images, or copy STATE/images.")
    for path in manifest.outside:
        click.echo(f"Not in it: {path}, which the configuration names.")
    click.echo("It holds passwords and keys: keep it as safe as the machine itself.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@_config
@_state
@click.option("--check", is_flag=True, help="Only verify the file; write nothing.")
def restore(file: Path, config: Path | None, state: Path | None, check: bool) -> None:
    """Verify a backup and restore it.

    State folder and database must be empty: nothing is overwritten. Stop every control process before, and restart
    the agents after.
    """
    from busway.bootstrap.backup.restore import restore as run
    from busway.bootstrap.backup.restore import verify
    from busway.bootstrap.config import read_config

    if check:
        manifest = verify(file)
        rows = sum(manifest.rows.values())
        click.echo(f"{file}: whole. Made {manifest.made} by Busway {manifest.busway}: {rows} rows of {manifest.kind}.")
        return
    found = read_config(config, state_path=state)
    done = run(found, file)
    click.echo(f"{found.state}: {sum(done.manifest.rows.values())} rows, as of {done.manifest.made}.")
    if any(member.name == "busway.conf" for member in done.manifest.members):
        click.echo(f"The configuration of then is {found.state / 'restored-busway.conf'}.")
    for name in done.missing:
        click.echo(f"No data: image {name}. Copy it to {found.state / 'images'}.")
    click.echo("Start one control process, then restart each agent.")


@click.command("migrate-database")
@click.option("--config", type=click.Path(path_type=Path), required=True, help="The busway.conf that names PostgreSQL.")
@_state
@click.option(
    "--from", "source", type=click.Path(path_type=Path), help="The SQLite file. Default: busway.db of the state folder."
)
def migrate_database(config: Path, state: Path | None, source: Path | None) -> None:
    """Copy SQLite into an empty PostgreSQL database.

    Stop every control process first. All rows are copied in one transaction and counted. The SQLite file is not
    changed.
    """
    from busway.bootstrap.backup.migrate import migrate_database as run
    from busway.bootstrap.config import read_config

    def report(table: str, rows: int) -> None:
        if rows:
            click.echo(f"{rows:9}  {table}")

    rows = run(read_config(config, state_path=state), source, report)
    click.echo(f"{rows:9}  rows in all, compared. Start the control plane with {config}, then put the old file away.")
