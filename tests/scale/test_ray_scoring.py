"""Jobs on a Ray cluster: a real one, of this machine alone."""

import json
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from engines import takes_long

pytest.importorskip("ray")
import ray

from wave_network import load
from wave_network.errors import DataError
from wave_network.scale.answers import Answers
from wave_network.scale.job import predict_parts

ROWS = 8_000
pytestmark = [
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds workers in /proc"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Ray, by itself
]


@pytest.fixture(scope="module")
def cluster():
    ray.init(
        num_cpus=2,
        object_store_memory=100 * 2**20,
        include_dashboard=False,
        logging_level="ERROR",
        log_to_driver=False,
    )
    yield
    ray.shutdown()


@pytest.fixture
def predict(cluster, tmp_path, model, parts):
    def run():
        names = [str(parts / "part-*.jsonl")]
        answers = Answers(keep_columns=True)
        return predict_parts(str(model), names, tmp_path / "out", answers, engine="ray")

    return run


def rows_in(folder):
    files = sorted(folder.glob("part-*"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def writer_of(folder):
    """A process that writes a part into a folder, and its file; None if there is none."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith(f"{folder}/.part-"):
            return int(link.parts[2]), target
    return None


def test_a_cluster_answers_as_the_model_does(predict, tmp_path, parts, model):
    (parts / "part-4.jsonl").write_text("nonsense\n")
    with pytest.raises(DataError, match=r"1 of 6 parts not predicted: .*part-4.jsonl:1: not JSON"):
        predict()
    rows = rows_in(tmp_path / "out")
    assert [row["key"] for row in rows] == [
        f"{number}-{row}" for number in range(6) if number != 4 for row in range(50)
    ]
    expected = load(model).predict([row["text"] for row in rows])
    assert [row["label"] for row in rows] == [one.label for one in expected]


@takes_long
def test_a_part_whose_worker_is_killed_is_done_again(predict, tmp_path, parts, faults):
    faults.name = "kill -9 of a worker of Ray"
    for path in sorted(parts.iterdir()):
        first = json.loads(path.read_text().splitlines()[0])
        lines = [json.dumps({**first, "key": f"{path.stem}-{row}"}) for row in range(ROWS)]
        path.write_text("".join(line + "\n" for line in lines))
    killed = []

    def kill():
        while not killed:
            if found := writer_of(tmp_path / "out"):
                os.kill(found[0], signal.SIGKILL)
                killed.append(found)
            time.sleep(0.005)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    assert predict().read.rows == 6 * ROWS
    thread.join(timeout=10)
    assert killed
    times = Counter(row["key"] for row in rows_in(tmp_path / "out"))
    expected = {f"part-{number}-{row}" for number in range(6) for row in range(ROWS)}
    lost, twice = len(expected - set(times)), (times - Counter(expected)).total()
    faults.add(survived=True, lost=lost, twice=twice)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["_wave-network-parts", *(f"part-{number}.jsonl" for number in range(6))]
