"""The Typer application: all commands and their options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import Annotated, Any, Final

import typer

from wave_network._version import __version__
from wave_network.cli.exit import fail, interrupted_code, output_lost, reported
from wave_network.cli.options import option_names

COMMANDS: Final = (
    *("train", "tune", "evaluate", "report", "predict", "similar", "suggest", "info"),
    *("serve", "quantize", "export", "convert", "distill", "push", "inspect", "reproduce"),
    *("pretrain", "generate", "score", "vectors", "fasttext"),
)
"""The commands, each the function of its name in a module of its name."""

# Typer carries a copy of click and exports few of its names; this is its UsageError.
_UsageError: Any = typer.BadParameter.__base__


def _show_version(wanted: bool) -> None:
    if wanted:
        from wave_network._native import description

        typer.echo(f"wave-network {__version__}\ncompiled code: {description()}")
        raise typer.Exit


def build_app(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """Build the application with some of its commands, in their order in the help."""
    app = typer.Typer(
        name="wave-network",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(_root)
    for name in commands:
        module = import_module(f"wave_network.cli.{name}")
        command = getattr(module, name)
        settings = getattr(module, "CONTEXT", None)
        app.command(context_settings=settings)(reported(command, partial(option_names, command)))
    return app


def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the version, and whether compiled code is in use.",
        ),
    ] = False,
) -> None:
    """Tiny text classifiers: train from scratch in seconds, predict anywhere.

    \b
    Examples:
      wave-network train                      train on the bundled news, write ./wave-model
      wave-network evaluate wave-model sample
      wave-network predict wave-model "Oil prices jump as OPEC cuts output"
      wave-network train reviews.csv --text-column review --label-column stars
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


def run(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name.

    Returns:
        The exit code. Wrong arguments end the process at once.
    """
    # Building one command is quicker than all, which the help and misspelt names need.
    named = [word for word in arguments[:1] if word in COMMANDS]
    app = build_app(named or COMMANDS)
    try:
        code = app(args=list(arguments), standalone_mode=False)
    except _UsageError as error:
        where = error.ctx.command_path if error.ctx else "wave-network"
        fail(f"{error.format_message()} (see {where} --help)", 2)
    except SystemExit as ending:
        if isinstance(ending.__context__, BrokenPipeError):  # Typer ends with 1
            output_lost(ending.__context__)
        raise
    except typer.Abort:
        fail("interrupted", interrupted_code())
    return code if isinstance(code, int) else 0
