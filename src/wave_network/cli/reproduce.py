"""`wave-network reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wave_network.cli.console import log_to_stderr, print_fields, print_json, stderr_console
from wave_network.cli.options import option
from wave_network.config import TrainConfig
from wave_network.config.checks import check_range
from wave_network.errors import ConfigError, extra_needed
from wave_network.experiments import EXPERIMENTS
from wave_network.experiments import reproduce as run


def reproduce(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT",
            help=f"One of {', '.join(EXPERIMENTS)}; or all of them: all.",
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
            help="Data sets, separated by commas. Default: those of the experiment.",
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Models, separated by commas. Default: all that the experiment compares.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", help="Number of seeds: 0, 1, ... N-1.")] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Passes over the training texts. Default: those of the experiment."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", help="At most N training and N test texts. Default: all."),
    ] = None,
    device: Annotated[str, option("device", "NAME")] = "auto",
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Folder or Hub id of the pretrained encoder for the BERT and Transformer "
            "baselines; all models use its tokenizer. Default: google-bert/bert-base-uncased, or "
            "the substitute of the papers extra if the Hub cannot be reached.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder of the report. Runs that it holds are not repeated."
        ),
    ] = Path("reproduction"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the files written as one JSON object on stdout.")
    ] = False,
) -> None:
    """Reproduce the papers' experiments.

    The report compares the papers' results with ours. Every run is stored when it ends, so that
    after an interruption, or with other options, only missing runs are made. The report covers
    all runs in the folder: report.html, report.md, plots/ and data/*.csv.

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
        raise ConfigError(f"no experiment {experiment}: choose from {', '.join(EXPERIMENTS)}, all")
    for name, value in (("seeds", seeds), ("epochs", epochs), ("limit", limit)):
        if value is not None:
            check_range(name, value, 1, None)
    checked = TrainConfig(device=device)  # type: ignore[arg-type]  # checked there
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
        print_fields([("report", html), ("Markdown", markdown)])


def _names(value: str | None) -> tuple[str, ...] | None:
    return tuple(value.split(",")) if value else None
