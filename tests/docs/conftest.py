"""Running what the pages show, in a folder and a namespace for each page."""

import ast
import contextlib
import csv
import io
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from outputs import differs
from pages import OUTPUT, PYTHON, ROOT, SHELL, commands_of

from wave_network import fasttext
from wave_network.config import PRESETS

EPOCHS = 2  # what most pages train is not trained further here
_WHOLE = dict(PRESETS)

TICKETS = {
    "billing": (
        "My invoice is wrong, I was charged twice",
        "The refund for my last invoice has not arrived",
        "Which card was charged for the subscription",
        "Please send the invoice to our accountant",
        "Why did the price of my plan go up",
    ),
    "delivery": (
        "The parcel has not arrived yet",
        "The courier left my package with a neighbour",
        "Tracking says delivered but there is no parcel",
        "Can the delivery come on Saturday",
        "My package was damaged on its way",
    ),
    "other": (
        "How do I change my password",
        "The app crashes when it opens",
        "Do you have an office in Lisbon",
        "I cannot log in to my account",
        "Where do I find the manual",
    ),
}
ROWS = [(text, queue) for _ in range(6) for queue, texts in TICKETS.items() for text in texts]
TEXTS, LABELS = [text for text, _ in ROWS], [label for _, label in ROWS]


def _write_table(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label", "body", "queue", "trust"))
        writer.writerows((text, label, text, label, 1) for text, label in rows)


class Runner:
    """Executes blocks; files and Python names last as long as it does."""

    def __init__(self, folder, sample_model, whole_model, monkeypatch):
        self.folder = folder
        self.names = {"__name__": "__main__"}
        self._sample_model = sample_model
        self._whole_model = whole_model
        self._monkeypatch = monkeypatch
        monkeypatch.setitem(sys.modules, "fasttext", fasttext)  # a page does, and never undoes it
        self._printed, self._errors = io.StringIO(), io.StringIO()
        for name, preset in PRESETS.items():  # what most pages print does not depend on it
            short = replace(preset.train, epochs=EPOCHS, min_steps=0)
            monkeypatch.setitem(PRESETS, name, replace(preset, train=short))

    def set_up(self, name):
        """Make what a page presumes: files and folders by their names, and Python values."""
        name, _, what = name.partition(" of ")
        rows = _news() if what == "news" else ROWS
        if name == "whole training":  # the page shows numbers that depend on it
            for preset, whole in _WHOLE.items():
                self._monkeypatch.setitem(PRESETS, preset, whole)
            return
        path = self.folder / name
        if name.endswith(".csv"):
            _write_table(path, rows)
        elif name.endswith("/"):
            path.mkdir()
            for number in range(3):
                self.set_up(f"{name}part-{number}.csv")
        elif name.endswith(".bin"):
            path.write_bytes((ROOT / "tests/fasttext/models/subwords.bin").read_bytes())
        elif name.endswith(".txt"):
            labelled = [f"__label__{label} {text}" for text, label in ROWS]
            lines = TEXTS[:15] if name == "texts.txt" else labelled
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        elif name.startswith("bert-"):
            _tiny_bert(path)
        elif name.endswith("-model"):
            model = self._whole_model() if what == "a whole training" else self._sample_model
            shutil.copytree(model, path)
        else:
            self.names[name] = _value(name)

    def run(self, block):
        """Execute one block, write it to its file, or compare it with what was printed."""
        where = f"{block.page}:{block.line}"
        if block.file is not None:
            (self.folder / block.file).write_text(block.code, encoding="utf-8")
            return
        if block.language in OUTPUT:
            printed = self._errors if block.on_stderr else self._printed
            difference = differs(block.code, printed.getvalue(), block.within)
            assert not difference, f"{where}: {difference}"
            return
        assert block.language in SHELL | PYTHON, f"{where}: unknown language"
        self._printed, self._errors = io.StringIO(), io.StringIO()
        if block.language in PYTHON:
            with contextlib.redirect_stdout(self._printed):
                self._python(block, where)
            return
        for command in commands_of(block.code):
            self._command(command)

    def _python(self, block, where):
        """Execute statements; a comment that begins like a value is that of its expression."""
        lines = block.code.splitlines()
        for statement in ast.parse("\n" * block.line + block.code).body:
            comment = lines[statement.end_lineno - block.line - 1].rpartition("  # ")[2]
            if isinstance(statement, ast.Expr) and re.match(r"[\[({\d'\"]|array\(", comment):
                code = compile(ast.Expression(statement.value), block.page, "eval")
                value = repr(eval(code, self.names))
                shown = ast.unparse(statement)
                assert comment.startswith(value), f"{where}: {shown} gives {value}"
            else:
                code = compile(ast.Module([statement], []), block.page, "exec")
                exec(code, self.names)

    def _command(self, command):
        words = shlex.split(command, comments=True)
        if words[:2] == ["pip", "install"]:
            check_requirements(words[2:])
        elif words[0] == "make":
            targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert words[1] in targets, command
        elif words[0] == "wave-network" and not re.search(r"[|<>;&$]", command):
            self._in_this_process(words)
        else:
            self._in_a_shell(command)

    def _in_this_process(self, words):
        """Quicker than a process of its own, which would import torch again."""
        from wave_network.cli import main

        self._monkeypatch.setattr(sys, "argv", words)
        with (
            pytest.raises(SystemExit) as ending,
            contextlib.redirect_stderr(self._errors),
            contextlib.redirect_stdout(self._printed),
        ):
            main()
        assert ending.value.code == 0, f"{shlex.join(words)}\n{self._errors.getvalue()}"

    def _in_a_shell(self, command):
        here = str(Path(sys.executable).parent)
        done = subprocess.run(
            ["bash", "-euc", command],
            cwd=self.folder,
            env={**os.environ, "PATH": here + os.pathsep + os.environ["PATH"]},
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr.decode()}"
        self._printed.write(done.stdout.decode())
        self._errors.write(done.stderr.decode())


def check_requirements(requirements):
    """Installing is not tried; what a page tells to install must be an extra that exists."""
    extras = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = extras.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    known = set(re.findall(r"^(\w+) = \[", extras, re.MULTILINE))
    for requirement in requirements:
        name, _, named = requirement.rstrip("]").partition("[")
        if name in ("wave-network", ".") and named:
            assert set(named.split(",")) <= known, requirement


@pytest.fixture(scope="session")
def whole_model(tmp_path_factory):
    """A model of the sample, trained as the default preset is."""
    from wave_network.data import read_splits
    from wave_network.training.recipe import Recipe
    from wave_network.training.run import train_model

    folder = tmp_path_factory.mktemp("whole") / "model"
    splits = read_splits("sample")
    recipe = Recipe.of(_WHOLE["small"], train_options={"device": "cpu"}, model_options={})
    train_model(splits, recipe, folder, overwrite=False)
    return folder


@pytest.fixture
def runner(tmp_path, sample_model, monkeypatch, request):
    """A `Runner` in a folder of its own, offline, with the package's log as it was afterwards."""
    logger = logging.getLogger("wave_network")
    handlers, propagate = logger.handlers, logger.propagate
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # typer sets its own

    def whole_model():
        return request.getfixturevalue("whole_model")

    yield Runner(tmp_path, sample_model, whole_model, monkeypatch)
    logger.handlers, logger.propagate = handlers, propagate


def _news():
    """Some rows that suit the model of the sample."""
    from wave_network.data import read_splits

    test = read_splits("sample").test
    return list(zip(test["text"], test["label"], strict=True))[::8]


def _value(name):
    if name == "frame":
        import polars

        return polars.DataFrame({"text": TEXTS, "label": LABELS})
    if name == "clf":
        from wave_network import WaveClassifier

        return WaveClassifier("tiny", epochs=4, device="cpu").fit(TEXTS, LABELS)
    if name == "other":
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    values = {
        "texts": TEXTS,
        "labels": LABELS,
        "weights": [1.0] * len(TEXTS),
        "more_texts": TEXTS[:15],
        "text": TEXTS[0],
    }
    return values[name]


def _tiny_bert(folder):
    """A BERT with random weights that knows the tickets' classes."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = sorted({word.strip(",").lower() for text in TEXTS for word in text.split()})
    folder.mkdir()
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    tokenizer = BertTokenizerFast(str(vocabulary))
    config = BertConfig(
        vocab_size=len(words) + 5,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        id2label=dict(enumerate(TICKETS)),
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
