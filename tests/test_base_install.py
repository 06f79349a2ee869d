"""What `pip install wave-network` alone can do, and what it says of everything else."""

import json
from textwrap import dedent

import numpy as np
import pyarrow
import pytest
from absent import BEYOND_BASE, run_without
from openpyxl import Workbook
from pyarrow import parquet

MAIN = """
import contextlib, io, json, os
from wave_network import _native
from wave_network.cli import main

def run(*arguments):
    sys.argv = ["wave-network", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ending:
            code = ending.code
    return code or 0, out.getvalue(), err.getvalue()
"""

ROWS = [
    f"{word} and {other} on day {day},{label}"
    for day in range(12)
    for label, words in (("cold", ("ice", "snow")), ("warm", ("sun", "heat")))
    for word, other in (words, words[::-1])
]


@pytest.fixture
def folder(tmp_path):
    """A folder with data in the formats that the base reads."""
    rows = [row.split(",") for row in ROWS]
    (tmp_path / "rows.csv").write_text("text,label\n" + "\n".join(ROWS) + "\n")
    (tmp_path / "rows.tsv").write_text("text\tlabel\n" + "\n".join(map("\t".join, rows)) + "\n")
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "rows.txt").write_text(
        "".join(f"__label__{label} {text}\n" for text, label in rows)
    )
    (tmp_path / "archive.txt").write_text("".join(f"{text}\n" for text, _ in rows))
    for name in ("rows.parquet", "rows.xlsx", "rows.csv.zst"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_every_command_of_the_base_works_with_the_base_alone(folder):
    code = """
    quick = ("--epochs", 2, "--vectors", "none")
    for data in ("rows.csv", "rows.tsv", "rows.jsonl", "rows.txt"):
        given = ("--preset", "tiny", "--validation", "rows.csv", "--output", f"from-{data}")
        ended = run("train", data, *quick, *given)
        assert ended[0] == 0, ended
    model = "from-rows.csv"
    for command in (
        ("train", "rows.csv", *quick, "--unlabeled", "archive.txt", "--output", "semi"),
        ("train", "rows.csv", "--epochs", 1, "--from", model, "--output", "continued"),
        ("evaluate", model, "rows.jsonl", "--coverage", 0.9, "--json"),
        ("predict", model, "snow and ice"),
        ("predict", model, "--input", "rows.csv", "--keep-columns", "--output", "out.csv"),
        ("predict", model, "--input", "archive.txt", "--out-of-scope", "--output", "out.jsonl"),
        ("predict", model, "snow and ice", "--explain"),
        ("quantize", model, "--data", "rows.csv", "--output", "small"),
        ("suggest", model, "--input", "archive.txt", "--count", 2),
        ("suggest", "--input", "archive.txt", "--count", 2),
        ("info", model),
        ("--version",),
    ):
        ended = run(*command)
        assert ended[0] == 0, (command, ended)
    print(sorted(set(sys.modules) & {*BEYOND_BASE}))
    """
    done = run_without(
        BEYOND_BASE, f"{MAIN}\nBEYOND_BASE = {set(BEYOND_BASE)}\n{dedent(code)}", folder=folder
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_python_needs_the_base_alone(folder):
    code = """
    from wave_network import WaveClassifier, load, suggest
    texts, labels = zip(*(line.strip().split(",") for line in list(open("rows.csv"))[1:]))
    classifier = WaveClassifier("tiny", epochs=2, vectors="none").fit(texts, labels)
    classifier.score(texts, labels), classifier.explain(texts[0])
    classifier.save("model")
    assert load("model").predict(texts[:1])[0].label == classifier.predict(texts[:1])[0]
    WaveClassifier.load("model")
    several = WaveClassifier("tiny", epochs=1, vectors="none")
    several.fit(texts, [[label, "day"] for label in labels]).predict(texts)
    assert len(suggest(texts, 2)) == 2
    """
    done = run_without(BEYOND_BASE, dedent(code), folder=folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("packages", "command"),
    [
        ({"optuna"}, ("tune", "rows.csv", "--preset", "tiny", "--trials", 1)),
        ({"jinja2"}, ("report", "MODEL", "--data", "sample")),
        ({"onnx"}, ("export", "MODEL", "--output", "onnx", "--int8")),
        ({"openpyxl"}, ("predict", "MODEL", "--input", "rows.xlsx")),
        ({"pyarrow"}, ("predict", "MODEL", "--input", "archive.txt", "--output", "out.parquet")),
        ({"pyarrow"}, ("train", "rows.parquet", "--epochs", 1, "--vectors", "none")),
    ],
    ids=lambda value: " ".join(sorted(value)) if isinstance(value, set) else value[0],
)
def test_an_extra_needs_its_own_packages_alone(folder, sample_model, packages, command):
    _write_sheet(folder / "rows.xlsx")
    _write_table(folder / "rows.parquet")
    words = [sample_model if word == "MODEL" else str(word) for word in command]
    code = f"{MAIN}\nprint(run(*sys.argv[1:]))"
    done = run_without(BEYOND_BASE - packages, code, *words, folder=folder)
    assert done.stdout.startswith("(0, "), done.stdout


COMMANDS = {
    "train rows.parquet": ("parquet", "reading parquet"),
    "train rows.csv.zst": ("parquet", "reading .zst"),
    "train rows.xlsx": ("excel", "reading .xlsx"),
    "train hub:me/news": ("hub", "reading data sets of the Hub"),
    "train rows.csv --preset paper": ("torch", "training the papers' model"),
    "train rows.csv --device cuda": ("torch", "training on cuda"),
    "train rows.csv --teacher bert": ("transformers", "a pretrained classifier"),
    "train rows.csv --vectors encoder": ("transformers", "distilling a sentence encoder"),
    "train rows.csv --log-to tensorboard:runs": ("tensorboard", "logging to TensorBoard"),
    "train rows.csv --log-to wandb:news": ("wandb", "logging to Weights & Biases"),
    "evaluate MODEL rows.parquet": ("parquet", "reading parquet"),
    "predict MODEL --input rows.parquet": ("parquet", "reading parquet"),
    "predict MODEL --input archive.txt --output out.parquet": ("parquet", "writing parquet"),
    "suggest --input archive.txt --output out.parquet": ("parquet", "writing parquet"),
    "tune rows.csv": ("tune", "tuning"),
    "report MODEL --data rows.csv": ("report", "the report"),
    "export MODEL --output onnx": ("onnx", "exporting to ONNX"),
    "distill bert --output vectors": ("transformers", "distilling a sentence encoder"),
    "inspect MODEL snow --output waves.png": ("papers", "drawing"),
    "reproduce accuracy": ("papers", "reproducing the papers"),
}
"""What asks for an extra, with the extra and what it adds."""

PYTHON = {
    "from wave_network import ops": ("torch", "wave_network.ops"),
    "from wave_network.model import WaveNetwork": ("torch", "wave_network.model"),
    "import wave_network.transformers": ("transformers", "wave_network.transformers"),
    "WaveClassifier('paper').fit(*DATA)": ("torch", "training the papers' model"),
    "WaveClassifier('tiny', device='cuda').fit(*DATA)": ("torch", "training on cuda"),
    "WaveClassifier('tiny', teacher='bert').fit(*DATA)": (
        *("transformers", "a pretrained classifier"),
    ),
}


def test_what_an_extra_adds_is_said_with_its_name(folder, sample_model):
    _encoder(folder / "encoder", "BertModel")
    _encoder(folder / "bert", "BertForSequenceClassification")
    code = """
    from wave_network import WaveClassifier
    from wave_network.errors import MissingExtraError
    DATA = (["ice", "sun"] * 20, ["cold", "warm"] * 20)
    said = {}
    for command in COMMANDS:
        words = command.replace("MODEL", MODEL).split()
        code, out, err = run(*words, *(["--output", "model"] if "train" in words else []))
        said[command] = err if (code, out) == (2, "") else repr((code, out, err))
    for statement in PYTHON:
        try:
            exec(statement)
        except MissingExtraError as error:
            said[statement] = f"wave-network: {error}\\n"
        except Exception as error:
            said[statement] = repr(error)
    print(json.dumps(said))
    """
    given = f"COMMANDS, PYTHON, MODEL = {[*COMMANDS]}, {[*PYTHON]}, {str(sample_model)!r}\n"
    done = run_without(BEYOND_BASE, MAIN + given + dedent(code), folder=folder)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    wrong = {}
    for what, (extra, purpose) in {**COMMANDS, **PYTHON}.items():
        start = f"wave-network: {purpose}"
        end = f' needs the "{extra}" extra: pip install "wave-network[{extra}]"\n'
        if not (said[what].startswith(start) and said[what].endswith(end)):
            wrong[what] = said[what]
    assert not wrong
    made = {"model", "out.parquet", "onnx", "vectors", "waves.png", "report.html"}
    assert not made & {path.name for path in folder.iterdir()}


def _encoder(folder, architecture):
    """Write the configuration of a pretrained model of transformers."""
    folder.mkdir()
    config = {"model_type": "bert", "architectures": [architecture]}
    (folder / "config.json").write_text(json.dumps(config))
    np.savez(folder / "model.npz")


def _write_sheet(path):
    workbook = Workbook()
    for row in ["text,label", *ROWS]:
        workbook.active.append(row.split(","))
    workbook.save(path)


def _write_table(path):
    texts, labels = zip(*(row.split(",") for row in ROWS), strict=True)
    parquet.write_table(pyarrow.table({"text": texts, "label": labels}), path)
