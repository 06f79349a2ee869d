import numpy as np
import pytest
from native import native_hidden, needs_native

from wave_network import _native
from wave_network.errors import ConfigError
from wave_network.evaluation import out_of_scope
from wave_network.evaluation.out_of_scope import (
    FEWEST,
    OutOfScope,
    ScoredTexts,
    characters_read,
    energies,
    pair_table,
)

SIZE = 2**16


def made(rows, energy=0.0, characters=None):
    """Texts of these token ids, with `[CLS]` before each."""
    offsets = np.cumsum([0, *(len(row) + 1 for row in rows)]).astype(np.int64)
    ids = np.array([token for row in rows for token in (0, *row)], np.int64)
    sizes = [5 * len(row) for row in rows] if characters is None else characters
    wide = np.broadcast_to(np.float64(energy), len(rows)).copy()
    return ScoredTexts(ids, offsets, np.array(sizes, np.int64), wide)


def drawn(random, count, low=1, high=50, words=200):
    """Texts of consecutive tokens from a random place, of lengths that differ."""
    rows = []
    for length in random.integers(low, high, count):
        rows.append((random.integers(1, words) + np.arange(length)) % words + 1)
    return made(rows, random.normal(-5, 1, count))


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def scope():
    random = np.random.default_rng(1)
    known = drawn(random, 2_000)
    pairs = pair_table(known.ids, known.offsets)
    return OutOfScope.fit(pairs, None, drawn(random, 1_500), drawn(random, 500, 1, 5))


def test_the_level_of_a_pair_is_the_logarithm_of_its_count():
    rows = [[7, 8]] * 3 + [[8, 7]] * 100 + [[9]] * 50 + [[]] * 50
    known = made(rows)
    table = pair_table(known.ids, known.offsets)
    assert sorted(table[table > 0]) == [2, 7]  # log2(4), log2(101); none across texts or at [CLS]
    assert pair_table(*made([[1, 2]] * 10**5)[:2]).max() == 15


def test_a_continued_models_pairs_stay_known():
    first, second = (pair_table(*made(rows)[:2]) for rows in ([[1, 2]] * 9, [[3, 4]]))
    both = pair_table(*made([[3, 4]])[:2], first)
    np.testing.assert_array_equal(both, np.maximum(first, second))


def test_pairs_are_counted_in_parts_and_by_compiled_code_alike(random, monkeypatch):
    known = drawn(random, 30, 1, 9, words=3)
    whole = pair_table(known.ids, known.offsets)
    assert whole.max() > 3
    with native_hidden():
        for size in (1, 7, 2**22):
            monkeypatch.setattr(out_of_scope, "_TOKENS_AT_ONCE", size)
            np.testing.assert_array_equal(pair_table(known.ids, known.offsets), whole)


@needs_native
@pytest.mark.parametrize(
    ("ids", "offsets", "counts", "message"),
    [
        ([0, 1], [0, 3], 4, "offsets"),
        ([0, -1], [0, 2], 4, "outside"),
        ([0, 1], [0, 2], 5, "power of two"),
        ([0, 1], [0, 2], 0, "power of two"),
    ],
)
def test_counting_refuses_what_does_not_fit(ids, offsets, counts, message):
    with pytest.raises(ValueError, match=message):
        _native.compiled.count_pairs(
            np.array(ids, np.int32), np.array(offsets), np.zeros(counts, np.uint16)
        )


def test_energies():
    logits = np.float32([[1, 2, 3], [1_000, -1_000, 0]])
    expected = -np.log(np.exp([1.0, 2, 3]).sum())
    np.testing.assert_allclose(energies(logits, multi_label=False), [expected, -1_000])
    expected = -np.log1p(np.exp([1.0, 2, 3])).sum()
    np.testing.assert_allclose(energies(logits, multi_label=True), [expected, -1_000 - np.log(2)])


def test_of_known_texts_five_in_a_hundred_are_above_95_percent(scope, random):
    scores = scope.score(drawn(random, 4_000))
    assert (scores >= 0).all()
    assert (scores < 1).all()
    assert 0.035 < (scores > 0.95).mean() < 0.065


@pytest.mark.parametrize("length", [1, 2, 3, 10, 30])
def test_a_text_is_not_unusual_for_being_short(scope, random, length):
    assert (scope.score(drawn(random, 500, length, length + 1)) > 0.95).mean() < 0.12


def test_each_statistic_finds_unusual_texts_alone(scope, random):
    known = drawn(random, 300, 20, 40)
    tokens = np.diff(known.offsets) - 1
    usual = scope.score(known)
    changed = {
        "energies": known.energies + 8,
        "ids": np.where(known.ids > 0, random.permutation(201)[known.ids], 0),
        "characters": tokens * 2,
    }
    for name, values in changed.items():
        scores = scope.score(known._replace(**{name: values}))
        assert scores.mean() > usual.mean() + 0.3, name
    better = scope.score(known._replace(energies=known.energies - 8, characters=tokens * 9))
    assert (better <= usual).all()


def test_background_texts_show_what_is_out_of_scope(random):
    known, others = drawn(random, 40), drawn(random, 40)
    others = others._replace(ids=np.where(others.ids > 0, 201 - others.ids, 0))
    pairs, background = (pair_table(texts.ids, texts.offsets) for texts in (known, others))
    held_out, short = drawn(random, 200), drawn(random, 100, 1, 5)
    plain = OutOfScope.fit(pairs, None, held_out, short)
    informed = OutOfScope.fit(pairs, background, held_out, short)
    new = drawn(random, 200)
    new = new._replace(ids=np.where(new.ids > 0, 201 - new.ids, 0))
    assert (informed._sums(new) >= plain._sums(new)).all()
    assert informed._sums(new).mean() > 1.2 * plain._sums(new).mean()
    assert 0.01 < (informed.score(drawn(random, 1_000)) > 0.95).mean() < 0.1


def test_texts_without_pairs_or_characters_have_a_score(scope):
    texts = made([[], [1], [1, 2], []], -5.0, characters=[0, 0, 0, 3])
    values = out_of_scope._statistics(scope.pairs, scope.pairs, texts)
    assert not np.isinf(values).any()
    assert np.isfinite(scope.score(texts)).all()
    assert len(scope.score(made([]))) == 0


def test_held_out_texts_that_are_all_alike_will_do():
    known = made([[1, 2, 3]] * FEWEST)
    alike = OutOfScope.fit(pair_table(known.ids, known.offsets), None, known, known)
    assert (alike.score(known) == 0).all()
    other = made([[9, 8, 7]], 3.0)
    assert alike.score(other) > 0.95
    empty = made([[]] * FEWEST)
    pairs = pair_table(known.ids, known.offsets)
    assert np.isfinite(OutOfScope.fit(pairs, pairs, empty, empty).score(other)).all()


def test_characters_of_texts_that_were_cut_are_not_counted():
    offsets = np.array([0, 3, 8, 12])
    assert characters_read(["ab", "words", "é彗"], offsets, 5).tolist() == [2, 0, 2]


def test_everything_is_stored(random):
    known, held_out = drawn(random, 100), drawn(random, 100)
    pairs = pair_table(known.ids, known.offsets)
    for background in (None, pairs[::-1].copy()):
        fitted = OutOfScope.fit(pairs, background, held_out, held_out)
        tensors = fitted.to_tensors()
        assert sum(tensor.nbytes for tensor in tensors.values()) < 80_000
        restored = OutOfScope.from_tensors(tensors)
        texts = drawn(random, 100)
        np.testing.assert_array_equal(restored.score(texts), fitted.score(texts))


def change(name, place, value):
    def changed(tensors):
        tensors[name] = tensors[name].copy()
        tensors[name][place] = value

    return changed


def put(name, value):
    return lambda tensors: tensors.__setitem__(name, value)


@pytest.mark.parametrize(
    "damage",
    [
        *(lambda tensors, name=name: tensors.pop(name) for name in ("pairs", "normal", "ranks")),
        lambda tensors: tensors.pop("longest"),
        put("pairs", np.zeros(SIZE, np.uint8)),
        put("pairs", np.zeros(SIZE // 2, np.int8)),
        put("background", np.zeros(3, np.uint8)),
        put("background", np.zeros(SIZE // 2, np.uint8)),  # but no statistic of it
        put("normal", np.zeros((3, 2, 5))),
        put("normal", np.zeros((3, 2, 6), np.float32)),
        put("ranks", np.zeros(FEWEST - 1)),
        put("ranks", np.zeros(1_000)),
        put("ranks", np.zeros((30, 1))),
        put("ranks", np.arange(30.0)[::-1]),
        put("longest", np.zeros(1)),
        put("longest", np.ones(2)),
        change("ranks", 3, np.nan),
        change("ranks", -1, np.inf),
        change("normal", (0, 0, 0), np.nan),
        change("normal", (0, 0, 0), -1e31),
        change("normal", (1, 1, 2), -1e-3),
        change("longest", 0, np.nan),
    ],
)
def test_hostile_arrays_are_refused(scope, damage):
    tensors = scope.to_tensors()
    damage(tensors)
    with pytest.raises(ConfigError):
        OutOfScope.from_tensors(tensors)


def test_another_models_energies_are_put_on_the_scale_of_the_first(scope, random):
    known = drawn(random, 500)
    other = known._replace(energies=known.energies * 3 + 20)
    adapted = scope.with_energies(known.energies, other.energies)
    np.testing.assert_allclose(adapted.score(other), scope.score(known), atol=1e-3)
    assert (scope.with_energies(np.zeros(3), np.ones(3)).normal[:, 1] >= 0).all()
