"""`wave-network train`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wave_network.cli.console import log_to_stderr, note, print_json, print_table, stderr_console
from wave_network.cli.options import AsJson, LabelColumn, LabelSeparator, TextColumn
from wave_network.config import Preset, get_preset
from wave_network.config.settings import DEFAULT_PRESET, customize, read_settings
from wave_network.errors import ConfigError, extra_needed
from wave_network.evaluation.metric_names import metric_names

if TYPE_CHECKING:
    from wave_network.data import Splits
    from wave_network.persistence.folder import ModelFiles


def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Labelled texts: a .csv, .tsv, .jsonl, .parquet or fastText .txt file; a folder "
            "with train.* (and validation.*, test.*); hub:OWNER/NAME; or sample, the bundled "
            "news.",
        ),
    ] = "sample",
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Data that chooses the best epoch. Default: the folder's validation.*, or else "
            "a tenth of train (of each class; a fifth for paper).",
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Data for the final figures; it chooses nothing. Default: the folder's test.*",
        ),
    ] = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    label_separator: LabelSeparator = None,
    weight_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column (or JSON field) of how much each text to train on counts: numbers from 0. "
            "Default: all count alike.",
        ),
    ] = None,
    class_weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="balanced|LABEL=W",
            help="How much each class counts: balanced gives rare classes the joint weight of "
            "common ones; LABEL=W, once for each label, gives weights (1 for the others).",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The model's size and its training: tiny (up to 0.4M parameters), small (up to "
            "2.4M; the default), large (up to 25M), or paper (the papers' own model). With --from "
            "it is that model's.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Settings in a JSON file, such as the tuned.json that tune writes. Options given "
            "beside it go first.",
        ),
    ] = None,
    operation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How two waves combine: modulation (they are multiplied) or interference (they "
            "are added). Default: the preset's.",
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="A folder, a tokenizer.json or a Hub id (OWNER/NAME) to take the tokenizer from. "
            "Default: one trained on the texts (paper prefers BERT's where the Hub can be "
            "reached).",
        ),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Tokens read of a text; the rest is ignored. Default: the preset's."
        ),
    ] = None,
    from_model: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="Train this model on: a model folder, or hub:OWNER/NAME. Labels and words that it "
            "does not know are added; shape and tokenizer stay.",
        ),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="With --from, rows that the model learnt from: it learns from them again, so that "
            "they are not forgotten.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write the model to.")
    ] = Path("wave-model"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the model folder if it exists.")
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option(metavar="N", help="Passes over the texts, at most. Default: the preset's."),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Texts in one training step. Default: the preset's, which with many texts takes "
            "more.",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="AdamW's highest step size, for batches of the preset's size: the larger ones of "
            "many texts take more (not so with --batch-size). Default: the preset's.",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Stop after N epochs without a better validation accuracy. Default: the "
            "preset's, or never.",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="A classifier of the same classes to learn from as well: a model folder, a folder "
            "of transformers (a fine-tuned BERT, say), or a Hub id (OWNER/NAME).",
        ),
    ] = None,
    distillation_weight: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="The share of the teacher's answers in what labelled texts are to be answered "
            "with, from 0 to 1; the labels have the rest. Without a teacher, with --from: the "
            "share of what that model answered, in texts of its labels. Default: 0.5.",
        ),
    ] = None,
    unlabeled: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="More texts, which only the teacher labels: .csv, .tsv, .jsonl, .parquet, or .txt "
            "(one text a line).",
        ),
    ] = None,
    refit: Annotated[
        bool | None,
        typer.Option(
            "--refit/--no-refit",
            help="Learn once more from all texts, those held out to choose the epoch included: "
            "more accurate, in twice the time. Default: with large, and with small and tiny where "
            "there are fewer than 10,000 texts.",
        ),
    ] = None,
    no_calibration: Annotated[
        bool,
        typer.Option(
            "--no-calibration",
            help="Leave the probabilities as they were learnt. Without it, one number (a "
            "temperature) is fitted on the validation texts so that they mean what they say.",
        ),
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Decides everything random: same seed, same model. Default: 0."
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Where to train: auto (a GPU if there is one; the default), cpu, cuda or mps.",
        ),
    ] = None,
    log_to: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Send the figures of every epoch to tensorboard:DIR or wandb:PROJECT as well.",
        ),
    ] = None,
    from_fasttext_args: Annotated[
        str | None,
        typer.Option(
            metavar="ARGS",
            help="Take what applies of a fasttext supervised command line, in quotes, and say "
            "what becomes of each of its options. Options given beside it go first.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a classifier from scratch, or train one on.

    Writes a model folder. The weights of the epoch with the best validation accuracy are kept.
    Ctrl-C ends training early and still writes the best model so far.

    A text may have any number of labels: in a column of lists, or joined by --label-separator. The
    best epoch is then that of the best micro F1.

    \b
    Examples:
      wave-network train
      wave-network train tickets.csv --text-column body --label-column queue --output tickets
      wave-network train films.csv --label-column genres --label-separator "|"
      wave-network train spam.csv --class-weight balanced
      wave-network train news/ --preset large --json
      wave-network train news/ --preset paper --operation interference
      wave-network train tickets.csv --teacher bert-tickets --unlabeled more.csv
      wave-network train news/ --log-to tensorboard:runs/first
      wave-network train news/ --config wave-tuned/tuned.json
      wave-network train new.csv --from tickets --replay tickets.csv --output tickets-2
      wave-network train --from-fasttext-args "-input news.txt -output news -wordNgrams 2 -lr 0.5"
    """
    from wave_network.data import read_texts
    from wave_network.persistence.folder import check_output, read_model
    from wave_network.training.tracking import parse_target

    log_to_stderr()
    if from_fasttext_args is not None:
        taken = _from_fasttext(from_fasttext_args)
        if data == "sample" and "data" not in taken:
            note("there is no -input, so DATA is sample, the bundled news")
        data = taken.get("data", data) if data == "sample" else data
        output = taken.get("output", output) if output == Path("wave-model") else output
        validation = validation or taken.get("validation")
        epochs = taken.get("epochs") if epochs is None else epochs
        seed = taken.get("seed") if seed is None else seed
    model_options = {"operation": operation, "max_length": max_length}
    train_options = {
        "base_model": from_model,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "patience": patience,
        "teacher": teacher,
        "distillation_weight": distillation_weight,
        "class_weight": _class_weight(class_weight or []),
        "refit": refit,
        "calibrate": False if no_calibration else None,
        "seed": seed,
        "device": device,
    }
    base = None if from_model is None else read_model(from_model)
    chosen = _choose(preset, config, base, model_options, tokenizer)
    # Bad values are refused before slow imports and data.
    customize(chosen, {**model_options, **train_options})
    if log_to is not None:
        parse_target(log_to)
    _check_together(base, replay, teacher, unlabeled, distillation_weight)
    check_output(output, overwrite=overwrite)
    columns: dict[str, Any] = {
        "text_column": text_column,
        "label_column": label_column,
        "label_separator": label_separator,
    }
    splits = _read(data, validation, test, replay, weight_column, columns)
    unlabeled_texts = None if unlabeled is None else read_texts(unlabeled, text_column)
    with extra_needed("train", "training"):
        from wave_network.training.run import train_model
    summary, stopped = train_model(
        splits,
        preset=chosen,
        output=output,
        overwrite=overwrite,
        model_options=model_options,
        train_options=train_options,
        tokenizer=tokenizer,
        console=stderr_console(),
        unlabeled=unlabeled_texts,
        base=base,
        log_to=log_to,
    )
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)
    if stopped == "interrupted":
        raise typer.Exit(130)


def _read(
    data: str,
    validation: str | None,
    test: str | None,
    replay: str | None,
    weight_column: str | None,
    columns: Mapping[str, Any],
) -> Splits:
    """The data, with its parts replaced by those that are named, and old rows added."""
    from wave_network.data import joined_rows, read_dataset, read_splits

    splits = read_splits(data, weight_column=weight_column, **columns)
    if validation is not None:
        preference = ("validation", "test", "train")
        splits = splits._replace(validation=read_dataset(validation, preference, **columns)[0])
    if test is not None:
        splits = splits._replace(test=read_dataset(test, **columns)[0])
    if replay is not None:
        replayed = read_splits(replay, weight_column=weight_column, **columns).train
        splits = splits._replace(train=joined_rows(splits.train, replayed))
    return splits


def _from_fasttext(arguments: str) -> Mapping[str, Any]:
    """The parameters that a fastText command line gives; says what becomes of each option."""
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


def _choose(
    preset: str | None,
    config: Path | None,
    base: ModelFiles | None,
    model_options: dict[str, Any],
    tokenizer: str | None,
) -> Preset:
    """The preset by its name, of the settings file, or of the model to train on."""
    if base is None:
        if config is None:
            return get_preset(preset or DEFAULT_PRESET)
        return read_settings(config, preset)
    if config is not None:
        raise ConfigError(
            "--config describes a new model: with --from leave it out, and give what trains it "
            "(--epochs, --learning-rate, ...) as options"
        )
    from wave_network.training.continual import continued_preset  # slow, and seldom needed

    return continued_preset(base, preset, model_options, tokenizer)


def _check_together(
    base: ModelFiles | None,
    replay: str | None,
    teacher: str | None,
    unlabeled: str | None,
    distillation_weight: float | None,
) -> None:
    """Refuse options that say nothing without another one."""
    if replay is not None and base is None:
        raise ConfigError("--replay needs the model that learnt from these rows: name it by --from")
    if unlabeled is not None and teacher is None:
        raise ConfigError("--unlabeled needs a --teacher that labels these texts: name one")
    if distillation_weight is not None and teacher is None and base is None:
        raise ConfigError("--distillation-weight needs a --teacher (or --from): name one")


def _print_summary(summary: dict[str, Any]) -> None:
    parameters = summary["parameters"]
    parts = [name for name in ("validation", "test") if summary[name] is not None]
    names = metric_names(summary["validation"])
    rows = [(part, *(f"{summary[part][name]:.4f}" for name in names)) for part in parts]
    folder = f'"{summary["model"]}"' if " " in summary["model"] else summary["model"]
    print_table("Results", ("", *names.values()), rows)
    typer.echo(
        f"model       {summary['model']} ({summary['size_bytes'] / 1e6:.1f} MB, preset "
        f"{summary['preset']})\n"
        f"parameters  {parameters['total']:,} ({parameters['embedding']:,} of them embeddings)\n"
        f"trained in  {summary['train_seconds']:.1f} s\n"
        f'next        wave-network predict {folder} "your text"'
    )
