import hashlib
import json
import logging
import random
import subprocess
import sys
from dataclasses import replace
from textwrap import dedent

import numpy as np
import pytest
import torch
from fitting import fit

from wave_network.config import (
    LocalWaveConfig,
    ModelConfig,
    Preset,
    TrainConfig,
    get_preset,
    override,
)
from wave_network.data import (
    MultiLabel,
    SingleLabel,
    from_memory,
    read_splits,
    texts_from_memory,
)
from wave_network.data.soft_labels import SoftLabels
from wave_network.errors import ConfigError, DataError, ModelFolderError
from wave_network.evaluation.metrics import summarize, summarize_multi_label
from wave_network.evaluation.thresholds import choose_thresholds
from wave_network.persistence.folder import write_model
from wave_network.runtime import Engine
from wave_network.text import TextTokenizer
from wave_network.training.callbacks import Progress
from wave_network.training.describe import Warnings
from wave_network.training.interrupt import StopSignal
from wave_network.training.model import _warn_of_slow_training
from wave_network.training.packing import pack

PRESET = Preset(
    name="tiny",
    config=ModelConfig,
    model={"hidden_size": 16, "max_length": 32, "dropout": 0.1, "positions": "learned"},
    train=TrainConfig(),
    vocab_size=500,
)
LOCAL = Preset(
    name="small",
    config=LocalWaveConfig,
    model={"hidden_size": 8, "bigram_buckets": 1_009, "members": 2, "max_length": 32},
    train=TrainConfig(),
    vocab_size=500,
)
PRESETS_HERE = {"wave": PRESET, "local": LOCAL}
CONFIG = TrainConfig(
    epochs=2, batch_size=32, token_dropout=0.1, max_grad_norm=None, seed=3, device="cpu"
)


@pytest.fixture(scope="module")
def rows():
    return read_splits("sample").train.select(range(0, 1400, 10))


def digest(fitted):
    """A hash of the weights, the tokenizer and the figures."""
    hashed = hashlib.sha256()
    for name, tensor in sorted(fitted.files.tensors.items()):
        hashed.update(name.encode() + tensor.tobytes())
    hashed.update(repr(fitted.files.tokenizer.__reduce__()[1]).encode())
    hashed.update(json.dumps(fitted.files.metrics["validation"]).encode())
    return hashed.hexdigest()


@pytest.mark.parametrize("name", PRESETS_HERE)
def test_same_seed_gives_bit_identical_weights_in_one_process_and_in_another(rows, name):
    preset = PRESETS_HERE[name]
    first = digest(fit(rows, None, preset, CONFIG))
    torch.rand(7)  # what happens in between must not matter
    np.random.default_rng().random()
    assert digest(fit(rows, None, preset, CONFIG)) == first
    program = """
        import sys

        sys.path[:0] = sys.argv[1], f"{sys.argv[1]}/../helpers"
        import test_fit as here

        rows = here.read_splits("sample").train.select(range(0, 1400, 10))
        print(here.digest(here.fit(rows, None, here.PRESETS_HERE[sys.argv[2]], here.CONFIG)))
    """
    folder = __file__.rpartition("/")[0]
    found = subprocess.run(
        [sys.executable, "-c", dedent(program), folder, name],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == first
    assert digest(fit(rows, None, preset, replace(CONFIG, seed=4))) != first


@pytest.mark.parametrize("name", PRESETS_HERE)
def test_the_callers_random_numbers_and_threads_stay_as_they_are(rows, name):
    def states():
        numpy_state = np.random.get_state()  # noqa: NPY002 - the global one
        return random.getstate(), torch.get_rng_state().tolist(), repr(numpy_state)

    before, threads = states(), torch.get_num_threads()
    fit(rows, None, PRESETS_HERE[name], CONFIG)
    assert states() == before
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("name", "table"), [("wave", "embedding.weight"), ("local", "embedding.weight")]
)
def test_the_seed_decides_the_start(rows, name, table):
    """The rows of tokens that never occur still are what they were at the start."""
    tables = [
        fit(rows, None, PRESETS_HERE[name], replace(CONFIG, epochs=1, seed=seed)).files.tensors[
            table
        ]
        for seed in (3, 3, 4)
    ]
    assert np.array_equal(tables[0], tables[1])
    assert not (tables[0] == tables[2]).all(axis=1).any()


@pytest.mark.parametrize(
    ("preset", "model"),
    [
        (PRESET, {"hidden_size": 256, "variants": "linear"}),
        (LOCAL, {"hidden_size": 32, "members": 8, "bigram_buckets": 1_009}),
    ],
    ids=PRESETS_HERE,
)
def test_same_seed_gives_bit_identical_weights_with_several_threads(rows, preset, model):
    threads = torch.get_num_threads()
    wide = replace(preset, model={"max_length": 64, **model})
    config = replace(CONFIG, epochs=1, batch_size=64)
    torch.set_num_threads(2)
    try:
        first, again = (digest(fit(rows, None, wide, config)) for _ in range(2))
    finally:
        torch.set_num_threads(threads)
    assert first == again


def test_what_a_training_gives(rows):
    fitted = fit(rows, None, PRESET, CONFIG)
    metrics, config = fitted.files.metrics, fitted.files.config
    assert metrics["training_texts"] == 126
    assert metrics["validation_texts"] == 14
    assert metrics["best_epoch"] in (1, 2)
    assert metrics["epochs"] == 2
    assert metrics["stopped"] is fitted.stopped is metrics["test"] is None
    assert metrics["train_seconds"] > 0
    assert metrics["parameters"]["total"] == sum(t.size for t in fitted.files.tensors.values())
    before = fitted.history[metrics["best_epoch"] - 1]["validation"]
    for name in ("accuracy", "macro_f1"):
        assert metrics["validation"][name] == before[name]
    assert len(fitted.history) == 2
    assert config.labels == tuple(sorted(set(rows["label"])))
    assert (config.hidden_size, config.max_length, config.dropout) == (16, 32, 0.1)
    assert config.vocab_size == fitted.files.tokenizer.vocab_size == 500
    assert fitted.files.preset == "tiny"
    assert fitted.files.training == CONFIG.to_dict()
    assert json.loads(json.dumps(metrics)) == metrics
    assert all(tensor.dtype == np.float32 for tensor in fitted.files.tensors.values())


def test_a_temperature_is_fitted_on_the_validation_texts_and_every_engine_uses_it(rows):
    training, validation = rows.select(range(100)), rows.select(range(100, 140))
    config = replace(CONFIG, epochs=6, learning_rate=0.02)
    fitted, raw = (
        fit(training, validation, LOCAL, replace(config, calibrate=calibrate))
        for calibrate in (True, False)
    )
    temperature, metrics = fitted.files.temperature, fitted.files.metrics
    assert raw.files.temperature is raw.files.metrics["calibration"] is None
    figures = metrics["calibration"]
    assert figures["temperature"] == temperature != 1
    for name in ("loss", "ece", "brier"):
        assert figures["before"][name] == pytest.approx(raw.files.metrics["validation"][name])
        assert figures["after"][name] == metrics["validation"][name]
    assert figures["after"]["loss"] < figures["before"]["loss"]

    texts, probabilities = validation["text"], Engine(raw.files).predict_proba(validation["text"])
    scaled = probabilities.astype(float) ** (1 / temperature)
    found = Engine(fitted.files).predict_proba(texts)
    np.testing.assert_allclose(found, scaled / scaled.sum(axis=1, keepdims=True), atol=1e-5)
    assert np.array_equal(found.argmax(axis=1), probabilities.argmax(axis=1))
    labels = SingleLabel(fitted.files.config.labels).encode(validation["label"])
    assert summarize(found, labels) == pytest.approx(metrics["validation"], abs=1e-4)


def tensors_of(fitted):
    return b"".join(tensor.tobytes() for _, tensor in sorted(fitted.files.tensors.items()))


SKEWED = ["the", "a", "one", "some"] * 30 + ["rare thing", "rare"] * 3
SKEWED_LABELS = [0] * 120 + [1] * 6


def test_class_weights_are_the_same_as_each_texts_own():
    plain = from_memory(SKEWED, SKEWED_LABELS)
    balanced, given, equal = (
        fit(plain, None, LOCAL, replace(CONFIG, class_weight=class_weight))
        for class_weight in ("balanced", {0: 126 / 240, "1": 126 / 12}, None)
    )
    own = from_memory(SKEWED, SKEWED_LABELS, [126 / 240] * 120 + [126 / 12] * 6)
    assert tensors_of(fit(own, None, LOCAL, CONFIG)) == tensors_of(balanced) == tensors_of(given)
    assert tensors_of(balanced) != tensors_of(equal)
    assert given.files.training["class_weight"] == {0: 126 / 240, "1": 126 / 12}
    texts = ["rare", "rare thing"]
    assert (
        Engine(balanced.files).predict_proba(texts)[:, 1]
        > Engine(equal.files).predict_proba(texts)[:, 1]
    ).all()
    assert 0 <= balanced.files.metrics["validation"]["weighted_accuracy"] <= 1


def test_given_validation_weighs_by_class_alone():
    training = from_memory(SKEWED, SKEWED_LABELS, np.linspace(0.5, 2, 126))
    validation = from_memory(["the", "rare", "a", "one"], [0, 1, 0, 0])
    own, both = (
        fit(training, validation, LOCAL, replace(CONFIG, class_weight=class_weight))
        for class_weight in (None, {1: 3.0})
    )
    assert "weighted_accuracy" not in own.files.metrics["validation"]
    found = both.files.metrics["validation"]
    answers = [p.label for p in Engine(both.files).predict(validation["text"])]
    right = np.array(answers) == validation["label"][:]
    assert found["weighted_accuracy"] == pytest.approx(np.average(right, weights=[1, 3, 1, 1]))


def test_a_text_of_weight_0_is_as_if_it_were_not_there(rows):
    texts, labels = rows["text"][:], rows["label"][:]
    weights = [0.0 if place % 7 == 3 else 1.0 for place in range(len(texts))]
    kept = [place for place, weight in enumerate(weights) if weight]
    found = fit(from_memory(texts, labels, weights), None, LOCAL, CONFIG)
    expected = fit(rows.select(kept), None, LOCAL, CONFIG)
    assert found.files.tokenizer.__reduce__() == expected.files.tokenizer.__reduce__()
    for name, tensor in expected.files.tensors.items():
        np.testing.assert_allclose(found.files.tensors[name], tensor, atol=1e-4)


def test_a_weight_for_a_label_that_no_text_has_is_refused(rows):
    with pytest.raises(ConfigError, match="class_weight names 'Wether', which no training text"):
        fit(rows, None, LOCAL, replace(CONFIG, class_weight={"World": 2, "Wether": 1}))


def test_soft_labels_and_unlabelled_texts_have_weights_too(tmp_path):
    from wave_network import WaveClassifier

    soft = np.array([[0.9, 0.1]] * 120 + [[0.2, 0.8]] * 6)
    own = np.tile([2.0, 0.0, 1.0], 42)
    kept = own > 0
    texts = np.array(SKEWED)
    options = {"preset": "tiny", "epochs": 2, "class_weight": "balanced", "device": "cpu"}
    weighted = WaveClassifier(**options).fit(texts, soft, own)
    dropped = WaveClassifier(**options).fit(texts[kept], soft[kept], own[kept])
    np.testing.assert_array_equal(weighted.predict_proba(texts), dropped.predict_proba(texts))
    plain = WaveClassifier(**options).fit(texts[kept], soft[kept])
    assert not np.array_equal(weighted.predict_proba(texts), plain.predict_proba(texts))

    weighted.save(tmp_path / "teacher")
    student = WaveClassifier(**options, teacher=str(tmp_path / "teacher"))
    student.fit(SKEWED, SKEWED_LABELS, np.linspace(0.5, 1, 126), unlabeled=["rare"] * 20)
    assert np.isfinite(student.predict_proba(texts)).all()


def test_given_validation_is_used_whole(rows):
    training, validation = rows.select(range(100)), rows.select(range(100, 140))
    fitted = fit(training, validation, PRESET, CONFIG)
    assert fitted.files.metrics["training_texts"] == 100
    assert fitted.files.metrics["validation_texts"] == 40
    predictions = Engine(fitted.files).predict(validation["text"])
    right = [p.label == label for p, label in zip(predictions, validation["label"], strict=True)]
    assert fitted.files.metrics["validation"]["accuracy"] == pytest.approx(np.mean(right))


def test_soft_labels_take_the_place_of_the_column(rows):
    """Held-out texts count as of their most probable class."""
    labelling = SingleLabel.learn(rows["label"])
    indices = labelling.encode(rows["label"])
    swapped = np.roll(labelling.classes, 1)  # not what the column says
    probabilities = np.full((len(rows), 4), 0.1, np.float32)
    probabilities[np.arange(len(rows)), indices] = 0.7
    soft = SoftLabels(tuple(swapped.tolist()), probabilities)
    fitted = fit(rows, None, PRESET, CONFIG, soft_labels=soft)
    assert fitted.files.config.labels == soft.classes
    _, held_out = labelling.split(indices, 0.1, CONFIG.seed)
    answers = Engine(fitted.files).predict(rows.select(held_out)["text"])
    right = [p.label == swapped[indices[i]] for p, i in zip(answers, held_out, strict=True)]
    assert fitted.files.metrics["validation"]["accuracy"] == pytest.approx(np.mean(right))
    # No loss is below the entropy of 0.7, 0.1, 0.1 and 0.1.
    assert fitted.history[-1]["train_loss"] > 0.94


def test_a_teacher_is_learnt_from(rows, tmp_path):
    """With its answers alone a text's own label says nothing: here every label is wrong."""
    labelling = SingleLabel.learn(rows["label"])
    indices = labelling.encode(rows["label"])
    wrong = from_memory(rows["text"][:], [labelling.classes[index - 1] for index in indices])
    config = replace(CONFIG, epochs=40, learning_rate=0.05, embedding_rate=5.0)
    teacher = fit(rows, None, LOCAL, config).files
    write_model(tmp_path / "teacher", teacher, card="", history=[])
    config = replace(config, teacher=str(tmp_path / "teacher"), distillation_weight=1.0)
    listener = Listener()
    fitted = fit(wrong, rows.select(range(20)), LOCAL, config, progress=listener)
    assert listener.stages[:2] == ["predicting with the teacher", 140]
    answers, learnt = (
        Engine(files).predict_proba(rows["text"]).argmax(axis=1)
        for files in (teacher, fitted.files)
    )
    assert (learnt == answers).mean() > 0.9
    assert (learnt == indices).mean() > 0.85
    assert fitted.files.training["teacher"] == str(tmp_path / "teacher")
    assert fitted.files.training["distillation_weight"] == 1.0


def test_unlabelled_texts_are_learnt_from_and_never_held_out(rows, sample_model):
    config = replace(CONFIG, teacher=str(sample_model))
    unlabeled = texts_from_memory(["zymurgy " * 5] * 30)
    files = fit(rows, None, PRESET, config, unlabeled=unlabeled).files
    assert files.metrics["training_texts"] == 126 + 30
    assert files.metrics["validation_texts"] == 14
    assert len(files.tokenizer.encode(["zymurgy"]).ids) == 2  # [CLS] and a word of the vocabulary


def test_options_replace_the_presets(rows):
    options = {"operation": "interference", "max_length": 5, "levels": ("sentence", "input")}
    fitted = fit(rows, None, PRESET, CONFIG, model_options=options)
    assert fitted.files.config.operation == "interference"
    assert fitted.files.config.levels == ("sentence", "input")
    assert fitted.files.config.max_length == fitted.files.tokenizer.max_length == 5
    with pytest.raises(ConfigError, match="operation must be one of modulation, interference"):
        fit(rows, None, PRESET, CONFIG, model_options={"operation": "multiplication"})


def test_options_replace_those_of_a_preset_of_the_local_network(rows):
    options = {"operation": "interference", "max_length": 5, "members": 3}
    fitted = fit(rows, None, LOCAL, CONFIG, model_options=options)
    config = fitted.files.config
    assert type(config) is LocalWaveConfig
    assert (config.operation, config.max_length, config.members) == ("interference", 5, 3)
    assert fitted.files.tokenizer.max_length == 5
    assert fitted.files.tensors["classifier.weight"].shape == (3, 64, 4)
    counts = fitted.files.metrics["parameters"]
    assert counts["total"] == sum(tensor.size for tensor in fitted.files.tensors.values())
    with pytest.raises(ConfigError, match="members must be at least 1"):
        fit(rows, None, LOCAL, CONFIG, model_options={"members": 0})


def test_the_kept_figures_are_those_of_the_torch_free_engine(rows):
    training, validation = rows.select(range(100)), rows.select(range(100, 140))
    fitted = fit(training, validation, LOCAL, CONFIG)
    predictions = Engine(fitted.files).predict(validation["text"])
    right = [p.label == label for p, label in zip(predictions, validation["label"], strict=True)]
    assert fitted.files.metrics["validation"]["accuracy"] == pytest.approx(np.mean(right))


def test_integer_labels():
    texts = ["good fine", "bad poor", "so so middling"] * 20
    fitted = fit(from_memory(texts, [5, -1, 30] * 20), None, PRESET, CONFIG)
    assert fitted.files.config.labels == (-1, 5, 30)


@pytest.mark.parametrize("preset", ["small", "tiny", "large", "paper"])
def test_every_preset_trains(rows, preset, small_tokenizer, tmp_path):
    small_tokenizer.save(tmp_path)
    config = override(get_preset(preset).train, epochs=1, device="cpu")
    fitted = fit(rows, None, get_preset(preset), config, tokenizer=str(tmp_path))
    assert fitted.files.preset == preset
    assert np.isfinite(fitted.files.metrics["validation"]["loss"])
    assert fitted.files.config.vocab_size == small_tokenizer.vocab_size


def test_a_tokenizer_can_be_given(rows, small_tokenizer, tmp_path):
    small_tokenizer.save(tmp_path)
    fitted = fit(rows, None, PRESET, CONFIG, tokenizer=str(tmp_path))
    assert fitted.files.tokenizer.max_length == 32
    ours, theirs = fitted.files.tokenizer.encode(["Hello"]), small_tokenizer.encode(["Hello"])
    assert ours.ids.tolist() == theirs.ids.tolist()
    with pytest.raises(ModelFolderError, match="no tokenizer at"):
        fit(rows, None, PRESET, CONFIG, tokenizer=str(tmp_path / "nowhere"))


def test_a_preferred_tokenizer_that_cannot_be_had_is_replaced_and_said_so(
    rows, monkeypatch, caplog
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    preset = replace(PRESET, tokenizer="no-such-owner/no-such-tokenizer")
    with caplog.at_level(logging.WARNING):
        fitted = fit(rows, None, preset, CONFIG)
    assert fitted.files.config.vocab_size == 500
    (message,) = [
        r.getMessage() for r in caplog.records if r.name == "wave_network.training.prepare"
    ]
    assert "no-such-owner/no-such-tokenizer cannot be downloaded" in message
    assert "training one of 500 entries" in message


def test_empty_texts_are_kept_and_reported(caplog):
    texts = ["good fine", "", "bad poor", "  "] * 10
    labels = ["p", "p", "n", "n"] * 10
    with caplog.at_level(logging.WARNING):
        rows = from_memory(texts, labels)
        fitted = fit(rows, rows, PRESET, CONFIG, progress=Warnings())
    assert fitted.files.metrics["training_texts"] == 40
    assert "20 of 40 training texts are empty; they are kept" in caplog.messages


@pytest.mark.usefixtures("without_native")
def test_training_without_compiled_code_says_so_once(rows, caplog):
    _warn_of_slow_training.cache_clear()
    for _ in range(2):
        fit(rows, None, LOCAL, replace(CONFIG, epochs=1))
    (said,) = [line for line in caplog.messages if "compiled" in line]
    assert said.startswith("training takes four to five times as long as with compiled code")
    assert "install a C compiler" in said


def test_a_label_that_training_does_not_have_is_refused(rows):
    with pytest.raises(DataError, match="label 'Weather' in 1 row was not in the training data"):
        fit(rows, from_memory(["rain"], ["Weather"]), PRESET, CONFIG)


def test_a_single_class_is_refused():
    with pytest.raises(DataError, match="only one class"):
        fit(from_memory(["a", "b"], ["x", "x"]), None, PRESET, CONFIG)


class Listener(Progress):
    def __init__(self, stop_at=None):
        self.stages, self.steps, self.stop_at = [], 0, stop_at
        self.stop = StopSignal()

    def stage(self, name, total=None):
        self.stages.append(name)

    def advance(self, count):
        self.stages.append(count)

    def start(self, steps, epochs):
        self.stages.append((steps, epochs))

    def step(self, loss):
        self.steps += 1
        if self.steps == self.stop_at:
            self.stop.request()

    def epoch(self, record):
        self.stages.append(record["epoch"])


def test_progress_is_told_of_every_stage(rows):
    listener = Listener()
    fit(rows, None, PRESET, CONFIG, progress=listener)
    assert listener.stages == ["learning the vocabulary", "encoding the texts", (8, 2), 1, 2]


@pytest.mark.parametrize(("step", "epochs"), [(2, 0), (6, 1)])
def test_interrupted_training_gives_a_model(rows, step, epochs):
    listener = Listener(stop_at=step)
    fitted = fit(rows, None, PRESET, CONFIG, progress=listener, stop=listener.stop)
    assert fitted.stopped == fitted.files.metrics["stopped"] == "interrupted"
    assert len(fitted.history) == fitted.files.metrics["best_epoch"] == epochs
    assert set(fitted.files.metrics["validation"]) == {
        "accuracy",
        "macro_f1",
        "loss",
        "ece",
        "brier",
    }
    assert len(Engine(fitted.files).predict(["a text"])) == 1


@pytest.fixture
def held_out_once(monkeypatch):
    """Hold a tenth out, however few that are."""
    monkeypatch.setattr("wave_network.training.examples.LEAST_HELD_OUT", 10)


@pytest.mark.usefixtures("held_out_once")
@pytest.mark.parametrize("name", PRESETS_HERE)
def test_a_refit_learns_from_all_texts_what_served_best(rows, name):
    """As many epochs as were best, with the held-out texts' temperature and label sets."""
    preset = PRESETS_HERE[name]
    once = fit(rows, None, preset, CONFIG)
    twice = fit(rows, None, preset, replace(CONFIG, refit=True))
    metrics = twice.files.metrics
    assert (once.files.metrics["training_texts"], metrics["training_texts"]) == (126, 140)
    assert (once.files.metrics["refit"], metrics["refit"]) == (False, True)
    assert metrics["validation"] == once.files.metrics["validation"]
    assert twice.files.temperature == once.files.temperature
    assert twice.files.conformal_thresholds == once.files.conformal_thresholds
    shown = Listener()
    fit(rows, None, preset, replace(CONFIG, refit=True), progress=shown)
    steps = [stage for stage in shown.stages if isinstance(stage, tuple)]
    assert steps == [(8, 2), (5 * metrics["best_epoch"], metrics["best_epoch"])]


@pytest.mark.usefixtures("held_out_once")
def test_few_texts_are_learnt_from_once_more_unless_it_is_forbidden(rows, monkeypatch):
    config = replace(CONFIG, refit=None)
    assert fit(rows, None, PRESET, config).files.metrics["refit"] is True
    assert fit(rows, None, PRESET, replace(CONFIG, refit=False)).files.metrics["refit"] is False
    given = fit(rows.select(range(100)), rows.select(range(100, 140)), PRESET, config)
    assert given.files.metrics["refit"] is False
    monkeypatch.setattr("wave_network.config.training.FEW_TEXTS", 140)
    assert fit(rows, None, PRESET, config).files.metrics["refit"] is False


def test_a_refit_knows_the_words_of_the_texts_that_were_held_out():
    texts = ["common words"] * 60 + [f"word{i} word{i}" for i in range(60)]
    data = from_memory(texts, ["a", "b"] * 60)
    once, twice = (fit(data, None, LOCAL, replace(CONFIG, refit=refit)) for refit in (False, True))
    known, all_known = (f.files.tokenizer.standalone().get_vocab() for f in (once, twice))
    assert len(known) < len(all_known)


def test_nothing_is_learnt_twice_where_validation_texts_are_given(rows):
    config = replace(CONFIG, refit=True)
    fitted = fit(rows.select(range(100)), rows.select(range(100, 140)), PRESET, config)
    assert fitted.files.metrics["refit"] is False
    assert fitted.files.metrics["training_texts"] == 100


@pytest.mark.usefixtures("held_out_once")
def test_an_interrupted_refit_leaves_the_first_model(rows):
    once = fit(rows, None, LOCAL, CONFIG)
    config = replace(CONFIG, refit=True)
    listener = Listener(stop_at=10)
    fitted = fit(rows, None, LOCAL, config, progress=listener, stop=listener.stop)
    assert fitted.stopped == fitted.files.metrics["stopped"] == "interrupted"
    assert fitted.files.metrics["refit"] is False
    for name, tensor in once.files.tensors.items():
        np.testing.assert_array_equal(fitted.files.tensors[name], tensor)


def test_a_refit_after_a_teacher_keeps_to_the_labels_of_the_held_out_texts(rows, tmp_path):
    teacher = fit(rows, None, LOCAL, CONFIG).files
    write_model(tmp_path / "teacher", teacher, card="", history=[])
    config = replace(CONFIG, teacher=str(tmp_path / "teacher"), refit=True)
    more = texts_from_memory(["another text"] * 20)
    assert fit(rows, None, LOCAL, config, unlabeled=more).files.metrics["training_texts"] == 160


@pytest.mark.usefixtures("held_out_once")
def test_a_refit_of_label_lists_keeps_the_thresholds(rows):
    sets = with_label_lists(rows)
    once, twice = (fit(sets, None, LOCAL, replace(CONFIG, refit=refit)) for refit in (False, True))
    assert twice.files.metrics["refit"]
    assert twice.files.config.thresholds == once.files.config.thresholds


TEXTS = ["One. Two words! Three", "", "雨が降る。風が吹く。", "a " * 100, "x"] * 500


@pytest.mark.parametrize("sentences", [False, True])
def test_packing_in_chunks_equals_packing_at_once(small_tokenizer, sentences):
    labels = np.arange(len(TEXTS))
    rows = from_memory(TEXTS, labels.tolist())
    packed = pack(rows, small_tokenizer, labels, sentences=sentences)
    whole = small_tokenizer.encode_sentences(TEXTS)
    np.testing.assert_array_equal(packed.ids, whole.ids)
    np.testing.assert_array_equal(packed.offsets, whole.offsets)
    assert packed.labels is labels
    assert packed.ids.dtype == np.int32
    assert packed.offsets.dtype == np.int64
    if sentences:
        found = packed.to_torch().sentence_offsets
        np.testing.assert_array_equal(found, whole.sentence_offsets)
        assert packed.sentences.dtype == np.int32
        assert (np.diff(packed.sentences) >= 0).all()
    else:
        assert packed.sentences is None


def test_the_tokenizer_learns_from_the_training_texts_alone():
    texts, labels = ["common words here", "usual words there"] * 30, ["a", "b"] * 30
    held_out = from_memory(["unheardof " * 20, "unheardof " * 20], ["a", "b"])
    fitted = fit(from_memory(texts, labels), held_out, PRESET, CONFIG)
    expected = TextTokenizer.train(texts, 500, 32)
    assert fitted.files.tokenizer.__reduce__() == expected.__reduce__()


LABEL_SETS = {"Business": [], "Sci/Tech": ["news"], "Sports": ["news", "sport"], "World": ["world"]}


def with_label_lists(rows):
    return from_memory(rows["text"][:], [LABEL_SETS[label] for label in rows["label"]])


@pytest.mark.parametrize("name", PRESETS_HERE)
def test_label_lists_make_a_multi_label_model(rows, name):
    config = replace(CONFIG, epochs=40, learning_rate=0.02, embedding_rate=5.0)
    fitted = fit(with_label_lists(rows), None, PRESETS_HERE[name], config)
    files = fitted.files
    assert files.config.labels == ("news", "sport", "world")
    assert files.config.is_multi_label
    assert len(files.config.thresholds) == 3
    history = [record["validation"]["micro_f1"] for record in fitted.history]
    assert history[files.metrics["best_epoch"] - 1] == max(history)
    assert files.metrics["validation_texts"] == 14
    answers = Engine(files).predict(rows["text"])
    expected = [{*LABEL_SETS[label]} for label in rows["label"]]
    right = [{*answer.labels} == labels for answer, labels in zip(answers, expected, strict=True)]
    if name == "local":  # so few texts are not enough for the other
        assert np.mean(right) > 0.65


def test_validation_label_lists_choose_the_thresholds_and_their_metrics_are_told(rows):
    training = with_label_lists(rows)
    validation = training.select(range(60))
    fitted = fit(training, validation, LOCAL, CONFIG)
    files = fitted.files
    probabilities = Engine(files).predict_proba(validation["text"])
    targets = MultiLabel(files.config.labels).encode(validation["label"])
    assert choose_thresholds(probabilities, targets) == pytest.approx(
        files.config.thresholds, abs=1e-3
    )
    expected = summarize_multi_label(probabilities, targets, files.config.thresholds)
    assert files.metrics["validation"] == pytest.approx(expected, abs=1e-4)
    with pytest.raises(DataError, match="'zzz' in 1 row was not in the training data"):
        fit(training, from_memory(["a"], [["zzz"]]), LOCAL, CONFIG)


def test_label_lists_may_name_classes_that_no_text_has(rows):
    names = ("world", "x", "sport", "news")
    fitted = fit(with_label_lists(rows), None, LOCAL, CONFIG, classes=names)
    assert fitted.files.config.labels == names
    assert fitted.files.config.thresholds[1] == 0.5


def test_a_teacher_is_for_one_label_a_text(rows):
    with pytest.raises(ConfigError, match="a teacher gives each text one label"):
        fit(with_label_lists(rows), None, LOCAL, replace(CONFIG, teacher="anything"))
