"""Running code in a fresh Python in which some packages are not installed."""

import subprocess
import sys

BEYOND_BASE = frozenset(
    (
        *("torch", "accelerate", "datasets", "pyarrow", "pandas", "polars", "scipy", "sklearn"),
        *("transformers", "optuna", "jinja2", "onnx", "onnxruntime", "openpyxl", "matplotlib"),
        *("markdown", "tensorboard", "wandb", "model2vec", "fasttext", "sentence_transformers"),
        "ray",
    )
)
"""Packages that the extras install and the base does not."""

COMMANDS = """
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
"""Code that defines `run`, which runs a command in this process: exit status, output, errors."""

_ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def run_without(packages, code, *arguments, folder=None):
    """Run code to its end, and return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", _ABSENT.format(absent=set(packages)) + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        timeout=300,
        check=False,
    )
