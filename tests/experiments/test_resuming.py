"""kill -9 at random moments of `reproduce`: started again, it ends with the same rows.

`make reliability` kills more.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from textwrap import dedent

import pytest
from faults import KILLS

from wave_network.experiments import baselines, curves
from wave_network.experiments.study import Study

PROGRAM = """
    import json, os, random, signal, sys, time
    from pathlib import Path

    import torch
    from rich.console import Console

    from wave_network.experiments import baselines, curves
    from wave_network.experiments.running import train_on
    from wave_network.experiments.study import Options, Study
    from wave_network.experiments.tasks import load_task
    from wave_network.training.checkpoint import Checkpoints

    torch.set_num_threads(1)  # so that a child of `fork` can use torch
    Checkpoints.__init__.__defaults__ = (0.0,)  # after each batch
    fields = json.loads(sys.argv[1])
    for name in ("output", "data_dir"):
        fields[name] = Path(fields[name])
    for name in ("datasets", "models"):
        fields[name] = tuple(fields[name])
    study = Study(Options(**fields), Console(quiet=True))
    task = load_task(study.options, "ag_news", 0)
    for _ in range(2):  # the first one imports all that it takes
        started = time.monotonic()
        train_on(task, "transformer", study.options, seed=0, epochs=1)
        duration = time.monotonic() - started
    draw = random.Random(0)
    resumed = 0

    def measure():
        baselines.measure(study)
        curves.measure(study)

    for kill in range(int(sys.argv[2])):
        child = os.fork()
        if child == 0:
            measure()
            os._exit(0)
        time.sleep(draw.uniform(0.5, 5) * duration)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        resumed += any((study.options.output / "runs").glob("*/*.unfinished"))
    measure()
    left = [*(study.options.output / "runs").glob("*/*.unfinished*")]
    print(resumed, len(left))
"""


def rows(study):
    """All rows, without their times."""
    return [
        {name: value for name, value in row.items() if name != "seconds"}
        for experiment in (baselines.NAME, curves.NAME)
        for row in study.rows(experiment)
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_study_ends_with_the_same_rows(options, study, tmp_path, faults):
    chosen = replace(options, epochs=3, models=("transformer", "bag"))
    whole = Study(chosen, study.console)
    baselines.measure(whole)
    curves.measure(whole)
    fields = asdict(replace(chosen, output=tmp_path / "killed"))
    ended = subprocess.run(
        [sys.executable, "-c", dedent(PROGRAM), json.dumps(fields, default=str), str(KILLS // 2)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120 + 2 * KILLS,
    )
    assert ended.returncode == 0, ended.stderr
    resumed, left = map(int, ended.stdout.split())
    assert resumed > 0
    assert left == 0
    killed = Study(replace(chosen, output=tmp_path / "killed"), study.console)
    assert rows(killed) == rows(whole)
    assert len(rows(whole)) > 4
    faults.name, faults.injected, faults.survived = "kill -9 of reproduce", KILLS // 2, KILLS // 2
