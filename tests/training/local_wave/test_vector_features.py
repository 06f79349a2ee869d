import numpy as np
from sparse import of_dense, to_dense

from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.few_labels.text_vectors import fitted_to, text_vectors
from wave_network.training.local_wave.linear_part import linear_weights
from wave_network.training.local_wave.ngram_matrix import LinearFeatures
from wave_network.training.local_wave.vector_features import spelt_beside_vectors, with_vectors

VECTORS = np.array([[0, 0], [1, 0], [1, 0.1], [-1, 0], [-1, 0.1], [0, 0]], np.float32)


def pack(rows, labels=None):
    ids = np.concatenate([np.array(row, np.int32) for row in rows])
    return PackedTexts(ids, np.cumsum([0, *map(len, rows)]), labels)


def test_weights_of_vectors_become_weights_of_tokens():
    texts = pack([[0, 1, 2], [0, 3]])
    sparse = of_dense(np.eye(2, 8))
    features = with_vectors(LinearFeatures(sparse, np.ones(8, np.float32)), texts, VECTORS)
    assert features.matrix.shape == (2, 10)
    weights = np.zeros((10, 1), np.float32)
    weights[8:, 0] = 2, -1
    rows = features.rows(weights)
    margins = text_vectors(texts, np.pad(rows[:6], ((0, 0), (0, 1))))[:, 0]
    expected = to_dense(features.matrix)[:, 8:] @ [2, -1]
    np.testing.assert_allclose(margins, expected, rtol=1e-6)


def test_tokens_that_no_text_has_get_the_weights_of_their_neighbours():
    config = LocalWaveConfig(
        labels=("a", "b"), vocab_size=6, cls_token_id=0, linear_size=400, bigram_buckets=13
    )
    texts = pack([[0, 1, 5], [0, 3, 5]] * 10, np.array([0, 1] * 10))
    weights = linear_weights(texts, config, 0, None, fitted_to(texts, VECTORS))
    assert weights.tokens[2, 0] > weights.tokens[2, 1]
    assert weights.tokens[4, 1] > weights.tokens[4, 0]
    plain = linear_weights(texts, config, 0)
    assert not plain.tokens[[2, 4]].any()


def test_words_that_only_vectors_know_are_not_spelt():
    found = spelt_beside_vectors(pack([[0, 1], [0, 3]]), VECTORS)
    assert found.tolist() == [True, True, False, True, False, True]
