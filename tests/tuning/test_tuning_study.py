import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState

from wave_network.data import from_memory
from wave_network.errors import ConfigError, OutputError
from wave_network.tuning.study import CUT, FINISHED, OUTCOME, Study, check_folder, fingerprint

DISTRIBUTIONS = {"rate": FloatDistribution(0.1, 10, log=True), "epochs": IntDistribution(1, 9)}
DEFAULT = {"rate": 1.0, "epochs": 3}


@pytest.fixture
def opened(tmp_path):
    """Open the study of one folder, as often as wanted."""
    studies = []

    def open_study(metric="accuracy", **searched):
        studies.append(Study(tmp_path / "tuned", metric, searched))
        return studies[-1]

    yield open_study
    for study in studies:
        study.close()


def end(study, score=None, outcome=FINISHED, seed=0, starts=(DEFAULT,)):
    trial = study.ask(DISTRIBUTIONS, starts, seed)
    trial.set_user_attr(OUTCOME, outcome)
    study.trials.tell(trial, score, state=TrialState.FAIL if score is None else None)
    return trial


def numbers(trials):
    return [trial.number for trial in trials]


def test_the_default_comes_first_until_it_has_ended(opened):
    study = opened()
    assert end(study, outcome=CUT).params == DEFAULT
    assert end(study, 0.5).params == DEFAULT
    assert end(study, 0.5).params != DEFAULT
    assert numbers(study.ended()) == [1, 2]


def test_every_start_is_tried_until_it_has_ended(opened):
    study, starts = opened(), (DEFAULT, {"rate": 2.0, "epochs": 3})
    assert end(study, 0.5, starts=starts).params == DEFAULT
    assert end(study, outcome=CUT, starts=starts).params == starts[1]
    assert end(study, 0.5, starts=starts).params == starts[1]
    assert end(study, 0.5, starts=starts).params not in starts


def test_early_trials_keep_a_part_of_the_default(opened):
    study = opened()
    end(study, 0.5)
    changed = [end(study, 0.5).params for _ in range(6)]
    kept = [sum(params[name] == DEFAULT[name] for name in DEFAULT) for params in changed]
    assert 0 < sum(kept) < 12


def test_what_is_asked_depends_on_the_seed_and_the_number_alone(opened, tmp_path):
    first = [end(opened(), number / 10).params for number in range(9)]
    other = Study(tmp_path / "whole", "accuracy", {})
    assert [end(other, number / 10).params for number in range(9)] == first
    other.close()
    other = Study(tmp_path / "seeded", "accuracy", {})
    assert [end(other, number / 10, seed=50).params for number in range(9)] != first
    other.close()


@pytest.mark.parametrize(
    ("metric", "order"),
    [("accuracy", [3, 0, 2, 1]), ("micro_f1", [3, 0, 2, 1]), ("loss", [1, 0, 2, 3])],
)
def test_the_ranking_knows_the_metric_and_the_earlier_of_equals_wins(opened, metric, order):
    study = opened(metric)
    for score in (0.5, 0.25, 0.5, 0.75):
        end(study, score)
    end(study, outcome="failed")
    assert numbers(study.ranked()) == order
    assert len(study.ended()) == 5


def test_a_killed_program_leaves_a_trial_that_counts_for_nothing(opened):
    study = opened()
    end(study, 0.5)
    study.ask(DISTRIBUTIONS, [DEFAULT], 0)
    study.close()
    again = opened()
    assert numbers(again.ended()) == [0]
    (done, killed) = again.trials.get_trials()
    assert killed.state is TrialState.FAIL
    assert again.seconds() == done.duration.total_seconds()


def test_importance_needs_some_trials_and_names_what_mattered(opened):
    study = opened()
    for _ in range(30):
        trial = study.ask(DISTRIBUTIONS, [DEFAULT], 0)
        trial.set_user_attr(OUTCOME, FINISHED)
        study.trials.tell(trial, trial.params["epochs"] / 10)
        if trial.number < 7:
            assert study.importance() is None
    importance = study.importance()
    assert list(importance) == ["epochs", "rate"]
    assert sum(importance.values()) == pytest.approx(1)
    assert importance["epochs"] > 0.8


def test_trials_of_something_else_are_refused(opened):
    opened(seed=0, preset="tiny")
    opened(seed=0, preset="tiny")
    with pytest.raises(ConfigError, match="another preset: choose another output"):
        opened(seed=0, preset="small")


def test_what_folders_are_taken(tmp_path, opened):
    check_folder(tmp_path / "new")
    check_folder(tmp_path)  # empty
    opened()
    check_folder(tmp_path / "tuned")
    with pytest.raises(OutputError, match="holds no trials"):
        check_folder(tmp_path)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(OutputError, match="holds no trials"):
        check_folder(file)


def test_a_folder_of_any_name(tmp_path):
    folder = tmp_path / "what? 100% #1 & ü"
    Study(folder, "loss", {}).close()
    assert [path.name for path in folder.iterdir()] == ["trials.sqlite"]


def test_the_fingerprint_tells_texts_labels_and_parts_apart():
    rows = from_memory(["a", "b"], ["x", "y"])
    others = [
        (from_memory(["a", "c"], ["x", "y"]), None),
        (from_memory(["a", "b"], ["y", "x"]), None),
        (rows, rows),
    ]
    digests = [fingerprint(parts) for parts in ((rows, None), *others)]
    assert len(set(digests)) == 4
    assert fingerprint((from_memory(["a", "b"], ["x", "y"]), None)) == digests[0]
