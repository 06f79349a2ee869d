"""The waves count less where few texts were learnt from."""

import numpy as np
import pytest

from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.models.tensor_spec import initial_tensors
from wave_network.models.tensors import tensor_specs
from wave_network.training.local_wave.array_model import ArrayModel
from wave_network.training.local_wave.waves_weight import scale_waves, waves_weight

CONFIG = LocalWaveConfig(labels=("a", "b"), vocab_size=20, cls_token_id=0, linear_size=2 * 101)


@pytest.mark.parametrize(("texts", "weight"), [(20, 0.01), (1_000, 0.5), (2_000, 1), (10**6, 1)])
def test_the_weight_grows_with_the_number_of_texts(texts, weight):
    assert waves_weight(texts) == weight


def test_the_logits_of_the_waves_are_scaled_and_those_of_the_linear_part_are_not():
    model = ArrayModel(CONFIG, initial_tensors(tensor_specs(CONFIG), 0))
    texts = PackedTexts(np.array([0, 1, 2, 3, 0, 4], np.int32), np.array([0, 4, 6]))
    before = model.logits(texts)
    scale_waves(model.tensors, 0.25)
    np.testing.assert_allclose(model.logits(texts), before / 4, rtol=1e-5)
    model.tensors["linear.bias"] += 3
    np.testing.assert_allclose(model.logits(texts), before / 4 + 3, rtol=1e-5)
    scale_waves(model.tensors, 4)
    np.testing.assert_allclose(model.logits(texts), before + 3, rtol=1e-5)
