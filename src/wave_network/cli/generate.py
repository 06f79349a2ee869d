"""`wave-network generate`."""

from __future__ import annotations

import os
import sys
from itertools import chain
from typing import Annotated

import typer

from wave_network.cli.options import LanguageModelFolder


def generate(
    model: LanguageModelFolder,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="The text to continue. Default: begin one.")
    ] = "",
    tokens: Annotated[int, typer.Option(metavar="N", help="Tokens to generate at most.")] = 200,
    temperature: Annotated[
        float,
        typer.Option(
            metavar="T",
            help="Above 1: more surprising; below 1: less; 0: always the most likely token.",
        ),
    ] = 0.8,
    top_p: Annotated[
        float,
        typer.Option(
            metavar="P",
            help="Choose among the most likely tokens that together have this probability, up to "
            "1.",
        ),
    ] = 0.95,
    seed: Annotated[
        int, typer.Option(metavar="S", help="Seed of the choices: the same one, the same text.")
    ] = 0,
) -> None:
    """Continue a text with a language model, until the model ends it.

    Prints the prompt and what follows as it is generated. Each token takes the same time and
    memory, however long the text is. Needs no torch.

    \b
    Examples:
      wave-network generate wave-lm "The film was"
      wave-network generate wave-lm "Oil prices" --tokens 100 --temperature 0.5 --seed 7
    """
    # One token needs no threads, which only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from wave_network.errors import printable
    from wave_network.runtime.language_model import LanguageModel

    pieces = LanguageModel.load(model).generate(
        prompt, tokens=tokens, temperature=temperature, top_p=top_p, seed=seed
    )
    for piece in chain([prompt], pieces, ["\n"]):
        sys.stdout.write(printable(piece, lines=True))
        sys.stdout.flush()
