"""Fit the out-of-scope score of a trained model."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.data import Table, column
from wave_network.data.batch import PackedTexts
from wave_network.data.memory import texts_from_memory
from wave_network.evaluation.out_of_scope import (
    FEWEST,
    OutOfScope,
    PairTable,
    ScoredTexts,
    characters_read,
    energies,
    pair_table,
)
from wave_network.training.examples import Examples
from wave_network.training.packing import pack
from wave_network.training.prepare import Prepared
from wave_network.training.recipe import Run

_GOLDEN: Final = 0.618033988749895  # its multiples, without whole parts, spread evenly
_MOST_SHORT: Final = 2_000
_LONG_WORD: Final = 20


def fit_out_of_scope(
    prepared: Prepared,
    background: Table | None,
    held_out: Examples,
    validation: PackedTexts,
    logits: NDArray[np.float32],
    run: Run,
) -> OutOfScope | None:
    """Fit the out-of-scope score on held-out texts; None if they are too few.

    Args:
        prepared: The trained model, its tokenizer and training texts.
        background: Texts that are out of scope, column `text`.
        held_out: The validation texts.
        validation: The same, encoded.
        logits: Their logits, (texts, classes).
        run: Names the labelling, and the model to continue.
    """
    if len(validation) < FEWEST:
        return None
    short = texts_from_memory(_short_texts(held_out.rows))
    packed = pack(short, prepared.tokenizer, sentences=prepared.config.reads_sentences)
    found = (
        ScoredTexts(
            ids=texts.ids,
            offsets=texts.offsets,
            characters=characters_read(
                column(rows, "text"), texts.offsets, prepared.tokenizer.max_length
            ),
            energies=energies(outputs, multi_label=run.labelling.multi_label),
        )
        for rows, texts, outputs in (
            (held_out.rows, validation, logits),
            (short, packed, prepared.model.logits(packed)),
        )
    )
    return OutOfScope.fit(*_tables(prepared, background, run), *found)


def refitted_out_of_scope(
    fitted: OutOfScope | None,
    first: Prepared,
    second: Prepared,
    places: NDArray[np.int64] | None,
    background: Table | None,
    run: Run,
) -> OutOfScope | None:
    """Adapt the score to a refitted model; the held-out texts are those before the refit.

    The refitted model's logits may be larger or smaller. How much is seen on texts that both were
    trained on: those held out are no longer new to it.

    Args:
        fitted: The score of the model before the refit.
        first: That model and its training texts.
        second: The refitted model and its training texts, those of the first among them.
        places: Where the first model's training texts are among the second's; None: they come
            first.
        background: As for `fit_out_of_scope`.
        run: As for `fit_out_of_scope`.
    """
    if fitted is None:
        return None
    count = min(len(first.texts), _MOST_SHORT)
    chosen = np.arange(count) * len(first.texts) // count
    again = chosen if places is None else places[chosen]
    before, after = (
        energies(
            prepared.model.logits(prepared.texts.select(texts)),
            multi_label=run.labelling.multi_label,
        )
        for prepared, texts in ((first, chosen), (second, again))
    )
    pairs, others = _tables(second, background, run)
    return replace(fitted.with_energies(before, after), pairs=pairs, background=others)


def _tables(
    prepared: Prepared, background: Table | None, run: Run
) -> tuple[PairTable, PairTable | None]:
    """Count the pairs of training and background texts, beside those of the continued model."""
    base = run.recipe.base
    known = None if base is None else base.out_of_scope
    pairs = pair_table(
        prepared.texts.ids, prepared.texts.offsets, None if known is None else known.pairs
    )
    earlier = None if known is None else known.background
    if background is None:
        return pairs, earlier
    others = pack(background, prepared.tokenizer)
    return pairs, pair_table(others.ids, others.offsets, earlier)


def _short_texts(rows: Table) -> list[str]:
    """Cut texts to all lengths: of a text of n characters, n to the power of 0 to 1."""
    count = min(4 * len(rows), _MOST_SHORT)
    texts = column(rows.select(np.arange(count) * len(rows) // count), "text")
    return [_cut(text, place * _GOLDEN % 1) for place, text in enumerate(texts)]


def _cut(text: str, power: float) -> str:
    """Keep the start of a text, to the end of a word if it is near."""
    size = int(len(text) ** power)
    end = text.find(" ", size, size + _LONG_WORD)
    return text[: size if end < 0 else end]
