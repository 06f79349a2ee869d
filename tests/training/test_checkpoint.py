"""Checkpoints: an interrupted run goes on from the last one and ends with the same bits."""

import json
import random

import numpy as np
import pytest
from faults import KILLS

from wave_network.config import LocalWaveConfig, TrainConfig, get_preset
from wave_network.data.batch import PackedTexts
from wave_network.training.callbacks import Progress
from wave_network.training.checkpoint import Checkpoints, Epochs
from wave_network.training.loop import train
from wave_network.training.model import new_model

CONFIG = TrainConfig(
    epochs=3, min_steps=0, batch_size=8, max_batch_size=None, max_grad_norm=None, seed=1,
    learning_rate=0.01, schedule="linear", warmup=0.2, token_dropout=0.1, device="cpu",
)  # fmt: skip


class KilledError(Exception):
    """Stands for whatever ends a process."""


class KilledAfter(Progress):
    """Ends training after some steps."""

    def __init__(self, steps):
        self.left = steps

    def step(self, loss):
        self.left -= 1
        if self.left < 0:
            raise KilledError


def texts(count, seed):
    generator = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(generator.integers(2, 9, count))])
    ids = generator.integers(1, 50, offsets[-1]).astype(np.int32)
    return PackedTexts(ids, offsets, generator.integers(0, 2, count))


def local_waves():
    shape = {**get_preset("tiny").model, "linear_size": 0, "bigram_buckets": 61, "max_length": 16}
    return LocalWaveConfig(**shape, labels=(0, 1), vocab_size=50, cls_token_id=0)


def build(kind):
    if kind == "compiled":
        return new_model(local_waves(), CONFIG)
    import torch

    from wave_network.baselines.transformer import TransformerLayer
    from wave_network.training.torch_model import TorchModel

    torch.manual_seed(0)
    table = 0.1 * torch.randn(50, 12)
    layer = TransformerLayer(table, 2, heads=2, sep_token_id=None, max_length=16)
    return TorchModel(layer)  # with dropout, which draws torch's random numbers


@pytest.fixture(params=["compiled", "torch"])
def kind(request):
    if request.param == "torch":
        pytest.importorskip("torch")
    return request.param


def run(kind, checkpoints=None, progress=None, training=None):
    model = build(kind)
    training = texts(40, 0) if training is None else training
    options = {"checkpoints": checkpoints, **({"progress": progress} if progress else {})}
    result = train(model, training, texts(16, 1), CONFIG, **options)
    return {name: tensor.copy() for name, tensor in model.tensors.items()}, result


def without_times(result):
    history = [{k: v for k, v in record.items() if k != "seconds"} for record in result.history]
    return json.dumps([history, result.validation, result.best_epoch])


def test_a_killed_run_ends_as_if_it_had_not_been_killed(kind, tmp_path):
    weights, result = run(kind)
    for step in (1, 4, 5, 7, 10, 13):
        checkpoints = Checkpoints(tmp_path / f"{kind}{step}", every=0.0)
        with pytest.raises(KilledError):
            run(kind, checkpoints, KilledAfter(step))
        with pytest.raises(KilledError):  # again, further on
            run(kind, checkpoints, KilledAfter(step + 1))
        again, resumed = run(kind, checkpoints)
        assert without_times(resumed) == without_times(result)
        assert again.keys() == weights.keys()
        for name, tensor in weights.items():
            np.testing.assert_array_equal(again[name], tensor, err_msg=name)


def test_checkpoints_do_not_change_a_run(kind, tmp_path):
    weights, result = run(kind)
    again, same = run(kind, Checkpoints(tmp_path / "run", every=0.0))
    assert without_times(same) == without_times(result)
    assert all((again[name] == tensor).all() for name, tensor in weights.items())


def test_what_is_damaged_or_of_another_run_is_not_used(kind, tmp_path):
    checkpoints = Checkpoints(tmp_path / "run", every=0.0)
    with pytest.raises(KilledError):
        run(kind, checkpoints, KilledAfter(7))
    other = texts(40, 2)
    _, result = run(kind, training=other)
    assert without_times(run(kind, checkpoints, training=other)[1]) == without_times(result)
    for file in (tmp_path / "run").iterdir():
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        assert without_times(run(kind, checkpoints)[1]) == without_times(run(kind)[1])


def test_a_checkpoint_is_read_whole_or_not_at_all(tmp_path, caplog, faults):
    faults.name = "checkpoints cut short, or with a byte changed"
    draw = random.Random(0)
    checkpoints = Checkpoints(tmp_path / "run", every=0.0)
    with pytest.raises(KilledError):
        run("compiled", checkpoints, KilledAfter(7))
    whole = checkpoints.open(texts(40, 0), texts(16, 1), CONFIG)
    assert whole.place.batches
    files = {file: file.read_bytes() for file in (tmp_path / "run").iterdir()}
    for number in range(10 * KILLS):
        file, content = draw.choice([*files.items()])
        place = draw.randrange(len(content))
        end = b"" if number % 2 else bytes([content[place] ^ 1 << draw.randrange(8)])
        file.write_bytes(content[:place] + (end and end + content[place + 1 :]))
        caplog.clear()
        found = checkpoints.open(texts(40, 0), texts(16, 1), CONFIG)
        faults.add(survived=found is None and "is damaged" in caplog.text, wrong=found is not None)
        file.write_bytes(content)
    assert checkpoints.open(texts(40, 0), texts(16, 1), CONFIG).place == whole.place


def test_checkpoints_by_epochs(kind, tmp_path):
    weights, result = run(kind)
    checkpoints = Checkpoints(tmp_path / "run", every=Epochs(2))
    for steps, written in ((9, False), (11, True)):  # of 5 an epoch
        with pytest.raises(KilledError):
            run(kind, checkpoints, KilledAfter(steps))
        assert (tmp_path / "run").exists() == written
    again, resumed = run(kind, checkpoints)
    assert without_times(resumed) == without_times(result)
    assert all((again[name] == tensor).all() for name, tensor in weights.items())


def test_a_checkpoint_is_written_when_it_is_time(kind, tmp_path):
    run(kind, Checkpoints(tmp_path / "run"))
    assert not (tmp_path / "run").exists()  # not yet
    checkpoints = Checkpoints(tmp_path / "run", every=0.0)
    run(kind, checkpoints)
    assert {file.name for file in (tmp_path / "run").iterdir()} == {
        "state.json",
        "state.safetensors",
    }
    checkpoints.remove()
    assert not (tmp_path / "run").exists()
