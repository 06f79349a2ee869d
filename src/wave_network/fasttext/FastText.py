"""The archived module's inner module: users import from it, and annotate models with its class."""  # noqa: N999

from __future__ import annotations

from typing import Any

from wave_network import fasttext
from wave_network.fasttext.model import FastText as _FastText

__all__ = ["_FastText"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in fasttext.__all__:
        return getattr(fasttext, name)
    raise AttributeError(f"module 'wave_network.fasttext.FastText' has no attribute {name!r}")
