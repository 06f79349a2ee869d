import numpy as np
import pytest
from fitting import fit
from scipy.special import expit, softmax

from wave_network._native import threads
from wave_network.config import LocalWaveConfig, TrainConfig, get_preset, override
from wave_network.config.local_wave import largest_prime
from wave_network.data import MultiLabel, SingleLabel, from_memory
from wave_network.data.batch import PackedTexts
from wave_network.evaluation.posthoc import calibrate_post_hoc
from wave_network.models.local_wave.ngrams import ngram_buckets
from wave_network.models.tensors import parameter_counts
from wave_network.runtime import Engine
from wave_network.training.callbacks import Progress
from wave_network.training.local_wave.linear_part import fitted_beside, linear_weights
from wave_network.training.local_wave.margin_weight import MARGIN, margin_weight

CONFIG = {"vocab_size": 12, "cls_token_id": 0, "linear_size": 400, "bigram_buckets": 13}
NGRAMS = [("pair",), ("pair", "skip-pair"), ("pair", "skip-pair", "triple")]
MULTI_LABEL = "multi_label_classification"
ONE_LABEL = SingleLabel(())


def make_config(labels=("a", "b"), **options):
    return LocalWaveConfig(labels=labels, **{**CONFIG, **options})


def pack(rows, labels, weights=None):
    return PackedTexts(
        ids=np.concatenate([np.array(row, np.int32) for row in rows]),
        offsets=np.cumsum([0, *map(len, rows)]),
        labels=np.array(labels),
        weights=weights,
    )


def margins_of(weights, config, row):
    """By the formula, one token after the other."""
    total = weights.bias.astype(float)
    for token in row:
        total = total + weights.tokens[token] / len(row) ** 0.5
    for kind in config.linear_ngrams:
        for bucket in ngram_buckets(kind, np.array(row), config.linear_buckets):
            total = total + weights.bigrams[bucket] / max(len(row) - 1, 1) ** 0.5
    return total


def topics(texts=60, classes=3):
    """Texts of a class have words of their own; 0 begins every text, 11 is in all of them."""
    random = np.random.default_rng(0)
    rows = [[0, 11, *(random.integers(1, 4, 5) + 3 * (text % classes))] for text in range(texts)]
    return rows, np.arange(texts) % classes


def test_the_margin_of_a_texts_class_is_the_largest():
    rows, labels = topics()
    config = make_config(("a", "b", "c"))
    weights = linear_weights(pack(rows, labels), config, seed=0)
    assert weights.tokens.shape == (12, 3)
    assert weights.bigrams.shape == (config.linear_buckets, 3)
    assert {array.dtype for array in weights} == {np.dtype("float32")}
    margins = np.array([margins_of(weights, config, row) for row in rows])
    assert (margins.argmax(axis=1) == labels).all()
    assert margins[np.arange(60), labels].min() > 0.5


def test_word_order_tells_what_words_do_not():
    rows = [[0, 1, 2], [0, 2, 1]] * 20
    config = make_config()
    weights = linear_weights(pack(rows, [0, 1] * 20), config, seed=0)
    first, second = (margins_of(weights, config, row) for row in rows[:2])
    assert first[0] > 0.2 > -0.2 > first[1]
    assert second[1] > 0.2 > -0.2 > second[0]


@pytest.mark.parametrize("ngram", ["skip-pair", "triple"])
def test_ngrams_tell_what_words_and_pairs_do_not(ngram):
    rows = [[0, 1, 2, 1, 3, 1], [0, 1, 3, 1, 2, 1]]  # the same pairs in another order
    texts = pack(rows * 20, [0, 1] * 20)
    for ngrams, told in ((("pair",), False), (("pair", ngram), True)):
        config = make_config(linear_ngrams=ngrams)
        weights = linear_weights(texts, config, seed=0)
        first, second = (margins_of(weights, config, row) for row in rows)
        assert (first[0] > 0.1 > -0.1 > first[1]) == told
        assert (second[1] > 0.1 > -0.1 > second[0]) == told


def test_two_classes_have_opposite_margins():
    rows, labels = topics(classes=2)
    weights = linear_weights(pack(rows, labels), make_config(), seed=0)
    for array in weights:
        np.testing.assert_allclose(array[..., 0], -array[..., 1], atol=1e-6)


def test_a_feature_of_one_text_says_nothing():
    rows, labels = topics()
    rows[0].append(10)
    weights = linear_weights(pack(rows, labels), make_config(("a", "b", "c")), seed=0)
    assert not weights.tokens[10].any()
    assert weights.tokens[1:10].any(axis=1).all()


def test_probabilities_of_one_are_learnt_as_labels_are():
    rows, labels = topics()
    config = make_config(("a", "b", "c"))
    sure = 0.96 * np.eye(3, dtype=np.float32)[labels] + 0.04 / 3
    for found, expected in zip(
        linear_weights(pack(rows, sure), config, seed=0),
        linear_weights(pack(rows, labels, np.full(60, 0.96 + 0.04 / 3)), config, seed=0),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_a_class_that_is_half_right_has_a_margin_in_between(share):
    rows, labels = topics(300)
    config = make_config(("a", "b", "c"))
    soft = (1 - share) * np.eye(3, dtype=np.float32)[labels]
    soft += share * np.eye(3, dtype=np.float32)[(labels + 1) % 3]
    hard, found = (
        np.mean(
            [
                margins_of(weights, config, row)[label]
                for row, label in zip(rows, labels, strict=True)
            ]
        )
        for weights in (
            linear_weights(pack(rows, truth), config, seed=0) for truth in (labels, soft)
        )
    )
    assert 0 < found < hard - share


def test_each_of_several_labels_is_told_by_itself():
    rows, labels = topics()
    truth = np.eye(3, dtype=np.float32)[labels]
    truth[:, 2] = truth[:, 0]  # the third label goes with the first
    config = make_config(("a", "b", "c"), problem_type=MULTI_LABEL)
    weights = linear_weights(pack(rows, truth), config, seed=0)
    margins = np.array([margins_of(weights, config, row) for row in rows])
    assert ((margins > 0) == truth.astype(bool)).all()


@pytest.mark.parametrize("several", [False, True])
def test_a_label_that_no_text_has_is_held_unlikely(several):
    rows, labels = topics(classes=2)
    options = {"problem_type": MULTI_LABEL} if several else {}
    truth = np.eye(3, dtype=np.float32)[labels] if several else labels
    weights = linear_weights(pack(rows, truth), make_config(("a", "b", "c"), **options), seed=0)
    assert not weights.tokens[:, 2].any()
    assert weights.bias[2] == -1
    assert np.isfinite(weights.tokens).all()


def test_texts_of_one_class_teach_nothing():
    rows, _ = topics()
    weights = linear_weights(pack(rows, [1] * 60), make_config(), seed=0)
    assert not weights.tokens.any()


def test_a_class_whose_texts_weigh_more_is_likelier():
    rows, labels = topics(30)
    heavy = np.where(labels == 0, 5, 1).astype(np.float32)
    config = make_config(("a", "b", "c"))
    weighted = linear_weights(pack(rows, labels, heavy), config, seed=0)
    plain = linear_weights(pack(rows, labels), config, seed=0)
    assert margins_of(weighted, config, [0])[0] > margins_of(plain, config, [0])[0]


@pytest.mark.parametrize("soft", [False, True])
def test_a_weight_of_0_is_as_no_text(soft):
    rows, labels = topics()
    truth = 0.8 * np.eye(3, dtype=np.float32)[labels] + 0.2 / 3 if soft else labels
    kept = np.arange(60) % 5 > 0
    config = make_config(("a", "b", "c"))
    found = linear_weights(pack(rows, truth, kept.astype(np.float32)), config, seed=0)
    alone = pack([row for row, keep in zip(rows, kept, strict=True) if keep], truth[kept])
    for array, expected in zip(found, linear_weights(alone, config, seed=0), strict=True):
        np.testing.assert_array_equal(array, expected)


def test_of_very_many_texts_some_are_read(monkeypatch):
    monkeypatch.setattr("wave_network.training.local_wave.linear_part._MOST_TOKENS", 350)
    rows, labels = topics(600)
    config = make_config(("a", "b", "c"))
    weights = linear_weights(pack(rows, labels), config, seed=0)
    margins = np.array([margins_of(weights, config, row) for row in rows])
    assert (margins.argmax(axis=1) == labels).mean() > 0.95
    again = linear_weights(pack(rows, labels), config, seed=0)
    np.testing.assert_array_equal(weights.tokens, again.tokens)


@pytest.mark.parametrize(("count", "members"), [(3, 1), (1, 1), (3, 2)])
def test_it_is_the_same_beside_the_waves(count, members):
    rows, labels = topics()
    texts, config = pack(rows, labels), make_config(("a", "b", "c"), members=members)
    with threads.using(count), fitted_beside(texts, config, seed=0) as weights:
        found = weights()
    for array, expected in zip(found, linear_weights(texts, config, seed=0), strict=True):
        np.testing.assert_array_equal(array, expected)


def drawn(of_waves, of_margins, several, texts=4_000):
    """Logits, margins, and labels drawn by what both together say."""
    random = np.random.default_rng(0)
    logits, margins = random.normal(size=(2, texts, 3)) * [[[2]], [[0.4]]]
    both = of_waves * logits + of_margins * margins
    if several:
        return logits, margins, (random.random((texts, 3)) < expit(both)).astype(np.float32)
    chances = softmax(both, axis=1).cumsum(axis=1)
    return logits, margins, (random.random((texts, 1)) > chances).sum(axis=1).clip(max=2)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(("of_waves", "of_margins"), [(1, 8), (0.5, 3), (0.8, 1.5)])
def test_many_texts_tell_what_a_margin_is_worth(several, of_waves, of_margins):
    labelling = MultiLabel(()) if several else ONE_LABEL
    found = margin_weight(*drawn(of_waves, of_margins, several), labelling)
    assert found == pytest.approx(of_margins / of_waves, rel=0.2)


def test_probabilities_tell_what_a_margin_is_worth():
    logits, margins, _ = drawn(1, 8, several=False)
    soft = softmax(0.5 * logits + 3 * margins, axis=1)
    found = margin_weight(logits, margins, soft, ONE_LABEL)
    assert found == pytest.approx(6, rel=0.05)


def test_one_text_tells_little():
    logits, margins, labels = drawn(1, 8, several=False)
    found = margin_weight(logits[:1], margins[:1], labels[:1], ONE_LABEL)
    assert found == pytest.approx(MARGIN, rel=0.5)


def test_there_is_none_where_the_buckets_are_few_for_the_tokens():
    assert make_config(linear_size=0).linear_buckets == 0
    assert make_config(linear_size=60).linear_buckets == 0  # 29 for 12 tokens
    assert make_config(linear_size=62).linear_buckets == 31
    assert make_config(tuple(map(str, range(40)))).linear_buckets == 0


@pytest.mark.parametrize(("name", "most"), [("small", 2.4e6), ("tiny", 4e5), ("large", 25e6)])
def test_a_preset_stays_in_its_size_whatever_the_labels(name, most):
    preset = get_preset(name)
    for labels in range(2, 60):
        for vocabulary in (2_000, preset.vocab_size // 2, preset.vocab_size):
            names = tuple(map(str, range(labels)))
            shape = {"labels": names, "vocab_size": vocabulary, "cls_token_id": 0}
            config = preset.config(**shape, **preset.model)
            assert parameter_counts(config)["total"] <= most


@pytest.mark.parametrize(
    ("name", "labels", "most"),
    [("small", 10_000, 2.4e6), ("tiny", 900, 4e5), ("large", 6_000, 25e6)],
)
def test_a_preset_stays_in_its_size_with_many_labels(name, labels, most):
    preset, names = get_preset(name), tuple(range(labels))
    shape = {"labels": names, "vocab_size": preset.vocab_size, "cls_token_id": 0}
    config = preset.config(**shape, **preset.model).with_sparse_linear_part()
    assert config.sparse_linear_size
    assert config.linear_buckets > config.vocab_size
    assert parameter_counts(config)["total"] <= most


def test_a_linear_part_is_sparse_only_where_it_cannot_be_dense():
    dense, none = make_config(), make_config(linear_size=0)
    assert dense.with_sparse_linear_part() is dense
    assert none.with_sparse_linear_part() is none
    assert "sparse_linear_size" not in dense.to_dict()  # earlier versions read it
    names = tuple(map(str, range(40)))
    sparse = make_config(names).with_sparse_linear_part()
    assert sparse.sparse_linear_size == 133
    assert LocalWaveConfig.from_dict(sparse.to_dict()) == sparse
    more = sparse.extended((*names, "new"), 15)
    assert (more.linear_buckets, more.sparse_linear_size) == (sparse.linear_buckets, 133)


def test_the_buckets_are_a_prime():
    assert [largest_prime(number) for number in (0, 1, 2, 3, 4, 225_000)] == [
        *(0, 1, 2, 3, 3),
        224_993,
    ]


@pytest.mark.parametrize("texts", [64, 400])
def test_few_texts_are_better_understood_with_it(texts):
    from wave_network.data import read_splits

    splits = read_splits("sample")
    order = np.random.default_rng(1).permutation(len(splits.train))
    training = splits.train.select(order[:texts])
    small = get_preset("small")
    train = override(small.train, epochs=4, device="cpu")
    files = fit(training, splits.test, small, train).files
    assert files.config.linear_buckets
    tensors = {
        name: tensor * 0 if name.startswith("linear.") else tensor
        for name, tensor in files.tensors.items()
    }
    alone = type(files)(**{**vars(files), "tensors": tensors})
    truth = np.array(splits.test["label"])
    right, right_alone = (
        np.mean([p.label for p in Engine(each).predict(splits.test["text"])] == truth)
        for each in (files, alone)
    )
    assert right > right_alone + 0.02


def test_a_model_that_learns_again_from_all_texts_keeps_what_a_margin_was_worth():
    rows = from_memory(["good film", "bad film", "great fun", "dull plot"] * 12, [1, 0, 1, 0] * 12)
    small = get_preset("small")
    train = TrainConfig(
        epochs=1, refit=True, device="cpu", initialization="random", max_grad_norm=None
    )
    files = fit(rows, None, small, train).files
    assert files.metrics["refit"]
    assert files.tensors["linear.tokens.weight"].any()


def test_post_hoc_calibration_tells_the_metrics_before_and_after():
    logits, _, labels = drawn(0.5, 0, several=False)
    labelling = SingleLabel(("a", "b", "c"))
    found = calibrate_post_hoc(
        labelling, logits.astype(np.float32), labels, None, fits_temperature=True
    )
    assert found.temperature == pytest.approx(2, rel=0.1)
    assert found.metrics["loss"] < found.uncalibrated["loss"]
    assert found.metrics["accuracy"] == found.uncalibrated["accuracy"]


def test_ctrl_c_while_the_linear_part_is_fitted_keeps_the_waves(monkeypatch, ctrl_c):
    def stage(self, name, total=None):
        if name == "fitting the linear part":
            ctrl_c()

    monkeypatch.setattr(Progress, "stage", stage)
    rows = from_memory(["good film", "bad film", "great fun", "dull plot"] * 12, [1, 0, 1, 0] * 12)
    train = TrainConfig(
        epochs=2, refit=True, device="cpu", initialization="random", max_grad_norm=None
    )
    fitted = fit(rows, rows, get_preset("small"), train)
    assert (fitted.stopped, len(fitted.history)) == ("interrupted", 2)
    assert "margin_weight" not in fitted.files.metrics
    assert not fitted.files.tensors["linear.tokens.weight"].any()
    assert fitted.files.metrics["refit"] is False
    assert len(Engine(fitted.files).predict(["good fun"])) == 1
