"""What several commands take, said once."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

Model: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A model folder that train wrote, or hub:OWNER/NAME."),
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
        help="What joins the labels where a text has several, such as a comma. Lists, and fastText "
        "files with several labels a line, need none.",
    ),
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON object on stdout.")
]
