"""`wave-network push`."""

from __future__ import annotations

from typing import Annotated

import typer

from wave_network.cli.console import print_json
from wave_network.cli.options import AsJson, Model


def push(
    model: Model,
    repository: Annotated[
        str, typer.Argument(metavar="OWNER/NAME", help="The repository on the Hugging Face Hub.")
    ],
    license_name: Annotated[
        str | None,
        typer.Option(
            "--license",
            metavar="NAME",
            help="The model's licence, as the Hub spells it (mit, apache-2.0, ...), for its card.",
        ),
    ] = None,
    trained_on: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="What the training texts are, for its card: words, or hub:OWNER/NAME.",
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository that only its owner sees.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a model on the Hugging Face Hub.

    Makes the repository if it is not there and uploads the model folder with a card: figures,
    size, limits, licence, and how to use it. Log in first with hf auth login, or set HF_TOKEN.
    hub:OWNER/NAME then names the model wherever a model folder is asked for.

    \b
    Examples:
      wave-network push wave-model me/news --license mit --trained-on "news of 2024, in English"
      wave-network push wave-model me/news --private
    """
    from wave_network.huggingface.push import push_model

    address = push_model(
        model, repository, license=license_name, trained_on=trained_on, private=private
    )
    if as_json:
        print_json({"repository": repository, "url": address})
    else:
        typer.echo(
            f'pushed      {address}\nnext        wave-network predict hub:{repository} "..."'
        )
