"""What is said where an extra is missing, and that an extra needs no package of another one."""

import json
from textwrap import dedent

import numpy as np
import pyarrow
import pytest
from absent import BEYOND_BASE, COMMANDS, run_without
from openpyxl import Workbook
from pyarrow import parquet

ROWS = [
    f"{word} and {other} on day {day},{label}"
    for day in range(12)
    for label, words in (("cold", ("ice", "snow")), ("warm", ("sun", "heat")))
    for word, other in (words, words[::-1])
]


@pytest.fixture
def folder(tmp_path):
    """A folder with data in several formats."""
    (tmp_path / "rows.csv").write_text("text,label\n" + "\n".join(ROWS) + "\n")
    (tmp_path / "archive.txt").write_text("snow and ice\n" * 5)
    for name in ("rows.parquet", "rows.xlsx", "rows.csv.zst"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


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
    code = f"{COMMANDS}\nprint(run(*sys.argv[1:]))"
    done = run_without(BEYOND_BASE - packages, code, *words, folder=folder)
    assert done.stdout.startswith("(0, "), done.stdout


ASKING = {
    "train rows.parquet": ("parquet", "reading parquet"),
    "train rows.csv.zst": ("parquet", "reading .zst"),
    "train rows.xlsx": ("excel", "reading .xlsx"),
    "train hub:me/news": ("hub", "reading data sets of the Hub"),
    "train rows.csv --preset paper": ("torch", "training the papers' model"),
    "train rows.csv --device cuda": ("torch", "training on cuda"),
    "train rows.csv --engine ray": ("ray", "--engine ray"),
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
    "serve MODEL": ("serve", "serving"),
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
    for command in ASKING:
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
    given = f"ASKING, PYTHON, MODEL = {[*ASKING]}, {[*PYTHON]}, {str(sample_model)!r}\n"
    done = run_without(BEYOND_BASE, COMMANDS + given + dedent(code), folder=folder)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    wrong = {}
    for what, (extra, purpose) in {**ASKING, **PYTHON}.items():
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
