"""The JavaScript for Node in `docs/browser.md` gives the answers of `predict`."""

import shutil
import subprocess

import pytest
from pages import ROOT, blocks_of

import wave_network
from wave_network import load

ENGINE = f"{wave_network.__path__[0]}/export/static/engine/node.js"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_the_javascript_for_node_gives_the_same_answers(sample_model, tmp_path):
    (script,) = (
        block.code for block in blocks_of(ROOT / "docs" / "browser.md") if block.language == "js"
    )
    (tmp_path / "wave-model").symlink_to(sample_model)
    (tmp_path / "script.mjs").write_text(script.replace("wave-network", ENGINE), encoding="utf-8")
    done = subprocess.run(
        ["node", "script.mjs"], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stderr
    expected = load(sample_model).predict(["Oil prices jump", "A late goal wins the cup"])
    printed = [line.rsplit(" ", 1) for line in done.stdout.splitlines()]
    assert [label for label, _ in printed] == [prediction.label for prediction in expected]
    scores = [prediction.score for prediction in expected]
    assert [float(score) for _, score in printed] == pytest.approx(scores, abs=1e-5)
