import time

import optuna
import pytest

from wave_network.training.interrupt import StopSignal
from wave_network.tuning.progress import TrialBar


class Median:
    """Prunes what is reported below one half."""

    def prune(self, study, trial):
        return trial.intermediate_values[max(trial.intermediate_values)] < 0.5


@pytest.fixture
def trial():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(pruner=Median()).ask()


def record(epoch, accuracy):
    return {"epoch": epoch, "validation": {"accuracy": accuracy}, "train_loss": 1, "seconds": 1}


def begun(trial, epochs, deadline=None):
    stop = StopSignal()
    bar = TrialBar(trial, "accuracy", deadline, stop)
    bar.start(10 * epochs, epochs)
    return bar, stop


def test_the_metric_is_reported_after_each_quarter_of_the_epochs(trial, capsys):
    bar, _ = begun(trial, 8)
    for epoch in range(1, 9):
        bar.epoch(record(epoch, 0.5 + epoch / 100))
    stored = trial.study.trials[0].intermediate_values
    assert stored == {1: 0.52, 2: 0.54, 3: 0.56, 4: 0.58}
    assert capsys.readouterr() == ("", "")  # no line an epoch


def test_a_bad_trial_is_pruned_but_not_at_its_end(trial):
    bar, stop = begun(trial, 2)
    bar.epoch(record(1, 0.4))
    assert bar.pruned
    assert stop.take()
    bar.epoch(record(2, 0.4))
    assert not stop.take()


def test_when_time_is_up_training_ends_as_by_ctrl_c(trial):
    bar, stop = begun(trial, 2, time.perf_counter() + 1_000)
    bar.step(1.0)
    assert not bar.out_of_time
    assert not stop.take()
    bar, stop = begun(trial, 2, time.perf_counter())
    bar.step(1.0)
    assert bar.out_of_time
    assert stop.take()
