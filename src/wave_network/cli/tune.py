"""`wave-network tune`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from wave_network.cli.console import (
    log_to_stderr,
    note,
    print_fields,
    print_json,
    print_table,
)
from wave_network.cli.engines import trials_by
from wave_network.cli.exit import interrupted_code
from wave_network.cli.options import (
    AsJson,
    Encoding,
    Engine,
    LabelColumn,
    LabelSeparator,
    Quoting,
    TextColumn,
    Threads,
    Unseen,
    option,
    threaded,
)
from wave_network.config.settings import DEFAULT_PRESET
from wave_network.errors import extra_needed

_SHOWN = 20  # best trials in the table; --json has all


_USUAL: Final = {
    **{"text_column": "text", "label_column": "label"},
    **{"encoding": "utf-8", "quoting": "auto"},
}


@threaded
def tune(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Labelled texts, as for train. A test split is never read.",
        ),
    ] = "sample",
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Data to compare the trials on. Default: the folder's validation.*, or else a "
            "tenth of the training texts, the same for all trials.",
        ),
    ] = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    label_separator: LabelSeparator = None,
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    preset: Annotated[
        str,
        typer.Option(metavar="NAME", help="Preset to start from: tiny, small or large."),
    ] = DEFAULT_PRESET,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Time for all trials, such as 90s, 10m or 1h30m. Default: 10m, unless --trials is "
            "given.",
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop after this many trials.")
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Largest size of the model folder, such as 2MB or 500kB. Default: the size of "
            "the preset's.",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Metric to optimize: accuracy, macro_f1 or loss; for multi-label data also "
            "micro_f1, and accuracy is subset accuracy. Default: accuracy; multi-label: micro_f1.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder for the trials, the best settings and the best model."
        ),
    ] = Path("wave-tuned"),
    unseen: Unseen = "error",
    seed: Annotated[int, option("seed", "N")] = 0,
    device: Annotated[str, option("device", "NAME")] = "auto",
    threads: Threads = None,
    engine: Engine = "local",
    as_json: AsJson = False,
) -> None:
    """Search for better settings than a preset's.

    The first trial uses the preset's own settings. The output folder always holds the best model
    so far, its settings (tuned.json, for train --config), and all trials (trials.sqlite). Ctrl-C
    ends the search, and the same command resumes it, however it ended; give more time or trials to
    extend it. With --engine ray, trials run in parallel, each with --threads CPUs, or one. If
    macro_f1 is the metric and classes differ in size, balanced class weights are tried too.

    \b
    Examples:
      wave-network tune tickets.csv --time 10m
      wave-network tune news/ --time 1h --max-size 2MB --metric macro_f1 --output tuned-news
      wave-network train news/ --config tuned-news/tuned.json
    """
    from wave_network.data import read_dataset, read_splits
    from wave_network.data.read import source_of
    from wave_network.persistence.one_run import one_run
    from wave_network.tuning.limits import parse_duration, parse_size

    log_to_stderr()
    if time is None and trials is None:
        time = "10m"
    seconds = None if time is None else parse_duration(time)
    largest = None if max_size is None else parse_size(max_size)
    with extra_needed("tune", "tuning"):
        from wave_network.data import TrainingData
        from wave_network.tuning.run import TuneOptions
        from wave_network.tuning.run import tune as search
    columns: dict[str, Any] = {
        "text_column": text_column,
        "label_column": label_column,
        "label_separator": label_separator,
        "encoding": encoding,
        "quoting": quoting,
    }
    splits = read_splits(data, **columns)
    held_out, sources = splits.validation, dict(splits.sources)
    if validation is not None:
        held_out, name = read_dataset(validation, ("validation", "test", "train"), **columns)
        sources["validation"] = source_of(validation, name)
    options = TuneOptions(preset, output, metric, seconds, trials, largest, seed, device)
    data_given = TrainingData(
        splits.train, held_out, classes=splits.classes, sources=sources, unseen=unseen
    )
    with one_run(output):
        summary, interrupted = search(data_given, options, trials_by(engine, threads))
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary, _train_command(data, columns))
    if interrupted:
        note("interrupted: the same command resumes the search")
        raise typer.Exit(interrupted_code())


def _train_command(data: str, columns: dict[str, str | None]) -> str:
    """Return the train command for the same data."""
    words = ["wave-network", "train", data]
    for name, value in columns.items():
        if value not in (None, _USUAL.get(name)):
            words += ["--" + name.replace("_", "-"), str(value)]
    return shlex.join(words)


def _print_summary(summary: dict[str, Any], train: str) -> None:
    if ranking := summary["ranking"]:
        default: dict[str, object] = {}
        default = next((trial["settings"] for trial in ranking if trial["trial"] == 0), default)
        rows = [_row(rank, trial, default) for rank, trial in enumerate(ranking[:_SHOWN], start=1)]
        settings = "settings (unless as in trial 0)" if default else "settings"
        headings = ("", "trial", summary["metric"], "MB", "s", settings)
        print_table("Trials, best first", headings, rows, last="left")
    if importance := summary["importance"]:
        shares = [(name, f"{share:.0%}") for name, share in importance.items()]
        print_table("Importance of the settings", ("setting", "share"), shares)
    done = f"{summary['trials']} in {summary['seconds']:.0f} s, {len(ranking)} of them completed"
    print_fields([("trials", done)])
    if summary["model"] is None:
        return
    unfinished = "" if ranking else ", from a first trial that was not completed"
    print_fields(
        [
            ("model", f"{summary['model']}{unfinished}"),
            ("settings", summary["settings"]),
            ("next", f"{train} --config {summary['settings']}"),
        ]
    )


def _row(rank: int, trial: dict[str, Any], default: Mapping[str, object]) -> list[object]:
    """Return a trial's metrics, and its settings in one cell, which wraps on narrow terminals."""
    own = trial["trial"] == 0
    settings = {
        name: value
        for name, value in trial["settings"].items()
        if own or name not in default or value != default[name]
    }
    return [
        rank,
        trial["trial"],
        f"{trial['score']:.4f}",
        f"{trial['size_bytes'] / 1e6:.2f}",
        f"{trial['seconds']:.0f}",
        ", ".join(f"{name}={_shown(value)}" for name, value in settings.items()),
    ]


def _shown(value: object) -> object:
    if value is None:
        return "none"
    return f"{value:.2g}" if isinstance(value, float) else value
