"""Which words texts have, as a sparse matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from wave_network.numerics.sparse import CsrMatrix
from wave_network.text.tokenizer import TextTokenizer

_VOCABULARY: Final = 20_000
_TOKENS_READ: Final = 256  # of a text
_LEAST_TEXTS: Final = 2  # rarer tokens connect no texts


def count_words(texts: Sequence[str]) -> CsrMatrix:
    """Count the tokens of texts, with a vocabulary that is learnt from them.

    Tokens of a single text are left out.

    Args:
        texts: At least one; of each, the beginning is read.

    Returns:
        The counts, (texts, tokens).
    """
    tokenizer = TextTokenizer.train(texts, _VOCABULARY, _TOKENS_READ)
    ids, offsets = tokenizer.encode(texts)
    counts = CsrMatrix.of_parts(np.ones(len(ids)), ids, offsets, tokenizer.vocab_size).summed()
    recurring = counts.column_counts() >= _LEAST_TEXTS
    return counts.scaled_columns(recurring).without_zeros()
