"""The model folder: write it atomically, and read it with every file checked.

`config.json`, `model.safetensors`, `tokenizer.json` and `README.md` are the model; `conformal.json`
has the conformal thresholds of its prediction sets, `out_of_scope.safetensors` what its
out-of-scope score needs; `history.jsonl` and `metrics.json` record how
it was trained; `tokenizer_config.json` is for Hugging Face's libraries. There is no code and no
pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wave_network._version import __version__
from wave_network.config import ClassifierConfig
from wave_network.errors import ConfigError, ModelFolderError, first_line
from wave_network.evaluation.out_of_scope import OutOfScope
from wave_network.huggingface.ids import HUB_PREFIX, hub_hint, split_revision
from wave_network.models.registry import config_class
from wave_network.models.tensor_spec import Tensors
from wave_network.models.tensors import tensor_specs
from wave_network.persistence import schema
from wave_network.persistence.contents import (
    check_description,
    check_finite,
    checksum,
    damage_named,
    is_language_model,
    parse_json,
    parse_object,
    parse_tensors,
    read_contents,
    read_file,
)
from wave_network.persistence.format import (
    CARD,
    CHECKED,
    CHECKSUMS,
    CONFIG,
    CONFORMAL,
    EXPORT,
    FASTTEXT_PRESET,
    FORMAT_VERSION,
    HISTORY,
    METRICS,
    MODEL_FILES,
    MODEL_TYPE,
    OUT_OF_SCOPE,
    TOKENIZER,
    TOKENIZER_CONFIG,
    WEIGHTS,
)
from wave_network.persistence.paths import expanded
from wave_network.persistence.quantization import (
    QUANTIZATIONS,
    dequantize_tensors,
    quantize_tensors,
    stored_forms,
)
from wave_network.persistence.tokenizers import AnyTokenizer, parse_tokenizer
from wave_network.text import TextTokenizer
from wave_network.text.fasttext_tokenizer import UNKNOWN, FastTextTokenizer

if TYPE_CHECKING:
    from wave_network.persistence.replaceable import FolderKind


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
        out_of_scope: What the out-of-scope score needs; None for a model without it.
    """

    config: ClassifierConfig
    tensors: Tensors
    tokenizer: AnyTokenizer
    preset: str
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    table_bits: int = 32
    temperature: float | None = None
    conformal_thresholds: list[float] | None = None
    out_of_scope: OutOfScope | None = None


def size_bytes(folder: Path) -> int:
    """Return the size of all files of a model's folder, or of its only file, in bytes."""
    if (path := expanded(folder)).is_file():
        return path.stat().st_size
    return sum(path.stat().st_size for path in expanded(folder).iterdir() if path.is_file())


def _is_model_folder(folder: Path) -> bool:
    """Whether `config.json` describes a Wave Network model: other projects use that name, too."""
    try:
        description = parse_object(read_file(folder / CONFIG), folder / CONFIG)
    except ModelFolderError:
        return False
    return description.get("model_type") == MODEL_TYPE and EXPORT not in description


def model_folder() -> FolderKind:
    """Return the kind of folder that may be replaced by a model."""
    from wave_network.persistence.replaceable import FolderKind  # reading needs nothing of writing

    return FolderKind("a model folder", MODEL_FILES, _is_model_folder)


def check_output(folder: Path, *, overwrite: bool) -> None:
    """Check before the work whether a model can be written here.

    Raises:
        OutputError: If the folder exists and must not be replaced, or cannot be made.
    """
    model_folder().check_output(folder, overwrite=overwrite)


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
        ConfigError: If the tables cannot be stored in 4 bits, or the weights are not finite.
        OutputError: As in `check_output`, or if the disk is full.
    """
    from safetensors.numpy import save

    from wave_network.persistence.atomic import replacing_folder

    check_output(folder, overwrite=overwrite)
    check_finite(files.tensors)
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
    check = model_folder().check_replaceable
    with replacing_folder(folder, overwrite=overwrite, check=check) as new:
        # Not `save_file`, whose error does not distinguish a full disk.
        (new / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
        files.tokenizer.save(new)
        if isinstance(files.tokenizer, TextTokenizer):
            write_json(new / TOKENIZER_CONFIG, tokenizer_config(files.tokenizer))
        write_json(new / METRICS, files.metrics)
        if files.conformal_thresholds is not None:
            write_text(new / CONFORMAL, json.dumps({"bars": files.conformal_thresholds}) + "\n")
        if files.out_of_scope is not None:
            (new / OUT_OF_SCOPE).write_bytes(save(files.out_of_scope.to_tensors()))
        write_text(new / HISTORY, "".join(json.dumps(record) + "\n" for record in history))
        write_text(new / CARD, card)
        written = [new / name for name in CHECKED if (new / name).exists()]
        checksums = {path.name: checksum(path.read_bytes()) for path in written}
        write_json(new / CONFIG, {**config, CHECKSUMS: checksums})


def tokenizer_config(tokenizer: AnyTokenizer) -> dict[str, Any]:
    """Return the settings that Hugging Face's `AutoTokenizer` reads, in Python and JavaScript."""
    if isinstance(tokenizer, TextTokenizer):
        # Padding is masked, so any token would do.
        special = {"cls_token": tokenizer.cls_token, "pad_token": tokenizer.cls_token}
    else:
        special = {"unk_token": UNKNOWN, "pad_token": UNKNOWN}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": tokenizer.max_length,
        "model_input_names": ["input_ids", "attention_mask"],
        **special,
        "padding_side": "right",
        "truncation_side": "right",
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,  # in a text, the name of a special token is just text
    }


def resolve_source(source: str | Path) -> Path:
    """Return the local folder of a model; one on the Hub is downloaded, or cached already.

    Args:
        source: A folder, `hub:OWNER/NAME`, or `hub:OWNER/NAME@REVISION`; or a model file of
            fastText, which is returned as it is.

    Raises:
        ModelFolderError: If there is no such folder, or it cannot be downloaded.
    """
    if not str(source).startswith(HUB_PREFIX):
        folder = expanded(Path(source))
        try:
            is_folder, exists = folder.is_dir(), folder.exists()
        except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
            raise ModelFolderError(f"{folder} cannot be read: {first_line(error)}") from error
        if exists and not is_folder:
            from wave_network.fasttext.file import is_fasttext_file

            if is_fasttext_file(folder):
                return folder
        if not is_folder:
            what = "is a file, not a model folder or fastText model" if exists else "does not exist"
            hint = "" if exists else hub_hint(source)
            raise ModelFolderError(
                f"{folder} {what}: give a folder that `train` wrote, or a file of fastText{hint}"
            )
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository, revision = split_revision(str(source).removeprefix(HUB_PREFIX))
    try:
        return Path(
            snapshot_download(
                repository,
                revision=revision,
                allow_patterns=[CONFIG, *CHECKED, METRICS, HISTORY],
            )
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelFolderError(
            f"cannot download {source} from the Hub, check its name and the network: "
            f"{first_line(error)}"
        ) from error


def read_model(source: str | Path) -> ModelFiles:
    """Read a model folder and check that its files fit together; or read a model file of fastText.

    Args:
        source: A folder, `hub:OWNER/NAME`, or `hub:OWNER/NAME@REVISION`; or a file that fastText
            wrote, `.bin` or `.ftz`.

    Raises:
        ModelFolderError: If it is missing or damaged, not a Wave Network model, or from a newer
            version.
    """
    folder = resolve_source(source)
    if folder.is_file():
        return read_fasttext(folder)
    description, contents = read_contents(folder)
    check_description(description, folder)
    if is_language_model(description):
        raise ModelFolderError(
            f"{folder} is a language model, not a classifier: use it with `wave-network generate`"
            " or `wave-network score`"
        )
    with damage_named(folder / CONFIG):
        config = config_class(description).from_dict(schema.section(description, "model"))
        training = schema.training_section(description)
        table_bits = schema.table_bits(description)
        temperature = schema.temperature(description)
        if not isinstance(preset := description.get("preset", ""), str):
            raise ConfigError("its preset is not a string")
    for name in (WEIGHTS, TOKENIZER):
        if name not in contents:
            raise ModelFolderError(f"{folder / name} is missing: the model folder is incomplete")
    return ModelFiles(
        config=config,
        tensors=_tensors(contents[WEIGHTS], folder / WEIGHTS, config, table_bits),
        tokenizer=parse_tokenizer(contents[TOKENIZER], folder / TOKENIZER, config),
        preset=preset,
        training=training,
        metrics=_metrics(contents.get(METRICS), folder / METRICS),
        table_bits=table_bits,
        temperature=temperature,
        conformal_thresholds=_conformal_thresholds(contents.get(CONFORMAL), folder / CONFORMAL),
        out_of_scope=_out_of_scope(contents.get(OUT_OF_SCOPE), folder / OUT_OF_SCOPE),
    )


def read_fasttext(path: Path) -> ModelFiles:
    """Read a model file of fastText as what a model folder holds.

    Raises:
        ModelFolderError: If it cannot be read, is damaged, or holds no classifier.
    """
    from wave_network.fasttext.file import config_of, read_file

    file = read_file(path)
    try:
        config = config_of(file)
        check_finite(file.tensors)
    except ConfigError as error:
        raise ModelFolderError(f"{path}: {error}") from error
    tokenizer = FastTextTokenizer(file.dictionary)
    return ModelFiles(config, file.tensors, tokenizer, FASTTEXT_PRESET, training={}, metrics={})


def read_history(source: str | Path) -> list[dict[str, Any]]:
    """Read the records of the epochs from `history.jsonl`; empty if there is none.

    Raises:
        ModelFolderError: If the folder is missing or the file is damaged.
    """
    folder = resolve_source(source)
    path = folder / HISTORY
    if folder.is_file() or not path.exists():
        return []
    _, contents = read_contents(folder, (HISTORY,))
    lines = contents.get(HISTORY, b"").removesuffix(b"\n")
    with damage_named(path):
        return [schema.check_record(parse_json(line, path)) for line in lines.split(b"\n") if lines]


def _metrics(content: bytes | None, path: Path) -> dict[str, Any]:
    if content is None:
        return {}
    metrics = parse_object(content, path)
    with damage_named(path):
        schema.check_metrics(metrics)
    return metrics


def _conformal_thresholds(content: bytes | None, path: Path) -> list[float] | None:
    if content is None:
        return None
    with damage_named(path):
        return schema.conformal_thresholds(parse_object(content, path))


def _out_of_scope(content: bytes | None, path: Path) -> OutOfScope | None:
    if content is None:
        return None
    with damage_named(path):
        return OutOfScope.from_tensors(parse_tensors(content, path))


def _tensors(content: bytes, path: Path, config: ClassifierConfig, table_bits: int) -> Tensors:
    tensors = parse_tensors(content, path)
    specs = tensor_specs(config)
    for name, (shape, dtype) in stored_forms(specs, table_bits).items():
        tensor = tensors.get(name)
        if tensor is None or tensor.shape != shape or tensor.dtype != dtype:
            raise ModelFolderError(f"{path} is damaged: no {dtype} tensor {name} of shape {shape}")
    with damage_named(path), np.errstate(all="ignore"):
        dequantized = dequantize_tensors(tensors, specs, table_bits)
        check_finite(dequantized)
    return dequantized


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, indented for people to read."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8."""
    # The name of a file may hold what UTF-8 cannot; in JSON the escape stands for the same.
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
