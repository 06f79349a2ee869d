"""Let a process that has tokenized fork, without a warning and without a deadlock in the child."""

from __future__ import annotations

import os
import sys
from typing import Final

_VARIABLE: Final = "TOKENIZERS_PARALLELISM"
_state = {"set_here": False}


def _before_fork() -> None:
    # The threads of `tokenizers` do not survive a fork. It would notice in the child, warn on
    # stderr and continue with one thread. If told before, it does so silently.
    _state["set_here"] = _VARIABLE not in os.environ
    os.environ.setdefault(_VARIABLE, "false")


def _after_fork_in_parent() -> None:
    if _state["set_here"]:
        os.environ.pop(_VARIABLE, None)


def survive_forks() -> None:
    """Run `tokenizers` with one thread in every forked child. Called once, on import."""
    if sys.platform != "win32":
        os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)
