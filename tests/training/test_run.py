import json
from io import StringIO

import pytest

from wave_network.config import PRESETS, get_preset
from wave_network.data import SingleLabel, Splits, from_memory
from wave_network.errors import ConfigError, DataError, OutputError
from wave_network.evaluation.metrics import summarize
from wave_network.models.tensors import parameter_counts
from wave_network.persistence.folder import read_history, read_model, size_bytes
from wave_network.progress.display import Display
from wave_network.runtime import load
from wave_network.training.progress import TrainingBar
from wave_network.training.recipe import Recipe
from wave_network.training.run import train_model

WORDS = {"warm": "sun heat summer", "cold": "ice snow winter"}
TEXTS = [f"{word} day {index}" for index in range(20) for word in " ".join(WORDS.values()).split()]
LABELS = ["warm", "warm", "warm", "cold", "cold", "cold"] * 20
ROWS = from_memory(TEXTS, LABELS)


def run(folder, splits, stream=None, *, preset="tiny", overwrite=False, **options):
    training = {"epochs": 3, "device": "cpu", "refit": options.pop("refit", None)}
    defaults = {"model_options": {}, "train_options": training}
    recipe = Recipe.of(get_preset(preset), **{**defaults, **options})
    with Display(stream or StringIO()):
        return train_model(splits, recipe, folder, overwrite=overwrite)


def test_summary_and_folder(tmp_path):
    folder = tmp_path / "model"
    test = from_memory(["summer heat", "snow", ""], ["warm", "cold", "warm"])
    summary, stopped = run(folder, Splits(ROWS, None, test))
    files = read_model(folder)
    assert stopped is None
    assert list(summary) == [
        *("model", "preset", "parameters", "size_bytes", "train_seconds"),
        *("validation", "validation_standard_error", "test", "seed"),
        *("rows", "classes", "truncated", "validation_method", "unlabeled", "vectors"),
        *("threads", "data", "cache"),
    ]
    assert summary["rows"] == {"train": 120, "validation": 120, "test": 3}
    assert summary["classes"] == 2
    assert summary["data"]["test"] == {
        "source": None,
        "empty": 1,
        "duplicates": 0,
        "in_training": 0,
    }
    assert [part["example"] for part in summary["data"]["labels"]] == ["ice day 0", "sun day 0"]
    assert "example" not in str(files.metrics)
    assert files.metrics["rows"] == summary["rows"]
    assert summary["model"] == str(folder)
    assert (summary["preset"], summary["seed"]) == ("tiny", 0)
    assert summary["parameters"] == parameter_counts(files.config)
    assert summary["size_bytes"] == size_bytes(folder)
    assert summary["size_bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    assert json.loads(json.dumps(summary)) == summary
    for name in ("validation", "test", "train_seconds"):
        assert files.metrics[name] == summary[name]
    # What was written is what was measured.
    engine = load(folder)
    found = engine.predict_proba(test["text"])
    assert summarize(found, SingleLabel(engine.labels).encode(test["label"])) == summary["test"]
    assert len(read_history(folder)) == 3
    assert f"| test | {summary['test']['accuracy']:.4f} |" in (folder / "README.md").read_text()


def test_without_a_test_split(tmp_path):
    summary, _ = run(tmp_path / "model", Splits(ROWS))
    assert summary["test"] is None
    assert read_model(tmp_path / "model").metrics["test"] is None
    assert "| test |" not in (tmp_path / "model" / "README.md").read_text()


def test_options_of_none_keep_the_presets(tmp_path):
    run(
        tmp_path / "model",
        Splits(ROWS),
        model_options={"operation": None, "max_length": 7},
        train_options={"epochs": 1, "device": "cpu", "batch_size": None, "seed": 5},
    )
    files = read_model(tmp_path / "model")
    assert files.config.operation == "modulation"
    assert files.config.max_length == 7
    assert files.training["batch_size"] == PRESETS["tiny"].train.batch_size
    assert files.training["seed"] == 5


class Unread:
    """A data set that fails the test if training starts."""

    def __getattr__(self, name):
        raise AssertionError("the data were read before the options were checked")

    __getitem__ = __len__ = __getattr__


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"preset": "huge"}, ConfigError, "preset must be one of small, tiny, large, paper"),
        ({"train_options": {"epochs": 0}}, ConfigError, "epochs must be at least 1"),
        ({"train_options": {"device": "abacus"}}, ConfigError, "device must be one of auto"),
    ],
)
def test_options_are_checked_before_the_work(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        run(tmp_path / "model", Splits(Unread()), **options)
    assert list(tmp_path.iterdir()) == []


def test_output_is_checked_before_the_work(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(OutputError, match="exists"):
        run(tmp_path / "model", Splits(Unread()))


def test_unknown_labels_of_the_test_split_are_refused(tmp_path):
    test, stream = from_memory(["mild"], ["tepid"]), StringIO()
    with pytest.raises(DataError, match="tepid"):
        run(tmp_path / "model", Splits(ROWS, None, test), stream)
    assert list(tmp_path.iterdir()) == []
    assert stream.getvalue() == ""  # found before the training


class Interrupting(StringIO):
    """Stands for the user who presses Ctrl-C when a line appears."""

    def __init__(self, line, ctrl_c):
        super().__init__()
        self.line, self.ctrl_c = line, ctrl_c

    def write(self, text):
        if self.line in text:
            self.line = "\0"
            self.ctrl_c()
        return super().write(text)


def test_interrupt_keeps_the_best_so_far(tmp_path, caplog, ctrl_c):
    stream = Interrupting("epoch 2/3", ctrl_c)
    summary, stopped = run(tmp_path / "model", Splits(ROWS), stream, refit=False)
    assert "interrupted: the best model so far" in caplog.text
    assert stopped == "interrupted"
    files = read_model(tmp_path / "model")
    assert files.metrics["stopped"] == "interrupted"
    assert len(read_history(tmp_path / "model")) == 2
    assert summary["validation"] == files.metrics["validation"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_interrupt_before_the_first_step_writes_nothing(tmp_path, ctrl_c, monkeypatch):
    monkeypatch.setattr(TrainingBar, "stage", lambda *_: ctrl_c())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "model", Splits(ROWS))
    assert list(tmp_path.iterdir()) == []


def test_overwrite_replaces_the_model(tmp_path):
    run(tmp_path / "model", Splits(ROWS))
    before = (tmp_path / "model" / "model.safetensors").read_bytes()
    with pytest.raises(OutputError, match="exists"):
        run(tmp_path / "model", Splits(ROWS))
    options = {"epochs": 1, "device": "cpu", "seed": 9}
    run(tmp_path / "model", Splits(ROWS), overwrite=True, train_options=options)
    assert read_model(tmp_path / "model").training["seed"] == 9
    assert (tmp_path / "model" / "model.safetensors").read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
