"""Many classes: random codes of classes, at which tokens and heads start."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fitting import fit

from wave_network.config import LocalWaveConfig, TrainConfig, get_preset, override
from wave_network.data import from_memory
from wave_network.data.batch import PackedTexts
from wave_network.models.local_wave.network import LocalWaveNetwork
from wave_network.models.predict import predict_logits
from wave_network.models.tensors import parameter_counts
from wave_network.runtime import Engine
from wave_network.training.local_wave.class_codes import (
    MANY_CLASSES,
    code_columns,
    codes_tell,
    hidden_size_for,
    start_at_codes,
    token_class_counts,
)

SMALL = get_preset("small")


def make(classes, texts_each, held_out=0, words=20_000):
    """Texts of eight words, three of them among their class's six, all of one vocabulary."""
    random = np.random.default_rng(classes)
    keys = np.stack([random.choice(words, 6, replace=False) for _ in range(classes)])
    texts, labels = [], []
    for label in np.repeat(np.arange(classes), texts_each + held_out):
        own = random.choice(keys[label], 3, replace=False)
        found = random.permutation(np.concatenate([own, random.integers(0, words, 5)]))
        texts.append(" ".join(f"w{word:05d}" for word in found))
        labels.append(int(label))
    is_held_out = np.arange(len(texts)) % (texts_each + held_out) >= texts_each
    parts = [np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)]
    return [([texts[i] for i in part], [labels[i] for i in part]) for part in parts]


def pack(rows, labels):
    ids = np.concatenate([[0, *row] for row in rows]).astype(np.int32)
    offsets = np.cumsum([0, *(len(row) + 1 for row in rows)]).astype(np.int64)
    return PackedTexts(ids=ids, offsets=offsets, labels=labels)


@pytest.mark.parametrize(("classes", "texts_each"), [(300, 20), (1_000, 12)])
def test_many_classes_of_few_short_texts_are_told_apart(classes, texts_each):
    (texts, labels), (unseen, truth) = make(classes, texts_each, held_out=1)
    config = override(SMALL.train, seed=0, epochs=2, refit=False, validation_fraction=0.1)
    files = fit(from_memory(texts, labels), None, SMALL, config).files
    answers = Engine(files).predict_proba(unseen).argmax(axis=1)
    assert np.mean(answers == truth) >= 0.97
    assert files.config.hidden_size == hidden_size_for(classes, 16)


def begin(texts, vocabulary, classes=MANY_CLASSES, hidden=48):
    """A model at its start, and its embedding before it."""
    config = LocalWaveConfig(
        labels=tuple(range(classes)),
        vocab_size=vocabulary,
        cls_token_id=0,
        hidden_size=hidden,
        bigram_buckets=97,
    )
    torch.manual_seed(0)
    model = LocalWaveNetwork(config).eval()
    before = model.embedding.weight.detach().clone()
    start_at_codes(model, texts, np.zeros((vocabulary, 16), np.float32), seed=0)
    return model, before, model.embedding.weight.detach()


def keyed(texts_each, vocabulary):
    """Texts of a token of their class and of two others."""
    random = np.random.default_rng(0)
    labels = np.tile(np.arange(MANY_CLASSES), texts_each)
    noise = random.integers(MANY_CLASSES + 1, vocabulary, (len(labels), 2))
    return pack([[1 + label, *two] for label, two in zip(labels, noise, strict=True)], labels)


def test_the_first_logits_name_the_class_of_nearly_every_text():
    texts = keyed(9, 400)
    model, _, after = begin(texts, 400)
    assert np.mean(predict_logits(model, texts).argmax(axis=1) == texts.labels) > 0.95
    assert float(after.square().mean().sqrt()) == pytest.approx(0.1, rel=0.05)


def test_tokens_of_no_text_and_cls_stay_random():
    texts = keyed(9, 400)
    _, before, after = begin(texts, 500)
    changed = (after != before).any(dim=1)
    assert not changed[0]
    assert changed[1:400].all()
    assert not changed[400:].any()


def test_a_token_that_all_classes_share_tells_little():
    texts = keyed(9, 210)  # the last nine tokens are everywhere
    _, _, after = begin(texts, 210)
    lengths = after.norm(dim=1)
    assert lengths[201:].max() < 0.5 * lengths[1:201].min()


def test_codes_are_left_out_where_words_tell_too_little():
    texts = keyed(9, 400)
    config = begin(texts, 400)[0].config
    assert codes_tell(texts, config, seed=0)
    labels = np.random.default_rng(1).permutation(texts.labels)
    assert not codes_tell(replace(texts, labels=labels), config, seed=0)


def test_several_members_or_few_classes_have_no_codes():
    config = LocalWaveConfig(labels=tuple(range(300)), vocab_size=9, cls_token_id=0, hidden_size=32)
    assert code_columns(config) == 16
    assert code_columns(replace(config, members=2)) == 0
    assert code_columns(replace(config, hidden_size=12)) == 0
    several = replace(config, problem_type="multi_label_classification")
    assert code_columns(several) == 0
    assert code_columns(replace(config, labels=tuple(range(MANY_CLASSES - 1)))) == 0


def test_probabilities_count_as_shares():
    rows, shares = [[1, 1], [2]], np.array([[1, 0], [0.25, 0.75]], np.float32)
    counts = token_class_counts(pack(rows, shares), 3, 2).toarray()
    np.testing.assert_allclose(counts, [[1.25, 0.75], [2, 0], [0.25, 0.75]])


def test_few_classes_keep_the_width_and_some_hundred_the_size_of_the_preset():
    assert hidden_size_for(MANY_CLASSES - 1, 16) == 16
    assert [hidden_size_for(n, 16) for n in (300, 1_000, 3_000, 10_000)] == [32, 64, 112, 192]
    model = {**SMALL.model, "hidden_size": hidden_size_for(350, 16)}
    config = SMALL.config(
        **model, labels=tuple(range(350)), vocab_size=SMALL.vocab_size, cls_token_id=0
    )
    assert parameter_counts(config)["total"] <= 2_400_000


def test_a_width_that_was_chosen_is_kept():
    (texts, labels), _ = make(MANY_CLASSES, 6)
    config = TrainConfig(epochs=1, initialization="latent-semantics")
    fitted = fit(from_memory(texts, labels), None, SMALL, config, model_options={"hidden_size": 8})
    assert fitted.files.config.hidden_size == 8
