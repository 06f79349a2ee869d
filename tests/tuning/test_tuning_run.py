import json
from dataclasses import replace
from io import StringIO

import pytest

from wave_network.config import PRESETS
from wave_network.config.settings import read_settings
from wave_network.data import Splits, TrainingData, from_memory
from wave_network.errors import ConfigError, OutputError
from wave_network.persistence.folder import read_model, size_bytes
from wave_network.progress.display import Display
from wave_network.training.recipe import Recipe
from wave_network.training.run import train_model
from wave_network.tuning import run
from wave_network.tuning.progress import TrialBar

pytestmark = pytest.mark.usefixtures("quick")


def tune(output, rows, *, validation=None, stream=None, **options):
    arguments = {
        "preset": "tiny",
        "output": output,
        "metric": "accuracy",
        "seconds": None,
        "trials": 3,
        "max_size": None,
        "seed": 0,
        "device": "cpu",
    }
    chosen = run.TuneOptions(**{**arguments, **options})
    data = TrainingData(rows, validation)
    with Display(stream or StringIO()):
        return run.tune(data, chosen)


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


def trained(output, rows, *, preset):
    """What `train` makes of the same rows."""
    options = {"seed": 0, "device": "cpu", "refit": False}
    recipe = Recipe.of(preset, train_options=options, model_options={})
    train_model(Splits(rows), recipe, output, overwrite=False)
    return output


def test_the_first_trial_is_the_presets_default(rows, tmp_path):
    summary, interrupted = tune(tmp_path / "tuned", rows, trials=1)
    assert not interrupted
    assert [trial["trial"] for trial in summary["ranking"]] == [0]
    default = trained(tmp_path / "default", rows, preset=PRESETS["tiny"])
    assert weights(tmp_path / "tuned" / "model") == weights(default)
    assert read_model(tmp_path / "tuned" / "model").metrics["test"] is None


def test_the_default_of_few_texts_is_trained_as_long_and_as_slowly(rows, tmp_path, quick):
    longer = replace(quick, train=replace(quick.train, min_steps=20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", longer)
        tune(tmp_path / "tuned", rows, trials=1)
        default = trained(tmp_path / "default", rows, preset=PRESETS["tiny"])
    assert weights(tmp_path / "tuned" / "model") == weights(default)


def test_the_best_is_kept_and_its_settings_make_it_again(rows, tmp_path):
    stream, tuned = StringIO(), tmp_path / "tuned"
    summary, _ = tune(tuned, rows, trials=5, metric="loss", stream=stream)
    assert sorted(path.name for path in tuned.iterdir()) == [
        *("model", "trials.sqlite", "tuned.json")
    ]
    ranking = summary["ranking"]
    assert [trial["score"] for trial in ranking] == sorted(trial["score"] for trial in ranking)
    best = ranking[0]
    assert best["trial"] != 0  # four epochs are too few, and others try more
    assert best["score"] < next(t["score"] for t in ranking if t["trial"] == 0)
    model = read_model(tuned / "model")
    assert model.metrics["validation"] == best["validation"]
    assert best["score"] == best["validation"]["loss"] == summary["score"]
    assert size_bytes(tuned / "model") == pytest.approx(best["size_bytes"], abs=20)
    assert json.loads((tuned / "tuned.json").read_text()) == {
        "preset": "tiny",
        **best["settings"],
        "seed": 0,
    }
    again = trained(tmp_path / "again", rows, preset=read_settings(tuned / "tuned.json"))
    assert weights(again) == weights(tuned / "model")
    read, lines = stream.getvalue().split("trial 0", 1)
    said = [line.split()[0] for line in read.splitlines()]
    assert said == ["threads", "train", "validation", "labels"]
    assert len(lines.splitlines()) == 5
    assert lines.startswith("  loss ")
    assert summary["rows"] == {"train": 108, "validation": 12, "test": 0}
    assert summary["validation_method"] == "holdout"
    assert json.loads(json.dumps(summary)) == summary


def test_a_search_that_was_ended_goes_on_as_if_it_had_not_been(rows, tmp_path):
    for trials in (2, 3):
        parts, _ = tune(tmp_path / "parts", rows, trials=trials)
    whole, _ = tune(tmp_path / "whole", rows, trials=3)
    plain = [
        [(t["trial"], t["score"], t["settings"]) for t in summary["ranking"]]
        for summary in (parts, whole)
    ]
    assert plain[0] == plain[1]
    assert parts["trials"] == 3
    again, _ = tune(tmp_path / "parts", rows, trials=3)  # there is nothing left to do
    assert again == parts


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"metric": "loss"}, "metric"),
        ({"seed": 1}, "seed"),
        ({"max_size": 900_000}, "max-size"),
        ({"preset": "small"}, "preset"),
    ],
)
def test_trials_of_something_else_are_not_mixed_in(rows, tmp_path, changed, name):
    tune(tmp_path / "tuned", rows, trials=1)
    with pytest.raises(ConfigError, match=f"another {name}: choose another output"):
        tune(tmp_path / "tuned", rows, **changed)


def test_trials_of_other_texts_are_not_mixed_in(rows, tmp_path):
    tune(tmp_path / "tuned", rows, trials=1)
    with pytest.raises(ConfigError, match="another data"):
        tune(tmp_path / "tuned", rows.select(range(100)))


def test_all_trials_are_compared_on_the_given_validation_rows(rows, tmp_path):
    validation = from_memory(["sun", "snow", "heat", "ice", "day"], ["warm", "cold"] * 2 + ["cold"])
    summary, _ = tune(tmp_path / "tuned", rows, validation=validation, trials=2)
    for trial in summary["ranking"]:
        assert trial["score"] * 5 == pytest.approx(round(trial["score"] * 5))
    assert read_model(tmp_path / "tuned" / "model").metrics["validation_texts"] == 5


def test_the_size_limit_holds_for_the_folder_of_every_trial(rows, tmp_path):
    usual, _ = tune(tmp_path / "usual", rows, trials=1)
    limit = usual["ranking"][0]["size_bytes"] - 20_000
    summary, _ = tune(tmp_path / "tuned", rows, max_size=limit, trials=4)
    assert len(summary["ranking"]) >= 1
    assert all(trial["size_bytes"] <= limit for trial in summary["ranking"])
    assert size_bytes(tmp_path / "tuned" / "model") <= limit


def test_a_folder_that_turns_out_too_large_is_not_kept(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "size_bytes", lambda _: 10**9)
    stream = StringIO()
    summary, _ = tune(tmp_path / "tuned", rows, max_size=400_000, trials=2, stream=stream)
    assert (summary["ranking"], summary["model"], summary["trials"]) == ([], None, 2)
    assert "trial 1  too large: 1,000,000,000 bytes" in stream.getvalue()


def test_label_lists_are_compared_by_micro_f1_with_the_thresholds_of_training(sets, tmp_path):
    tuned = tmp_path / "tuned"
    summary, _ = tune(tuned, sets, metric=None, trials=3)
    assert summary["metric"] == "micro_f1"
    assert set(summary["ranking"][0]["validation"]) >= {"accuracy", "micro_f1", "macro_f1", "loss"}
    assert all(trial["settings"]["token_dropout"] <= 0.1 for trial in summary["ranking"])
    model = read_model(tuned / "model")
    assert model.config.is_multi_label
    assert model.config.labels == ("dry", "rare", "wet")
    assert model.metrics["validation"]["micro_f1"] == summary["score"]
    again = trained(tmp_path / "again", sets, preset=read_settings(tuned / "tuned.json"))
    assert weights(again) == weights(tuned / "model")
    assert read_model(again).config == model.config


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "loss"])
def test_label_lists_by_another_metric(sets, tmp_path, metric):
    summary, _ = tune(tmp_path / "tuned", sets, metric=metric, trials=1)
    assert summary["score"] == summary["ranking"][0]["validation"][metric]


def test_the_first_trial_of_label_lists_is_the_presets_default(sets, tmp_path):
    tune(tmp_path / "tuned", sets, trials=1)
    default = trained(tmp_path / "default", sets, preset=PRESETS["tiny"])
    assert weights(tmp_path / "tuned" / "model") == weights(default)


def test_of_unequal_classes_macro_f1_is_tried_with_class_weights(rows, tmp_path):
    cold = [row for row, label in enumerate(rows["label"]) if label == "cold"]
    unequal = rows.select([*range(12), *cold])
    summary, _ = tune(tmp_path / "tuned", unequal, metric="macro_f1", trials=2)
    tried = {trial["trial"]: trial["settings"]["class_weight"] for trial in summary["ranking"]}
    assert tried == {0: None, 1: "balanced"}
    chosen = json.loads((tmp_path / "tuned" / "tuned.json").read_text())["class_weight"]
    model = read_model(tmp_path / "tuned" / "model")
    assert chosen == summary["ranking"][0]["settings"]["class_weight"]
    assert model.training["class_weight"] == chosen


def interrupting(monkeypatch, ctrl_c, moment, call):
    """Stands for the user who presses Ctrl-C at that call of a moment of the training bar."""
    original, calls = getattr(TrialBar, moment), []

    def interrupted(self, *arguments):
        original(self, *arguments)
        calls.append(moment)
        if len(calls) == call:
            ctrl_c()

    monkeypatch.setattr(TrialBar, moment, interrupted)


@pytest.mark.parametrize("moment", ["stage", "epoch"])
def test_ctrl_c_keeps_the_best_so_far_and_the_search_goes_on(
    rows, tmp_path, monkeypatch, ctrl_c, moment
):
    tuned = tmp_path / "tuned"
    with monkeypatch.context() as patch:
        interrupting(patch, ctrl_c, moment, 6)  # in the second trial
        summary, interrupted = tune(tuned, rows, trials=3)
    assert interrupted
    assert [trial["trial"] for trial in summary["ranking"]] == [0]
    assert weights(tuned / "model") == weights(
        trained(tmp_path / "default", rows, preset=PRESETS["tiny"])
    )
    summary, interrupted = tune(tuned, rows, trials=3)
    assert not interrupted
    assert summary["trials"] == 3


def test_ctrl_c_in_the_first_trial_keeps_what_there_is(rows, tmp_path, monkeypatch, ctrl_c):
    tuned = tmp_path / "tuned"
    with monkeypatch.context() as patch:
        interrupting(patch, ctrl_c, "epoch", 2)
        summary, interrupted = tune(tuned, rows)
    assert interrupted
    assert (summary["score"], summary["trials"]) == (None, 0)
    assert summary["model"] == str(tuned / "model")
    assert read_model(tuned / "model").metrics["stopped"] == "interrupted"
    summary, _ = tune(tuned, rows, trials=1)  # the default again, and whole
    assert read_model(tuned / "model").metrics["stopped"] is None
    assert len(summary["ranking"]) == 1


def test_time_that_is_up_cuts_the_trial_and_begins_no_other(rows, tmp_path):
    summary, interrupted = tune(tmp_path / "tuned", rows, seconds=1e-3, trials=None)
    assert not interrupted
    assert summary["trials"] == 0
    assert read_model(tmp_path / "tuned" / "model").metrics["stopped"] == "interrupted"
    tune(tmp_path / "tuned", rows, trials=2)
    before = weights(tmp_path / "tuned" / "model")
    # Both trials count as time that is used up.
    summary, _ = tune(tmp_path / "tuned", rows, seconds=1e-3, trials=None)
    assert summary["trials"] == 2
    assert weights(tmp_path / "tuned" / "model") == before


def test_a_trial_that_fails_does_not_end_the_search(rows, tmp_path, monkeypatch):
    original = run.fit

    def fit(data, recipe, *others):
        train = recipe.preset.train
        if train.epochs != PRESETS["tiny"].train.epochs or train.learning_rate != 4e-3:
            raise ConfigError("training diverged")
        return original(data, recipe, *others)

    monkeypatch.setattr(run, "fit", fit)
    stream = StringIO()
    summary, _ = tune(tmp_path / "tuned", rows, trials=4, stream=stream)
    assert summary["trials"] == 4
    assert summary["ranking"][0]["trial"] == 0
    assert "failed: training diverged" in stream.getvalue()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "paper"}, "paper is the papers' own model: tune small, tiny or large"),
        ({"preset": "huge"}, "preset must be one of"),
        ({"metric": "f2"}, "metric must be one of accuracy, micro_f1, macro_f1, loss"),
        ({"metric": "micro_f1"}, "micro_f1 is for multi-label data"),
        ({"device": "abacus"}, "device must be one of"),
        ({"max_size": 5_000}, "no model fits into max_size"),
    ],
)
def test_what_cannot_be_tuned(rows, tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        tune(tmp_path / "tuned", rows, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(rows, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds no trials"):
        tune(tmp_path, rows)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_damaged_file_of_trials(rows, tmp_path):
    (tmp_path / "trials.sqlite").write_text("this is no database, and long enough to be read" * 99)
    with pytest.raises(OutputError, match=r"trials\.sqlite cannot be used"):
        tune(tmp_path, rows)


def test_a_model_that_was_removed(rows, tmp_path):
    tune(tmp_path / "tuned", rows, trials=1)
    (tmp_path / "tuned" / "model").rename(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="is gone: remove"):
        tune(tmp_path / "tuned", rows, trials=2)
