import numpy as np
import pytest
import torch
from fitting import fit

from wave_network.config import LocalWaveConfig, TrainConfig, get_preset, override
from wave_network.data import from_memory
from wave_network.data.batch import PackedTexts
from wave_network.errors import ConfigError
from wave_network.models.local_wave.network import LocalWaveNetwork
from wave_network.training.local_wave.lsa import token_vectors


def two_topics(texts=60):
    """Tokens 1 to 5 occur together, and so do 6 to 10; 0 begins every text, 11 never occurs."""
    random = np.random.default_rng(0)
    rows = [np.append(0, random.integers(1, 6, 8) + 5 * (text % 2)) for text in range(texts)]
    ids = np.concatenate(rows).astype(np.int32)
    return PackedTexts(ids=ids, offsets=np.arange(texts + 1, dtype=np.int64) * 9)


def test_tokens_of_one_topic_are_close_and_of_two_are_not():
    vectors = token_vectors(two_topics(), 12, 2, seed=0)
    cosines = vectors @ vectors.T
    assert cosines[1:6, 1:6].min() > 0.9
    assert cosines[6:11, 6:11].min() > 0.9
    assert np.abs(cosines[1:6, 6:11]).max() < 0.3


def test_what_says_nothing_of_a_text_has_no_vector():
    vectors = token_vectors(two_topics(), 12, 2, seed=0)
    assert not vectors[[0, 11]].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[1:11], axis=1), 1, rtol=1e-5)


def test_the_texts_are_left_as_they_are():
    texts = two_topics()
    before = texts.ids.copy()
    token_vectors(texts, 12, 2, seed=0)
    np.testing.assert_array_equal(texts.ids, before)


@pytest.mark.parametrize("texts", [1, 2, 3])
def test_few_texts_give_few_columns(texts):
    vectors = token_vectors(two_topics(texts), 12, 8, seed=0)
    assert vectors.shape == (12, texts - 1)
    assert np.isfinite(vectors).all()


def test_of_very_many_texts_some_are_read(monkeypatch):
    monkeypatch.setattr("wave_network.training.local_wave.lsa._MOST_TOKENS", 300)
    vectors = token_vectors(two_topics(500), 12, 2, seed=0)
    assert (vectors @ vectors.T)[1:6, 1:6].min() > 0.9
    np.testing.assert_array_equal(token_vectors(two_topics(500), 12, 2, seed=0), vectors)


def test_both_variants_start_at_the_vectors_with_the_random_start_s_spread():
    config = LocalWaveConfig(labels=("a", "b"), vocab_size=12, cls_token_id=0, hidden_size=4)
    model = LocalWaveNetwork(config)
    random = model.embedding.weight.detach().clone()
    vectors = torch.from_numpy(token_vectors(two_topics(), 12, 2, seed=0))
    model.start_at(vectors)
    table = model.embedding.weight.detach()
    torch.testing.assert_close(table[1:11, :2], table[1:11, 4:6])
    assert table[1:11, :2].square().mean().sqrt().item() == pytest.approx(0.1, rel=1e-5)
    torch.testing.assert_close(table[[0, 11]], random[[0, 11]])
    torch.testing.assert_close(table[:, 2:4], random[:, 2:4])


@pytest.mark.parametrize("vectors", [torch.zeros(12, 3), torch.zeros(12, 0)])
def test_texts_that_tell_nothing_leave_the_random_start(vectors):
    config = LocalWaveConfig(labels=("a", "b"), vocab_size=12, cls_token_id=0, hidden_size=4)
    model = LocalWaveNetwork(config)
    random = model.embedding.weight.detach().clone()
    model.start_at(vectors)
    torch.testing.assert_close(model.embedding.weight.detach(), random, rtol=0, atol=0)


@pytest.mark.parametrize("known", [1, 5])
def test_one_column_of_equal_vectors_is_a_start(known):
    config = LocalWaveConfig(labels=("a", "b"), vocab_size=12, cls_token_id=0, hidden_size=4)
    model = LocalWaveNetwork(config)
    vectors = torch.zeros(12, 1)
    vectors[:known] = 1
    model.start_at(vectors)
    table = model.embedding.weight.detach()
    torch.testing.assert_close(table[:known, [0, 4]], torch.full((known, 2), 0.1))


def test_it_is_for_local_waves_alone():
    preset = get_preset("paper")
    config = override(preset.train, initialization="latent-semantics", device="cpu")
    rows = from_memory(["red", "blue", "cat", "dog"] * 5, ["c", "c", "a", "a"] * 5)
    with pytest.raises(ConfigError, match="only for LocalWaveConfig models"):
        fit(rows, None, preset, config)
    with pytest.raises(ConfigError, match="initialization must be one of"):
        TrainConfig(initialization="zeros")
