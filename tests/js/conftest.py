"""What runs the JavaScript engine: Node, where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

JS = Path(__file__).parents[2] / "js"


@pytest.fixture(scope="session")
def node():
    """Run Node with arguments; give what it printed, whether it failed or not."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("there is no Node: the JavaScript engine is not tested")

    def run(*arguments, timeout=120):
        return subprocess.run(
            [program, *map(str, arguments)],
            cwd=JS,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
        )

    return run
