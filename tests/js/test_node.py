"""The package of the JavaScript engine: its own tests, its size, its version and its types."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest

import wave_network

JS = Path(__file__).parents[2] / "js"
ENGINE = Path(wave_network.__file__).parent / "export" / "static" / "engine"
LARGEST = 30_000  # bytes, minified and gzipped
COMMENT = re.compile(r"^\s*(//.*|/\*\*.*|\*.*)\n", re.MULTILINE)
PACKAGE = json.loads((JS / "package.json").read_text("utf-8"))


def test_its_own_tests_pass(node, sample_model, monkeypatch):
    monkeypatch.setenv("WAVE_NETWORK_MODEL", str(sample_model))
    done = node("--test", JS / "test" / "engine.test.js")
    assert done.returncode == 0, done.stdout
    assert "pass 10\n" in done.stdout


def test_it_is_small():
    # Without its comments it is larger than a minifier makes it.
    sources = [COMMENT.sub("", path.read_text("utf-8")) for path in sorted(ENGINE.glob("*.js"))]
    assert len(sources) > 10
    assert len(gzip.compress("".join(sources).encode())) < LARGEST


def test_it_depends_on_nothing_and_has_our_version():
    assert PACKAGE["version"] == wave_network.__version__
    assert not {"dependencies", "peerDependencies", "bundledDependencies"} & PACKAGE.keys()
    for path in ENGINE.glob("*.js"):
        imported = re.findall(r'from "(.+?)"', path.read_text("utf-8"))
        outside = [name for name in imported if not name.startswith("./")]
        assert path.name == "node.js" or not outside


def test_its_types_are_right():
    compiler = JS / "node_modules" / ".bin" / "tsc"
    if not compiler.exists():
        pytest.skip("needs TypeScript: npm install in js/")
    subprocess.run([compiler, "--project", JS], check=True, timeout=120)
