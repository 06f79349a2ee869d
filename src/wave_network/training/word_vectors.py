"""Choose the word vectors that a model starts with.

Vectors know words that the labelled texts lack. They help most with few labels, and only in the
language that they are of: those of the package are used if the linear part answers better with them
in a cross-validation of the labelled texts. With so many labels and words that the linear part is
sparse, vectors initialise the token embeddings alone, and those of the package are not used.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import LocalWaveConfig
from wave_network.config.options import AUTO_VECTORS, NO_VECTORS
from wave_network.data.batch import PackedTexts
from wave_network.data.summary import VectorSummary
from wave_network.errors import ConfigError, option_name
from wave_network.few_labels.text_vectors import fitted_to, known_share, token_vectors
from wave_network.few_labels.vectors import WordVectors, read_vectors
from wave_network.training.callbacks import SILENT
from wave_network.training.examples import FOLDS, Examples
from wave_network.training.interrupt import StopSignal
from wave_network.training.linear_trials import cross_validated, gains
from wave_network.training.local_wave.few_texts import FewTexts
from wave_network.training.prepare import Prepared, prepare
from wave_network.training.recipe import Run
from wave_network.training.threads import in_background

_MOST_TEXTS: Final = 5_000  # with more, the vectors of the package gained little
_TEXTS_TRIED: Final = 2_000
_TOKENS_TRIED: Final = 200_000  # bounds the time
_FEW_FOLDS: Final = 2  # of more texts than
_ENOUGH_TEXTS: Final = 500  # with which fewer folds are as sure
_TEXTS_READ: Final = 200  # to tell the language by,
_CHARACTERS_READ: Final = 500  # from the start of each
_LEAST_KNOWN: Final = 0.6  # of the words; of English ones 0.95, of French and Spanish ones 0.4
_SURE: Final = 0.5  # standard errors: where most words are known, vectors nearly always help


class Choice(NamedTuple):
    """The word vectors of a run.

    Attributes:
        run: The run with the vectors.
        summary: What to tell about them; None: none were tried.
        prepared: The examples, prepared without vectors, if none were chosen.
    """

    run: Run
    summary: VectorSummary | None = None
    prepared: Prepared | None = None


def choose_vectors(examples: Examples, run: Run) -> Choice:
    """Read the word vectors of a run, and leave those of the package out if they do not help.

    Args:
        examples: Labelled texts.
        run: As for `prepare`.

    Raises:
        ConfigError: If vectors are given for a model that cannot use them.
        ModelFolderError: As `read_vectors`, as are others.
    """
    source = run.config.vectors
    if source == NO_VECTORS or run.recipe.base is not None:
        return Choice(run)
    few = len(examples.targets) <= _MOST_TEXTS
    if source == AUTO_VECTORS and not (few and run.recipe.shape.get("linear_size")):
        return Choice(run)
    run.progress.stage("trying word vectors")
    vectors = read_vectors(source)
    tried = _some(examples, run.config.seed)
    if source == AUTO_VECTORS and not _are_of_the_language(vectors, tried):
        return Choice(run)
    chosen = replace(run, recipe=replace(run.recipe, vectors=vectors))
    trial = replace(run, recipe=replace(run.recipe, cache=None), progress=SILENT)
    plain = prepare(tried, trial)
    if not _has_dense_linear_part(plain):
        if source == AUTO_VECTORS:
            return Choice(run, prepared=plain if tried is examples else None)
        _check_start(plain, run)
        return Choice(chosen, VectorSummary(vectors.name))
    texts = plain.texts.bounded(_TOKENS_TRIED, run.config.seed)
    assert texts.labels is not None
    number = FOLDS if len(texts) <= _ENOUGH_TEXTS else _FEW_FOLDS
    folds = run.labelling.folds(texts.labels, number, run.config.seed)
    if not few or (folds < 0).all():  # all labels have a single text
        return Choice(chosen, VectorSummary(vectors.name))
    before, after = _right_answers(plain, texts, vectors, folds, run.config.seed)
    used = source != AUTO_VECTORS or gains(after, before, _SURE)
    summary = VectorSummary(vectors.name, float(before.mean()), float(after.mean()), used)
    if used:
        return Choice(chosen, summary)
    return Choice(run, summary, plain if tried is examples else None)


def _has_dense_linear_part(prepared: Prepared) -> bool:
    """Whether there is a linear part that takes the vectors in."""
    config = prepared.config
    return config.has_linear_part and not (
        isinstance(config, LocalWaveConfig) and config.sparse_linear_size
    )


def _check_start(prepared: Prepared, run: Run) -> None:
    """Refuse vectors that would have no effect at all."""
    starts = isinstance(prepared.config, LocalWaveConfig)
    if not starts or run.config.initialization == "random":
        raise ConfigError(
            f"the preset {run.recipe.preset.name} does not read word vectors: leave "
            f"{option_name('vectors')} out, or train another preset"
        )


def counted_in(vectors: VectorSummary | None, prepared: Prepared) -> VectorSummary | None:
    """Count the words that no text has, and only the vectors know."""
    if vectors is None or prepared.vectors is None:
        return vectors
    in_texts = np.isin(np.arange(len(prepared.vectors)), prepared.texts.ids)
    return vectors._replace(words=int((prepared.vectors.any(axis=1) & ~in_texts).sum()))


def _some(examples: Examples, seed: int) -> Examples:
    """Return the examples, or a random sample of many."""
    if len(examples.targets) <= _TEXTS_TRIED:
        return examples
    order = np.random.default_rng(seed).permutation(len(examples.targets))
    return examples.select(np.sort(order[:_TEXTS_TRIED]))


def _are_of_the_language(vectors: WordVectors, examples: Examples) -> bool:
    """Whether vectors know most words of some texts."""
    texts = examples.rows.select(range(min(len(examples.rows), _TEXTS_READ)))["text"][:]
    shares = known_share((text[:_CHARACTERS_READ] for text in texts), vectors)
    return shares >= _LEAST_KNOWN


def _right_answers(
    prepared: Prepared,
    texts: PackedTexts,
    vectors: WordVectors,
    folds: NDArray[np.int64],
    seed: int,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which answers of cross-validations without and with vectors are right.

    The vocabulary has all words of the texts, also of those that are held out: other words of the
    vectors would change nothing.
    """
    config = prepared.config
    assert isinstance(config, LocalWaveConfig)
    few = FewTexts.of(texts, config, prepared.tokenizer.tokens(range(config.vocab_size)))
    fitted = fitted_to(texts, token_vectors(prepared.tokenizer, vectors))
    answers = partial(cross_validated, few, config, folds, seed)
    with in_background(answers, StopSignal()) as without:
        after, before = answers(fitted), without()
    assert before is not None  # as nothing stops it
    return before, after
