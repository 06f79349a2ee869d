"""The waves count less where few texts were learnt from."""

import numpy as np
import pytest
import torch

from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.models.registry import build_model
from wave_network.models.torch_logits import predict_logits
from wave_network.training.local_wave.waves_weight import scale_waves, waves_weight

CONFIG = LocalWaveConfig(labels=("a", "b"), vocab_size=20, cls_token_id=0, linear_size=2 * 101)


@pytest.mark.parametrize(("texts", "weight"), [(20, 0.01), (1_000, 0.5), (2_000, 1), (10**6, 1)])
def test_the_weight_grows_with_the_number_of_texts(texts, weight):
    assert waves_weight(texts) == weight


def test_the_logits_of_the_waves_are_scaled_and_those_of_the_linear_part_are_not():
    model = build_model(CONFIG, seed=0).eval()
    texts = PackedTexts(np.array([0, 1, 2, 3, 0, 4], np.int32), np.array([0, 4, 6]))
    before = predict_logits(model, texts)
    scale_waves(model, 0.25)
    np.testing.assert_allclose(predict_logits(model, texts), before / 4, rtol=1e-5)
    with torch.no_grad():
        model.get_parameter("linear.bias").add_(3)
    np.testing.assert_allclose(predict_logits(model, texts), before / 4 + 3, rtol=1e-5)
    scale_waves(model, 4)
    np.testing.assert_allclose(predict_logits(model, texts), before + 3, rtol=1e-5)
