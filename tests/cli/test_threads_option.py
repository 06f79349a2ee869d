"""`--threads` and `threads=`: every command and method computes with the number asked for."""

import pytest

from wave_network import WaveClassifier
from wave_network._native import threads
from wave_network.config import OPTIONS
from wave_network.errors import ConfigError

COMMANDS = ("train", "tune", "evaluate", "report", "predict")


@pytest.fixture
def seen(monkeypatch):
    """The numbers of threads that predictions were made with."""
    from wave_network.models.local_wave.numpy_network import NumpyLocalWaveNetwork

    numbers, logits = [], NumpyLocalWaveNetwork.logits

    def counting(self, *arguments, **options):
        numbers.append(threads.current())
        return logits(self, *arguments, **options)

    monkeypatch.setattr(NumpyLocalWaveNetwork, "logits", counting)
    return numbers


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_that_compute_have_the_option(invoke, command):
    said = " ".join(invoke(command, "--help").out.split())
    option = OPTIONS["threads"]
    assert f"--threads N {option.help} Default: {option.default}." in said


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many"])
def test_a_number_that_is_none_is_refused(invoke, tiny_model, value):
    message = invoke("predict", tiny_model, "cat", f"--threads={value}").message
    assert "--threads" in message


def test_predicting_uses_as_many_as_asked_for(invoke, tiny_model, few, seen):
    for number in (1, 3):
        assert invoke("predict", tiny_model, "cat", "red", "--threads", number).code == 0
        assert invoke("evaluate", tiny_model, few, "--threads", number).code == 0
        assert set(seen) == {number}
        seen.clear()
    assert invoke("predict", tiny_model, "cat", "red").code == 0
    assert set(seen) == {threads.available()}


def test_a_single_text_is_answered_without_counting_cores(invoke, tiny_model, seen):
    assert invoke("predict", tiny_model, "cat", "--threads", 3).code == 0
    assert set(seen) == {1}


def test_the_classifier_uses_as_many_as_asked_for(seen):
    texts, labels = ["cat", "red"] * 10, ["animal", "colour"] * 10
    options = {"epochs": 1, "vectors": "none", "refit": False, "device": "cpu"}
    classifier = WaveClassifier("tiny", threads=3, **options).fit(texts, labels)
    assert classifier.training_summary_["threads"] == 3
    seen.clear()
    classifier.predict(texts)
    assert set(seen) == {3}
    classifier.set_params(threads=None).predict(texts)
    assert set(seen) == {3, threads.available()}
    assert threads.current() == threads.available()
    for number in (0, 1.5, True):
        with pytest.raises(ConfigError, match=r"^threads must be"):
            classifier.set_params(threads=number).predict(texts)
