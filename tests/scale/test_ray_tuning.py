"""`tune --engine ray` on a cluster of this machine."""

import json

from engines import takes_long


@takes_long
def test_trials_in_parallel_find_what_one_after_the_other_does(run, tmp_path):
    options = ["tune", "few.csv", "--preset", "tiny", "--trials", "2", "--json"]
    here = run(*options, "--output", "here")
    there = run(*options, "--output", "there", "--engine", "ray")
    assert there.returncode == 0, there.stderr
    expected, found = (json.loads(done.stdout) for done in (here, there))
    assert found["trials"] == 2
    (default,) = (trial for trial in expected["ranking"] if trial["trial"] == 0)
    (parallel,) = (trial for trial in found["ranking"] if trial["trial"] == 0)
    assert (parallel["settings"], parallel["score"]) == (default["settings"], default["score"])
    assert (tmp_path / "there" / "model" / "model.safetensors").is_file()
    again = run(*options[:-2], "2", "--json", "--output", "there")
    assert json.loads(again.stdout)["ranking"] == found["ranking"]
