"""`wave-network pretrain`."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import typer

from wave_network.cli.console import log_to_stderr, print_fields, print_json
from wave_network.cli.exit import interrupted_code
from wave_network.cli.options import AsJson, Encoding, Overwrite, Quoting, TextColumn
from wave_network.cli.unfinished import resumed, state_of, unfinished
from wave_network.config.wave_lm import PEAK_LEARNING_RATE


def pretrain(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="Texts: .txt files, each of which is one document with its line ends; or .csv, "
            ".tsv, .jsonl, .json, .parquet or .xlsx files, each row of which is one. Also as .gz, "
            ".zst or .zip.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option(metavar="LM", help="Folder to write the language model to.")
    ] = Path("wave-lm"),
    size: Annotated[
        str, typer.Option(metavar="200k|1m|5m", help="Parameters of the model, about.")
    ] = "1m",
    objective: Annotated[
        str,
        typer.Option(
            metavar="causal|masked",
            help="Predict each token from those before it (causal), to generate and score text; or "
            "hidden tokens from both sides (masked), to score text only.",
        ),
    ] = "causal",
    epochs: Annotated[int, typer.Option(metavar="N", help="Passes over the texts.")] = 4,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Training steps in all. Default: as many as the epochs take."
        ),
    ] = None,
    learning_rate: Annotated[
        float,
        typer.Option(
            metavar="X", help="Peak learning rate. A smaller one helps where training diverges."
        ),
    ] = PEAK_LEARNING_RATE,
    text_column: TextColumn = "text",
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed of the weights and of the order of the texts.")
    ] = 0,
    overwrite: Overwrite = False,
    checkpoint_every: Annotated[
        str | None,
        typer.Option(
            metavar="TIME|N",
            help="Store the state of the training this often (90s, 5m or 1h; or 2, after every "
            "second epoch) and when it is interrupted, beside the output in LM.unfinished, for "
            "--resume to go on from.",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="LM",
            help="Go on with the interrupted training that was to write this folder, from the "
            "working folder that it was begun in. It ends with the same weights, bit for bit.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pretrain a language model on texts; it needs no labels.

    Learns a vocabulary of pieces of bytes, holds out one document in 50, and trains a Wave LM. Its
    loss is in bits a byte: how many bits the model needs for each byte of text, so that models with
    different vocabularies compare. Ctrl-C ends training early and still writes the model; with
    --checkpoint-every it stores the state instead, and --resume goes on.

    \b
    Examples:
      wave-network pretrain books/*.txt --output books-lm
      wave-network pretrain archive.jsonl --text-column body --size 5m --checkpoint-every 5m
      wave-network pretrain books/*.txt --objective masked --output books-masked
      wave-network pretrain --resume wave-lm
      wave-network generate books-lm "Once upon a time"
    """
    given, resumes = dict(locals()), resume is not None
    log_to_stderr()
    if resumes:
        usual = {name: each.default for name, each in signature(pretrain).parameters.items()}
        given = resumed(given, usual, "pretrain")
    _pretrain(SimpleNamespace(**given), resumes=resumes)


def _pretrain(asked: SimpleNamespace, *, resumes: bool) -> None:
    """Pretrain with the options of the command."""
    from wave_network.config.wave_lm import PretrainConfig
    from wave_network.errors import ConfigError
    from wave_network.persistence.folder import check_output
    from wave_network.persistence.one_run import one_run
    from wave_network.training.pretraining.run import pretrain as pretrain_model

    if not asked.files:
        raise ConfigError("give the files of the texts: wave-network pretrain FILE...")
    config = PretrainConfig(
        size=asked.size,
        objective=asked.objective,
        epochs=asked.epochs,
        steps=asked.steps,
        learning_rate=asked.learning_rate,
        seed=asked.seed,
    )
    state = state_of(asked.output, asked.checkpoint_every, "pretrain")
    overwrite = asked.overwrite or (resumes and state is not None and state.was_writing)
    check_output(asked.output, overwrite=overwrite)
    with one_run(asked.output), unfinished(state, vars(asked), asked.output, resumes=resumes):
        summary = pretrain_model(
            asked.files,
            asked.output,
            config=config,
            text_column=asked.text_column,
            encoding=asked.encoding,
            quoting=asked.quoting,
            overwrite=overwrite,
            unfinished=state,
        )
    if asked.as_json:
        print_json(summary)
    else:
        _print_summary(summary, masked=config.objective == "masked")
    if summary["interrupted"]:
        raise typer.Exit(interrupted_code())


def _print_summary(summary: Mapping[str, Any], *, masked: bool) -> None:
    bits = f"{summary['validation']['bits_per_byte']:.3f} bits a byte"
    print_fields(
        [
            ("model", f"{summary['model']} ({summary['size_bytes'] / 1e6:.1f} MB)"),
            ("parameters", f"{summary['parameters']:,}"),
            ("training", f"{summary['steps']:,} steps, {summary['train_seconds']:.0f} s"),
            ("validation", f"{bits} of hidden tokens, both sides known" if masked else bits),
        ]
    )
