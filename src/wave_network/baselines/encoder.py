"""A pretrained Transformer encoder such as BERT, to fine-tune; needs `transformers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from torch import Tensor, nn

from wave_network.baselines.padding import Padded, classify_padded, pad
from wave_network.data.batch import PackedBatch
from wave_network.errors import ConfigError, extra_needed
from wave_network.huggingface.pretrained import read_pretrained
from wave_network.text.loading import read_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_DROPOUT: Final = 0.1
_BERT_SEP_TOKEN_ID: Final = 102


class EncoderClassifier(nn.Module):
    """A Transformer encoder whose last `[CLS]` row is classified.

    Args:
        encoder: A model of `transformers` with a `last_hidden_state`. Its pooler is removed.
        num_labels: Number of classes.
        sep_token_id: The token appended to every text; None: none.
        max_length: Maximum number of tokens of a text, including `[CLS]` and `[SEP]`.

    Raises:
        ConfigError: If the encoder has fewer than `max_length` positions.
    """

    def __init__(
        self,
        encoder: PreTrainedModel,
        num_labels: int,
        *,
        sep_token_id: int | None,
        max_length: int,
    ) -> None:
        super().__init__()
        if max_length > encoder.config.max_position_embeddings:
            raise ConfigError(
                f"the encoder reads {encoder.config.max_position_embeddings} tokens of a text, not "
                f"{max_length}"
            )
        if hasattr(encoder, "pooler"):
            encoder.pooler = None
        self.sep_token_id = sep_token_id
        self.max_length = max_length
        self.encoder = encoder
        self.dropout = nn.Dropout(_DROPOUT)
        self.classifier = nn.Linear(encoder.config.hidden_size, num_labels)

    @classmethod
    def from_pretrained(cls, source: str, num_labels: int, *, max_length: int) -> EncoderClassifier:
        """Load a pretrained encoder, and initialise the classifier at random.

        Args:
            source: A folder or a Hub id, with the weights as safetensors and a tokenizer.
            num_labels: Number of classes.
            max_length: Maximum number of tokens of a text, including `[CLS]` and `[SEP]`.

        Raises:
            ConfigError: If the encoder has fewer positions than `max_length`.
            ModelFolderError: If there is no such encoder, or it cannot be read.
            MissingExtraError: If `transformers` is not installed.
        """
        sep_token_id = find_sep_token(source)
        return cls(_load(source), num_labels, sep_token_id=sep_token_id, max_length=max_length)

    @classmethod
    def random_base(cls, num_labels: int, *, max_length: int = 512) -> EncoderClassifier:
        """Build an encoder of BERT base's size with random weights, to measure its cost.

        Raises:
            MissingExtraError: If `transformers` is not installed.
        """
        with extra_needed("transformers", "BERT"):
            from transformers import BertConfig, BertModel
        return cls(
            BertModel(BertConfig()),
            num_labels,
            sep_token_id=_BERT_SEP_TOKEN_ID,
            max_length=max_length,
        )

    @property
    def input_embedding(self) -> nn.Embedding:
        """The token table: its output is (texts, longest, width), padding included."""
        embedding: nn.Embedding = self.encoder.get_input_embeddings()
        return embedding

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
        output = self.encoder(input_ids=padded.ids, attention_mask=padded.mask.long())
        first = output.last_hidden_state[:, 0]  # (texts, width)
        logits: Tensor = self.classifier(self.dropout(first))
        return logits


def pretrained_embeddings(source: str) -> Tensor:
    """Load the token embeddings of a pretrained encoder.

    Args:
        source: As for `EncoderClassifier.from_pretrained`.

    Returns:
        The table, float32, (vocab, width).

    Raises:
        ModelFolderError: If there is no such encoder, or it cannot be read.
        MissingExtraError: If `transformers` is not installed.
    """
    table: Tensor = _load(source).get_input_embeddings().weight.detach()
    return table


def find_sep_token(source: str) -> int | None:
    """Return the id of the token that ends a text: `[SEP]` or RoBERTa's `</s>`; None without one.

    Args:
        source: A folder, a tokenizer file or a Hub id.

    Raises:
        ModelFolderError: If there is no tokenizer, or it cannot be read.
    """
    tokenizer = read_tokenizer(source)
    names = ("[SEP]", "</s>")
    return next((i for i in map(tokenizer.token_to_id, names) if i is not None), None)


def _load(source: str) -> PreTrainedModel:
    return read_pretrained(source, "AutoModel", "encoder", may_lack=("pooler.",))
