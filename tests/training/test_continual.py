from dataclasses import replace

import numpy as np
import pytest
import torch
from fitting import fit

from wave_network.config import LocalWaveConfig, ModelConfig, get_preset
from wave_network.data import (
    TrainingData,
    from_memory,
    joined_rows,
    read_splits,
    texts_from_memory,
)
from wave_network.data.soft_labels import SoftLabels
from wave_network.errors import ConfigError, DataError
from wave_network.models.registry import build_model
from wave_network.models.tensors import tensor_specs
from wave_network.persistence.folder import write_model
from wave_network.runtime import Engine
from wave_network.text import TextTokenizer
from wave_network.training.continual import (
    class_frequencies,
    continued_labelling,
    continued_preset,
    continued_training,
    grown,
    grown_tensors,
    shrunk,
    with_own_predictions,
)
from wave_network.training.packing import pack

NEWS = ["Zyglophone sales rise: the zyglophone is loved", "A zyglophone for all, says Qwertia"] * 3
ALL = ("World", "Sports", "Sci/Tech", "Health")


def torch_logits(files, texts):
    """Of each member, (members, texts, labels), before any mean."""
    model = build_model(files.config)
    model.load_state_dict({name: torch.from_numpy(t) for name, t in files.tensors.items()})
    rows = texts_from_memory(texts)
    packed = pack(rows, files.tokenizer, np.zeros(len(texts), np.int64))
    logits = model.train()(packed.to_torch()).detach().numpy()
    return logits if logits.ndim == 3 else logits[None]


def grow(files, texts=NEWS, classes=ALL):
    """Grown, its weights as they were."""
    start = grown(files, classes, texts)
    twice = {
        name: tensor if "norm" in name else tensor * 2 for name, tensor in start.tensors.items()
    }
    return replace(files, tokenizer=start.tokenizer, config=start.config, tensors=twice)


@pytest.mark.parametrize(
    "options", [{}, {"members": 3}, {"problem_type": "multi_label_classification"}]
)
def test_with_new_classes_the_old_logits_are_what_they_were(make_files, options):
    files = make_files(config_class=LocalWaveConfig, **options)
    texts = read_splits("sample").train["text"][:50]
    after = grow(files, texts=[])
    before_logits, after_logits = torch_logits(files, texts), torch_logits(after, texts)
    np.testing.assert_allclose(after_logits[..., :3], before_logits, atol=1e-6)
    np.testing.assert_allclose(after_logits[..., 3], before_logits.mean(axis=2), atol=1e-5)
    old, new = Engine(files).predict_proba(texts), Engine(after).predict_proba(texts)
    np.testing.assert_array_equal(new[:, :3].argmax(axis=1), old.argmax(axis=1))
    assert after.config.problem_type == files.config.problem_type


def test_old_entries_keep_their_ids_and_new_words_start_at_their_pieces(make_files):
    files = make_files(config_class=LocalWaveConfig)
    after = grow(files)
    old, new = files.tokenizer, after.tokenizer
    count = new.vocab_size - old.vocab_size
    assert count == after.config.vocab_size - files.config.vocab_size > 0
    texts = read_splits("sample").train["text"][:20]
    np.testing.assert_array_equal(
        new.encode(["the cat of all"]).ids, old.encode(["the cat of all"]).ids
    )
    assert new.tokens(range(old.vocab_size)) == old.tokens(range(old.vocab_size))
    pieces = old.encode(["zyglophone"]).ids[1:]
    assert len(pieces) > 1
    (word,) = new.encode(["Zyglophone"]).ids[1:]
    assert word >= old.vocab_size
    table = after.tensors["embedding.weight"]
    np.testing.assert_array_equal(table[: old.vocab_size], files.tensors["embedding.weight"])
    np.testing.assert_allclose(table[word], table[pieces].mean(axis=0), atol=1e-6)
    assert len(new.encode(texts).ids) <= len(old.encode(texts).ids)


def test_a_foreign_tokenizer_keeps_its_vocabulary(make_files, tmp_path):
    words = ["[UNK]", "[CLS]", "zy", "##glo", "##phone", "a", "sale"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    files = make_files(config_class=LocalWaveConfig, tokenizer=TextTokenizer.load(tmp_path, 24))
    after = grow(files)
    assert after.tokenizer is files.tokenizer
    assert after.config.vocab_size == files.config.vocab_size
    assert after.config.labels == ALL


def test_the_vocabulary_grows_to_the_presets_size_or_by_a_tenth(make_files, monkeypatch):
    files = make_files(config_class=LocalWaveConfig)
    size = files.tokenizer.vocab_size
    words = [f"zyg{a}{b}qx" for a in "abcdefghijklmnop" for b in "abcdefghijklmnop"]
    texts = [f"{word} {word}" for word in words]
    assert grow(files, texts).tokenizer.vocab_size == size + len(words)
    assert grow(files, words).tokenizer.vocab_size == size + len(words)  # there is room
    full = replace(get_preset("small"), vocab_size=size)
    monkeypatch.setattr("wave_network.config.presets.PRESETS", {"small": full})
    assert grow(files, texts).tokenizer.vocab_size == size + size // 10
    assert grow(files, words).tokenizer.vocab_size == size  # each word only once


def test_old_classes_come_first_and_new_ones_sorted(make_files):
    def classes(old, labels, **options):
        base = make_files(labels=old, config_class=LocalWaveConfig, **options)
        rows = from_memory(["any"] * len(labels), labels)
        return continued_labelling(base, TrainingData(rows)).classes

    assert classes(("b", "a"), ["d", "a", "c", "d"]) == ("b", "a", "c", "d")
    assert classes(("b", "a"), ["a"]) == ("b", "a")
    assert classes((3, 1), ["1", "10", "9"]) == (3, 1, 9, 10)
    assert classes(("3", "1"), [1, 9]) == ("3", "1", "9")
    several = {"problem_type": "multi_label_classification"}
    assert classes(("b", "a"), [["d", "a"], [], ["c"]], **several) == ("b", "a", "c", "d")
    with pytest.raises(DataError, match=r"'x'.* are strings.*integers"):
        classes((3, 1), ["x", "1"])
    with pytest.raises(ConfigError, match="is single-label, and these rows have lists"):
        classes(("b", "a"), [["a"], ["b", "a"]])
    with pytest.raises(ConfigError, match=r"is multi-label.*give lists of labels"):
        classes(("b", "a"), ["a", "b"], **several)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"preset": "tiny"}, "has the preset small, and its weights do not fit tiny"),
        ({"model_options": {"operation": "interference"}}, "the operation modulation"),
        ({"model_options": {"max_length": 99}}, "the max_length 24"),
        ({"tokenizer": "folder"}, "its own tokenizer"),
    ],
)
def test_what_the_weights_do_not_fit_is_refused(make_files, asked, told):
    base = make_files(config_class=LocalWaveConfig)
    values = {"preset": None, "model_options": {}, "tokenizer": None, **asked}
    with pytest.raises(ConfigError, match=told):
        continued_preset(base, **values)


def test_what_the_model_has_may_be_asked_for(make_files):
    base = make_files(config_class=LocalWaveConfig)
    same = {"operation": "modulation", "max_length": 24}
    preset = continued_preset(base, "small", same, None)
    assert preset.name == "small"
    assert preset.train == continued_training(get_preset("small").train)


def test_weights_are_halved_and_norms_are_not(make_files):
    files = make_files(config_class=LocalWaveConfig)
    smaller = shrunk(grown_tensors(files, 3, []), tensor_specs(files.config))
    for name, tensor in files.tensors.items():
        factor = 1 if name.startswith("norm") else 0.5
        np.testing.assert_array_equal(smaller[name], tensor * np.float32(factor))


@pytest.mark.parametrize("soft", [False, True])
def test_texts_of_old_classes_are_held_to_what_was_answered(make_files, soft):
    base = make_files()
    texts = read_splits("sample").train.select(range(8))
    labels = np.array([0, 1, 2, 3] * 2)
    targets = np.eye(4, dtype=np.float32)[labels]
    mixed = with_own_predictions(base, texts, targets if soft else labels, 4, 0.25)
    answers = Engine(base).predict_proba(texts["text"])
    old = labels < 3
    np.testing.assert_allclose(
        mixed[old, :3], 0.75 * targets[old, :3] + 0.25 * answers[old], atol=1e-6
    )
    np.testing.assert_array_equal(mixed[~old], targets[~old])
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("soft", [False, True])
def test_few_texts_of_old_classes_stand_for_all(make_files, soft, caplog):
    base = make_files()  # learnt from 90 texts of 3 classes
    labels = np.array([0] * 10 + [1] * 20 + [3] * 40)
    targets = np.eye(4, dtype=np.float32)[labels] if soft else labels

    def found(base, targets, **options):
        figures = class_frequencies(base, targets, **{"weighted": False, **options})
        return figures["represented_texts"], figures["new_class_offset"]

    assert found(base, targets) == (90 + 40, pytest.approx(np.log(30 / 90)))
    again = replace(base, metrics={**base.metrics, "represented_texts": 300})
    assert found(again, targets) == (300 + 40, pytest.approx(np.log(30 / 300)))
    assert found(base, targets, weighted=True) == (130, 0)
    assert found(replace(base, metrics={}), targets) == (70, 0)
    assert found(base, np.repeat(targets, 4, axis=0)) == (4 * 70, 0)
    assert not caplog.records
    assert found(base, targets[30:]) == (90 + 40, 0)
    assert "it will forget" in caplog.text


def test_label_lists_are_counted_and_their_odds_left_alone(make_files):
    base = make_files(config_class=LocalWaveConfig, problem_type="multi_label_classification")
    sets = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]], np.float32)
    figures = class_frequencies(base, sets, weighted=False)
    assert figures == {
        "represented_texts": 90 + 2,
        "represented_share": 2 / 90,
        "new_class_offset": 0,
    }


@pytest.fixture(scope="module")
def rows():
    return read_splits("sample").train.select(range(0, 1400, 3))


NEW = "Business"


@pytest.fixture(scope="module")
def old(rows):
    return rows.select(np.flatnonzero(np.array(rows["label"]) != NEW))


@pytest.fixture(scope="module")
def new(rows):
    return rows.select(np.flatnonzero(np.array(rows["label"]) == NEW))


PRESET = get_preset("tiny")
BRIEF = {"batch_size": 32, "device": "cpu"}


@pytest.fixture(scope="module")
def base(old):
    return fit(old, None, PRESET, replace(PRESET.train, **BRIEF)).files


def continue_with(base, rows, validation=None, **options):
    preset = continued_preset(base, None, {}, None)
    config = replace(preset.train, **{**BRIEF, **options})
    return fit(rows, validation, preset, config, base=base).files


def accuracy(files, of_new):
    """Of the bundled sample's test rows of the new class, or of the old ones."""
    test = read_splits("sample").test
    labels = np.array(files.config.labels)
    found = labels[Engine(files).predict_proba(test["text"]).argmax(axis=1)]
    truth = np.array(test["label"])
    return (found == truth)[(truth == NEW) == of_new].mean()


def test_a_new_label_is_learnt_and_old_ones_are_kept_as_from_scratch(base, old, new):
    """The continued model has word vectors; continuing uses none, as here from scratch."""
    assert base.metrics["vectors"] == "english"
    both = joined_rows(new, old)
    continued = continue_with(base, both)
    assert continued.config.labels == ("Sci/Tech", "Sports", "World", NEW)
    scratch = fit(both, None, PRESET, replace(PRESET.train, vectors="none", **BRIEF)).files
    on, anew = (
        [accuracy(files, of_new) for of_new in (True, False)] for files in (continued, scratch)
    )
    assert np.dot([0.25, 0.75], on) > np.dot([0.25, 0.75], anew) - 0.03
    assert on[0] > 0.65
    assert on[1] > 0.8
    assert continued.metrics["best_epoch"] == continued.metrics["epochs"]  # the last is kept


def test_a_few_old_rows_stand_for_all(base, old, new):
    few = joined_rows(new, old.select(range(0, len(old), 4)))
    continued = continue_with(base, few)
    # From scratch these rows give 0.37: far too many texts get the new label.
    assert accuracy(continued, of_new=False) > 0.45
    assert accuracy(continued, of_new=True) > 0.5
    assert continued.metrics["new_class_offset"] < -1


def test_given_validation_texts_choose_the_epoch(base, old, new):
    # The surer a model gets of the old labels, the worse it is on these.
    contrary = from_memory(old["text"], [NEW] * len(old))
    files = continue_with(base, joined_rows(new, old), contrary, epochs=4, min_steps=0)
    assert files.metrics["best_epoch"] < files.metrics["epochs"] == 4


def test_a_teacher_takes_the_place_of_the_models_own_answers(base, old, new, tmp_path):
    both = joined_rows(new, old)
    files = continue_with(base, both, epochs=1, min_steps=0)
    write_model(tmp_path / "teacher", files, card="", history=[])
    taught = continue_with(base, both, epochs=1, min_steps=0, teacher=str(tmp_path / "teacher"))
    assert taught.config.labels == files.config.labels
    write_model(tmp_path / "base", base, card="", history=[])
    with pytest.raises(ConfigError, match="the teacher has the classes"):
        continue_with(base, both, epochs=1, min_steps=0, teacher=str(tmp_path / "base"))


def test_label_lists_grow_too():
    rows = [("a goal and a match", ["sport"]), ("the vote and the law", ["politics"])] * 30
    more = [("a goal and the vote", ["sport", "politics"]), ("nothing", [])] * 10
    new = [("the virus and the cure", ["health"]), ("a match and a cure", ["sport", "health"])] * 20
    old_rows, new_rows = (from_memory(*zip(*part, strict=True)) for part in (rows + more, new))
    train = replace(PRESET.train, batch_size=8, epochs=12, min_steps=0, device="cpu")
    base = fit(old_rows, None, PRESET, train).files
    preset = continued_preset(base, None, {}, None)
    config = replace(train, learning_rate=train.learning_rate / 2, initialization="random")
    files = fit(joined_rows(new_rows, old_rows), None, preset, config, base=base).files
    assert files.config.labels == ("politics", "sport", "health")
    assert len(files.config.thresholds) == 3
    answers = Engine(files).predict(["a match and a cure", "the vote and the law", "the virus"])
    given = [sorted(label for label in answer.labels) for answer in answers]
    assert given == [["health", "sport"], ["politics"], ["health"]]


def test_a_refit_is_refused(base, old):
    with pytest.raises(ConfigError, match="leave refit out"):
        continue_with(base, old, refit=True)


def test_texts_that_a_refit_learnt_from_are_held_out_again(make_files):
    base = make_files()
    refit = replace(base, metrics={**base.metrics, "training_texts": 100, "refit": True})
    labels = np.array([0] * 90 + [3] * 10)
    assert class_frequencies(refit, labels, weighted=False)["new_class_offset"] == 0


def test_the_papers_model_is_refused(make_files):
    with pytest.raises(ConfigError, match="continue a model of the presets small, tiny or large"):
        continued_preset(make_files(config_class=ModelConfig), None, {}, None)


def test_balanced_classes_need_no_rows_of_every_old_one(base, new):
    rows = joined_rows(new, from_memory(["the match was won"] * 20, ["Sports"] * 20))
    files = continue_with(base, rows, class_weight="balanced", epochs=1, min_steps=0)
    assert files.config.labels == (*base.config.labels, NEW)
    assert files.metrics["new_class_offset"] == 0  # the weights say what is frequent


def test_soft_labels_may_name_new_classes(base, old):
    rows = old.select(range(60))
    classes = (NEW, "Sports")
    given = SoftLabels(classes, np.tile(np.float32([[0.5, 0.5], [0.75, 0.25]]), (30, 1)))
    preset = continued_preset(base, None, {}, None)
    config = replace(preset.train, **BRIEF)
    config = replace(config, epochs=1, min_steps=0)
    files = fit(rows, None, preset, config, base=base, soft_labels=given).files
    assert files.config.labels == (*base.config.labels, NEW)
