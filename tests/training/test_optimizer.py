import math

import numpy as np
import pytest
import torch
from ngram_hashes import pair_bucket
from torch.nn import functional as F

from wave_network.config import PRESETS, LocalWaveConfig, ModelConfig, TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.models.registry import build_model
from wave_network.training.optimizer import build_optimizers, build_schedule, clip_gradients

CPU = torch.device("cpu")
VOCABULARY = 30
USED = [0, 3, 4, 5, 9, 11]
BUCKETS = 41
PAIRS = [(0, 3), (3, 4), (4, 3), (0, 5), (5, 5), (5, 9), (9, 11), (0, 3)]
LOCAL = {"config_class": LocalWaveConfig, "bigram_buckets": BUCKETS, "members": 2}


def make_model(seed=0, config_class=ModelConfig, **options):
    torch.manual_seed(seed)
    config = config_class(
        labels=(0, 1, 2), vocab_size=VOCABULARY, cls_token_id=0, hidden_size=8, **options
    )
    return build_model(config)


def used_rows(model):
    """The rows of each table that the texts of `backward` hold, by the parameter's name."""
    rows = {"embedding.weight": USED}
    if hasattr(model, "bigrams"):
        rows["bigrams.weight"] = sorted({pair_bucket(a, b, BUCKETS) for a, b in PAIRS})
    return rows


def backward(model, factor=1.0):
    """The gradients of one step, on texts in which the tokens of `USED` repeat."""
    texts = PackedTexts(
        ids=np.array([0, 3, 4, 3, 0, 5, 5, 9, 11, 0, 3], dtype=np.int32),
        offsets=np.array([0, 4, 9, 11]),
        labels=np.array([0, 1, 2]),
    )
    batch = texts.to_torch()
    model.train()
    logits = model(batch)
    members = logits if logits.ndim == 3 else logits[None]
    losses = [F.cross_entropy(member, batch.labels) for member in members]
    (factor * sum(losses)).backward()


SHAPES = [
    {},
    {"variants": "linear", "positions": "learned", "num_layers": 2, "pooling": "mean"},
    {"variants": "linear", "positions": "sinusoidal", "operation": "interference"},
    LOCAL,
    {**LOCAL, "operation": "interference", "members": 1},
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e4])
def test_clipping_equals_torchs_on_a_dense_copy(shape, factor):
    model, dense = make_model(**shape), make_model(**shape)
    build_optimizers(model, TrainConfig(), CPU)
    backward(model, factor)
    backward(dense, factor)
    for table in used_rows(model):
        assert model.get_parameter(table).grad.is_sparse
        assert not dense.get_parameter(table).grad.is_sparse
    clip_gradients(model, 0.5)
    norm = torch.nn.utils.clip_grad_norm_(dense.parameters(), 0.5)
    assert (norm > 0.5) == (factor >= 1)  # both sides of the limit are tried
    for (name, ours), theirs in zip(model.named_parameters(), dense.parameters(), strict=True):
        gradient = ours.grad.to_dense()
        torch.testing.assert_close(gradient, theirs.grad, rtol=1e-5, atol=1e-9, msg=name)


def test_clipping_adds_up_a_row_that_occurs_more_than_once():
    tables = [torch.nn.Embedding(5, 3, sparse=sparse) for sparse in (True, False)]
    for table in tables:
        torch.nn.init.ones_(table.weight)
        (table(torch.tensor([4, 1, 4, 4])) ** 2).sum().backward()
    ours, dense = tables
    clip_gradients(ours, 0.5)
    norm = torch.nn.utils.clip_grad_norm_(dense.parameters(), 0.5)
    assert norm == pytest.approx(2 * math.sqrt(3 * (1 + 9)))
    torch.testing.assert_close(ours.weight.grad.to_dense(), dense.weight.grad)


def test_a_model_without_a_table_of_tokens_has_one_optimizer():
    model = torch.nn.Sequential(torch.nn.Embedding(4, 3), torch.nn.Linear(3, 2))
    (optimizer,) = build_optimizers(model, TrainConfig(weight_decay=0.2), CPU)
    assert isinstance(optimizer, torch.optim.AdamW)
    decays = [(g["weight_decay"], [p.ndim for p in g["params"]]) for g in optimizer.param_groups]
    assert decays == [(0.2, [2, 2]), (0.0, [1])]
    assert not model[0].sparse


def test_every_parameter_is_in_one_group_and_matrices_alone_decay():
    model = make_model(variants="linear", positions="learned", num_layers=2)
    optimizers = build_optimizers(model, TrainConfig(weight_decay=0.3, learning_rate=0.02), CPU)
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    assert all(group["lr"] == 0.02 for group in groups)
    decay = {id(p): group.get("weight_decay", 0.0) for group in groups for p in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(decay)
    expected = {
        id(parameter): 0.3 if parameter.ndim == 2 and name != "embedding.weight" else 0.0
        for name, parameter in model.named_parameters()
    }
    assert decay == expected


def test_of_a_local_network_neither_tables_nor_biases_nor_norms_decay():
    model = make_model(**LOCAL)
    rows, others = build_optimizers(model, TrainConfig(weight_decay=0.3, learning_rate=0.02), CPU)
    groups = [*rows.param_groups, *others.param_groups]
    assert all(group["lr"] == 0.02 for group in groups)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decay = {
        names[id(p)]: group.get("weight_decay", 0.0) for group in groups for p in group["params"]
    }
    assert sum(len(group["params"]) for group in groups) == len(decay)
    decaying = ("feed_forward.weight", "classifier.weight", "shortcut.weight")
    assert decay == {name: 0.3 if name in decaying else 0.0 for name in names.values()}


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_that_are_not_in_the_batch_do_not_move(shape):
    model = make_model(**shape)
    optimizers = build_optimizers(model, TrainConfig(learning_rate=0.1), CPU)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for _ in range(3):
        backward(model)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    after = dict(model.named_parameters())
    for table, used in used_rows(model).items():
        others = sorted(set(range(len(after[table]))) - set(used))
        assert others
        assert torch.equal(after[table][others], before[table][others])
        assert ((after[table][used] - before[table][used]).abs().amax(dim=1) > 0).all()
    assert all(not torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("shape", [{}, LOCAL], ids=["wave", "local"])
def test_a_row_has_moments_only_once_its_token_has_occurred(shape):
    model = make_model(**shape)
    rows, _ = build_optimizers(model, TrainConfig(), CPU)
    backward(model)
    rows.step()
    for table, used in used_rows(model).items():
        place = rows.state[model.get_parameter(table)]["place"]
        assert (place >= 0).nonzero().flatten().tolist() == used


def test_where_gradients_cannot_be_sparse_the_tables_are_updated_densely():
    model = make_model(**LOCAL)
    tables, others = build_optimizers(model, TrainConfig(weight_decay=0.3), torch.device("mps"))
    assert isinstance(tables, torch.optim.AdamW)
    assert not model.embedding.sparse
    assert not model.bigrams.sparse
    (group,) = tables.param_groups
    assert group["weight_decay"] == 0
    assert [id(p) for p in group["params"]] == [
        id(model.embedding.weight),
        id(model.bigrams.weight),
    ]
    assert not others.param_groups[0].get("fused")


def test_the_papers_training_has_constant_rate_no_warmup_and_no_clipping():
    config = PRESETS["paper"].train
    model = make_model(variants="linear", positions="sinusoidal")
    optimizers = build_optimizers(model, config, CPU)
    assert config.max_grad_norm is None
    assert rates(config, 40) == [1e-3] * 40
    backward(model)
    before = model.layers[0].variants.weight.detach().clone()
    for optimizer in optimizers:
        optimizer.step()
    # Adam's first step is the learning rate itself, wherever there is a gradient.
    step = (model.layers[0].variants.weight - before).abs().max().item()
    assert step == pytest.approx(1e-3, rel=0.05)


def rates(config, steps):
    """The learning rate of each step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=config.learning_rate)
    schedule = build_schedule(optimizer, config, steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("schedule", ["constant", "linear"])
@pytest.mark.parametrize(("warmup", "steps"), [(0.0, 10), (0.3, 10), (0.1, 100), (0.9, 20)])
def test_schedule_rises_to_the_peak_and_then_keeps_to_its_shape(schedule, warmup, steps):
    found = np.array(rates(TrainConfig(learning_rate=1.0, warmup=warmup, schedule=schedule), steps))
    peak = round(warmup * steps)
    assert (found > 0).all()
    assert found[peak] == 1.0
    rise, rest = found[: peak + 1], found[peak:]
    np.testing.assert_allclose(rise, np.arange(1, peak + 2) / (peak + 1))
    if schedule == "constant":
        assert (rest == 1.0).all()
    else:  # so that the step after the last would be of size 0
        np.testing.assert_allclose(rest, 1 - np.arange(len(rest)) / len(rest))


def test_schedule_of_a_single_step():
    assert rates(TrainConfig(learning_rate=1.0, warmup=0.05), 1) == [1.0]


def test_schedule_beyond_its_end_stays_at_0():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = build_schedule(optimizer, TrainConfig(warmup=0.0), 2)
    for _ in range(5):
        optimizer.step()
        schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.0


def test_the_tables_have_a_rate_of_their_own():
    config = TrainConfig(learning_rate=0.01, embedding_rate=3.0)
    tables, others = build_optimizers(make_model(**LOCAL), config, CPU)
    assert [group["lr"] for group in tables.param_groups] == [pytest.approx(0.03)]
    assert {group["lr"] for group in others.param_groups} == {0.01}


@pytest.mark.parametrize("epsilon", [1e-8, 10.0])
def test_a_large_epsilon_holds_rows_of_small_gradients_back(epsilon):
    """Adam's first step is the rate whatever the gradient, unless epsilon outweighs it."""
    model = make_model(**LOCAL)
    before = model.embedding.weight.detach().clone()
    config = TrainConfig(learning_rate=0.01, embedding_epsilon=epsilon, weight_decay=0.0)
    tables, _ = build_optimizers(model, config, CPU)
    backward(model)
    gradient = model.embedding.weight.grad.to_dense()
    tables.step()
    moved = (model.embedding.weight.detach() - before).abs()[USED]
    size = gradient.abs()[USED]
    corrected = epsilon / math.sqrt(1 - 0.999)  # of the second moment's bias, in the first step
    torch.testing.assert_close(moved, 0.01 * size / (size + corrected), rtol=1e-3, atol=1e-7)
