"""The interface of a model family: `Family`, and the protocols of the objects it builds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from wave_network.config import ClassifierConfig
from wave_network.models.numpy_ops import Floats, Integers, Wave
from wave_network.models.tensor_spec import Tensors, TensorSpec

if TYPE_CHECKING:
    from wave_network.export.graph import Graph
    from wave_network.models.torch_network import ClassifierNetwork

LogitsGradient: TypeAlias = Callable[[Floats], Floats]
"""Maps logits to the gradient of some function of them; both (texts, labels)."""


class NumpyNetwork(Protocol):
    """A network's forward pass on packed ids, without torch."""

    @property
    def config(self) -> ClassifierConfig:
        """The model's configuration."""

    @property
    def tokens_at_once(self) -> int:
        """How many tokens one call of `logits` best has at most."""

    def logits(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """Compute the class logits of packed texts.

        Args:
            ids: Token ids, (tokens,).
            offsets: (texts + 1,), no text empty.
            sentence_offsets: (sentences + 1,); needed if `config.reads_sentences`.

        Returns:
            float32, (texts, labels).
        """

    def embeddings(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """Compute a vector for each packed text that is near those of similar texts.

        Args:
            ids: As for `logits`.
            offsets: As for `logits`.
            sentence_offsets: As for `logits`.

        Returns:
            float32, (texts, dimensions); not normalised as a whole.
        """

    def waves(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> tuple[Wave, Wave]:
        """Compute both waves of every token in the first layer, before they are combined.

        Args:
            ids: As for `logits`.
            offsets: As for `logits`.
            sentence_offsets: As for `logits`.

        Returns:
            Z and Z', each of shape (tokens, hidden).
        """

    def variants(self, ids: Integers, offsets: Integers) -> Floats:
        """Compute u and v of every token in the first layer; concatenated, (tokens, 2 * hidden)."""


class TextFeatures(Protocol):
    """The features of packed texts: the logits depend on the tokens only through these.

    Attributes:
        features: Features of the texts, (members, texts, features).
        empty: Features of an empty text, (members, 1, features).
    """

    features: Floats
    empty: Floats

    def logits(self, features: Floats) -> Floats:
        """Compute the logits from features, (texts, labels)."""

    def gradient(self, features: Floats, at_logits: LogitsGradient) -> Floats:
        """Backpropagate the gradient of a function of the logits to the features, same shape."""

    def to_tokens(self, gradients: Floats) -> Floats:
        """Distribute the change of the features from `empty` among the tokens.

        Args:
            gradients: Attribution per unit of each feature, (members, texts, features).

        Returns:
            (tokens,); 0 for what an empty text has, too: `[CLS]`.
        """


@dataclass(frozen=True)
class Family:
    """A model family: its configuration class, and functions that build from a configuration.

    The functions import what they need when called, so a family can be described without torch.

    Attributes:
        config: The configuration class.
        tensor_specs: Return the spec of every stored tensor.
        description: Describe the shape in one line.
        torch_network: Build a torch network with random weights, drawn with the given seed, or by
            torch's global generator.
        numpy_network: Build a NumPy network from given weights.
        text_features: Compute the features of packed texts (ids, offsets, sentence offsets, the
            ids of an empty text) from a NumPy network, for attributions. Raises `ConfigError` for
            shapes that have none.
        onnx_logits: Append the network to an ONNX graph; return the name of its logits, (batch,
            labels).
    """

    config: type[ClassifierConfig]
    tensor_specs: Callable[[Any], tuple[TensorSpec, ...]]
    description: Callable[[Any], str]
    torch_network: Callable[[Any, int | None], ClassifierNetwork]
    numpy_network: Callable[[Any, Tensors], NumpyNetwork]
    text_features: Callable[[Any, Integers, Integers, Integers | None, Integers], TextFeatures]
    onnx_logits: Callable[[Graph, Any], str]
