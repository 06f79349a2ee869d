"""What a model family offers: one `Family` each, and the protocols of what it builds."""

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
"""The gradient of a function of the logits, at given logits; both (texts, labels)."""


class NumpyNetwork(Protocol):
    """A network's forward pass on packed ids, without torch."""

    @property
    def config(self) -> ClassifierConfig:
        """The model's shape."""

    def logits(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """Class logits of packed texts.

        Args:
            ids: (tokens,).
            offsets: (texts + 1,), no text empty.
            sentence_offsets: (sentences + 1,); needed if `config.reads_sentences`.

        Returns:
            float32, (texts, labels).
        """

    def waves(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> tuple[Wave, Wave]:
        """The first layer's two waves of every token, before they are combined.

        Args:
            ids: As for `logits`, like the other arguments.
            offsets: Likewise.
            sentence_offsets: Likewise.

        Returns:
            Z and Z', each of shape (tokens, hidden).
        """

    def variants(self, ids: Integers, offsets: Integers) -> Floats:
        """The first layer's u and v of every token, side by side, (tokens, 2 * hidden)."""


class TextFeatures(Protocol):
    """The features of packed texts, through which their tokens reach the logits.

    Attributes:
        features: (members, texts, features).
        empty: Those of a text without tokens, `[CLS]` alone, (members, 1, features).
    """

    features: Floats
    empty: Floats

    def logits(self, features: Floats) -> Floats:
        """The network's logits of features, (texts, labels)."""

    def gradient(self, features: Floats, at_logits: LogitsGradient) -> Floats:
        """The gradient, at features, of a function of the logits; of the features' shape."""

    def to_tokens(self, gradients: Floats) -> Floats:
        """Distribute the change of the features from `empty` among the tokens.

        Args:
            gradients: What a unit of each feature is worth, (members, texts, features).

        Returns:
            (tokens,); 0 for `[CLS]`.
        """


@dataclass(frozen=True)
class Family:
    """A model family: its configuration, and what is built from one.

    The builders import what they need when they are called: a family can be described without
    torch, and explained or exported only where that is asked for.

    Attributes:
        config: Its configuration's class; the other attributes take one of these.
        tensor_specs: Every stored tensor.
        description: Its shape in one line.
        torch_network: A network at its random start.
        numpy_network: The network of given weights, without torch.
        text_features: The features of packed texts (ids, offsets, sentence offsets) of a NumPy
            network of this family, for attributions. Raises a `ConfigError` where a shape has none.
        onnx_logits: Append the network to an ONNX graph, and name its logits, (batch, labels).
    """

    config: type[ClassifierConfig]
    tensor_specs: Callable[[Any], tuple[TensorSpec, ...]]
    description: Callable[[Any], str]
    torch_network: Callable[[Any], ClassifierNetwork]
    numpy_network: Callable[[Any, Tensors], NumpyNetwork]
    text_features: Callable[[Any, Integers, Integers, Integers | None], TextFeatures]
    onnx_logits: Callable[[Graph, Any], str]
