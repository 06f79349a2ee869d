"""Paths as users write them."""

from __future__ import annotations

import os
from pathlib import Path


def expanded(path: Path) -> Path:
    """Replace a leading `~` by the user's home folder, if there is such a user."""
    return Path(os.path.expanduser(path))
