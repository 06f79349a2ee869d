"""How n-grams are hashed, written out once more."""

from wave_network.models.local_wave.ngrams import NGRAMS

PAIR_FACTORS = NGRAMS["pair"].factors[-1]
SKIP_PAIR_FACTORS = NGRAMS["skip-pair"].factors[-1]
TRIPLE_FACTORS = NGRAMS["triple"].factors[-1]


def pair_bucket(first, second, buckets):
    return (first * PAIR_FACTORS[0] + second * PAIR_FACTORS[1]) % buckets
