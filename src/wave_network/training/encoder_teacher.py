"""Teachers that are sequence classifiers of `transformers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.errors import ConfigError, ModelFolderError, first_line
from wave_network.huggingface.pretrained import place_of, read_pretrained, silence

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

_BATCH_SIZE: Final = 32
_MOST_TOKENS: Final = 512  # some models read thousands, at a cost that grows as their square
_CHARACTERS_PER_TOKEN: Final = 64  # longer texts are cut before they are tokenised


class TransformerTeacher:
    """A sequence classifier of `transformers`.

    Args:
        source: A folder or a Hub id, with the weights as safetensors and a tokenizer.
        device: The device for the model.

    Raises:
        ModelFolderError: If the model is missing or cannot be read.
        ConfigError: If it is not a single-label classifier.
        MissingExtraError: If `transformers` is not installed.
    """

    def __init__(self, source: str, device: torch.device) -> None:
        model = read_pretrained(source, "AutoModelForSequenceClassification", "classifier")
        config = model.config
        if config.num_labels < 2 or config.problem_type == "multi_label_classification":
            raise ConfigError(f"the teacher {source} is not a single-label classifier: use one")
        try:
            self.labels: list[Label] = [config.id2label[i] for i in range(config.num_labels)]
        except (TypeError, LookupError) as error:
            raise ModelFolderError(f"{source} does not name its classes (id2label)") from error
        self._tokenizer = _read_tokenizer(source)
        self._max_length = _max_length(config, self._tokenizer)
        self._model = model.to(device).eval()
        self._device = device

    @torch.inference_mode()
    def predict_proba(self, texts: list[str]) -> NDArray[np.float32]:
        """Predict probabilities, (texts, classes), from the beginning of each text."""
        beginnings = [text[: _CHARACTERS_PER_TOKEN * self._max_length] for text in texts]
        # Batch texts of similar length, for little padding.
        order = sorted(range(len(texts)), key=lambda index: len(beginnings[index]))
        result = np.empty((len(texts), len(self.labels)), np.float32)
        for start in range(0, len(order), _BATCH_SIZE):
            chosen = order[start : start + _BATCH_SIZE]
            inputs = self._tokenizer(
                [beginnings[index] for index in chosen],
                truncation=True,
                max_length=self._max_length,
                padding=True,
                return_tensors="pt",
            )
            logits = self._model(**inputs.to(self._device)).logits
            result[chosen] = logits.softmax(dim=1).cpu().numpy()
        return result


def _read_tokenizer(source: str) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    place, revision = place_of(source)
    try:
        with silence():
            tokenizer: Any = AutoTokenizer.from_pretrained(
                place, revision=revision, trust_remote_code=False
            )
    except Exception as error:  # transformers lets whatever goes wrong through
        raise ModelFolderError(
            f"{source} has no tokenizer that can be read: {first_line(error)}"
        ) from error
    # Without a vocabulary, `transformers` returns a tokenizer of special tokens only.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise ModelFolderError(f"{source} has no tokenizer: save it there, too")
    if tokenizer.pad_token is None:
        raise ModelFolderError(f"{source}: its tokenizer names no padding token (pad_token)")
    return tokenizer


def _max_length(config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the maximum number of tokens of a text, at most 512."""
    positions = getattr(config, "max_position_embeddings", _MOST_TOKENS)
    if config.model_type in ("camembert", "mpnet", "roberta", "xlm-roberta"):
        positions -= config.pad_token_id + 1  # their positions start there
    return int(min(positions, tokenizer.model_max_length, _MOST_TOKENS))
