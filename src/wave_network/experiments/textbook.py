"""One wave layer exactly as paper 1 draws it (Fig. 6a), to see what it costs."""

from __future__ import annotations

import torch
from torch import Tensor

from wave_network import ops
from wave_network.config import ModelConfig
from wave_network.data.batch import PackedBatch
from wave_network.errors import ConfigError
from wave_network.models.wave.network import WaveLayer, WaveNetwork


class TextbookNetwork(WaveNetwork):
    """A one-layer `WaveNetwork` in which every token passes every layer.

    Nothing is shared between equal tokens or equal places, and nothing is left out for `[CLS]`;
    the mean over the tokens is classified. With `pooling="mean"` the network gives the same.

    Args:
        config: As for the network. Its pooling means nothing here.

    Raises:
        ConfigError: If the network of that shape has several layers or no linear variants.
    """

    def __init__(self, config: ModelConfig) -> None:
        if config.num_layers != 1 or config.variants != "linear":
            raise ConfigError("the textbook network has one layer and linear variants")
        super().__init__(config)

    def forward(self, batch: PackedBatch) -> Tensor:
        """Classify packed texts.

        Args:
            batch: Token ids and offsets.

        Returns:
            The logits, (texts, labels).
        """
        lengths = batch.offsets.diff()  # (texts,)
        tokens = self.embedding(batch.ids)  # (tokens, hidden)
        rows = self._position_rows(batch)
        if rows is not None:
            starts = torch.repeat_interleave(batch.offsets[:-1], lengths)  # (tokens,)
            tokens = tokens + rows[torch.arange(len(tokens), device=tokens.device) - starts]
        layer = self.layers[0]
        assert isinstance(layer, WaveLayer)
        variants, _ = layer.variants_of(tokens, None)  # (tokens, 2 * hidden)
        hidden = layer(variants, batch, only_first=False)  # (tokens, hidden)
        pooled = ops.segment_sum(hidden, batch.offsets) / lengths.unsqueeze(1)
        logits: Tensor = self.classifier(pooled)
        return logits
