"""The features of the linear part if texts are few: how words are spelt tells something, too.

Most words of a new text are then unknown, and most known ones occurred once. With character n-grams
as further features, words that are spelt alike ("play", "player") share what is learnt (as in
Bojanowski et al., 2017). They are features in training only: a text's score is a sum over its
tokens, so the weights of a token's character n-grams are added to its own. The model has one row
for each token as ever, and unknown words get the rows of the pieces that they are split into.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.numerics.sparse import CsrMatrix, horizontal
from wave_network.numerics.svm import MANY_TEXTS, Fit
from wave_network.training.local_wave.ngram_matrix import LinearFeatures, ngram_counts

FEW_TOKENS: Final = 1_000_000
"""With more tokens in the training texts, spelling tells nothing that the tokens do not."""

_SIZES: Final = (3, 4, 5)  # characters of an n-gram; the space before a word is one
_SPELLING_SHARE: Final = 1.75  # roots of energies, with hardly any texts; tokens have 1
_NGRAM_SHARE: Final = 0.3
_EVEN_SHARE: Final = 0.7  # with hardly any texts, most features occur once
_COST: Final = 1.0
_TOLERANCE: Final = 0.01
_LEAST_ENERGY: Final = 1e-12
_MOSTLY: Final = 0.5  # of the tokens


class FewTexts(NamedTuple):
    """What features of few texts are made of, counted once for several fits to some of them.

    Attributes:
        texts: Packed texts.
        counts: Their `ngram_counts`, without the buckets that no text has, (texts, vocabulary +
            used buckets).
        buckets: The used buckets, (used buckets,).
        spelling: Which character n-grams each vocabulary entry has, (vocabulary, character
            n-grams).
    """

    texts: PackedTexts
    counts: CsrMatrix
    buckets: NDArray[np.int64]
    spelling: CsrMatrix

    @classmethod
    def of(cls, texts: PackedTexts, config: LocalWaveConfig, entries: Sequence[str]) -> FewTexts:
        """Count the features of texts.

        Args:
            texts: Packed texts.
            config: The configuration of a model with a dense linear part.
            entries: The spelling of each vocabulary entry; a leading space starts a word.
        """
        counts = ngram_counts(texts, config)
        used = counts.column_counts() > 0
        used[: config.vocab_size] = True
        buckets = np.flatnonzero(used[config.vocab_size :])
        return cls(texts, counts.select_columns(used), buckets, _spelling(entries))

    def select(self, texts: NDArray[np.int64]) -> FewTexts:
        """Select texts by index."""
        return self._replace(texts=self.texts.select(texts), counts=self.counts.select_rows(texts))

    def features(self, spelt: NDArray[np.bool_] | None = None) -> LinearFeatures:
        """Return the features of the texts: tokens, token n-grams and character n-grams.

        Each is multiplied by an inverse document frequency; all features of a text together have
        unit length. Repeated tokens count about as the logarithm of their number. With hardly any
        texts, character n-grams weigh more than tokens, and token n-grams less; both shares change
        with the number of tokens, up to `FEW_TOKENS`.

        Args:
            spelt: Whether the character n-grams of each vocabulary entry count, (vocabulary,);
                None: all do.
        """
        few = max(0.0, 1 - sqrt(len(self.texts.ids) / FEW_TOKENS))  # 1 with hardly any, 0 with many
        vocabulary, width = self.spelling.shape[0], self.counts.shape[1]
        tokens = self.counts.column_range(0, vocabulary)
        ngrams = self.counts.column_range(vocabulary, width)
        lengths = np.diff(self.texts.offsets)
        damping = _damping(tokens, lengths)
        spelling = self.spelling.scaled_rows(damping if spelt is None else damping * spelt)
        characters = tokens.times(spelling)
        blocks, scales = [], []
        for block, share, damped in (
            (tokens, 1.0, damping),
            (ngrams, few * _NGRAM_SHARE + (1 - few), np.ones(ngrams.shape[1])),
            (characters, few * _SPELLING_SHARE, _damping(characters, lengths)),
        ):
            scale = _rarity(block) * damped
            energy = block.scaled_columns(scale).row_squares().sum()
            scale *= share / np.sqrt(max(energy, _LEAST_ENERGY))
            blocks.append(block.scaled_columns(scale))
            scales.append(scale)
        matrix = horizontal(blocks)
        inverse = 1 / np.sqrt(np.maximum(matrix.row_squares(), _LEAST_ENERGY))
        usual = inverse.mean()  # for texts to be predicted, which the model does not normalise
        token_scales, ngram_scales, character_scales = (scale * usual for scale in scales)
        return LinearFeatures(
            matrix.scaled_rows(inverse),
            np.concatenate([token_scales, ngram_scales]).astype(np.float32),
            spelling.scaled_columns(character_scales),
            Fit(_COST, _TOLERANCE, few * _EVEN_SHARE + (1 - few) * MANY_TEXTS.even_share),
        )


def are_spelt(texts: PackedTexts, entries: Sequence[str]) -> bool:
    """Whether most tokens have a spelling; in texts of characters, a token is one.

    There, features of few texts cost up to 3 points (`dev/LOG.md`).

    Args:
        texts: Packed texts.
        entries: The spelling of each vocabulary entry; a leading space starts a word.
    """
    spelt = np.array([len(entry.removeprefix(" ")) > 1 for entry in entries])
    return bool(spelt[texts.ids].mean() >= _MOSTLY)


def _spelling(entries: Sequence[str]) -> CsrMatrix:
    """Return which character n-grams each entry has, (entries, character n-grams)."""
    lengths = np.fromiter(map(len, entries), np.int64, len(entries))
    owners = np.repeat(np.arange(len(entries)), lengths)  # the entry of each character
    spelt = "".join(entries).encode("utf-32-le", "surrogatepass")
    characters = np.frombuffer(spelt, np.uint32).astype(np.int64)
    starts = np.flatnonzero(owners[2:] == owners[:-2])
    ngrams = (characters[starts] << 42) | (characters[starts + 1] << 21) | characters[starts + 2]
    blocks = []
    for size in _SIZES:
        if size > _SIZES[0]:  # two overlapping ones that are shorter
            first, last = starts[:-1], starts[:-1] + size - 1
            followed = np.flatnonzero((np.diff(starts) == 1) & (owners[first] == owners[last]))
            ngrams = ngrams[followed] << 32 | ngrams[followed + 1]
            starts = starts[followed]
        kinds, ngrams = np.unique(ngrams, return_inverse=True)
        offsets = np.searchsorted(owners[starts], np.arange(len(entries) + 1))
        blocks.append(CsrMatrix.of_parts(np.ones(len(starts)), ngrams, offsets, max(len(kinds), 1)))
    spelling = horizontal(blocks).summed()
    return spelling.with_data(np.ones(spelling.nnz))  # also of n-grams that an entry has twice


def _damping(features: CsrMatrix, lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what features are multiplied by so that counts grow logarithmically, on average.

    Logarithmic counts serve best, but a text's score is a sum over all its tokens.

    Args:
        features: The count of each feature, divided by the root of the text's length,
            (texts, features).
        lengths: The length of each text.
    """
    counts = features.data * np.sqrt(np.repeat(lengths, np.diff(features.indptr)))
    width = features.shape[1]
    plain = np.bincount(features.indices, counts, minlength=width)
    damped = np.bincount(features.indices, 1 + np.log(np.maximum(counts, 1)), minlength=width)
    damping: NDArray[np.float64] = np.divide(damped, plain, out=np.ones(width), where=plain > 0)
    return damping


def _rarity(counts: CsrMatrix) -> NDArray[np.float64]:
    """Return the inverse document frequency of each feature."""
    rarity: NDArray[np.float64] = np.log((counts.shape[0] + 1) / (counts.column_counts() + 1)) + 1
    return rarity
