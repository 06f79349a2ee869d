"""What is said of the compiled code."""

import subprocess
import sys

import pytest
from native import native_hidden, needs_native

from wave_network import _native


@needs_native
def test_compiled_code_is_in_use():
    assert _native.description() == "in use"


def test_without_compiled_code_the_description_says_how_to_get_it():
    with native_hidden():
        assert _native.description() == _native.HOW_TO_COMPILE
    assert "not in use" in _native.HOW_TO_COMPILE
    # pip keeps wheels that it built, also one that was built without a compiler.
    assert "--no-cache-dir" in _native.HOW_TO_COMPILE


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("ModuleNotFoundError('wave_network._native._extension')", "not in use; "),
        ("ImportError('undefined symbol: sqrtf')", "not in use (undefined symbol: sqrtf); "),
    ],
)
def test_an_extension_that_cannot_be_loaded_is_told_with_its_reason(error, told):
    code = f"""
import sys
from importlib.abc import MetaPathFinder

class Refusing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "wave_network._native._extension":
            raise {error}

sys.meta_path.insert(0, Refusing())
from wave_network import _native
print(_native.description())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(told)
