"""`wave-network train`."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Final

import typer

from wave_network.cli.console import (
    log_to_stderr,
    note,
    print_fields,
    print_json,
    print_table,
)
from wave_network.cli.engines import trained_by, work_along
from wave_network.cli.exit import interrupted_code
from wave_network.cli.options import (
    AsJson,
    Encoding,
    Engine,
    LabelColumn,
    LabelSeparator,
    Overwrite,
    Quoting,
    TextColumn,
    Threads,
    Unseen,
    option,
)
from wave_network.cli.unfinished import resumed, state_of, unfinished
from wave_network.config import OPTIONS
from wave_network.config.settings import customize
from wave_network.errors import ConfigError
from wave_network.evaluation.metric_names import metric_names
from wave_network.training.processes import is_worker, leading

_TRAIN_OPTIONS: Final = (
    *("base_model", "batch_size", "micro_batch_size", "learning_rate", "patience", "teacher"),
    *("distillation_weight", "refit", "device", "mixed_precision"),
)
"""Options of the command that are options of training under the same name."""

_NOTABLE_ERROR: Final = 0.01  # of an accuracy; smaller standard errors are not printed


def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Labelled texts: a .csv, .tsv, .jsonl, .json, .parquet, .xlsx or fastText .txt "
            "file, also as .gz, .zst or .zip; a folder with train.* (and validation.*, test.*), or "
            "with a folder of .txt files for each class; hub:OWNER/NAME; or sample, the bundled "
            "news.",
        ),
    ] = "sample",
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Data to choose the best epoch by. Default: the folder's validation.*, or else a "
            "tenth of the training texts (a fifth for paper).",
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Data for the final metrics, not used for training. Default: the folder's test.*",
        ),
    ] = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    label_separator: LabelSeparator = None,
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    weight_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column (or JSON field) of the sample weights, numbers from 0. Default: all texts "
            "count alike.",
        ),
    ] = None,
    class_weight: Annotated[
        list[str] | None,
        option("class_weight", "balanced|LABEL=W", more="Repeat LABEL=W to weight several labels."),
    ] = None,
    preset: Annotated[str | None, option("preset", "NAME")] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON file of settings, such as the tuned.json written by tune. Options on the "
            "command line take precedence.",
        ),
    ] = None,
    operation: Annotated[str | None, option("operation", "NAME")] = None,
    tokenizer: Annotated[str | None, option("tokenizer", "SOURCE")] = None,
    max_length: Annotated[int | None, option("max_length", "N")] = None,
    base_model: Annotated[str | None, option("base_model", "MODEL", flags="--from")] = None,
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="With --from: the model's earlier training data. Training on it again prevents "
            "forgetting.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write the model to.")
    ] = Path("wave-model"),
    overwrite: Overwrite = False,
    epochs: Annotated[int | None, option("epochs", "N")] = None,
    batch_size: Annotated[int | None, option("batch_size", "N")] = None,
    micro_batch_size: Annotated[int | None, option("micro_batch_size", "N")] = None,
    learning_rate: Annotated[float | None, option("learning_rate", "X")] = None,
    patience: Annotated[int | None, option("patience", "N")] = None,
    teacher: Annotated[str | None, option("teacher", "SOURCE")] = None,
    distillation_weight: Annotated[float | None, option("distillation_weight", "X")] = None,
    unlabeled: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Texts without labels to learn from, too, if cross-validation says that they "
            "help (with --teacher: for the teacher to label): a file as DATA, or .txt with one "
            "text per line.",
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Texts that are out of scope, to make predict --out-of-scope more accurate: a "
            "file as DATA, or .txt with one text per line.",
        ),
    ] = None,
    vectors: Annotated[str | None, option("vectors", "SOURCE|auto|none")] = None,
    keep_vocabulary: Annotated[bool, option("keep_vocabulary", flags="--keep-vocabulary")] = False,
    refit: Annotated[bool | None, option("refit", flags="--refit/--no-refit")] = None,
    no_calibration: Annotated[
        bool, option("calibrate", flags="--no-calibration", more="This flag turns it off.")
    ] = False,
    seed: Annotated[int | None, option("seed", "N")] = None,
    device: Annotated[str | None, option("device", "NAME")] = None,
    mixed_precision: Annotated[str | None, option("mixed_precision", "NAME")] = None,
    threads: Threads = None,
    cache: Annotated[str | None, option("cache", "DIR")] = None,
    engine: Engine = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Number of processes with --engine ray, for models that torch trains. Default: "
            "one for each GPU of the cluster, or else for each of its machines.",
        ),
    ] = None,
    unseen: Unseen = "error",
    log_to: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Also log the metrics of every epoch to tensorboard:DIR or wandb:PROJECT.",
        ),
    ] = None,
    from_fasttext_args: Annotated[
        str | None,
        typer.Option(
            metavar="ARGS",
            help="Translate a fasttext supervised command line, given in quotes, and report what "
            "becomes of each of its options. Options of train take precedence.",
        ),
    ] = None,
    checkpoint_every: Annotated[
        str | None,
        typer.Option(
            metavar="TIME|N",
            help="Store the state of the training this often (90s, 5m or 1h; or 2, after every "
            "second epoch) and when it is interrupted, beside the output in DIR.unfinished, for "
            "--resume to go on from.",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Go on with the interrupted training that was to write this folder, from the "
            "working folder that it was begun in. It has the options that it was begun with, and "
            "ends with the same weights, bit for bit.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a classifier from scratch, or continue training one.

    Writes a model folder with the weights of the epoch that has the best validation accuracy.
    Ctrl-C ends training early and still writes the best model so far; with --checkpoint-every
    it stores the state instead, and --resume goes on.

    In multi-label data, the label column holds lists, or labels joined by a separator
    (--label-separator). The best epoch is then the one with the best micro F1.

    \b
    Examples:
      wave-network train
      wave-network train tickets.csv --text-column body --label-column queue --output tickets
      wave-network train films.csv --label-column genres --label-separator "|"
      wave-network train spam.csv --class-weight balanced
      wave-network train news/ --preset large --json
      wave-network train news/ --preset paper --operation interference
      wave-network train labelled.csv --unlabeled archive.csv
      wave-network train tickets.csv --teacher bert-tickets --unlabeled more.csv
      wave-network train tickets.csv --vectors glove.6B.100d.vec
      wave-network train news/ --log-to tensorboard:runs/first
      wave-network train news/ --config wave-tuned/tuned.json
      wave-network train news/ --preset large --output news-large --checkpoint-every 5m
      wave-network train --resume news-large
      wave-network train new.csv --from tickets --replay tickets.csv --output tickets-2
      wave-network train --from-fasttext-args "-input news.txt -output news -wordNgrams 2 -lr 0.5"
    """
    given = dict(locals())
    log_to_stderr()
    if is_worker():
        work_along(threads)
        return
    if resume is not None:
        usual = {name: each.default for name, each in signature(train).parameters.items()}
        given = resumed(given, usual)
    with leading():
        _train(given, resumes=resume is not None)


def _train(given: Mapping[str, Any], *, resumes: bool) -> None:
    """Train with the options of the command, by name."""
    from wave_network.data import read_texts
    from wave_network.data.sources import read_training_data
    from wave_network.persistence.folder import check_output, read_model
    from wave_network.persistence.one_run import one_run
    from wave_network.scale.cache import Cache
    from wave_network.training.options import check_together, choose_preset
    from wave_network.training.recipe import Recipe
    from wave_network.training.run import train_model
    from wave_network.training.tracking import parse_target

    asked = SimpleNamespace(**given)
    if asked.from_fasttext_args is not None:
        _take_from_fasttext(asked)
    model_options = {"operation": asked.operation, "max_length": asked.max_length}
    train_options = {
        **{name: given[name] for name in _TRAIN_OPTIONS},
        **{name: getattr(asked, name) for name in ("epochs", "seed", "vectors")},
        "keep_vocabulary": True if asked.keep_vocabulary else None,
        "class_weight": _class_weight(asked.class_weight or []),
        "calibrate": False if asked.no_calibration else None,
    }
    base = None if asked.base_model is None else read_model(asked.base_model)
    chosen = choose_preset(
        asked.preset, model_options, asked.tokenizer, base=base, settings=asked.config
    )
    # Refuse wrong values before reading data.
    customize(chosen, {**model_options, **train_options})
    if asked.log_to is not None:
        parse_target(asked.log_to)
    threads = OPTIONS["threads"].checked(asked.threads)
    kept = OPTIONS["cache"].checked(asked.cache)
    cache = None if kept is None else Cache(kept)
    check_together(train_options, replay=asked.replay, unlabeled=asked.unlabeled)
    state = state_of(asked.output, asked.checkpoint_every)
    overwrite = asked.overwrite or (resumes and state is not None and state.was_writing)
    check_output(asked.output, overwrite=overwrite)
    trained = trained_by(asked.engine, asked.workers, checkpoints=state is not None)
    with one_run(asked.output), unfinished(state, given, asked.output, resumes=resumes):
        splits = read_training_data(
            asked.data,
            validation=asked.validation,
            test=asked.test,
            replay=asked.replay,
            weight_column=asked.weight_column,
            text_column=asked.text_column,
            label_column=asked.label_column,
            label_separator=asked.label_separator,
            encoding=asked.encoding,
            quoting=asked.quoting,
            cache=cache,
        )
        unlabeled_texts, background_texts = (
            None
            if file is None
            else read_texts(file, asked.text_column, asked.encoding, asked.quoting, cache)
            for file in (asked.unlabeled, asked.background)
        )
        recipe = Recipe.of(
            chosen,
            train_options=train_options,
            model_options=model_options,
            tokenizer=asked.tokenizer,
            base=base,
            threads=threads,
            cache=cache,
        )
        summary, stopped = train_model(
            splits,
            recipe,
            asked.output,
            overwrite=overwrite,
            unlabeled=unlabeled_texts,
            background=background_texts,
            log_to=asked.log_to,
            unseen=asked.unseen,
            unfinished=state,
            **trained,
        )
    if asked.as_json:
        print_json(summary)
    else:
        _print_summary(summary)
    if stopped == "interrupted":
        raise typer.Exit(interrupted_code())


def _take_from_fasttext(asked: SimpleNamespace) -> None:
    """Take what a fastText command line asks for; options of train come first."""
    taken = _from_fasttext(asked.from_fasttext_args)
    if asked.data == "sample":
        if "data" not in taken:
            note("no -input given: training on sample, the bundled news")
        asked.data = taken.get("data", asked.data)
    if asked.output == Path("wave-model"):
        asked.output = taken.get("output", asked.output)
    asked.validation = asked.validation or taken.get("validation")
    for name in ("epochs", "seed", "vectors", "threads"):
        if getattr(asked, name) is None:
            setattr(asked, name, taken.get(name))


def _from_fasttext(arguments: str) -> Mapping[str, Any]:
    """Translate a fastText command line, and report what becomes of each option."""
    from wave_network.fasttext.arguments import translate

    translation = translate(arguments)
    width = max((len(given) for given, _ in translation.explanations), default=0)
    for given, becomes in translation.explanations:
        note(f"{given:<{width}}  {becomes}")
    return translation.parameters


def _class_weight(values: list[str]) -> str | dict[str, float] | None:
    if values == ["balanced"]:
        return "balanced"
    weights = {}
    for value in values:
        label, _, weight = value.rpartition("=")
        try:
            weights[label] = float(weight)
        except ValueError:
            label = ""
        if not label:
            raise ConfigError(
                f"--class-weight takes balanced, or LABEL=WEIGHT once for each label; got {value!r}"
            )
    return weights or None


def _print_summary(summary: dict[str, Any]) -> None:
    parameters = summary["parameters"]
    parts = [name for name in ("validation", "test") if summary[name] is not None]
    names = metric_names(summary["validation"] or summary["test"] or {})
    rows = [[part, *(f"{summary[part][name]:.4f}" for name in names)] for part in parts]
    error = summary["validation_standard_error"]
    if error is not None and error >= _NOTABLE_ERROR:
        accuracy = 1 + list(names).index("accuracy")
        rows[0][accuracy] += f" ± {error:.4f}"
    folder = f'"{summary["model"]}"' if " " in summary["model"] else summary["model"]
    if rows:
        print_table("Results", ("", *names.values()), rows)
    size = f"{summary['size_bytes'] / 1e6:.1f} MB"
    embeddings = f"{parameters['embedding']:,} of them embeddings"
    print_fields(
        [
            ("model", f"{summary['model']} ({size}, preset {summary['preset']})"),
            ("parameters", f"{parameters['total']:,} ({embeddings})"),
            ("trained in", f"{summary['train_seconds']:.1f} s"),
            ("next", f'wave-network predict {folder} "your text"'),
        ]
    )
