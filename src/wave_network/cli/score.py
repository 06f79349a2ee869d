"""`wave-network score`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wave_network.cli.console import log_to_stderr, print_fields, print_json, print_table
from wave_network.cli.options import (
    AsJson,
    Encoding,
    LanguageModelFolder,
    Quoting,
    TextColumn,
)
from wave_network.runtime.records import rounded

if TYPE_CHECKING:
    from wave_network.runtime.language_model import Surprise


def score(
    model: LanguageModelFolder,
    input_file: Annotated[
        str,
        typer.Option(
            "--input",
            metavar="FILE",
            help="Texts, a file as for pretrain: a .txt file is one document; of a .csv, .tsv, "
            ".jsonl, .json, .parquet or .xlsx file, each row is one.",
        ),
    ],
    text_column: TextColumn = "text",
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    as_json: AsJson = False,
) -> None:
    """Score texts with a language model.

    Prints bits a byte, and the most surprising tokens. Bits a byte are how many bits the model
    needs for each byte of the texts; lower is better. Texts that are unlike the model's training
    texts need more. A masked model predicts each token from both sides, so that its bits do not
    compare with those of a causal one. Needs no torch.

    \b
    Examples:
      wave-network score wave-lm --input new.jsonl
      wave-network score wave-lm --input chapter.txt --json
    """
    from dataclasses import asdict

    from wave_network.data.documents import iter_documents
    from wave_network.progress.stages import stage, tracked
    from wave_network.runtime.language_model import LanguageModel

    log_to_stderr()
    language_model = LanguageModel.load(model)
    with stage(f"scoring {input_file}"):
        pieces = iter_documents(input_file, text_column, encoding, quoting)
        found = language_model.score_documents(tracked(pieces, unit="pieces"))
    if as_json:
        print_json(rounded({**asdict(found), "bits_per_byte": found.bits_per_byte}))
        return
    print_fields(
        [
            ("documents", f"{found.documents:,}"),
            ("tokens", f"{found.tokens:,}"),
            ("bytes", f"{found.bytes:,}"),
            ("bits a byte", f"{found.bits_per_byte:.3f}"),
        ]
    )
    print_table("most surprising tokens", ("bits", "token", "after"), map(_row, found.surprises))


def _row(surprise: Surprise) -> tuple[str, str, str]:
    return f"{surprise.bits:.1f}", repr(surprise.token), repr(surprise.before)
