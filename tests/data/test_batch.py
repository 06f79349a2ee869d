from dataclasses import fields, replace
from itertools import chain, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wave_network.data.batch import (
    PackedTexts,
    evaluation_batches,
    most_probable,
    sentence_offsets,
    training_batches,
)

CLS = 0
# Texts of sentences of ids; the first token, `[CLS]`, belongs to the first sentence.
sentence = st.lists(st.integers(1, 50), min_size=1, max_size=4)
some_texts = st.lists(st.lists(sentence, min_size=1, max_size=4), min_size=1, max_size=12)


def joined(lists):
    return list(chain.from_iterable(lists))


def pack(texts):
    rows = [[CLS, *joined(text)] for text in texts]
    lengths = [
        length + (not index) for text in texts for index, length in enumerate(map(len, text))
    ]
    return PackedTexts(
        ids=np.array(joined(rows), dtype=np.int32),
        offsets=np.cumsum([0, *map(len, rows)]),
        labels=np.arange(len(texts)),
        sentences=np.repeat(np.arange(len(lengths)), lengths).astype(np.int32),
    )


def rows_of(packed):
    """Each text as its label and its sentences' ids."""
    bounds = sentence_offsets(packed.sentences, packed.offsets)
    return [
        (
            int(packed.labels[text]),
            [
                packed.ids[start:stop].tolist()
                for start, stop in pairwise(bounds)
                if packed.offsets[text] <= start < packed.offsets[text + 1]
            ],
        )
        for text in range(len(packed))
    ]


def expected_rows(texts):
    return [(label, [[CLS, *text[0]], *text[1:]]) for label, text in enumerate(texts)]


def check_types(packed):
    assert packed.ids.dtype == packed.sentences.dtype == np.int32
    assert packed.offsets.dtype == packed.labels.dtype == np.int64
    assert packed.offsets[0] == 0
    assert packed.offsets[-1] == len(packed.ids) == len(packed.sentences)
    assert len(packed.labels) == len(packed)


@given(some_texts, st.data())
def test_select_gives_the_texts_asked_for_in_their_order(texts, data):
    wanted = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=20))
    packed = pack(texts)
    selected = packed.select(np.array(wanted, dtype=np.int64))
    check_types(selected)
    rows = expected_rows(texts)
    assert rows_of(selected) == [rows[index] for index in wanted]


def test_select_without_labels_and_sentences():
    packed = PackedTexts(
        ids=np.array([0, 1, 0, 2, 3], np.int32), offsets=np.array([0, 2, 5], np.int64)
    )
    selected = packed.select(np.array([1, 1, 0]))
    assert selected.ids.tolist() == [0, 2, 3, 0, 2, 3, 0, 1]
    assert selected.offsets.tolist() == [0, 3, 6, 8]
    assert selected.labels is selected.sentences is None


@given(some_texts, st.floats(0, 0.99), st.integers(0, 2**32 - 1))
def test_drop_tokens_keeps_cls_order_labels_and_sentences(texts, probability, seed):
    packed = pack(texts)
    kept = packed.drop_tokens(probability, np.random.default_rng(seed))
    check_types(kept)
    assert (np.diff(kept.offsets) >= 1).all()
    assert (kept.ids[kept.offsets[:-1]] == CLS).all()
    assert (np.diff(kept.sentences) >= 0).all()
    bounds = sentence_offsets(kept.sentences, kept.offsets)
    assert (np.diff(bounds) >= 1).all()
    assert np.isin(kept.offsets, bounds).all()
    for (label, before), (label_after, after) in zip(rows_of(packed), rows_of(kept), strict=True):
        assert label_after == label
        sentences = iter(before)
        for piece in after:  # each piece is what is left of a sentence, in order
            assert any(is_subsequence(piece, sentence) for sentence in sentences)


def is_subsequence(part, whole):
    rest = iter(whole)
    return all(item in rest for item in part)


def test_drop_tokens_drops_the_share_asked_for():
    lengths = [1, 2, 400, 3, 7_000, 12_000]
    rows = [[CLS] + [1] * (length - 1) for length in lengths]
    packed = PackedTexts(
        ids=np.array(joined(rows), dtype=np.int32), offsets=np.cumsum([0, *lengths])
    )
    for probability in (0.1, 0.5, 0.9):
        kept = packed.drop_tokens(probability, np.random.default_rng(5))
        dropped = 1 - np.diff(kept.offsets)[-2:] / lengths[-2:]
        np.testing.assert_allclose(dropped, probability, atol=0.02)
    nothing = packed.drop_tokens(0.0, np.random.default_rng(5))
    np.testing.assert_array_equal(nothing.ids, packed.ids)
    np.testing.assert_array_equal(nothing.offsets, packed.offsets)


def test_drop_tokens_follows_its_generator():
    packed = pack([[[1, 2, 3, 4, 5, 6, 7, 8]]] * 50)
    first, again, other = (
        packed.drop_tokens(0.5, np.random.default_rng(seed)).ids.tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


@given(some_texts)
def test_sentence_offsets_are_the_sentences_and_every_text_boundary(texts):
    packed = pack(texts)
    bounds = sentence_offsets(packed.sentences, packed.offsets)
    assert bounds.dtype == np.int64
    lengths = [len(sentence) for _, text in expected_rows(texts) for sentence in text]
    assert bounds.tolist() == np.cumsum([0, *lengths]).tolist()


def test_sentences_of_two_texts_are_two_even_with_one_number():
    """`select` may put a text twice in a row."""
    packed = pack([[[1, 2], [3]]]).select(np.array([0, 0]))
    assert sentence_offsets(packed.sentences, packed.offsets).tolist() == [0, 3, 4, 7, 8]


@given(some_texts, st.integers(1, 40))
def test_evaluation_batches_cover_everything_in_order(texts, max_tokens):
    packed = pack(texts)
    batches = list(evaluation_batches(packed, max_tokens))
    for batch, following in zip(batches, [*batches[1:], None], strict=True):
        assert len(batch.ids) <= max_tokens or len(batch.offsets) == 2
        if following is not None:  # no batch is smaller than it must be
            assert len(batch.ids) + int(following.offsets[1]) > max_tokens
    assert torch.cat([batch.ids for batch in batches]).tolist() == packed.ids.tolist()
    assert torch.cat([batch.labels for batch in batches]).tolist() == packed.labels.tolist()
    lengths = torch.cat([batch.offsets.diff() for batch in batches])
    assert lengths.tolist() == np.diff(packed.offsets).tolist()
    sentences = torch.cat([batch.sentence_offsets.diff() for batch in batches])
    bounds = sentence_offsets(packed.sentences, packed.offsets)
    assert sentences.tolist() == np.diff(bounds).tolist()


@given(some_texts, st.integers(1, 15), st.integers(0, 2**32 - 1))
def test_training_batches_give_every_text_once(texts, batch_size, seed):
    packed = pack(texts)
    batches = list(training_batches(packed, batch_size, 0.0, np.random.default_rng(seed)))
    sizes = [len(batch.labels) for batch in batches]
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    assert 1 <= sizes[-1] <= batch_size
    rows = {label: joined(text) for label, text in expected_rows(texts)}
    seen = {
        int(label): ids.tolist()
        for batch in batches
        for label, ids in zip(
            batch.labels, batch.ids.split(batch.offsets.diff().tolist()), strict=True
        )
    }
    assert seen == rows
    assert sum(sizes) == len(texts)


def test_training_batches_are_shuffled_by_the_generator():
    packed = pack([[[index + 1]] for index in range(40)])
    first, again, other = (
        [
            batch.labels.tolist()
            for batch in training_batches(packed, 16, 0.0, np.random.default_rng(seed))
        ]
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert joined(first) != sorted(joined(first))


def test_training_batches_drop_tokens():
    packed = pack([[[1] * 99]] * 20)
    batches = list(training_batches(packed, 7, 0.3, np.random.default_rng(0)))
    kept = sum(len(batch.ids) for batch in batches) / len(packed.ids)
    assert kept == pytest.approx(0.7, abs=0.05)
    assert all((batch.ids[batch.offsets[:-1]] == CLS).all() for batch in batches)


@given(some_texts)
def test_tensors_are_int64_and_move_together(texts):
    batch = pack(texts).to_torch()
    moved = batch.to(torch.device("meta"))
    for item in fields(batch):
        if item.name == "weights":
            continue
        assert getattr(batch, item.name).dtype == torch.int64
        assert getattr(moved, item.name).device.type == "meta"
        assert getattr(moved, item.name).shape == getattr(batch, item.name).shape


def test_what_is_absent_stays_absent_as_tensors():
    packed = PackedTexts(ids=np.array([0, 1], np.int32), offsets=np.array([0, 2], np.int64))
    batch = packed.to_torch().to(torch.device("cpu"))
    assert batch.labels is batch.sentence_offsets is None


def test_soft_labels_go_with_their_texts():
    soft = np.array([[0.1, 0.9], [0.7, 0.3], [0.6, 0.4]], np.float32)
    ids, offsets = np.array([0, 5, 0, 6, 0, 7], np.int32), np.arange(0, 7, 2)
    packed = PackedTexts(ids, offsets, labels=soft)
    assert packed.hard_labels.tolist() == most_probable(soft).tolist() == [1, 0, 0]
    assert packed.hard_labels.dtype == np.int64
    chosen = packed.select(np.array([2, 0])).drop_tokens(0.5, np.random.default_rng(0))
    batch = chosen.to_torch().to(torch.device("cpu"))
    assert torch.equal(batch.labels, torch.from_numpy(soft[[2, 0]]))


def test_hard_labels_are_those_that_are_hard():
    labels = np.array([2, 0])
    assert most_probable(labels) is labels


def test_weights_stay_with_their_texts():
    packed = replace(pack([[[3]], [[4, 5]], [[6]]]), weights=np.float32([1, 2, 3]))
    assert packed.select(np.array([2, 0])).weights.tolist() == [3, 1]
    generator = np.random.default_rng(0)
    (batch,) = training_batches(packed, 3, 0.5, generator)
    assert batch.weights.tolist() == [label + 1 for label in batch.labels.tolist()]
    assert batch.to(torch.device("cpu")).weights.dtype == torch.float32
    assert pack([[[3]]]).to_torch().weights is None
