"""The Transformer of paper 1: one encoder layer on the token embeddings of a pretrained BERT."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wave_network.baselines.padding import Padded, classify_padded, pad
from wave_network.data.batch import PackedBatch
from wave_network.errors import ConfigError
from wave_network.models.wave.positions import sinusoidal_positions


class TransformerLayer(nn.Module):
    """A text classifier with one Transformer encoder layer; classifies the `[CLS]` row.

    The paper states neither the number of heads, nor the feed-forward size, nor the positions.
    Heads and sizes default to BERT base's; positions are sinusoidal, as in `WaveNetwork`.

    Args:
        embeddings: The initial token embeddings, float32, (vocab, width); copied.
        num_labels: Number of classes.
        heads: Number of attention heads; must divide the width.
        sep_token_id: The token appended to every text; None: none.
        max_length: Maximum number of tokens of a text, including `[CLS]` and `[SEP]`.
        only_first: Compute the `[CLS]` row alone, as nothing else is classified. With one query,
            keys and values of all tokens need not be computed (see `_attend_first`): the same
            answers in a hundredth of the operations. False computes all rows, as the layer is
            usually drawn.

    Raises:
        ConfigError: If `heads` does not divide the width.
    """

    positions: Tensor

    def __init__(
        self,
        embeddings: Tensor,
        num_labels: int,
        *,
        heads: int = 12,
        sep_token_id: int | None,
        max_length: int,
        only_first: bool = False,
    ) -> None:
        super().__init__()
        self.only_first = only_first
        width = embeddings.shape[1]
        if width % heads:
            raise ConfigError(f"{heads} attention heads do not divide a width of {width}")
        self.sep_token_id = sep_token_id
        self.max_length = max_length
        self.embedding: nn.Embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
            embeddings.clone(), freeze=False
        )
        # Tokens and positions have equal initial weight, as in `WaveNetwork`.
        scale = float(embeddings.square().mean().sqrt())
        table = sinusoidal_positions(max_length, width, scale)
        self.register_buffer("positions", torch.from_numpy(table), persistent=False)
        self.layer = nn.TransformerEncoderLayer(
            width, heads, dim_feedforward=4 * width, activation="gelu", batch_first=True
        )
        self.classifier = nn.Linear(width, num_labels)

    def row_tables(self) -> list[nn.Embedding]:
        """As `ClassifierNetwork.row_tables`."""
        return [self.embedding]

    @property
    def input_embedding(self) -> nn.Embedding:
        """The token table: its output is (texts, longest, width), padding included."""
        return self.embedding

    def forward(self, batch: PackedBatch) -> Tensor:
        """Classify packed texts.

        Args:
            batch: Token ids and offsets.

        Returns:
            The logits, (texts, labels).
        """
        padded = pad(batch, sep_token_id=self.sep_token_id, max_length=self.max_length)
        return classify_padded(padded, self._classify)

    def _classify(self, padded: Padded) -> Tensor:
        tokens = self.embedding(padded.ids) + self.positions[: padded.ids.shape[1]]
        if self.only_first:
            first = self._first_row(tokens, ~padded.mask)
        else:  # (texts, longest, width)
            first = self.layer(tokens, src_key_padding_mask=~padded.mask)[:, 0]
        logits: Tensor = self.classifier(first)
        return logits

    def _first_row(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Compute the first row of the layer's output, (texts, width)."""
        layer = self.layer
        attended = self._attend_first(tokens, is_padding)
        first = layer.norm1(tokens[:, 0] + layer.dropout1(attended))
        inner = layer.dropout(layer.activation(layer.linear1(first)))
        row: Tensor = layer.norm2(first + layer.dropout2(layer.linear2(inner)))
        return row

    def _attend_first(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Compute the attention of the first row, (texts, width).

        With one query, q.(K x) = (K'q).x and sum a (V x) = V (sum a x), so that the matrices K and
        V meet one vector of each head instead of every token. The keys' bias adds the same to all
        scores of a query, which softmax drops.
        """
        attention = self.layer.self_attn
        split = (attention.num_heads, attention.head_dim)
        query_weight, *others = attention.in_proj_weight.chunk(3)
        key_weight, value_weight = (weight.view(*split, -1) for weight in others)
        query_bias, _, value_bias = attention.in_proj_bias.chunk(3)
        query = F.linear(tokens[:, 0], query_weight, query_bias).view(-1, *split)
        query = query / attention.head_dim**0.5  # (texts, heads, head width)
        query = torch.einsum("thd,hdw->thw", query, key_weight)  # (texts, heads, width)
        scores = query @ tokens.mT  # (texts, heads, longest)
        weights = scores.masked_fill(is_padding.unsqueeze(1), -torch.inf).softmax(dim=2)
        weights = F.dropout(weights, attention.dropout, self.training)
        means = weights @ tokens  # (texts, heads, width)
        values = torch.einsum("thw,hdw->thd", means, value_weight)
        values = values + weights.sum(dim=2, keepdim=True) * value_bias.view(split)
        attended: Tensor = attention.out_proj(values.flatten(1))
        return attended
