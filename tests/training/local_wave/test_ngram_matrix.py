"""What the linear part reads of texts, by the formula, and compiled against not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import every_form, native_hidden, needs_native
from sparse import to_dense

from wave_network import _native
from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.models.local_wave.native import native_shape
from wave_network.models.local_wave.ngrams import NGRAMS as KINDS
from wave_network.models.local_wave.ngrams import NgramKind, ngram_buckets
from wave_network.training.local_wave.ngram_matrix import column_sums, linear_features

VOCABULARY = 12
NGRAMS = [("pair",), ("pair", "skip-pair"), ("pair", "triple", "skip-pair")]
of_every_kind = pytest.mark.parametrize("ngrams", NGRAMS, ids="+".join)
texts_of_tokens = st.lists(
    st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=12), min_size=1, max_size=9
)


def make_config(ngrams=("pair",)):
    return LocalWaveConfig(
        labels=("a", "b"),
        vocab_size=VOCABULARY,
        cls_token_id=0,
        linear_size=100,
        bigram_buckets=13,
        linear_ngrams=ngrams,
    )


def pack(rows):
    ids = np.concatenate([np.array(row, np.int32) for row in rows])
    return PackedTexts(ids, np.cumsum([0, *map(len, rows)]))


def by_the_formula(rows, config):
    counts = np.zeros((len(rows), config.vocab_size + config.linear_buckets))
    for row, of_text in zip(rows, counts, strict=True):
        for token in row:
            of_text[token] += len(row) ** -0.5
        for kind in config.linear_ngrams:
            for bucket in ngram_buckets(kind, np.array(row), config.linear_buckets):
                of_text[config.vocab_size + bucket] += (len(row) - 1) ** -0.5
    frequency = (counts > 0).sum(axis=0)
    rarity = np.log((len(rows) + 1) / (frequency + 1)) + 1
    scales = np.where(frequency >= 2, rarity / 7, 0)
    return counts * scales, scales


@every_form
@of_every_kind
@settings(max_examples=40, deadline=None)
@given(rows=texts_of_tokens)
def test_tokens_and_ngrams_count_by_length_and_rarity(form, ngrams, rows):
    config = make_config(ngrams)
    expected, expected_scales = by_the_formula(rows, config)
    with native_hidden(form != "compiled"):
        found, scales, *_ = linear_features(pack(rows), config)
    assert scales.dtype == np.float32
    np.testing.assert_allclose(scales, expected_scales, rtol=1e-5)
    np.testing.assert_allclose(to_dense(found), expected, rtol=1e-5)
    for row in range(len(rows)):
        columns = found.indices[found.indptr[row] : found.indptr[row + 1]]
        assert len(set(columns)) == len(columns)


@every_form
def test_column_sums_are_those_of_the_texts_that_have_a_feature(form):
    rows = [[0, 3, 3], [0, 3, 5], [0, 5]]
    features, *_ = linear_features(pack(rows), make_config())
    weights = np.array([[1, 10], [2, 20], [4, 40]], np.float32)
    with native_hidden(form != "compiled"):
        found = column_sums(features, weights)
    assert found[3].tolist() == [3, 30]
    assert found[5].tolist() == [6, 60]
    assert found[1].tolist() == [0, 0]


ROWS = [[0, 1, 2], [0, 2, 1, 5], [0, 2]]
TEXTS, CONFIG = pack(ROWS), make_config()
WIDTH = CONFIG.vocab_size + CONFIG.linear_buckets


def arguments(**changes):
    values = {
        "ids": TEXTS.ids,
        "offsets": TEXTS.offsets,
        "vocabulary": VOCABULARY,
        "buckets": CONFIG.linear_buckets,
        "scales": np.ones(WIDTH, np.float32),
        "row_ends": np.zeros(3, np.int64),
        "columns": np.zeros(15, np.int32),
        "values": np.zeros(15, np.float32),
    }
    return {"shape": native_shape(CONFIG), **values, **changes}


@needs_native
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": TEXTS.ids + VOCABULARY}, "outside the vocabulary"),
        ({"ids": TEXTS.ids - VOCABULARY}, "outside the vocabulary"),
        ({"offsets": TEXTS.offsets[:-1]}, "offsets"),
        ({"offsets": np.array([0, 3, 3, 9])}, "empty"),
        ({"offsets": np.array([0, 7, 3, 9])}, "empty"),
        ({"scales": np.ones(WIDTH - 1, np.float32)}, "do not belong together"),
        ({"vocabulary": 0, "buckets": WIDTH}, "do not belong together"),
        ({"vocabulary": 2**62, "buckets": 2**62}, "do not belong together"),
        ({"row_ends": np.zeros(2, np.int64)}, "another shape"),
        ({"columns": np.zeros(14, np.int32)}, "another shape"),
        ({"columns": np.zeros(9, np.int32), "values": np.zeros(9, np.float32)}, "not as many"),
        ({"columns": np.zeros(99, np.int32), "values": np.zeros(99, np.float32)}, "not as many"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        _native.compiled.ngram_rows(**arguments(**changes))


@needs_native
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"ids": TEXTS.ids + 99}, ValueError, "outside the vocabulary"),
        ({"frequencies": np.zeros(WIDTH - 1, np.int32)}, ValueError, "do not belong together"),
        ({"ids": TEXTS.ids.astype(np.int64)}, TypeError, "expected an array"),
        ({"shape": 3}, TypeError, "expected a Shape"),
    ],
)
def test_counting_refuses_what_does_not_fit(changes, error, message):
    given = arguments()
    names = ("shape", "ids", "offsets", "vocabulary", "buckets")
    frequencies = np.zeros(WIDTH, np.int32)
    values = {**{name: given[name] for name in names}, "frequencies": frequencies, **changes}
    with pytest.raises(error, match=message):
        _native.compiled.document_frequencies(**values)


@needs_native
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({0: np.array([0, 2, 1, 4])}, "fall"),
        ({0: np.array([0, 2, 3, 5])}, "do not belong together"),
        ({1: np.array([0, 1, 2, 9], np.int32)}, "has no sum"),
        ({1: np.array([0, 1, 2, -1], np.int32)}, "has no sum"),
        ({2: np.ones((2, 2), np.float32)}, "do not belong together"),
        ({2: np.ones((3, 1), np.float32)}, "do not belong together"),
    ],
)
def test_sums_refuse_what_does_not_fit(changes, message):
    given = {
        0: np.array([0, 2, 3, 4]),
        1: np.array([0, 1, 2, 3], np.int32),
        2: np.ones((3, 2), np.float32),
        3: np.zeros((5, 2), np.float32),
    }
    with pytest.raises(ValueError, match=message):
        _native.compiled.column_sums(*{**given, **changes}.values())


@needs_native
@pytest.mark.parametrize(
    "kinds",
    [
        {"quadruple": NgramKind((3, 2, 1, 0), (*KINDS["triple"].factors, (97, 89)))},
        {"far": NgramKind((7, 2, 0), ((3, 5), (7, 11)))},
        {"split": NgramKind((4, 3, 0), (KINDS["pair"].factors[0], (7, 11)))},
    ],
    ids=str,
)
def test_a_new_kind_of_ngram_needs_a_declaration_alone(monkeypatch, kinds):
    for name, kind in kinds.items():
        monkeypatch.setitem(KINDS, name, kind)
    config = make_config(("pair", "triple"))
    object.__setattr__(config, "linear_ngrams", ("pair", "triple", *kinds))
    rows = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [3, 3], [4]]
    found, scales, *_ = linear_features(pack(rows), config)
    with native_hidden():
        expected, expected_scales, *_ = linear_features(pack(rows), config)
    np.testing.assert_allclose(scales, expected_scales, rtol=1e-6)
    np.testing.assert_allclose(to_dense(found), to_dense(expected), rtol=1e-6)
