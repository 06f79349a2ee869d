import numpy as np
import pytest
import torch

from wave_network.baselines.padding import classify_padded, pad
from wave_network.data.batch import PackedTexts

TEXTS = [[1, 7, 8], [1], [1, 4, 5, 6, 9]]


def pack(texts):
    return PackedTexts(
        ids=np.array([token for text in texts for token in text], dtype=np.int32),
        offsets=np.cumsum([0, *map(len, texts)]),
    ).to_torch()


@pytest.mark.parametrize(
    ("sep", "max_length", "expected"),
    [
        (None, 9, [[1, 7, 8, 0, 0], [1, 0, 0, 0, 0], [1, 4, 5, 6, 9]]),
        (None, 4, [[1, 7, 8, 0], [1, 0, 0, 0], [1, 4, 5, 6]]),
        (3, 9, [[1, 7, 8, 3, 0, 0], [1, 3, 0, 0, 0, 0], [1, 4, 5, 6, 9, 3]]),
        (3, 6, [[1, 7, 8, 3, 0, 0], [1, 3, 0, 0, 0, 0], [1, 4, 5, 6, 9, 3]]),
        (3, 5, [[1, 7, 8, 3, 0], [1, 3, 0, 0, 0], [1, 4, 5, 6, 3]]),
        (3, 3, [[1, 7, 3], [1, 3, 0], [1, 4, 3]]),
    ],
)
def test_rows_end_in_sep_and_are_cut(sep, max_length, expected):
    ids, mask = pad(pack(TEXTS), sep_token_id=sep, max_length=max_length)
    assert ids.tolist() == expected
    assert mask.tolist() == [[token != 0 for token in row] for row in expected]


def test_a_token_of_id_0_is_no_padding():
    ids, mask = pad(pack([[0, 0], [0, 5, 0]]), sep_token_id=None, max_length=8)
    assert ids.tolist() == [[0, 0, 0], [0, 5, 0]]
    assert mask.tolist() == [[True, True, False], [True, True, True]]


def many_texts(count=200):
    random = np.random.default_rng(0)
    return pack([[number + 1] * random.integers(1, 30) for number in range(count)])


@pytest.mark.parametrize(("gradients", "groups"), [(False, [64] * 3), (True, [16] * 12)])
def test_many_texts_are_classified_in_short_groups_and_given_back_in_order(gradients, groups):
    padded = pad(many_texts(), sep_token_id=None, max_length=50)
    seen = []

    def classify(rows):
        seen.append(rows)
        return torch.stack([rows.ids[:, 0], rows.mask.sum(dim=1)], dim=1)

    with torch.set_grad_enabled(gradients):
        answers = classify_padded(padded, classify)
    assert answers[:, 0].tolist() == list(range(1, 201))
    assert torch.equal(answers[:, 1], padded.mask.sum(dim=1))
    assert [len(rows.ids) for rows in seen] == [*groups, 8]
    for rows in seen:
        assert rows.mask.any(dim=0).all()  # no column is padding alone
        assert torch.equal(rows.mask, rows.ids != 0)
    cells = sum(rows.ids.numel() for rows in seen)
    assert cells < 0.75 * padded.ids.numel()


@pytest.mark.parametrize(("count", "gradients"), [(16, True), (64, False)])
def test_a_small_batch_is_one_group_in_order(count, gradients):
    padded = pad(many_texts(count), sep_token_id=None, max_length=50)
    seen = []
    with torch.set_grad_enabled(gradients):
        classify_padded(padded, lambda rows: seen.append(rows) or rows.ids)
    assert len(seen) == 1
    assert seen[0] is padded
