import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from pretrained_damage import damage_weights, leave_out, pickle_the_weights
from safetensors.torch import load_file
from torch_training import train
from transformers import BertConfig, BertForMaskedLM, BertModel, RobertaConfig, RobertaModel
from transformers.utils import logging

from wave_network.baselines.encoder import (
    EncoderClassifier,
    find_sep_token,
    pretrained_embeddings,
)
from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.errors import ConfigError, ModelFolderError
from wave_network.models.torch_logits import predict_probabilities
from wave_network.training.optimizer import build_optimizers

VOCABULARY, SEP = ["[PAD]", "[CLS]", "[UNK]", "[SEP]", *"abcdefghijklmnop"], 3
SHAPE = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "initializer_range": 0.2,  # so that the texts of a model with random weights differ
}


def write_folder(folder, model):
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    torch.manual_seed(0)
    return write_folder(tmp_path_factory.mktemp("bert"), BertModel(BertConfig(**SHAPE)))


def load(folder, max_length=32):
    torch.manual_seed(1)
    return EncoderClassifier.from_pretrained(folder, 3, max_length=max_length).eval()


def make_rows(count, seed=0):
    random = np.random.default_rng(seed)
    return [
        [1, *random.integers(4, len(VOCABULARY), size=random.integers(0, 20))] for _ in range(count)
    ]


def pack(texts, labels=None):
    return PackedTexts(
        ids=np.array([token for text in texts for token in text], dtype=np.int32),
        offsets=np.cumsum([0, *map(len, texts)]),
        labels=labels,
    )


def test_classifies_the_first_row_of_the_encoder_that_was_loaded(bert):
    model, rows = load(bert), make_rows(5)
    original = BertModel.from_pretrained(bert).eval()
    found = model(pack(rows).to_torch())
    for row, logits in zip(rows, found, strict=True):
        hidden = original(torch.tensor([[*row, SEP]])).last_hidden_state[:, 0]
        torch.testing.assert_close(logits, model.classifier(hidden)[0], rtol=1e-5, atol=1e-5)


def test_the_answer_does_not_depend_on_the_batch(bert):
    model, rows = load(bert), make_rows(150)
    together = predict_probabilities(model, pack(rows))
    for row, expected in zip(rows[:40], together, strict=False):
        alone = predict_probabilities(model, pack([row]))
        np.testing.assert_allclose(alone[0], expected, atol=1e-6)
    with_gradients = model(pack(rows).to_torch()).softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(with_gradients, together, atol=1e-6)
    assert np.ptp(together, axis=0).max() > 0.05  # the texts are told apart


def test_long_texts_are_cut_and_still_end_in_sep(bert):
    model = load(bert, max_length=8)
    long, cut = [1, *range(4, 16)], [1, *range(4, 10)]
    first, second = model(pack([long, cut]).to_torch())
    torch.testing.assert_close(first, second)


def test_nothing_is_left_of_the_pooler(bert):
    model = load(bert)
    plain = BertModel(BertConfig(**SHAPE), add_pooling_layer=False)
    count = sum(parameter.numel() for parameter in plain.parameters())
    assert sum(p.numel() for p in model.parameters()) == count + 3 * 24 + 3
    model(pack(make_rows(4)).to_torch()).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_learns_by_the_training_loop_with_one_optimizer(bert):
    random = np.random.default_rng(0)
    labels = random.integers(3, size=96)
    rows = [
        [1, *(4 + 4 * kind + random.integers(4, size=random.integers(2, 7)))] for kind in labels
    ]
    model, texts = load(bert), pack(rows, labels)
    (optimizer,) = build_optimizers(model, TrainConfig(), torch.device("cpu"))
    assert isinstance(optimizer, torch.optim.AdamW)
    grouped = [p for group in optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in grouped} == {id(p) for p in model.parameters()}
    config = TrainConfig(
        epochs=10, batch_size=16, learning_rate=4e-3, token_dropout=0.0, device="cpu"
    )
    assert train(model, texts, texts, config).validation["accuracy"] > 0.95


def test_token_embeddings(bert):
    table = pretrained_embeddings(bert)
    assert table.shape == (len(VOCABULARY), 24)
    assert not table.requires_grad
    stored = load_file(f"{bert}/model.safetensors")["embeddings.word_embeddings.weight"]
    assert torch.equal(table, stored)
    assert torch.equal(load(bert).input_embedding.weight, table)


def test_weights_of_half_precision_and_of_another_head_are_read_silently(tmp_path, capfd):
    torch.manual_seed(0)
    folder = write_folder(tmp_path, BertForMaskedLM(BertConfig(**SHAPE)).half())
    logging.set_verbosity_warning()
    logging.enable_progress_bar()
    capfd.readouterr()
    model = load(folder)
    assert capfd.readouterr() == ("", "")
    assert logging.get_verbosity() == logging.WARNING
    assert logging.is_progress_bar_enabled()
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_another_family(tmp_path):
    shape = {**SHAPE, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 3}
    folder = write_folder(tmp_path, RobertaModel(RobertaConfig(**shape)))
    found = load(folder)(pack(make_rows(5)).to_torch())
    assert found.shape == (5, 3)


def test_random_base_is_bert_base():
    with torch.device("meta"):  # its size alone, not its numbers
        model = EncoderClassifier.random_base(4)
    # BERT base, less its pooler, and a classifier.
    expected = 109_482_240 - (768 * 768 + 768) + (4 * 768 + 4)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected
    assert model.encoder.config.num_hidden_layers == 12
    assert model.input_embedding.weight.shape == (30_522, 768)
    assert (model.sep_token_id, model.max_length) == (102, 512)


@pytest.mark.parametrize(("name", "expected"), [("[SEP]", 3), ("</s>", 3), ("[X]", None)])
def test_the_token_that_ends_a_text(tmp_path, name, expected):
    words = [name if word == "[SEP]" else word for word in VOCABULARY]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    assert find_sep_token(str(tmp_path)) == expected


def test_an_encoder_with_too_few_positions_is_refused(bert):
    with pytest.raises(ConfigError, match="reads 40 tokens of a text, not 41"):
        load(bert, max_length=41)
    assert load(bert, max_length=40)(pack([[1, *[5] * 50]]).to_torch()).shape == (1, 3)


def damage_config(folder):
    (folder / "config.json").write_text('{"model_type": "no-such-model"}', encoding="utf-8")


def change_a_shape(folder):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 50}))


@pytest.mark.parametrize(
    "damage",
    [
        damage_config,
        damage_weights,
        leave_out("encoder.layer.1.output.dense.weight"),
        change_a_shape,
        pickle_the_weights,
    ],
)
def test_a_damaged_folder_is_refused(tmp_path, damage):
    write_folder(tmp_path, BertModel(BertConfig(**SHAPE)))
    damage(tmp_path)
    with pytest.raises(ModelFolderError) as caught:
        load(str(tmp_path))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ModelFolderError, match="absent"):
        load(str(tmp_path / "absent"))
    with pytest.raises(ModelFolderError, match="absent"):
        pretrained_embeddings(str(tmp_path / "absent"))


def test_transformers_is_imported_late_and_its_absence_names_the_extra():
    code = """
import sys
sys.modules["transformers"] = None  # importing it fails
from wave_network.baselines.encoder import EncoderClassifier, pretrained_embeddings
from wave_network.errors import MissingExtraError
for make in (lambda: pretrained_embeddings("x"), lambda: EncoderClassifier.random_base(2)):
    try:
        make()
    except MissingExtraError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    advice = 'needs the "transformers" extra: pip install "wave-network[transformers]"'
    assert done.stdout.splitlines() == [f"a pretrained encoder {advice}", f"BERT {advice}"]
