import numpy as np
import pytest
from fitting import fit

from wave_network._native import threads
from wave_network.config import TrainConfig, get_preset, override
from wave_network.data import from_memory
from wave_network.data.batch import PackedTexts
from wave_network.errors import ConfigError
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


def test_the_number_of_threads_changes_no_bit():
    found = []
    for count in (1, 3):
        with threads.using(count):
            found.append(token_vectors(two_topics(2_000), 12, 4, seed=0))
    np.testing.assert_array_equal(*found)


def test_of_very_many_texts_some_are_read(monkeypatch):
    monkeypatch.setattr("wave_network.training.local_wave.lsa._MOST_TOKENS", 300)
    vectors = token_vectors(two_topics(500), 12, 2, seed=0)
    assert (vectors @ vectors.T)[1:6, 1:6].min() > 0.9
    np.testing.assert_array_equal(token_vectors(two_topics(500), 12, 2, seed=0), vectors)


def test_it_is_for_local_waves_alone():
    preset = get_preset("paper")
    config = override(preset.train, initialization="latent-semantics", device="cpu")
    rows = from_memory(["red", "blue", "cat", "dog"] * 5, ["c", "c", "a", "a"] * 5)
    with pytest.raises(ConfigError, match="only for LocalWaveConfig models"):
        fit(rows, None, preset, config)
    with pytest.raises(ConfigError, match="initialization must be one of"):
        TrainConfig(initialization="zeros")
