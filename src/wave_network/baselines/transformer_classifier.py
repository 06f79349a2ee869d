"""The Transformer layer of paper 1, trained from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from wave_network.baselines.transformer import TransformerLayer
from wave_network.config import Label, get_preset
from wave_network.data import SingleLabel
from wave_network.data.batch import PackedTexts
from wave_network.models.torch_logits import predict_probabilities
from wave_network.text import TextTokenizer
from wave_network.training.loop import train
from wave_network.training.torch_model import TorchModel

_HEAD_WIDTH: Final = 64
_MAX_LENGTH: Final = 512
_INITIALIZER_RANGE: Final = 0.02  # BERT's


class TransformerClassifier:
    """One Transformer layer trained from scratch, with the vocabulary and protocol of `paper`.

    Holds out a fifth of the texts and keeps the best epoch; batch size 64, learning rate 1e-3, up
    to 512 tokens of a text, as of long reviews the end counts, too.

    Args:
        dimensions: Width of the layer, a multiple of 64, the width of a head.
        epochs: Maximum number of epochs; None: the papers' four.
        seed: Seed of the split, the initial weights and the order of the texts.
    """

    def __init__(self, *, dimensions: int = 256, epochs: int | None = None, seed: int = 0) -> None:
        preset = get_preset("paper")
        self._dimensions = dimensions
        self._vocab_size = preset.vocab_size
        self._config = replace(
            preset.train, epochs=epochs or preset.train.epochs, seed=seed, device="cpu"
        )

    def fit(self, texts: Sequence[str], labels: Sequence[Label]) -> TransformerClassifier:
        """Train on texts and their labels.

        Raises:
            DataError: If the labels are of fewer than two classes, of mixed types, or too few to
                hold some out.
        """
        config = self._config
        labelling = SingleLabel.learn(labels)
        indices = labelling.encode(labels)
        kept, held_out = labelling.split(indices, config.validation_fraction, config.seed)
        training_texts = [texts[i] for i in kept]
        self._tokenizer = TextTokenizer.train(training_texts, self._vocab_size, _MAX_LENGTH)
        training = self._pack(training_texts, indices[kept])
        validation = self._pack([texts[i] for i in held_out], indices[held_out])
        with torch.random.fork_rng():  # the global generator belongs to the caller
            torch.manual_seed(config.seed)
            self._model = TransformerLayer(
                torch.randn(self._tokenizer.vocab_size, self._dimensions) * _INITIALIZER_RANGE,
                len(labelling.classes),
                heads=self._dimensions // _HEAD_WIDTH,
                sep_token_id=None,
                max_length=_MAX_LENGTH,
                only_first=True,
            )
            train(TorchModel(self._model), training, validation, config)
        self._classes = np.array(labelling.classes)
        return self

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """Predict the label of each text, of the type it had in training."""
        if len(texts) == 0:
            return self._classes[:0]
        best = predict_probabilities(self._model, self._pack(texts)).argmax(axis=1)
        labels: NDArray[Any] = self._classes[best]
        return labels

    def num_parameters(self) -> int:
        """Count the trained parameters."""
        return sum(parameter.numel() for parameter in self._model.parameters())

    def size_bytes(self) -> int:
        """Return the bytes of the weights as safetensors, without the tokenizer."""
        return len(save(self._model.state_dict()))

    def _pack(self, texts: Sequence[str], labels: NDArray[np.int64] | None = None) -> PackedTexts:
        return PackedTexts(*self._tokenizer.encode(texts), labels)
