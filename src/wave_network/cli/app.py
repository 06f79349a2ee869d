"""The Typer application: all commands and their options."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from wave_network._version import __version__
from wave_network.cli.distill import distill
from wave_network.cli.evaluate import evaluate
from wave_network.cli.exit import fail, interrupted_code, output_lost, reported
from wave_network.cli.export import export
from wave_network.cli.info import info
from wave_network.cli.inspect import inspect
from wave_network.cli.options import option_names
from wave_network.cli.predict import predict
from wave_network.cli.push import push
from wave_network.cli.quantize import quantize
from wave_network.cli.report import report
from wave_network.cli.reproduce import reproduce
from wave_network.cli.suggest import suggest
from wave_network.cli.train import train
from wave_network.cli.tune import tune

app = typer.Typer(
    name="wave-network",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for command in (
    train,
    tune,
    evaluate,
    report,
    predict,
    suggest,
    info,
    quantize,
    export,
    distill,
    push,
    inspect,
    reproduce,
):
    app.command()(reported(command, partial(option_names, command)))

# Typer carries a copy of click and exports few of its names; this is its UsageError.
_UsageError: Any = typer.BadParameter.__base__


def _show_version(wanted: bool) -> None:
    if wanted:
        from wave_network._native import description

        typer.echo(f"wave-network {__version__}\ncompiled code: {description()}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
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


def run() -> int:
    """Run the command that the process's arguments name.

    Returns:
        The exit code. Wrong arguments end the process at once.
    """
    try:
        code = app(standalone_mode=False)
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
