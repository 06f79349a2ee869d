import numpy as np
import pytest
import torch
from torch import nn
from torch_training import train

from wave_network.baselines.transformer import TransformerLayer
from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.errors import ConfigError
from wave_network.models.torch_logits import predict_probabilities
from wave_network.training.optimizer import build_optimizers
from wave_network.training.row_adam import RowAdam

VOCABULARY, WIDTH, SEP = 30, 24, 2


def make_model(sep_token_id=SEP, max_length=32):
    torch.manual_seed(0)
    embeddings = torch.randn(VOCABULARY, WIDTH) / 4
    return TransformerLayer(embeddings, 3, sep_token_id=sep_token_id, max_length=max_length).eval()


def make_rows(count, seed=0):
    random = np.random.default_rng(seed)
    return [[1, *random.integers(3, VOCABULARY, size=random.integers(0, 20))] for _ in range(count)]


def pack(texts, labels=None):
    return PackedTexts(
        ids=np.array([token for text in texts for token in text], dtype=np.int32),
        offsets=np.cumsum([0, *map(len, texts)]),
        labels=labels,
    )


def test_the_answer_does_not_depend_on_the_batch():
    model, rows = make_model(), make_rows(150)
    together = predict_probabilities(model, pack(rows))
    few = predict_probabilities(model, pack(rows[:7]))
    np.testing.assert_allclose(few, together[:7], atol=1e-6)
    for row, expected in zip(rows, together, strict=True):
        np.testing.assert_allclose(
            predict_probabilities(model, pack([row]))[0], expected, atol=1e-6
        )
    with_gradients = model(pack(rows).to_torch()).softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(with_gradients, together, atol=1e-6)
    assert np.ptp(together, axis=0).max() > 0.05  # the texts are told apart


def test_is_one_encoder_layer_with_berts_sizes_and_order():
    model = TransformerLayer(torch.zeros(10, 768), 4, sep_token_id=None, max_length=16)
    assert isinstance(model.layer, nn.TransformerEncoderLayer)
    assert not model.layer.norm_first
    assert model.layer.self_attn.num_heads == 12
    assert model.layer.linear1.out_features == 3072
    assert model.layer.dropout.p == 0.1
    beside_the_table = sum(p.numel() for p in model.parameters()) - 10 * 768
    assert beside_the_table == 7_087_872 + 4 * 768 + 4  # a layer of BERT base, and the classifier


def test_equals_the_layer_on_a_text_alone():
    model, row = make_model(), make_rows(3)[2]
    ids = torch.tensor([*row, SEP])
    tokens = model.embedding.weight[ids] + model.positions[: len(ids)]
    expected = model.classifier(model.layer(tokens.unsqueeze(0))[:, 0])
    torch.testing.assert_close(model(pack([row]).to_torch()), expected, rtol=1e-5, atol=1e-6)


def test_sep_ends_a_text_within_the_length():
    model, plain = make_model(max_length=8), make_model(sep_token_id=None, max_length=8)
    long = [1, *range(3, 20)]
    texts, ended = [[1, 5, 6], long], [[1, 5, 6, SEP], [*long[:7], SEP]]
    torch.testing.assert_close(model(pack(texts).to_torch()), plain(pack(ended).to_torch()))


def test_starts_from_a_copy_of_the_embeddings_and_trains_it():
    embeddings = torch.randn(VOCABULARY, WIDTH)
    start = embeddings.clone()
    model = TransformerLayer(embeddings, 3, sep_token_id=None, max_length=8)
    assert torch.equal(model.embedding.weight, start)
    assert model.input_embedding is model.embedding
    assert model.embedding.weight.requires_grad
    with torch.no_grad():
        model.embedding.weight.zero_()
    assert torch.equal(embeddings, start)


def test_places_weigh_as_much_as_tokens():
    embeddings = 0.05 * torch.randn(VOCABULARY, WIDTH)
    model = TransformerLayer(embeddings, 3, sep_token_id=None, max_length=32)
    strength = model.positions.square().mean().sqrt()
    torch.testing.assert_close(strength, embeddings.square().mean().sqrt(), rtol=1e-4, atol=0)
    assert "positions" not in model.state_dict()


def test_the_order_of_the_tokens_counts():
    first, second = make_model()(pack([[1, 8, 9, 10], [1, 10, 9, 8]]).to_torch())
    assert (first - second).abs().max() > 1e-3


def test_learns_by_the_training_loop_and_leaves_unseen_tokens_alone():
    random = np.random.default_rng(0)
    labels = random.integers(3, size=96)
    rows = [
        [1, *(3 + 4 * kind + random.integers(4, size=random.integers(2, 7)))] for kind in labels
    ]
    texts = pack(rows, labels)
    model = make_model()
    start = model.embedding.weight.detach().clone()
    config = TrainConfig(
        epochs=6, batch_size=16, learning_rate=2e-3, token_dropout=0.0, device="cpu"
    )
    result = train(model, texts, texts, config)
    assert result.validation["accuracy"] > 0.95
    assert torch.equal(model.embedding.weight[15:], start[15:])
    assert (model.embedding.weight[1:15] != start[1:15]).any(dim=1).all()


def test_the_table_is_updated_by_rows():
    model = make_model()
    rows, others = build_optimizers(model, TrainConfig(), torch.device("cpu"))
    assert isinstance(rows, RowAdam)
    assert rows.param_groups[0]["params"] == [model.embedding.weight]
    count = sum(len(group["params"]) for group in others.param_groups)
    assert count == len(list(model.parameters())) - 1


def test_refuses_heads_that_do_not_divide_the_width():
    with pytest.raises(ConfigError, match="12 attention heads do not divide a width of 20"):
        TransformerLayer(torch.zeros(5, 20), 3, sep_token_id=None, max_length=8)


def test_the_first_row_alone_gives_the_same_answers_and_gradients():
    whole, batch = make_model(), pack(make_rows(40)).to_torch()
    first = make_model()
    first.only_first = True
    for model in (whole, first):
        model(batch).square().sum().backward()
    torch.testing.assert_close(first(batch), whole(batch), atol=1e-6, rtol=0)
    for one, other in zip(first.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-4)


def test_training_pads_groups_of_similar_length():
    model, seen = make_model(), []
    model.embedding.register_forward_hook(lambda *call: seen.append(call[1][0].numel()))
    batch = pack(make_rows(60)).to_torch()
    model(batch)
    lengths = batch.offsets.diff() + 1
    assert len(seen) > 1
    assert sum(seen) < 0.8 * len(lengths) * int(lengths.max())
