import importlib.metadata
import json
import re
import subprocess
import sys
from importlib import resources

import pytest

import wave_network
from wave_network.errors import MissingExtraError

NAMES = [
    "PRESETS",
    "ModelConfig",
    "Prediction",
    "Suggestion",
    "TrainConfig",
    "WaveClassifier",
    "WaveNetworkError",
    "__version__",
    "load",
    "ops",
    "suggest",
]

BLOCKER = """
import sys

class Absent:
    \"\"\"What an installation without the extras does when one of their packages is imported.\"\"\"

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""
TRAINING_PACKAGES = {"torch", "accelerate", "datasets", "sklearn", "pyarrow", "pandas"}


def python(code, *arguments, without=()):
    """Run code in a fresh Python in which some packages are not installed."""
    program = BLOCKER.format(blocked=set(without)) + code
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def command(*arguments, without):
    return python("from wave_network.cli import main; main()", *arguments, without=without)


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
    done = python(code)
    assert (done.stdout, done.stderr) == ("['wave_network']\n", "")


def test_loading_a_model_imports_no_training_package(sample_model):
    code = """
import sys
import wave_network
wave_network.load(sys.argv[1]).predict(["a text"])
print(sorted({"torch", "transformers", "datasets", "sklearn", "accelerate"} & set(sys.modules)))
"""
    done = python(code, sample_model)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_predicting_needs_no_training_package(sample_model):
    text = "The striker scored twice in the last minutes of the match"
    done = command("predict", sample_model, text, "--top-k", "2", without=TRAINING_PACKAGES)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["text"] == text
    (prediction,) = wave_network.load(sample_model).predict([text])
    assert answer["label"] == prediction.label
    assert answer["score"] == pytest.approx(prediction.score)
    assert command("info", sample_model, without=TRAINING_PACKAGES).returncode == 0


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "txt"])
def test_predicting_from_a_file_needs_no_training_package(sample_model, tmp_path, ending):
    content = {"csv": "text\nhello\n", "tsv": "text\nhello\n", "jsonl": '{"text": "hello"}\n'}
    path = tmp_path / f"texts.{ending}"
    path.write_text(content.get(ending, "hello\n"))
    done = command("predict", sample_model, "--input", path, without=TRAINING_PACKAGES)
    assert (done.returncode, done.stderr) == (0, f"predicted 1 text: {path}\n")
    assert json.loads(done.stdout)["text"] == "hello"


def test_suggesting_needs_no_training_package(sample_model, tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("text\nhello there\nhello you\n")
    for model in ([], [sample_model]):
        done = command("suggest", *model, "--input", path, without=TRAINING_PACKAGES)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[0])["text"].startswith("hello")


def test_loading_in_python_needs_no_training_package(sample_model):
    code = """
import sys
from wave_network import Prediction, load
(prediction,) = load(sys.argv[1]).predict(["a text"])
assert isinstance(prediction, Prediction)
print(prediction.label)
"""
    done = python(code, sample_model, without=TRAINING_PACKAGES)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() in ("World", "Sports", "Business", "Sci/Tech")


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (("train", "sample"), TRAINING_PACKAGES),
        (("train", "sample"), {"torch"}),
        (("evaluate", "MODEL", "sample"), TRAINING_PACKAGES),
        (("evaluate", "MODEL", "sample"), {"sklearn"}),
        (("predict", "MODEL", "--input", "FILE.parquet"), {"pyarrow"}),
    ],
    ids=lambda value: " ".join(sorted(value) if isinstance(value, set) else value),
)
def test_what_needs_a_missing_package_names_the_extra(sample_model, tmp_path, arguments, absent):
    parquet = tmp_path / "texts.parquet"
    parquet.write_bytes(b"PAR1")
    words = {"MODEL": sample_model, "FILE.parquet": parquet}
    output = ("--output", tmp_path / "model") if arguments[0] == "train" else ()
    done = command(*(words.get(word, word) for word in arguments), *output, without=absent)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("wave-network: ")
    assert re.search(r'needs the "(train|parquet)" extra: pip install "wave-network\[\1\]"$', line)
    assert [path.name for path in tmp_path.iterdir()] == ["texts.parquet"]


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("from wave_network import WaveClassifier", {"sklearn"}),
        ("from wave_network import ops", {"torch"}),
        (
            "from wave_network import WaveClassifier; WaveClassifier().fit(['a', 'b'], [1, 2])",
            {"torch"},
        ),
    ],
)
def test_the_same_in_python(code, absent):
    done = python(code, without=absent)
    assert done.returncode == 1
    assert "MissingExtraError" in done.stderr.splitlines()[-1]
    assert 'pip install "wave-network[train]"' in done.stderr.splitlines()[-1]


def test_the_error_is_an_import_error_and_ours():
    error = MissingExtraError("train", "training")
    assert isinstance(error, ImportError)
    assert isinstance(error, wave_network.WaveNetworkError)
    assert error.extra == "train"
    assert str(error) == 'training needs the "train" extra: pip install "wave-network[train]"'


def test_the_package_is_typed():
    assert resources.files("wave_network").joinpath("py.typed").is_file()


def test_the_version_is_that_of_the_distribution():
    assert wave_network.__version__ == importlib.metadata.version("wave-network")


def test_the_command_and_the_extras_are_declared():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="wave-network")
    assert script.load() is __import__("wave_network.cli", fromlist=["main"]).main
    extras = importlib.metadata.metadata("wave-network").get_all("Provides-Extra")
    assert {"train", "all"} <= set(extras)
