from io import StringIO

import pytest
from rich.console import Console

from wave_network.training.progress import TrainingBar

RECORD = {
    "epoch": 1,
    "train_loss": 1.23456,
    "learning_rate": 0.1,
    "validation": {"accuracy": 0.9125, "macro_f1": 0.9, "loss": 0.3},
    "seconds": 61.4,
}


def drawn(terminal):
    file = StringIO()
    with TrainingBar(Console(file=file, force_terminal=terminal, width=100)) as bar:
        bar.stage("learning the vocabulary")
        bar.start(steps=4, epochs=2)
        for loss in (2.0, 1.5):
            bar.step(loss)
        bar.epoch(RECORD)
        bar.step(1.25)
    return file.getvalue()


def test_a_file_gets_one_line_an_epoch():
    assert drawn(False).splitlines() == [
        "epoch 1/2  loss 1.2346  validation accuracy 91.25%  macro F1 90.00%  61 s"
    ]


def test_lines_say_whether_the_linear_part_is_in_their_metrics():
    file = StringIO()
    with TrainingBar(Console(file=file, width=120)) as bar:
        bar.expect_linear_part()
        bar.start(steps=1, epochs=1)
        bar.epoch(RECORD)
        bar.linear_part({"accuracy": 1.0, "macro_f1": 0.5, "loss": 0.1})
    assert file.getvalue().splitlines() == [
        "epoch 1/1  loss 1.2346  validation accuracy 91.25%  macro F1 90.00% "
        "(before the linear part)  61 s",
        "with the linear part  validation accuracy 100.00%  macro F1 50.00%",
    ]


def test_a_terminal_gets_the_bar_too():
    text = drawn(True)
    assert "training" in text
    assert "75%" in text
    assert "loss 1.250  validation 91.25%" in text
    assert "epoch 1/2" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back


def test_a_stage_with_a_total_shows_how_far_it_is():
    file = StringIO()
    with TrainingBar(Console(file=file, force_terminal=True, width=100)) as bar:
        bar.stage("predicting with the teacher", 8)
        bar.advance(3)
        bar.advance(3)
    assert "predicting with the teacher" in file.getvalue()
    assert "75%" in file.getvalue()


def test_an_error_leaves_the_terminal_as_it_was():
    file = StringIO()
    bar = TrainingBar(Console(file=file, force_terminal=True))
    with pytest.raises(KeyboardInterrupt), bar:
        raise KeyboardInterrupt
    assert file.getvalue().rindex("\x1b[?25h") > file.getvalue().rindex("\x1b[?25l")


def test_several_labels_have_metrics_of_their_own():
    metrics = {"accuracy": 0.6, "micro_f1": 0.8125, "macro_f1": 0.7, "loss": 0.3}
    file = StringIO()
    with TrainingBar(Console(file=file, width=100)) as bar:
        bar.start(steps=1, epochs=1)
        bar.epoch({**RECORD, "validation": metrics})
    assert "validation micro F1 81.25%  macro F1 70.00%" in file.getvalue()
