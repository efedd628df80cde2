"""Groups of commands that tell the nearest word when one is not known."""

from __future__ import annotations

import difflib

import click


class Words(click.Group):
    """A group of commands; "No such command 'shwo'. Did you mean show?"."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the first word names."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            known = [name for name in self.list_commands(ctx) if not self.commands[name].hidden]
            near = difflib.get_close_matches(args[0].lower(), known, n=3, cutoff=0.5)
            words = f" Did you mean {' or '.join(near)}?" if near else f" There are: {', '.join(known)}."
            raise click.UsageError(f"{error.message.rstrip('.')}.{words}", ctx) from error
