"""Use model folders with Hugging Face `transformers`: import this module, nothing else.

`AutoConfig`, `AutoModelForSequenceClassification`, `AutoTokenizer`, `pipeline` and `Trainer` then
load a folder that `wave-network train` wrote, or one on the Hub, without `trust_remote_code`.
`wave_network.load` reads what `save_pretrained` of the model and the tokenizer write.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wave_network.errors import ConfigError, extra_needed

with extra_needed("transformers", "wave_network.transformers"):
    import torch
    from torch import Tensor
    from torch.nn import functional as F
    from transformers import (
        AutoConfig,
        AutoModelForSequenceClassification,
        AutoTokenizer,
        PretrainedConfig,
        PreTrainedModel,
        PreTrainedTokenizerFast,
    )
    from transformers.modeling_outputs import SequenceClassifierOutput

from wave_network.config import ClassifierConfig
from wave_network.data.batch import PackedBatch
from wave_network.huggingface.ids import HUB_PREFIX
from wave_network.models.registry import build_model, config_class
from wave_network.models.torch_network import FixedTable
from wave_network.persistence.folder import read_model
from wave_network.persistence.format import CHECKSUMS, FORMAT_VERSION, MODEL_TYPE
from wave_network.training.losses import mean_binary_loss

_NETWORK = "network"


class WaveNetworkConfig(PretrainedConfig):
    """The `config.json` of a model folder.

    Args:
        architecture: `local-wave` or `wave`.
        model: The fields of `LocalWaveConfig` or `ModelConfig`, including the labels, from which
            `id2label` and `label2id` follow.
        preset: The preset of the model.
        training: The fields of its `TrainConfig`.
        quantization: `int8` or `int4` if the folder stores the tables in 8 or 4 bits.
        calibration: The `temperature` that divides the logits, except in training; None for 1. It
            stays the same when the model is trained further.
        format_version: The version of the folder's format.
        **kwargs: The arguments of every configuration of `transformers`.
    """

    model_type = MODEL_TYPE

    def __init__(
        self,
        architecture: str = "local-wave",
        model: Mapping[str, Any] | None = None,
        preset: str = "",
        training: Mapping[str, Any] | None = None,
        quantization: str | None = None,
        calibration: Mapping[str, float] | None = None,
        format_version: int = FORMAT_VERSION,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        kwargs.pop(CHECKSUMS, None)  # of the folder that was read, not of one that is written
        self.architecture = architecture
        self.model = dict(model or {})
        self.preset = preset
        self.training = dict(training or {})
        self.quantization = quantization
        self.calibration = None if calibration is None else dict(calibration)
        self.format_version = format_version
        if self.model:
            names = [str(label) for label in self.model["labels"]]
            kwargs["id2label"] = dict(enumerate(names))
            kwargs["label2id"] = {name: index for index, name in enumerate(names)}
            kwargs["pad_token_id"] = self.model["cls_token_id"]
            kwargs["problem_type"] = self.model.get("problem_type", "single_label_classification")
        super().__init__(**kwargs)

    def classifier(self) -> ClassifierConfig:
        """The model's shape.

        Raises:
            ConfigError: If the fields do not describe a model.
        """
        shape = config_class({"architecture": self.architecture}).from_dict(self.model)
        if self.num_labels != shape.num_labels:
            raise ConfigError(
                f"the model has {shape.num_labels} labels, not {self.num_labels}: set them in the "
                "configuration's `model`, from which `id2label` and `label2id` follow"
            )
        if shape.reads_sentences:
            raise ConfigError(
                "a model with sentence-level semantics cannot be used with transformers, whose "
                "inputs do not say where sentences start"
            )
        return shape


class WaveNetworkForSequenceClassification(PreTrainedModel):
    """A wave network with the interface of `transformers`: padded inputs, labels, a loss.

    Padding changes nothing: it is removed before the network sees the texts.

    Args:
        config: The folder's configuration.
    """

    config_class = WaveNetworkConfig
    base_model_prefix = _NETWORK

    def __init__(self, config: WaveNetworkConfig) -> None:
        super().__init__(config)
        shape = config.classifier()
        self._max_length, self._multi_label = shape.max_length, shape.is_multi_label
        self._temperature = (config.calibration or {}).get("temperature", 1.0)
        self.network = build_model(shape)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool | None = None,
        **_: Any,  # noqa: ANN401
    ) -> SequenceClassifierOutput | tuple[Tensor, ...]:
        """Classify padded texts.

        Args:
            input_ids: Token ids, (texts, length). Each text begins with the tokenizer's
                `cls_token`. Tokens beyond the model's maximum length are dropped.
            attention_mask: 1 for a token, 0 for padding, (texts, length); None: no padding.
            labels: To compute a loss: class indices, (texts,). For a multi-label model 1 for
                each label that a text has, else 0, (texts, labels).
            return_dict: False returns a tuple; else a `SequenceClassifierOutput` is returned.
            **_: Other arguments that a tokenizer or `Trainer` passes; ignored.

        Returns:
            `logits`, (texts, labels), and `loss` if there are labels: the cross-entropy (for a
            multi-label model the sum over a text's labels). In training it is the mean of the
            members' losses, because each member is trained by itself.
        """
        logits = self.network(_packed(input_ids, attention_mask, self._max_length))
        if not self.training:
            logits = logits / self._temperature
        loss = None
        members = logits if logits.ndim == 3 else logits.unsqueeze(0)  # (members, texts, labels)
        if labels is not None and self._multi_label:
            loss = mean_binary_loss(members, labels.to(members.dtype))
        elif labels is not None:
            loss = F.cross_entropy(members.flatten(0, 1), labels.repeat(len(members)))
        if logits.ndim == 3:
            logits = self.network.joint_logits(logits)
        if return_dict is False:
            return (logits,) if loss is None else (loss, logits)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    @classmethod
    def from_pretrained(  # noqa: D102
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> WaveNetworkForSequenceClassification:
        source, config = pretrained_model_name_or_path, kwargs.get("config")
        if source is not None and getattr(config, "quantization", None):
            # transformers cannot use tables in 8 or 4 bits: convert them to float32.
            revision = f"@{kwargs['revision']}" if kwargs.get("revision") else ""
            on_hub = f"{HUB_PREFIX}{source}{revision}"
            files = read_model(Path(source) if Path(source).is_dir() else on_hub)
            kwargs["state_dict"] = {
                f"{_NETWORK}.{name}": torch.from_numpy(value)
                for name, value in files.tensors.items()
            }
            kwargs["config"].quantization = None
            source = None
        model: WaveNetworkForSequenceClassification
        model = super().from_pretrained(source, *args, **kwargs)
        return model

    def save_pretrained(  # noqa: D102
        self,
        save_directory: str | os.PathLike[str],
        *args: Any,  # noqa: ANN401
        state_dict: dict[str, Tensor] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        state = self.state_dict() if state_dict is None else state_dict
        # With the names of the model folder; `from_pretrained` adds the prefix again.
        named = {name.removeprefix(f"{_NETWORK}."): value for name, value in state.items()}
        super().save_pretrained(save_directory, *args, state_dict=named, **kwargs)

    def load_state_dict(  # noqa: D102
        self,
        state_dict: Mapping[str, Any],
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        # `Trainer` passes the contents of a checkpoint file.
        prefix = f"{_NETWORK}."
        full = {prefix + name.removeprefix(prefix): value for name, value in state_dict.items()}
        return super().load_state_dict(full, *args, **kwargs)

    def _init_weights(self, module: torch.nn.Module) -> None:
        # The networks initialise themselves, but `from_pretrained` clears what no file has.
        if isinstance(module, FixedTable):
            module.reset()


def _packed(ids: Tensor, mask: Tensor | None, max_length: int) -> PackedBatch:
    mask = torch.ones_like(ids) if mask is None else mask.to(ids.dtype)
    kept = (mask > 0) & (mask.cumsum(dim=1) <= max_length)  # (texts, length)
    lengths = kept.sum(dim=1)
    if not bool(lengths.all()):
        raise ValueError("a text has no tokens: every text must begin with the cls_token")
    return PackedBatch(ids=ids[kept], offsets=F.pad(lengths.cumsum(dim=0), (1, 0)))


AutoConfig.register(MODEL_TYPE, WaveNetworkConfig)
AutoModelForSequenceClassification.register(WaveNetworkConfig, WaveNetworkForSequenceClassification)
AutoTokenizer.register(WaveNetworkConfig, fast_tokenizer_class=PreTrainedTokenizerFast)
