"""`wave-network fasttext`."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from wave_network.cli.console import log_to_stderr
from wave_network.cli.exit import write_whole

CONTEXT: Final = {"ignore_unknown_options": True, "allow_interspersed_args": False}
"""All that follows the name of the command is its own: `-input` is no option of ours."""


def fasttext(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND",
            help="supervised, skipgram, cbow, quantize, test, test-label, predict, "
            "predict-prob, print-word-vectors, print-sentence-vectors, print-ngrams, nn, analogies "
            "or dump, with fastText's arguments.",
        ),
    ],
) -> None:
    """Run a command line of fastText, as it is.

    Models may be files of fastText, .bin or .ftz, or model folders. supervised trains one of our
    models and writes the folder NAME.bin; skipgram and cbow learn word vectors and write the folder
    NAME.bin and the file NAME.vec. What their options become is said on stderr. A file to predict
    may be -, standard input.

    \b
    Examples:
      wave-network fasttext supervised -input train.txt -output model -epoch 25
      wave-network fasttext test model.bin test.txt
      wave-network fasttext predict-prob model.bin - 3 < lines.txt
      wave-network fasttext skipgram -input texts.txt -output vectors
      wave-network fasttext nn vectors.bin 5
    """
    from wave_network.fasttext.commands import run

    log_to_stderr()
    lines = (f"{line}\n" for line in run(arguments))
    if sys.stdin.isatty():  # someone waits for each answer
        for line in lines:
            write_whole([line])
    else:
        write_whole(lines)
