"""The model folder: write it atomically, and read it with every file checked.

`config.json`, `model.safetensors`, `tokenizer.json` and `README.md` are the model; `conformal.json`
has the conformal thresholds of its prediction sets; `history.jsonl` and `metrics.json` record how
it was trained; `tokenizer_config.json` is for Hugging Face's libraries. There is no code and no
pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wave_network._version import __version__
from wave_network.config import ClassifierConfig
from wave_network.errors import ConfigError, ModelFolderError, OutputError
from wave_network.huggingface.ids import HUB_PREFIX
from wave_network.models.registry import config_class
from wave_network.models.tensor_spec import Tensors
from wave_network.models.tensors import tensor_specs
from wave_network.persistence.atomic import check_new, replacing_folder
from wave_network.persistence.format import (
    CARD,
    CONFIG,
    CONFORMAL,
    EXPORT,
    FORMAT_VERSION,
    HISTORY,
    METRICS,
    MODEL_TYPE,
    TOKENIZER,
    TOKENIZER_CONFIG,
    WEIGHTS,
)
from wave_network.persistence.quantization import (
    QUANTIZATIONS,
    dequantize_tensors,
    quantize_tensors,
    stored_forms,
)
from wave_network.text import TextTokenizer


@dataclass(frozen=True)
class ModelFiles:
    """The contents of a model folder.

    Attributes:
        config: The model's shape.
        tensors: Its weights, float32, with the names of `tensor_specs`.
        tokenizer: Its tokenizer.
        preset: The preset of the model.
        training: The fields of its `TrainConfig`.
        metrics: The contents of `metrics.json`; empty if there is none.
        table_bits: The bits of each number of the embedding tables in the folder: 32, 8 or 4.
        temperature: The logits are divided by it before the softmax. None, for a model that was
            not calibrated, means 1.
        conformal_thresholds: The conformal thresholds of prediction sets; None for a model without
            them.
    """

    config: ClassifierConfig
    tensors: Tensors
    tokenizer: TextTokenizer
    preset: str
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    table_bits: int = 32
    temperature: float | None = None
    conformal_thresholds: list[float] | None = None


def size_bytes(folder: Path) -> int:
    """Return the size of all files of the folder, in bytes."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def check_output(folder: Path, *, overwrite: bool) -> None:
    """Check before the work whether a model can be written here.

    Raises:
        OutputError: If the folder exists and must not be replaced, or cannot be made.
    """
    check_new(folder, overwrite=overwrite)
    if folder.exists() and _has_content(folder) and not _is_model_folder(folder):
        raise OutputError(f"{folder} is not a model folder, so it is not replaced: choose another")


def write_model(
    folder: Path,
    files: ModelFiles,
    *,
    card: str,
    history: list[dict[str, Any]],
    overwrite: bool = False,
) -> None:
    """Write a model folder, whole or not at all.

    Raises:
        ConfigError: If the tables cannot be stored in 4 bits.
        OutputError: As in `check_output`, or if the disk is full.
    """
    from safetensors.numpy import save

    check_output(folder, overwrite=overwrite)
    config = {
        "model_type": MODEL_TYPE,
        "format_version": FORMAT_VERSION,
        "library_version": __version__,
        "preset": files.preset,
        "architecture": files.config.architecture,
        "quantization": QUANTIZATIONS[files.table_bits],
        "calibration": files.temperature and {"temperature": files.temperature},
        "model": files.config.to_dict(),
        "training": dict(files.training),
    }
    tensors = quantize_tensors(files.tensors, tensor_specs(files.config), files.table_bits)
    with replacing_folder(folder) as new:
        # Not `save_file`, whose error does not distinguish a full disk.
        (new / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
        files.tokenizer.save(new)
        write_json(new / TOKENIZER_CONFIG, tokenizer_config(files.tokenizer))
        write_json(new / CONFIG, config)
        write_json(new / METRICS, files.metrics)
        if files.conformal_thresholds is not None:
            _write(new / CONFORMAL, json.dumps({"bars": files.conformal_thresholds}) + "\n")
        _write(new / HISTORY, "".join(json.dumps(record) + "\n" for record in history))
        _write(new / CARD, card)


def tokenizer_config(tokenizer: TextTokenizer) -> dict[str, Any]:
    """Return the settings that Hugging Face's `AutoTokenizer` reads, in Python and JavaScript."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": tokenizer.max_length,
        "model_input_names": ["input_ids", "attention_mask"],
        "cls_token": tokenizer.cls_token,
        "pad_token": tokenizer.cls_token,  # padding is masked, so any token would do
        "padding_side": "right",
        "truncation_side": "right",
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,  # in a text, the name of a special token is just text
    }


def resolve_source(source: str | Path) -> Path:
    """Return the local folder of a model; `hub:OWNER/NAME` is downloaded, or cached already.

    Raises:
        ModelFolderError: If there is no such folder, or it cannot be downloaded.
    """
    if not str(source).startswith(HUB_PREFIX):
        folder = Path(source)
        if not folder.is_dir():
            what = "is a file, not a model folder" if folder.exists() else "does not exist"
            raise ModelFolderError(f"{folder} {what}: give a folder that `train` wrote")
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository = str(source).removeprefix(HUB_PREFIX)
    try:
        return Path(
            snapshot_download(
                repository, allow_patterns=[CONFIG, WEIGHTS, TOKENIZER, CONFORMAL, METRICS, HISTORY]
            )
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else "no answer"
        raise ModelFolderError(
            f"cannot download {source} from the Hub, check its name and the network: {first_line}"
        ) from error


def read_model(source: str | Path) -> ModelFiles:
    """Read a model folder and check that its files fit together.

    Args:
        source: A folder, or `hub:OWNER/NAME`.

    Raises:
        ModelFolderError: If it is missing or damaged, not a Wave Network model, or from a newer
            version.
    """
    folder = resolve_source(source)
    description = _read_json(folder / CONFIG)
    if description.get("model_type") != MODEL_TYPE:
        raise ModelFolderError(f"{folder / CONFIG} does not describe a Wave Network model")
    if EXPORT in description:
        raise ModelFolderError(f"{folder} is an export: give the model folder it was made from")
    version = description.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ModelFolderError(
            f"{folder} has format {version}, newer than this version reads ({FORMAT_VERSION}): "
            "pip install --upgrade wave-network"
        )
    try:
        config = config_class(description).from_dict(_section(description, "model"))
        training = _section(description, "training")
        table_bits = _table_bits(description)
        temperature = _temperature(description)
    except ConfigError as error:
        raise ModelFolderError(f"{folder / CONFIG} is damaged: {error}") from error
    tokenizer = TextTokenizer.load(folder, config.max_length)
    if (tokenizer.vocab_size, tokenizer.cls_token_id) != (config.vocab_size, config.cls_token_id):
        raise ModelFolderError(f"{folder}: {TOKENIZER} and {CONFIG} belong to different models")
    metrics = folder / METRICS
    return ModelFiles(
        config=config,
        tensors=_read_tensors(folder / WEIGHTS, config, table_bits),
        tokenizer=tokenizer,
        preset=str(description.get("preset", "")),
        training=training,
        metrics=_read_json(metrics) if metrics.is_file() else {},
        table_bits=table_bits,
        temperature=temperature,
        conformal_thresholds=_read_conformal_thresholds(folder / CONFORMAL),
    )


def read_history(source: str | Path) -> list[dict[str, Any]]:
    """Read the records of the epochs from `history.jsonl`; empty if there is none.

    Raises:
        ModelFolderError: If the folder is missing or the file is damaged.
    """
    path = resolve_source(source) / HISTORY
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{path} is damaged: {error}") from error


def _table_bits(description: Mapping[str, Any]) -> int:
    name = description.get("quantization")
    for bits, known in QUANTIZATIONS.items():
        if name == known:
            return bits
    raise ConfigError(f"unknown quantization {name!r}: made by a newer version?")


def _temperature(description: Mapping[str, Any]) -> float | None:
    if description.get("calibration") is None:
        return None
    value = _section(description, "calibration").get("temperature")
    if not isinstance(value, (int, float)) or not 1e-3 <= value <= 1e3:
        raise ConfigError(f"the calibration's temperature is {value!r:.40}, which is not valid")
    return float(value)


def _read_conformal_thresholds(path: Path) -> list[float] | None:
    if not path.is_file():
        return None
    thresholds = _read_json(path).get("bars")
    if not isinstance(thresholds, list) or not all(
        isinstance(value, float | int) and 0 <= value <= 1 for value in thresholds
    ):
        raise ModelFolderError(f"{path} is damaged: its thresholds are not probabilities")
    return thresholds


def _read_tensors(path: Path, config: ClassifierConfig, table_bits: int) -> Tensors:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except FileNotFoundError as error:
        raise ModelFolderError(f"{path} is missing: the model folder is incomplete") from error
    except (SafetensorError, OSError, TypeError) as error:  # TypeError: a type that NumPy lacks
        raise ModelFolderError(f"{path} is damaged: {error}") from error
    specs = tensor_specs(config)
    for name, (shape, dtype) in stored_forms(specs, table_bits).items():
        tensor = tensors.get(name)
        if tensor is None or tensor.shape != shape or tensor.dtype != dtype:
            raise ModelFolderError(f"{path} is damaged: no {dtype} tensor {name} of shape {shape}")
    return dequantize_tensors(tensors, specs, table_bits)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelFolderError(
            f"{path} is missing: {path.parent} is not a model folder, or is incomplete"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise ModelFolderError(f"{path} is damaged: not a JSON object")
    return value


def _section(description: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = description.get(name, {})
    if not isinstance(value, dict):
        raise ConfigError(f"{name!r} is not an object")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, indented for people to read."""
    _write(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _has_content(folder: Path) -> bool:
    return not folder.is_dir() or any(folder.iterdir())


def _is_model_folder(folder: Path) -> bool:
    """Whether `config.json` describes a Wave Network model: other projects use that name, too."""
    try:
        return _read_json(folder / CONFIG).get("model_type") == MODEL_TYPE
    except ModelFolderError:
        return False
