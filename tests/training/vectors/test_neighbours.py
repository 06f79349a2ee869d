import numpy as np
import pytest
from native import every_form, native_hidden, needs_native

from wave_network._native import threads
from wave_network.training.vectors import neighbours
from wave_network.training.vectors.neighbours import count_neighbours

WINDOW = 3


def dense(matrix):
    return matrix @ np.eye(matrix.shape[1], dtype=np.float32)


def ids_of(count, vocabulary=7, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(-1, vocabulary, count).astype(np.int32)


def counted_plainly(ids, vocabulary):
    counts = np.zeros((vocabulary, vocabulary))
    for place, word in enumerate(ids):
        for distance in range(1, WINDOW + 1):
            following = ids[place : place + distance + 1]
            if len(following) == distance + 1 and (following >= 0).all():
                counts[word, following[-1]] += WINDOW - distance + 1
                counts[following[-1], word] += WINDOW - distance + 1
    return counts


@every_form
def test_near_neighbours_count_more_and_texts_are_apart(form):
    ids = np.array([0, 1, 2, 3, 4, -1, 0, 0], np.int32)
    with native_hidden(form == "not compiled"):
        counts = dense(count_neighbours(ids, 5, WINDOW))
    assert counts[0].tolist() == [6, 3, 2, 1, 0]
    assert counts[2].tolist() == [2, 3, 0, 3, 2]
    np.testing.assert_array_equal(counts, counts.T)


@every_form
@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_counts_are_those_of_the_definition(form, count):
    ids = ids_of(count)
    with native_hidden(form == "not compiled"):
        counts = count_neighbours(ids, 7, WINDOW)
    np.testing.assert_array_equal(dense(counts), counted_plainly(ids, 7))
    keys = counts.rows * 7 + counts.indices
    assert len(np.unique(keys)) == counts.nnz


@needs_native
def test_counts_do_not_depend_on_the_threads():
    ids = ids_of(200_000, vocabulary=300)
    found = []
    for count in (1, 3):
        with threads.using(count):
            found.append(count_neighbours(ids, 300, WINDOW))
    np.testing.assert_array_equal(found[0].indices, found[1].indices)
    np.testing.assert_array_equal(found[0].data, found[1].data)


@needs_native
def test_blocks_are_summed_and_rare_pairs_left_out(monkeypatch):
    ids = np.concatenate([ids_of(400, seed=seed) for seed in range(5)])
    ends = np.array([[400 * place - 1] for place in range(1, 6)]).ravel()
    ids[ends] = -1  # so that no window crosses a block
    whole = dense(count_neighbours(ids, 7, WINDOW))
    monkeypatch.setattr(neighbours, "_WORDS_AT_ONCE", 400)
    np.testing.assert_array_equal(dense(count_neighbours(ids, 7, WINDOW)), whole)
    monkeypatch.setattr(neighbours, "MOST_PAIRS", 20)
    kept = count_neighbours(ids, 7, WINDOW)
    assert 0 < kept.nnz <= 20
    assert dense(kept).max() == whole.max()


@needs_native
@pytest.mark.parametrize(("window", "message"), [(0, "window"), (2_000, "window")])
def test_compiled_arguments_are_checked(window, message):
    with pytest.raises(ValueError, match=message):
        count_neighbours(ids_of(5), 7, window)
    with pytest.raises(ValueError, match="outside the vocabulary"):
        count_neighbours(ids_of(50), 3, 2)
