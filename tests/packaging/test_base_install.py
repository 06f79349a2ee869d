"""What the base install does: train, evaluate, predict, explain, quantize, and suggest.

Packages of the extras count as not installed here, whether they are or not.
"""

import csv
import json
import os
import subprocess
import sys

import pytest

EXTRAS = [
    "accelerate",
    "datasets",
    "jinja2",
    "onnx",
    "onnxruntime",
    "openpyxl",
    "optuna",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
]

# Python runs a module of this name before all else.
REFUSING = f"""
import sys
from importlib.abc import MetaPathFinder

class Refusing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)

sys.meta_path.insert(0, Refusing())
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder, and a way to run Python in it with the base install alone."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "refusing").mkdir()
    (folder / "refusing/sitecustomize.py").write_text(REFUSING)
    paths = [str(folder / "refusing"), os.environ.get("PYTHONPATH", "")]

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

    return folder, run


@pytest.fixture(scope="module")
def wave(base):
    """Run a command, which must succeed; returns what it wrote."""
    _, run = base

    def command(*arguments):
        done = run("-m", "wave_network", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return command


@pytest.fixture(scope="module")
def trained(base, wave):
    """A model of the bundled sample, and the metrics of its training."""
    folder, _ = base
    told = wave("train", "sample", "--output", "model", "--json")
    return folder / "model", json.loads(told)


def test_train_with_the_default_preset(trained):
    folder, metrics = trained
    assert metrics["test"]["accuracy"] > 0.7
    assert (folder / "model.safetensors").is_file()


def test_evaluate(wave, trained):
    told = json.loads(wave("evaluate", trained[0], "sample", "--coverage", "0.9", "--json"))
    assert told["accuracy"] == pytest.approx(trained[1]["test"]["accuracy"])


def test_predict_and_explain(wave, trained):
    told = wave("predict", trained[0], "The striker scored twice", "--explain", "--json")
    answer = json.loads(told)
    assert answer["label"] == "Sports"
    assert answer["explanation"]


def test_quantize_and_measure(wave, trained):
    arguments = ("--output", "bits-4", "--bits", "4", "--data", "sample", "--json")
    assert json.loads(wave("quantize", trained[0], *arguments))
    assert json.loads(wave("predict", "bits-4", "Oil prices jump", "--json"))["label"]


def test_suggest_from_an_archive(base, wave, trained):
    folder, _ = base
    texts = [f"a story about {topic} and {other}" for topic in TOPICS for other in TOPICS]
    (folder / "archive.csv").write_text("text\n" + "\n".join(texts) + "\n", encoding="utf-8")
    for model in ([], [trained[0]]):
        told = wave("suggest", *model, "--input", "archive.csv", "--count", "5", "--json")
        assert len(told.splitlines()) == 5


TOPICS = [
    "oil",
    "prices",
    "goals",
    "voters",
    "planets",
    "engines",
    "music",
    "bread",
    "rivers",
    "trains",
]
ROWS = [
    (f"the {topic} of {other}", str(i % 2)) for i, topic in enumerate(TOPICS) for other in TOPICS
]


def write_rows(path):
    if path.suffix == ".jsonl":
        lines = [json.dumps({"text": text, "label": label}) for text, label in ROWS]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif path.suffix == ".txt":
        lines = [f"__label__{label} {text}" for text, label in ROWS]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writerows([("text", "label"), *ROWS])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rows.csv", ("--preset", "tiny")),
        ("rows.tsv", ("--preset", "large", "--epochs", "1")),
        ("rows.jsonl", ("--vectors", "none")),
        ("rows.txt", ("--epochs", "2", "--unlabeled", "archive.txt")),
    ],
)
def test_train_from_files_with_every_preset(base, wave, name, options):
    folder, _ = base
    write_rows(folder / name)
    archive = "\n".join(f"more {text}" for text, _ in ROWS) + "\n"
    (folder / "archive.txt").write_text(archive, encoding="utf-8")
    output = f"of-{name}"
    told = json.loads(wave("train", name, "--output", output, *options, "--json"))
    assert told["model"] == output
    assert (folder / output / "model.safetensors").is_file()


def test_the_classifier_in_python(base):
    _, run = base
    code = f"""
from wave_network import WaveClassifier
texts, labels = zip(*{ROWS!r})
model = WaveClassifier(epochs=2).fit(list(texts), list(labels))
print(sorted(set(map(str, model.predict(list(texts))))), model.predict_proba(["oil"]).shape)
"""
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['0', '1'] (1, 2)\n"


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("train", "sample", "--preset", "paper", "--output", "x"), "torch"),
        (("train", "rows.parquet", "--output", "x"), "parquet"),
        (("train", "hub:someone/something", "--output", "x"), "hub"),
        (("report", "MODEL", "--data", "sample", "--output", "x"), "report"),
        (("tune", "sample", "--output", "x"), "tune"),
        (("export", "MODEL", "--output", "x"), "onnx"),
    ],
)
def test_what_needs_an_extra_names_it(base, trained, arguments, extra):
    folder, run = base
    (folder / "rows.parquet").write_bytes(b"PAR1")
    words = [str(trained[0]) if word == "MODEL" else word for word in arguments]
    done = run("-m", "wave_network", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.rstrip().endswith(f'pip install "wave-network[{extra}]"')
    assert not (folder / "x").exists()
