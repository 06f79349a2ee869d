"""What a forward pass costs, as formulas.

Symbols: n tokens of a text, d the width, V the vocabulary, c the classes, L the layers of an
encoder, h its attention heads; of a batch, N tokens in all, T texts, D distinct tokens, P the
longest text. A multiplication and an addition are two FLOPs. The waves are those of the `paper`
preset: linear variants, fixed positions, the read-out [Re, Im].

*Textbook* is one wave layer as paper 1 draws it (Fig. 6a): every token passes both linear layers,
its wave, the feed-forward and the norm. *Ours* is what `WaveNetwork` does for a [CLS] read-out: the
variants of each distinct token and each position once, and the [CLS] row alone from there on.

*Fused* is the Transformer layer without dropout, whose attention torch then computes without
storing n by n weights. Its *[CLS] row* is all that one layer with a [CLS] read-out needs: one
query, whose products with keys and values need no key and no value of a token, and one row of what
follows.

What is *kept* is what torch stores for the backward pass beside parameters and token ids: 4 bytes
a number, 8 an index, 1 a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

WAVE: Final = "wave-modulation"
TEXTBOOK: Final = "textbook wave"
FUSED: Final = "transformer, fused"
FIRST: Final = "transformer, [CLS] row"

VOCABULARY: Final = 30_522
CLASSES: Final = 4
HEAD_WIDTH: Final = 64
BERT_LAYERS: Final = 12
BERT_LENGTH: Final = 512

WIDTH: Final = 768
LENGTH: Final = 128
BATCH_TEXTS: Final = 64
"""The fixed sizes while another one grows, and the number of texts in the measured batch."""

FLOAT: Final = 4
INDEX: Final = 8
MASK: Final = 1


@dataclass(frozen=True)
class Batch:
    """The sizes of a packed batch.

    Attributes:
        tokens: N, `[CLS]` included.
        texts: T.
        distinct: D.
        longest: P.
    """

    tokens: int
    texts: int = 1
    distinct: int = 0
    longest: int = 0

    @classmethod
    def single(cls, length: int) -> Batch:
        """One text of that many tokens, all distinct."""
        return cls(tokens=length, distinct=length, longest=length)


def wave_matmul_flops(batch: Batch, d: int, c: int) -> int:
    """Ours: `4 d^2 (D + P + T) + 2 T d c`."""
    return 4 * d**2 * (batch.distinct + batch.longest + batch.texts) + 2 * batch.texts * d * c


def textbook_matmul_flops(batch: Batch, d: int, c: int) -> int:
    """Textbook: `8 N d^2 + 2 T d c`; half of it for the variants, half for the feed-forward."""
    return 8 * batch.tokens * d**2 + 2 * batch.texts * d * c


def encoder_matmul_flops(n: int, d: int, c: int, layers: int) -> int:
    """A Transformer encoder and a [CLS] classifier, one text: `L (24 n d^2 + 4 n^2 d) + 2 d c`.

    Projections 8, feed-forward of 4 d 16, scores and their use 4 n^2 d.
    """
    return layers * (24 * n * d**2 + 4 * n**2 * d) + 2 * d * c


def wave_elementwise(batch: Batch, d: int) -> int:
    """Ours, modulation: `6 N d + 12 T d`.

    Two variants of each token: position added, squared, summed; of each text: two roots for both
    variants and the position of [CLS], six for the product, GELU and norm.
    """
    return 6 * batch.tokens * d + 12 * batch.texts * d


def textbook_elementwise(batch: Batch, d: int) -> int:
    """Textbook, modulation: `26 N d + T d`.

    Of each token: position 1, for each variant the context 8 (squares, two sums, and what keeps
    the digits beside a dominant token), product 6, GELU and norm 2, pooling 1.
    """
    return 26 * batch.tokens * d + batch.texts * d


def wave_kept_bytes(batch: Batch, d: int) -> int:
    """Ours: `3 D d + 2 P d + 9 T d + 2 T` numbers and `D + N` indices.

    The rows of the distinct tokens and their variants, the positions' variants, and for each text
    real and imaginary parts, their product, the feed-forward's result, GELU's and the norm's. A
    batch small enough to be summed at once keeps `2 T d` more, as its imaginary parts are every
    other row of a larger tensor.
    """
    numbers = (3 * batch.distinct + 2 * batch.longest + 9 * batch.texts) * d + 2 * batch.texts
    return FLOAT * numbers + INDEX * (batch.distinct + batch.tokens)


def textbook_kept_bytes(batch: Batch, d: int) -> int:
    """Textbook: `9 N d + 2 N + T d` numbers and T indices (the lengths)."""
    numbers = 9 * batch.tokens * d + 2 * batch.tokens + batch.texts * d
    return FLOAT * numbers + INDEX * batch.texts


def transformer_kept_bytes(n: int, d: int, heads: int) -> int:
    """Torch's Transformer layer in training, one text: `25 n d + 3 h n^2 + 4 n` numbers.

    With dropout on the attention, as in training, torch on a CPU stores the n by n weights: before
    and after dropout, and its mask.
    """
    return FLOAT * (25 * n * d + 3 * heads * n**2 + 4 * n) + INDEX * n


def fused_kept_bytes(n: int, d: int, heads: int) -> int:
    """The Transformer layer with fused attention, one text: `17 n d + (h + 5) n` numbers."""
    return FLOAT * (17 * n * d + (heads + 5) * n) + INDEX * n


def first_row_matmul_flops(n: int, d: int, c: int, heads: int) -> int:
    """One row of a Transformer layer, one text: `24 d^2 + 4 h n d + 2 d c`.

    Query, output, and the matrices of keys and values, which meet one vector of each head, 8 d^2;
    feed-forward 16 d^2; scores and their use 4 h n d.
    """
    return 24 * d**2 + 4 * heads * n * d + 2 * d * c


def first_row_kept_bytes(n: int, d: int, heads: int) -> int:
    """One row of a Transformer layer, one text: `(n + 2 h + 20) d + 3 h n + h + 4` numbers."""
    numbers = (n + 2 * heads + 20) * d + 3 * heads * n + heads + 4
    return FLOAT * numbers + (INDEX + MASK) * n


_LAYER_BYTES: Final[Mapping[str, Callable[[int, int, int], int]]] = {
    "transformer": transformer_kept_bytes,
    FUSED: fused_kept_bytes,
    FIRST: first_row_kept_bytes,
}


def bert_kept_bytes(n: int, d: int, heads: int, layers: int) -> int:
    """BERT in training, one text: `L (18 n d + 3 h n^2 + 4 n) + 2 n d + 2 n + 2 d` numbers."""
    numbers = layers * (18 * n * d + 3 * heads * n**2 + 4 * n) + 2 * n * d + 2 * n + 2 * d
    return FLOAT * numbers + 2 * INDEX * n


def wave_parameters(d: int, vocabulary: int, c: int) -> int:
    """`V d + 4 d^2 + 5 d + c (d + 1)`: table, variants, feed-forward, norm, classifier."""
    return vocabulary * d + 4 * d**2 + 5 * d + c * (d + 1)


def transformer_parameters(d: int, vocabulary: int, c: int) -> int:
    """`V d + 12 d^2 + 13 d + c (d + 1)`: the positions are fixed."""
    return vocabulary * d + _encoder_layer_parameters(d) + c * (d + 1)


def bert_parameters(d: int, vocabulary: int, c: int, layers: int, positions: int) -> int:
    """`(V + 512 + 2) d + 2 d + L (12 d^2 + 13 d) + c (d + 1)`, without BERT's pooler.

    Args:
        d: Width.
        vocabulary: Rows of the token table.
        c: Classes.
        layers: Encoder layers.
        positions: Rows of the learned position table; BERT base has 512.
    """
    tables = (vocabulary + positions + 2) * d + 2 * d
    return tables + layers * _encoder_layer_parameters(d) + c * (d + 1)


def _encoder_layer_parameters(d: int) -> int:
    """Projections 4, feed-forward 8; biases 4 + 5, two norms 4."""
    return 12 * d**2 + 13 * d


@dataclass(frozen=True)
class Costs:
    """What the formulas say of one model and one batch.

    Attributes:
        flops: Of the matrix products of a forward pass.
        elementwise: Other operations on single numbers; None where there is no formula.
        bytes: Kept for the backward pass.
        parameters: All that are trained.
    """

    flops: int
    elementwise: int | None
    bytes: int
    parameters: int


def predict(name: str, batch: Batch, d: int) -> Costs:
    """The costs of a model with the sizes above.

    Args:
        name: `WAVE`, `TEXTBOOK`, "transformer", `FUSED`, `FIRST` or "bert".
        batch: For all but the waves, of texts of equal length.
        d: Width; for BERT base 768.
    """
    if name == WAVE:
        return Costs(
            flops=wave_matmul_flops(batch, d, CLASSES),
            elementwise=wave_elementwise(batch, d),
            bytes=wave_kept_bytes(batch, d),
            parameters=wave_parameters(d, VOCABULARY, CLASSES),
        )
    if name == TEXTBOOK:
        return Costs(
            flops=textbook_matmul_flops(batch, d, CLASSES),
            elementwise=textbook_elementwise(batch, d),
            bytes=textbook_kept_bytes(batch, d),
            parameters=wave_parameters(d, VOCABULARY, CLASSES),
        )
    n, heads = batch.tokens // batch.texts, d // HEAD_WIDTH
    if name in _LAYER_BYTES:
        flops = encoder_matmul_flops(n, d, CLASSES, 1)
        if name == FIRST:
            flops = first_row_matmul_flops(n, d, CLASSES, heads)
        return Costs(
            flops=batch.texts * flops,
            elementwise=None,
            bytes=batch.texts * _LAYER_BYTES[name](n, d, heads),
            parameters=transformer_parameters(d, VOCABULARY, CLASSES),
        )
    return Costs(
        flops=batch.texts * encoder_matmul_flops(n, d, CLASSES, BERT_LAYERS),
        elementwise=None,
        bytes=batch.texts * bert_kept_bytes(n, d, heads, BERT_LAYERS),
        parameters=bert_parameters(d, VOCABULARY, CLASSES, BERT_LAYERS, BERT_LENGTH),
    )
