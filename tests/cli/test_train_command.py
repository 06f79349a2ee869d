import json
import re
from pathlib import Path

import pytest
from cli_helpers import labelled_rows, write_csv

TINY = ("--preset", "tiny", "--epochs", "1")
MODEL_FILES = {
    "README.md",
    "config.json",
    "conformal.json",
    "history.jsonl",
    "metrics.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


def test_json_is_the_only_thing_on_stdout_and_the_sample_is_the_default(wave, tmp_path):
    ended = wave("train", *TINY, "--seed", "3", "--json")
    assert ended.code == 0
    assert ended.out.count("\n") == 1
    (summary,) = ended.lines
    assert list(summary) == [
        "model",
        "preset",
        "parameters",
        "size_bytes",
        "train_seconds",
        "validation",
        "validation_standard_error",
        "test",
        "seed",
        "rows",
        "classes",
        "truncated",
        "validation_method",
        "unlabeled",
        "vectors",
        "threads",
        "data",
        "cache",
    ]
    assert (summary["model"], summary["preset"], summary["seed"]) == ("wave-model", "tiny", 3)
    assert list(summary["parameters"]) == ["total", "embedding"]
    assert 0 < summary["parameters"]["embedding"] < summary["parameters"]["total"] <= 400_000
    assert summary["train_seconds"] > 0
    for part in ("validation", "test"):
        assert list(summary[part]) == ["accuracy", "macro_f1", "loss", "ece", "brier"]
        assert 0 <= summary[part]["macro_f1"] <= 1
        assert 0 < summary[part]["accuracy"] <= 1
    folder = tmp_path / "wave-model"
    assert {path.name for path in folder.iterdir()} == MODEL_FILES | {"out_of_scope.safetensors"}
    assert summary["size_bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    # A slow machine also shows how far training is.
    lines = [
        line for line in ended.err.splitlines() if line.startswith(("epoch ", "with ", "test "))
    ]
    epoch, whole, test = lines[-3:]
    assert test == "test        400 texts: sample (test)"
    assert epoch.startswith("epoch 1/1  loss ")
    assert "(before the linear part)" in epoch
    # The whole model's metrics are those of the results.
    accuracy, macro_f1 = (summary["validation"][name] for name in ("accuracy", "macro_f1"))
    told = f"validation accuracy {accuracy:.2%}  macro F1 {macro_f1:.2%}"
    assert whole == f"with the linear part  {told}"
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert (metrics["training_texts"], metrics["validation_texts"]) == (1_400, 140)
    assert metrics["refit"]  # as they are few
    assert json.loads((folder / "config.json").read_text("utf-8"))["model"]["labels"] == [
        "Business",
        "Sci/Tech",
        "Sports",
        "World",
    ]


def test_a_file_without_a_test_part_has_no_test_figures(invoke, few):
    ended = invoke("train", few, *TINY, "--json")
    assert ended.code == 0
    assert ended.lines[0]["test"] is None


def test_people_get_a_table_and_the_next_step(invoke, few, tmp_path):
    ended = invoke("train", few, *TINY, "--output", "my model")
    assert ended.code == 0
    assert "validation" in ended.out
    assert "macro F1" in ended.out
    assert 'wave-network predict "my model" "your text"' in ended.out
    assert ended.err.count("epoch ") == 1
    assert (tmp_path / "my model" / "config.json").is_file()


def test_each_epoch_is_one_line_however_long(invoke, few):
    ended = invoke("train", few, "--preset", "tiny", "--epochs", 1_000_000, "--patience", 3)
    assert ended.code == 0
    # A slow machine also shows how far training is.
    notes = [line for line in ended.err.splitlines() if " left, " not in line]
    threads, train, validation, labels, vectors, *lines, whole = notes
    assert re.fullmatch(r"threads     \d+, compiled code in use", threads)
    assert train == f"train       60 texts: {few}"
    assert (
        validation == "validation  60 texts: the training texts, in 5 folds of a cross-validation"
    )
    assert labels.startswith(
        "labels      2: 'animal' (30 texts, such as 'cat and cat, seen 0 times'), "
    )
    assert vectors.startswith("vectors     none: english ones do not help, ")
    assert whole.startswith("with the linear part  validation accuracy ")
    assert len(lines) >= 4
    for number, line in enumerate(lines, start=1):
        assert line.startswith(f"epoch {number}/1000000  loss ")
        assert line.endswith(" s")


def test_validation_and_test_data_are_used_as_given(invoke, few, tmp_path):
    validation = write_csv(tmp_path / "validation.csv", labelled_rows(10))
    test = write_csv(tmp_path / "test.csv", [("red", "animal"), ("teal", "animal")])
    ended = invoke("train", few, *TINY, "--validation", validation, "--test", test, "--json")
    assert ended.lines[0]["test"]["accuracy"] in (0.0, 0.5, 1.0)
    metrics = json.loads((tmp_path / "wave-model" / "metrics.json").read_text("utf-8"))
    assert (metrics["training_texts"], metrics["validation_texts"]) == (60, 10)
    assert metrics["test"] == ended.lines[0]["test"]


def test_every_option_reaches_the_model(invoke, few, tmp_path, tiny_model):
    options = {
        "operation": "interference",
        "max-length": 9,
        "epochs": 2,
        "batch-size": 7,
        "learning-rate": 0.125,
        "patience": 5,
        "teacher": tiny_model,
        "distillation-weight": 0.25,
        "class-weight": "balanced",
        "seed": 11,
        "device": "cpu",
        "tokenizer": tiny_model,
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    assert invoke("train", few, "--preset", "tiny", *flags).code == 0
    (described,) = invoke("info", "wave-model", "--json").lines
    stored = {**described["config"], **described["training"]}
    for name, value in options.items():
        if name != "tokenizer":
            kind = type(stored[name.replace("-", "_")])
            assert stored[name.replace("-", "_")] == kind(value)
    tokenizers = [folder / "tokenizer.json" for folder in (tiny_model, tmp_path / "wave-model")]
    assert tokenizers[0].read_bytes() == tokenizers[1].read_bytes()


def test_a_teacher_labels_the_unlabelled(invoke, few, tmp_path, tiny_model):
    """Two labelled texts of each kind and a teacher's answers: words that no label told of."""
    rows = [("cat one", "animal"), ("cat two", "animal"), ("red one", "colour"), ("red", "colour")]
    data = write_csv(tmp_path / "two.csv", rows)
    validation = write_csv(tmp_path / "validation.csv", labelled_rows(12))
    more = write_csv(tmp_path / "more.csv", [(text, "?") for text, _ in labelled_rows()])
    arguments = ("train", data, "--preset", "tiny", "--validation", validation, "--json")
    taught = invoke(*arguments, "--teacher", tiny_model, "--unlabeled", more)
    assert taught.code == 0
    assert taught.lines[0]["validation"]["accuracy"] == 1.0
    (described,) = invoke("info", "wave-model", "--json").lines
    assert described["training"]["teacher"] == str(tiny_model)
    metrics = json.loads((tmp_path / "wave-model" / "metrics.json").read_text("utf-8"))
    assert metrics["training_texts"] == 4 + 60
    assert f"with `{tiny_model}` as its teacher" in (tmp_path / "wave-model/README.md").read_text()


def test_refit_learns_from_the_held_out_rows_as_well(invoke, few, tmp_path):
    assert invoke("train", few, *TINY, "--refit", "--output", "refit").code == 0
    assert invoke("train", few, *TINY, "--preset", "large", "--no-refit").code == 0
    refit, large = (
        json.loads((tmp_path / name / "metrics.json").read_text())
        for name in ("refit", "wave-model")
    )
    assert refit["refit"]
    assert not large["refit"]
    assert refit["training_texts"] == large["training_texts"] + large["validation_texts"]
    assert refit["validation_method"] == "cross-validation"
    assert large["validation_method"] == "holdout"


def test_calibration_is_on_unless_it_is_turned_off(invoke, few, tmp_path):
    assert invoke("train", few, *TINY, "--output", "on").code == 0
    assert invoke("train", few, *TINY, "--output", "off", "--no-calibration").code == 0
    Path("settings.json").write_text('{"preset": "tiny", "epochs": 1, "calibrate": false}')
    assert invoke("train", few, "--config", "settings.json", "--output", "by-file").code == 0
    on, off, by_file = (
        json.loads((tmp_path / name / "config.json").read_text())
        for name in ("on", "off", "by-file")
    )
    assert by_file == off
    assert on["calibration"]["temperature"] > 0
    assert off["calibration"] is None
    assert (on["training"]["calibrate"], off["training"]["calibrate"]) == (True, False)
    (described,) = invoke("info", "on", "--json").lines
    calibration = described["metrics"]["calibration"]
    assert calibration["temperature"] == on["calibration"]["temperature"]
    assert set(calibration["before"]) == set(calibration["after"]) == {"loss", "ece", "brier"}
    labels = [
        [line["label"] for line in invoke("predict", name, "cat", "red", "and").lines]
        for name in ("on", "off")
    ]
    assert labels[0] == labels[1]


def test_weights_by_label_and_by_column(invoke, tmp_path):
    lines = [f'"{text}",{1 + n % 3},{label}' for n, (text, label) in enumerate(labelled_rows())]
    path = tmp_path / "weighted.csv"
    path.write_text("\n".join(["text,trust,label", *lines]), "utf-8")
    weights = set()
    for name, options in {
        "plain": (),
        "column": ("--weight-column", "trust"),
        "class": ("--class-weight", "animal=2", "--class-weight", "colour=0.5"),
    }.items():
        assert invoke("train", path, *TINY, *options, "--output", name).code == 0
        weights.add((tmp_path / name / "model.safetensors").read_bytes())
    assert len(weights) == 3
    stored = json.loads((tmp_path / "class" / "config.json").read_text("utf-8"))["training"]
    assert stored["class_weight"] == {"animal": 2.0, "colour": 0.5}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--class-weight", "evenly"), "--class-weight takes balanced, or LABEL=WEIGHT"),
        (("--class-weight", "animal=heavy"), "got 'animal=heavy'"),
        (("--class-weight", "=2"), "got '=2'"),
        (("--class-weight", "balanced", "--class-weight", "a=1"), "got 'balanced'"),
        (("--class-weight", "animal=-1"), "--class-weight must be balanced, or a weight above 0"),
        (("--class-weight", "fish=2"), "--class-weight names 'fish'"),
        (("--weight-column", "trust"), "no column 'trust', only 'text', 'label'"),
        (("--weight-column", "label"), "'label' cannot be the weight and something else too"),
        (("--weight-column", "text"), "'text' cannot be the weight"),
    ],
)
def test_weights_that_cannot_be_used(invoke, few, tmp_path, options, message):
    assert message in invoke("train", few, *TINY, *options).message
    assert not (tmp_path / "wave-model").exists()


def test_columns_are_found_by_their_names(invoke, tmp_path):
    rows = [(f"{text},{number}", label) for number, (text, label) in enumerate(labelled_rows())]
    path = tmp_path / "tickets.csv"
    path.write_text("id,body,queue\n" + "".join(f'1,"{t}",{y}\n' for t, y in rows), "utf-8")
    ended = invoke("train", path, *TINY, "--text-column", "body", "--label-column", "queue")
    assert ended.code == 0
    (described,) = invoke("info", "wave-model", "--json").lines
    assert described["labels"] == ["animal", "colour"]


def test_integer_labels_stay_integers(invoke, tmp_path):
    rows = [(text, {"animal": -1, "colour": 10}[label]) for text, label in labelled_rows()]
    assert invoke("train", write_csv(tmp_path / "numbers.csv", rows), *TINY).code == 0
    (described,) = invoke("info", "wave-model", "--json").lines
    assert described["labels"] == [-1, 10]


def test_the_same_seed_gives_the_same_weights(invoke, few, tmp_path):
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        assert invoke("train", few, *TINY, "--seed", seed, "--output", name).code == 0
    first, again, other = (
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "again", "other")
    )
    assert first == again
    assert first != other


def test_empty_texts_are_kept_and_reported(invoke, tmp_path):
    rows = [*labelled_rows(), ("", "animal"), ("", "animal"), ("  ", "colour")]
    validation = write_csv(tmp_path / "validation.csv", labelled_rows(10))
    data = write_csv(tmp_path / "gaps.csv", rows)
    ended = invoke("train", data, *TINY, "--validation", validation)
    assert ended.code == 0
    assert "3 of 63 training texts are empty" in ended.err
    metrics = json.loads((tmp_path / "wave-model" / "metrics.json").read_text("utf-8"))
    assert metrics["training_texts"] == 63


def test_a_text_of_ten_megabytes_is_learnt_from_like_any_other(invoke, tmp_path):
    rows = [*labelled_rows(), ("heron " * 1_700_000, "animal"), ("x" * 10_000_000, "colour")]
    ended = invoke("train", write_csv(tmp_path / "long.csv", rows), *TINY, "--json")
    assert ended.code == 0
    assert ended.lines[0]["train_seconds"] < 30


@pytest.mark.parametrize("name", ["null", "NA", "nan", "None", "True", "1e5"])
def test_a_label_or_text_that_looks_like_something_else_is_what_it_is(invoke, tmp_path, name):
    rows = [(name if label == "animal" else text, label) for text, label in labelled_rows(20)]
    rows = [(text, name if label == "animal" else label) for text, label in rows]
    assert invoke("train", write_csv(tmp_path / "odd.csv", rows), *TINY).code == 0
    (described,) = invoke("info", "wave-model", "--json").lines
    assert sorted(described["labels"]) == sorted([name, "colour"])


def test_overwrite_replaces_the_model_folder(invoke, few, tmp_path):
    folder = tmp_path / "wave-model"
    assert invoke("train", few, *TINY).code == 0
    (folder / "notes.txt").write_text("the user's")
    again = ("train", few, *TINY, "--preset", "tiny", "--seed", 9, "--overwrite")
    assert "holds what is not of a model folder ('notes.txt')" in invoke(*again).message
    (folder / "notes.txt").unlink()
    assert invoke(*again).code == 0
    assert {path.name for path in folder.iterdir()} == MODEL_FILES
    (described,) = invoke("info", folder, "--json").lines
    assert described["training"]["seed"] == 9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.csv", "wave-model"]


def test_epochs_are_logged_where_the_option_says(invoke, few, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    options = ("--preset", "tiny", "--epochs", "2", "--log-to", "tensorboard:runs")
    assert invoke("train", few, *options).code == 0
    events = EventAccumulator(str(tmp_path / "runs")).Reload().Scalars("validation/accuracy")
    history = (tmp_path / "wave-model" / "history.jsonl").read_text().splitlines()
    logged = [(event.step, event.value) for event in events]
    records = [json.loads(line) for line in history]
    assert logged == [
        (record["epoch"], pytest.approx(record["validation"]["accuracy"])) for record in records
    ]


def test_a_log_that_does_not_exist_is_refused_before_any_training(invoke, few, tmp_path):
    message = invoke("train", few, "--log-to", "files:runs").message
    assert message.startswith("--log-to must be tensorboard:DIR or wandb:PROJECT, not 'files:runs'")
    assert not (tmp_path / "wave-model").exists()


def test_a_fasttext_command_line_trains_and_is_explained(wave, few, tmp_path):
    rows = few.read_text(encoding="utf-8").splitlines()[1:]
    pairs = [row.rpartition(",") for row in rows]
    lines = [f"__label__{label} {text}\n" for text, _, label in pairs]
    (tmp_path / "news.txt").write_text("".join(lines), encoding="utf-8")
    arguments = "-input news.txt -output made -epoch 2 -wordNgrams 2 -lr 0.5 -seed 4 -thread 1"
    ended = wave("train", "--preset", "tiny", "--from-fasttext-args", arguments, "--json")
    assert ended.code == 0, ended.err
    (summary,) = ended.lines
    assert (summary["model"], summary["seed"], summary["threads"]) == ("made", 4, 1)
    assert len((tmp_path / "made" / "history.jsonl").read_text().splitlines()) == 2
    assert re.search(r"^-lr 0\.5 +ignored: rates for SGD", ended.err, re.MULTILINE)
    ended = wave("train", "--preset", "tiny", "--from-fasttext-args", "-epoch 1 -output sampled")
    assert "no -input given: training on sample, the bundled news" in ended.err
    ended = wave("train", few, "--from-fasttext-args", "-pretrainedVectors missing.vec")
    assert ended.err.splitlines()[-1].startswith("wave-network: no vectors at missing.vec")
    # What is given beside it goes first.
    more = ("--output", "other", "--epochs", "1", "--seed", "5")
    ended = wave("train", *TINY[:2], "--from-fasttext-args", arguments, *more, "--json")
    (summary,) = ended.lines
    assert (summary["model"], summary["seed"]) == ("other", 5)
    assert len((tmp_path / "other" / "history.jsonl").read_text().splitlines()) == 1


def test_a_model_is_trained_on_with_a_new_label(invoke, few, tmp_path):
    assert invoke("train", few, *TINY, "--output", "base").code == 0
    rows = [(f"seven plus {number} makes more", "number") for number in range(30)]
    new = write_csv(tmp_path / "new.csv", rows)
    test = write_csv(tmp_path / "test.csv", [*rows[:4], *labelled_rows(8)])
    flags = ("--epochs", 20, "--batch-size", 8, "--learning-rate", 0.01)
    arguments = ("train", new, "--from", "base", "--replay", few, "--test", test, *flags, "--json")
    ended = invoke(*arguments, "--output", "grown")
    assert ended.code == 0
    assert ended.lines[0]["preset"] == "tiny"
    assert ended.lines[0]["test"]["accuracy"] > 0.8
    described = json.loads((tmp_path / "grown" / "config.json").read_text("utf-8"))
    assert described["model"]["labels"] == ["animal", "colour", "number"]
    assert described["training"]["base_model"] == "base"
    assert "trained further from `base`" in (tmp_path / "grown" / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--preset", "small"), "has the preset tiny, and its weights do not fit small"),
        (("--operation", "interference"), "has the operation modulation, and its weights"),
        (("--max-length", "99"), "has the max_length 24, and its weights"),
        (("--tokenizer", "base"), "its own tokenizer"),
        (("--config", "tuned.json"), "--config describes a new model: leave it out with --from"),
        (("--unlabeled", "base"), "--unlabeled with --from needs a teacher"),
        (("--label-separator", "|"), "these rows have lists of labels"),
    ],
)
def test_what_a_model_cannot_be_trained_on_with(invoke, few, make_files, tmp_path, flags, told):
    from dataclasses import replace

    from wave_network.config import LocalWaveConfig
    from wave_network.persistence.folder import write_model

    files = replace(make_files(config_class=LocalWaveConfig), preset="tiny")
    write_model(tmp_path / "base", files, card="", history=[])
    ended = invoke("train", few, "--from", "base", *flags)
    assert ended.code == 2
    assert told in ended.message


def test_labels_that_training_never_saw_are_refused_or_counted_as_wrong(invoke, few, tmp_path):
    validation = write_csv(tmp_path / "v.csv", [*labelled_rows(10), ("oak", "tree")])
    test = write_csv(tmp_path / "t.csv", [("red", "colour"), ("elm", "tree")])
    arguments = ("train", few, *TINY, "--validation", validation, "--test", test, "--json")
    assert f"row 2 of {test}" in invoke(*arguments).err
    ended = invoke(*arguments, "--unseen", "count")
    (summary,) = ended.lines
    assert (summary["validation"]["unseen"], summary["test"]["unseen"]) == (1, 1)
    assert summary["validation"]["accuracy"] <= 10 / 11
    assert summary["test"]["accuracy"] <= 1 / 2
    assert summary["data"]["unseen"] == {"validation": 1, "test": 1}
    assert summary["validation_method"] == "given"
    assert "1 test text with labels that training never saw: counted as wrong" in ended.err


def test_rows_that_are_left_out_and_repeated_are_said(invoke, tmp_path):
    rows = [(text, f"{label},{number % 3}") for number, (text, label) in enumerate(labelled_rows())]
    data = write_csv(tmp_path / "w.csv", [*rows, *rows[1:3]], header="text,label,w")
    ended = invoke("train", data, *TINY, "--weight-column", "w", "--json")
    (summary,) = ended.lines
    assert summary["rows"]["train"] == 42
    assert summary["data"]["left_out"] == {"weight 0": 20}
    assert summary["data"]["train"]["duplicates"] == 2
    assert "note        20 rows left out: weight 0" in ended.err
    assert "note        2 of 42 training texts equal to an earlier one" in ended.err
