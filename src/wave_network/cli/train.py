"""`wave-network train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wave_network.cli.console import log_to_stderr, note, print_json, print_table, stderr_console

Data = Annotated[
    str,
    typer.Argument(
        help="A .csv, .tsv, .jsonl, .parquet or fastText .txt file; a folder with train.* (and "
        "validation.*, test.*); hub:OWNER/NAME; or sample, the bundled news."
    ),
]


def train(
    data: Data = "sample",
    validation: Annotated[
        str | None,
        typer.Option(help="Data that chooses the best epoch. Default: 10 % of train, stratified."),
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Data for the final figure. Default: the folder's test.*")
    ] = None,
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    label_column: Annotated[str, typer.Option(help="Column of the labels.")] = "label",
    preset: Annotated[str, typer.Option(help="small, tiny, large or paper.")] = "small",
    operation: Annotated[
        str | None, typer.Option(help="modulation or interference. Default: the preset's.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="A folder, a tokenizer.json or a Hub id to take the tokenizer from. Default: "
            "trained on the texts (paper prefers BERT's where the Hub can be reached)."
        ),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens read of a text. Default: the preset's.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder to write the model to.")] = Path(
        "wave-model"
    ),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the model folder if it exists.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(help="Passes over the texts, at most.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Texts a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="AdamW's peak step size.")] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop after so many epochs without a better validation accuracy."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same model.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
) -> None:
    """Train a classifier from scratch and write its model folder.

    The weights of the epoch with the best validation accuracy are kept. Ctrl-C ends training and
    still writes the best model so far.

    \b
    Examples:
      wave-network train
      wave-network train tickets.csv --text-column body --label-column queue --output tickets
      wave-network train news/ --preset large --json
      wave-network train news/ --preset paper --operation interference
    """
    from wave_network.data import read_dataset, read_splits
    from wave_network.training.run import train_model

    log_to_stderr()
    columns = {"text_column": text_column, "label_column": label_column}
    splits = read_splits(data, **columns)
    if validation is not None:
        preference = ("validation", "test", "train")
        splits = splits._replace(validation=read_dataset(validation, preference, **columns)[0])
    if test is not None:
        splits = splits._replace(test=read_dataset(test, **columns)[0])
    summary, stopped = train_model(
        splits,
        preset=preset,
        output=output,
        overwrite=overwrite,
        model_options={"operation": operation, "max_length": max_length},
        train_options={
            "epochs": epochs,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "patience": patience,
            "seed": seed,
            "device": device,
        },
        tokenizer=tokenizer,
        console=stderr_console(),
    )
    if stopped == "interrupted":
        note(f"interrupted: the best model so far is kept in {output}")
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)
    if stopped == "interrupted":
        raise typer.Exit(130)


def _print_summary(summary: dict[str, Any]) -> None:
    parameters = summary["parameters"]
    rows = [
        (name, *(f"{summary[name][metric]:.4f}" for metric in ("accuracy", "macro_f1", "loss")))
        for name in ("validation", "test")
        if summary[name] is not None
    ]
    print_table("Results", ("", "accuracy", "macro F1", "loss"), rows)
    typer.echo(
        f"model       {summary['model']} ({summary['size_bytes'] / 1e6:.1f} MB, preset "
        f"{summary['preset']})\n"
        f"parameters  {parameters['total']:,} ({parameters['embedding']:,} of them embeddings)\n"
        f"trained in  {summary['train_seconds']:.1f} s\n"
        f'next        wave-network predict {summary["model"]} "your text"'
    )
