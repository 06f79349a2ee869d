"""`predict` of files into a folder: what it says, and that it goes on after whatever ends it."""

import ast
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from absent import COMMANDS, run_without
from cli_helpers import labelled_rows
from faults import KILLS
from pyarrow import parquet
from small_disks import needs_mount, small_disk


def write_parts(folder, count, rows=60):
    folder.mkdir(exist_ok=True)
    texts = [text for text, _ in labelled_rows(60)]
    for number in range(count):
        with (folder / f"part-{number}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("key", "text"))
            writer.writerows((f"{number}-{row}", texts[row % 60]) for row in range(rows))


def keys_in(folder):
    found = []
    for path in sorted(Path(folder).glob("part-*.jsonl")):
        found += [json.loads(line)["key"] for line in path.read_text().splitlines()]
    return sorted(found)


@pytest.fixture
def parts(tmp_path):
    write_parts(tmp_path / "in", 4)
    return "in/part-*.csv"


def test_a_pattern_goes_to_a_folder(invoke, tiny_model, parts, tmp_path):
    words = ("predict", tiny_model, "--input", parts, "--output", "out", "--keep-columns")
    words += ("--threads", "1")
    ended = invoke(*words)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "predicted 240 texts: 4 parts in out\n"
    single = invoke("predict", tiny_model, "--input", "in/part-2.csv", "--keep-columns")
    with (tmp_path / "out" / "part-2.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [{**row, "score": float(row["score"])} for row in found] == single.lines
    again = invoke(*words)
    assert again.err == "4 of 4 parts already predicted, left as they are\n"
    refused = invoke(*words, "--top-k", "2")
    assert refused.message == (
        "out has parts that were made with another --top-k: choose another --output, or replace all"
        " parts with --overwrite"
    )
    assert invoke(*words, "--top-k", "2", "--overwrite").code == 0


def test_several_files_and_a_format(invoke, tiny_model, parts, tmp_path):
    words = (
        "--input",
        "in/part-1.csv",
        "--input",
        "in/part-3.csv",
        "--format",
        "parquet",
        "--threads",
        1,
    )
    assert invoke("predict", tiny_model, *words, "--output", "out").code == 0
    names = sorted(path.name for path in (tmp_path / "out").glob("part*"))
    assert names == ["part-1.parquet", "part-3.parquet"]
    assert parquet.read_table(tmp_path / "out" / "part-3.parquet").column_names == [
        *("text", "label", "score")
    ]


def test_one_file_goes_to_a_folder_that_is_there(invoke, tiny_model, parts, tmp_path):
    (tmp_path / "out").mkdir()
    ended = invoke("predict", tiny_model, "--input", "in/part-1.csv", "--output", "out")
    assert ended.err == "predicted 60 texts: 1 part in out\n"
    assert (tmp_path / "out" / "part-1.csv").is_file()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--input", "in/*.jsonl", "--output", "out"], "no file matches 'in/*.jsonl': check the"),
        (["--input", "in/*.csv"], "name the folder for the predictions with --output DIR"),
        (["--input", "-", "--input", "in/part-1.csv", "--output", "out"], "standard input cannot"),
        (["--input", "in/*", "--output", "in"], "--output in is the folder of in/part-0.csv"),
        (["--input", "in/*", "--output", "out", "--explain"], "explanations are for one file"),
        (["--input", "in/*", "--output", "out", "--format", "xlsx"], "--format 'xlsx' is not one"),
        (["--input", "in/*", "--output", "all.csv"], "--output all.csv is the name of a file"),
        (["--input", "in/*", "--output", "taken"], "--output taken is a file: name a folder"),
        (["--input", "in/*", "--output", "out", "--coverage", "2"], "coverage must be"),
        (["--input", "in/part-0.csv", "in/part-1.csv"], "give either texts to classify or --input"),
        (["cat", "--engine", "local"], "--engine is for files: give one with --input"),
        (["cat", "--format", "csv"], "--format is for files: give one with --input"),
    ],
)
def test_what_cannot_go_to_a_folder_is_refused(invoke, tiny_model, parts, tmp_path, words, reason):
    (tmp_path / "taken").write_text("mine")
    refused = invoke("predict", tiny_model, *words)
    assert reason in refused.message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "taken"]


def test_without_a_cluster_nothing_is_written(invoke, tiny_model, parts, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    words = ("--input", parts, "--output", "out", "--engine", "ray")
    refused = invoke("predict", tiny_model, *words)
    assert "no Ray cluster answers at RAY_ADDRESS=127.0.0.1:1" in refused.message
    assert not (tmp_path / "out").exists()


def test_without_ray_the_extra_is_named(tiny_model, parts, tmp_path):
    code = COMMANDS + "print(run(*sys.argv[1:]))"
    words = ("predict", tiny_model, "--input", parts, "--output", "out", "--engine", "ray")
    done = run_without({"ray"}, code, *words, folder=tmp_path)
    assert '--engine ray needs the "ray" extra' in ast.literal_eval(done.stdout)[2]


def test_a_pattern_without_quotes_is_recognised(invoke, tiny_model, parts):
    refused = invoke("predict", tiny_model, "--input", "in/part-0.csv", "in/part-1.csv")
    assert "quote a pattern such as 'part-*.csv', as 'in/part-1.csv' are taken" in refused.message


def test_a_missing_column_is_named_as_on_the_command_line(invoke, tiny_model, parts):
    words = ("--input", parts, "--output", "out", "--text-column", "body", "--threads", 2)
    ended = invoke("predict", tiny_model, *words)
    assert ended.code == 2
    *_, going_on, last = ended.err.splitlines()
    assert going_on == "0 of 4 parts whole in out: the same command goes on with the others"
    assert "4 of 4 parts not predicted: in/part-" in last
    assert "has no column 'body', only 'key', 'text': name the right one with --text-column" in last


unix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs the signals of Unix")
PARTS, ROWS = 8, 5_000


@pytest.fixture
def start(tmp_path, tiny_model):
    """Start the command on parts that take a while, in the test's folder."""
    write_parts(tmp_path / "in", PARTS, ROWS)

    def run(*more):
        command = [sys.executable, "-m", "wave_network", "predict", tiny_model, "--keep-columns"]
        command += ["--input", "in/part-*.csv", "--output", "out", "--format", "jsonl", *more]
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A job in the background of a shell ignores Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return run


def children_of(process):
    """The workers of a command; other children are not Python with a pipe to it."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def wait_for(condition, process=None):
    for _ in range(6000):
        if condition():
            return
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("it did not happen within a minute")


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


EXPECTED = sorted(f"{number}-{row}" for number in range(PARTS) for row in range(ROWS))


@unix
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_interrupted_it_says_how_to_go_on_and_does(start, tmp_path, name, code):
    with start("--threads", "2") as process:
        wait_for(lambda: len(list((tmp_path / "out").glob("part-*.jsonl"))) >= 1, process)
        workers = children_of(process)
        os.kill(process.pid, getattr(signal, name))
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    going_on, interrupted = err.splitlines()[-2:]
    whole, _, said = going_on.partition(" ")
    assert said == "of 8 parts whole in out: the same command goes on with the others"
    assert interrupted == "wave-network: interrupted"
    assert "Traceback" not in err
    assert workers
    assert all(map(is_gone, workers))
    hidden = [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]
    assert not hidden
    with start() as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    left = f"{whole} of 8 parts already predicted, left as they are\n" if whole != "0" else ""
    assert err.startswith(left)
    assert keys_in(tmp_path / "out") == EXPECTED


def tally(folder):
    """Count rows that are not in the parts, and that are there more than once."""
    times = Counter(keys_in(folder))
    return {"lost": len(set(EXPECTED) - set(times)), "twice": (times - Counter(set(times))).total()}


@unix
def test_killed_at_any_moment_it_loses_and_repeats_nothing(start, tmp_path, faults):
    faults.name = "kill -9 of predict, many parts"
    moments, output = random.Random(0), tmp_path / "out"
    for _ in range(max(2, KILLS // 8)):
        with start("--threads", "2") as process:
            wait_for(lambda: output.is_dir() or process.poll() is not None)
            time.sleep(moments.random())
            workers = children_of(process) if process.poll() is None else []
            process.kill()
            process.communicate()
        parts = [path.read_text() for path in output.glob("part-*.jsonl")]
        wait_for(lambda: all(map(is_gone, workers)))  # noqa: B023
        cut = sum(text.count("\n") != ROWS for text in parts)
        faults.add(survived=process.returncode in (0, -signal.SIGKILL), wrong=cut)
        if process.returncode == 0:
            assert tally(output) == {"lost": 0, "twice": 0}
            shutil.rmtree(output)
    with start("--threads", "2") as process:
        process.communicate(timeout=60)
    faults.add(survived=process.returncode == 0, **tally(output))
    assert sorted(path.name for path in output.iterdir()) == [
        *("_wave-network-parts", *(f"part-{number}.jsonl" for number in range(PARTS)))
    ]


@unix
def test_a_killed_worker_is_replaced_and_its_part_named(start, tmp_path, faults):
    faults.name = "kill -9 of a worker of predict"
    with start("--threads", "2") as process:
        wait_for(lambda: len(list((tmp_path / "out").glob(".part-*"))) == 2, process)
        os.kill(children_of(process)[0], signal.SIGKILL)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "7 of 8 parts whole in out: the same command goes on with the others" in err
    last = err.splitlines()[-1]
    assert "1 of 8 parts not predicted: in/part-" in last
    assert "was killed (exit code -9), maybe because memory ran out" in last
    with start() as process:
        process.communicate(timeout=60)
    faults.add(survived=process.returncode == 0, **tally(tmp_path / "out"))


@needs_mount
def test_when_the_disk_is_full_whole_parts_stay(invoke, tiny_model, parts, tmp_path, faults):
    faults.name = "disk full during predict, many parts"
    words = ("predict", tiny_model, "--input", tmp_path / parts, "--output", "out", "--threads", 1)
    with small_disk(tmp_path / "disk", 7 * 4096) as disk:
        os.chdir(disk)
        ended = invoke(*words, "--keep-columns", "--format", "jsonl")
        assert ended.code == 2, ended
        going_on, message = ended.err.splitlines()
        assert going_on[1:] == " of 4 parts whole in out: the same command goes on with the others"
        assert message.startswith("wave-network: cannot write ")
        assert message.endswith("the disk is full; nothing was changed")
        left = sorted(path.name for path in (disk / "out").iterdir())
        assert len(left) == 1 + int(going_on[0])
        subprocess.run(["mount", "-o", "remount,size=1M", disk], check=True)
        assert invoke(*words, "--keep-columns", "--format", "jsonl").code == 0
        times = Counter(keys_in("out"))
    faults.add(survived=bool(left), lost=240 - len(times), twice=max(times.values()) - 1)
