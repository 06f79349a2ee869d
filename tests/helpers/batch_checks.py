"""What both models promise of a batch, checked in one way."""

import numpy as np

from wave_network.models.torch_logits import predict_probabilities


def assert_batch_does_not_matter(model, texts, pack):
    """Alone, backwards or among many others a text has the same probabilities.

    Args:
        model: A classifier of packed texts.
        texts: What `pack` takes; their probabilities must differ.
        pack: Makes `PackedTexts` of a list of them.
    """
    together = predict_probabilities(model, pack(texts))
    np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-6)
    assert np.ptp(together, axis=0).min() > 0.01  # texts do differ
    backwards = predict_probabilities(model, pack(texts[::-1]))[::-1]
    np.testing.assert_allclose(backwards, together, rtol=0, atol=1e-6)
    alone = np.concatenate([predict_probabilities(model, pack([text])) for text in texts])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)
    many = predict_probabilities(model, pack(texts * 20))[-len(texts) :]
    np.testing.assert_allclose(many, together, rtol=0, atol=1e-6)
