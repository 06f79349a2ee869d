import re
import time

import numpy as np
import pytest

from wave_network.few_labels.english import FILE, read_english, write_english


@pytest.fixture(scope="module")
def table():
    return read_english()


def test_the_words(table):
    assert len(table.words) == len(set(table.words)) > 20_000
    assert table.words[:3] == ["the", "of", "and"]
    assert all(re.fullmatch("[a-z0-9]+", word) for word in table.words)
    assert not table.cased


def test_the_vectors(table):
    assert (table.vectors.dtype, table.vectors.shape) == (np.float32, (len(table.words), 128))
    assert np.isfinite(table.vectors).all()
    lengths = np.linalg.norm(table.vectors, axis=1)
    assert lengths[:10].max() < 0.2 * np.median(lengths)
    spread = table.vectors.std(axis=0)
    assert spread[:8].mean() > 2 * spread[-8:].mean()


@pytest.mark.parametrize(
    ("word", "relatives"),
    [
        ("football", {"soccer", "nfl", "sports"}),
        ("bank", {"banks", "banking"}),
        ("excellent", {"great", "wonderful"}),
        ("election", {"elections", "electoral"}),
        ("software", {"computer", "computing"}),
    ],
)
def test_the_nearest_words_are_related(table, word, relatives):
    directions = table.vectors / np.linalg.norm(table.vectors, axis=1, keepdims=True)
    likeness = directions @ directions[table.words.index(word)]
    nearest = {table.words[place] for place in np.argsort(-likeness)[1:16]}
    assert nearest & relatives, nearest


def test_it_takes_at_most_two_megabytes_and_a_moment():
    assert FILE.stat().st_size <= 2_000_000
    spent = []
    for _ in range(3):
        start = time.process_time()
        read_english()
        spent.append(time.process_time() - start)
    assert min(spent) < 0.2  # 0.04 s where nothing else runs


def test_writing_it_again_gives_the_same_file(table, tmp_path):
    write_english(table.words, table.vectors, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").stat().st_size == FILE.stat().st_size
