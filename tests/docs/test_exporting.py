"""The JavaScript of `docs/exporting.md` gives the answers of `predict`, and asks no other host.

It needs Node and the package @huggingface/transformers, in node_modules beside the repository's
files or in the folder that WAVE_NETWORK_NODE_MODULES names.
"""

import json
import os
import re
import shutil
import subprocess

import pytest
from pages import ROOT, blocks_of

from wave_network import load
from wave_network.export.folder import export_onnx

PACKAGES = os.environ.get("WAVE_NETWORK_NODE_MODULES", ROOT / "node_modules")


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_the_javascript_gives_the_same_probabilities(sample_model, tmp_path):
    if not os.path.isdir(os.path.join(PACKAGES, "@huggingface", "transformers")):
        pytest.skip("needs @huggingface/transformers: npm install @huggingface/transformers")
    pytest.importorskip("onnx")
    (script,) = (
        block.code for block in blocks_of(ROOT / "docs" / "exporting.md") if block.language == "js"
    )
    (text,) = re.findall(r"tokenizer\(\['(.+?)'\]", script)
    export_onnx(sample_model, tmp_path / "wave-onnx")
    (tmp_path / "node_modules").symlink_to(os.path.abspath(PACKAGES))
    (tmp_path / "page.mjs").write_text(script, encoding="utf-8")
    printed = subprocess.run(
        ["node", "page.mjs"], cwd=tmp_path, capture_output=True, check=True, timeout=60
    )
    found = json.loads(printed.stdout)
    expected = load(sample_model).predict_proba([text]).tolist()
    assert found == [pytest.approx(row, abs=1e-5) for row in expected]
