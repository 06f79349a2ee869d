"""`wave-network push`."""

from __future__ import annotations

from typing import Annotated

import typer

from wave_network.cli.console import print_fields, print_json
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
            help="Licence for the model card, as the Hub spells it (mit, apache-2.0, ...).",
        ),
    ] = None,
    trained_on: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="Training data for the model card: a description, or hub:OWNER/NAME.",
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Create the repository as private.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a model on the Hugging Face Hub.

    Creates the repository if it does not exist, and uploads the model folder with a model card:
    metrics, size, limits, licence and usage. Log in first with hf auth login, or set HF_TOKEN.
    Afterwards, hub:OWNER/NAME can be used wherever a command takes a model folder.

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
        next_step = f'wave-network predict hub:{repository} "..."'
        print_fields([("pushed", address), ("next", next_step)])
