"""The wave network without waves: a bag of embeddings."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from wave_network.config import ModelConfig
from wave_network.data.batch import PackedBatch
from wave_network.errors import ConfigError
from wave_network.models.wave.network import WaveLayer, WaveNetwork


class BagOfEmbeddings(WaveNetwork):
    """The control for a one-layer `WaveNetwork`: same parameters, means instead of waves.

    The means of u and of v over a text's tokens replace the real and the imaginary part of the
    combined wave of `[CLS]`. Everything else is the network's, including its random initialisation.

    Args:
        config: As for the network. Operation, pooling and levels are ignored.

    Raises:
        ConfigError: If there are several layers, or the read-out is not `concat`.
    """

    def __init__(self, config: ModelConfig) -> None:
        if config.num_layers != 1 or config.readout != "concat":
            raise ConfigError('a bag of embeddings has one layer and the read-out "concat"')
        super().__init__(config)

    def forward(self, batch: PackedBatch) -> Tensor:
        """Classify packed texts.

        Args:
            batch: Token ids and offsets.

        Returns:
            The logits, (texts, labels).
        """
        distinct, token_index = torch.unique(batch.ids, return_inverse=True)
        # The linear layers commute with the mean, so they run on one row per text.
        means = F.embedding_bag(
            token_index,
            self.embedding(distinct),
            batch.offsets,
            mode="mean",
            include_last_offset=True,
        )  # (texts, embedding)
        layer = self.layers[0]
        assert isinstance(layer, WaveLayer)
        variants, place_variants = layer.variants_of(means, self._position_means(batch))
        if place_variants is not None:
            variants = variants + place_variants  # (texts, 2 * hidden)
        hidden = layer.norm(F.gelu(layer.feed_forward(variants), approximate="tanh"))
        logits: Tensor = self.classifier(layer.dropout(hidden))
        return logits

    def _position_means(self, batch: PackedBatch) -> Tensor | None:
        """Compute the mean position row of each text, (texts, embedding), or None."""
        rows = self._position_rows(batch)
        if rows is None:
            return None
        lengths = batch.offsets.diff()  # (texts,)
        return rows.cumsum(dim=0)[lengths - 1] / lengths.unsqueeze(1)
