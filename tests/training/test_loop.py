import math
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from ngram_hashes import pair_bucket
from scipy.special import expit
from torch_training import train

from wave_network.config import LocalWaveConfig, ModelConfig, TrainConfig
from wave_network.data import MultiLabel
from wave_network.data.batch import PackedTexts, training_batches
from wave_network.errors import ConfigError
from wave_network.evaluation.metrics import summarize, summarize_multi_label
from wave_network.models.local_wave.network import LocalWaveNetwork
from wave_network.models.numpy_ops import softmax
from wave_network.models.torch_logits import predict_logits, predict_probabilities
from wave_network.models.wave.network import WaveNetwork
from wave_network.training.callbacks import Progress
from wave_network.training.device import resolve_device
from wave_network.training.interrupt import StopSignal
from wave_network.training.loop import EpochChoice

SEVERAL = MultiLabel(())

CLASSES = 3


def make_texts(count=96, seed=0, shift=0):
    """Texts whose words tell their class; with a shift, that class and another's label."""
    random = np.random.default_rng(seed)
    classes = random.integers(CLASSES, size=count)
    rows = [
        [0, *(1 + 4 * kind + random.integers(4, size=random.integers(3, 7)))] for kind in classes
    ]
    return PackedTexts(
        ids=np.concatenate(rows).astype(np.int32),
        offsets=np.cumsum([0, *map(len, rows)]),
        labels=(classes + shift) % CLASSES,
    )


TRAINING, VALIDATION = make_texts(), make_texts(60, seed=1)
# The better a model learns the training texts, the worse it is on these.
CONTRARY = make_texts(60, seed=1, shift=1)


def make_model(**options):
    torch.manual_seed(0)
    return WaveNetwork(
        ModelConfig(
            labels=("x", "y", "z"), vocab_size=13, cls_token_id=0, **{"hidden_size": 8, **options}
        )
    )


def make_local(seed=0, **options):
    torch.manual_seed(seed)
    defaults = {"hidden_size": 8, "bigram_buckets": 211, "feed_forward_size": 16}
    return LocalWaveNetwork(
        LocalWaveConfig(
            labels=("x", "y", "z"), vocab_size=13, cls_token_id=0, **{**defaults, **options}
        )
    )


def make_config(**options):
    defaults = {
        "epochs": 4,
        "batch_size": 16,
        "learning_rate": 0.02,
        "token_dropout": 0.0,
        "device": "cpu",
    }
    return TrainConfig(**{**defaults, **options})


class Recorder(Progress):
    """A listener that can stop training at a step, or at the end of an epoch."""

    def __init__(self, step=None, epoch=None):
        self.started, self.losses, self.records = None, [], []
        self.stop = StopSignal()
        self.interrupt_step, self.interrupt_epoch = step, epoch

    def stage(self, name, total=None):
        raise AssertionError("the loop itself has no stages")

    def start(self, steps, epochs):
        self.started = steps, epochs

    def step(self, loss):
        self.losses.append(loss)
        if len(self.losses) == self.interrupt_step:
            self.stop.request()

    def epoch(self, record):
        self.records.append(record)
        if len(self.records) == self.interrupt_epoch:
            self.stop.request()


def evaluation(model, texts):
    return summarize(softmax(predict_logits(model, texts)), texts.labels)


def assert_same_weights(first, second):
    ours, theirs = first.state_dict(), second.state_dict()
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


def test_learns_what_can_be_learnt():
    model = make_model()
    result = train(model, TRAINING, VALIDATION, make_config(epochs=8))
    losses = [record["train_loss"] for record in result.history]
    assert losses[-1] < losses[0] / 4
    assert result.validation["accuracy"] == 1.0
    assert evaluation(model, make_texts(50, seed=7))["accuracy"] > 0.95


@pytest.mark.parametrize(
    "options",
    [
        {"variants": "linear", "num_layers": 2, "positions": "learned", "dropout": 0.1},
        {"operation": "interference", "pooling": "mean", "positions": "sinusoidal"},
    ],
)
def test_learns_with_other_shapes(options):
    model = make_model(**options)
    result = train(model, TRAINING, VALIDATION, make_config(epochs=12, token_dropout=0.1))
    assert result.validation["accuracy"] > 0.95


@pytest.mark.parametrize("operation", ["modulation", "interference"])
@pytest.mark.parametrize("members", [1, 3])
def test_local_networks_learn(operation, members):
    model = make_local(operation=operation, members=members)
    result = train(model, TRAINING, VALIDATION, make_config(epochs=8, token_dropout=0.1))
    assert result.validation["accuracy"] == 1.0
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"] / 4
    assert result.history[-1]["train_accuracy"] > 0.95
    assert evaluation(model, make_texts(50, seed=7))["accuracy"] > 0.95
    assert evaluation(model, VALIDATION) == result.validation


def make_ordered(count, seed):
    """Texts of the same two words and others in between: their class is which comes first."""
    random = np.random.default_rng(seed)
    classes = random.integers(2, size=count)
    rows = []
    for kind in classes:
        row = [0, *(3 + random.integers(10, size=6))]
        row[2:4] = (1, 2) if kind else (2, 1)
        rows.append(row)
    return PackedTexts(
        ids=np.concatenate(rows).astype(np.int32),
        offsets=np.cumsum([0, *map(len, rows)]),
        labels=classes,
    )


def test_word_order_alone_can_be_learnt_by_a_local_network():
    training, validation = make_ordered(200, seed=0), make_ordered(100, seed=1)
    config = make_config(epochs=8)
    local, bag = make_local(), make_model()
    assert train(local, training, validation, config).validation["accuracy"] == 1.0
    assert train(bag, training, validation, config).validation["accuracy"] < 0.75


def copy_member(together, member, members):
    """A model of one member, with that member's columns of the model of several."""
    alone = make_local()
    with torch.no_grad():
        for name, parameter in alone.named_parameters():
            source = together.get_parameter(name)
            if name == "embedding.weight":  # all members' first variants, then all second ones
                source = source.view(len(source), 2, members, -1)[:, :, member].flatten(1)
            elif name == "bigrams.weight":
                source = source.view(len(source), members, -1)[:, member]
            else:
                source = source[member]
            parameter.copy_(source.view_as(parameter))
    return alone.double()


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "token_dropout": 0.2}])
def test_members_trained_together_are_as_each_trained_alone(options):
    config = make_config(epochs=1, max_grad_norm=None, **options)
    together = make_local(members=2).double()  # as Adam's first steps magnify what is rounded off
    starts = [copy_member(together, member, 2) for member in range(2)]
    ends = [deepcopy(start) for start in starts]
    record = train(together, TRAINING, VALIDATION, config).history[0]
    alone = [train(end, TRAINING, VALIDATION, config).history[0] for end in ends]
    losses = [one["train_loss"] for one in alone]
    assert losses[0] != losses[1]
    assert record["train_loss"] == pytest.approx(np.mean(losses), rel=1e-6)
    for member, (start, end) in enumerate(zip(starts, ends, strict=True)):
        found = dict(copy_member(together, member, 2).named_parameters())
        before = dict(start.named_parameters())
        for name, value in end.named_parameters():
            assert not torch.equal(value, before[name]), name
            torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-6, msg=name)


def test_history_has_a_record_for_each_epoch():
    listener = Recorder()
    config = make_config(epochs=3, warmup=0.0, learning_rate=0.03)
    result = train(make_model(), TRAINING, VALIDATION, config, listener)
    assert listener.started == (18, 3)  # 96 texts in batches of 16
    assert len(listener.losses) == 18
    assert listener.records == result.history
    for number, record in enumerate(result.history, start=1):
        assert set(record) == {
            *("epoch", "train_loss", "train_accuracy", "learning_rate", "validation", "seconds")
        }
        assert record["epoch"] == number
        assert set(record["validation"]) == {"accuracy", "macro_f1", "loss", "ece", "brier"}
        # The mean over the epoch's texts so far ends as the epoch's.
        assert record["train_loss"] == listener.losses[6 * number - 1]
        assert record["learning_rate"] == pytest.approx(0.03 * (3 - number) / 3, abs=1e-12)
    seconds = [record["seconds"] for record in result.history]
    assert 0 < seconds[0] < seconds[1] < seconds[2] < result.seconds
    assert result.stopped is None


def test_a_text_of_weight_two_counts_as_two_texts():
    weights = np.random.default_rng(5).integers(1, 4, size=len(TRAINING))
    repeated = TRAINING.select(np.repeat(np.arange(len(TRAINING)), weights))
    weighted = replace(TRAINING, weights=(weights / weights.mean()).astype(np.float32))
    models = [make_model(), make_local(members=2), make_model(), make_local(members=2)]
    for model, texts in zip(models, (weighted, weighted, repeated, repeated), strict=True):
        train(model, texts, VALIDATION, make_config(batch_size=1_000, label_smoothing=0.1))
    for ours, theirs in zip(models[:2], models[2:], strict=True):
        found, expected = (predict_probabilities(model, VALIDATION) for model in (ours, theirs))
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert np.abs(expected - 1 / CLASSES).max() > 0.1


def test_of_two_labels_for_the_same_texts_the_heavier_is_learnt():
    both = np.concatenate([TRAINING.labels, (TRAINING.labels + 1) % CLASSES])
    texts = replace(TRAINING.select(np.tile(np.arange(len(TRAINING)), 2)), labels=both)
    for heavy in (0, 1):
        weights = np.repeat([1.9, 0.1] if heavy == 0 else [0.1, 1.9], len(TRAINING))
        validation = replace(VALIDATION, labels=(VALIDATION.labels + heavy) % CLASSES)
        model = make_model()
        train(model, replace(texts, weights=weights.astype(np.float32)), validation, make_config())
        predicted = predict_probabilities(model, TRAINING).argmax(axis=1)
        assert np.mean(predicted == (TRAINING.labels + heavy) % CLASSES) > 0.9


def test_the_epoch_is_chosen_by_the_weighted_accuracy():
    # Nine texts out of ten are answered ever worse, but the others weigh a hundred times as much.
    right, wrong = VALIDATION.select(np.arange(6)), CONTRARY.select(np.arange(6, 60))
    mixed = PackedTexts(
        np.concatenate([right.ids, wrong.ids]),
        np.concatenate([right.offsets, right.offsets[-1] + wrong.offsets[1:]]),
        np.concatenate([right.labels, wrong.labels]),
    )
    weights = np.repeat([100, 1], [6, 54]).astype(np.float32)
    config = make_config(epochs=6, learning_rate=0.01)
    plain = train(make_model(), TRAINING, mixed, config)
    heavy = train(make_model(), TRAINING, replace(mixed, weights=weights), config)
    assert plain.best_epoch < heavy.best_epoch
    assert heavy.validation["accuracy"] < plain.validation["accuracy"]
    assert heavy.validation["weighted_accuracy"] > 0.9
    assert "weighted_accuracy" not in plain.validation


def test_few_texts_get_more_epochs():
    listener = Recorder()
    config = make_config(epochs=2, min_steps=100)
    result = train(make_model(), TRAINING, VALIDATION, config, listener)
    assert listener.started == (24, 4)  # 6 steps an epoch; of so few texts, a fifth of the steps
    assert len(listener.losses) == 24
    assert len(result.history) == 4
    assert result.history[-1]["learning_rate"] == 0.0


def test_the_added_passes_are_at_a_lower_rate():
    def first_rate(**options):
        config = make_config(epochs=2, warmup=0.0, **options)
        return train(make_model(), TRAINING, VALIDATION, config).history[0]["learning_rate"]

    plain = first_rate(schedule="constant")
    assert first_rate(schedule="constant", min_steps=100) == pytest.approx(plain / 2**0.5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_first_loss_is_the_smoothed_cross_entropy_of_the_first_batch(smoothing):
    model, listener = make_model(), Recorder()
    before = deepcopy(model)
    config = make_config(label_smoothing=smoothing, epochs=1, seed=5)
    train(model, TRAINING, VALIDATION, config, listener)
    batch = next(training_batches(TRAINING, 16, 0.0, np.random.default_rng([5, 1])))
    logs = before(batch).detach().log_softmax(dim=1)
    true = logs[torch.arange(16), batch.labels]
    expected = -((1 - smoothing) * true + smoothing * logs.mean(dim=1)).mean()
    assert listener.losses[0] == pytest.approx(expected.item(), rel=1e-5)


def soft_labels(texts, seed=2):
    drawn = np.random.default_rng(seed).dirichlet(np.ones(CLASSES), len(texts))
    return replace(texts, labels=drawn.astype(np.float32))


@pytest.mark.parametrize("make", [make_model, lambda: make_local(members=3)], ids=["one", "three"])
def test_first_loss_of_soft_labels_is_their_cross_entropy(make):
    model, listener, texts = make(), Recorder(), soft_labels(TRAINING)
    before = deepcopy(model)
    train(model, texts, VALIDATION, make_config(epochs=1, seed=5), listener)
    batch = next(training_batches(texts, 16, 0.0, np.random.default_rng([5, 1])))
    logs = before(batch).detach().log_softmax(dim=-1)  # (texts, labels), or of three members
    expected = -(batch.labels * logs).sum(dim=-1).mean()
    assert listener.losses[0] == pytest.approx(expected.item(), rel=1e-5)


def test_with_a_teacher_the_logits_are_softened_as_its_answers_are():
    model, listener, texts = make_model(), Recorder(), soft_labels(TRAINING)
    before = deepcopy(model)
    config = make_config(epochs=1, seed=5, teacher="any", distillation_temperature=3.0)
    train(model, texts, VALIDATION, config, listener)
    batch = next(training_batches(texts, 16, 0.0, np.random.default_rng([5, 1])))
    logs = (before(batch).detach() / 3).log_softmax(dim=-1)
    expected = -9 * (batch.labels * logs).sum(dim=-1).mean()
    assert listener.losses[0] == pytest.approx(expected.item(), rel=1e-5)


def test_certain_soft_labels_train_as_hard_ones_do():
    certain = replace(TRAINING, labels=np.eye(CLASSES, dtype=np.float32)[TRAINING.labels])
    results = [
        train(make_model(), texts, VALIDATION, make_config()) for texts in (TRAINING, certain)
    ]
    for hard, soft in zip(*(result.history for result in results), strict=True):
        assert soft["train_loss"] == pytest.approx(hard["train_loss"], rel=1e-4)
        assert soft["train_accuracy"] == hard["train_accuracy"]


def test_soft_labels_are_approached():
    """Texts of one class that are right in 7 of 10 cases: the answer is 7 of 10, not certainty."""
    share = np.array([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7]], np.float32)
    model = make_model()
    train(
        model, replace(TRAINING, labels=share[TRAINING.labels]), VALIDATION, make_config(epochs=30)
    )
    found = predict_probabilities(model, VALIDATION)
    np.testing.assert_allclose(found, share[VALIDATION.labels], atol=0.05)


def test_mean_loss_weighs_a_smaller_last_batch_by_its_texts():
    listener, model = Recorder(), make_model()
    texts = make_texts(20)
    config = make_config(epochs=1, learning_rate=1e-12)  # the weights stay as they are
    train(model, texts, VALIDATION, config, listener)
    assert listener.losses[-1] == pytest.approx(evaluation(model, texts)["loss"], rel=1e-5)


def test_training_accuracy_is_the_share_of_the_epochs_texts_answered_rightly():
    model, texts = make_model(), make_texts(20)
    still = make_config(epochs=1, learning_rate=1e-12)  # the weights stay as they are
    (record,) = train(model, texts, VALIDATION, still).history
    assert record["train_accuracy"] == evaluation(model, texts)["accuracy"]
    history = train(make_model(), TRAINING, VALIDATION, make_config(epochs=8)).history
    accuracies = [record["train_accuracy"] for record in history]
    assert accuracies[0] < accuracies[-1] == 1.0


def test_training_accuracy_of_members_is_that_of_their_mean_probabilities():
    model = make_local(members=3)
    with torch.no_grad():
        model.shortcut.weight *= 100  # so sure of themselves that their means differ
    still = make_config(epochs=1, learning_rate=1e-12)
    (record,) = train(model, TRAINING, VALIDATION, still).history
    assert record["train_accuracy"] == evaluation(model, TRAINING)["accuracy"]


def test_trains_any_model_that_takes_packed_texts():
    class Counter(torch.nn.Module):
        """Counts the words of each class's range, and weighs the counts."""

        def __init__(self):
            super().__init__()
            self.weigh = torch.nn.Linear(CLASSES, CLASSES)

        def forward(self, batch):
            kinds = torch.nn.functional.one_hot((batch.ids - 1).div(4, rounding_mode="floor") + 1)
            counts = [part[:, 1:].sum(dim=0) for part in kinds.split(batch.offsets.diff().tolist())]
            return self.weigh(torch.stack(counts).float())

    torch.manual_seed(0)
    model = Counter()
    result = train(model, TRAINING, VALIDATION, make_config(epochs=8))
    assert result.validation["accuracy"] == evaluation(model, VALIDATION)["accuracy"] == 1.0


def test_best_epoch_is_the_first_of_the_best_validation_accuracy():
    config = make_config(epochs=5, schedule="constant", warmup=0.0)
    model, short = make_model(), make_model()
    result = train(model, TRAINING, CONTRARY, config)
    accuracies = [record["validation"]["accuracy"] for record in result.history]
    assert accuracies.index(max(accuracies)) + 1 == result.best_epoch < 5
    assert accuracies[-1] == 0.0
    assert result.validation == result.history[result.best_epoch - 1]["validation"]
    # The weights are those that this many epochs give.
    train(short, TRAINING, CONTRARY, make_config(**{**vars(config), "epochs": result.best_epoch}))
    assert_same_weights(model, short)


def test_of_equal_epochs_the_first_is_kept():
    result = train(make_model(), TRAINING, VALIDATION, make_config(learning_rate=1e-12))
    assert len({record["validation"]["accuracy"] for record in result.history}) == 1
    assert result.best_epoch == 1


@pytest.mark.parametrize("validation", [VALIDATION, CONTRARY], ids=["rising", "falling"])
def test_the_kept_weights_give_the_reported_validation(validation):
    model = make_model(dropout=0.2)
    result = train(model, TRAINING, validation, make_config())
    assert evaluation(model, validation) == result.validation
    assert not model.training


def test_the_last_epoch_is_kept_if_it_is_the_best():
    config = make_config(epochs=3, learning_rate=5e-3)
    model = make_model()
    result = train(model, TRAINING, VALIDATION, config)
    accuracies = [record["validation"]["accuracy"] for record in result.history]
    assert accuracies[2] > max(accuracies[:2])
    assert result.best_epoch == 3
    assert evaluation(model, VALIDATION) == result.validation


@pytest.mark.parametrize(
    ("epochs", "patience", "ran", "stopped"),
    [(9, 1, 2, "patience"), (9, 3, 4, "patience"), (3, 2, 3, None), (3, None, 3, None)],
)
def test_patience(epochs, patience, ran, stopped):
    config = make_config(epochs=epochs, patience=patience, schedule="constant", warmup=0.0)
    result = train(make_model(), TRAINING, CONTRARY, config)
    assert result.best_epoch == 1
    assert len(result.history) == ran
    assert result.stopped == stopped


def test_interrupt_before_the_first_epoch_ends_keeps_the_weights_as_they_are():
    model, start = make_model(), make_model()
    listener = Recorder(step=3)
    result = train(model, TRAINING, VALIDATION, make_config(), listener, stop=listener.stop)
    assert result.stopped == "interrupted"
    assert result.best_epoch == 0
    assert result.history == []
    assert evaluation(model, VALIDATION) == result.validation
    assert not torch.equal(model.classifier.weight, start.classifier.weight)
    assert not model.training


@pytest.mark.parametrize("moment", [{"step": 10}, {"epoch": 1}, {"step": 12}])
def test_interrupt_later_keeps_the_best_epoch(moment):
    config = make_config(schedule="constant", warmup=0.0)
    model, short = make_model(), make_model()
    listener = Recorder(**moment)
    result = train(model, TRAINING, CONTRARY, config, listener, stop=listener.stop)
    assert result.stopped == "interrupted"
    assert result.best_epoch == len(result.history) == 1
    assert result.validation == result.history[0]["validation"]
    train(short, TRAINING, CONTRARY, make_config(epochs=1, schedule="constant", warmup=0.0))
    assert_same_weights(model, short)


def test_ctrl_c_breaks_a_validation_off_and_keeps_the_best_epoch(monkeypatch, ctrl_c):
    calls = []

    def interrupted(*arguments):
        calls.append("validation")
        if len(calls) == 2:
            ctrl_c()
            calls.append("the end")
        return predict_logits(*arguments)

    monkeypatch.setattr("wave_network.training.torch_replica.predict_logits", interrupted)
    stop = StopSignal()
    with stop.on_ctrl_c():
        result = train(make_model(), TRAINING, VALIDATION, make_config(), stop=stop)
    assert calls == ["validation"] * 2
    assert (result.stopped, result.best_epoch, len(result.history)) == ("interrupted", 1, 1)
    assert not stop.take()


def test_other_errors_of_a_listener_are_not_swallowed():
    class Broken(Recorder):
        def step(self, loss):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        train(make_model(), TRAINING, VALIDATION, make_config(), Broken())


@pytest.mark.parametrize("options", [{}, {"token_dropout": 0.3}, {"max_grad_norm": None}])
def test_same_seed_same_weights_and_another_seed_others(options):
    models = [make_model(dropout=0.1, positions="learned") for _ in range(3)]
    results = []
    for model, seed in zip(models, (3, 3, 4), strict=True):
        torch.manual_seed(3)  # of the dropout
        results.append(train(model, TRAINING, VALIDATION, make_config(seed=seed, **options)))
    first, again, other = models
    assert_same_weights(first, again)
    assert results[0].validation == results[1].validation
    assert not torch.equal(first.classifier.weight, other.classifier.weight)


def test_clipping_and_smoothing_and_token_dropout_reach_the_training():
    plain = make_model()
    train(plain, TRAINING, VALIDATION, make_config(max_grad_norm=None))
    for options in ({"max_grad_norm": 0.01}, {"label_smoothing": 0.3}, {"token_dropout": 0.3}):
        changed = make_model()
        train(changed, TRAINING, VALIDATION, make_config(**{"max_grad_norm": None, **options}))
        assert not torch.equal(plain.classifier.weight, changed.classifier.weight), options


def test_tokens_that_never_occur_keep_their_start():
    torch.manual_seed(0)
    config = ModelConfig(labels=(0, 1, 2), vocab_size=20, cls_token_id=0, hidden_size=8)
    model = WaveNetwork(config)
    start = model.embedding.weight.detach().clone()
    train(model, TRAINING, VALIDATION, make_config(epochs=1))
    assert torch.equal(model.embedding.weight[13:], start[13:])
    assert not torch.equal(model.embedding.weight[:13], start[:13])


def test_pairs_that_never_occur_keep_their_start():
    model = make_local(bigram_buckets=4_001)
    start = model.bigrams.weight.detach().clone()
    train(model, TRAINING, VALIDATION, make_config(epochs=1))
    moved = (model.bigrams.weight != start).any(dim=1)
    first, second = TRAINING.ids[:-1].tolist(), TRAINING.ids[1:].tolist()
    pairs = {(a, b) for a, b in zip(first, second, strict=True) if b}  # 0 starts the next text
    expected = sorted({pair_bucket(a, b, 4_001) for a, b in pairs})
    assert moved.nonzero().flatten().tolist() == expected


def test_probabilities_of_members_are_their_mean():
    model = make_local(members=3)
    logits = model.train()(TRAINING.to_torch()).detach()
    found = predict_probabilities(model, TRAINING)
    assert found.shape == (96, 3)
    assert found.dtype == np.float32
    expected = logits.softmax(dim=2).mean(dim=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert not model.training


def test_probabilities_are_of_every_text_in_order():
    model = make_model(dropout=0.5).train()
    found = predict_probabilities(model, TRAINING)
    assert found.shape == (96, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    logits = model(TRAINING.to_torch()).detach()
    np.testing.assert_allclose(found, logits.softmax(dim=1).numpy(), rtol=1e-5)
    assert not model.training


@pytest.mark.parametrize(
    ("name", "exists"),
    [("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)],
)
def test_a_device_that_is_not_here_is_refused(name, exists):
    if exists():
        pytest.skip(f"this machine has {name}")
    with pytest.raises(ConfigError, match=f"no {name} device here: set device to cpu") as caught:
        resolve_device(name)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=f"no {name} device here"):
        train(make_model(), TRAINING, VALIDATION, make_config(device=name))


def test_device_names():
    assert resolve_device("cpu") == torch.device("cpu")
    nothing_else = not (torch.cuda.is_available() or torch.backends.mps.is_available())
    assert (resolve_device("auto").type == "cpu") == nothing_else


def test_training_on_auto_ends_on_the_cpu():
    model = make_model()
    result = train(model, TRAINING, VALIDATION, make_config(device="auto", epochs=1))
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}
    assert math.isfinite(result.validation["loss"])


def as_sets(texts):
    """Every text has its class and the next one."""
    sets = np.eye(CLASSES, dtype=np.float32)
    labels = (sets + np.roll(sets, 1, axis=1))[texts.labels]
    return replace(texts, labels=labels)


@pytest.mark.parametrize("make", [make_model, partial(make_local, members=3)])
def test_label_lists_are_learnt(make):
    model = make(problem_type="multi_label_classification")
    result = train(
        model, as_sets(TRAINING), as_sets(VALIDATION), make_config(epochs=10), labelling=SEVERAL
    )
    assert result.validation["accuracy"] == result.validation["micro_f1"] == 1.0
    assert result.history[-1]["train_accuracy"] > 0.9
    found = predict_logits(model, VALIDATION)
    np.testing.assert_array_equal(found > 0, as_sets(VALIDATION).labels)


def test_the_loss_of_label_lists_is_the_labels_binary_cross_entropies_added_up():
    model = make_local(problem_type="multi_label_classification", members=2)
    batch = as_sets(TRAINING).to_torch()
    recorder = Recorder(step=1)
    with torch.no_grad():
        logits = model.train()(batch)
    train(
        model,
        as_sets(TRAINING),
        as_sets(VALIDATION),
        make_config(batch_size=len(TRAINING), label_smoothing=0.2),
        recorder,
        labelling=SEVERAL,
        stop=recorder.stop,
    )
    targets = 0.8 * batch.labels + 0.1
    each = -targets * logits.sigmoid().log() - (1 - targets) * (1 - logits.sigmoid()).log()
    assert recorder.losses == [pytest.approx(each.sum(dim=2).mean().item(), rel=1e-5)]


def test_the_best_epoch_of_label_lists_is_that_of_the_best_micro_f1():
    contrary = as_sets(CONTRARY)
    model = make_model(problem_type="multi_label_classification")
    result = train(model, as_sets(TRAINING), contrary, make_config(epochs=4), labelling=SEVERAL)
    found = [record["validation"]["micro_f1"] for record in result.history]
    assert result.validation["micro_f1"] == max(found) > found[-1]
    found = expit(predict_logits(model, contrary))
    assert summarize_multi_label(found, contrary.labels) == pytest.approx(result.validation)


def test_the_last_epoch_is_kept_where_none_is_to_be_chosen():
    config = make_config(epochs=4)
    chosen, last = (
        train(make_model(), TRAINING, CONTRARY, config, choice=EpochChoice(best=choose))
        for choose in (True, False)
    )
    assert chosen.best_epoch < last.best_epoch == 4
    assert last.validation == last.history[-1]["validation"]
