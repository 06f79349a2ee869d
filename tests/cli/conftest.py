"""Running the command line, in this process and as one of its own, and models to run it on."""

import json
import logging
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import NamedTuple

import pytest
from cli_helpers import SCRIPT, labelled_rows, write_csv


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict]:
        """The JSON objects on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def message(self) -> str:
        """What a user is told about input that cannot be used: one line, and no traceback."""
        assert (self.code, self.out) == (2, ""), self
        (line,) = self.err.splitlines()
        assert line.startswith("wave-network: ")
        return line.removeprefix("wave-network: ")


@pytest.fixture
def few(tmp_path) -> Path:
    """Labelled texts that train in no time."""
    return write_csv(tmp_path / "few.csv", labelled_rows())


@pytest.fixture
def wave(tmp_path):
    """Run the installed command as a process of its own, in the test's folder."""

    def run(*arguments, stdin=b"", env=None, program=(str(SCRIPT),)) -> Ended:
        done = subprocess.run(
            [*program, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            timeout=120,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def invoke(monkeypatch, capsys, tmp_path):
    """Run the command in this process, in the test's folder: quicker than `wave`."""
    from wave_network.cli import main

    logger = logging.getLogger("wave_network")
    handlers, propagate = logger.handlers, logger.propagate
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heeded = {number: signal.getsignal(number) for number in numbers}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # typer sets its own

    def run(*arguments) -> Ended:
        monkeypatch.setattr(sys, "argv", ["wave-network", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main()
        error: BaseException | None = ending.value
        while error is not None:  # as the end of a process would: it closes files that are read
            traceback.clear_frames(error.__traceback__)
            error = error.__context__
        return Ended(ending.value.code, *capsys.readouterr())

    yield run
    logger.handlers, logger.propagate = handlers, propagate
    for number, handler in heeded.items():  # after SIGTERM the command ignores further ones
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """A model of the labels `animal` and `colour`. Never change it."""
    return _trained(tmp_path_factory, dict(labelled_rows()))


@pytest.fixture(scope="session")
def number_model(tmp_path_factory) -> Path:
    """A model of the labels 3 and 20, which are integers. Never change it."""
    names = {"animal": 3, "colour": 20}
    return _trained(tmp_path_factory, {text: names[label] for text, label in labelled_rows()})


def _trained(tmp_path_factory, rows):
    from wave_network import WaveClassifier

    folder = tmp_path_factory.mktemp("tiny") / "model"
    classifier = WaveClassifier("tiny", epochs=20, batch_size=8, learning_rate=0.01, device="cpu")
    classifier.fit(list(rows), list(rows.values())).save(folder)
    return folder
