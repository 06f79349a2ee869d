"""model2vec's classifier, trained from scratch: averaged static token vectors and an MLP."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data import SingleLabel
from wave_network.errors import extra_needed
from wave_network.text.vocabulary import learn_vocabulary

_INITIALIZER_RANGE: Final = 0.1


class Model2VecClassifier:
    """`StaticModelForClassification` with random initial vectors and a vocabulary learnt here.

    model2vec normally starts from vectors distilled from a sentence encoder, which are downloaded.
    Here it learns from the training texts only, like the other baselines, with its own defaults:
    batches of up to 512, Adam, a tenth held out, early stopping.

    Args:
        dimensions: Size of a token's vector.
        vocab_size: Size of the vocabulary.
        seed: Seed of the initial vectors, the split and the order of the texts.
    """

    def __init__(self, *, dimensions: int = 256, vocab_size: int = 30_522, seed: int = 0) -> None:
        self._dimensions = dimensions
        self._vocab_size = vocab_size
        self._seed = seed
        self._pipeline: Any = None
        self._classes: NDArray[Any] = np.empty(0)

    def fit(self, texts: Sequence[str], labels: Sequence[Label]) -> Model2VecClassifier:
        """Train on texts and their labels.

        Raises:
            DataError: If the labels are of fewer than two classes, or of mixed types.
            MissingExtraError: If model2vec is not installed.
        """
        with extra_needed("baselines", "the model2vec baseline"):
            import torch
            from model2vec.train import StaticModelForClassification
        labelling = SingleLabel.learn(labels)
        indices = labelling.encode(labels)
        tokenizer = learn_vocabulary(texts, self._vocab_size).tokenizer
        shape = (tokenizer.get_vocab_size(), self._dimensions)
        generator = torch.Generator().manual_seed(self._seed)
        model = StaticModelForClassification(
            vectors=torch.randn(shape, generator=generator) * _INITIALIZER_RANGE,
            tokenizer=tokenizer,
        )
        names = [str(index) for index in indices]
        model.fit(list(texts), names, random_seed=self._seed, device="cpu")
        self._pipeline = model.to_pipeline()
        self._classes = np.array(labelling.classes)
        return self

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """Predict the label of each text, of the type it had in training."""
        if len(texts) == 0:
            return self._classes[:0]
        indices: NDArray[np.intp] = self._pipeline.predict(list(texts)).astype(np.intp)
        return self._classes[indices]

    def num_parameters(self) -> int:
        """Count the entries of the vectors, and the weights and biases of the MLP."""
        layers = self._pipeline.head.layers
        head = sum(layer.weight.size + layer.bias.size for layer in layers)
        return int(self._pipeline.model.embedding.size + head)

    def size_bytes(self) -> int:
        """Return the bytes of the model's folder, without its card."""
        with tempfile.TemporaryDirectory() as folder:
            self._pipeline.save_pretrained(folder)
            files = (path for path in Path(folder).iterdir() if path.suffix != ".md")
            return sum(path.stat().st_size for path in files)
