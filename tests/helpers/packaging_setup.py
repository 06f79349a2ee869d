"""Running setup.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
GRAFTED = re.findall(r"^graft (\S+)$", (CHECKOUT / "MANIFEST.in").read_text(), re.MULTILINE)
"""The folders that the source distribution has whole."""


def setup(folder, *arguments, **environment):
    """Run setup.py in a folder."""
    return subprocess.run(
        [sys.executable, "setup.py", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
