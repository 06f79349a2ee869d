"""Choose how texts are read: in words or in pieces of words, in lower case or as written.

Words in lower case serve most data best. Typing errors, hashtags, names and long compounds make
words that hardly recur: pieces of words do. Where capital letters tell something (`CALL now`), they
are kept. The linear part decides by cross-validation, as fitting it takes little time; and only for
data on which another reading may help.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config.presets import PRESETS
from wave_network.data import column
from wave_network.data.targets import Targets, is_soft
from wave_network.text.vocabulary import Form
from wave_network.training.callbacks import SILENT
from wave_network.training.examples import Examples
from wave_network.training.linear_trials import gains, right_answers
from wave_network.training.prepare import Prepared, prepare
from wave_network.training.recipe import USUAL_READING, Reading, Run

logger = logging.getLogger(__name__)

_LEAST_TEXTS: Final = 500  # with fewer, chance decides
_MOST_TEXTS: Final = 20_000  # with more, other readings gained nothing, and would take longer
_TEXTS_TRIED: Final = 4_000
_FOLDS: Final = 3
_MANY_RARE: Final = 0.18  # of the tokens; usual texts have 0.03 to 0.17
_CAPITALS_MATTER: Final = 0.15  # Cramer's V of labels and capitals; usual texts have up to 0.1
_SURE: Final = 1.5  # standard errors: what is tried is likely to help
_CLEAR: Final = 0.01  # of the texts

_SIZES: Final = (1_024, 320)  # of a vocabulary of pieces


def prepare_best_read(
    examples: Examples, run: Run, prepared: Prepared | None = None
) -> tuple[Prepared, Run]:
    """Prepare training, with texts read in the way that suits them best.

    Args:
        examples: Training examples.
        run: As for `prepare`.
        prepared: The result of `prepare`, if there is one already.

    Returns:
        The result of `prepare`, and the run with the chosen reading.
    """
    if prepared is None:
        prepared = prepare(examples, run)
    if not _may_be_chosen(examples, prepared, run):
        return prepared, run
    sizes = _SIZES if _words_are_rare(prepared) else ()
    cased = _association(list(_with_capitals(examples)), examples.targets) >= _CAPITALS_MATTER
    if not sizes and not cased:
        return prepared, run
    run.progress.stage("choosing how to read the texts")
    best = _best(examples, sizes, cased, run)
    if best == USUAL_READING:
        return prepared, run
    logger.info("%s (chosen by cross-validation)", best.description)
    run = replace(run, recipe=replace(run.recipe, reading=best))
    return prepare(examples, run), run


def _may_be_chosen(examples: Examples, prepared: Prepared, run: Run) -> bool:
    """Whether the reading is free, and the linear part can choose it in little time."""
    preset = run.recipe.preset
    learnt = run.recipe.base is None and run.recipe.tokenizer is None
    usual = PRESETS.get(preset.name)
    return (
        learnt
        # Settings that name a size, as those of `tune` do, are kept.
        and usual is not None
        and usual.vocab_size == preset.vocab_size
        and prepared.config.has_linear_part
        and prepared.tokenizer.form == Form()
        and not is_soft(examples.targets)
        and _LEAST_TEXTS <= len(prepared.texts) <= _MOST_TEXTS
    )


def _words_are_rare(prepared: Prepared) -> bool:
    """Whether many words of the texts have no token of their own, or one that does not recur."""
    ids = prepared.texts.ids
    once = np.bincount(ids, minlength=prepared.config.vocab_size) == 1
    return bool((prepared.tokenizer.continuations() | once)[ids].mean() >= _MANY_RARE)


def _with_capitals(examples: Examples) -> Iterator[bool]:
    """Return for each text whether it has a word of two or more letters, all of them capital."""
    for text in column(examples.rows, "text"):
        words = filter(str.isupper, text.split())
        yield any(sum(map(str.isalpha, word)) > 1 for word in words)


def _association(having: list[bool], labels: Targets) -> float:
    """Return Cramer's V of a property of texts and their labels: 0 unrelated, 1 the same."""
    both = np.stack([np.asarray(labels, np.int64), np.array(having, np.int64)])
    counts = np.zeros(both.max(axis=1, initial=1) + 1)
    np.add.at(counts, tuple(both), 1)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    squares = np.divide((counts - expected) ** 2, expected, where=expected > 0, out=counts * 0)
    return float(np.sqrt(squares.sum() / counts.sum()))


def _best(examples: Examples, sizes: tuple[int, ...], cased: bool, run: Run) -> Reading:
    """Return the reading with the most right answers, if clearly better than the usual.

    Args:
        examples: Training examples; of many, a sample is tried.
        sizes: Vocabulary sizes to try.
        cased: Whether to try capital letters.
        run: Names the seed.
    """
    order = np.random.default_rng(run.config.seed).permutation(len(examples.targets))
    tried = examples.select(np.sort(order[:_TEXTS_TRIED]))
    best, right = USUAL_READING, _right_answers(tried, USUAL_READING, run)
    others = [Reading(size) for size in sizes]
    answers = [_right_answers(tried, reading, run) for reading in others]
    if others:
        most = int(np.argmax([each.sum() for each in answers]))
        if gains(answers[most], right, _SURE, _CLEAR):
            best, right = others[most], answers[most]
    if cased:
        other = best._replace(cased=True)
        if gains(_right_answers(tried, other, run), right, _SURE, _CLEAR):
            best = other
    return best


def _right_answers(examples: Examples, reading: Reading, run: Run) -> NDArray[np.bool_]:
    """Return which texts the linear part gets right that is fitted to the other folds."""
    run = replace(run, recipe=replace(run.recipe, reading=reading, cache=None), progress=SILENT)
    folds = np.random.default_rng(run.config.seed).permutation(len(examples.targets)) % _FOLDS
    right = np.empty(len(folds), np.bool_)
    for fold in range(_FOLDS):
        held_out = examples.select(np.flatnonzero(folds == fold))
        prepared = prepare(examples.select(np.flatnonzero(folds != fold)), run)
        packed = prepared.pack(held_out)
        right[folds == fold] = right_answers(prepared, prepared.texts, packed, run.config.seed)
    return right
