"""Faults while commands write: kill -9, a full disk, a disk that is read-only.

`make reliability` injects more of them, and prints a table of all kinds.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from cli_helpers import labelled_rows, write_csv
from faults import KILLS

from wave_network.persistence.folder import read_model

COMMANDS = {
    "quantize": ("quantize", "{model}", "--output", "out", "--bits", "4"),
    "export": ("export", "{model}", "--output", "out"),
    "predict": ("predict", "{model}", "--input", "{archive}", "--output", "out.csv"),
    "suggest": ("suggest", "--input", "{archive}", "--count", "40", "--output", "out.csv"),
    "train": ("train", "{few}", "--preset", "tiny", "--epochs", "1", "--vectors", "none",
              "--output", "out"),
}  # fmt: skip


@pytest.fixture
def arguments(few, tiny_model, tmp_path_factory):
    """Return the arguments of a command."""
    texts = [(f"{text}, and more of it " * 5, "") for text, _ in labelled_rows(400)]
    archive = write_csv(tmp_path_factory.mktemp("archive") / "archive.csv", texts)
    places = {"model": tiny_model, "few": few, "archive": archive}

    def fill(name):
        return [word.format(**places) for word in COMMANDS[name]]

    return fill


def contents(folder):
    """Return a digest of every file in a folder, by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def run_for_ever(folder, argv):
    """Run a command again and again in a forked process, until somebody ends it."""
    from wave_network.cli import main

    child = os.fork()
    if child:
        return child
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os.chdir(folder)
    sys.argv = ["wave-network", *argv, "--overwrite"]
    while True:
        try:
            main()
        except SystemExit as ending:
            if ending.code:
                os._exit(1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", ["quantize", "export", "predict"])
def test_a_killed_writer_leaves_the_output_whole_or_absent(
    name, arguments, invoke, tmp_path, faults
):
    faults.name = f"kill -9 of {name}"
    argv = arguments(name)
    assert invoke(*argv).code == 0
    folder = tmp_path / "work"
    folder.mkdir()
    output = tmp_path / argv[argv.index("--output") + 1]
    output = output.rename(folder / output.name)
    whole, draw = contents(folder), random.Random(0)
    for kill in range(KILLS // 2):
        if kill % 2:  # there is nothing to replace
            shutil.rmtree(output, ignore_errors=True)
            output.unlink(missing_ok=True)
        before = output.exists()
        child = run_for_ever(folder, argv)
        time.sleep(draw.uniform(0.0, 0.3))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        found = {path: digest for path, digest in contents(folder).items() if path[0] != "."}
        faults.add(
            survived=status == signal.SIGKILL and found in ({}, whole),
            lost=before and not found,
            wrong=found not in ({}, whole),
        )
    os.chdir(folder)
    assert invoke(*argv, "--overwrite").code == 0
    assert [path.name for path in folder.iterdir()] == [output.name]
    assert contents(folder) == whole


@contextmanager
def small_disk(folder, size):
    """Mount a disk of so many bytes."""
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a disk")
    try:
        yield folder
    finally:
        os.chdir(folder.parent)
        subprocess.run(["umount", folder], check=True)


needs_mount = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None,
    reason="needs the right to mount a disk",
)


@needs_mount
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_said_and_leaves_nothing(name, arguments, invoke, tmp_path, faults):
    faults.name = f"disk full during {name}"
    argv, draw = arguments(name), random.Random(0)
    assert invoke(*argv).code == 0
    output = argv[argv.index("--output") + 1]
    made = [tmp_path / output, *(tmp_path / output).rglob("*")]
    pages = sum(-(-path.stat().st_size // 4096) for path in made if path.is_file())
    for _ in range(max(3, KILLS // 10)):
        with small_disk(tmp_path / "disk", 4096 * draw.randrange(1, pages + 1)) as disk:
            os.chdir(disk)
            ended = invoke(*argv)
            complete = ended.code == 0
            refused = ended.code == 2 and "wave-network: cannot write" in ended.err
            left = sorted(path.name for path in disk.iterdir())
        faults.add(
            survived=(refused and not left) or (complete and left == [output]),
            wrong="Traceback" in ended.err or (refused and bool(left)),
        )


@needs_mount
def test_a_disk_that_is_read_only(arguments, invoke, tmp_path, faults):
    faults.name = "disk read-only"
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        for name in COMMANDS:
            os.chdir(disk)
            ended = invoke(*arguments(name))
            faults.add(survived=ended.code == 2 and "Read-only file system" in ended.message)
        assert not [*disk.iterdir()]


def test_the_outputs_of_these_commands_are_read(arguments, invoke, tmp_path):
    assert invoke(*arguments("quantize")).code == 0
    assert read_model(tmp_path / "out").config.labels == ("animal", "colour")
