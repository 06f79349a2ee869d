"""kill -9 at random moments of saving with --overwrite: a whole folder each time, nothing left.

`make reliability` kills more.
"""

import os
import subprocess
import sys
from textwrap import dedent

import pytest
from faults import KILLS

from wave_network.persistence.folder import read_model, write_model

PROGRAM = """
    import os, random, signal, sys, time
    from dataclasses import replace
    from pathlib import Path

    from wave_network.persistence.folder import read_model, write_model

    folder, kills = Path(sys.argv[1]), int(sys.argv[2])
    files = read_model(folder)
    draw = random.Random(0)
    models = [
        replace(files, training={"seed": seed}, conformal_thresholds=[seed / 10]) for seed in (0, 1)
    ]
    started = time.monotonic()
    write_model(folder, models[0], card="", history=[], overwrite=True)
    duration = time.monotonic() - started
    found, left = set(), 0
    for kill in range(kills):
        child = os.fork()
        if child == 0:
            number = kill
            while True:
                number += 1
                write_model(folder, models[number % 2], card="", history=[], overwrite=True)
        time.sleep(draw.uniform(0.0, 8 * duration))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        read = read_model(folder)
        thresholds = read.conformal_thresholds
        assert thresholds in (None, [read.training["seed"] / 10]), thresholds
        found.add(read.training["seed"])
        left = max(left, len(os.listdir(folder.parent)) - 1)
    write_model(folder, models[0], card="", history=[], overwrite=True)
    print(len(found), left)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_writer_leaves_a_whole_folder_and_nothing_for_ever(tmp_path, make_files, faults):
    folder = tmp_path / "there" / "model"
    write_model(folder, make_files(hidden_size=64), card="", history=[])
    ended = subprocess.run(
        [sys.executable, "-c", dedent(PROGRAM), str(folder), str(KILLS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60 + KILLS,
    )
    assert ended.returncode == 0, ended.stderr
    models, left = map(int, ended.stdout.split())
    assert models == 2  # it was replaced
    assert left <= 1  # each run clears what the one before it left
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert read_model(folder).training == {"seed": 0}
    faults.name, faults.injected, faults.survived = "kill -9 of saving", KILLS, KILLS


TRAINING = """
    import sys
    from wave_network.cli import main
    from wave_network.data import texts
    texts._BYTES_IN_MEMORY = 0  # all texts are in a temporary file
    sys.argv = ["wave-network", *sys.argv[1:]]
    main()
"""


def test_a_killed_training_leaves_no_copy_of_the_texts(tmp_path):
    rows = [f"{word} {number},{word}" for number in range(40) for word in ("cat", "dog")]
    (tmp_path / "few.csv").write_text("\n".join(["text,label", *rows]))
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    def train(epochs):
        return subprocess.Popen(
            [
                *(sys.executable, "-c", dedent(TRAINING), "train", "few.csv", "--preset", "tiny"),
                *("--validation", "few.csv", "--epochs", str(epochs), "--overwrite"),
            ],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    for _ in range(max(1, KILLS // 20)):
        with train(100_000) as process:
            assert any(line.startswith("epoch 1/") for line in process.stderr)
            process.kill()
        assert not list(temporary.iterdir())
    with train(1) as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert not list(temporary.iterdir())
    assert read_model(tmp_path / "wave-model").config.labels == ("cat", "dog")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.csv", "tmp", "wave-model"]
