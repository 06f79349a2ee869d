"""The folder of a language model: written and read as that of a classifier, with other contents.

`config.json`, `model.safetensors`, `tokenizer.json` and `README.md` are the model; `history.jsonl`
and `metrics.json` record its pretraining.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from wave_network._version import __version__
from wave_network.config.wave_lm import WaveLMConfig
from wave_network.errors import ModelFolderError
from wave_network.models.tensor_spec import Tensors
from wave_network.models.wave_lm.tensors import tensor_specs
from wave_network.persistence import schema
from wave_network.persistence.contents import (
    check_description,
    check_finite,
    checksum,
    damage_named,
    is_language_model,
    parse_tensors,
    read_contents,
)
from wave_network.persistence.folder import (
    check_output,
    model_folder,
    resolve_source,
    write_json,
    write_text,
)
from wave_network.persistence.format import (
    CARD,
    CHECKSUMS,
    CONFIG,
    FORMAT_VERSION,
    HISTORY,
    METRICS,
    MODEL_TYPE,
    TOKENIZER,
    WEIGHTS,
)
from wave_network.text.byte_level import ByteLevelTokenizer

_CARD: Final = """\
---
library_name: wave-network
pipeline_tag: {task}
tags:
- wave-network
- {task}
---

# A Wave Network language model

A Wave LM with {parameters:,} parameters, written by wave-network {version}: {layers} layers of
{hidden} dimensions, {pieces:,} pieces of bytes. {what}

It was pretrained on {training_bytes:,} bytes of text, for {steps:,} steps. On held-out text of the
same files it needs {bits:.3f} bits a byte{known}.

## Use

```
pip install wave-network
{generate}wave-network score {source} --input texts.txt
```

## Limits

- It imitates its training texts, including their biases and falsehoods.
- Its figure holds for text like its training texts.
"""


@dataclass(frozen=True)
class LanguageModelFiles:
    """The contents of a language model's folder.

    Attributes:
        config: The model's shape.
        tensors: Its weights, float32, with the names of `tensor_specs`.
        tokenizer: Its tokenizer.
        training: The fields of its `PretrainConfig`.
    """

    config: WaveLMConfig
    tensors: Tensors
    tokenizer: ByteLevelTokenizer
    training: Mapping[str, Any]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(prod(spec.shape) for spec in tensor_specs(self.config))


def write_language_model(
    folder: Path,
    files: LanguageModelFiles,
    metrics: Mapping[str, Any],
    history: list[dict[str, Any]],
    *,
    overwrite: bool = False,
) -> None:
    """Write the folder of a language model, whole or not at all.

    Args:
        folder: Where to write it.
        files: The model.
        metrics: The contents of `metrics.json`: `steps`, `training_bytes`, `validation`.
        history: The records of `history.jsonl`.
        overwrite: Replace a model that is there.

    Raises:
        ConfigError: If the weights are not finite.
        OutputError: If the folder exists and must not be replaced, or the disk is full.
    """
    from safetensors.numpy import save

    from wave_network.persistence.atomic import replacing_folder

    check_output(folder, overwrite=overwrite)
    check_finite(files.tensors)
    check = model_folder().check_replaceable
    with replacing_folder(folder, overwrite=overwrite, check=check) as new:
        (new / WEIGHTS).write_bytes(save(files.tensors))
        (new / TOKENIZER).write_bytes(files.tokenizer.to_json())
        write_json(new / METRICS, metrics)
        write_text(new / HISTORY, "".join(json.dumps(record) + "\n" for record in history))
        write_text(new / CARD, _card(folder, files, metrics))
        config = {
            "model_type": MODEL_TYPE,
            "format_version": FORMAT_VERSION,
            "library_version": __version__,
            "architecture": files.config.architecture,
            "model": files.config.to_dict(),
            "training": dict(files.training),
            CHECKSUMS: {name: checksum((new / name).read_bytes()) for name in (WEIGHTS, TOKENIZER)},
        }
        write_json(new / CONFIG, config)


def read_language_model(source: str | Path) -> LanguageModelFiles:
    """Read the folder of a language model and check that its files fit together.

    Args:
        source: A folder, `hub:OWNER/NAME`, or `hub:OWNER/NAME@REVISION`.

    Raises:
        ModelFolderError: If it is missing or damaged, no language model, or from a newer version.
    """
    folder = resolve_source(source)
    description, contents = read_contents(folder, (WEIGHTS, TOKENIZER))
    check_description(description, folder)
    if not is_language_model(description):
        raise ModelFolderError(
            f"{folder} is a classifier, not a language model: use it with `wave-network predict`"
        )
    for name in (WEIGHTS, TOKENIZER):
        if name not in contents:
            raise ModelFolderError(f"{folder / name} is missing: the model folder is incomplete")
    with damage_named(folder / CONFIG):
        config = WaveLMConfig.from_dict(schema.section(description, "model"))
        training = schema.section(description, "training")
    tokenizer = ByteLevelTokenizer.parse(contents[TOKENIZER], folder / TOKENIZER)
    if tokenizer.start != config.start_id:
        raise ModelFolderError(f"{folder}: {TOKENIZER} and {CONFIG} belong to different models")
    return LanguageModelFiles(
        config=config,
        tensors=_tensors(contents[WEIGHTS], folder / WEIGHTS, config),
        tokenizer=tokenizer,
        training=training,
    )


def _tensors(content: bytes, path: Path, config: WaveLMConfig) -> Tensors:
    tensors = parse_tensors(content, path)
    for spec in tensor_specs(config):
        tensor = tensors.get(spec.name)
        if tensor is None or tensor.shape != spec.shape or tensor.dtype != np.float32:
            raise ModelFolderError(
                f"{path} is damaged: no float32 tensor {spec.name} of shape {spec.shape}"
            )
    with damage_named(path):
        check_finite(tensors)
    return tensors


def _card(folder: Path, files: LanguageModelFiles, metrics: Mapping[str, Any]) -> str:
    config, generate = files.config, ""
    if config.masked:
        task, what = "fill-mask", "It predicts hidden tokens\nfrom those on both sides."
    else:
        task = "text-generation"
        what = (
            f"It generates with a state of {4 * config.state_size:,} bytes,\n"
            "however long the text is."
        )
        generate = f'wave-network generate {folder.name} "Once upon a time"\n'
    return _CARD.format(
        task=task,
        what=what,
        generate=generate,
        parameters=files.parameters,
        version=__version__,
        layers=config.num_layers,
        hidden=config.hidden_size,
        pieces=files.tokenizer.start,
        training_bytes=metrics["training_bytes"],
        steps=metrics["steps"],
        bits=metrics["validation"]["bits_per_byte"],
        known=" for hidden tokens, with both sides known" if config.masked else "",
        source=folder.name,
    )
