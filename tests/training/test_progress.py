from contextlib import suppress
from io import StringIO

import pytest

from wave_network.progress.display import Display
from wave_network.training.progress import StageBar, TrainingBar

RECORD = {
    "epoch": 1,
    "train_loss": 1.23456,
    "learning_rate": 0.1,
    "validation": {"accuracy": 0.9125, "macro_f1": 0.9, "loss": 0.3},
    "seconds": 61.4,
}


@pytest.fixture
def display():
    with Display(StringIO()) as display:
        yield display


def written(display):
    return display._stream.getvalue().splitlines()


def test_each_epoch_gets_a_line(display):
    with TrainingBar() as bar:
        bar.stage("learning the vocabulary")
        bar.start(steps=4, epochs=2)
        bar.step(2.0)
        bar.epoch(RECORD)
    assert written(display) == [
        "epoch 1/2  loss 1.2346  validation accuracy 91.25%  macro F1 90.00%  61 s"
    ]


def test_lines_say_whether_the_linear_part_is_in_their_metrics(display):
    with TrainingBar() as bar:
        bar.expect_linear_part()
        bar.start(steps=1, epochs=1)
        bar.epoch(RECORD)
        bar.linear_part({"accuracy": 1.0, "macro_f1": 0.5, "loss": 0.1})
    assert written(display) == [
        "epoch 1/1  loss 1.2346  validation accuracy 91.25%  macro F1 90.00% "
        "(before the linear part)  61 s",
        "with the linear part  validation accuracy 100.00%  macro F1 50.00%",
    ]


def test_one_stage_follows_another(display):
    with StageBar() as bar:
        bar.stage("predicting with the teacher", 8)
        bar.advance(3)
        bar.advance(3)
        stage = display.measured()
        assert (stage.name, stage.share) == ("predicting with the teacher", 0.75)
        bar.start(steps=4, epochs=2)
        for loss in (2.0, 1.5):
            bar.step(loss)
        bar.epoch(RECORD)
        bar.step(1.25)
        stage = display.measured()
        assert (stage.name, stage.share, stage.unit) == ("training", 0.75, "steps")
        assert stage.detail == "loss 1.250, validation 91.25%"
    assert display.measured() is None
    assert written(display) == []


def test_an_error_ends_the_stage(display):
    with suppress(KeyboardInterrupt), TrainingBar() as bar:
        bar.stage("encoding the texts")
        raise KeyboardInterrupt
    assert display.measured() is None


def test_several_labels_have_metrics_of_their_own(display):
    metrics = {"accuracy": 0.6, "micro_f1": 0.8125, "macro_f1": 0.7, "loss": 0.3}
    with TrainingBar() as bar:
        bar.start(steps=1, epochs=1)
        bar.epoch({**RECORD, "validation": metrics})
    assert "validation micro F1 81.25%  macro F1 70.00%" in written(display)[0]


def test_without_a_display_nothing_is_printed(capsys):
    with TrainingBar() as bar:
        bar.start(steps=1, epochs=1)
        bar.step(1.0)
        bar.epoch(RECORD)
    assert capsys.readouterr() == ("", "")
