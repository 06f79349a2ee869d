"""Arguments and options that several commands share, and the options' names for messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec, TypeAlias, get_type_hints

import typer
from typer.models import OptionInfo

from wave_network.config import OPTIONS

P = ParamSpec("P")


def option(name: str, metavar: str | None = None, *, flags: str = "", more: str = "") -> Any:  # noqa: ANN401
    """Create a Typer option from the table of training options.

    Args:
        name: The option's name in the table.
        metavar: Placeholder of its value in the help.
        flags: Its name on the command line, where that is not `--` and the name.
        more: What to add to the help for the command line.
    """
    described = OPTIONS[name]
    default = f"Default: {described.default}." if described.default else ""
    text = " ".join(filter(None, (described.help, more, default)))
    names = [flags] if flags else []
    return typer.Option(*names, metavar=metavar, help=text, show_default=not default)


def option_names(command: Callable[..., None]) -> Mapping[str, str]:
    """Return the flags of a command by parameter: `max_length` is `--max-length`."""
    names = {}
    for parameter, hint in get_type_hints(command, include_extras=True).items():
        for info in getattr(hint, "__metadata__", ()):
            if isinstance(info, OptionInfo):
                # Typer keeps the first flag of an annotation as the default.
                given = info.default if isinstance(info.default, str) else None
                flags = given or f"--{parameter.replace('_', '-')}"
                names[parameter] = flags.partition("/")[0]
    return names


def threaded(command: Callable[P, None]) -> Callable[P, None]:
    """Run a command with the number of threads that its option `threads` asks for."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from wave_network._native.threads import using

        with using(OPTIONS["threads"].checked(kwargs.get("threads"))):
            command(*args, **kwargs)

    return run


Model: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model folder written by train, hub:OWNER/NAME[@REVISION], or a model file of "
        "fastText.",
    ),
]
LanguageModelFolder: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="LM",
        help="A language model's folder written by pretrain, or hub:OWNER/NAME[@REVISION].",
    ),
]
TextColumn: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="Column (or JSON field) of the texts.")
]
LabelColumn: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="Column (or JSON field) of the labels.")
]
LabelSeparator: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Separator between the labels of a multi-label text, such as a comma. Not needed for "
        "lists, or for fastText files with several labels on a line.",
    ),
]
Encoding: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Encoding of text files, such as windows-1252 or utf-16. A byte order mark takes "
        "precedence.",
    ),
]
Quoting: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="auto|none|csv",
        help='Quotation marks in .csv and .tsv files: csv, fields may stand in quotes; none, " is '
        "an ordinary character; auto, decide for each file.",
    ),
]
Unseen: TypeAlias = Annotated[
    Literal["error", "count"],
    typer.Option(
        metavar="error|count",
        help="What to do with rows whose label training never saw: refuse them, or count them as "
        "wrong.",
    ),
]
Engine: TypeAlias = Annotated[
    Literal["local", "ray"],
    typer.Option(
        metavar="local|ray",
        help="Where to work: here, or on a Ray cluster that already runs.",
    ),
]
Overwrite: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace the output if it exists.")
]
Threads: TypeAlias = Annotated[int | None, option("threads", "N")]
"""For commands that are `threaded`."""
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON object on stdout.")
]
