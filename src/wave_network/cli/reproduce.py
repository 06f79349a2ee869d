"""`wave-network reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wave_network.cli.console import log_to_stderr, print_json, stderr_console
from wave_network.config import TrainConfig
from wave_network.errors import ConfigError, extra_needed
from wave_network.experiments import EXPERIMENTS
from wave_network.experiments import reproduce as run


def reproduce(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT",
            help=f"One of {', '.join(EXPERIMENTS)}; or all.",
        ),
    ],
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with ag_news, dbpedia14 and imdb, each a folder with train.* and test.*. "
            "Default: the full data sets from the Hugging Face Hub.",
        ),
    ] = None,
    datasets: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Data sets, with commas between them. Default: the experiment's own.",
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Models, with commas between them, to leave others out. Default: all that the "
            "experiment compares.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", help="How many seeds: 0, 1, ... N-1.")] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Passes over the training texts. Default: the experiment's own."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", help="At most N training and N test texts. Default: all."),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Where to run: auto (a GPU if there is one), cpu, cuda or mps."
        ),
    ] = "auto",
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Folder or Hub id of the pretrained encoder of the BERT and Transformer "
            "baselines, whose tokenizer all models share. Default: google-bert/bert-base-uncased, "
            "or without the Hub the stand-in that the papers extra installs.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder of the report; what it holds already is not run again."
        ),
    ] = Path("reproduction"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout: what was written.")
    ] = False,
) -> None:
    """Run the papers' experiments again.

    The report sets the papers' figures beside ours. Every run is stored as soon as it is done:
    after an interruption, or with other options, only what is missing is run. The report gathers
    all that the folder holds: report.html, report.md, plots/ and data/*.csv.

    \b
    Examples:
      wave-network reproduce all --limit 2000 --epochs 1 --seeds 1
      wave-network reproduce accuracy --data-dir data --datasets ag_news,imdb
      wave-network reproduce curves --epochs 100 --device cuda
      wave-network reproduce baselines --models transformer,tfidf-bigram --limit 10000
    """
    log_to_stderr()
    names = EXPERIMENTS if experiment == "all" else (experiment,)
    if not set(names) <= set(EXPERIMENTS):
        raise ConfigError(f"no experiment {experiment}: take one of {', '.join(EXPERIMENTS)}, all")
    for name, value in (("--seeds", seeds), ("--epochs", epochs), ("--limit", limit)):
        if value is not None and value < 1:
            raise ConfigError(f"{name} must be at least 1; got {value}")
    checked = TrainConfig(device=device)  # type: ignore[arg-type]  # it refuses other names
    with extra_needed("papers", "reproducing the papers"):
        from wave_network.experiments.study import Options, Study
    options = Options(
        output=output,
        data_dir=data_dir,
        datasets=_names(datasets),
        models=_names(models),
        seeds=seeds,
        epochs=epochs,
        limit=limit,
        device=checked.device,
        encoder=encoder,
    )
    markdown, html = run(Study(options, stderr_console()), names)
    if as_json:
        print_json({"experiments": list(names), "markdown": str(markdown), "html": str(html)})
    else:
        typer.echo(f"report      {html}\nMarkdown    {markdown}")


def _names(value: str | None) -> tuple[str, ...] | None:
    return tuple(value.split(",")) if value else None
