"""The buckets that pairs of tokens share: within int64, and as evenly filled as chance fills."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from ngram_hashes import SKIP_PAIR_FACTORS, TRIPLE_FACTORS, pair_bucket

from wave_network.config import PRESETS, LocalWaveConfig
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR, ngram_buckets

HIGHEST_ID = 2**31 - 1
LOCAL_PRESETS = [preset for preset in PRESETS.values() if preset.config is LocalWaveConfig]


def default(name):
    return LocalWaveConfig.__dataclass_fields__[name].default


def preset_sizes():
    """Buckets and vocabulary of every preset of the architecture."""
    return [
        pytest.param(
            preset.model.get("bigram_buckets", default("bigram_buckets")),
            preset.vocab_size,
            id=preset.name,
        )
        for preset in LOCAL_PRESETS
    ]


def test_no_pair_of_ids_leaves_64_bits():
    # Python's integers have no end: this is the sum before its remainder.
    assert pair_bucket(HIGHEST_ID, HIGHEST_ID, 2**100) < 2**63


@pytest.mark.parametrize("buckets", [1, 12_007, 262_139])
def test_the_highest_ids_go_where_exact_arithmetic_says(buckets):
    ids = [0, 1, 2, 32_767, 2**30, HIGHEST_ID - 1, HIGHEST_ID]
    pairs = [(a, b) for a in ids for b in ids]
    expected = [pair_bucket(a, b, buckets) for a, b in pairs]
    assert min(expected) >= 0
    wide = np.array(pairs, dtype=np.int64)
    assert pair_bucket(wide[:, 0], wide[:, 1], buckets).tolist() == expected
    tensor = torch.from_numpy(wide)
    assert pair_bucket(tensor[:, 0], tensor[:, 1], buckets).tolist() == expected


@pytest.mark.parametrize("factors", [SKIP_PAIR_FACTORS, TRIPLE_FACTORS])
def test_no_other_ngram_leaves_64_bits(factors):
    assert sum(HIGHEST_ID * factor for factor in factors) < 2**63
    assert all(factor % 2 for factor in factors)


def exact_buckets(ngram, ids, buckets):
    """By the formulas, in Python's integers."""
    if ngram == "pair":
        return [pair_bucket(a, b, buckets) for a, b in pairwise(ids)]
    triples = zip(ids, ids[1:], ids[2:], strict=False)
    if ngram == "skip-pair":
        one, two = SKIP_PAIR_FACTORS
        return [(a * one + c * two) % buckets for a, _, c in triples]
    one, two = TRIPLE_FACTORS
    return [(pair_bucket(a, b, buckets) * one + c * two) % buckets for a, b, c in triples]


@pytest.mark.parametrize("ngram", ["pair", "skip-pair", "triple"])
@pytest.mark.parametrize("buckets", [1, 12_007, 262_139, HIGHEST_ID])
@pytest.mark.parametrize("length", [*range(5), 40])
def test_ngrams_go_where_exact_arithmetic_says(ngram, buckets, length):
    ids = np.random.default_rng(length).integers(HIGHEST_ID + 1, size=length)
    ids[::3] = HIGHEST_ID
    expected = exact_buckets(ngram, ids.tolist(), buckets)
    assert ngram_buckets(ngram, ids, buckets).tolist() == expected
    assert ngram_buckets(ngram, torch.from_numpy(ids), buckets).tolist() == expected


@pytest.mark.parametrize("ngram", ["skip-pair", "triple"])
def test_random_ngrams_meet_as_seldom_as_under_a_uniform_hash(ngram):
    ids = np.random.default_rng(0).integers(32_768, size=200_000)
    filled = len(np.unique(ngram_buckets(ngram, ids, 262_139)))
    mean, deviation = expected_filled(len(ids) - 2, 262_139)
    assert abs(filled - mean) < 5 * deviation


def test_the_kinds_of_ngrams_meet_by_chance_alone():
    ids = np.random.default_rng(0).integers(32_768, size=200_000)
    doubled = np.repeat(ids, 2)  # its pairs a, b are among its skip pairs
    pairs, skip_pairs = (ngram_buckets(kind, doubled, 262_139) for kind in ("pair", "skip-pair"))
    assert (pairs[1::2] == skip_pairs[::2]).mean() < 1e-4


def distinct_pairs(count, vocabulary, seed):
    codes = np.random.default_rng(seed).integers(vocabulary**2, size=count)
    codes = np.unique(codes)
    return codes // vocabulary, codes % vocabulary


def expected_filled(pairs, buckets):
    """Mean and standard deviation of the buckets that uniformly thrown pairs fill."""
    load = pairs / buckets
    empty = math.exp(-load)
    return buckets * (1 - empty), math.sqrt(buckets * empty * (1 - (1 + load) * empty))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [20_000, 200_000])
def test_random_pairs_meet_as_seldom_as_under_a_uniform_hash(count, seed):
    first, second = distinct_pairs(count, 32_768, seed)
    filled = len(np.unique(pair_bucket(first, second, 262_139)))
    mean, deviation = expected_filled(len(first), 262_139)
    assert abs(filled - mean) < 5 * deviation


def test_the_default_number_of_buckets_is_the_one_tried_here():
    assert default("bigram_buckets") == 262_139


def test_pairs_and_their_swaps_meet_no_more_often():
    first, second = distinct_pairs(100_000, 32_768, 7)
    kept = first != second
    first, second = first[kept], second[kept]
    same = pair_bucket(first, second, 262_139) == pair_bucket(second, first, 262_139)
    assert same.mean() < 1e-4


@pytest.mark.parametrize(("buckets", "vocabulary"), preset_sizes())
def test_a_preset_has_a_prime_number_of_buckets_above_its_vocabulary(buckets, vocabulary):
    assert buckets > vocabulary
    assert all(buckets % divisor for divisor in range(2, math.isqrt(buckets) + 1))


@pytest.mark.parametrize(("buckets", "vocabulary"), preset_sizes())
def test_pairs_that_share_a_token_never_meet(buckets, vocabulary):
    others = np.arange(vocabulary)
    for token in (0, 1, vocabulary // 2, vocabulary - 1):
        assert len(np.unique(pair_bucket(token, others, buckets))) == vocabulary
        assert len(np.unique(pair_bucket(others, token, buckets))) == vocabulary


def test_the_floor_is_small_beside_the_energy_of_a_start():
    smallest = min(
        preset.model.get("initializer_range", default("initializer_range"))
        for preset in LOCAL_PRESETS
    )
    assert 0 < ENERGY_FLOOR < 1e-3 * smallest**2
