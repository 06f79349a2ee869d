from collections import Counter

import numpy as np
import pytest

from wave_network.baselines.kneser_ney import KneserNey

START = 6


def documents(count, seed=0):
    draw = np.random.default_rng(seed)
    parts = [
        np.concatenate([[START], draw.integers(0, START, 7) ** 2 % START]) for _ in range(count)
    ]
    return np.concatenate(parts).astype(np.uint16)


def by_hand(training, context, token):
    """The probability of a token by bigrams, straight from the definition."""
    pairs = Counter(zip(training[:-1].tolist(), training[1:].tolist(), strict=True))
    pairs = {pair: count for pair, count in pairs.items() if pair[1] != START}
    after = Counter(pair[1] for pair in pairs)

    def discount(counts):
        ones, twos = (sum(count == n for count in counts) for n in (1, 2))
        return ones / (ones + 2 * twos) if ones else 0.5

    one = discount(after.values())
    unigram = max(after[token] - one, 0) / len(pairs) + one * len(after) / len(pairs) / START
    two = discount(pairs.values())
    of_context = {pair[1]: count for pair, count in pairs.items() if pair[0] == context}
    total = sum(of_context.values())
    if not total:
        return unigram
    kept = max(of_context.get(token, 0) - two, 0)
    return (kept + two * len(of_context) * unigram) / total


def test_bigrams_are_those_of_the_definition():
    training = documents(12)
    model = KneserNey(training, START, order=2)
    for context in (START, 0, 1, 4):
        for token in range(START):
            ids = np.array(
                [START, token] if context == START else [START, context, token], np.uint16
            )
            found = 2 ** -model.bits(ids)[-1]
            assert found == pytest.approx(by_hand(training, context, token))


@pytest.mark.parametrize(
    ("order", "max_ngrams"),
    [(1, None), (2, None), (3, None), (5, None), (4, 1), (4, 8), (4, 30), (4, 10_000)],
)
def test_probabilities_sum_to_one(order, max_ngrams):
    model = KneserNey(documents(40), START, order, max_ngrams)
    for context in ([], [1], [3, 4, 0], [5, 5, 5, 5, 5]):
        total = sum(
            2 ** -model.bits(np.array([START, *context, token], np.uint16))[-1]
            for token in range(START)
        )
        assert total == pytest.approx(1)


def test_longer_contexts_help_where_they_tell():
    pattern = np.tile(np.array([0, 1, 0, 2, 0, 3], np.uint16), 50)
    ids = np.concatenate([[START], pattern]).astype(np.uint16)
    bits = [KneserNey(ids, START, order).bits(ids).mean() for order in (1, 2, 3)]
    assert bits[0] > bits[1] > 4 * bits[2]


def test_documents_do_not_run_into_each_other():
    model = KneserNey(documents(20), START)
    first, second = documents(1, seed=1), documents(1, seed=2)
    both = model.bits(np.concatenate([first, second]))
    np.testing.assert_allclose(both, np.concatenate([model.bits(first), model.bits(second)]))
    assert len(both) == 14
    assert model.size() > 20


@pytest.mark.parametrize("max_ngrams", [10, 20, 60])
def test_a_pruned_model_keeps_what_saves_most(max_ngrams):
    training = documents(40)
    whole, unigrams, pruned = (
        KneserNey(training, START, 3, kept) for kept in (None, START + 1, max_ngrams)
    )
    assert START + 1 <= pruned.size() <= max_ngrams < whole.size()
    bits = [model.bits(training).sum() for model in (whole, pruned, unigrams)]
    assert bits[0] < bits[1] < bits[2]


def test_room_for_all_prunes_nothing():
    training = documents(40)
    whole = KneserNey(training, START)
    same = KneserNey(training, START, max_ngrams=whole.size())
    np.testing.assert_array_equal(same.bits(training), whole.bits(training))
