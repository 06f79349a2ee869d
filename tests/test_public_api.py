import importlib.metadata
from importlib import resources

import pytest
from absent import run_without

import wave_network
from wave_network.errors import MissingExtraError

NAMES = [
    "PRESETS",
    "LanguageModel",
    "ModelConfig",
    "Prediction",
    "Suggestion",
    "TrainConfig",
    "WaveClassifier",
    "WaveNetworkError",
    "__version__",
    "load",
    "ops",
    "pretrain",
    "suggest",
]


def test_the_public_names_are_these():
    assert wave_network.__all__ == NAMES
    assert dir(wave_network) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there(name):
    assert getattr(wave_network, name) is not None
    namespace = {}
    exec(f"from wave_network import {name}", namespace)
    assert namespace[name] is getattr(wave_network, name)


def test_the_names_lead_where_they_say():
    from wave_network import config, errors, estimator, few_labels, ops, runtime

    assert wave_network.PRESETS is config.PRESETS
    assert wave_network.WaveClassifier is estimator.WaveClassifier
    assert wave_network.WaveNetworkError is errors.WaveNetworkError
    assert wave_network.load is runtime.load
    assert wave_network.suggest is few_labels.suggestions.suggest.suggest
    assert wave_network.ops is ops
    for name in ("represent", "interfere", "modulate", "global_semantics", "phase"):
        assert callable(getattr(ops, name))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'wave_network' has no attribute 'wavelet'"):
        _ = wave_network.wavelet
    assert not hasattr(wave_network, "Wave")


def test_importing_the_package_imports_the_standard_library_alone():
    code = """
import sys
before = set(sys.modules)
import wave_network
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(loaded - sys.stdlib_module_names))
"""
    done = run_without((), code)
    assert (done.stdout, done.stderr) == ("['wave_network']\n", "")


def test_loading_a_model_imports_no_training_package(sample_model):
    code = """
import sys
import wave_network
wave_network.load(sys.argv[1]).predict(["a text"])
print(sorted({"torch", "transformers", "datasets", "sklearn", "accelerate"} & set(sys.modules)))
"""
    done = run_without((), code, sample_model)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_error_is_an_import_error_and_ours():
    error = MissingExtraError("torch", "training the papers' model")
    assert isinstance(error, ImportError)
    assert isinstance(error, wave_network.WaveNetworkError)
    assert error.extra == "torch"
    said = 'training the papers\' model needs the "torch" extra: '
    assert str(error) == said + 'pip install "wave-network[torch]"'


def test_the_package_is_typed():
    assert resources.files("wave_network").joinpath("py.typed").is_file()


def test_the_version_is_that_of_the_distribution():
    assert wave_network.__version__ == importlib.metadata.version("wave-network")


def test_the_command_and_the_extras_are_declared():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="wave-network")
    assert script.load() is __import__("wave_network.cli", fromlist=["main"]).main
    extras = importlib.metadata.metadata("wave-network").get_all("Provides-Extra")
    assert {"train", "all"} <= set(extras)
