import numpy as np

from wave_network.experiments.answers import answers
from wave_network.experiments.statistics import to_hex


def store(study, experiment, model, share, training_rows=100, **columns):
    """A run that answered that share of 1,000 test texts rightly."""
    correct = np.arange(1000) < 1000 * share
    row = {"training_rows": training_rows, "_correct": to_hex(correct), **columns}
    key = {"dataset": "ag_news", "model": model, "seed": 0, "limit": training_rows}
    study.once(experiment, key, lambda: [row])


def store_steps(study, model, seconds, held, peak):
    row = {"step_seconds": seconds, "memory_after_step": held, "memory_peak": peak}
    key = {"dataset": "ag_news", "device": "cpu", "model": model}
    study.once("resources", key, lambda: [row])


def test_nothing_measured_is_nothing_answered(study):
    assert all(found == [] for found in answers(study).values())
    assert len(answers(study)) == 4


def test_each_question_is_answered_from_the_rows(study):
    store(study, "accuracy", "wave-modulation", 0.9)
    store(study, "accuracy", "wave-interference", 0.9)
    store(study, "baselines", "phase-blind", 0.8)
    store(study, "baselines", "transformer", 0.85, learning_rate=1e-3, validation_accuracy=0.8)
    store_steps(study, "wave-modulation", 1.0, 25, 10)
    store_steps(study, "bert", 10.0, 100, 200)
    phase, operation, layer, cost = answers(study).values()
    assert len(phase) == 1
    assert phase[0].startswith("ag_news, 100 training rows: wave-modulation against phase-blind (1")
    assert "+10.00" in phase[0]
    assert phase[0].endswith("points, beyond the noise of texts and seeds.")
    assert operation[0].endswith("points, within the noise of texts and seeds.")
    assert [sentence.count("+5.00") for sentence in layer] == [1, 1]
    assert "−90.00 %, memory after a step −75.00 %, peak memory −95.00 %" in cost[0]


def test_the_answer_is_of_the_most_rows_that_both_models_learnt_from(study):
    for rows, share in ((100, 0.5), (2_000, 0.9)):
        store(study, "accuracy", "wave-modulation", share, rows)
        store(study, "accuracy", "wave-interference", share, rows)
        store(study, "baselines", "bag", 0.5, rows)
    store(study, "baselines", "bag", 0.5, 9_000)
    (said,) = answers(study)["Does the phase matter?"]
    assert said.startswith("ag_news, 2,000 training rows: wave-modulation against bag (1 and 1")
    assert "+40.00" in said
