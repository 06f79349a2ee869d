"""Which form of a model is trained, and what it needs."""

from dataclasses import replace

import numpy as np
import pytest
from native import native_hidden, needs_native

from wave_network.config import LocalWaveConfig, ModelConfig, TrainConfig, get_preset
from wave_network.data.batch import PackedTexts
from wave_network.errors import MissingExtraError
from wave_network.models.tensor_spec import initial_tensors
from wave_network.models.tensors import tensor_specs
from wave_network.training.model import check_torch, new_model, torch_is_needed
from wave_network.training.torch_model import TorchModel

SHAPE = {"labels": ("a", "b", "c"), "vocab_size": 20, "cls_token_id": 0, "hidden_size": 6}
LOCAL = LocalWaveConfig(**SHAPE, bigram_buckets=31, members=2, linear_size=300)
PAPER = ModelConfig(**SHAPE)
NATIVE = TrainConfig(max_grad_norm=None)
TEXTS = PackedTexts(
    np.array([0, 5, 9, 5, 0, 7, 0, 0, 3], np.int32), np.array([0, 4, 6, 7, 9]), np.arange(4) % 3
)


@needs_native
@pytest.mark.parametrize("name", ["small", "tiny", "large"])
def test_presets_that_train_without_torch(name):
    preset = get_preset(name)
    for device in ("auto", "cpu"):
        assert torch_is_needed(preset.config, replace(preset.train, device=device)) is None


@needs_native
@pytest.mark.parametrize(
    ("family", "changes", "purpose"),
    [
        (ModelConfig, {}, "training the papers' model (small, tiny and large train without it)"),
        (LocalWaveConfig, {"device": "cuda"}, "training on cuda"),
        (LocalWaveConfig, {"max_grad_norm": 1.0}, "max_grad_norm"),
    ],
)
def test_what_needs_torch_says_for_what(monkeypatch, family, changes, purpose):
    training = replace(NATIVE, **changes)
    assert torch_is_needed(family, training) == purpose
    monkeypatch.setitem(__import__("sys").modules, "accelerate", None)  # importing it fails
    with pytest.raises(MissingExtraError) as caught:
        check_torch(family, training)
    assert str(caught.value) == f'{purpose} needs the "torch" extra: ' + (
        'pip install "wave-network[torch]"'
    )


@pytest.mark.parametrize("missing", ["accelerate", "sklearn"])
def test_without_compiled_code_an_extra_has_all_that_trains(monkeypatch, missing):
    monkeypatch.setitem(__import__("sys").modules, missing, None)  # importing it fails
    with native_hidden(), pytest.raises(MissingExtraError) as caught:
        check_torch(LocalWaveConfig, NATIVE)
    assert str(caught.value).startswith("compiled code is not in use; for it, install a C compiler")
    assert str(caught.value).endswith('pip install "wave-network[train]"')


def test_without_compiled_code_torch_trains():
    with native_hidden():
        assert "Training without it" in torch_is_needed(LocalWaveConfig, NATIVE)
        assert isinstance(new_model(LOCAL, NATIVE), TorchModel)


@needs_native
def test_both_forms_start_alike_and_answer_alike():
    arrays = new_model(LOCAL, replace(NATIVE, seed=3))
    with native_hidden():
        torch_model = new_model(LOCAL, replace(NATIVE, seed=3))
    assert set(arrays.tensors) == set(torch_model.tensors)
    for name, values in arrays.tensors.items():
        np.testing.assert_array_equal(torch_model.tensors[name], values, err_msg=name)
    np.testing.assert_allclose(arrays.logits(TEXTS), torch_model.logits(TEXTS), rtol=1e-5)


@pytest.mark.parametrize("hidden", [pytest.param(False, marks=needs_native), True])
def test_changed_tensors_change_the_model(hidden):
    with native_hidden(hidden):
        model = new_model(LOCAL, NATIVE)
        before = model.logits(TEXTS)
        model.tensors["linear.bias"] += np.float32(2)
        model.tensors["bigrams.weight"][:] = 1
        after = model.logits(TEXTS)
    assert not np.allclose(after - before, 2)
    model.tensors["bigrams.weight"][:] = 0
    np.testing.assert_allclose(model.logits(TEXTS), before + 2, rtol=1e-5)


@needs_native
def test_long_texts_are_answered_in_parts(monkeypatch):
    model = new_model(LOCAL, NATIVE)
    expected = model.logits(TEXTS)
    monkeypatch.setattr("wave_network.training.local_wave.array_model._TOKENS_AT_ONCE", 3)
    np.testing.assert_allclose(model.logits(TEXTS), expected, rtol=1e-6)


@needs_native
def test_weights_that_are_given_are_the_start():
    given = initial_tensors(tensor_specs(LOCAL), 9)
    model = new_model(LOCAL, NATIVE, given)
    for name, values in initial_tensors(tensor_specs(LOCAL), 9).items():
        np.testing.assert_array_equal(model.tensors[name], values)


@needs_native
@pytest.mark.parametrize("config", [LOCAL, PAPER], ids=["local", "paper"])
def test_what_is_kept_of_the_best_epoch_is_what_steps_change(config):
    model = new_model(config, NATIVE)
    names = {name for name in model.tensors if not name.startswith("linear.")}
    size = sum(model.tensors[name].size for name in names)
    assert sum(values.size for values in model.trained.values()) == size
