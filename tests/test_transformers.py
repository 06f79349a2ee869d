"""Our model folders through Hugging Face's own classes: the engine's answers, and back again."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    pipeline,
)

import wave_network
from wave_network.config import LocalWaveConfig, ModelConfig, TrainConfig
from wave_network.errors import ConfigError
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import write_model
from wave_network.transformers import WaveNetworkConfig, WaveNetworkForSequenceClassification

TEXTS = [
    "Oil prices jump as OPEC cuts output",
    "[CLS] a late goal [PAD] wins the cup",
    "",
    "\x00 e\u0301 👩‍👩‍👧 東京で雨が降った。",
    "word " * 700,
]
SHAPES = {
    "local": (LocalWaveConfig, {}),
    "members": (LocalWaveConfig, {"members": 3, "operation": "interference"}),
    "sparse": (LocalWaveConfig, {"linear_size": 4_000, "sparse_linear_size": 500}),
    "paper": (ModelConfig, {"variants": "linear", "positions": "sinusoidal"}),
    "layers": (ModelConfig, {"variants": "linear", "num_layers": 2, "positions": "learned"}),
    "mean": (ModelConfig, {"pooling": "mean"}),
}


@pytest.fixture(params=SHAPES)
def folder(make_files, tmp_path, request):
    config_class, options = SHAPES[request.param]
    files = replace(make_files(config_class=config_class, **options), temperature=1.7)
    return write(tmp_path / "model", files)


@pytest.fixture
def local_folder(make_files, tmp_path):
    return write(tmp_path / "local", make_files(config_class=LocalWaveConfig, members=2))


def write(path, files):
    files = replace(files, training=TrainConfig().to_dict())
    write_model(path, files, card=render_card(files), history=[])
    return path


def probabilities(folder, texts, **tokenizing):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    inputs = tokenizer(texts, padding=True, return_tensors="pt", **tokenizing)
    with torch.no_grad():
        return model(**inputs).logits.softmax(dim=1).numpy()


@pytest.mark.parametrize("side", ["right", "left"])
def test_probabilities_equal_the_engines_however_padded(folder, side):
    expected = wave_network.load(folder).predict_proba(TEXTS)
    assert np.ptp(expected, axis=0).max() > 0.05
    found = probabilities(folder, TEXTS, truncation=True, padding_side=side)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_tokens_beyond_the_models_length_are_left_out(folder):
    expected = wave_network.load(folder).predict_proba(TEXTS)
    np.testing.assert_allclose(probabilities(folder, TEXTS), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_pipeline_gives_our_labels_and_scores(folder, batch_size):
    classify = pipeline("text-classification", model=str(folder))
    found = classify(TEXTS, batch_size=batch_size)
    expected = wave_network.load(folder).predict(TEXTS)
    assert [answer["label"] for answer in found] == [item.label for item in expected]
    scores = [item.score for item in expected]
    np.testing.assert_allclose([answer["score"] for answer in found], scores, atol=1e-5)


def test_saved_by_transformers_it_is_read_by_both(folder, tmp_path):
    expected = wave_network.load(folder).predict_proba(TEXTS)
    AutoModelForSequenceClassification.from_pretrained(folder).save_pretrained(tmp_path / "saved")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "saved")
    again = wave_network.load(tmp_path / "saved").predict_proba(TEXTS)
    np.testing.assert_array_equal(again, expected)
    found = probabilities(tmp_path / "saved", TEXTS, truncation=True)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    saved = wave_network.WaveClassifier.load(tmp_path / "saved")
    np.testing.assert_array_equal(saved.predict_proba(TEXTS), expected)


@pytest.mark.parametrize("bits", [8, 4])
def test_a_folder_in_few_bits_is_widened(make_files, tmp_path, bits):
    files = replace(make_files(config_class=LocalWaveConfig), table_bits=bits)
    small = write(tmp_path / "small", files)
    expected = wave_network.load(small).predict_proba(TEXTS)
    found = probabilities(small, TEXTS, truncation=True)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    # Saved again it is in 32 bits, and says so.
    AutoModelForSequenceClassification.from_pretrained(small).save_pretrained(tmp_path / "wide")
    AutoTokenizer.from_pretrained(small).save_pretrained(tmp_path / "wide")
    again = wave_network.load(tmp_path / "wide").predict_proba(TEXTS)
    np.testing.assert_allclose(again, expected, rtol=0, atol=1e-6)


def test_integer_labels_survive(make_files, tmp_path):
    folder = write(tmp_path / "a", make_files(labels=(7, -2, 30)))
    config = AutoConfig.from_pretrained(folder)
    assert config.id2label == {0: "7", 1: "-2", 2: "30"}
    AutoModelForSequenceClassification.from_pretrained(folder).save_pretrained(tmp_path / "b")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "b")
    assert wave_network.load(tmp_path / "b").labels == (7, -2, 30)


def test_the_trainer_trains_and_keeps_the_best(local_folder, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(local_folder)
    model = AutoModelForSequenceClassification.from_pretrained(local_folder)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rows = [
        {**tokenizer(text, truncation=True), "labels": number % 3}
        for number, text in enumerate(TEXTS * 4)
    ]
    trainer = Trainer(
        model,
        TrainingArguments(
            tmp_path / "runs",
            num_train_epochs=8,
            learning_rate=0.05,
            per_device_train_batch_size=10,
            eval_strategy="epoch",
            save_strategy="epoch",
            load_best_model_at_end=True,
            save_total_limit=1,
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    with warnings.catch_warnings():
        # Of torch's DataLoader, on machines without a GPU.
        warnings.filterwarnings("ignore", "'pin_memory' argument is set as true")
        first = trainer.evaluate()["eval_loss"]
        trainer.train()
        best = trainer.evaluate()["eval_loss"]
    losses = [record["eval_loss"] for record in trainer.state.log_history if "eval_loss" in record]
    assert best == pytest.approx(min(losses[1:]), abs=1e-6)
    assert best < 0.8 * first
    changed = [name for name, value in model.state_dict().items() if (value != before[name]).any()]
    assert set(changed) == set(before)
    trainer.save_model(tmp_path / "trained")
    texts = TEXTS[:3]
    expected = wave_network.load(tmp_path / "trained").predict_proba(texts)
    found = probabilities(tmp_path / "trained", texts, truncation=True)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_members_learn_by_themselves(local_folder):
    """While training, the loss is the mean of theirs, not that of their mean."""
    model = AutoModelForSequenceClassification.from_pretrained(local_folder)
    tokenizer = AutoTokenizer.from_pretrained(local_folder)
    inputs = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
    labels = torch.tensor([0, 1, 2, 0, 1])
    together = model.eval()(**inputs, labels=labels)
    each = model.train()(**inputs, labels=labels)
    torch.testing.assert_close(each.logits, together.logits)
    assert each.loss.item() > together.loss.item() + 1e-3


def test_a_new_model_starts_from_a_configuration(make_files):
    shape = make_files(config_class=LocalWaveConfig).config.to_dict()
    config = WaveNetworkConfig("local-wave", shape)
    model = AutoModelForSequenceClassification.from_config(config)
    assert isinstance(model, WaveNetworkForSequenceClassification)
    assert model.network.embedding.weight.std().item() == pytest.approx(1.0, rel=0.1)
    logits, *rest = model(torch.tensor([[0, 5, 6]]), return_dict=False)
    assert (logits.shape, rest) == ((1, 3), [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": ("sentence", "input")}, "sentence-level semantics"),
        ({"hidden_size": -1}, "hidden_size"),
    ],
)
def test_what_cannot_be_used_is_said(make_files, options, message):
    shape = {**make_files().config.to_dict(), **options}
    with pytest.raises(ConfigError, match=message):
        WaveNetworkForSequenceClassification(WaveNetworkConfig("wave", shape))


def test_other_labels_than_the_models_are_refused(local_folder):
    with pytest.raises(ConfigError, match="the model has 3 labels, not 5"):
        AutoModelForSequenceClassification.from_pretrained(local_folder, num_labels=5)


def test_a_row_of_padding_alone_is_refused(local_folder):
    model = AutoModelForSequenceClassification.from_pretrained(local_folder)
    with pytest.raises(ValueError, match="a text has no tokens"):
        model(torch.tensor([[0, 1], [0, 0]]), torch.tensor([[1, 1], [0, 0]]))


def test_the_folders_configuration_is_kept(local_folder, tmp_path):
    AutoConfig.from_pretrained(local_folder).save_pretrained(tmp_path)
    before, after = (
        json.loads((path / "config.json").read_text(encoding="utf-8"))
        for path in (local_folder, tmp_path)
    )
    assert before.pop("checksums")  # of files that are not written here
    assert "checksums" not in after
    assert after.items() >= before.items()


@pytest.fixture
def multi_label_folder(make_files, tmp_path):
    several = {"problem_type": "multi_label_classification", "thresholds": (0.3, 0.5, 0.7)}
    files = make_files(config_class=LocalWaveConfig, members=3, **several)
    return write(tmp_path / "several", files)


def test_the_pipeline_gives_each_label_of_a_multi_label_model_its_own_score(
    multi_label_folder, tmp_path
):
    model = AutoModelForSequenceClassification.from_pretrained(multi_label_folder)
    model.save_pretrained(tmp_path / "saved")
    AutoTokenizer.from_pretrained(multi_label_folder).save_pretrained(tmp_path / "saved")
    expected = wave_network.load(multi_label_folder).predict(TEXTS)
    assert np.ptp([sum(item.scores.values()) for item in expected]) > 0.1
    for folder in (multi_label_folder, tmp_path / "saved"):
        found = pipeline("text-classification", model=str(folder))(TEXTS, top_k=None)
        for answer, item in zip(found, expected, strict=True):
            scores = {one["label"]: one["score"] for one in answer}
            assert scores == pytest.approx(item.scores, abs=1e-5)
    again = wave_network.load(tmp_path / "saved").predict(TEXTS)
    assert [item.labels for item in again] == [item.labels for item in expected]


def test_the_loss_of_a_multi_label_model_is_its_labels_binary_cross_entropies(multi_label_folder):
    model = AutoModelForSequenceClassification.from_pretrained(multi_label_folder)
    inputs = AutoTokenizer.from_pretrained(multi_label_folder)(
        TEXTS[:2], return_tensors="pt", padding=True
    )
    labels = torch.tensor([[1, 0, 1], [0, 0, 0]])
    found = model(**inputs, labels=labels)
    probability = torch.where(labels == 1, found.logits.sigmoid(), 1 - found.logits.sigmoid())
    torch.testing.assert_close(found.loss, -probability.log().sum(dim=1).mean())
    model.train()(**inputs, labels=labels).loss.backward()
    assert model.network.shortcut.bias.grad.abs().min() > 0
