"""Every command when its output is closed, full, or read by nobody."""

import gc
import os
import sys
from contextlib import suppress

import pytest
import typer

from wave_network import load
from wave_network.cli.app import build_app

# The streams are left as they are when a process ends.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

COMMANDS = sorted(typer.main.get_command(build_app()).commands)
WHOLE = [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)]
WORKING = (
    ["predict", "MODEL", "cat"],
    ["predict", "MODEL", "cat", "--explain"],
    ["predict", "MODEL", "--input", "DATA"],
    ["info", "MODEL"],
    ["evaluate", "MODEL", "DATA"],
    ["inspect", "MODEL", "cat", "--json"],
    ["quantize", "MODEL", "--output", "small"],
    ["train", "DATA", "--preset", "tiny", "--epochs", "1"],
)
FULL = "wave-network: the disk is full and the output incomplete: free some space\n"


def unread():
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def full():
    return open("/dev/full", "w")


def closed():
    return None


@pytest.fixture
def ended(invoke, monkeypatch, capsys, tiny_model, few):
    """Run a command with a stream of its own: its exit code, and what the other stream got."""

    def run(words, name, stream):
        words = [{"MODEL": tiny_model, "DATA": few}.get(word, word) for word in words]
        with monkeypatch.context() as patch:
            patch.setattr(sys, name, stream)
            found = invoke(*words)
            for one in (getattr(sys, name), stream):  # a process would end now
                with suppress(OSError, AttributeError):
                    one.close()
            return found

    yield run
    gc.collect()  # while warnings of what is left are ignored


@pytest.mark.parametrize("words", [*WHOLE, *WORKING], ids=" ".join)
@pytest.mark.parametrize("stream", [unread, closed, full])
def test_no_command_minds_how_its_stdout_is_broken(ended, words, stream, tmp_path):
    code, _, err = ended(words, "stdout", stream())
    assert "Traceback" not in err
    if stream is full:
        assert (code, err.splitlines(keepends=True)[-1]) == (2, FULL)
    else:
        assert code == 0
        assert "wave-network: " not in err
    if words[0] == "train" and "--help" not in words:
        assert load(tmp_path / "wave-model").labels == ("animal", "colour")


@pytest.mark.parametrize("words", [word for word in WORKING if "DATA" in word], ids=" ".join)
@pytest.mark.parametrize("stream", [unread, closed, full])
def test_no_command_minds_how_its_stderr_is_broken(ended, words, stream):
    code, out, _ = ended(words, "stderr", stream())
    assert code == 0
    assert out


@pytest.mark.parametrize("stream", [unread, closed, full])
def test_a_failure_keeps_its_code_however_stderr_is_broken(ended, stream):
    assert ended(["predict", "nowhere", "cat"], "stderr", stream())[:2] == (2, "")
