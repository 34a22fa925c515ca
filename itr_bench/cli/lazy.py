"""A group of commands of which each module is imported when it is called, not before."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from itr_bench.errors import unknown_name


class LazyGroup(click.Group):
    """A group whose commands are modules of ``itr_bench.cli``.

    Args:
        lazy: the line of help of each command; ``run`` is ``itr_bench.cli.<prefix>run``.
        prefix: of the modules' names.
    """

    def __init__(
        self, *args: Any, lazy: Mapping[str, str], prefix: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module = f"itr_bench.cli.{self._prefix}{cmd_name.replace('-', '_')}"
        command = importlib.import_module(module).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in self._lazy:
            ctx.fail(unknown_name("command", args[0], self._lazy))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._lazy.items()))
