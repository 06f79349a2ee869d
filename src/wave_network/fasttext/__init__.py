"""The interface of the archived module `fasttext`, on its models and on ours.

`from wave_network import fasttext` stands for `import fasttext`: `load_model` reads the files that
it wrote, `train_supervised` trains one of our models, and `train_unsupervised` learns word vectors.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wave_network.fasttext import FastText
    from wave_network.fasttext.loading import load_model, tokenize
    from wave_network.fasttext.training import train_supervised
    from wave_network.fasttext.unsupervised import train_unsupervised

__all__ = [
    "BOW",
    "EOS",
    "EOW",
    "FastText",
    "load_model",
    "tokenize",
    "train_supervised",
    "train_unsupervised",
]

EOS: Final = "</s>"
BOW: Final = "<"
EOW: Final = ">"

# Reading a file needs none of them.
_HOMES: Final = {
    "load_model": "loading",
    "tokenize": "loading",
    "train_supervised": "training",
    "train_unsupervised": "unsupervised",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name == "FastText":
        return import_module("wave_network.fasttext.FastText")
    if name in _HOMES:
        return getattr(import_module(f"wave_network.fasttext.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'wave_network.fasttext' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
