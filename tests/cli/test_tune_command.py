import json
import re
import subprocess
import sys
from dataclasses import replace
from subprocess import PIPE

import pytest
from cli_helpers import labelled_rows, write_csv
from rich.console import Console

from wave_network.cli import console
from wave_network.cli.tune import _print_summary
from wave_network.config import PRESETS
from wave_network.persistence.one_run import one_run


@pytest.fixture
def quick(monkeypatch):
    """Let the preset `tiny` train for three short epochs."""
    tiny = PRESETS["tiny"]
    train = replace(tiny.train, min_steps=0, epochs=3, batch_size=16)
    monkeypatch.setitem(PRESETS, "tiny", replace(tiny, train=train))


@pytest.mark.usefixtures("quick")
def test_tune_then_train_with_what_it_found(invoke, few, tmp_path):
    ended = invoke("tune", few, "--preset", "tiny", "--trials", 2, "--json")
    assert ended.code == 0, ended.err
    (summary,) = ended.lines
    assert list(summary) == [
        *("output", "model", "settings", "metric", "score", "trials", "seconds"),
        *("importance", "ranking", "rows", "classes", "truncated", "validation_method"),
        *("unlabeled", "vectors", "threads", "data"),
    ]
    assert (summary["trials"], summary["metric"]) == (2, "accuracy")
    *_, first, second = ended.err.splitlines()
    assert [line.split("  ")[0] for line in (first, second)] == ["trial 0", "trial 1"]
    ended = invoke("train", few, "--config", "wave-tuned/tuned.json", "--no-refit", "--json")
    assert ended.code == 0, ended.err
    assert ended.lines[0]["preset"] == "tiny"
    assert ended.lines[0]["validation"]["accuracy"] == summary["score"]
    made, tuned = (
        (tmp_path / folder / "model.safetensors").read_bytes()
        for folder in ("wave-model", "wave-tuned/model")
    )
    assert made == tuned


@pytest.mark.usefixtures("quick")
def test_people_get_a_table_of_trials(invoke, few):
    ended = invoke("tune", few, "--preset", "tiny", "--trials", 2, "--max-size", "1MB")
    assert ended.code == 0, ended.err
    assert "Trials, best first" in ended.out
    assert len(re.findall(r"^│ [12] ", ended.out, re.M)) == 2
    assert "…" not in ended.out
    assert "trials      2 in" in ended.out
    assert f"wave-network train {few} --config wave-tuned/tuned.json" in ended.out


def test_on_a_narrow_terminal_the_settings_wrap_and_nothing_is_cut(capsys, monkeypatch):
    default = dict.fromkeys(("hidden_size", "vocab_size", "bigram_buckets"), 12345)
    default |= dict.fromkeys(("learning_rate", "embedding_epsilon"), 0.000123456)
    default |= {"class_weight": None}
    trials = [(1, {**default, "vocab_size": 777, "class_weight": "balanced"}), (0, default)]
    ranking = [
        {"trial": number, "score": 0.5, "size_bytes": 10**6, "seconds": 7.0, "settings": settings}
        for number, settings in trials
    ]
    summary = {"ranking": ranking, "metric": "macro_f1", "importance": None, "trials": 3}
    summary |= {"seconds": 9.0, "model": "m", "settings": "m/tuned.json"}
    monkeypatch.setattr(console, "_stdout", lambda: Console(width=80))
    _print_summary(summary, "wave-network train rows.csv")
    out = capsys.readouterr().out
    assert "…" not in out
    assert "vocab_size=777, class_weight=balanced" in out
    assert out.count("learning_rate=0.00012") == 1  # the preset's own, once
    assert "trials      3 in 9 s, 2 of them completed" in out


@pytest.mark.usefixtures("quick")
def test_the_same_command_says_that_it_goes_on(invoke, few):
    assert invoke("tune", few, "--preset", "tiny", "--trials", 1).code == 0
    ended = invoke("tune", few, "--preset", "tiny", "--trials", 2)
    assert ended.err.splitlines()[0] == "continuing the search; trials so far: 1"
    assert "trials      2 in" in ended.out


@pytest.mark.usefixtures("quick")
def test_of_unequal_classes_macro_f1_tries_class_weights(invoke, tmp_path):
    rows = [row for row in labelled_rows(90) if row[1] == "animal" or row[0].startswith("blue")]
    data = write_csv(tmp_path / "unequal.csv", rows, "text,kind")
    options = (data, "--label-column", "kind", "--preset", "tiny", "--metric", "macro_f1")
    ended = invoke("tune", *options, "--trials", 2)
    assert ended.code == 0, ended.err
    assert "class_weight=balanced" in ended.out
    assert f"wave-network train {data} --label-column kind --config" in ended.out
    (summary,) = invoke("tune", *options, "--trials", 2, "--json").lines
    weights = {trial["trial"]: trial["settings"]["class_weight"] for trial in summary["ranking"]}
    assert weights == {0: None, 1: "balanced"}


@pytest.mark.usefixtures("quick")
def test_options_go_before_the_file(invoke, few, tmp_path):
    values = {"preset": "small", "vocab_size": 265, "epochs": 5, "seed": 7, "learning_rate": 0.5}
    (tmp_path / "s.json").write_text(json.dumps(values))
    options = ("--preset", "tiny", "--epochs", 1, "--seed", 2)
    assert invoke("train", few, "--config", "s.json", *options).code == 0
    (described,) = invoke("info", "wave-model", "--json").lines
    training = described["training"]
    assert described["preset"] == "tiny"
    assert described["config"]["vocab_size"] == 265
    assert [training[name] for name in ("epochs", "seed", "learning_rate")] == [1, 2, 0.5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tune", "--time", "soon"), "'soon' is not a duration: write 90s, 10m or 1h30m"),
        (("tune", "--max-size", "small"), "'small' is not a size: write 2MB or 500kB"),
        (
            ("tune", "--metric", "f2"),
            "metric must be one of accuracy, micro_f1, macro_f1, loss; got 'f2'",
        ),
        (("tune", "--metric", "micro_f1"), "with one label per text it equals accuracy, so use"),
        (("tune", "--preset", "paper"), "paper is the papers' own model: tune small, tiny or"),
        (("tune", "--output", "."), ". exists and holds no trials: choose another --output"),
        (("train", "--config", "bad.json"), "no setting 'epoch': did you mean 'epochs'?"),
        (("train", "--config", "none.json"), "none.json does not exist"),
    ],
)
def test_what_cannot_be_used_is_one_line(invoke, tmp_path, arguments, message):
    (tmp_path / "bad.json").write_text('{"epoch": 3}')
    command, *options = arguments
    assert message in invoke(command, "sample", *options).message
    assert [path.name for path in tmp_path.iterdir()] == ["bad.json"]


@pytest.mark.usefixtures("quick")
def test_a_test_part_is_never_read(invoke, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write_csv(folder / "train.csv", labelled_rows())
    write_csv(folder / "test.csv", [("red", "a class that training has not")])
    assert invoke("tune", folder, "--preset", "tiny", "--trials", 1).code == 0


def test_a_missing_extra_is_named(wave, few):
    code = (
        "import sys; sys.modules['optuna'] = None; from wave_network.cli import main; "
        f"sys.argv = ['wave-network', 'tune', {str(few)!r}]; main()"
    )
    ended = wave(program=(sys.executable, "-c", code))
    assert 'tuning needs the "tune" extra: pip install "wave-network[tune]"' in ended.message


def test_a_killed_search_goes_on_as_if_it_had_not_been(few, tmp_path):
    command = [sys.executable, "-m", "wave_network", "tune", few, "--preset", "tiny"]
    command += ["--trials", "3", "--seed", "1", "--json"]
    whole = subprocess.run([*command, "--output", "whole"], cwd=tmp_path, capture_output=True)
    with subprocess.Popen([*command, "--output", "cut"], cwd=tmp_path, stderr=PIPE) as killed:
        for line in killed.stderr:
            if line.startswith(b"trial 0"):
                killed.kill()
                break
    resumed = subprocess.run([*command, "--output", "cut"], cwd=tmp_path, capture_output=True)
    expected, found = (json.loads(done.stdout) for done in (whole, resumed))
    assert b"continuing the search; trials so far: 1" in resumed.stderr
    assert [(trial["score"], trial["settings"]) for trial in found["ranking"]] == [
        (trial["score"], trial["settings"]) for trial in expected["ranking"]
    ]
    for name in ("model/model.safetensors", "tuned.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_second_search_into_the_same_folder_is_refused(invoke, few, tmp_path):
    with one_run(tmp_path / "wave-tuned"):
        message = invoke("tune", few, "--preset", "tiny", "--trials", 1).message
    assert message.startswith("another run is writing")
    assert not (tmp_path / "wave-tuned").exists()
